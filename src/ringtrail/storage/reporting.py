"""Reading calls: any CallQuery, in pages that cost the same wherever they are.

Connections have every statement planned for its values (`database.py`): PostgreSQL would in the end plan a prepared one
without looking at them, and read everything instead of one page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import starmap
from operator import itemgetter
from typing import Any, NamedTuple

from ringtrail.model.call import CallRecord, LegRecord
from ringtrail.model.query import CallerNovelty, CallQuery, DayTotals, Order
from ringtrail.model.view import View, fields_of
from ringtrail.storage.database import Connection

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

_ELSEWHERE = {
    "property_sid": "p.sid",
    "property_name": "p.name",
    "did_name": "d.friendly_name",
    "app_name": "a.name",
    "package": "a.package",
}
"""Fields of CallRecord that are not columns of `calls`."""

_JOINS = {
    "p": " JOIN properties p ON p.account_id = c.account_id AND p.id = c.property_id",
    "d": " LEFT JOIN dids d ON d.account_id = c.account_id AND d.hash = c.did_hash",
    "a": " LEFT JOIN apps a ON a.account_id = c.account_id AND a.hash = c.app_hash",
}


@lru_cache(maxsize=64)
def _selection(fields: tuple[str, ...]) -> str:
    """The statement that reads only `fields` of the calls of a {page}, in {order}, with only the joins that they need."""
    columns = [_ELSEWHERE.get(name, f"c.{name}") for name in fields]
    joins = [join for alias, join in _JOINS.items() if any(column.startswith(f"{alias}.") for column in columns)]
    return f"SELECT {', '.join(columns)} FROM ({{page}}) c{''.join(joins)} ORDER BY {{order}}"


_ORDER: dict[Order, str] = {
    Order.STARTED: "c.started_at, c.id",
    Order.STARTED_DESC: "c.started_at DESC, c.id DESC",
    Order.CREATION: "c.creation_seq",
    Order.CHANGE: "c.change_seq",
}


class Found(NamedTuple):
    """Calls that were found: their rows, and what a view made of each (nothing without one)."""

    fields: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    shown: list[Any]


async def find_calls(
    connection: Connection,
    query: CallQuery,
    *,
    offset: int,
    limit: int | None,
    fields: tuple[str, ...] = CallRecord._fields,
    show: View[Any] | None = None,
) -> Found:
    """Matching calls in query.order: `fields` of them, and what `show` makes of each. limit None: all of them."""
    read = _Reading(connection, fields, show)
    if _is_plain(query) and limit is not None:
        span = await _span(connection, query, offset, limit)
        if span is None:
            return read.nothing()
        query = replace(query, from_at=span.start)
        found = await read.page(replace(query, to_at=span.end), span.offset, limit)
        if len(found.rows) == limit or span.end == query.to_at:
            return found
        offset = span.offset  # the range ends here, or calls of these days went away since they were counted
    return await read.page(query, offset, limit)


class _Reading:
    """What is read of calls: first what a view takes, in its order, then the other fields."""

    def __init__(self, connection: Connection, fields: tuple[str, ...], show: View[Any] | None) -> None:
        self._connection = connection
        self._show = show
        viewed = fields_of(show) if show else ()
        self._fields = (*viewed, *(name for name in fields if name not in viewed))
        self._viewed = itemgetter(slice(len(viewed)))

    def nothing(self) -> Found:
        return Found(self._fields, [], [])

    async def page(self, query: CallQuery, offset: int, limit: int | None) -> Found:
        condition, params = _condition(query)
        order = _ORDER[query.order]
        page = f"SELECT * FROM calls c WHERE {condition} ORDER BY {order} LIMIT %s OFFSET %s"
        statement = _selection(self._fields).format(page=page, order=order).encode()
        cursor = self._connection.cursor(binary=True)
        await cursor.execute(statement, [*params, limit, offset])
        rows = await cursor.fetchall()
        return Found(self._fields, rows, list(starmap(self._show, map(self._viewed, rows))) if self._show else [])


async def count_calls(connection: Connection, query: CallQuery) -> int:
    """How many calls match: from the rollups if the query is only account, property and time, else counted."""
    if _is_plain(query):
        return await _plain_count(connection, query)
    return await _bare_count(connection, query)


async def newest_change(connection: Connection, account_id: int) -> int:
    """The account's change counter: every committed change has at most this value."""
    cursor = await connection.execute("SELECT change FROM call_counters WHERE account_id = %s", (account_id,))
    row = await cursor.fetchone()
    return row[0] if row else 0


