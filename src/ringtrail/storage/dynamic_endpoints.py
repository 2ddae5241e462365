"""Endpoints that are named for one thing, and are in no list: a request's URL, an address that an app mails its voicemails to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from ringtrail.model.webhook import Endpoint
from ringtrail.storage.database import Connection
from ringtrail.storage.webhooks import ENDPOINT, endpoint_of

_OF_ADDRESSES = "account_id = %s AND dialect = %s AND dynamic AND md5(address) = ANY(%s) AND address = ANY(%s)"


def _digests(addresses: Sequence[str]) -> list[str]:
    """What they are indexed by: an address may be longer than an entry of an index."""
    return [hashlib.md5(address.encode(), usedforsecurity=False).hexdigest() for address in addresses]


async def of_address(
    connection: Connection, account_id: int, dialect: str, address: str
) -> list[tuple[Endpoint, bytes | None]]:
    """They and their sealed secrets, oldest first."""
    cursor = await connection.execute(
        f"SELECT secrets, {ENDPOINT} FROM endpoints WHERE {_OF_ADDRESSES} ORDER BY created_at, hash".encode(),
        (account_id, dialect, _digests([address]), [address]),
    )
    return [(endpoint_of(row[1:]), None if row[0] is None else bytes(row[0])) for row in await cursor.fetchall()]


async def held(connection: Connection, account_id: int, dialect: str, addresses: Sequence[str]) -> list[Endpoint]:
    """Those with these addresses, nobody else's to change until the transaction ends."""
    cursor = await connection.execute(
        f"SELECT {ENDPOINT} FROM endpoints WHERE {_OF_ADDRESSES} ORDER BY hash FOR NO KEY UPDATE".encode(),
        (account_id, dialect, _digests(addresses), list(addresses)),
    )
    return [endpoint_of(row) for row in await cursor.fetchall()]


async def count(connection: Connection, account_id: int, dialect: str) -> int:
    row = await (
        await connection.execute(
            "SELECT count(*) FROM endpoints WHERE account_id = %s AND dialect = %s AND dynamic", (account_id, dialect)
        )
    ).fetchone()
    return row[0] if row else 0


async def note_named(
    connection: Connection, account_id: int, dialect: str, addresses: Sequence[str], now: datetime
) -> None:
    """Somebody names dynamic endpoints again: they are not forgotten soon. Noted once a day."""
    await connection.execute(
        f"UPDATE endpoints SET updated_at = %s WHERE {_OF_ADDRESSES} AND updated_at < %s - interval '1 day'".encode(),
        (now, account_id, dialect, _digests(addresses), list(addresses), now),
    )


async def forget(connection: Connection, until: datetime, limit: int) -> int:
    """Dynamic endpoints that nobody has named since then, that were told nothing that is still known, and that no job waits to
    tell anything; not what the operator has disabled, which would be made anew. Returns how many."""
    cursor = await connection.execute(
        "DELETE FROM endpoints WHERE (account_id, hash) IN (SELECT account_id, hash FROM endpoints e"
        " WHERE e.dynamic AND e.updated_at < %s AND coalesce(e.disabled_by = 'system', true)"
        " AND NOT EXISTS (SELECT FROM deliveries d WHERE d.account_id = e.account_id AND d.endpoint_hash = e.hash)"
        " AND NOT EXISTS (SELECT FROM jobs j WHERE j.account_id = e.account_id AND j.endpoint_hash = e.hash"
        " AND j.done_at IS NULL) LIMIT %s FOR UPDATE SKIP LOCKED)",
        (until, limit),
    )
    return cursor.rowcount
