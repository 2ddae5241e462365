"""An account's two counters of calls. Whoever holds them writes what has an order: calls, corrections, events."""

from __future__ import annotations

from ringtrail.storage.database import Connection


async def lock(connection: Connection, account_id: int) -> tuple[int, int]:
    """(creation, change) of the account, nobody else's until the transaction ends."""
    await connection.execute("INSERT INTO call_counters (account_id) VALUES (%s) ON CONFLICT DO NOTHING", (account_id,))
    row = await (
        await connection.execute(
            "SELECT creation, change FROM call_counters WHERE account_id = %s FOR UPDATE", (account_id,)
        )
    ).fetchone()
    assert row is not None
    return row[0], row[1]


async def write(connection: Connection, account_id: int, creation: int, change: int) -> None:
    await connection.execute(
        "UPDATE call_counters SET creation = %s, change = %s WHERE account_id = %s", (creation, change, account_id)
    )
