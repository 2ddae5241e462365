"""Service `analytics/calls`: sums of all calls.

A range is exact to the second, and the sums are those of the CDRs. [inferred]: `aloc` is talk time over answered calls (the
trade's meaning of average length of call); a day of the history is a UTC day, named by its first second; days without calls
are left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ringtrail.dialects.callr.parameters import Asking
from ringtrail.dialects.callr.vocabulary import cents_4, datetime_text
from ringtrail.model.sums import Group, GroupSums


class CallsIn(msgspec.Struct):
    aloc: int
    count: int
    credit: str
    debit: str
    duration: int
    unique_callers: int


class CallsOut(msgspec.Struct):
    aloc: int
    count: int
    credit: str
    debit: str
    duration: int


class CallsOfDay(msgspec.Struct):
    aloc: int
    count: int
    credit: str
    date: str
    debit: str
    duration: int


class Summary(msgspec.Struct):
    IN: CallsIn
    OUT: CallsOut


class History(msgspec.Struct):
    IN: list[CallsOfDay]
    OUT: list[CallsOfDay]


class _Sums(NamedTuple):
    calls: int
    answered: int
    talk_s: int
    connected_s: int
    credit_micro: int
    debit_micro: int


async def summary(asking: Asking, from_at: datetime, to_at: datetime) -> Summary:
    inbound = _total(await _days(asking, Group.CALL_DAY, from_at, to_at))
    outbound = _total(await _days(asking, Group.LEG_DAY, from_at, to_at))
    callers = await asking.services.analytics.unique_callers(asking.account.id, from_at, to_at)
    return Summary(IN=CallsIn(**_amounts(inbound), unique_callers=callers), OUT=CallsOut(**_amounts(outbound)))


async def history(asking: Asking, from_at: datetime, to_at: datetime) -> History:
    return History(
        IN=[_of_day(day) for day in await _days(asking, Group.CALL_DAY, from_at, to_at)],
        OUT=[_of_day(day) for day in await _days(asking, Group.LEG_DAY, from_at, to_at)],
    )


async def _days(asking: Asking, group: Group, from_at: datetime, to_at: datetime) -> list[GroupSums]:
    return await asking.services.analytics.by_group(asking.account.id, group, from_at, to_at)


def _of_day(day: GroupSums) -> CallsOfDay:
    return CallsOfDay(date=datetime_text(day.key), **_amounts(_total([day])))


def _total(days: list[GroupSums]) -> _Sums:
    return _Sums(*(sum(getattr(day, name) for day in days) for name in _Sums._fields))


def _amounts(sums: _Sums) -> dict[str, Any]:
    return {
        "aloc": round(sums.talk_s / sums.answered) if sums.answered else 0, "count": sums.calls,
        "credit": cents_4(sums.credit_micro), "debit": cents_4(sums.debit_micro), "duration": sums.connected_s,
    }  # fmt: skip
