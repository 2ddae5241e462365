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


async def search_apps(
    connection: Connection, account_id: int, name_contains: str | None, *, offset: int, limit: int
) -> tuple[list[App], int]:
    """(page by creation, total). name_contains: in either letter case."""
    part = None if name_contains is None else name_contains.lower()
    matching = b" AND coalesce(strpos(lower(name), %s) > 0, true)"
    count = b"SELECT count(*) FROM apps WHERE account_id = %s" + matching
    total = await (await connection.execute(count, (account_id, part))).fetchone()
    cursor = await connection.execute(
        _APP + matching + b" ORDER BY created_at, hash LIMIT %s OFFSET %s", (account_id, part, limit, offset)
    )
    return [_app(row) for row in await cursor.fetchall()], total[0] if total else 0


async def release_dids(connection: Connection, account_id: int, hash_: str) -> None:
    """The app's numbers answer nobody from now on."""
    await connection.execute(
        "UPDATE dids SET app_hash = NULL, assigned_at = NULL WHERE account_id = %s AND app_hash = %s",
        (account_id, hash_),
    )


async def authorized_clis(connection: Connection, account_id: int, kind: str) -> list[str]:
    """What the account may show to those whom it calls (CALL) or texts (SMS), beside its own numbers."""
    cursor = await connection.execute(
        "SELECT number FROM authorized_clis WHERE account_id = %s AND kind = %s ORDER BY number", (account_id, kind)
    )
    return [row[0] for row in await cursor.fetchall()]


async def authorize_cli(connection: Connection, account_id: int, kind: str, number: str) -> None:
    """Repeating changes nothing."""
    await connection.execute(
        "INSERT INTO authorized_clis (account_id, kind, number) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (account_id, kind, number),
    )


async def withdraw_cli(connection: Connection, account_id: int, kind: str, number: str) -> bool:
    """False: it was none."""
    cursor = await connection.execute(
        "DELETE FROM authorized_clis WHERE account_id = %s AND kind = %s AND number = %s", (account_id, kind, number)
    )
    return cursor.rowcount > 0


async def may_show(connection: Connection, account_id: int, number_e164: str) -> bool:
    """Whether the account may call with this number: one of its own, or authorised."""
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM dids WHERE account_id = %s AND number_e164 = %s) OR EXISTS"
        " (SELECT FROM authorized_clis WHERE account_id = %s AND kind = 'CALL' AND number = %s)",
        (account_id, number_e164, account_id, number_e164),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def add_app(connection: Connection, app: App) -> bool:
    """False: its hash is taken."""
    cursor = await connection.execute(
        "INSERT INTO apps (account_id, hash, package, name, params, created_at, updated_at, did_hash)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (hash) DO NOTHING",
        (
            app.account_id, app.hash, app.package, app.name, Jsonb(app.params), app.created_at, app.updated_at, app.did_hash,
        ),
    )  # fmt: skip
    return cursor.rowcount == 1


async def update_app(connection: Connection, app: App) -> None:
    await connection.execute(
        "UPDATE apps SET name = %s, params = %s, updated_at = %s WHERE account_id = %s AND hash = %s",
        (app.name, Jsonb(app.params), app.updated_at, app.account_id, app.hash),
    )
