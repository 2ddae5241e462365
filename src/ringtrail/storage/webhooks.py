"""Endpoints, and the deliveries that wait for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from psycopg.types.json import Json, Jsonb

from ringtrail.model.events import EventType
from ringtrail.model.webhook import DisabledBy, DueDelivery, Endpoint
from ringtrail.storage import events
from ringtrail.storage.database import Connection

ENDPOINT = (
    "hash, account_id, dialect, property_id, name, address, event_types, dynamic, disabled_by, disabled_why,"
    " disabled_at, failing_since, settings, created_at, updated_at"
)
"""The columns that `endpoint_of` reads."""
_COLUMNS = ENDPOINT.count(",") + 1

PORTION = 10_000
"""Deliveries that one transaction makes due again, or forgets: it is over in a fraction of a second."""


def endpoint_of(row: Sequence[Any]) -> Endpoint:
    """An endpoint from the values of ENDPOINT."""
    return Endpoint(
        hash=row[0], account_id=row[1], dialect=row[2], property_id=row[3], name=row[4], address=row[5],
        event_types=tuple(EventType(name) for name in row[6]), dynamic=row[7],
        disabled_by=DisabledBy(row[8]) if row[8] else None, disabled_why=row[9], disabled_at=row[10],
        failing_since=row[11], settings=row[12], created_at=row[13], updated_at=row[14],
    )  # fmt: skip


async def of_account(connection: Connection, account_id: int, dialect: str | None) -> list[Endpoint]:
    """Oldest first, without dynamic ones."""
    cursor = await connection.execute(
        f"SELECT {ENDPOINT} FROM endpoints WHERE account_id = %s AND coalesce(dialect = %s, true) AND NOT dynamic"
        " ORDER BY created_at, hash".encode(),
        (account_id, dialect),
    )
    return [endpoint_of(row) for row in await cursor.fetchall()]


async def by_hash(connection: Connection, account_id: int, hash_: str) -> Endpoint | None:
    row = await (
        await connection.execute(
            f"SELECT {ENDPOINT} FROM endpoints WHERE account_id = %s AND hash = %s".encode(), (account_id, hash_)
        )
    ).fetchone()
    return endpoint_of(row) if row else None


async def exists(connection: Connection, hash_: str) -> bool:
    """Whoever's it is."""
    row = await (await connection.execute("SELECT EXISTS (SELECT FROM endpoints WHERE hash = %s)", (hash_,))).fetchone()
    return bool(row and row[0])


async def put(connection: Connection, endpoint: Endpoint) -> None:
    """Insert, or write everything that may change; its secrets stay as they are."""
    await connection.execute(
        f"INSERT INTO endpoints ({ENDPOINT}) VALUES ({', '.join(['%s'] * _COLUMNS)})"
        " ON CONFLICT (account_id, hash) DO UPDATE SET property_id = EXCLUDED.property_id, name = EXCLUDED.name,"
        " address = EXCLUDED.address, event_types = EXCLUDED.event_types, disabled_by = EXCLUDED.disabled_by,"
        " disabled_why = EXCLUDED.disabled_why, disabled_at = EXCLUDED.disabled_at,"
        " failing_since = EXCLUDED.failing_since, settings = EXCLUDED.settings, updated_at = EXCLUDED.updated_at,"
        " paused_until = NULL".encode(),
        (
            endpoint.hash, endpoint.account_id, endpoint.dialect, endpoint.property_id, endpoint.name, endpoint.address,
            [type_.value for type_ in endpoint.event_types], endpoint.dynamic,
            endpoint.disabled_by and endpoint.disabled_by.value, endpoint.disabled_why, endpoint.disabled_at,
            endpoint.failing_since, Json(dict(endpoint.settings), dumps=json.dumps), endpoint.created_at,
            endpoint.updated_at,
        ),
    )  # fmt: skip


async def set_secrets(connection: Connection, account_id: int, hash_: str, sealed: bytes | None) -> None:
    await connection.execute(
        "UPDATE endpoints SET secrets = %s WHERE account_id = %s AND hash = %s", (sealed, account_id, hash_)
    )


