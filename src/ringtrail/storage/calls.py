"""Writing calls: one batch, one transaction, with counters and rollups. Saving the same thing twice changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from ringtrail.model.call import Call, Leg, LegRole, billed_seconds
from ringtrail.model.events import Event, EventType
from ringtrail.model.rollup import contribution, merge
from ringtrail.storage import counters, money, rollups
from ringtrail.storage.database import Connection, Database
from ringtrail.storage.events import tell
from ringtrail.storage.schema import ensure_partitions

INSERT_COLUMNS = (
    "account_id", "id", "property_id", "creation_seq", "change_seq", "node", "started_at", "answered_at",
    "caller_answered_at", "bridged_at", "ended_at", "ring_s", "talk_s", "total_s", "connected_s", "handled_s",
    "billed_s",
    "billing_increment_s", "state", "disposition", "stage", "disposition_raw", "hangup_cause", "hangup_by", "trigger",
    "caller_number", "caller_withheld", "caller_name", "caller_country", "caller_line_type", "caller_region",
    "caller_is_new", "tracking_number", "did_hash", "destination_number", "destination_country",
    "destination_line_type", "app_hash", "source", "medium", "campaign", "content", "offline_description",
    "redirected", "redirected_expired", "keypad", "external_id", "client_id", "button_hash", "timezone",
    "recording_hash", "recording_kind", "recording_ready", "debit_micro", "cost_label",
)  # fmt: skip
_FIXED = {"account_id", "id", "started_at", "creation_seq", "caller_is_new"}

_UPSERT_CALL = (
    f"INSERT INTO calls ({', '.join(INSERT_COLUMNS)}) VALUES ({', '.join(['%s'] * len(INSERT_COLUMNS))})"
    " ON CONFLICT (account_id, started_at, id) DO UPDATE SET "
    + ", ".join(f"{column} = EXCLUDED.{column}" for column in INSERT_COLUMNS if column not in _FIXED)
).encode()

LEG_COLUMNS = (
    "account_id", "call_id", "id", "engine_leg_id", "role", "position", "number", "number_country",
    "number_line_type", "started_at", "ringing_at", "answered_at", "ended_at", "cause", "sip_status", "hangup_by",
    "disposition", "raw", "codec", "talk_s", "total_s", "billed_s", "placed", "debit_micro", "cost_label",
)  # fmt: skip
_UPSERT_LEG = (
    f"INSERT INTO legs ({', '.join(LEG_COLUMNS)}) VALUES ({', '.join(['%s'] * len(LEG_COLUMNS))})"
    " ON CONFLICT (account_id, started_at, id) DO UPDATE SET "
    + ", ".join(f"{column} = EXCLUDED.{column}" for column in LEG_COLUMNS[4:] if column != "started_at")
).encode()


class _Known(NamedTuple):
    id: int
    creation_seq: int
    caller_is_new: bool
    ended: bool


async def save_calls(database: Database, calls: Iterable[Call]) -> int:
    """Insert or update calls with their legs, recordings and trace, in one transaction. Returns the calls written.

    A call that is stored as ended is final here: saving it again is the retry of a commit whose answer was lost.
    Accounts are taken in order of id and hold their counter row until the commit: no deadlock, no gap.
    """
    ordered = sorted(calls, key=lambda call: (call.account_id, call.id))
    await ensure_partitions(database, {instant for call in ordered for instant in _instants(call)})
    async with database.transaction() as connection:
        groups = groupby(ordered, key=lambda call: call.account_id)
        return sum([await save_account(connection, account_id, list(group)) for account_id, group in groups])


def _instants(call: Call) -> Iterator[datetime]:
    yield call.started_at
    yield from (leg.started_at for leg in call.legs)


async def save_account(connection: Connection, account_id: int, calls: list[Call]) -> int:
    """`save_calls` for the calls of one account, in a transaction of the caller's. Their months must have partitions."""
    creation, change = await counters.lock(connection, account_id)
    known = await _known(connection, account_id, calls)
    fresh = [call for call in calls if call.id not in known or not known[call.id].ended]
    if not fresh:
        return 0
    fresh = await money.rated(connection, account_id, fresh)
    first_of_caller = await claim_first_calls(connection, [call for call in fresh if call.id not in known])
    rows: list[list[Any]] = []
    for call in fresh:
        change += 1
        before = known.get(call.id)
        if before is None:
            creation += 1
        is_new = before.caller_is_new if before else call.caller_number_e164 is None or call.id in first_of_caller
        rows.append(call_row(call, before.creation_seq if before else creation, change, is_new))
    async with connection.cursor() as cursor:
        await cursor.executemany(_UPSERT_CALL, rows)
    told = await _told(connection, account_id, [call for call in fresh if call.id in known])
    await save_legs(connection, fresh)
    await _save_recordings(connection, fresh)
    await _save_traces(connection, [call for call in fresh if call.ended])
    await rollups.add(connection, merge(row for call in fresh for row in contribution(call)))
    await counters.write(connection, account_id, creation, change)
    events = [event for call in fresh for event in _events(call, call.id in known, told)]
    events += await money.book(connection, account_id, [entry for call in fresh for entry in money.bookings(call)])
    await tell(connection, account_id, events)
    return len(fresh)


