"""Service `list`: countries, time zones, and what a number is. Nothing is typed here: ISO 3166, CLDR, the time zone database and
the number plans say it, as their packages have them.

[inferred]: the id of a time zone is made of its name, so that it outlives new versions of the database, and `dst` is "1" where
clocks change; `country_label` is lower case as the object reference says, languages, neighbours and lengths are separated by
commas; `capital_code` is not known and null. A number that is none has `is_valid` false and nothing else, whatever it is
written in; national numbers are read as the account's country writes them.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import phonenumbers
from babel import Locale
from babel.dates import get_timezone_location, get_timezone_name
from babel.languages import get_official_languages
from babel.numbers import get_territory_currencies
from countryinfo import CountryInfo

from ringtrail.dialects.callr.parameters import Asking
from ringtrail.services.numbers import facts_of, national_format, to_e164

_CONTINENTS = {"Africa": "AF", "Antarctica": "AN", "Asia": "AS", "Europe": "EU", "Oceania": "OC"}
_SOUTH_AMERICA = "South America"


class Country(msgspec.Struct):
    capital_code: str | None
    continent_code: str | None
    country_code: str
    country_dialcode: str | None
    country_en_label: str
    country_fr_label: str
    country_label: str
    country_languages: str
    country_latitude: str | None
    country_localcode: str | None
    country_longitude: str | None
    country_neighbours: str
    country_number_length: str | None
    country_tld: str | None
    currency_code: str | None


class Timezone(msgspec.Struct):
    country_codes: list[str]
    dst: str
    iana: str
    iana_names: list[str]
    id: int
    label: str


class NumberInfos(msgspec.Struct):
    country_code: str | None = None
    intl_code: str | None = None
    intl_number: str | None = None
    is_valid: bool = False
    local_number: str | None = None
    local_prefix: str | None = None
    location: str | None = None
    type: str | None = None


async def countries(asking: Asking) -> dict[str, Country]:
    return await asyncio.to_thread(all_countries)


async def timezones(asking: Asking) -> dict[int, Timezone]:
    return await asyncio.to_thread(all_timezones)


async def written(asking: Asking, path: str, value: Any) -> str | None:
    """A number in whatever form; None for what has none."""
    return str(value) if isinstance(value, str | int) else None


async def number_infos(asking: Asking, text: str | None) -> NumberInfos:
    number = to_e164(text, asking.account.country)
    parsed = phonenumbers.parse(number) if number else None
    if number is None or parsed is None or not phonenumbers.is_valid_number(parsed):
        return NumberInfos()
    facts, local = facts_of(number), re.sub(r"\D", "", national_format(number))
    return NumberInfos(
        country_code=facts.country, intl_code=str(parsed.country_code), intl_number=number, is_valid=True,
        local_number=local, local_prefix=local.removesuffix(phonenumbers.national_significant_number(parsed)),
        location=facts.region, type=facts.line_type,
    )  # fmt: skip


# --- countries ------------------------------------------------------------------------------------------------------


@cache
def all_countries() -> dict[str, Country]:
    facts = {code: CountryInfo(code).info() for code in sorted(_iso_codes())}
    by_alpha3 = {known["ISO"]["alpha3"]: code for code, known in facts.items()}
    return {code: _country(code, known, by_alpha3) for code, known in facts.items()}


def _iso_codes() -> Iterator[str]:
    for line in _table("iso3166.tab"):
        yield line[0]


def _table(name: str) -> Iterator[list[str]]:
    """Rows of a table of the time zone database."""
    for line in files("tzdata.zoneinfo").joinpath(name).read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def _country(code: str, known: Mapping[str, Any], by_alpha3: dict[str, str]) -> Country:
    names, currencies = Locale("en").territories, get_territory_currencies(code)
    latitude, longitude = _place(known)
    dial_code = phonenumbers.country_code_for_region(code)
    return Country(
        capital_code=None,
        continent_code=_continent(known),
        country_code=code,
        country_dialcode=str(dial_code) if dial_code else None,
        country_en_label=names[code].upper(),
        country_fr_label=Locale("fr").territories[code].upper(),
        country_label=names[code].lower(),
        country_languages=",".join(get_official_languages(code, de_facto=True)),
        country_latitude=latitude,
        country_localcode=phonenumbers.ndd_prefix_for_region(code, True) or None,
        country_longitude=longitude,
        country_neighbours=",".join(by_alpha3[item] for item in known.get("borders") or () if item in by_alpha3),
        country_number_length=_lengths(code),
        country_tld=next(iter(known.get("tld") or ()), None),
        currency_code=currencies[0] if currencies else None,
    )


def _place(known: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Latitude and longitude of its middle, or else of its capital."""
    for pair in (known.get("latlng"), known.get("capital_latlng")):
        if pair and len(pair) == 2:
            return str(pair[0]), str(pair[1])
    return None, None


def _continent(known: Mapping[str, Any]) -> str | None:
    if known.get("region") == "Americas":
        return "SA" if known.get("intermediateregion") == _SOUTH_AMERICA else "NA"
    return _CONTINENTS.get(known.get("region") or known["name"])


def _lengths(code: str) -> str | None:
    """Of national numbers, without what is dialled before them."""
    plan = phonenumbers.PhoneMetadata.metadata_for_region(code, None)
    return ",".join(map(str, plan.general_desc.possible_length)) if plan and plan.general_desc else None


# --- time zones -----------------------------------------------------------------------------------------------------


@cache
def all_timezones() -> dict[int, Timezone]:
    aliases = _aliases()
    countries = {name: codes.split(",") for codes, _, name, *_ in _table("zone1970.tab")} | {"Etc/UTC": []}
    zones = (_timezone(name, codes, aliases[name]) for name, codes in sorted(countries.items()))
    return {zone.id: zone for zone in zones}


def _aliases() -> defaultdict[str, list[str]]:
    """Other names of each zone: the links of the database."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in files("tzdata.zoneinfo").joinpath("tzdata.zi").read_text().splitlines():
        if line.startswith("L "):
            _, target, name = line.split()
            found[target].append(name)
    return found


def _timezone(name: str, codes: list[str], aliases: list[str]) -> Timezone:
    label, city = get_timezone_name(name, locale="en"), get_timezone_location(name, locale="en", return_city=True)
    return Timezone(
        country_codes=codes, dst="1" if _changes(name) else "0", iana=name, iana_names=sorted(aliases),
        id=zone_id(name), label=f"{label} ({city})" if codes else name.rpartition("/")[2],
    )  # fmt: skip


def zone_id(name: str) -> int:
    """31 bits."""
    return zlib.crc32(name.encode()) >> 1


def _changes(name: str) -> bool:
    """Whether its clocks change within this year."""
    year, zone = datetime.now(UTC).year, ZoneInfo(name)
    return len({datetime(year, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)}) > 1
