"""SIP subscribers and trunks."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from ringtrail.model.sip import Subscriber, TrunkKind
from ringtrail.storage.database import Connection

_COLUMNS = "id, account_id, username, secrets, cli, codecs, privacy, ring_timeout_s, srtp, vms, created_at"


class SubscriberRow(NamedTuple):
    """secrets: sealed."""

    id: int
    account_id: int
    username: str
    secrets: bytes
    cli: str
    codecs: list[str]
    privacy: str
    ring_timeout_s: int
    srtp: bool
    vms: dict[str, Any]
    created_at: datetime


async def add(connection: Connection, subscriber: Subscriber, secrets: bytes) -> int | None:
    """Insert; the id is ignored and the new one returned. None: the username is taken."""
    cursor = await connection.execute(
        "INSERT INTO sip_subscribers (account_id, username, secrets, cli, codecs, privacy, ring_timeout_s, srtp, vms,"
        " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (username) DO NOTHING RETURNING id",
        (
            subscriber.account_id, subscriber.username, secrets, subscriber.cli, list(subscriber.codecs),
            subscriber.privacy, subscriber.ring_timeout_s, subscriber.srtp, Jsonb(dict(subscriber.vms)),
            subscriber.created_at,
        ),
    )  # fmt: skip
    row = await cursor.fetchone()
    return int(row[0]) if row else None


async def update(connection: Connection, subscriber: Subscriber) -> bool:
    """Everything but the password. False: the username is taken, and the transaction goes on."""
    try:
        async with connection.transaction():
            await connection.execute(
                "UPDATE sip_subscribers SET username = %s, cli = %s, codecs = %s, privacy = %s, ring_timeout_s = %s,"
                " srtp = %s, vms = %s WHERE account_id = %s AND id = %s",
                (
                    subscriber.username, subscriber.cli, list(subscriber.codecs), subscriber.privacy,
                    subscriber.ring_timeout_s, subscriber.srtp, Jsonb(dict(subscriber.vms)), subscriber.account_id,
                    subscriber.id,
                ),
            )  # fmt: skip
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def by_id(connection: Connection, account_id: int, id_: int) -> SubscriberRow | None:
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM sip_subscribers WHERE account_id = %s AND id = %s".encode(), (account_id, id_)
    )
    row = await cursor.fetchone()
    return SubscriberRow._make(row) if row else None


async def find(
    connection: Connection, account_id: int, username_contains: str | None, *, offset: int, limit: int
) -> tuple[list[SubscriberRow], int]:
    """(page by id, total)."""
    matching = "FROM sip_subscribers WHERE account_id = %s AND coalesce(strpos(lower(username), lower(%s)) > 0, true)"
    count = await connection.execute(f"SELECT count(*) {matching}".encode(), (account_id, username_contains))
    total = await count.fetchone()
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} {matching} ORDER BY id LIMIT %s OFFSET %s".encode(),
        (account_id, username_contains, limit, offset),
    )
    return [SubscriberRow._make(row) for row in await cursor.fetchall()], total[0] if total else 0


async def delete(connection: Connection, account_id: int, id_: int) -> None:
    await connection.execute("DELETE FROM sip_subscribers WHERE account_id = %s AND id = %s", (account_id, id_))


_ENABLED = "FROM sip_subscribers s JOIN accounts a ON a.id = s.account_id WHERE a.disabled_at IS NULL"


async def enabled(connection: Connection) -> list[SubscriberRow]:
    """Of every account that is not disabled."""
    columns = ", ".join(f"s.{name}" for name in _COLUMNS.split(", "))
    cursor = await connection.execute(f"SELECT {columns} {_ENABLED} ORDER BY s.id".encode())
    return [SubscriberRow._make(row) for row in await cursor.fetchall()]


async def fingerprint(connection: Connection) -> str:
    """Changes with whatever `enabled` gives."""
    cursor = await connection.execute(
        f"SELECT coalesce(md5(string_agg(md5(s::text), '' ORDER BY s.id)), '') {_ENABLED}".encode()
    )
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


# --- trunks -----------------------------------------------------------------------------------------------------------


async def add_trunk(connection: Connection, account_id: int, kind: TrunkKind, now: datetime) -> int:
    cursor = await connection.execute(
        "INSERT INTO sip_trunks (account_id, kind, created_at) VALUES (%s, %s, %s) RETURNING id",
        (account_id, kind, now),
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def trunks(connection: Connection, account_id: int, kind: TrunkKind) -> list[int]:
    """Ids, oldest first."""
    cursor = await connection.execute(
        "SELECT id FROM sip_trunks WHERE account_id = %s AND kind = %s ORDER BY id", (account_id, kind)
    )
    return [row[0] for row in await cursor.fetchall()]


async def delete_trunk(connection: Connection, account_id: int, kind: TrunkKind, id_: int) -> None:
    await connection.execute(
        "DELETE FROM sip_trunks WHERE account_id = %s AND kind = %s AND id = %s", (account_id, kind, id_)
    )