class _Told(NamedTuple):
    """What is stored of calls already, and so was told: {leg id: whether it has ended}, and hashes of recordings."""

    legs: dict[int, bool]
    recordings: frozenset[str]


async def _told(connection: Connection, account_id: int, calls: Sequence[Call]) -> _Told:
    if not calls:
        return _Told({}, frozenset())
    ids = [call.id for call in calls]
    legs = await connection.execute(
        "SELECT id, ended_at IS NOT NULL FROM legs WHERE account_id = %s AND call_id = ANY(%s) AND started_at >= %s",
        (account_id, ids, min(call.started_at for call in calls)),
    )
    ended = {row[0]: row[1] for row in await legs.fetchall()}
    recordings = await connection.execute(
        "SELECT hash FROM recordings WHERE account_id = %s AND call_id = ANY(%s)", (account_id, ids)
    )
    return _Told(ended, frozenset(row[0] for row in await recordings.fetchall()))


def _events(call: Call, known: bool, told: _Told) -> Iterator[Event]:
    """What a snapshot tells that those before it did not. What is over when it is first heard of has only ended."""
    if not known and call.ended_at is None:
        yield call_event(EventType.CALL_STARTED, call, call.started_at)
    for leg in call.legs:
        if leg.role is not LegRole.TARGET or told.legs.get(leg.id):
            continue
        if leg.ended_at is not None:
            yield call_event(EventType.LEG_ENDED, call, leg.ended_at, leg_id=leg.id)
        elif leg.id not in told.legs:
            yield call_event(EventType.LEG_STARTED, call, leg.started_at, leg_id=leg.id)
    for recording in call.recordings:
        if recording.hash not in told.recordings:
            yield call_event(EventType.RECORDING_CREATED, call, recording.started_at, hash=recording.hash)
    if call.ended_at is not None:
        yield call_event(EventType.CALL_ENDED, call, call.ended_at)


def call_event(type_: EventType, call: Call, at: datetime, **detail: object) -> Event:
    return Event(
        account_id=call.account_id, type=type_, property_id=call.property_id, about=call.id, at=at, detail=detail
    )


async def _known(connection: Connection, account_id: int, calls: Sequence[Call]) -> dict[int, _Known]:
    cursor = await connection.execute(
        "SELECT id, creation_seq, caller_is_new, ended_at IS NOT NULL FROM calls"
        " WHERE account_id = %s AND id = ANY(%s) AND started_at BETWEEN %s AND %s",
        (
            account_id,
            [call.id for call in calls],
            min(call.started_at for call in calls),
            max(call.started_at for call in calls),
        ),
    )
    return {row[0]: _Known(*row) for row in await cursor.fetchall()}