async def secrets_of(connection: Connection, account_id: int, hash_: str) -> bytes | None:
    """The sealed secrets, locked until the transaction ends."""
    row = await (
        await connection.execute(
            "SELECT secrets FROM endpoints WHERE account_id = %s AND hash = %s FOR NO KEY UPDATE", (account_id, hash_)
        )
    ).fetchone()
    return bytes(row[0]) if row and row[0] is not None else None


async def forget_some(connection: Connection, account_id: int, hash_: str, portion: int = PORTION) -> int:
    """Delete the endpoint's oldest deliveries and their attempts. Returns how many deliveries."""
    cursor = await connection.execute(
        "DELETE FROM deliveries WHERE (account_id, event_id, endpoint_hash) IN (SELECT account_id, event_id, endpoint_hash"
        " FROM deliveries WHERE account_id = %s AND endpoint_hash = %s ORDER BY event_id LIMIT %s)",
        (account_id, hash_, portion),
    )
    return cursor.rowcount


async def delete(connection: Connection, account_id: int, hash_: str) -> bool:
    """With its deliveries. False: no such endpoint."""
    cursor = await connection.execute("DELETE FROM endpoints WHERE account_id = %s AND hash = %s", (account_id, hash_))
    return cursor.rowcount == 1


# --- claiming -------------------------------------------------------------------------------------------------------

# Endpoints for which something waits are found by jumping from one to the next in the index, beginning after the one
# where the last claim stopped: those that wait for nothing cost nothing, and none is always the first. Each one's turn is
# an index walk of its own, in the index's order, up to its share of what the account and the worker have room for: a long
# queue is never read through to reach another's, and little more is locked than is taken. Endpoints that are not proven have
# to leave room to those that are, the failing ones first. An earlier delivery about the
# same thing that is not settled keeps a later one back; that is a scalar subquery because as NOT EXISTS it becomes a join
# of the whole queue with itself. What was locked is updated by its place (ctid), which needs no index and no estimate.
# Nobody waits for the disk: a lease that a crash of PostgreSQL forgets is only taken again.
_CLAIM = f"""
WITH RECURSIVE waiting AS (
    (SELECT account_id, endpoint_hash, due_at FROM deliveries
     WHERE due_at IS NOT NULL AND (account_id, endpoint_hash) > (%(after_account)s, %(after_hash)s)
     ORDER BY account_id, endpoint_hash, due_at LIMIT 1)
    UNION ALL
    SELECT n.account_id, n.endpoint_hash, n.due_at FROM waiting w CROSS JOIN LATERAL (
        SELECT account_id, endpoint_hash, due_at FROM deliveries
        WHERE due_at IS NOT NULL AND (account_id, endpoint_hash) > (w.account_id, w.endpoint_hash)
        ORDER BY account_id, endpoint_hash, due_at LIMIT 1) n
), visited AS MATERIALIZED (
    SELECT * FROM waiting LIMIT %(endpoints)s
), able AS MATERIALIZED (
    SELECT v.account_id, v.endpoint_hash,
        coalesce((%(room)s::jsonb ->> e.hash)::int,
                 CASE WHEN e.failing_since IS NULL THEN %(each)s::int ELSE 1 END) AS room,
        coalesce((%(account_room)s::jsonb ->> v.account_id::text)::int, %(account)s::int) AS account_room,
        coalesce((%(unproven_room)s::jsonb ->> v.account_id::text)::int, %(account)s::int / 2) AS unproven_room,
        e.hash = ANY(%(proven)s::text[]) AS proven, e.failing_since IS NOT NULL AS failing, v.due_at
    FROM visited v JOIN endpoints e ON e.account_id = v.account_id AND e.hash = v.endpoint_hash
    WHERE v.due_at <= %(now)s AND e.disabled_by IS NULL AND (e.paused_until IS NULL OR e.paused_until <= %(now)s)
), queued AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY account_id, proven ORDER BY failing, due_at) AS place_in_account,
        row_number() OVER (PARTITION BY proven ORDER BY failing, due_at) AS place
    FROM able WHERE room > 0 AND account_room > 0
), shares AS MATERIALIZED (
    SELECT *, least(room, ceil(account_room::float / count(*) OVER (PARTITION BY account_id)),
                    ceil(%(total)s::float / count(*) OVER ()),
                    CASE WHEN NOT proven THEN ceil(unproven_room::float / count(*) OVER (PARTITION BY account_id, proven)) END
                   ) AS share
    FROM queued WHERE proven OR place_in_account <= unproven_room AND place <= %(unproven)s::int
), mine AS MATERIALIZED (
    SELECT s.account_id, s.account_room, d.place, d.event_id, d.due_at FROM shares s CROSS JOIN LATERAL (
        SELECT w.ctid AS place, w.event_id, w.due_at FROM deliveries w
        WHERE w.account_id = s.account_id AND w.endpoint_hash = s.endpoint_hash AND w.due_at <= %(now)s
            AND w.event_id = (
                SELECT b.event_id FROM deliveries b WHERE b.account_id = w.account_id
                    AND b.endpoint_hash = w.endpoint_hash AND b.about = w.about AND b.due_at IS NOT NULL
                ORDER BY b.event_id LIMIT 1)
        ORDER BY w.due_at, w.event_id LIMIT s.share
        FOR UPDATE OF w SKIP LOCKED
    ) d
), fair AS (
    SELECT *, row_number() OVER (PARTITION BY account_id ORDER BY due_at, event_id) AS turn FROM mine
), leased AS (
    UPDATE deliveries d SET due_at = %(lease_until)s, tries = d.tries + 1, last_error = NULL
    FROM (SELECT place FROM fair WHERE turn <= account_room ORDER BY turn LIMIT %(total)s) f
    WHERE d.ctid = f.place
    RETURNING d.account_id, d.event_id, d.endpoint_hash, d.tries, d.last_status
)
SELECT (SELECT count(*) FROM visited), last.account_id, last.endpoint_hash, l.tries, l.last_status, e.secrets,
    {", ".join(f"e.{column.strip()}" for column in ENDPOINT.split(","))}, {events.COLUMNS}
FROM (SELECT * FROM visited ORDER BY account_id DESC, endpoint_hash DESC LIMIT 1) last
CROSS JOIN set_config('synchronous_commit', 'off', true) AS hurried
LEFT JOIN (leased l JOIN endpoints e ON e.account_id = l.account_id AND e.hash = l.endpoint_hash
           JOIN events v ON v.account_id = l.account_id AND v.id = l.event_id) ON true
ORDER BY v.id
""".encode()


