"""Commands to live calls: written by whoever serves a request, carried out by the controller that has the call."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ringtrail.storage.database import Connection

COMMAND_CHANNEL = "call_command"
"""Notified of each new command; the payload is the node that it is for."""


class Command(NamedTuple):
    """Hang up this leg."""

    account_id: int
    id: int
    leg_id: int


async def node_of_live_leg(connection: Connection, account_id: int, leg_id: int) -> str | None:
    """The node of the call in progress that has this leg. None: no such leg, or it has ended."""
    cursor = await connection.execute(
        "SELECT c.node FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id"
        " WHERE l.account_id = %s AND l.id = %s AND l.ended_at IS NULL AND c.ended_at IS NULL",
        (account_id, leg_id),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def add(connection: Connection, account_id: int, node: str, leg_id: int, now: datetime) -> int:
    cursor = await connection.execute(
        "INSERT INTO call_commands (account_id, node, leg_id, created_at) VALUES (%s, %s, %s, %s) RETURNING id",
        (account_id, node, leg_id, now),
    )
    row = await cursor.fetchone()
    assert row is not None
    await connection.execute("SELECT pg_notify(%s, %s)", (COMMAND_CHANNEL, node))
    return int(row[0])


async def waiting(connection: Connection, node: str) -> list[Command]:
    """Locked until the transaction ends."""
    cursor = await connection.execute(
        "SELECT account_id, id, leg_id FROM call_commands WHERE node = %s AND done_at IS NULL ORDER BY id LIMIT 100"
        " FOR UPDATE SKIP LOCKED",
        (node,),
    )
    return [Command._make(row) for row in await cursor.fetchall()]


async def done(connection: Connection, account_id: int, id_: int, now: datetime, *, worked: bool) -> None:
    """Unless it is done already."""
    await connection.execute(
        "UPDATE call_commands SET done_at = %s, worked = %s WHERE account_id = %s AND id = %s AND done_at IS NULL",
        (now, worked, account_id, id_),
    )


async def outcome(connection: Connection, account_id: int, id_: int) -> bool | None:
    """Whether it worked. None: it still waits."""
    cursor = await connection.execute(
        "SELECT worked FROM call_commands WHERE account_id = %s AND id = %s", (account_id, id_)
    )
    row = await cursor.fetchone()
    return row[0] if row else False


async def take_back(connection: Connection, account_id: int, id_: int) -> bool:
    """Forget a command, carried out or not. Whether it worked."""
    cursor = await connection.execute(
        "DELETE FROM call_commands WHERE account_id = %s AND id = %s RETURNING worked", (account_id, id_)
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def forget(connection: Connection, until: datetime, limit: int) -> int:
    """Commands that were given before then: whoever asked waited for seconds. Returns how many."""
    cursor = await connection.execute(
        "DELETE FROM call_commands WHERE (account_id, id) IN (SELECT account_id, id FROM call_commands"
        " WHERE created_at < %s ORDER BY id LIMIT %s)",
        (until, limit),
    )
    return cursor.rowcount
