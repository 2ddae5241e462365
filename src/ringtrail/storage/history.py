"""Taking in what happened elsewhere, a batch at a time: no event is told and nothing is charged. What is here already stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringtrail.model.call import Call, Leg, Recording, RecordingKind
from ringtrail.model.cause import Disposition
from ringtrail.model.history import IMPORTED_NODE, Directions, Mark, PastCall, Taken
from ringtrail.model.lifecycle import Stage
from ringtrail.model.message import Message
from ringtrail.model.rollup import contribution, merge
from ringtrail.storage import counters, rollups
from ringtrail.storage.calls import INSERT_COLUMNS, LEG_COLUMNS, call_row, claim_first_calls, leg_row
from ringtrail.storage.database import Connection
from ringtrail.storage.directions import INBOUND, OUTBOUND
from ringtrail.storage.live import ended_call

_CALLS = f"COPY calls ({', '.join(INSERT_COLUMNS)}, revenue_minor) FROM STDIN".encode()
_LEGS = f"COPY legs ({', '.join(LEG_COLUMNS)}) FROM STDIN".encode()
_BILLED = LEG_COLUMNS.index("billed_s")

# --- how far an import has come ---------------------------------------------------------------------------------------


async def mark(connection: Connection, account_id: int, source: str, what: str) -> Mark | None:
    cursor = await connection.execute(
        "SELECT source, what, since_at, until_at FROM import_progress"
        " WHERE account_id = %s AND source = %s AND what = %s",
        (account_id, source, what),
    )
    row = await cursor.fetchone()
    return Mark._make(row) if row else None


async def set_mark(connection: Connection, account_id: int, mark: Mark) -> None:
    await connection.execute(
        "INSERT INTO import_progress (account_id, source, what, since_at, until_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (account_id, source, what)"
        " DO UPDATE SET since_at = EXCLUDED.since_at, until_at = EXCLUDED.until_at",
        (account_id, *mark),
    )


_HASHED = {"apps": "apps", "media": "media", "webhooks": "endpoints"}


async def taken(connection: Connection, kind: str, hashes: Sequence[str]) -> set[str]:
    """Those of them that are somebody's, whoever that is: such a hash is there once."""
    if kind not in _HASHED or not hashes:
        return set()
    cursor = await connection.execute(
        f"SELECT hash FROM {_HASHED[kind]} WHERE hash = ANY(%s)".encode(), (list(hashes),)
    )
    return {row[0] for row in await cursor.fetchall()}


# --- calls ------------------------------------------------------------------------------------------------------------


async def take_in_calls(connection: Connection, account_id: int, calls: Sequence[PastCall]) -> Taken:
    """Calls of the account by their start. Their months must have partitions."""
    creation, change = await counters.lock(connection, account_id)
    known = await _known_calls(connection, account_id, [past.call.id for past in calls])
    unknown = [past for past in calls if past.call.id not in known]
    taken = await _known_legs(connection, account_id, [leg for past in unknown for leg in past.call.legs])
    clashes = [id_ for id_, node in known.items() if node != IMPORTED_NODE]
    clashes += [past.call.id for past in unknown if not taken.isdisjoint(_places(past.call.legs))]
    fresh = [past for past in unknown if past.call.id not in clashes]
    if fresh:
        change = await _pass_on_first(connection, account_id, [past.call for past in fresh], change)
        first = await claim_first_calls(connection, [past.call for past in fresh])
        await _write(connection, fresh, first, creation, change)
        await rollups.add(
            connection, merge(row for past in fresh for row in contribution(past.call, past.revenue_minor))
        )
        await counters.write(connection, account_id, creation + len(fresh), change + len(fresh))
    return Taken(new=len(fresh), clashes=tuple(clashes))


async def _known_calls(connection: Connection, account_id: int, ids: Sequence[int]) -> dict[int, str]:
    """{id: node}"""
    cursor = await connection.execute(
        "SELECT id, node FROM calls WHERE account_id = %s AND id = ANY(%s)", (account_id, list(ids))
    )
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def _known_legs(connection: Connection, account_id: int, legs: Sequence[Leg]) -> set[tuple[datetime, int]]:
    cursor = await connection.execute(
        "SELECT started_at, id FROM legs WHERE account_id = %s"
        " AND (started_at, id) IN (SELECT * FROM unnest(%s::timestamptz[], %s::bigint[]))",
        (account_id, [leg.started_at for leg in legs], [leg.id for leg in legs]),
    )
    return {(row[0], row[1]) for row in await cursor.fetchall()}


def _places(legs: Sequence[Leg]) -> Iterator[tuple[datetime, int]]:
    """What no two legs of an account share."""
    return ((leg.started_at, leg.id) for leg in legs)


