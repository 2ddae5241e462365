"""Service `analytics/calls`: which apps, numbers, countries and destinations have the most.

Exact to the second, like the CDRs of the range: `count`, `credit` and `debit` add up to theirs.
[inferred]: the order's words but DURATION; the greatest comes first; 1 to 1,000 entries; what is not known is an entry of
its own, with null, so that nothing is left out; `cli_countries` are those of callers, `outbound_countries` of targets; a
destination is the label of the rate; a DID's label that of its calls.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ringtrail.dialects.callr.parameters import Asking, Check, bad_format
from ringtrail.dialects.callr.vocabulary import cents_4
from ringtrail.model.sums import Group, GroupSums, Order

SORTS: dict[str, Order] = {
    "ALOC": Order.AVERAGE,
    "COUNT": Order.CALLS,
    "CREDIT": Order.CREDIT,
    "DEBIT": Order.DEBIT,
    "DURATION": Order.SECONDS,
}
MOST = 1000
_APP_GROUPS = {"IN": Group.CALL_APP, "OUT": Group.LEG_APP}


class CallsOfApp(msgspec.Struct):
    aloc: int
    count: int
    credit: str
    debit: str
    duration: int
    hash: str | None


class CallsOfCountry(msgspec.Struct):
    aloc: int
    count: int
    country_code: str | None
    credit: str
    debit: str
    duration: int


class CallsOfDestination(msgspec.Struct):
    aloc: int
    billing_label: str | None
    count: int
    credit: str
    debit: str
    duration: int


class CallsOfDid(msgspec.Struct):
    aloc: int
    billing_label: str | None
    count: int
    credit: str
    debit: str
    duration: int
    hash: str
    intl: str | None


def up_to(most: int) -> Check:
    async def check(asking: Asking, path: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise bad_format(path)
        return value

    check.__doc__ = f"A number from 1 to {most}."
    return check


async def top_apps(
    asking: Asking, type_: str, sort: str, from_at: datetime, to_at: datetime, limit: int
) -> list[CallsOfApp]:
    """The apps with the most calls, or the most calls to targets. Null: calls that no app had."""
    found = await _top(asking, _APP_GROUPS[type_], sort, from_at, to_at, limit)
    return [CallsOfApp(hash=sums.key, **_amounts(sums)) for sums in found]


async def inbound_did(asking: Asking, sort: str, from_at: datetime, to_at: datetime, limit: int) -> list[CallsOfDid]:
    """The numbers that were called most."""
    found = await _top(asking, Group.CALL_DID, sort, from_at, to_at, limit)
    dids, _ = await asking.services.numbers.find(asking.account.id)
    numbers = {did.hash: did.number_e164 for did in dids}
    return [
        CallsOfDid(billing_label=sums.label, hash=sums.key, intl=numbers.get(sums.key), **_amounts(sums))
        for sums in found
    ]


async def outbound_countries(
    asking: Asking, sort: str, from_at: datetime, to_at: datetime, limit: int
) -> list[CallsOfCountry]:
    """The countries of the targets that were called."""
    return _countries(await _top(asking, Group.LEG_COUNTRY, sort, from_at, to_at, limit))


async def cli_countries(
    asking: Asking, sort: str, from_at: datetime, to_at: datetime, limit: int
) -> list[CallsOfCountry]:
    """The countries of the callers. Null: of those that are not known, or hid their number."""
    return _countries(await _top(asking, Group.CALL_COUNTRY, sort, from_at, to_at, limit))


async def outbound_destinations(
    asking: Asking, sort: str, from_at: datetime, to_at: datetime, limit: int
) -> list[CallsOfDestination]:
    """What the calls to targets were charged as. Null: nothing."""
    found = await _top(asking, Group.LEG_LABEL, sort, from_at, to_at, limit)
    return [CallsOfDestination(billing_label=sums.key, **_amounts(sums)) for sums in found]


def _countries(found: list[GroupSums]) -> list[CallsOfCountry]:
    return [CallsOfCountry(country_code=sums.key, **_amounts(sums)) for sums in found]


async def _top(
    asking: Asking, group: Group, sort: str, from_at: datetime, to_at: datetime, limit: int
) -> list[GroupSums]:
    analytics = asking.services.analytics
    return await analytics.by_group(asking.account.id, group, from_at, to_at, order=SORTS[sort], limit=limit)


def _amounts(sums: GroupSums) -> dict[str, Any]:
    return {
        "aloc": sums.average_s, "count": sums.calls, "credit": cents_4(sums.credit_micro),
        "debit": cents_4(sums.debit_micro), "duration": sums.connected_s,
    }  # fmt: skip
