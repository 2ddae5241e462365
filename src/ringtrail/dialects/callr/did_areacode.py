"""Service `did/areacode`: where there are numbers for sale.

[inferred]: a country that is no ISO 3166-1 code is INVALID_PARAM_FORMAT, one without numbers has empty lists; the labels of the
types; countries, types and areas of which everything is sold or held stay in the lists, with zeros.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import msgspec
from babel import Locale
from phonenumbers import SUPPORTED_REGIONS

from ringtrail.dialects.callr.parameters import Asking, bad_format
from ringtrail.model.number import AreaCode, Availability

TYPE_LABELS = {
    "GEOGRAPHIC": "Geographic",
    "MOBILE": "Mobile",
    "NON-GEOGRAPHIC": "Non-geographic",
    "PERSONAL": "Personal",
    "PLATFORM": "Platform",
    "SHAREDREVENUE": "Shared revenue",
    "SMS-ONLY": "SMS only",
    "SPECIAL": "Special",
    "TOLLFREE": "Toll-free",
    "VERIFIED": "Verified",
}


class Available(msgspec.Struct):
    CLASSIC: int
    GOLD: int


class DidCountry(msgspec.Struct):
    available: Available
    code: str
    label: str


class DidType(msgspec.Struct):
    available: Available
    code: str
    label: str


class DidAreaCode(msgspec.Struct):
    available: Available
    country_code: str
    id: int
    intl_prefix: str
    label: str
    local_prefix: str
    type: str


async def country(asking: Asking, path: str, value: object) -> str:
    """A country's ISO 3166-1 alpha-2 code."""
    if not isinstance(value, str) or value not in SUPPORTED_REGIONS:
        raise bad_format(path)
    return value


async def countries(asking: Asking) -> list[DidCountry]:
    areas = await asking.services.stock.areas()
    codes = sorted({area.country for area, _ in areas})
    return [
        DidCountry(
            available=_sum(free for area, free in areas if area.country == code), code=code, label=country_name(code)
        )
        for code in codes
    ]


async def types(asking: Asking, country_code: str) -> list[DidType]:
    areas = await asking.services.stock.areas(country_code)
    codes = sorted({area.line_type for area, _ in areas})
    return [
        DidType(
            available=_sum(free for area, free in areas if area.line_type == code), code=code, label=TYPE_LABELS[code]
        )
        for code in codes
    ]


async def get_list(asking: Asking, country_code: str, line_type: str | None) -> list[DidAreaCode]:
    return [_shown(area, free) for area, free in await asking.services.stock.areas(country_code, line_type)]


def _shown(area: AreaCode, free: Availability) -> DidAreaCode:
    return DidAreaCode(
        available=_sum([free]), country_code=area.country, id=area.id, intl_prefix=area.intl_prefix, label=area.label,
        local_prefix=area.local_prefix, type=area.line_type,
    )  # fmt: skip


def _sum(parts: Iterable[Availability]) -> Available:
    items = list(parts)
    return Available(CLASSIC=sum(item.classic for item in items), GOLD=sum(item.gold for item in items))


@cache
def country_name(code: str, language: str = "en") -> str:
    return str(Locale(language).territories.get(code, code))
