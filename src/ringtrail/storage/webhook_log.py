"""The ledger: what was, or is to be, sent where, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import sql

from ringtrail.model.webhook import AttemptRecord, DeliveryRecord, DeliveryState, LogQuery
from ringtrail.storage.database import Connection

_DELIVERY = (
    "d.event_id, v.type, d.about, v.at, d.endpoint_hash, d.due_at, d.tries, d.tried_at, d.took_ms, d.last_status,"
    " d.last_error, d.delivered_at"
)
_ATTEMPT = (
    "d.id, d.event_id, v.type, v.about, v.at, d.endpoint_hash, e.name, e.dialect, d.number, d.at, d.took_ms, d.method,"
    " d.address, d.request_headers, d.request_body, d.status, d.response_headers, d.response_body, d.error"
)
_JOINED = (
    " FROM {table} d JOIN events v ON v.account_id = d.account_id AND v.id = d.event_id"
    " JOIN endpoints e ON e.account_id = d.account_id AND e.hash = d.endpoint_hash"
)
_STATE: dict[DeliveryState, LiteralString] = {
    DeliveryState.WAITING: "d.due_at IS NOT NULL",
    DeliveryState.DELIVERED: "d.due_at IS NULL AND d.delivered_at IS NOT NULL",
    DeliveryState.GIVEN_UP: "d.due_at IS NULL AND d.delivered_at IS NULL",
}


async def deliveries(
    connection: Connection, query: LogQuery, *, offset: int = 0, limit: int | None = None
) -> list[DeliveryRecord]:
    """Newest event first."""
    rows = await _page(connection, query, "deliveries", _DELIVERY, "d.event_id", offset, limit)
    return [DeliveryRecord._make(row) for row in rows]


async def attempts(
    connection: Connection, query: LogQuery, *, offset: int = 0, limit: int | None = None, oldest_first: bool = False
) -> list[AttemptRecord]:
    """Newest attempt first, unless told."""
    rows = await _page(connection, query, "attempts", _ATTEMPT, "d.id", offset, limit, oldest_first)
    return [AttemptRecord._make(row) for row in rows]


async def newest_attempts(
    connection: Connection, account_id: int, deliveries: Sequence[DeliveryRecord]
) -> list[AttemptRecord]:
    """The last one of each of these deliveries, of those that were tried."""
    statement = sql.SQL(
        "SELECT DISTINCT ON (d.event_id, d.endpoint_hash) {columns}{joined} WHERE d.account_id = %s"
        " AND (d.event_id, d.endpoint_hash) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))"
        " ORDER BY d.event_id, d.endpoint_hash, d.id DESC"
    ).format(columns=sql.SQL(_ATTEMPT), joined=sql.SQL(_JOINED).format(table=sql.Identifier("attempts")))
    which = [record.event_id for record in deliveries], [record.endpoint_hash for record in deliveries]
    rows = await (await connection.execute(statement, [account_id, *which])).fetchall()
    return [AttemptRecord._make(row) for row in rows]


async def count_deliveries(connection: Connection, query: LogQuery) -> int:
    return await _count(connection, query, "deliveries", "d.event_id")


async def count_attempts(connection: Connection, query: LogQuery) -> int:
    return await _count(connection, query, "attempts", "d.id")


async def _page(
    connection: Connection,
    query: LogQuery,
    table: str,
    columns: str,
    key: str,
    offset: int,
    limit: int | None,
    oldest_first: bool = False,
) -> list[tuple[Any, ...]]:
    where, params = _where(query, table, key)
    order = f"{key} {'ASC' if oldest_first else 'DESC'}, d.endpoint_hash"
    statement = sql.SQL("SELECT {columns}{joined} WHERE {where} ORDER BY {order} LIMIT %s OFFSET %s").format(
        columns=sql.SQL(columns), joined=sql.SQL(_JOINED).format(table=sql.Identifier(table)), where=where,
        order=sql.SQL(order),
    )  # fmt: skip
    return await (await connection.execute(statement, [*params, limit, offset])).fetchall()


async def _count(connection: Connection, query: LogQuery, table: str, key: str) -> int:
    where, params = _where(query, table, key)
    statement = sql.SQL("SELECT count(*){joined} WHERE {where}").format(
        joined=sql.SQL(_JOINED).format(table=sql.Identifier(table)), where=where
    )
    row = await (await connection.execute(statement, params)).fetchone()
    return row[0] if row else 0


def _where(query: LogQuery, table: str, key: str) -> tuple[sql.Composable, list[Any]]:
    of_attempts = table == "attempts"
    parts: list[LiteralString] = ["d.account_id = %s"]
    params: list[Any] = [query.account_id]
    for clause, value in (
        ("d.endpoint_hash = ANY(%s)", None if query.endpoint_hashes is None else list(query.endpoint_hashes)),
        ("v.property_id = %s", query.property_id),
        ("e.dialect = %s", query.dialect),
        (f"{'d' if of_attempts else 'e'}.address = %s", query.address),
        ("d.event_id = %s", query.event_id),
        ("v.type = ANY(%s)", None if query.event_types is None else [type_.value for type_ in query.event_types]),
        ("v.about = %s", query.about),
        ("v.at >= %s", query.from_at),
        ("v.at < %s", query.to_at),
        (f"d.{'status' if of_attempts else 'last_status'} = %s", query.status),
        ("d.number = %s", query.number if of_attempts else None),
        (f"(d.{'error' if of_attempts else 'last_error'} IS NOT NULL) = %s", query.failed),
        (f"{key} < %s", query.before),
        (f"{key} > %s", query.after),
    ):
        if value is not None:
            parts.append(clause)
            params.append(value)
    if query.state is not None and not of_attempts:
        parts.append(_STATE[query.state])
    return sql.SQL(" AND ").join([sql.SQL(part) for part in parts]), params
