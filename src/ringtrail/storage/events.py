"""The outbox: what happened, written in its own transaction, with a delivery for each endpoint that wants to know."""

from __future__ import annotations

import json
from collections.abc import Sequence

from psycopg.types.json import Jsonb

from ringtrail.model.events import Event
from ringtrail.storage.database import LIVE_CHANNEL, Connection

DELIVERY_CHANNEL = "ringtrail_deliveries"
"""NOTIFY channel: a delivery is due."""

# What nobody wants to be told is not written: an account without endpoints has no events. The lock leaves out an
# endpoint that is being deleted; its foreign key would otherwise undo the whole transaction, call and all. A delivery
# is not due before one about the same call that has failed: the claim would only pass it over, again and again.
_WRITE = b"""
WITH told AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('events', 'id')) AS id, *
    FROM unnest(%(types)s::text[], %(properties)s::bigint[], %(abouts)s::bigint[], %(ats)s::timestamptz[],
                %(details)s::jsonb[]) AS t (type, property_id, about, at, detail)
), wanted AS (
    SELECT t.id, t.about, e.hash FROM told t JOIN endpoints e ON e.account_id = %(account_id)s AND e.enabled
        AND t.type = ANY(e.event_types) AND coalesce(e.property_id = t.property_id, true)
    FOR KEY SHARE OF e
), kept AS (
    INSERT INTO events (account_id, id, type, property_id, about, at, detail) OVERRIDING SYSTEM VALUE
    SELECT %(account_id)s, id, type, property_id, about, at, detail FROM told WHERE id IN (SELECT id FROM wanted)
), due AS (
    INSERT INTO deliveries (account_id, event_id, endpoint_hash, about, due_at)
    SELECT %(account_id)s, w.id, w.hash, w.about, greatest(now(), (
        SELECT max(b.due_at) FROM deliveries b WHERE b.account_id = %(account_id)s AND b.endpoint_hash = w.hash
            AND b.about = w.about AND b.due_at IS NOT NULL AND b.last_error IS NOT NULL))
    FROM wanted w RETURNING 1
)
SELECT pg_notify(%(channel)s, '') FROM due LIMIT 1
"""


async def tell(connection: Connection, account_id: int, events: Sequence[Event]) -> None:
    """Wake who watches the account's calls, and leave the events to its endpoints.

    The transaction must hold the account's counters (`calls.lock_counters`): events have the order of the commits. An
    account without endpoints costs no statement more than its followers' wake-up.
    """
    row = await (
        await connection.execute(
            "SELECT pg_notify(%s, %s), EXISTS (SELECT FROM endpoints WHERE account_id = %s AND enabled)",
            (LIVE_CHANNEL, str(account_id), account_id),
        )
    ).fetchone()
    if events and row is not None and row[1]:
        await connection.execute(
            _WRITE,
            {
                "account_id": account_id,
                "types": [event.type.value for event in events],
                "properties": [event.property_id for event in events],
                "abouts": [event.about for event in events],
                "ats": [event.at for event in events],
                "details": [Jsonb(dict(event.detail), dumps=json.dumps) for event in events],
                "channel": DELIVERY_CHANNEL,
            },
        )
