"""Service `analytics/sms`.

[inferred]: messages count by creation; `IN` has the same properties as the `OUT` that the reference has; a day is a UTC day,
named by its first second, and days without messages are left out; `fields` of `summary_out` and `history_out` are those
properties that are wanted (null: all), `date` always among them; the answers by status are dictionaries of the vendor's
eight statuses, the history's of those that occur; nothing is ever credited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from ringtrail.dialects.callr.parameters import Asking, bad_format, bad_value
from ringtrail.dialects.callr.sms_object import OUR_REFUSALS, STATUSES, status_word
from ringtrail.dialects.callr.vocabulary import cents_4, datetime_text
from ringtrail.model.message import Direction
from ringtrail.model.sums import MessageSums

FIELDS = ("count", "credit", "debit", "parts")

Some = dict[str, int | str]
"""The wanted properties of an object."""


class Amounts(msgspec.Struct):
    count: int
    credit: str
    debit: str
    parts: int


class Day(msgspec.Struct):
    count: int
    credit: str
    date: str
    debit: str
    parts: int


class Summary(msgspec.Struct):
    IN: Amounts
    OUT: Amounts


class History(msgspec.Struct):
    IN: list[Day]
    OUT: list[Day]


async def fields(asking: Asking, path: str, value: Any) -> tuple[str, ...]:
    """Array of `count`, `credit`, `debit`, `parts`."""
    if not isinstance(value, list):
        raise bad_format(path)
    if not value or not all(isinstance(item, str) and item in FIELDS for item in value):
        raise bad_value(path)
    return tuple(value)


async def summary(asking: Asking, from_at: datetime, to_at: datetime) -> Summary:
    found = await _sums(asking, from_at, to_at)
    return Summary(IN=_amounts(_of(found, Direction.IN)), OUT=_amounts(_of(found, Direction.OUT)))


async def history(asking: Asking, from_at: datetime, to_at: datetime) -> History:
    """One entry for each day with messages."""
    found = await _sums(asking, from_at, to_at)
    return History(IN=_days(_of(found, Direction.IN)), OUT=_days(_of(found, Direction.OUT)))


async def summary_out(asking: Asking, from_at: datetime, to_at: datetime, wanted: tuple[str, ...] | None) -> Some:
    """Of what was sent, the wanted properties."""
    return _some(_amounts(_of(await _sums(asking, from_at, to_at), Direction.OUT)), wanted)


async def history_out(asking: Asking, from_at: datetime, to_at: datetime, wanted: tuple[str, ...] | None) -> list[Some]:
    """Of what was sent on each day, the wanted properties."""
    return [_some(day, wanted) for day in _days(_of(await _sums(asking, from_at, to_at), Direction.OUT))]


async def summary_out_by_status(asking: Asking, from_at: datetime, to_at: datetime) -> dict[str, Amounts]:
    """By the status that messages have now."""
    by_status = _by_status(_of(await _sums(asking, from_at, to_at), Direction.OUT))
    return {status: _amounts(by_status.get(status, [])) for status in STATUSES}


async def history_out_by_status(asking: Asking, from_at: datetime, to_at: datetime) -> dict[str, list[Day]]:
    """By the status that messages have now."""
    by_status = _by_status(_of(await _sums(asking, from_at, to_at), Direction.OUT))
    return {status: _days(by_status[status]) for status in STATUSES if status in by_status}


async def _sums(asking: Asking, from_at: datetime, to_at: datetime) -> list[MessageSums]:
    return await asking.services.analytics.messages(asking.account.id, from_at, to_at, OUR_REFUSALS)


def _of(found: Iterable[MessageSums], direction: Direction) -> list[MessageSums]:
    return [sums for sums in found if sums.direction is direction]


def _by_status(found: Iterable[MessageSums]) -> dict[str, list[MessageSums]]:
    groups: dict[str, list[MessageSums]] = defaultdict(list)
    for sums in found:
        groups[status_word(sums.status, ours=sums.refused)].append(sums)
    return groups


def _amounts(found: Iterable[MessageSums]) -> Amounts:
    known = list(found)
    return Amounts(
        count=sum(sums.messages for sums in known), credit=cents_4(0),
        debit=cents_4(sum(sums.debit_micro for sums in known)), parts=sum(sums.parts for sums in known),
    )  # fmt: skip


def _days(found: Iterable[MessageSums]) -> list[Day]:
    days: dict[datetime, list[MessageSums]] = defaultdict(list)
    for sums in found:
        days[sums.day].append(sums)
    return [
        Day(date=datetime_text(day), **msgspec.structs.asdict(_amounts(sums))) for day, sums in sorted(days.items())
    ]


def _some(whole: Amounts | Day, wanted: tuple[str, ...] | None) -> Some:
    shown: Some = msgspec.to_builtins(whole)
    return {key: value for key, value in shown.items() if wanted is None or key in wanted or key == "date"}
