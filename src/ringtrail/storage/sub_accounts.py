"""Accounts below an account; keys and sessions that an API's own methods make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from ringtrail.model.account import Account, ApiKey
from ringtrail.storage import accounts
from ringtrail.storage.database import Connection


async def add(
    connection: Connection, parent: Account, sid: str, hash_: str, name: str, profile: Mapping[str, Any]
) -> Account | None:
    """An account below `parent`, with its country, currency, tariff and all else that a profile does not say. None: its hash
    is taken."""
    row = await (
        await connection.execute(
            "INSERT INTO accounts (sid, hash, name, timezone, country, currency, billing_increment_s, outbound_prefixes,"
            " parent_id, locale, profile, billing_mode, tariff, most_sub_accounts)"
            " SELECT %s, %s, %s, timezone, country, currency, billing_increment_s, outbound_prefixes, id, locale, %s,"
            " billing_mode, tariff, 0 FROM accounts WHERE id = %s ON CONFLICT (hash) DO NOTHING RETURNING id",
            (sid, hash_, name, Jsonb(dict(profile), dumps=json.dumps), parent.id),
        )
    ).fetchone()
    return await accounts.account_by_id(connection, row[0]) if row else None


async def below(
    connection: Connection, parent_id: int, *, archived: bool | None, offset: int, limit: int | None
) -> tuple[list[Account], int]:
    """(page, total), oldest first. archived None: both."""
    return await accounts.find(
        connection, "a.parent_id = %s AND coalesce((a.archived_at IS NOT NULL) = %s, true)", (parent_id, archived),
        offset=offset, limit=limit,
    )  # fmt: skip


async def by_hash(connection: Connection, parent_id: int, hash_: str, *, lock: bool = False) -> Account | None:
    found, _ = await accounts.find(connection, "a.parent_id = %s AND a.hash = %s", (parent_id, hash_), limit=1)
    if found and lock:
        await connection.execute("SELECT FROM accounts WHERE id = %s FOR NO KEY UPDATE", (found[0].id,))
        found, _ = await accounts.find(connection, "a.id = %s", (found[0].id,), limit=1)
    return found[0] if found else None


async def reached(connection: Connection, master_id: int, where: str, values: Sequence[Any]) -> Account | None:
    """The account that `where` tells of `a`, if it is the master or one below it."""
    found, _ = await accounts.find(connection, f"%s IN (a.id, a.parent_id) AND {where}", (master_id, *values), limit=1)
    return found[0] if found else None


async def reached_by_hash(connection: Connection, master_id: int, hash_: str) -> Account | None:
    return await reached(connection, master_id, "a.hash = %s", (hash_,))


async def reached_by_login(connection: Connection, master_id: int, dialect: str, login: str) -> Account | None:
    owner = (
        "a.id = (SELECT c.account_id FROM credentials c WHERE c.dialect = %s AND c.login = %s AND c.scheme = 'scrypt'"
        " AND c.revoked_at IS NULL)"
    )
    return await reached(connection, master_id, owner, (dialect, login))


async def write(connection: Connection, account: Account, now: datetime) -> None:
    """Its name, profile, bars, currency, locale and time zone, and whether it is disabled or archived."""
    await connection.execute(
        "UPDATE accounts SET name = %s, profile = %s, barred = %s, currency = %s, locale = %s, timezone = %s,"
        " disabled_at = CASE WHEN %s THEN coalesce(disabled_at, %s) END,"
        " archived_at = CASE WHEN %s THEN coalesce(archived_at, %s) END WHERE id = %s",
        (
            account.name, Jsonb(dict(account.profile), dumps=json.dumps), sorted(account.barred), account.currency,
            account.locale, account.timezone, account.disabled, now, account.archived, now, account.id,
        ),
    )  # fmt: skip


async def quota(connection: Connection, parent_id: int, *, lock: bool = False) -> tuple[int, int]:
    """(accounts below that are not archived, most). lock: nobody else adds one before the end of the transaction."""
    if lock:
        await connection.execute("SELECT FROM accounts WHERE id = %s FOR NO KEY UPDATE", (parent_id,))
    row = await (
        await connection.execute(
            "SELECT (SELECT count(*) FROM accounts s WHERE s.parent_id = a.id AND s.archived_at IS NULL),"
            " a.most_sub_accounts FROM accounts a WHERE a.id = %s",
            (parent_id,),
        )
    ).fetchone()
    assert row is not None
    return row[0], row[1]


async def logins_of(connection: Connection, account_ids: Sequence[int], dialect: str) -> dict[int, str]:
    """The oldest login of each account that has one in this dialect."""
    cursor = await connection.execute(
        "SELECT DISTINCT ON (account_id) account_id, login FROM credentials WHERE account_id = ANY(%s) AND dialect = %s"
        " AND scheme = 'scrypt' AND revoked_at IS NULL ORDER BY account_id, id",
        (list(account_ids), dialect),
    )
    return dict(await cursor.fetchall())


async def credits_of(connection: Connection, account_ids: Sequence[int]) -> dict[int, tuple[int, bool]]:
    """{account id: balance in micro, whether paid work is stopped}, of accounts that have one."""
    cursor = await connection.execute(
        "SELECT account_id, balance_micro, shut_at IS NOT NULL FROM balances WHERE account_id = ANY(%s)",
        (list(account_ids),),
    )
    return {account_id: (micro, shut) for account_id, micro, shut in await cursor.fetchall()}


async def move_dids(
    connection: Connection, from_id: int, to_id: int, to_property_id: int, hashes: Sequence[str]
) -> int:
    """Numbers without an app, from one account to another. Returns how many there were."""
    cursor = await connection.execute(
        "UPDATE dids SET account_id = %s, property_id = %s, settings = '{}' WHERE account_id = %s AND hash = ANY(%s) AND app_hash IS NULL",
        (to_id, to_property_id, from_id, list(hashes)),
    )
    return cursor.rowcount


# --- keys and sessions ----------------------------------------------------------------------------------------------


async def keys(connection: Connection, account_id: int, dialect: str) -> list[ApiKey]:
    """Oldest first, without those that are bound to a property."""
    cursor = await connection.execute(
        "SELECT id, label, created_at, updated_at, last_used_at FROM credentials WHERE account_id = %s AND dialect = %s"
        " AND scheme = 'sha256' AND property_id IS NULL AND revoked_at IS NULL ORDER BY id",
        (account_id, dialect),
    )
    return [ApiKey._make(row) for row in await cursor.fetchall()]


async def revoke_key(connection: Connection, account_id: int, dialect: str, key_id: int, now: datetime) -> bool:
    """False: the account has no such key."""
    cursor = await connection.execute(
        "UPDATE credentials SET revoked_at = %s, updated_at = %s WHERE account_id = %s AND dialect = %s AND id = %s"
        " AND scheme = 'sha256' AND property_id IS NULL AND revoked_at IS NULL",
        (now, now, account_id, dialect, key_id),
    )
    return cursor.rowcount == 1


async def note_use(connection: Connection, account_id: int, credential_id: int, now: datetime) -> None:
    await connection.execute(
        "UPDATE credentials SET last_used_at = %s WHERE account_id = %s AND id = %s", (now, account_id, credential_id)
    )


class ApiSession(NamedTuple):
    """Field order is the SELECT order below."""

    secrets: bytes  # both tokens, sealed
    valid_until: datetime
    refreshable_until: datetime


async def add_session(
    connection: Connection,
    account_id: int,
    credential_id: int,
    token_hash: bytes,
    refresh_hash: bytes,
    *,
    secrets: bytes,
    valid_until: datetime,
    refreshable_until: datetime,
    now: datetime,
    keep: int,
) -> None:
    """keep: how many of the credential's newest sessions go on beside this one."""
    await connection.execute(
        "DELETE FROM api_sessions WHERE account_id = %s AND (refreshable_until < %s OR id IN (SELECT id FROM api_sessions"
        " WHERE account_id = %s AND credential_id = %s ORDER BY id DESC OFFSET %s))",
        (account_id, now, account_id, credential_id, keep),
    )
    await connection.execute(
        "INSERT INTO api_sessions (account_id, credential_id, token_hash, refresh_hash, secrets, valid_until,"
        " refreshable_until, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (account_id, credential_id, token_hash, refresh_hash, secrets, valid_until, refreshable_until, now),
    )


