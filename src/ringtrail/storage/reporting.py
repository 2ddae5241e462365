"""Reading calls: any CallQuery, in pages that cost the same wherever they are.

Connections have every statement planned for its values (`database.py`): PostgreSQL would in the end plan a prepared one
without looking at them, and read everything instead of one page.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from ringtrail.model.call import CallRecord
from ringtrail.model.query import CallerNovelty, CallQuery, DayTotals, Order
from ringtrail.model.view import View
from ringtrail.storage.database import Connection
from ringtrail.storage.directions import INBOUND
from ringtrail.storage.hours import Hours, hour_up
from ringtrail.storage.viewing import TOTAL, Found, Wanted

_ELSEWHERE = {
    "property_sid": "p.sid",
    "property_name": "p.name",
    "did_name": "d.friendly_name",
    "app_name": "a.name",
    "package": "a.package",
}
"""Fields of CallRecord that are not columns of `calls`."""

_COUNTING = f", count(*) OVER () AS {TOTAL}"

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


async def find_calls(
    connection: Connection,
    query: CallQuery,
    *,
    offset: int,
    limit: int | None,
    fields: tuple[str, ...] = CallRecord._fields,
    show: View[Any] | None = None,
    with_total: bool = False,
) -> Found:
    """Matching calls in query.order: `fields` of them, and what `show` makes of each. limit None: all of them.

    with_total: there is somebody who will count them, so that is done here where it costs nothing.
    """
    counts = with_total and _is_of_somebody(query)
    wanted = Wanted((*fields, TOTAL) if counts else fields, show)

    async def read(from_at: datetime | None, to_at: datetime | None, offset: int) -> Found:
        condition, params = _condition(replace(query, from_at=from_at, to_at=to_at))
        order = _ORDER[query.order]
        page = (
            f"SELECT *{_COUNTING if counts else ''} FROM calls c WHERE {condition} ORDER BY {order} LIMIT %s OFFSET %s"
        )
        statement = _selection(wanted.fields).format(page=page, order=order)
        return await wanted.read(connection, statement, [*params, limit, offset])

    if limit is None or not _is_plain(query):
        return await read(query.from_at, query.to_at, offset)
    found = await _hours(connection, query).slice(query.from_at, query.to_at, offset, limit, read)
    return found or wanted.nothing()


async def count_calls(connection: Connection, query: CallQuery) -> int:
    """How many calls match: from the rollups if the query is only account, property and time, else counted."""
    if _is_plain(query):
        return await _hours(connection, query).total(query.from_at, query.to_at)
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
        _, _, dimension, key, _ = _hours(connection, query)
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


async def trace_of(connection: Connection, account_id: int, call_id: int) -> list[dict[str, Any]]:
    """The story of a call; empty until it ended."""
    cursor = await connection.execute(
        "SELECT trace FROM call_traces WHERE account_id = %s AND call_id = %s", (account_id, call_id)
    )
    row = await cursor.fetchone()
    return row[0] if row else []


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
    if query.inbound:
        add(INBOUND)
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
    """Only account, property or direction, and a half-open time range, by start: what the rollups can answer."""
    plain = CallQuery(
        account_id=query.account_id, property_id=query.property_id, from_at=query.from_at, to_at=query.to_at,
        inbound=query.inbound,
    )  # fmt: skip
    return query == plain and not (query.inbound and query.property_id is not None)


def _is_of_somebody(query: CallQuery) -> bool:
    """A few calls far apart: whoever looks for a page of them in their order meets nearly all calls on the way."""
    return bool(query.caller_numbers or query.caller_masked or query.search)


def _hours(connection: Connection, query: CallQuery) -> Hours:
    """The sums of a plain query's calls."""

    async def counted(from_at: datetime | None, to_at: datetime | None) -> int:
        return await _bare_count(connection, replace(query, from_at=from_at, to_at=to_at))

    if query.property_id is not None:
        return Hours(connection, query.account_id, "property", str(query.property_id), counted)
    return Hours(connection, query.account_id, "inbound" if query.inbound else "account", "", counted)


async def _bare_count(connection: Connection, query: CallQuery) -> int:
    condition, params = _condition(query)
    cursor = await connection.execute(f"SELECT count(*) FROM calls c WHERE {condition}".encode(), params)
    row = await cursor.fetchone()
    return row[0] if row else 0


async def _whole_hours(connection: Connection, query: CallQuery, timezone: str) -> bool:
    """Whether hours of UTC are hours of `timezone` over the range, so that an hour lies in one local day.

    A day's edge is an hour's edge if the zone's offset is whole hours; half-hour zones and the few historical
    exceptions take the slow way.
    """
    if any(edge is not None and edge != hour_up(edge) for edge in (query.from_at, query.to_at)):
        return False
    row = await (
        await connection.execute(
            "SELECT bool_and(extract(minute FROM edge AT TIME ZONE %s) = 0) FROM unnest(ARRAY["
            " coalesce(%s, now()), coalesce(%s, now()), '2026-01-01Z'::timestamptz, '2026-07-01Z'::timestamptz]) edge",
            (timezone, query.from_at, query.to_at),
        )
    ).fetchone()
    return bool(row and row[0])
