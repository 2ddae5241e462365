"""Voice apps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from ringtrail.model.app import App
from ringtrail.storage.database import Connection

_APP = (
    b"SELECT hash, account_id, package, name, params, created_at, updated_at, did_hash FROM apps WHERE account_id = %s"
)


def _app(row: tuple[Any, ...]) -> App:
    return App(
        hash=row[0], account_id=row[1], package=row[2], name=row[3], params=row[4], created_at=row[5], updated_at=row[6],
        did_hash=row[7],
    )  # fmt: skip


async def app_by_hash(connection: Connection, account_id: int, hash_: str) -> App | None:
    row = await (await connection.execute(_APP + b" AND hash = %s", (account_id, hash_))).fetchone()
    return _app(row) if row else None


async def app_of_did(connection: Connection, account_id: int, did_hash: str) -> App | None:
    """The app that serves this DID alone."""
    row = await (await connection.execute(_APP + b" AND did_hash = %s", (account_id, did_hash))).fetchone()
    return _app(row) if row else None


async def delete_app(connection: Connection, account_id: int, hash_: str) -> None:
    """Unless a DID is sent there."""
    await connection.execute(
        "DELETE FROM apps a WHERE account_id = %s AND hash = %s AND NOT EXISTS"
        " (SELECT FROM dids d WHERE d.account_id = a.account_id AND d.app_hash = a.hash)",
        (account_id, hash_),
    )


async def apps_by_hashes(connection: Connection, account_id: int, hashes: Sequence[str]) -> list[App]:
    cursor = await connection.execute(_APP + b" AND hash = ANY(%s)", (account_id, list(hashes)))
    return [_app(row) for row in await cursor.fetchall()]


async def apps_of(
    connection: Connection, account_id: int, *, shared_only: bool = False, offset: int = 0, limit: int | None = None
) -> list[App]:
    """By creation. shared_only: without those that serve one DID alone."""
    shared = b" AND did_hash IS NULL" if shared_only else b""
    cursor = await connection.execute(
        _APP + shared + b" ORDER BY created_at, hash LIMIT %s OFFSET %s", (account_id, limit, offset)
    )
    return [_app(row) for row in await cursor.fetchall()]


async def add_app(connection: Connection, app: App) -> None:
    await connection.execute(
        "INSERT INTO apps (account_id, hash, package, name, params, created_at, updated_at, did_hash)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            app.account_id, app.hash, app.package, app.name, Jsonb(app.params), app.created_at, app.updated_at, app.did_hash,
        ),
    )  # fmt: skip


async def update_app(connection: Connection, app: App) -> None:
    await connection.execute(
        "UPDATE apps SET name = %s, params = %s, updated_at = %s WHERE account_id = %s AND hash = %s",
        (app.name, Jsonb(app.params), app.updated_at, app.account_id, app.hash),
    )