async def credential_by_session(
    connection: Connection, dialect: str, token_hash: bytes, now: datetime, *, expired: bool = False
) -> accounts.Credential | None:
    """expired: also of a session that can only be refreshed."""
    joins = " JOIN api_sessions w ON w.account_id = c.account_id AND w.credential_id = c.id"
    until = "w.refreshable_until" if expired else "w.valid_until"
    where = f"c.dialect = %s AND w.token_hash = %s AND {until} > %s"
    return await accounts.live_credential(connection, joins, where, (dialect, token_hash, now))


async def sessions(connection: Connection, account_id: int, credential_id: int, now: datetime) -> list[ApiSession]:
    """Oldest first, those that can still be used or refreshed."""
    cursor = await connection.execute(
        "SELECT secrets, valid_until, refreshable_until FROM api_sessions WHERE account_id = %s"
        " AND credential_id = %s AND refreshable_until > %s ORDER BY id",
        (account_id, credential_id, now),
    )
    return [ApiSession._make(row) for row in await cursor.fetchall()]


async def end_session(
    connection: Connection,
    account_id: int,
    credential_id: int,
    now: datetime,
    *,
    token_hash: bytes | None = None,
    refresh_hash: bytes | None = None,
) -> bool:
    """End the session of a token, or of a refresh token that is still good. False: there is none."""
    cursor = await connection.execute(
        "DELETE FROM api_sessions WHERE account_id = %s AND credential_id = %s"
        " AND (token_hash = %s OR refresh_hash = %s AND refreshable_until > %s)",
        (account_id, credential_id, token_hash, refresh_hash, now),
    )
    return cursor.rowcount == 1