async def _pass_on_first(connection: Connection, account_id: int, calls: Sequence[Call], change: int) -> int:
    """Of callers whose first call here came after these, that one is their first no longer. Returns the change counter."""
    earliest: dict[tuple[int, str], datetime] = {}
    for call in calls:
        if call.caller_number_e164 is not None:
            earliest.setdefault((call.property_id, call.caller_number_e164), call.started_at)
    properties, numbers = zip(*earliest, strict=True) if earliest else ((), ())
    cursor = await connection.execute(
        "WITH later AS (DELETE FROM first_calls f"
        " USING unnest(%(properties)s::bigint[], %(numbers)s::text[], %(starts)s::timestamptz[]) AS p (property_id, number, started_at), calls c"
        " WHERE f.account_id = %(account)s AND f.property_id = p.property_id AND f.caller_number = p.number"
        " AND c.account_id = f.account_id AND c.id = f.call_id AND c.started_at > %(first)s AND c.started_at > p.started_at"
        " RETURNING c.id, c.started_at), numbered AS (SELECT *, row_number() OVER (ORDER BY started_at, id) AS n FROM later)"
        " UPDATE calls c SET caller_is_new = false, change_seq = %(change)s::bigint + n FROM numbered"
        " WHERE c.account_id = %(account)s AND c.id = numbered.id AND c.started_at = numbered.started_at",
        {
            "account": account_id, "properties": list(properties), "numbers": list(numbers),
            "starts": list(earliest.values()), "first": calls[0].started_at, "change": change,
        },
    )  # fmt: skip
    return change + cursor.rowcount


async def _write(
    connection: Connection, fresh: Sequence[PastCall], first: set[int], creation: int, change: int
) -> None:
    async with connection.cursor() as cursor:
        async with cursor.copy(_CALLS) as copy:
            for number, past in enumerate(fresh, 1):
                await copy.write_row(_call_row(past, creation + number, change + number, first))
        async with cursor.copy(_LEGS) as copy:
            for row in (row for past in fresh for row in _leg_rows(past)):
                await copy.write_row(row)


def _call_row(past: PastCall, creation_seq: int, change_seq: int, first: set[int]) -> list[Any]:
    is_new = past.call.caller_number_e164 is None or past.call.id in first
    return [*call_row(past.call, creation_seq, change_seq, is_new), past.revenue_minor]


def _leg_rows(past: PastCall) -> Iterator[list[Any]]:
    for leg in past.call.legs:
        row = leg_row(past.call, leg)
        row[_BILLED] = past.billed_s[leg.id]
        yield row


async def count_calls(connection: Connection, account_id: int, from_at: datetime, to_at: datetime) -> Directions:
    """How many came with an import: calls that came in, and legs that had been dialled."""
    row = await (
        await connection.execute(
            f"SELECT (SELECT count(*) FROM calls c WHERE c.account_id = %(account)s AND c.started_at >= %(from)s"
            f" AND c.started_at < %(to)s AND c.node = %(node)s AND {INBOUND}),"
            f" (SELECT count(*) FROM legs l WHERE l.account_id = %(account)s AND l.started_at >= %(from)s"
            f" AND l.started_at < %(to)s AND {OUTBOUND} AND EXISTS (SELECT FROM calls c"
            " WHERE c.account_id = l.account_id AND c.id = l.call_id AND c.started_at <= l.started_at AND c.node = %(node)s))".encode(),
            {"account": account_id, "from": from_at, "to": to_at, "node": IMPORTED_NODE},
        )
    ).fetchone()
    assert row is not None
    return Directions._make(row)


# --- messages ---------------------------------------------------------------------------------------------------------

_MESSAGE_COLUMNS = (
    "account_id", "id", "sid", "property_id", "direction", "sender", "recipient_e164", "body", "encoding", "segments",
    "status", "error_code", "receipt_wanted", "external_id", "settings", "created_at", "scheduled_at", "submitted_at",
    "delivered_at", "received_at", "debit_micro", "imported",
)  # fmt: skip
_NEAR = 2**31
_UPSERT_MESSAGE = (
    f"INSERT INTO messages ({', '.join(_MESSAGE_COLUMNS)}) OVERRIDING SYSTEM VALUE"
    f" VALUES ({', '.join(['%s'] * len(_MESSAGE_COLUMNS))}) ON CONFLICT (account_id, id) DO UPDATE SET"
    " status = EXCLUDED.status, error_code = EXCLUDED.error_code, submitted_at = EXCLUDED.submitted_at,"
    " delivered_at = EXCLUDED.delivered_at, debit_micro = EXCLUDED.debit_micro"
    " WHERE messages.imported AND messages.status IN ('queued', 'processing', 'sent')"
).encode()


async def take_in_messages(connection: Connection, account_id: int, messages: Sequence[Message]) -> Taken:
    """Messages with their ids. One that was under way when it was taken in gets its newer status."""
    cursor = await connection.execute(
        "SELECT id, imported FROM messages WHERE account_id = %s AND id = ANY(%s)",
        (account_id, [message.id for message in messages]),
    )
    known: dict[int, bool] = {row[0]: row[1] for row in await cursor.fetchall()}
    await _keep_ids_free(connection, messages)
    async with connection.cursor() as writing:
        await writing.executemany(_UPSERT_MESSAGE, [_message_row(message) for message in messages])
    clashes = tuple(id_ for id_, imported in known.items() if not imported)
    return Taken(new=len({message.id for message in messages} - known.keys()), clashes=clashes)


