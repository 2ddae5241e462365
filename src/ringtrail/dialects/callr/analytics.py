"""Service `analytics/calls`.

Whole hours come from the kept sums, the started hours at the edges of a range are read call by call, so a range is exact
to the second; what calls cost is added up call by call. [inferred]: `aloc` is talk time over answered calls (the trade's
meaning of average length of call); `credit` and `debit` are the sums of those of the CDRs; a day of the history is a UTC day, named by its first second;
days without calls are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from ringtrail.dialects.callr.parameters import Asking
from ringtrail.dialects.callr.vocabulary import cents_4, datetime_text
from ringtrail.model.query import CallQuery, LegQuery
from ringtrail.model.sums import Group

_HOUR = timedelta(hours=1)


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
    """Of some calls: how many, how many answered, seconds of talk and of connection, what they earned and cost."""

    calls: int = 0
    answered: int = 0
    talk_s: int = 0
    connected_s: int = 0
    credit_micro: int = 0
    debit_micro: int = 0

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def aloc(self) -> int:
        return round(self.talk_s / self.answered) if self.answered else 0

    @property
    def credit(self) -> str:
        return cents_4(self.credit_micro)

    @property
    def debit(self) -> str:
        return cents_4(self.debit_micro)


_Days = dict[datetime, _Sums]


async def summary(asking: Asking, from_at: datetime, to_at: datetime) -> Summary:
    inbound = _total((await _inbound(asking, from_at, to_at)).values())
    outbound = _total((await _outbound(asking, from_at, to_at)).values())
    callers = await asking.services.analytics.unique_callers(asking.account.id, from_at, to_at)
    return Summary(
        IN=CallsIn(
            aloc=inbound.aloc, count=inbound.calls, credit=inbound.credit, debit=inbound.debit,
            duration=inbound.connected_s, unique_callers=callers,
        ),
        OUT=CallsOut(
            aloc=outbound.aloc, count=outbound.calls, credit=outbound.credit, debit=outbound.debit,
            duration=outbound.connected_s,
        ),
    )  # fmt: skip


async def history(asking: Asking, from_at: datetime, to_at: datetime) -> History:
    return History(IN=_days(await _inbound(asking, from_at, to_at)), OUT=_days(await _outbound(asking, from_at, to_at)))


def _days(days: _Days) -> list[CallsOfDay]:
    return [
        CallsOfDay(
            aloc=sums.aloc, count=sums.calls, credit=sums.credit, date=datetime_text(day), debit=sums.debit,
            duration=sums.connected_s,
        )
        for day, sums in sorted(days.items())
    ]  # fmt: skip


def _total(parts: Iterable[_Sums]) -> _Sums:
    total = _Sums()
    for part in parts:
        total = total.plus(part)
    return total


async def _inbound(asking: Asking, from_at: datetime, to_at: datetime) -> _Days:
    account_id, edges, whole = asking.account.id, *_split(from_at, to_at)
    days = _by_day(
        [
            (row.start, _Sums(row.calls, row.answered, row.talk_s, row.connected_s))
            for row in await asking.services.analytics.inbound_by_day(account_id, *whole)
        ]
    )
    for start, end in edges:
        query = CallQuery(account_id=account_id, inbound=True, from_at=start, to_at=end)
        for call in (await asking.services.calls.page(query)).records:
            answered = int(call.answered_at is not None)
            sums = _Sums(1, answered, call.talk_s, call.connected_s)
            _add(days, call.started_at, sums)
    return await _with_money(days, asking, Group.CALL_DAY, from_at, to_at)


async def _outbound(asking: Asking, from_at: datetime, to_at: datetime) -> _Days:
    account_id, edges, whole = asking.account.id, *_split(from_at, to_at)
    days = _by_day(
        [
            (row.start, _Sums(row.calls, row.answered, row.talk_s, row.connected_s))
            for row in await asking.services.analytics.outbound_by_day(account_id, *whole)
        ]
    )
    for start, end in edges:
        query = LegQuery(account_id=account_id, outbound=True, of_ended_calls=True, from_at=start, to_at=end)
        for at, sums in (await asking.services.calls.legs_page(query, _outbound_sums))[0]:
            _add(days, at, sums)
    return await _with_money(days, asking, Group.LEG_DAY, from_at, to_at)


async def _with_money(days: _Days, asking: Asking, group: Group, from_at: datetime, to_at: datetime) -> _Days:
    for sums in await asking.services.analytics.by_group(asking.account.id, group, from_at, to_at):
        _add(days, sums.key, _Sums(credit_micro=sums.credit_micro, debit_micro=sums.debit_micro))
    return days


def _outbound_sums(started_at: datetime, answered_at: datetime | None, talk_s: int) -> tuple[datetime, _Sums]:
    return started_at, _Sums(1, int(answered_at is not None), talk_s, talk_s)


def _by_day(rows: list[tuple[datetime, _Sums]]) -> _Days:
    days: _Days = defaultdict(_Sums)
    for at, sums in rows:
        _add(days, at, sums)
    return days


def _add(days: _Days, at: datetime, sums: _Sums) -> None:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    days[day] = days[day].plus(sums)


def _split(from_at: datetime, to_at: datetime) -> tuple[list[tuple[datetime, datetime]], tuple[datetime, datetime]]:
    """(the pieces before and after, the whole hours between them) of a half-open range."""
    first, last = _hour(from_at), _hour(to_at)
    first = first if first == from_at else first + _HOUR
    if first >= last:
        return ([(from_at, to_at)], (first, first))
    return [(start, end) for start, end in ((from_at, first), (last, to_at)) if start < end], (first, last)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
