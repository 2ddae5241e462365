"""Programs, the consents they were given, and their tokens."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ringtrail.model.oauth import Program
from ringtrail.storage.accounts import Credential, live_credential
from ringtrail.storage.database import Connection

_PROGRAM = "client_id, name, redirect_uris, created_at, disabled_at"
_GRANT = (
    "g.account_id, g.id, g.client_id, g.scope, g.redirect_uri, g.code_challenge, g.code_expires_at, g.code_used_at,"
    " g.revoked_at"
)


class Registered(NamedTuple):
    program: Program
    secret_hash: bytes


class Grant(NamedTuple):
    account_id: int
    id: int
    client_id: str
    scope: str
    redirect_uri: str | None
    code_challenge: str | None
    code_expires_at: datetime
    code_used_at: datetime | None
    revoked_at: datetime | None


class RefreshToken(NamedTuple):
    id: int
    refreshed_at: datetime | None
    created_at: datetime


def _program(row: tuple[object, ...]) -> Program:
    client_id, name, redirect_uris, created_at, disabled_at = row
    return Program(
        client_id=client_id, name=name, redirect_uris=tuple(redirect_uris), created_at=created_at,  # type: ignore[arg-type]
        disabled_at=disabled_at,  # type: ignore[arg-type]
    )  # fmt: skip


# --- programs -------------------------------------------------------------------------------------------------------


async def add_program(connection: Connection, program: Program, secret_hash: bytes) -> None:
    await connection.execute(
        "INSERT INTO oauth_clients (client_id, secret_hash, name, redirect_uris, created_at) VALUES (%s, %s, %s, %s, %s)",
        (program.client_id, secret_hash, program.name, list(program.redirect_uris), program.created_at),
    )


async def program_by_id(connection: Connection, client_id: str) -> Registered | None:
    query = f"SELECT {_PROGRAM}, secret_hash FROM oauth_clients WHERE client_id = %s"
    row = await (await connection.execute(query.encode(), (client_id,))).fetchone()
    return Registered(_program(row[:5]), row[5]) if row else None


async def all_programs(connection: Connection) -> list[Program]:
    cursor = await connection.execute(f"SELECT {_PROGRAM} FROM oauth_clients ORDER BY created_at, client_id".encode())
    return [_program(row) for row in await cursor.fetchall()]


async def disable_program(connection: Connection, client_id: str, now: datetime) -> Program | None:
    """Its consents end with it: enabling it again would not bring them back."""
    await connection.execute(
        "UPDATE oauth_grants SET revoked_at = %s WHERE client_id = %s AND revoked_at IS NULL", (now, client_id)
    )
    query = (
        f"UPDATE oauth_clients SET disabled_at = coalesce(disabled_at, %s) WHERE client_id = %s RETURNING {_PROGRAM}"
    )
    row = await (await connection.execute(query.encode(), (now, client_id))).fetchone()
    return _program(row) if row else None


# --- consents -------------------------------------------------------------------------------------------------------


async def add_grant(
    connection: Connection, *, account_id: int, credential_id: int, client_id: str, scope: str, redirect_uri: str | None,
    code_challenge: str | None, code_hash: bytes, code_expires_at: datetime,
) -> None:  # fmt: skip
    await connection.execute(
        "INSERT INTO oauth_grants (account_id, credential_id, client_id, scope, redirect_uri, code_challenge, code_hash,"
        " code_expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (account_id, credential_id, client_id, scope, redirect_uri, code_challenge, code_hash, code_expires_at),
    )


async def lock_grant_by_code(connection: Connection, code_hash: bytes) -> Grant | None:
    """The consent that a code stands for, locked until the transaction ends: one redemption at a time."""
    query = f"SELECT {_GRANT} FROM oauth_grants g WHERE g.code_hash = %s FOR UPDATE"
    row = await (await connection.execute(query.encode(), (code_hash,))).fetchone()
    return Grant(*row) if row else None


async def lock_grant_by_refresh(connection: Connection, refresh_hash: bytes) -> tuple[Grant, RefreshToken] | None:
    """As `lock_grant_by_code`. Both rows are locked, so that both are read as the lock's last holder left them."""
    query = (
        f"SELECT {_GRANT}, t.id, t.refreshed_at, t.created_at FROM oauth_grants g"
        " JOIN oauth_tokens t ON t.account_id = g.account_id AND t.grant_id = g.id"
        " WHERE t.refresh_hash = %s FOR UPDATE OF g, t"
    )
    row = await (await connection.execute(query.encode(), (refresh_hash,))).fetchone()
    return (Grant(*row[:9]), RefreshToken(*row[9:])) if row else None


