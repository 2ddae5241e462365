"""What one ended call adds to the hourly rollups. Pure: adding it and taking it away again leaves nothing.

Dimensions: `account` (key ''), `property`, `did`, `app`, `source`, `disposition`, `inbound` (key '', calls that we did not
place), and `outbound` (key '', counts the legs that we dialled).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from ringtrail.model.call import Call


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

    def __neg__(self) -> RollupSums:
        return RollupSums(*(-value for value in self))


def contribution(call: Call, revenue_minor: int = 0) -> Iterator[tuple[RollupKey, RollupSums]]:
    """The rollup rows that an ended call adds; none while it is in progress."""
    if not call.ended:
        return
    hour_at = call.started_at.replace(minute=0, second=0, microsecond=0)
    answered = int(call.answered_at is not None)
    sums = RollupSums(
        1,
        answered,
        call.ring_s,
        call.talk_s,
        call.total_s,
        call.connected_s,
        call.handled_s,
        call.billed_s,
        revenue_minor,
    )
    for dimension, key in (
        ("account", ""),
        ("property", str(call.property_id)),
        ("did", call.did_hash),
        ("app", call.app_hash or ""),
        ("source", call.attribution.source or ""),
        ("disposition", call.disposition),
        *(() if call.placed_by_us else (("inbound", ""),)),
    ):
        yield RollupKey(call.account_id, dimension, key, hour_at), sums
    for leg in call.legs:
        if call.dialled(leg):
            leg_hour = leg.started_at.replace(minute=0, second=0, microsecond=0)
            yield (
                RollupKey(call.account_id, "outbound", "", leg_hour),
                RollupSums(
                    1,
                    int(leg.answered_at is not None),
                    0,
                    leg.talk_s,
                    leg.total_s,
                    leg.talk_s,
                    leg.talk_s,
                    leg.talk_s,
                    0,
                ),
            )


def merge(rows: Iterable[tuple[RollupKey, RollupSums]]) -> dict[RollupKey, RollupSums]:
    """Rows with the same key added up."""
    merged: dict[RollupKey, RollupSums] = {}
    for key, sums in rows:
        known = merged.get(key)
        merged[key] = sums if known is None else RollupSums(*(a + b for a, b in zip(known, sums, strict=True)))
    return merged
