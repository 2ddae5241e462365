"""Recordings: found by call or by filters, finished by the worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg import sql

from ringtrail.model.call import RecordingRecord, RecordingTally
from ringtrail.model.events import Event, EventType
from ringtrail.storage import counters
from ringtrail.storage.database import Connection
from ringtrail.storage.events import tell

_SELECT = (
    "SELECT r.hash, r.account_id, r.call_id, r.kind, r.path, r.status, r.started_at, r.duration_ms, r.size_bytes,"
    " r.per_leg, r.read_at, c.app_hash, a.name, c.caller_number, c.caller_name, c.did_hash, c.tracking_number,"
    " c.property_id"
    " FROM recordings r LEFT JOIN calls c ON c.account_id = r.account_id AND c.id = r.call_id"
    " LEFT JOIN apps a ON a.account_id = c.account_id AND a.hash = c.app_hash"
    " LEFT JOIN properties p ON p.account_id = c.account_id AND p.id = c.property_id WHERE "
)


async def find_recordings(
    connection: Connection,
    account_id: int,
    *,
    hashes: list[str] | None = None,
    call_ids: list[int] | None = None,
    kind: str | None = None,
    statuses: list[str] | None = None,
    caller_number: str | None = None,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    duration_min_ms: int | None = None,
    read: bool | None = None,
    read_from_at: datetime | None = None,
    read_to_at: datetime | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> tuple[list[RecordingRecord], int]:
    """(page, total), newest first. from_at and read_from_at inclusive, to_at and read_to_at exclusive."""
    parts: list[sql.Composable] = [sql.SQL("r.account_id = %s")]
    params: list[Any] = [account_id]
    for clause, value in (
        ("r.hash = ANY(%s)", hashes),
        ("r.call_id = ANY(%s)", call_ids),
        ("r.kind = %s", kind),
        ("r.status = ANY(%s)", statuses),
        ("(c.caller_number = %s AND NOT p.masks_callers)", caller_number),
        ("r.started_at >= %s", from_at),
        ("r.started_at < %s", to_at),
        ("r.duration_ms >= %s", duration_min_ms),
        ("(r.read_at IS NOT NULL) = %s", read),
        ("r.read_at >= %s", read_from_at),
        ("r.read_at < %s", read_to_at),
    ):
        if value is not None:
            parts.append(sql.SQL(clause))
            params.append(value)
    condition = sql.SQL(" AND ").join(parts)
    cursor = await connection.execute(
        sql.SQL("{} {} ORDER BY r.started_at DESC, r.hash LIMIT {} OFFSET {}").format(
            sql.SQL(_SELECT), condition, sql.Literal(limit), sql.Literal(offset)
        ),
        params,
    )
    page = [RecordingRecord._make(row) for row in await cursor.fetchall()]
    row = await (
        await connection.execute(
            sql.SQL(
                "SELECT count(*) FROM recordings r LEFT JOIN calls c ON c.account_id = r.account_id"
                " AND c.id = r.call_id LEFT JOIN properties p ON p.account_id = c.account_id AND p.id = c.property_id"
                " WHERE {}"
            ).format(condition),
            params,
        )
    ).fetchone()
    return page, row[0] if row else 0


async def tallies(connection: Connection, account_id: int) -> list[RecordingTally]:
    """Counts and bytes by kind, status and whether somebody listened."""
    cursor = await connection.execute(
        "SELECT kind, status, read_at IS NOT NULL, count(*), coalesce(sum(size_bytes), 0)::bigint FROM recordings"
        " WHERE account_id = %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (account_id,),
    )
    return [RecordingTally._make(row) for row in await cursor.fetchall()]


async def claim_unfinished(connection: Connection, limit: int) -> list[RecordingRecord]:
    """Recordings whose call has ended but whose file is not finished yet, locked for this transaction."""
    cursor = await connection.execute(
        (
            _SELECT + "r.status IN ('recording', 'processing') AND c.ended_at IS NOT NULL"
            " ORDER BY r.started_at LIMIT %s FOR UPDATE OF r SKIP LOCKED"
        ).encode(),
        (limit,),
    )
    return [RecordingRecord._make(row) for row in await cursor.fetchall()]


async def count_unfinished(connection: Connection) -> int:
    """Recordings, of live calls too, that are not settled."""
    row = await (
        await connection.execute("SELECT count(*) FROM recordings WHERE status IN ('recording', 'processing')")
    ).fetchone()
    return row[0] if row else 0


async def finish_recording(
    connection: Connection,
    account_id: int,
    hash_: str,
    *,
    status: str,
    duration_ms: int | None,
    size_bytes: int | None,
    also: Sequence[Event] = (),
) -> None:
    """Settle a recording and move its call to the head of the change order, so that pullers see it again. also: what is told
    besides."""
    row = await (
        await connection.execute(
            "UPDATE recordings SET status = %s, duration_ms = %s, size_bytes = %s WHERE account_id = %s AND hash = %s"
            " RETURNING call_id",
            (status, duration_ms, size_bytes, account_id, hash_),
        )
    ).fetchone()
    if row is None:
        return
    change = await (
        await connection.execute(
            "UPDATE call_counters SET change = change + 1 WHERE account_id = %s RETURNING change", (account_id,)
        )
    ).fetchone()
    if change is not None:
        call = await (
            await connection.execute(
                "UPDATE calls SET change_seq = %s, recording_ready = recording_ready OR %s"
                " WHERE account_id = %s AND id = %s RETURNING property_id",
                (change[0], status == "ready", account_id, row[0]),
            )
        ).fetchone()
        settled = _finished(account_id, row[0], call[0], hash_, status) if call else ()
        await tell(connection, account_id, [*settled, *also])


def _finished(account_id: int, call_id: int, property_id: int, hash_: str, status: str) -> Iterator[Event]:
    """The recording is told, and its call if it can be heard now."""
    now = datetime.now(UTC)
    yield Event(
        account_id=account_id, type=EventType.RECORDING_CHANGED, property_id=property_id, about=call_id, at=now,
        detail={"hash": hash_},
    )  # fmt: skip
    if status == "ready":
        yield Event(account_id=account_id, type=EventType.CALL_CHANGED, property_id=property_id, about=call_id, at=now)


async def mark_read(connection: Connection, account_id: int, hash_: str, now: datetime) -> None:
    """Note the first time that somebody listened."""
    await connection.execute(
        "UPDATE recordings SET read_at = coalesce(read_at, %s) WHERE account_id = %s AND hash = %s",
        (now, account_id, hash_),
    )


async def set_read(connection: Connection, account_id: int, hash_: str, now: datetime | None) -> bool:
    """As `mark_read`; now None: nobody has listened. False: there is no such recording."""
    cursor = await connection.execute(
        "UPDATE recordings SET read_at = CASE WHEN %s::timestamptz IS NULL THEN NULL ELSE coalesce(read_at, %s) END"
        " WHERE account_id = %s AND hash = %s",
        (now, now, account_id, hash_),
    )
    return cursor.rowcount == 1


async def delete(connection: Connection, account_id: int, hash_: str) -> str | None:
    """Delete a settled recording and tell its call's change; the path of its files. None: there is none, or it is not
    settled."""
    gone = await (
        await connection.execute(
            "DELETE FROM recordings WHERE account_id = %s AND hash = %s AND status IN ('ready', 'error')"
            " RETURNING call_id, path",
            (account_id, hash_),
        )
    ).fetchone()
    if gone is None:
        return None
    creation, change = await counters.lock(connection, account_id)
    call = await (
        await connection.execute(
            "UPDATE calls c SET change_seq = %s, (recording_hash, recording_kind) = (SELECT r.hash, r.kind FROM recordings r"
            " WHERE r.account_id = c.account_id AND r.call_id = c.id ORDER BY r.kind, r.started_at LIMIT 1),"
            " recording_ready = EXISTS (SELECT FROM recordings r WHERE r.account_id = c.account_id AND r.call_id = c.id"
            " AND r.status = 'ready') WHERE c.account_id = %s AND c.id = %s RETURNING property_id",
            (change + 1, account_id, gone[0]),
        )
    ).fetchone()
    if call is not None:
        await counters.write(connection, account_id, creation, change + 1)
        event = Event(
            account_id=account_id, type=EventType.CALL_CHANGED, property_id=call[0], about=gone[0],
            at=datetime.now(UTC),
        )  # fmt: skip
        await tell(connection, account_id, [event])
    path: str = gone[1]
    return path
