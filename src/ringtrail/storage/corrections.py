"""Ended calls that their owner corrects or deletes. Counters and rollups follow in the same transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ringtrail.model.call import Call
from ringtrail.model.events import EventType
from ringtrail.model.rollup import contribution, merge
from ringtrail.storage import counters, rollups
from ringtrail.storage.calls import INSERT_COLUMNS, call_event, call_row, save_legs
from ringtrail.storage.database import Connection
from ringtrail.storage.events import tell

_KEPT = {"account_id", "id", "creation_seq", "caller_is_new"}
_CHANGED = tuple(column for column in INSERT_COLUMNS if column not in _KEPT)
_UPDATE = (
    f"UPDATE calls SET {', '.join(f'{column} = %s' for column in _CHANGED)}"
    " WHERE account_id = %s AND id = %s AND started_at = %s RETURNING revenue_minor"
).encode()


async def lock(connection: Connection, account_id: int, call_id: int) -> None:
    """Take, first of all, what correcting or removing a call needs, in the order in which others take it.

    Recordings before counters, as whoever finishes a recording does; counters before the call, as whoever saves one does.
    Two corrections of one account come one after the other: none waits for a row that the other moves to another month,
    which PostgreSQL refuses.
    """
    await connection.execute(
        "SELECT 1 FROM recordings WHERE account_id = %s AND call_id = %s ORDER BY hash FOR UPDATE",
        (account_id, call_id),
    )
    await counters.lock(connection, account_id)


async def correct(connection: Connection, before: Call, after: Call) -> None:
    """Put `after` in the place of `before`, the call as `live.ended_call` gave it in this transaction, after `lock`.

    Its recordings and trace stay as they are, moved in time with its start.
    """
    creation, change = await counters.lock(connection, before.account_id)
    row = dict(zip(INSERT_COLUMNS, call_row(after, 0, change + 1, False), strict=True))
    cursor = await connection.execute(
        _UPDATE, [*(row[column] for column in _CHANGED), before.account_id, before.id, before.started_at]
    )
    revenue = await cursor.fetchone()
    assert revenue is not None
    await connection.execute("DELETE FROM legs WHERE account_id = %s AND call_id = %s", (before.account_id, before.id))
    await save_legs(connection, [after])
    await _move(connection, before, after.started_at - before.started_at)
    gone = [(key, -sums) for key, sums in contribution(before, revenue[0])]
    await rollups.add(connection, merge([*gone, *contribution(after, revenue[0])]))
    await counters.write(connection, before.account_id, creation, change + 1)
    await tell(connection, before.account_id, [call_event(EventType.CALL_CHANGED, after, datetime.now(UTC))])


async def _move(connection: Connection, call: Call, later: timedelta) -> None:
    if not later:
        return
    for table in ("recordings", "call_traces"):
        await connection.execute(
            f"UPDATE {table} SET started_at = started_at + %s WHERE account_id = %s AND call_id = %s".encode(),
            (later, call.account_id, call.id),
        )


async def remove(connection: Connection, call: Call) -> None:
    """Delete an ended call, as `live.ended_call` gave it in this transaction after `lock`, with all that belongs to it."""
    creation, change = await counters.lock(connection, call.account_id)
    gone = await (
        await connection.execute(
            "DELETE FROM calls WHERE account_id = %s AND id = %s AND started_at = %s"
            " RETURNING revenue_minor, creation_seq",
            (call.account_id, call.id, call.started_at),
        )
    ).fetchone()
    assert gone is not None
    for table in ("legs", "call_traces", "recordings"):
        await connection.execute(
            f"DELETE FROM {table} WHERE account_id = %s AND call_id = %s".encode(), (call.account_id, call.id)
        )
    if call.placed_by_us:
        # An order without a call is one that a controller died over: its record would be made again.
        await connection.execute(
            "DELETE FROM call_orders WHERE account_id = %s AND call_id = %s", (call.account_id, call.id)
        )
    await connection.execute(
        "DELETE FROM first_calls WHERE account_id = %s AND call_id = %s", (call.account_id, call.id)
    )
    await rollups.add(connection, merge((key, -sums) for key, sums in contribution(call, gone[0])))
    await counters.write(connection, call.account_id, creation, change + 1)
    deleted = call_event(
        EventType.CALL_DELETED, call, datetime.now(UTC), creation_seq=gone[1], external_id=call.external_id,
        client_id=call.client_id, button_hash=call.button_hash,
    )  # fmt: skip
    await tell(connection, call.account_id, [deleted])