async def day_totals(connection: Connection, query: CallQuery, timezone: str) -> list[DayTotals]:
    """Sums per local day of `timezone`, only days with calls, oldest first.

    From the rollups when the query is plain and the zone's offset is whole hours over the range, else from the calls.
    """
    if _is_plain(query) and await _whole_hours(connection, query, timezone):
        dimension, key = _rollup_of(query)
        cursor = await connection.execute(
            "SELECT to_char(hour_at AT TIME ZONE %s, 'YYYY-MM-DD') AS day, sum(calls)::bigint, sum(talk_s)::bigint,"
            " sum(handled_s)::bigint, sum(revenue_minor)::bigint FROM call_hours WHERE account_id = %s AND dimension = %s AND key = %s"
            " AND hour_at >= coalesce(%s, '-infinity'::timestamptz) AND hour_at < coalesce(%s, 'infinity'::timestamptz)"
            " GROUP BY 1 HAVING sum(calls) > 0 ORDER BY 1",
            (timezone, query.account_id, dimension, key, query.from_at, query.to_at),
        )
    else:
        condition, params = _condition(query)
        cursor = await connection.execute(
            "SELECT to_char(c.started_at AT TIME ZONE %s, 'YYYY-MM-DD') AS day, count(*), sum(talk_s)::bigint, sum(handled_s)::bigint,"
            f" sum(revenue_minor)::bigint FROM calls c WHERE {condition} GROUP BY 1 ORDER BY 1".encode(),
            [timezone, *params],
        )
    return [DayTotals._make(row) for row in await cursor.fetchall()]


async def legs_of(connection: Connection, account_id: int, call_ids: list[int]) -> list[LegRecord]:
    """All legs of some calls, in dialling order."""
    return await find_legs(connection, account_id, call_ids=call_ids)


async def find_legs(
    connection: Connection,
    account_id: int,
    *,
    role: str | None = None,
    call_ids: list[int] | None = None,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    app_hash: str | None = None,
    did_hash: str | None = None,
    leg_id: int | None = None,
    of_ended_calls: bool = False,
    offset: int = 0,
    limit: int | None = None,
) -> list[LegRecord]:
    """Ended or live legs by role and time (from inclusive, to exclusive), oldest first."""
    condition, params = _leg_condition(
        account_id, role, call_ids, from_at, to_at, app_hash, did_hash, leg_id, of_ended_calls
    )
    cursor = await connection.execute(
        (
            "SELECT l.id, l.call_id, l.role, l.position, l.number, l.number_country, l.number_line_type, l.started_at,"
            " l.ringing_at, l.answered_at, l.ended_at, l.cause, l.sip_status, l.hangup_by, l.disposition, l.raw,"
            " l.codec, l.talk_s, l.total_s, l.billed_s, c.app_hash, a.name, a.package, c.caller_number,"
            " c.caller_withheld, c.caller_name, c.external_id, c.property_id"
            " FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id"
            " LEFT JOIN apps a ON a.account_id = c.account_id AND a.hash = c.app_hash"
            f" WHERE {condition} ORDER BY l.started_at, l.call_id, l.position LIMIT %s OFFSET %s"
        ).encode(),
        [*params, limit, offset],
    )
    return [LegRecord._make(row) for row in await cursor.fetchall()]


async def count_legs(
    connection: Connection,
    account_id: int,
    *,
    role: str | None = None,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    app_hash: str | None = None,
    did_hash: str | None = None,
    leg_id: int | None = None,
    of_ended_calls: bool = False,
) -> int:
    """How many legs match: from the rollups if they are all target legs of ended calls, by time only, else counted."""

    async def counted(from_at: datetime | None, to_at: datetime | None) -> int:
        condition, params = _leg_condition(
            account_id, role, None, from_at, to_at, app_hash, did_hash, leg_id, of_ended_calls
        )
        statement = (
            "SELECT count(*) FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id"
            f" WHERE {condition}"
        ).encode()
        row = await (await connection.execute(statement, params)).fetchone()
        return row[0] if row else 0

    if role == "target" and of_ended_calls and app_hash is None and did_hash is None and leg_id is None:
        return await _count_by_hours(connection, (account_id, "outbound", ""), from_at, to_at, counted)
    return await counted(from_at, to_at)


async def trace_of(connection: Connection, account_id: int, call_id: int) -> list[dict[str, Any]]:
    """The story of a call; empty until it ended."""
    cursor = await connection.execute(
        "SELECT trace FROM call_traces WHERE account_id = %s AND call_id = %s", (account_id, call_id)
    )
    row = await cursor.fetchone()
    return row[0] if row else []