async def claim_first_calls(connection: Connection, calls: Sequence[Call]) -> set[int]:
    numbered = [call for call in calls if call.caller_number_e164 is not None]
    if not numbered:
        return set()
    cursor = await connection.execute(
        "INSERT INTO first_calls (account_id, property_id, caller_number, call_id)"
        " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[])"
        " ON CONFLICT DO NOTHING RETURNING call_id",
        (
            [call.account_id for call in numbered],
            [call.property_id for call in numbered],
            [call.caller_number_e164 for call in numbered],
            [call.id for call in numbered],
        ),
    )
    return {row[0] for row in await cursor.fetchall()}


def call_row(call: Call, creation_seq: int, change_seq: int, caller_is_new: bool) -> list[Any]:
    recording = min(call.recordings, key=lambda item: (item.kind, item.started_at), default=None)
    attribution = call.attribution
    return [
        call.account_id, call.id, call.property_id, creation_seq, change_seq, call.node, call.started_at,
        call.answered_at, call.legs[0].answered_at if call.legs else None, call.bridged_at, call.ended_at, call.ring_s,
        call.talk_s, call.total_s, call.connected_s, call.handled_s, call.billed_s, call.billing_increment_s, call.state,
        call.disposition, call.stage, call.disposition_raw, call.hangup_cause, call.hangup_by, call.trigger,
        call.caller_number_e164, call.caller_withheld, call.caller_name, call.caller_country, call.caller_line_type,
        call.caller_region, caller_is_new, call.tracking_number_e164, call.did_hash, call.destination_number_e164,
        call.destination_country, call.destination_line_type, call.app_hash, attribution.source, attribution.medium,
        attribution.campaign, attribution.content, attribution.offline_description, call.redirected,
        call.redirected_expired, call.keypad, call.external_id, call.client_id, call.button_hash, call.timezone,
        recording.hash if recording else None, recording.kind if recording else None,
        any(item.status == "ready" for item in call.recordings), call.debit_micro, call.cost_label,
    ]  # fmt: skip


def leg_row(call: Call, leg: Leg) -> list[Any]:
    billed_s = billed_seconds(leg.talk_s, call.billing_increment_s)
    return [
        call.account_id, call.id, leg.id, leg.engine_leg_id, leg.role, leg.position, leg.number_e164,
        leg.number_country, leg.number_line_type, leg.started_at, leg.ringing_at, leg.answered_at, leg.ended_at,
        leg.cause, leg.sip_status, leg.hangup_by, leg.disposition, leg.raw, leg.codec, leg.talk_s, leg.total_s,
        billed_s, leg.role is LegRole.CALLER and call.placed_by_us, leg.debit_micro, leg.cost_label,
    ]  # fmt: skip


async def save_legs(connection: Connection, calls: Sequence[Call]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(_UPSERT_LEG, [leg_row(call, leg) for call in calls for leg in call.legs])


async def _save_recordings(connection: Connection, calls: Sequence[Call]) -> None:
    rows = [
        (call.account_id, item.hash, call.id, item.kind, item.path, item.status, item.started_at, item.duration_ms,
         item.size_bytes, item.per_leg)
        for call in calls
        for item in call.recordings
    ]  # fmt: skip
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO recordings (account_id, hash, call_id, kind, path, status, started_at, duration_ms,"
            " size_bytes, per_leg) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (account_id, hash) DO UPDATE SET status = EXCLUDED.status"
            " WHERE recordings.status IN ('recording', 'processing')",
            rows,
        )


async def _save_traces(connection: Connection, calls: Sequence[Call]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO call_traces (account_id, call_id, started_at, trace) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (account_id, started_at, call_id) DO UPDATE SET trace = EXCLUDED.trace",
            [(call.account_id, call.id, call.started_at, Jsonb(_trace(call), dumps=json.dumps)) for call in calls],
        )


def _trace(call: Call) -> list[dict[str, Any]]:
    return [
        {"at": entry.at.isoformat(timespec="milliseconds"), "what": entry.what, "detail": dict(entry.detail)}
        for entry in call.trace
    ]
