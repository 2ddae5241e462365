"""Endpoints, and the deliveries that wait for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Json, Jsonb

from ringtrail.model.events import Event, EventType
from ringtrail.model.push import DeliveryRecord, DueDelivery, Endpoint
from ringtrail.storage.database import Connection

_ENDPOINT = (
    "hash, account_id, dialect, property_id, name, address, event_types, enabled, disabled_why, settings, created_at,"
    " updated_at"
)
_ENDPOINT_COLUMNS = _ENDPOINT.count(",") + 1


def _endpoint(row: Sequence[Any]) -> Endpoint:
    return Endpoint(
        hash=row[0], account_id=row[1], dialect=row[2], property_id=row[3], name=row[4], address=row[5],
        event_types=tuple(EventType(name) for name in row[6]), enabled=row[7], disabled_why=row[8], settings=row[9],
        created_at=row[10], updated_at=row[11],
    )  # fmt: skip


async def of_account(connection: Connection, account_id: int, dialect: str | None) -> list[Endpoint]:
    """Oldest first."""
    cursor = await connection.execute(
        f"SELECT {_ENDPOINT} FROM endpoints WHERE account_id = %s AND coalesce(dialect = %s, true)"
        " ORDER BY created_at, hash".encode(),
        (account_id, dialect),
    )
    return [_endpoint(row) for row in await cursor.fetchall()]


async def by_hash(connection: Connection, account_id: int, hash_: str) -> Endpoint | None:
    row = await (
        await connection.execute(
            f"SELECT {_ENDPOINT} FROM endpoints WHERE account_id = %s AND hash = %s".encode(), (account_id, hash_)
        )
    ).fetchone()
    return _endpoint(row) if row else None


async def put(connection: Connection, endpoint: Endpoint) -> None:
    """Insert, or write everything that may change; its secrets stay as they are."""
    await connection.execute(
        f"INSERT INTO endpoints ({_ENDPOINT}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (account_id, hash) DO UPDATE SET property_id = EXCLUDED.property_id, name = EXCLUDED.name,"
        " address = EXCLUDED.address, event_types = EXCLUDED.event_types, enabled = EXCLUDED.enabled,"
        " disabled_why = EXCLUDED.disabled_why, settings = EXCLUDED.settings, updated_at = EXCLUDED.updated_at,"
        " paused_until = NULL".encode(),
        (
            endpoint.hash, endpoint.account_id, endpoint.dialect, endpoint.property_id, endpoint.name, endpoint.address,
            [type_.value for type_ in endpoint.event_types], endpoint.enabled, endpoint.disabled_why,
            Json(dict(endpoint.settings), dumps=json.dumps), endpoint.created_at, endpoint.updated_at,
        ),
    )  # fmt: skip


async def set_secrets(connection: Connection, account_id: int, hash_: str, sealed: bytes | None) -> None:
    await connection.execute(
        "UPDATE endpoints SET secrets = %s WHERE account_id = %s AND hash = %s", (sealed, account_id, hash_)
    )


async def secrets_of(connection: Connection, account_id: int, hash_: str) -> bytes | None:
    """The sealed secrets, locked until the transaction ends."""
    row = await (
        await connection.execute(
            "SELECT secrets FROM endpoints WHERE account_id = %s AND hash = %s FOR NO KEY UPDATE", (account_id, hash_)
        )
    ).fetchone()
    return bytes(row[0]) if row and row[0] is not None else None


async def delete(connection: Connection, account_id: int, hash_: str) -> bool:
    """With its deliveries. False: no such endpoint."""
    cursor = await connection.execute("DELETE FROM endpoints WHERE account_id = %s AND hash = %s", (account_id, hash_))
    return cursor.rowcount == 1


async def disable(connection: Connection, account_id: int, hash_: str, why: str, now: datetime) -> None:
    await connection.execute(
        "UPDATE endpoints SET enabled = false, disabled_why = %s, updated_at = %s WHERE account_id = %s AND hash = %s",
        (why, now, account_id, hash_),
    )


async def pause(connection: Connection, account_id: int, hash_: str, until: datetime) -> None:
    """Send it nothing before then."""
    await connection.execute(
        "UPDATE endpoints SET paused_until = greatest(paused_until, %s) WHERE account_id = %s AND hash = %s",
        (until, account_id, hash_),
    )


# --- deliveries -----------------------------------------------------------------------------------------------------

# Each endpoint's turn is its own index walk: a long queue of one is never read through to reach another's. An earlier
# delivery about the same call that is not settled keeps a later one back.
_CLAIM = f"""
WITH mine AS MATERIALIZED (
    SELECT d.account_id, d.event_id, d.endpoint_hash
    FROM endpoints e CROSS JOIN LATERAL (
        SELECT w.* FROM deliveries w
        WHERE w.account_id = e.account_id AND w.endpoint_hash = e.hash AND w.due_at <= %(now)s AND NOT EXISTS (
            SELECT FROM deliveries b WHERE b.account_id = w.account_id AND b.endpoint_hash = w.endpoint_hash
                AND b.about = w.about AND b.event_id < w.event_id AND b.due_at IS NOT NULL)
        ORDER BY w.due_at, w.event_id LIMIT coalesce((%(room)s::jsonb ->> e.hash)::int, %(each)s::int)
        FOR UPDATE OF w SKIP LOCKED
    ) d
    WHERE e.enabled AND coalesce(e.paused_until <= %(now)s, true)
    LIMIT %(total)s
), leased AS (
    UPDATE deliveries d SET due_at = %(lease_until)s, tries = d.tries + 1, tried_at = %(now)s FROM mine m
    WHERE d.account_id = m.account_id AND d.event_id = m.event_id AND d.endpoint_hash = m.endpoint_hash
    RETURNING d.account_id, d.event_id, d.endpoint_hash, d.tries, d.last_status
)
SELECT {", ".join(f"e.{column.strip()}" for column in _ENDPOINT.split(","))}, e.secrets, l.tries, l.last_status,
    v.id, v.type, v.property_id, v.about, v.at, v.detail