async def use_code(connection: Connection, grant: Grant, now: datetime) -> None:
    await connection.execute(
        "UPDATE oauth_grants SET code_used_at = %s WHERE account_id = %s AND id = %s", (now, grant.account_id, grant.id)
    )


async def revoke_grant(connection: Connection, grant: Grant, now: datetime) -> None:
    """End every token that began with this consent."""
    await connection.execute(
        "UPDATE oauth_grants SET revoked_at = %s WHERE account_id = %s AND id = %s AND revoked_at IS NULL",
        (now, grant.account_id, grant.id),
    )


_GIVEN_BY = "g.account_id = %s AND (%s::bigint IS NULL OR g.credential_id = %s) AND g.revoked_at IS NULL"


async def programs_with_access(connection: Connection, account_id: int, credential_id: int | None) -> list[Program]:
    """Those that the account's logins, or one of them, let in."""
    query = (
        f"SELECT {_PROGRAM} FROM oauth_clients c WHERE disabled_at IS NULL AND EXISTS (SELECT FROM oauth_grants g"
        f" WHERE g.client_id = c.client_id AND g.code_used_at IS NOT NULL AND {_GIVEN_BY}) ORDER BY name, client_id"
    )
    cursor = await connection.execute(query.encode(), (account_id, credential_id, credential_id))
    return [_program(row) for row in await cursor.fetchall()]


async def revoke_program(
    connection: Connection, account_id: int, credential_id: int | None, client_id: str, now: datetime
) -> None:
    """End what these logins allowed a program."""
    query = f"UPDATE oauth_grants g SET revoked_at = %s WHERE g.client_id = %s AND {_GIVEN_BY}"
    await connection.execute(query.encode(), (now, client_id, account_id, credential_id, credential_id))


async def revoke_by_token(connection: Connection, client_id: str, token_hash: bytes, now: datetime) -> None:
    """End the consent behind an access or refresh token of this program; another's token is left alone."""
    await connection.execute(
        "UPDATE oauth_grants g SET revoked_at = %s FROM oauth_tokens t WHERE t.account_id = g.account_id AND"
        " t.grant_id = g.id AND g.client_id = %s AND g.revoked_at IS NULL AND %s IN (t.access_hash, t.refresh_hash)",
        (now, client_id, token_hash),
    )


# --- tokens ---------------------------------------------------------------------------------------------------------


async def add_tokens(
    connection: Connection, grant: Grant, *, access_hash: bytes, access_expires_at: datetime, refresh_hash: bytes,
    now: datetime,
) -> None:  # fmt: skip
    await connection.execute(
        "INSERT INTO oauth_tokens (account_id, grant_id, access_hash, access_expires_at, refresh_hash, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (grant.account_id, grant.id, access_hash, access_expires_at, refresh_hash, now),
    )


async def use_refresh_token(connection: Connection, grant: Grant, token: RefreshToken, now: datetime) -> None:
    await connection.execute(
        "UPDATE oauth_tokens SET refreshed_at = %s WHERE account_id = %s AND id = %s", (now, grant.account_id, token.id)
    )


async def forget_old(connection: Connection, account_id: int, before: datetime) -> None:
    """Delete what has been of no use since `before`: until then a replay of it is still recognized."""
    await connection.execute(
        "DELETE FROM oauth_tokens WHERE account_id = %s AND refreshed_at < %s AND access_expires_at < %s",
        (account_id, before, before),
    )
    await connection.execute(
        "DELETE FROM oauth_grants WHERE account_id = %s AND"
        " (revoked_at < %s OR (code_used_at IS NULL AND code_expires_at < %s))",
        (account_id, before, before),
    )


async def credential_by_access_token(
    connection: Connection, access_hash: bytes, scope: str, now: datetime
) -> Credential | None:
    """The login that consented, while the token, the consent, the program and the login all stand."""
    joins = (
        " JOIN oauth_grants g ON g.account_id = c.account_id AND g.credential_id = c.id"
        " JOIN oauth_tokens t ON t.account_id = g.account_id AND t.grant_id = g.id"
        " JOIN oauth_clients o ON o.client_id = g.client_id"
    )
    where = (
        "t.access_hash = %s AND t.access_expires_at > %s AND g.revoked_at IS NULL AND o.disabled_at IS NULL"
        " AND %s = ANY (string_to_array(g.scope, ' '))"
    )
    return await live_credential(connection, joins, where, (access_hash, now, scope))