def _leg_condition(
    account_id: int,
    role: str | None,
    call_ids: list[int] | None,
    from_at: datetime | None,
    to_at: datetime | None,
    app_hash: str | None,
    did_hash: str | None,
    leg_id: int | None,
    of_ended_calls: bool,
) -> tuple[str, list[Any]]:
    parts = ["l.account_id = %s"]
    params: list[Any] = [account_id]
    if of_ended_calls:
        parts.append("c.ended_at IS NOT NULL")
    for clause, value in (
        ("l.role = %s", role),
        ("l.call_id = ANY(%s)", call_ids),
        ("l.started_at >= %s", from_at),
        ("l.started_at < %s", to_at),
        ("c.app_hash = %s", app_hash),
        ("c.did_hash = %s", did_hash),
        ("l.id = %s", leg_id),
    ):
        if value is not None:
            parts.append(clause)
            params.append(value)
    return " AND ".join(parts), params


def _condition(query: CallQuery) -> tuple[str, list[Any]]:
    parts = ["c.account_id = %s"]
    params: list[Any] = [query.account_id]

    def add(clause: str, *values: Any) -> None:
        parts.append(clause)
        params.extend(values)

    if query.only_in_progress:
        add("c.ended_at IS NULL")
    elif not query.include_in_progress:
        add("c.ended_at IS NOT NULL")
    if query.past is not None:
        sign = "<" if query.order is Order.STARTED_DESC else ">"
        add(f"(c.started_at, c.id) {sign} (%s, %s)", *query.past)
        add(f"c.started_at {sign}= %s", query.past[0])  # partitions are pruned by this, never by the pair
    for clause, value in (
        ("c.property_id = %s", query.property_id),
        ("c.started_at >= %s", query.from_at),
        ("c.started_at < %s", query.to_at),
        ("c.started_at > %s", query.after_at),
        ("c.creation_seq > %s", query.created_after),
        ("c.change_seq > %s", query.changed_after),
        ("c.did_hash = %s", query.did_hash),
        ("c.app_hash = %s", query.app_hash),
        ("c.button_hash = %s", query.button_hash),
        ("c.offline_description = %s", query.offline_description),
        ("CASE WHEN length(c.caller_number) > 4 THEN left(c.caller_number, -4) || 'XXXX' ELSE repeat('X', length(c.caller_number)) END = %s", query.caller_masked),
    ):  # fmt: skip
        if value is not None:
            add(clause, value)
    for clause, values in (
        ("c.id = ANY(%s)", query.ids),
        ("c.creation_seq = ANY(%s)", query.creation_seqs),
        ("c.tracking_number = ANY(%s)", query.tracking_numbers),
        ("c.destination_number = ANY(%s)", query.destination_numbers),
        ("c.caller_number = ANY(%s)", query.caller_numbers),
        ("c.source = ANY(%s)", query.sources),
        ("c.medium = ANY(%s)", query.mediums),
        ("c.campaign = ANY(%s)", query.campaigns),
        ("c.content = ANY(%s)", query.contents),
        ("c.keypad = ANY(%s)", query.keypads),
    ):
        if values:
            add(clause, list(values))
    if query.search is not None:
        like = "%" + query.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        add("(c.caller_number LIKE %s OR c.destination_number LIKE %s OR c.tracking_number LIKE %s)", like, like, like)
    if query.outcomes is not None:
        disposition = "c.disposition"
        if query.redirected_is_expired:
            disposition = "CASE WHEN c.redirected_expired THEN 'expired' ELSE c.disposition END"
        add(
            f"({disposition}, c.stage) IN (SELECT o.d, coalesce(o.s, c.stage) FROM unnest(%s::text[], %s::text[]) o (d, s))",
            [outcome[0] for outcome in query.outcomes],
            [outcome[1] for outcome in query.outcomes],
        )
    if query.novelty is not CallerNovelty.ALL:
        add("c.caller_is_new = %s", query.novelty is CallerNovelty.UNIQUE)
    return " AND ".join(parts), params


def _is_plain(query: CallQuery) -> bool:
    """Only account, property and a half-open time range, by start: what the rollups can answer."""
    plain = CallQuery(
        account_id=query.account_id, property_id=query.property_id, from_at=query.from_at, to_at=query.to_at
    )
    return query == plain


def _rollup_of(query: CallQuery) -> tuple[str, str]:
    return ("account", "") if query.property_id is None else ("property", str(query.property_id))


def _day_up(instant: datetime) -> datetime:
    floor = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    return floor if floor == instant else floor + _DAY


def _hour_up(instant: datetime) -> datetime:
    floor = instant.replace(minute=0, second=0, microsecond=0)
    return floor if floor == instant else floor + _HOUR


async def _bare_count(connection: Connection, query: CallQuery) -> int:
    condition, params = _condition(query)
    cursor = await connection.execute(f"SELECT count(*) FROM calls c WHERE {condition}".encode(), params)
    row = await cursor.fetchone()
    return row[0] if row else 0


async def _plain_count(connection: Connection, query: CallQuery) -> int:
    async def counted(from_at: datetime | None, to_at: datetime | None) -> int:
        return await _bare_count(connection, _between(query, from_at, to_at))

    rollup = (query.account_id, *_rollup_of(query))
    return await _count_by_hours(connection, rollup, query.from_at, query.to_at, counted)


