"""Click-to-calls of apps: asked for, tried, called off. Their orders are in buttons.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from ringtrail.model.app import Target, targets_of
from ringtrail.model.button import ClickToCall, TryLeg
from ringtrail.storage.database import Connection

CLICK = (
    "c.hash, c.account_id, c.app_hash, c.a_targets, c.b_targets, c.params, c.cli, c.cdr_field, c.created_at,"
    " c.scheduled_at, c.position, c.cancelled_at"
)

_OVER_AT = "coalesce(finished_at, scheduled_at, created_at)"
"""When one was over; of one that never ended, when it was to begin."""


def click_of(row: Sequence[Any]) -> ClickToCall:
    """Of the columns CLICK; instants may be text, as JSON has them."""
    return ClickToCall(
        hash=row[0], account_id=row[1], app_hash=row[2], a_targets=targets_of(row[3]), b_targets=targets_of(row[4]),
        params=row[5], cli=row[6], cdr_field=row[7], created_at=_instant(row[8]),
        scheduled_at=_instant(row[9]) if row[9] else None, position=row[10],
        cancelled_at=_instant(row[11]) if row[11] else None,
    )  # fmt: skip


def _instant(value: str | datetime) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


async def add(connection: Connection, click: ClickToCall) -> None:
    await connection.execute(
        "INSERT INTO click_to_calls (hash, account_id, app_hash, a_targets, b_targets, params, cli, cdr_field, created_at,"
        " scheduled_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            click.hash, click.account_id, click.app_hash, _stored(click.a_targets), _stored(click.b_targets),
            Jsonb(dict(click.params)), click.cli, click.cdr_field, click.created_at, click.scheduled_at,
        ),
    )  # fmt: skip


def _stored(targets: Sequence[Target]) -> Jsonb:
    return Jsonb([{"number": target.number_e164, "timeout": target.ring_timeout_s} for target in targets])


async def first_property(connection: Connection, account_id: int) -> int | None:
    """Whose the calls are: an app has no property of its own."""
    cursor = await connection.execute("SELECT min(id) FROM properties WHERE account_id = %s AND active", (account_id,))
    row = await cursor.fetchone()
    return row[0] if row else None


async def cancel(connection: Connection, account_id: int, hash_: str, now: datetime) -> bool:
    """Call off what has not begun. False: it has."""
    cursor = await connection.execute(
        "DELETE FROM call_orders WHERE account_id = %s AND click_hash = %s AND position = 0 AND claimed_at IS NULL",
        (account_id, hash_),
    )
    if cursor.rowcount == 0:
        return False
    await connection.execute(
        "UPDATE click_to_calls SET cancelled_at = %s, finished_at = %s WHERE account_id = %s AND hash = %s",
        (now, now, account_id, hash_),
    )
    return True


async def by_hash(connection: Connection, account_id: int, hash_: str) -> ClickToCall | None:
    cursor = await connection.execute(
        f"SELECT {CLICK} FROM click_to_calls c WHERE c.account_id = %s AND c.hash = %s".encode(), (account_id, hash_)
    )
    row = await cursor.fetchone()
    return click_of(row) if row else None


async def of_app(
    connection: Connection, account_id: int, app_hash: str, start: datetime, end: datetime, limit: int
) -> list[ClickToCall]:
    """Those asked for in [start, end), oldest first."""
    cursor = await connection.execute(
        f"SELECT {CLICK} FROM click_to_calls c WHERE c.account_id = %s AND c.app_hash = %s AND c.created_at >= %s"
        " AND c.created_at < %s ORDER BY c.created_at, c.hash LIMIT %s".encode(),
        (account_id, app_hash, start, end, limit),
    )
    return [click_of(row) for row in await cursor.fetchall()]


class Try(NamedTuple):
    """A try that has been claimed: its call, and the legs of it that are known."""

    click_hash: str
    position: int
    call_id: int
    due_at: datetime
    claimed_at: datetime


async def tries(connection: Connection, account_id: int, hashes: Sequence[str]) -> list[Try]:
    """In the order in which they were made."""
    cursor = await connection.execute(
        "SELECT click_hash, position, call_id, due_at, claimed_at FROM call_orders WHERE account_id = %s"
        " AND click_hash = ANY(%s) AND claimed_at IS NOT NULL ORDER BY click_hash, position",
        (account_id, list(hashes)),
    )
    return [Try._make(row) for row in await cursor.fetchall()]


async def legs(connection: Connection, account_id: int, call_ids: Sequence[int]) -> list[TryLeg]:
    cursor = await connection.execute(
        "SELECT call_id, id, position, number, started_at, answered_at, ended_at, disposition FROM legs"
        " WHERE account_id = %s AND call_id = ANY(%s) ORDER BY call_id, position",
        (account_id, list(call_ids)),
    )
    return [TryLeg._make(row) for row in await cursor.fetchall()]


class Ended(NamedTuple):
    """A try that is over, of a click-to-call that may go on."""

    click: ClickToCall
    property_id: int
    late: bool  # it was claimed too late for a phone to ring
    reached: bool  # A answered
    ended_at: datetime


async def ended(connection: Connection, late_s: float, limit: int) -> list[Ended]:
    """Locked until the transaction ends; those that another controller looks at are left out."""
    cursor = await connection.execute(
        f"SELECT {CLICK}, o.property_id, o.claimed_at - o.due_at > make_interval(secs => %s), k.caller_answered_at IS NOT NULL,"
        " k.ended_at FROM click_to_calls c JOIN call_orders o ON o.account_id = c.account_id AND o.click_hash = c.hash"
        " AND o.position = c.position JOIN calls k ON k.account_id = o.account_id AND k.id = o.call_id"
        " AND k.started_at >= o.claimed_at - interval '1 hour'"
        " WHERE c.finished_at IS NULL AND k.ended_at IS NOT NULL LIMIT %s FOR UPDATE OF c SKIP LOCKED".encode(),
        (late_s, limit),
    )
    return [Ended(click_of(row), *row[12:]) for row in await cursor.fetchall()]


async def go_on(connection: Connection, click: ClickToCall, position: int) -> None:
    await connection.execute(
        "UPDATE click_to_calls SET position = %s WHERE account_id = %s AND hash = %s",
        (position, click.account_id, click.hash),
    )


async def finish(connection: Connection, click: ClickToCall, now: datetime) -> None:
    await connection.execute(
        "UPDATE click_to_calls SET finished_at = %s WHERE account_id = %s AND hash = %s",
        (now, click.account_id, click.hash),
    )


async def forget(connection: Connection, until: datetime, limit: int) -> int:
    """Those that were over before then, or should have been, with their orders. Returns how many."""
    cursor = await connection.execute(
        "WITH old AS (DELETE FROM click_to_calls WHERE (account_id, hash) IN (SELECT account_id, hash FROM click_to_calls"
        f" WHERE {_OVER_AT} < %s ORDER BY {_OVER_AT} LIMIT %s) RETURNING account_id, hash),"
        " tries AS (DELETE FROM call_orders o USING old WHERE o.account_id = old.account_id AND o.click_hash = old.hash)"
        " SELECT count(*) FROM old".encode(),
        (until, limit),
    )
    row = await cursor.fetchone()
    return row[0] if row else 0
