"""What one ended call adds to the hourly rollups. Pure: adding it and taking it away again leaves nothing.

Dimensions of all calls: `account` (key ''), `property`, `source`, `disposition`; of calls that came in: `inbound`
(key ''), `app`, `did` (key DID/label of the rate); of the legs that we dialled: `outbound` (key ''), `outbound_to` (key
app/country/label). What is not known is empty; a label may hold slashes, nothing before it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from ringtrail.model.call import Call, Leg
from ringtrail.model.money import CENT


class RollupKey(NamedTuple):
    account_id: int
    dimension: str
    key: str
    hour_at: datetime  # UTC, minutes and seconds zero


class RollupSums(NamedTuple):
    calls: int
    answered: int
    ring_s: int
    talk_s: int
    total_s: int
    connected_s: int
    handled_s: int
    billed_s: int
    revenue_minor: int
    credit_micro: int
    debit_micro: int

    def __neg__(self) -> RollupSums:
        return RollupSums(*(-value for value in self))


def contribution(call: Call, revenue_minor: int = 0) -> Iterator[tuple[RollupKey, RollupSums]]:
    """The rollup rows that an ended call adds; none while it is in progress."""
    if not call.ended:
        return
    sums = _of_call(call, revenue_minor)
    for dimension, key in _dimensions(call):
        yield RollupKey(call.account_id, dimension, key, _hour(call.started_at)), sums
    for leg in filter(call.dialled, call.legs):
        sums, to = _of_leg(leg), f"{call.app_hash or ''}/{leg.number_country or ''}/{leg.cost_label or ''}"
        yield RollupKey(call.account_id, "outbound", "", _hour(leg.started_at)), sums
        yield RollupKey(call.account_id, "outbound_to", to, _hour(leg.started_at)), sums


def _dimensions(call: Call) -> Iterator[tuple[str, str]]:
    yield "account", ""
    yield "property", str(call.property_id)
    yield "source", call.attribution.source or ""
    yield "disposition", call.disposition
    if call.came_in:
        yield "inbound", ""
        yield "app", call.app_hash or ""
        yield "did", f"{call.did_hash}/{call.cost_label or ''}"


def _of_call(call: Call, revenue_minor: int) -> RollupSums:
    """The debit is that of its rate, or without one the cost that was noted on it."""
    noted = max(0, -revenue_minor) * CENT
    return RollupSums(
        calls=1,
        answered=int(call.answered_at is not None),
        ring_s=call.ring_s,
        talk_s=call.talk_s,
        total_s=call.total_s,
        connected_s=call.connected_s,
        handled_s=call.handled_s,
        billed_s=call.billed_s,
        revenue_minor=revenue_minor,
        credit_micro=max(0, revenue_minor) * CENT,
        debit_micro=noted if call.debit_micro is None else call.debit_micro,
    )


def _of_leg(leg: Leg) -> RollupSums:
    return RollupSums(
        calls=1,
        answered=int(leg.answered_at is not None),
        ring_s=0,
        talk_s=leg.talk_s,
        total_s=leg.total_s,
        connected_s=leg.talk_s,
        handled_s=leg.talk_s,
        billed_s=leg.talk_s,
        revenue_minor=0,
        credit_micro=0,
        debit_micro=leg.debit_micro or 0,
    )


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def merge(rows: Iterable[tuple[RollupKey, RollupSums]]) -> dict[RollupKey, RollupSums]:
    """Rows with the same key added up."""
    merged: dict[RollupKey, RollupSums] = {}
    for key, sums in rows:
        known = merged.get(key)
        merged[key] = sums if known is None else RollupSums(*(a + b for a, b in zip(known, sums, strict=True)))
    return merged