class Place(NamedTuple):
    """Where a claim ended: the next one begins with the endpoint after it."""

    account_id: int = 0
    endpoint_hash: str = ""


async def claim(
    connection: Connection,
    now: datetime,
    lease_until: datetime,
    *,
    place: Place,
    endpoints: int,
    each: int,
    room: Mapping[str, int],
    account: int,
    account_room: Mapping[int, int],
    total: int,
    proven: Sequence[str] = (),
    unproven_room: Mapping[int, int] | None = None,
    unproven: int | None = None,
) -> tuple[list[DueDelivery], Place]:
    """Lease up to `total` due deliveries of up to `endpoints` endpoints from `place` on.

    Of each endpoint up to `each`, one if it is failing, or what `room` {hash: deliveries} says of it; of each account up to
    `account`, or what `account_room` says. Of endpoints that are not among the `proven` hashes up to half of that, or what
    `unproven_room` says, and about `unproven` of all accounts; None: `total`. Returns where to go on: at the beginning, if
    these were the last endpoints.
    """
    cursor = await connection.execute(
        _CLAIM,
        {
            "now": now, "lease_until": lease_until, "after_account": place.account_id,
            "after_hash": place.endpoint_hash, "endpoints": endpoints, "each": each,
            "room": Jsonb(dict(room), dumps=json.dumps), "account": account,
            "account_room": Jsonb(dict(account_room), dumps=json.dumps), "total": total,
            "proven": list(proven), "unproven_room": Jsonb(dict(unproven_room or {}), dumps=json.dumps),
            "unproven": total if unproven is None else unproven,
        },
    )  # fmt: skip
    rows = await cursor.fetchall()
    if not rows:
        return [], Place()
    visited, *last = rows[0][:3]
    due = [_due(row[3:]) for row in rows if row[3] is not None]
    return due, Place(*last) if visited == endpoints else Place()