async def _count_by_hours(
    connection: Connection,
    rollup: tuple[int, str, str],
    from_at: datetime | None,
    to_at: datetime | None,
    counted: Callable[[datetime | None, datetime | None], Awaitable[int]],
) -> int:
    """Whole days and hours from the rollup (account, dimension, key); what lies before and behind them is counted."""
    if from_at is not None and to_at is not None and from_at + 2 * _HOUR > to_at:
        return await counted(from_at, to_at)
    first = _hour_up(from_at) if from_at else None
    last = to_at.replace(minute=0, second=0, microsecond=0) if to_at else None
    total = await _sum_of_hours(connection, rollup, first, last)
    for start, end in ((from_at, first), (last, to_at)):
        if start is not None and end is not None and start < end:
            total += await counted(start, end)
    return total


async def _sum_of_hours(
    connection: Connection, rollup: tuple[int, str, str], first: datetime | None, last: datetime | None
) -> int:
    """Calls of the hours from first (inclusive) to last (exclusive): whole days, and the hours on both sides of them."""
    first_day = _day_up(first) if first else None
    last_day = last.replace(hour=0) if last else None
    if first_day is not None and last_day is not None and first_day > last_day:
        first_day = last_day = last
    cursor = await connection.execute(
        "SELECT coalesce((SELECT sum(calls) FROM call_days WHERE account_id = %(a)s AND dimension = %(d)s AND key = %(k)s"
        " AND day_at >= coalesce(%(first_day)s, '-infinity'::timestamptz)"
        " AND day_at < coalesce(%(last_day)s, 'infinity'::timestamptz)), 0)::bigint"
        " + coalesce((SELECT sum(calls) FROM call_hours WHERE account_id = %(a)s AND dimension = %(d)s AND key = %(k)s"
        " AND hour_at >= %(first)s AND hour_at < %(first_day)s), 0)::bigint"
        " + coalesce((SELECT sum(calls) FROM call_hours WHERE account_id = %(a)s AND dimension = %(d)s AND key = %(k)s"
        " AND hour_at >= %(last_day)s AND hour_at < %(last)s), 0)::bigint",
        {
            "a": rollup[0], "d": rollup[1], "k": rollup[2], "first": first, "first_day": first_day, "last": last,
            "last_day": last_day,
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


def _between(query: CallQuery, from_at: datetime | None, to_at: datetime | None) -> CallQuery:
    return CallQuery(account_id=query.account_id, property_id=query.property_id, from_at=from_at, to_at=to_at)


class _Span(NamedTuple):
    """Where a slice lies: passing over `offset` rows from start on, it ends before `end` (None: nobody knows)."""

    start: datetime | None
    offset: int
    end: datetime | None


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


async def _span(connection: Connection, query: CallQuery, offset: int, limit: int) -> _Span | None:
    """Where a slice of a plain query lies, by the rollups: few rows are passed over, and few months looked at.

    None: past the end. Calls that are in no whole hour of the range only make the span wider than it need be.
    """
    first = _hour_up(query.from_at) if query.from_at else None
    head = 0
    if offset and query.from_at is not None and first is not None and query.from_at < first:
        head = await _bare_count(connection, _between(query, query.from_at, first))
    behind = max(0, offset - head)
    dimension, key = _rollup_of(query)
    cursor = await connection.execute(
        _SPAN,
        {
            "a": query.account_id, "d": dimension, "k": key, "first": first, "to_at": query.to_at, "offset": behind,
            "first_day": _day_up(first) if first else None, "limit": limit + (offset - behind),
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    end = _earlier(row[2], query.to_at) if row else query.to_at
    if offset == 0 or offset < head:
        return _Span(query.from_at, offset, end)
    return _Span(row[0], behind - row[1], end) if row else None


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((instant for instant in (one, other) if instant is not None), default=None)


async def _whole_hours(connection: Connection, query: CallQuery, timezone: str) -> bool:
    """Whether hours of UTC are hours of `timezone` over the range, so that an hour lies in one local day.

    A day's edge is an hour's edge if the zone's offset is whole hours; half-hour zones and the few historical
    exceptions take the slow way.
    """
    if any(edge is not None and edge != _hour_up(edge) for edge in (query.from_at, query.to_at)):
        return False
    row = await (
        await connection.execute(
            "SELECT bool_and(extract(minute FROM edge AT TIME ZONE %s) = 0) FROM unnest(ARRAY["
            " coalesce(%s, now()), coalesce(%s, now()), '2026-01-01Z'::timestamptz, '2026-07-01Z'::timestamptz]) edge",
            (timezone, query.from_at, query.to_at),
        )
    ).fetchone()
    return bool(row and row[0])