FROM leased l JOIN endpoints e ON e.account_id = l.account_id AND e.hash = l.endpoint_hash
    JOIN events v ON v.account_id = l.account_id AND v.id = l.event_id
ORDER BY v.id
""".encode()


async def claim(
    connection: Connection, now: datetime, lease_until: datetime, *, each: int, room: dict[str, int], total: int
) -> list[DueDelivery]:
    """Lease up to `total` due deliveries: per endpoint up to `each`, or what `room` {hash: deliveries} says of it."""
    cursor = await connection.execute(
        _CLAIM,
        {"now": now, "lease_until": lease_until, "room": Jsonb(room, dumps=json.dumps), "each": each, "total": total},
    )
    return [_due(row) for row in await cursor.fetchall()]


def _due(row: Sequence[Any]) -> DueDelivery:
    endpoint, (sealed, tries, last_status, *event) = _endpoint(row), row[_ENDPOINT_COLUMNS:]
    id_, type_, property_id, about, at, detail = event
    told = Event(
        id=id_, account_id=endpoint.account_id, type=EventType(type_), property_id=property_id, about=about, at=at,
        detail=detail,
    )  # fmt: skip
    return DueDelivery(told, endpoint, bytes(sealed) if sealed is not None else None, tries, last_status)


async def settle(
    connection: Connection,
    delivery: DueDelivery,
    *,
    due_at: datetime | None,
    delivered_at: datetime | None,
    took_ms: int | None,
    status: int | None,
    error: str | None,
    answer: str | None,
) -> None:
    """Note what a try came to; nothing if the lease has passed and somebody else tries."""
    cursor = await connection.execute(
        "UPDATE deliveries SET due_at = %s, delivered_at = %s, took_ms = %s, last_status = %s, last_error = %s,"
        " last_answer = %s WHERE account_id = %s AND event_id = %s AND endpoint_hash = %s AND tries = %s"
        " AND due_at IS NOT NULL",
        (
            due_at, delivered_at, took_ms, status, error, answer, delivery.endpoint.account_id, delivery.event.id,
            delivery.endpoint.hash, delivery.tries,
        ),
    )  # fmt: skip
    if cursor.rowcount:
        await _let_follow(connection, delivery, due_at)


async def _let_follow(connection: Connection, delivery: DueDelivery, due_at: datetime | None) -> None:
    """What waits for this delivery is due with it, or now."""
    await connection.execute(
        "UPDATE deliveries SET due_at = coalesce(%s, now()) WHERE account_id = %s AND endpoint_hash = %s AND about = %s"
        " AND event_id > %s AND due_at IS NOT NULL",
        (due_at, delivery.endpoint.account_id, delivery.endpoint.hash, delivery.event.about, delivery.event.id),
    )


async def drop(connection: Connection, delivery: DueDelivery) -> None:
    """There is nothing to tell this endpoint: leave no trace of it."""
    await forget_one(connection, delivery.endpoint.account_id, delivery.event.id, delivery.endpoint.hash)
    await _let_follow(connection, delivery, None)


async def forget_one(connection: Connection, account_id: int, event_id: int, endpoint_hash: str) -> None:
    await connection.execute(
        "DELETE FROM deliveries WHERE account_id = %s AND event_id = %s AND endpoint_hash = %s",
        (account_id, event_id, endpoint_hash),
    )


_RECORD = (
    "d.event_id, v.type, d.about, v.at, d.endpoint_hash, d.due_at, d.tries, d.tried_at, d.took_ms, d.last_status,"
    " d.last_error, d.last_answer, d.delivered_at"
)


async def log(
    connection: Connection, account_id: int, endpoint_hashes: Sequence[str], *, before: int | None, limit: int
) -> list[DeliveryRecord]:
    """Newest event first; before: only events with a smaller id."""
    cursor = await connection.execute(
        f"SELECT {_RECORD} FROM deliveries d JOIN events v ON v.account_id = d.account_id AND v.id = d.event_id"
        " WHERE d.account_id = %s AND d.endpoint_hash = ANY(%s) AND coalesce(d.event_id < %s, true)"
        " ORDER BY d.event_id DESC, d.endpoint_hash LIMIT %s".encode(),
        (account_id, list(endpoint_hashes), before, limit),
    )
    return [DeliveryRecord._make(row) for row in await cursor.fetchall()]


async def forget(connection: Connection, until: datetime) -> int:
    """Delete the events written before then, with their deliveries. Returns how many."""
    cursor = await connection.execute("DELETE FROM events WHERE written_at < %s", (until,))
    return cursor.rowcount