def _due(row: Sequence[Any]) -> DueDelivery:
    tries, last_status, sealed, *rest = row
    return DueDelivery(
        event=events.event_of(rest[_COLUMNS:]),
        endpoint=endpoint_of(rest[:_COLUMNS]),
        sealed=bytes(sealed) if sealed is not None else None,
        tries=tries,
        last_status=last_status,
    )


# --- settling -------------------------------------------------------------------------------------------------------


class Settled(NamedTuple):
    """What one attempt came to. Field order and names are those of _SETTLE."""

    account_id: int
    endpoint_hash: str
    event_id: int
    about: int
    tries: int
    at: datetime
    took_ms: int
    due_at: datetime | None  # when it is tried again
    delivered_at: datetime | None
    method: str | None
    address: str
    request_headers: Mapping[str, str]
    request_body: str | None
    status: int | None
    response_headers: Mapping[str, str]
    response_body: str | None
    error: str | None


_TYPES = (
    "bigint", "text", "bigint", "bigint", "smallint", "timestamptz", "integer", "timestamptz", "timestamptz", "text",
    "text", "jsonb", "text", "smallint", "jsonb", "text", "text",
)  # fmt: skip
_TRIED = ", ".join(f"{name} {type_}" for name, type_ in zip(Settled._fields, _TYPES, strict=True))

# Statistics know next to nothing of a queue: it is empty when they are made, as a rule, and long when it matters. So each row
# is looked up by its key (LATERAL), and no condition on due_at invites a walk through the whole of an index that is said
# to be empty. An attempt whose lease has passed is noted too, but what becomes of the delivery is its successor's to say.
# The setting is for the foreign key's check of each row, which is planned anew each time where custom plans are forced.
# One that was given up meanwhile is delivered, if it was. Whoever did not hear that this was committed comes again: an attempt
# is known by the instant at which it was over.
_SETTLE = f"""
WITH tried AS MATERIALIZED (
    SELECT t.* FROM json_to_recordset(%s::json) AS t ({_TRIED})
    CROSS JOIN set_config('plan_cache_mode', 'auto', true) AS planned
    ORDER BY account_id, endpoint_hash, event_id
), alive AS MATERIALIZED (
    SELECT t.*, d.leased, (SELECT true FROM attempts a WHERE a.account_id = t.account_id AND a.event_id = t.event_id
        AND a.endpoint_hash = t.endpoint_hash AND a.at = t.at LIMIT 1) IS NOT NULL AS known
    FROM tried t CROSS JOIN LATERAL (
        SELECT d.tries = t.tries AND (d.due_at IS NOT NULL OR t.delivered_at IS NOT NULL) AS leased FROM deliveries d
        WHERE d.account_id = t.account_id AND d.endpoint_hash = t.endpoint_hash AND d.event_id = t.event_id
        LIMIT 1 FOR UPDATE) d
), noted AS (
    INSERT INTO attempts (account_id, event_id, endpoint_hash, number, at, took_ms, method, address, request_headers,
        request_body, status, response_headers, response_body, error)
    SELECT account_id, event_id, endpoint_hash, tries - 1, at, took_ms, method, address, request_headers, request_body,
        status, response_headers, response_body, error FROM alive WHERE NOT known
)
UPDATE deliveries d SET due_at = a.due_at, delivered_at = a.delivered_at, tried_at = a.at, took_ms = a.took_ms,
    last_status = a.status, last_error = a.error
FROM alive a
WHERE d.account_id = a.account_id AND d.event_id = a.event_id AND d.endpoint_hash = a.endpoint_hash AND a.leased
RETURNING d.account_id, d.endpoint_hash, d.about, d.event_id, d.due_at
""".encode()

