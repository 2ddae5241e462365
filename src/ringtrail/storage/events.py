"""The outbox: what happened, written in its own transaction, with a delivery for each endpoint that wants to know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringtrail.model.events import UNASKED, Event, EventType
from ringtrail.storage.database import LIVE_CHANNEL, Connection

DELIVERY_CHANNEL = "ringtrail_deliveries"
"""NOTIFY channel: a delivery is due."""

# written_at is read off the clock while the counters are held, so that it grows with the ids: a transaction that waited for
# them may have begun before the one that it waited for. The lock leaves out an endpoint that is being deleted; its foreign
# key would otherwise undo the whole transaction, call and all. A delivery is not due before one about the same call that has
# failed: the claim would only pass it over, again and again. Dynamic endpoints ask for nothing and may be thousands: they are
# looked up by their names alone.
# The setting is for the foreign keys' checks, which are planned for each row where custom plans are forced.
_WRITE = b"""
WITH told AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('events', 'id')) AS id, t.*
    FROM unnest(%(types)s::text[], %(properties)s::bigint[], %(abouts)s::bigint[], %(ats)s::timestamptz[],
                %(details)s::jsonb[], %(endpoints)s::text[]) AS t (type, property_id, about, at, detail, endpoint_hash)
    CROSS JOIN set_config('plan_cache_mode', 'auto', true) AS planned
), kept AS (
    INSERT INTO events (account_id, id, type, property_id, about, at, detail, endpoint_hash, written_at)
    OVERRIDING SYSTEM VALUE
    SELECT %(account_id)s, id, type, property_id, about, at, detail, endpoint_hash, clock_timestamp() FROM told
), asking AS (
    SELECT t.id, t.about, e.hash FROM told t JOIN endpoints e ON e.account_id = %(account_id)s AND NOT e.dynamic
        AND e.disabled_by IS NULL AND t.type = ANY(e.event_types)
        AND (e.property_id IS NULL OR e.property_id = t.property_id)
    FOR KEY SHARE OF e
), named AS (
    SELECT t.id, t.about, e.hash FROM told t CROSS JOIN LATERAL (
        SELECT hash FROM endpoints WHERE account_id = %(account_id)s AND hash = t.endpoint_hash AND disabled_by IS NULL
        LIMIT 1 FOR KEY SHARE) e
), due AS (
    INSERT INTO deliveries (account_id, event_id, endpoint_hash, about, due_at)
    SELECT %(account_id)s, w.id, w.hash, w.about, greatest(now(), (
        SELECT max(b.due_at) FROM deliveries b WHERE b.account_id = %(account_id)s AND b.endpoint_hash = w.hash
            AND b.about = w.about AND b.due_at IS NOT NULL AND b.last_error IS NOT NULL))
    FROM (TABLE asking UNION TABLE named) w RETURNING 1
)
SELECT pg_notify(%(live_channel)s, %(account_id)s::text), (SELECT pg_notify(%(channel)s, '') FROM due LIMIT 1)
"""


async def tell(connection: Connection, account_id: int, events: Sequence[Event]) -> None:
    """Wake who watches the account, keep the events, and leave them to the endpoints that want them.

    The transaction must hold the account's counters (`counters.lock`): events have the order of the commits, so that
    whoever has read up to an id has missed none below it.
    """
    if not events:
        await connection.execute("SELECT pg_notify(%s, %s)", (LIVE_CHANNEL, str(account_id)))
        return
    await connection.execute(
        _WRITE,
        {
            "account_id": account_id,
            "types": [event.type.value for event in events],
            "properties": [event.property_id for event in events],
            "abouts": [event.about for event in events],
            "ats": [event.at for event in events],
            "details": [Jsonb(dict(event.detail), dumps=json.dumps) for event in events],
            "endpoints": [event.endpoint_hash for event in events],
            "live_channel": LIVE_CHANNEL,
            "channel": DELIVERY_CHANNEL,
        },
    )


COLUMNS = "v.id, v.account_id, v.type, v.property_id, v.about, v.at, v.detail, v.endpoint_hash"


def event_of(row: Sequence[Any]) -> Event:
    """An event from the values of COLUMNS."""
    id_, account_id, type_, property_id, about, at, detail, endpoint_hash = row
    return Event(
        id=id_, account_id=account_id, type=EventType(type_), property_id=property_id, about=about, at=at,
        detail=detail, endpoint_hash=endpoint_hash,
    )  # fmt: skip


async def after(
    connection: Connection,
    account_id: int,
    event_id: int,
    *,
    property_id: int | None,
    event_types: Sequence[EventType] | None,
    limit: int,
) -> list[Event]:
    """Events with greater ids, oldest first. property_id None: of the whole account."""
    wanted = None if event_types is None else [type_.value for type_ in event_types]
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM events v WHERE v.account_id = %s AND v.id > %s"
        " AND (%s::bigint IS NULL OR v.property_id = %s) AND (%s::text[] IS NULL OR v.type = ANY(%s))"
        " AND v.type <> ALL(%s) ORDER BY v.id LIMIT %s".encode(),
        (
            account_id, event_id, property_id, property_id, wanted, wanted, [type_.value for type_ in UNASKED], limit,
        ),
    )  # fmt: skip
    return [event_of(row) for row in await cursor.fetchall()]


_NEWEST_BEFORE = b"""
WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, (SELECT max(id) FROM events WHERE account_id = %(account_id)s)
    UNION ALL
    SELECT CASE WHEN v.early THEN v.id ELSE low END, CASE WHEN v.early THEN high ELSE (low + high) / 2 END
    FROM search LEFT JOIN LATERAL (
        SELECT id, written_at < %(before)s AS early FROM events
        WHERE account_id = %(account_id)s AND id > (low + high) / 2 ORDER BY id LIMIT 1) v ON true
    WHERE low < high
)
SELECT low FROM search WHERE low = high
"""


async def newest(connection: Connection, account_id: int, *, before: datetime | None) -> int:
    """The id of the account's last event, or of the last that was written before an instant; 0: there is none.

    The time of writing grows with the ids, so it is found by halving: some thirty looks, however long ago it was.
    """
    if before is None:
        return (await kept(connection, account_id))[1]
    row = await (await connection.execute(_NEWEST_BEFORE, {"account_id": account_id, "before": before})).fetchone()
    return row[0] if row else 0


async def kept(connection: Connection, account_id: int) -> tuple[int, int]:
    """The ids of the account's oldest and newest events; 0: there are none."""
    row = await (
        await connection.execute(
            "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM events WHERE account_id = %s", (account_id,)
        )
    ).fetchone()
    assert row is not None
    return row[0], row[1]


_FOLLOWER = (
    "(SELECT f.written_at FROM events f WHERE f.account_id = v.account_id AND f.id > v.id ORDER BY f.id LIMIT 1)"
)


async def forget(connection: Connection, until: datetime, limit: int) -> int:
    """Delete events written before then, with their deliveries and attempts, `limit` at most. Returns how many.

    Of each account the last of them stays, without its deliveries: whoever reads on from an older one has missed something,
    and can be told so.
    """
    cursor = await connection.execute(
        "DELETE FROM events WHERE (account_id, id) IN (SELECT account_id, id FROM events v WHERE written_at < %(until)s"
        f" AND {_FOLLOWER} < %(until)s ORDER BY written_at LIMIT %(limit)s)".encode(),
        {"until": until, "limit": limit},
    )
    if cursor.rowcount < limit:
        await connection.execute(
            "DELETE FROM deliveries WHERE (account_id, event_id) IN"
            " (SELECT account_id, id FROM events WHERE written_at < %s)",
            (until,),
        )
    return cursor.rowcount
