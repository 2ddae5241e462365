"""The hourly rollups: add, recount, sum. They change only in the transaction that changes a call."""

from __future__ import annotations

from collections.abc import Mapping

from ringtrail.model.rollup import RollupKey, RollupSums
from ringtrail.storage.database import Connection


async def add(connection: Connection, rows: Mapping[RollupKey, RollupSums]) -> None:
    """Add (or, with negative sums, take away). Keys are sorted, so that two writers lock in the same order."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO call_hours AS h (account_id, dimension, key, hour_at, calls, answered, ring_s, talk_s, total_s,"
            " connected_s, handled_s, billed_s, revenue_minor) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (account_id, dimension, key, hour_at) DO UPDATE SET"
            " calls = h.calls + EXCLUDED.calls, answered = h.answered + EXCLUDED.answered,"
            " ring_s = h.ring_s + EXCLUDED.ring_s, talk_s = h.talk_s + EXCLUDED.talk_s,"
            " total_s = h.total_s + EXCLUDED.total_s, connected_s = h.connected_s + EXCLUDED.connected_s,"
            " handled_s = h.handled_s + EXCLUDED.handled_s,"
            " billed_s = h.billed_s + EXCLUDED.billed_s, revenue_minor = h.revenue_minor + EXCLUDED.revenue_minor",
            [(*key, *sums) for key, sums in sorted(rows.items())],
        )


_RECOUNT = """
WITH ended AS (
    SELECT *, date_trunc('hour', started_at, 'UTC') AS hour_at,
           (answered_at IS NOT NULL)::int AS answered
    FROM calls WHERE ended_at IS NOT NULL
), spread AS (
    SELECT account_id, dimension, key, hour_at, answered, ring_s, talk_s, total_s, connected_s, handled_s,
           billed_s, revenue_minor
    FROM ended, LATERAL (VALUES
        ('account', ''), ('property', property_id::text), ('did', did_hash), ('app', coalesce(app_hash, '')),
        ('source', coalesce(source, '')), ('disposition', disposition)) AS d (dimension, key)
    UNION ALL
    SELECT l.account_id, 'outbound', '', date_trunc('hour', l.started_at, 'UTC'), (l.answered_at IS NOT NULL)::int,
           0, l.talk_s, l.total_s, l.talk_s, l.talk_s, l.talk_s, 0
    FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id
    WHERE l.role = 'target' AND c.ended_at IS NOT NULL
)
SELECT account_id, dimension, key, hour_at, count(*), sum(answered), sum(ring_s), sum(talk_s), sum(total_s),
       sum(connected_s), sum(handled_s), sum(billed_s), sum(revenue_minor)
FROM spread GROUP BY 1, 2, 3, 4
"""

_COLUMNS = (
    "account_id, dimension, key, hour_at, calls, answered, ring_s, talk_s, total_s, connected_s, handled_s,"
    " billed_s, revenue_minor"
)


async def differences(connection: Connection) -> int:
    """How many rollup rows differ from a recount of the calls. 0 is the only good answer."""
    row = await (
        await connection.execute(
            f"SELECT count(*) FROM (({_RECOUNT}) EXCEPT SELECT {_COLUMNS} FROM call_hours WHERE calls <> 0) a".encode()
        )
    ).fetchone()
    other = await (
        await connection.execute(
            f"SELECT count(*) FROM (SELECT {_COLUMNS} FROM call_hours WHERE calls <> 0 EXCEPT ({_RECOUNT})) a".encode()
        )
    ).fetchone()
    assert row is not None
    assert other is not None
    return int(row[0]) + int(other[0])


async def rebuild(connection: Connection) -> None:
    """Throw the rollups away and count the calls again."""
    await connection.execute("LOCK TABLE call_hours IN EXCLUSIVE MODE")
    await connection.execute("DELETE FROM call_hours")
    await connection.execute(f"INSERT INTO call_hours ({_COLUMNS}) {_RECOUNT}".encode())