# The comparison of (about, event_id) is what only the index deliveries_in_order serves; by event_id alone it would be a walk
# through everything that the endpoint was ever told later. Of what waited for a delivery that is over, only the next one can
# be told now. Of what waits for one that has failed the claim would pass everything over, so all of it is put off, a portion
# in each statement: a million statements of credit are one subject, and no statement may take as long as they would.
_LET_FOLLOW = b"""
WITH followers AS MATERIALIZED (
    SELECT s.account_id, s.endpoint_hash, s.about, f.event_id, f.due_at AS was_due_at, s.due_at
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])
        AS s (account_id, endpoint_hash, about, event_id, due_at)
    CROSS JOIN LATERAL (
        SELECT d.event_id, d.due_at FROM deliveries d
        WHERE d.account_id = s.account_id AND d.endpoint_hash = s.endpoint_hash AND d.due_at IS NOT NULL
            AND (d.about, d.event_id) > (s.about, s.event_id) AND d.about <= s.about
        ORDER BY d.about, d.event_id LIMIT CASE WHEN s.due_at IS NULL THEN 1 ELSE %s END FOR UPDATE) f
), moved AS (
    UPDATE deliveries d SET due_at = coalesce(f.due_at, now()) FROM followers f
    WHERE d.account_id = f.account_id AND d.event_id = f.event_id AND d.endpoint_hash = f.endpoint_hash
        AND (f.due_at IS NOT NULL OR f.was_due_at > now())
)
SELECT account_id, endpoint_hash, about, max(event_id), due_at FROM followers WHERE due_at IS NOT NULL
GROUP BY account_id, endpoint_hash, about, due_at HAVING count(*) = %s
"""


async def settle(connection: Connection, tried: Sequence[Settled]) -> None:
    """Note what attempts came to. What waited for these deliveries is due with them, or now."""
    rows = msgspec.json.encode([row._asdict() for row in tried]).decode()  # arrays of text take psycopg far longer
    cursor = await connection.execute(_SETTLE, (rows,))
    await _let_follow(connection, await cursor.fetchall())


async def _let_follow(connection: Connection, settled: Sequence[Sequence[Any]], portion: int = PORTION) -> None:
    while settled:
        columns = [list(column) for column in zip(*settled, strict=True)]
        settled = await (await connection.execute(_LET_FOLLOW, [*columns, portion, portion])).fetchall()


async def drop(connection: Connection, delivery: DueDelivery) -> None:
    """There is nothing to tell this endpoint: leave no trace of it."""
    await forget_one(connection, delivery.endpoint.account_id, delivery.event.id, delivery.endpoint.hash)


async def forget_one(connection: Connection, account_id: int, event_id: int, endpoint_hash: str) -> None:
    """The delivery and its attempts. What waited for it is due now."""
    cursor = await connection.execute(
        "DELETE FROM deliveries WHERE account_id = %s AND event_id = %s AND endpoint_hash = %s RETURNING about",
        (account_id, event_id, endpoint_hash),
    )
    await _let_follow(
        connection, [(account_id, endpoint_hash, row[0], event_id, None) for row in await cursor.fetchall()]
    )


async def pause(connection: Connection, hash_: str, until: datetime) -> None:
    """Send it nothing before then."""
    await connection.execute(
        "UPDATE endpoints SET paused_until = greatest(paused_until, %s) WHERE hash = %s", (until, hash_)
    )


async def note_health(
    connection: Connection, *, answering: Iterable[str], failing: Iterable[str], now: datetime
) -> None:
    """Endpoints that were delivered something, and endpoints that were not."""
    if recovered := sorted(answering):
        await connection.execute(
            "UPDATE endpoints SET failing_since = NULL WHERE hash = ANY(%s) AND failing_since IS NOT NULL", (recovered,)
        )
    if failed := sorted(failing):
        await connection.execute(
            "UPDATE endpoints SET failing_since = %s WHERE hash = ANY(%s) AND failing_since IS NULL", (now, failed)
        )


