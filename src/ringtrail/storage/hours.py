"""Lists that hourly and daily sums count: how long they are, and where a slice of them lies, without reading them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from ringtrail.storage.database import Connection
from ringtrail.storage.viewing import Found

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

Instant = datetime | None  # None: without an end


class _Span(NamedTuple):
    """Where a slice lies: passing over `offset` rows from start on, it ends before `end` (None: nobody knows)."""

    start: Instant
    offset: int
    end: Instant


_SPAN = """
WITH buckets AS (
    SELECT hour_at AS at, calls FROM call_hours WHERE account_id = %(a)s AND dimension = %(d)s AND key = %(k)s
        AND hour_at >= %(first)s AND hour_at < %(first_day)s
    UNION ALL
    SELECT day_at, calls FROM call_days WHERE account_id = %(a)s AND dimension = %(d)s AND key = %(k)s
        AND day_at >= coalesce(%(first_day)s, '-infinity'::timestamptz)
        AND day_at < coalesce(%(to_at)s, 'infinity'::timestamptz)
), counted AS (
    SELECT at, calls, sum(calls) OVER (ORDER BY at)::bigint AS upto FROM buckets
), hit AS (
    SELECT at, upto - calls AS before FROM counted WHERE upto > %(offset)s ORDER BY at LIMIT 1
), hours AS (
    SELECT h.hour_at, h.calls, hit.before + sum(h.calls) OVER (ORDER BY h.hour_at)::bigint AS upto
    FROM hit JOIN call_hours h ON h.account_id = %(a)s AND h.dimension = %(d)s AND h.key = %(k)s
        AND h.hour_at >= hit.at AND h.hour_at < hit.at + interval '1 day'
)
SELECT hour_at, upto - calls,
       (SELECT at + interval '1 day' FROM counted WHERE upto >= %(offset)s::bigint + %(limit)s ORDER BY at LIMIT 1)
FROM hours WHERE upto > %(offset)s ORDER BY hour_at LIMIT 1
"""
"""The hour that holds row `offset`, how many rows lie before that hour, and the end of the day that holds the slice's last
row. Buckets are days, before the first midnight hours."""


class Hours(NamedTuple):
    """The sums of one list. Ranges are from inclusive, to exclusive."""

    connection: Connection
    account_id: int
    dimension: str
    key: str
    counted: Callable[[Instant, Instant], Awaitable[int]]  # counts the rows of a range, for parts of an hour

    async def total(self, from_at: Instant, to_at: Instant) -> int:
        """Whole days and hours from the sums; what lies before and behind them is counted."""
        if from_at is not None and to_at is not None and from_at + 2 * _HOUR > to_at:
            return await self.counted(from_at, to_at)
        first = hour_up(from_at) if from_at else None
        last = to_at.replace(minute=0, second=0, microsecond=0) if to_at else None
        total = await self._sum(first, last)
        for start, end in ((from_at, first), (last, to_at)):
            if start is not None and end is not None and start < end:
                total += await self.counted(start, end)
        return total

    async def slice(
        self,
        from_at: Instant,
        to_at: Instant,
        offset: int,
        limit: int,
        read: Callable[[Instant, Instant, int], Awaitable[Found]],
    ) -> Found | None:
        """Rows offset to offset + limit of a range, as `read` (from, to, offset) reads them near by. None: past the end."""
        span = await self._span(from_at, to_at, offset, limit)
        if span is None:
            return None
        found = await read(span.start, span.end, span.offset)
        if len(found.rows) == limit or span.end == to_at:
            return found
        return await read(span.start, to_at, span.offset)  # rows of these days went away since they were counted

    async def _sum(self, first: Instant, last: Instant) -> int:
        """Rows of the hours from first (inclusive) to last (exclusive): whole days, and the hours on both sides of them."""
        first_day = _day_up(first) if first else None
        last_day = last.replace(hour=0) if last else None
        if first_day is not None and last_day is not None and first_day > last_day:
            first_day = last_day = last
        cursor = await self.connection.execute(
            "SELECT coalesce((SELECT sum(calls) FROM call_days WHERE account_id = %(a)s AND dimension = %(d)s AND key = %(k)s"
            " AND day_at >= coalesce(%(first_day)s, '-infinity'::timestamptz)"
            " AND day_at < coalesce(%(last_day)s, 'infinity'::timestamptz)), 0)::bigint"
            " + coalesce((SELECT sum(calls) FROM call_hours WHERE account_id = %(a)s AND dimension = %(d)s AND key = %(k)s"
            " AND hour_at >= %(first)s AND hour_at < %(first_day)s), 0)::bigint"
            " + coalesce((SELECT sum(calls) FROM call_hours WHERE account_id = %(a)s AND dimension = %(d)s AND key = %(k)s"
            " AND hour_at >= %(last_day)s AND hour_at < %(last)s), 0)::bigint",
            {
                "a": self.account_id, "d": self.dimension, "k": self.key, "first": first, "first_day": first_day, "last": last,
                "last_day": last_day,
            },
        )  # fmt: skip
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def _span(self, from_at: Instant, to_at: Instant, offset: int, limit: int) -> _Span | None:
        """Few rows are passed over, and few months looked at. None: past the end.

        Rows that are in no whole hour of the range only make the span wider than it need be.
        """
        first = hour_up(from_at) if from_at else None
        head = 0
        if offset and from_at is not None and first is not None and from_at < first:
            head = await self.counted(from_at, first)
        behind = max(0, offset - head)
        cursor = await self.connection.execute(
            _SPAN,
            {
                "a": self.account_id, "d": self.dimension, "k": self.key, "first": first, "to_at": to_at,
                "first_day": _day_up(first) if first else None, "offset": behind, "limit": limit + (offset - behind),
            },
        )  # fmt: skip
        row = await cursor.fetchone()
        end = _earlier(row[2], to_at) if row else to_at
        if offset == 0 or offset < head:
            return _Span(from_at, offset, end)
        return _Span(row[0], behind - row[1], end) if row else None


def around_whole_hours(
    from_at: datetime, to_at: datetime
) -> tuple[list[tuple[datetime, datetime]], tuple[datetime, datetime]]:  # fmt: skip
    """(what lies before and behind, the whole hours between) of a half-open range."""
    first, last = hour_up(from_at), to_at.replace(minute=0, second=0, microsecond=0)
    if first >= last:
        return [(from_at, to_at)], (first, first)
    return [(start, end) for start, end in ((from_at, first), (last, to_at)) if start < end], (first, last)


def _day_up(instant: datetime) -> datetime:
    floor = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    return floor if floor == instant else floor + _DAY


def hour_up(instant: datetime) -> datetime:
    floor = instant.replace(minute=0, second=0, microsecond=0)
    return floor if floor == instant else floor + _HOUR


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((instant for instant in (one, other) if instant is not None), default=None)
