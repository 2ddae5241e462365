"""Accounts, properties, credentials, web sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ringtrail.model.account import Account, Bar, Property
from ringtrail.storage.database import Connection

_ACCOUNT = (
    "a.id, a.sid, a.name, a.timezone, a.country, a.currency, a.billing_increment_s, a.outbound_prefixes, a.hash,"
    " a.parent_id, a.locale, a.profile, a.disabled_at IS NOT NULL, a.archived_at IS NOT NULL, a.barred"
)
_ACCOUNT_COLUMNS = _ACCOUNT.count(",") + 1
_PROPERTY = (
    "p.id, p.account_id, p.sid, p.name, p.timezone, p.active, p.masks_callers, p.main_domain, p.sms_enabled,"
    " p.call_recording_enabled, p.integrations_enabled"
)

_LOCK = {False: "", True: " FOR NO KEY UPDATE"}


class Credential(NamedTuple):
    id: int
    account: Account
    property: Property | None
    login: str | None
    secret_hash: bytes
    salt: bytes | None


def _account(row: Sequence[Any]) -> Account:
    return Account(
        id=row[0], sid=row[1], name=row[2], timezone=row[3], country=row[4], currency=row[5], billing_increment_s=row[6],
        outbound_prefixes=tuple(row[7]), hash=row[8], parent_id=row[9], locale=row[10], profile=row[11], disabled=row[12],
        archived=row[13], barred=frozenset(Bar(word) for word in row[14]),
    )  # fmt: skip


def _property(row: tuple[object, ...]) -> Property:
    id_, account_id, sid, name, timezone, active, masks, domain, sms, recording, integrations = row
    return Property(
        id=id_, account_id=account_id, sid=sid, name=name, timezone=timezone, active=active, masks_callers=masks,  # type: ignore[arg-type]
        main_domain=domain, sms_enabled=sms, call_recording_enabled=recording, integrations_enabled=integrations,  # type: ignore[arg-type]
    )  # fmt: skip


_CREDENTIAL = (
    f"SELECT c.id, c.login, c.secret_hash, c.salt, {_ACCOUNT}, {_PROPERTY} FROM credentials c"
    " JOIN accounts a ON a.id = c.account_id"
    " LEFT JOIN properties p ON p.account_id = c.account_id AND p.id = c.property_id WHERE c.revoked_at IS NULL AND a.disabled_at IS NULL AND "
)


def _credential(row: Sequence[Any]) -> Credential:
    id_, login, secret_hash, salt, *rest = row
    account, owner = rest[:_ACCOUNT_COLUMNS], rest[_ACCOUNT_COLUMNS:]
    return Credential(
        id_, _account(account), _property(tuple(owner)) if owner[0] is not None else None, login, secret_hash, salt
    )


async def credential_by_digest(connection: Connection, dialect: str, digest: bytes) -> Credential | None:
    """The live credential of a random token, by its SHA-256."""
    row = await (
        await connection.execute(
            (_CREDENTIAL + "c.dialect = %s AND c.scheme = 'sha256' AND c.secret_hash = %s").encode(), (dialect, digest)
        )
    ).fetchone()
    return _credential(row) if row else None


async def credential_by_login(connection: Connection, dialect: str, login: str) -> Credential | None:
    """The live credential of a login with a password."""
    row = await (
        await connection.execute(
            (_CREDENTIAL + "c.dialect = %s AND c.scheme = 'scrypt' AND c.login = %s").encode(), (dialect, login)
        )
    ).fetchone()
    return _credential(row) if row else None


async def credential_by_session(connection: Connection, token_hash: bytes, now: datetime) -> Credential | None:
    joins = " JOIN web_sessions w ON w.account_id = c.account_id AND w.credential_id = c.id"
    return await live_credential(connection, joins, "w.token_hash = %s AND w.expires_at > %s", (token_hash, now))


async def live_credential(
    connection: Connection, joins: str, where: str, values: tuple[object, ...]
) -> Credential | None:
    """A credential (`c`) that is not revoked, found through what `joins` adds."""
    query = _CREDENTIAL.replace(" WHERE", joins + " WHERE") + where
    row = await (await connection.execute(query.encode(), values)).fetchone()
    return _credential(row) if row else None


async def add_session(
    connection: Connection, account_id: int, credential_id: int, token_hash: bytes, expires_at: datetime
) -> None:
    await connection.execute("DELETE FROM web_sessions WHERE account_id = %s AND expires_at < now()", (account_id,))
    await connection.execute(
        "INSERT INTO web_sessions (account_id, token_hash, credential_id, expires_at) VALUES (%s, %s, %s, %s)",
        (account_id, token_hash, credential_id, expires_at),
    )


async def delete_session(connection: Connection, token_hash: bytes) -> None:
    await connection.execute("DELETE FROM web_sessions WHERE token_hash = %s", (token_hash,))


async def add_account(connection: Connection, account: Account) -> int:
    """Insert; account.id is ignored and the new one returned."""
    row = await (
        await connection.execute(
            "INSERT INTO accounts (sid, name, timezone, country, currency, billing_increment_s, outbound_prefixes)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (
                account.sid, account.name, account.timezone, account.country, account.currency,
                account.billing_increment_s, list(account.outbound_prefixes),
            ),
        )
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


async def add_property(connection: Connection, item: Property) -> int:
    """Insert; item.id is ignored and the new one returned."""
    row = await (
        await connection.execute(
            "INSERT INTO properties (account_id, sid, name, timezone, active, masks_callers, main_domain, sms_enabled,"
            " call_recording_enabled, integrations_enabled) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (
                item.account_id, item.sid, item.name, item.timezone, item.active, item.masks_callers, item.main_domain,
                item.sms_enabled, item.call_recording_enabled, item.integrations_enabled,
            ),
        )
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


async def update_property(connection: Connection, item: Property) -> None:
    await connection.execute(
        "UPDATE properties SET name = %s, timezone = %s, active = %s, masks_callers = %s, main_domain = %s,"
        " sms_enabled = %s, call_recording_enabled = %s, integrations_enabled = %s WHERE account_id = %s AND id = %s",
        (
            item.name, item.timezone, item.active, item.masks_callers, item.main_domain, item.sms_enabled,
            item.call_recording_enabled, item.integrations_enabled, item.account_id, item.id,
        ),
    )  # fmt: skip


async def add_credential(
    connection: Connection,
    *,
    account_id: int,
    property_id: int | None,
    dialect: str,
    login: str | None,
    scheme: str,
    secret_hash: bytes,
    salt: bytes | None,
    label: str,
) -> int:
    row = await (
        await connection.execute(
            "INSERT INTO credentials (account_id, property_id, dialect, login, scheme, secret_hash, salt, label)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (account_id, property_id, dialect, login, scheme, secret_hash, salt, label),
        )
    ).fetchone()
    assert row is not None
    return int(row[0])


async def login_exists(connection: Connection, dialect: str, login: str) -> bool:
    """Whoever's it is, or was."""
    row = await (
        await connection.execute(
            "SELECT EXISTS (SELECT FROM credentials WHERE dialect = %s AND login = %s AND scheme = 'scrypt')",
            (dialect, login),
        )
    ).fetchone()
    return bool(row and row[0])