async def disable(
    connection: Connection, hashes: Sequence[str], why: str, now: datetime, *, failing_before: datetime | None = None
) -> list[Endpoint]:
    """Disable those endpoints, by the system; failing_before: only those that have failed since then at least. Returns
    those that were enabled."""
    if not hashes:
        return []
    cursor = await connection.execute(
        "UPDATE endpoints SET disabled_by = 'system', disabled_why = %s, disabled_at = %s, updated_at = %s"
        " WHERE hash = ANY(%s) AND disabled_by IS NULL AND coalesce(failing_since <= %s, true)"
        f" RETURNING {ENDPOINT}".encode(),
        (why, now, now, sorted(hashes), failing_before),
    )
    return [endpoint_of(row) for row in await cursor.fetchall()]


# --- replaying ------------------------------------------------------------------------------------------------------

# A delivery that is under way is left alone: it is being told.
_REPLAY = b"""
WITH wanted AS (
    SELECT v.id, v.about FROM events v WHERE v.account_id = %(account_id)s AND v.id > %(after)s
        AND coalesce(v.id <= %(until)s, true)
        AND (v.type = ANY(%(types)s) AND (%(property_id)s::bigint IS NULL OR v.property_id = %(property_id)s)
             OR v.endpoint_hash = %(hash)s)
    ORDER BY v.id LIMIT %(portion)s
), due AS (
    INSERT INTO deliveries (account_id, event_id, endpoint_hash, about, due_at)
    SELECT %(account_id)s, id, %(hash)s, about, now() FROM wanted ORDER BY id
    ON CONFLICT (account_id, event_id, endpoint_hash) DO UPDATE SET due_at = now(), tries = 0, delivered_at = NULL,
        last_error = NULL, last_status = NULL
        WHERE (deliveries.delivered_at IS NULL OR %(delivered_too)s)
            AND (deliveries.due_at IS NULL OR deliveries.last_error IS NOT NULL)
    RETURNING 1
)
SELECT count(*), (SELECT coalesce(max(id), %(after)s) FROM wanted), (SELECT count(*) FROM wanted) = %(portion)s,
    pg_notify(%(channel)s, '')
FROM due
"""


class Replayed(NamedTuple):
    due: int
    last: int  # the event up to which this was
    more: bool  # there may be some after it


async def replay(
    connection: Connection,
    endpoint: Endpoint,
    *,
    after: int,
    until: int | None,
    delivered_too: bool,
    portion: int = PORTION,
) -> Replayed:
    """Make the events with ids above `after`, up to `until` inclusive, due to an endpoint that wants their types: the first
    `portion` of them. delivered_too False: only those that it was not delivered yet."""
    row = await (
        await connection.execute(
            _REPLAY,
            {
                "account_id": endpoint.account_id, "hash": endpoint.hash, "after": after, "until": until,
                "types": [type_.value for type_ in endpoint.event_types], "property_id": endpoint.property_id,
                "delivered_too": delivered_too, "channel": events.DELIVERY_CHANNEL, "portion": portion,
            },
        )
    ).fetchone()  # fmt: skip
    assert row is not None
    return Replayed._make(row[:3])


async def first_failed(connection: Connection, endpoint: Endpoint, since: datetime) -> int | None:
    """The first event that it was tried to tell the endpoint since then, and was not delivered. It may be older."""
    row = await (
        await connection.execute(
            "SELECT min(event_id) FROM deliveries WHERE account_id = %s AND endpoint_hash = %s AND tried_at >= %s"
            " AND delivered_at IS NULL",
            (endpoint.account_id, endpoint.hash, since),
        )
    ).fetchone()
    return row[0] if row else None


async def give_up_waiting(connection: Connection, endpoint: Endpoint) -> int:
    """Tell the endpoint nothing of what waits for it. Returns how many deliveries."""
    cursor = await connection.execute(
        "UPDATE deliveries SET due_at = NULL, last_error = coalesce(last_error, 'passed over when it was enabled')"
        " WHERE account_id = %s AND endpoint_hash = %s AND due_at IS NOT NULL",
        (endpoint.account_id, endpoint.hash),
    )
    return cursor.rowcount