async def _keep_ids_free(connection: Connection, messages: Sequence[Message]) -> None:
    """Ids that our own messages would come to soon are passed over. Those from afar are left: there is room for
    a long time, and what one jumped over could not be used any more."""
    near = max((message.id for message in messages if message.id < _NEAR), default=0)
    sequence = "pg_get_serial_sequence('messages', 'id')"
    await connection.execute(
        f"SELECT setval({sequence}, %s) WHERE %s > coalesce(pg_sequence_last_value({sequence}), 0)", (near, near)
    )


def _message_row(message: Message) -> tuple[Any, ...]:
    return (
        message.account_id, message.id, message.sid, message.property_id, message.direction, message.sender,
        message.recipient_e164, message.body, message.encoding, message.segments, message.status, message.error_code,
        message.receipt_wanted, message.external_id, Jsonb(dict(message.settings)), message.created_at,
        message.scheduled_at, message.submitted_at, message.delivered_at, message.received_at, message.debit_micro,
        True,
    )  # fmt: skip


async def count_messages(connection: Connection, account_id: int, from_at: datetime, to_at: datetime) -> int:
    row = await (
        await connection.execute(
            "SELECT count(*) FROM messages WHERE account_id = %s AND created_at >= %s AND created_at < %s AND imported",
            (account_id, from_at, to_at),
        )
    ).fetchone()
    return row[0] if row else 0


# --- recordings -------------------------------------------------------------------------------------------------------


async def take_in_recording(connection: Connection, account_id: int, recording: Recording) -> bool:
    """A recording of a call that is here, whose end it may explain. False: it is here already, or its call is not."""
    cursor = await connection.execute(
        "INSERT INTO recordings (account_id, hash, call_id, kind, path, status, started_at, duration_ms, size_bytes, read_at)"
        " SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s"
        " WHERE EXISTS (SELECT FROM calls WHERE account_id = %s AND id = %s AND ended_at IS NOT NULL)"
        " ON CONFLICT DO NOTHING",
        (
            account_id, recording.hash, recording.call_id, recording.kind, recording.path, recording.status,
            recording.started_at, recording.duration_ms, recording.size_bytes, recording.read_at,
            account_id, recording.call_id,
        ),
    )  # fmt: skip
    if not cursor.rowcount:
        return False
    creation, change = await counters.lock(connection, account_id)
    before = await ended_call(connection, account_id, recording.call_id)
    assert before is not None
    await _explain(connection, before, _explained(before, recording), change + 1)
    await counters.write(connection, account_id, creation, change + 1)
    return True


def _explained(call: Call, recording: Recording) -> Call:
    """Nobody answered, but the caller left a message."""
    left = recording.kind is RecordingKind.VOICEMAIL and call.node == IMPORTED_NODE
    if not left or call.disposition is Disposition.ANSWERED:
        return call
    return replace(call, disposition=Disposition.VOICEMAIL, stage=Stage.VOICEMAIL)


async def _explain(connection: Connection, before: Call, after: Call, change_seq: int) -> None:
    row = await (
        await connection.execute(
            "UPDATE calls c SET change_seq = %s, disposition = %s, stage = %s, handled_s = %s,"
            " (recording_hash, recording_kind, recording_ready) = (SELECT (array_agg(r.hash ORDER BY r.kind, r.started_at))[1],"
            " (array_agg(r.kind ORDER BY r.kind, r.started_at))[1], bool_or(r.status = 'ready') FROM recordings r"
            " WHERE r.account_id = c.account_id AND r.call_id = c.id)"
            " WHERE c.account_id = %s AND c.id = %s AND c.started_at = %s RETURNING revenue_minor",
            (
                change_seq, after.disposition, after.stage, after.handled_s, after.account_id, after.id,
                after.started_at,
            ),
        )
    ).fetchone()  # fmt: skip
    assert row is not None
    if after == before:
        return
    gone = ((key, -sums) for key, sums in contribution(before, row[0]))
    await rollups.add(connection, merge([*gone, *contribution(after, row[0])]))


async def count_recordings(connection: Connection, account_id: int, from_at: datetime, to_at: datetime) -> int:
    """How many of calls that came with an import."""
    row = await (
        await connection.execute(
            "SELECT count(*) FROM recordings r WHERE account_id = %s AND started_at >= %s AND started_at < %s AND EXISTS"
            " (SELECT FROM calls c WHERE c.account_id = r.account_id AND c.id = r.call_id AND c.node = %s)",
            (account_id, from_at, to_at, IMPORTED_NODE),
        )
    ).fetchone()
    return row[0] if row else 0