async def any_account(connection: Connection) -> Account | None:
    """The first account, if there is one: a database without accounts is a first run."""
    row = await (
        await connection.execute(f"SELECT {_ACCOUNT} FROM accounts a ORDER BY a.id LIMIT 1".encode())
    ).fetchone()
    return _account(row) if row else None


async def account_by_id(connection: Connection, account_id: int) -> Account | None:
    row = await (
        await connection.execute(f"SELECT {_ACCOUNT} FROM accounts a WHERE a.id = %s".encode(), (account_id,))
    ).fetchone()
    return _account(row) if row else None


async def find(
    connection: Connection, where: str, values: Sequence[Any], *, offset: int = 0, limit: int | None = None
) -> tuple[list[Account], int]:
    """(page, total) of accounts (`a`) that fit, oldest first."""
    cursor = await connection.execute(
        f"SELECT {_ACCOUNT} FROM accounts a WHERE {where} ORDER BY a.id LIMIT %s OFFSET %s".encode(),
        (*values, limit, offset),
    )
    page = [_account(row) for row in await cursor.fetchall()]
    count = await (
        await connection.execute(f"SELECT count(*) FROM accounts a WHERE {where}".encode(), tuple(values))
    ).fetchone()
    return page, count[0] if count else 0


async def account_by_sid(connection: Connection, sid: str) -> Account | None:
    row = await (
        await connection.execute(f"SELECT {_ACCOUNT} FROM accounts a WHERE a.sid = %s".encode(), (sid.upper(),))
    ).fetchone()
    return _account(row) if row else None


async def all_accounts(connection: Connection) -> list[Account]:
    cursor = await connection.execute(f"SELECT {_ACCOUNT} FROM accounts a ORDER BY a.id".encode())
    return [_account(row) for row in await cursor.fetchall()]


async def set_outbound_prefixes(connection: Connection, account_id: int, prefixes: tuple[str, ...]) -> None:
    await connection.execute("UPDATE accounts SET outbound_prefixes = %s WHERE id = %s", (list(prefixes), account_id))


async def property_by_sid(connection: Connection, account_id: int, sid: str, *, lock: bool = False) -> Property | None:
    """lock: nobody else changes it before the end of the transaction."""
    row = await (
        await connection.execute(
            f"SELECT {_PROPERTY} FROM properties p WHERE p.account_id = %s AND p.sid = %s{_LOCK[lock]}".encode(),
            (account_id, sid.upper()),
        )
    ).fetchone()
    return _property(row) if row else None


async def property_by_id(connection: Connection, account_id: int, property_id: int) -> Property | None:
    row = await (
        await connection.execute(
            f"SELECT {_PROPERTY} FROM properties p WHERE p.account_id = %s AND p.id = %s".encode(),
            (account_id, property_id),
        )
    ).fetchone()
    return _property(row) if row else None


async def first_property_id(connection: Connection, account_id: int) -> int | None:
    """The account's oldest property."""
    row = await (
        await connection.execute("SELECT min(id) FROM properties WHERE account_id = %s", (account_id,))
    ).fetchone()
    return row[0] if row else None


async def properties_of(connection: Connection, account_id: int) -> list[Property]:
    cursor = await connection.execute(
        f"SELECT {_PROPERTY} FROM properties p WHERE p.account_id = %s ORDER BY p.id".encode(),
        (account_id,),
    )
    return [_property(row) for row in await cursor.fetchall()]
