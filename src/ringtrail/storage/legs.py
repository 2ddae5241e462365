"""Reading legs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ringtrail.model.call import LegRecord
from ringtrail.model.query import LegQuery
from ringtrail.model.view import View
from ringtrail.storage.database import Connection
from ringtrail.storage.directions import OUTBOUND
from ringtrail.storage.hours import Hours
from ringtrail.storage.viewing import Found, Wanted

_ELSEWHERE = {
    "outbound": OUTBOUND,
    "app_hash": "c.app_hash",
    "app_name": "a.name",
    "package": "a.package",
    "caller_number": "c.caller_number",
    "caller_withheld": "c.caller_withheld",
    "caller_name": "c.caller_name",
    "external_id": "c.external_id",
    "property_id": "c.property_id",
}
"""Fields of LegRecord that are not columns of `legs`."""

_ITS_CALL = (
    " CROSS JOIN LATERAL (SELECT * FROM calls c WHERE c.account_id = l.account_id AND c.id = l.call_id"
    " AND c.started_at <= l.started_at ORDER BY c.started_at DESC LIMIT 1) c"
)
"""Looked up for one leg after the other, from the leg's month backwards: a call starts before its legs."""

_THEIR_CALLS = " JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id"
"""In any way: for conditions on the calls."""

_APP = " LEFT JOIN apps a ON a.account_id = c.account_id AND a.hash = c.app_hash"
_ORDER = "l.started_at, l.call_id, l.position"


async def find_legs(
    connection: Connection,
    query: LegQuery,
    *,
    offset: int = 0,
    limit: int | None = None,
    fields: tuple[str, ...] = LegRecord._fields,
    show: View[Any] | None = None,
) -> Found:
    """Matching legs, oldest first: `fields` of them, and what `show` makes of each. limit None: all of them."""
    wanted = Wanted(fields, show)
    columns = ", ".join(_ELSEWHERE.get(name, f"l.{name}") for name in wanted.fields)
    calls = _THEIR_CALLS if query.app_hash or query.did_hash else _ITS_CALL

    async def read(from_at: datetime | None, to_at: datetime | None, offset: int) -> Found:
        condition, params = _condition(replace(query, from_at=from_at, to_at=to_at))
        statement = f"SELECT {columns} FROM legs l{calls}{_APP} WHERE {condition} ORDER BY {_ORDER} LIMIT %s OFFSET %s"
        return await wanted.read(connection, statement, [*params, limit, offset])

    if limit is None or not _is_plain(query):
        return await read(query.from_at, query.to_at, offset)
    found = await _hours(connection, query).slice(query.from_at, query.to_at, offset, limit, read)
    return found or wanted.nothing()


async def count_legs(connection: Connection, query: LegQuery) -> int:
    """How many legs match: from the rollups if they are all that we dialled for ended calls, by time only, else counted."""
    if _is_plain(query):
        return await _hours(connection, query).total(query.from_at, query.to_at)
    return await _bare_count(connection, query)


async def _bare_count(connection: Connection, query: LegQuery) -> int:
    condition, params = _condition(query)
    statement = f"SELECT count(*) FROM legs l{_THEIR_CALLS} WHERE {condition}"
    row = await (await connection.execute(statement.encode(), params)).fetchone()
    return row[0] if row else 0


def _is_plain(query: LegQuery) -> bool:
    """All legs that we dialled for ended calls in a range of time: what the rollups can answer."""
    plain = LegQuery(
        account_id=query.account_id, outbound=True, of_ended_calls=True, from_at=query.from_at, to_at=query.to_at
    )
    return query == plain


def _hours(connection: Connection, query: LegQuery) -> Hours:
    async def counted(from_at: datetime | None, to_at: datetime | None) -> int:
        return await _bare_count(connection, replace(query, from_at=from_at, to_at=to_at))

    return Hours(connection, query.account_id, "outbound", "", counted)


def _condition(query: LegQuery) -> tuple[str, list[Any]]:
    parts = ["l.account_id = %s"]
    params: list[Any] = [query.account_id]
    if query.of_ended_calls:
        parts.append("c.ended_at IS NOT NULL")
    if query.outbound:
        parts.append(OUTBOUND)
    if query.past is not None:
        parts.append("(l.started_at, l.call_id, l.position) > (%s, %s, %s) AND l.started_at >= %s")
        params.extend((*query.past, query.past[0]))  # partitions are pruned by the second, never by the first
    for clause, value in (
        ("l.call_id = ANY(%s)", query.call_ids),
        ("l.started_at >= %s", query.from_at),
        ("l.started_at < %s", query.to_at),
        ("c.app_hash = %s", query.app_hash),
        ("c.did_hash = %s", query.did_hash),
        ("l.id = %s", query.leg_id),
    ):
        if value is not None:
            parts.append(clause)
            params.append(value)
    return " AND ".join(parts), params
