"""The rollups: sums an hour, and counts a day above them. They change only in the transaction that changes a call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ringtrail.model.rollup import RollupKey, RollupSums
from ringtrail.storage.database import Connection
from ringtrail.storage.directions import CREDIT, DEBIT, INBOUND, OUTBOUND

BY_DAY = ("account", "property", "inbound", "outbound")
"""Dimensions that have counts a day: those whose pages are jumped in."""


async def add(connection: Connection, rows: Mapping[RollupKey, RollupSums]) -> None:
    """Add (or, with negative sums, take away). Keys are sorted, so that two writers lock in the same order."""
    async with connection.cursor() as cursor:
        await cursor.executemany(_ADD, [(*key, *sums) for key, sums in sorted(rows.items())])
        await cursor.executemany(
            "INSERT INTO call_days AS d (account_id, dimension, key, day_at, calls) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (account_id, dimension, key, day_at) DO UPDATE SET calls = d.calls + EXCLUDED.calls",
            [(*key, calls) for key, calls in sorted(_days(rows).items())],
        )


def _days(rows: Mapping[RollupKey, RollupSums]) -> dict[tuple[int, str, str, datetime], int]:
    found: dict[tuple[int, str, str, datetime], int] = {}
    for key, sums in rows.items():
        if key.dimension in BY_DAY:
            day = (key.account_id, key.dimension, key.key, key.hour_at.replace(hour=0))
            found[day] = found.get(day, 0) + sums.calls
    return found


_RECOUNT = f"""
WITH spread AS (
    SELECT account_id, dimension, key, date_trunc('hour', started_at, 'UTC') AS hour_at, 1 AS calls,
           (answered_at IS NOT NULL)::int AS answered, ring_s, talk_s, total_s, connected_s, handled_s, billed_s, revenue_minor,
           {CREDIT} AS credit_micro, {DEBIT} AS debit_micro
    FROM calls c, LATERAL (VALUES
        ('account', ''), ('property', property_id::text), ('source', coalesce(source, '')), ('disposition', disposition),
        ('inbound', CASE WHEN {INBOUND} THEN '' END), ('app', CASE WHEN {INBOUND} THEN coalesce(app_hash, '') END),
        ('did', CASE WHEN {INBOUND} THEN did_hash || '/' || coalesce(cost_label, '') END)) AS d (dimension, key)
    WHERE ended_at IS NOT NULL AND key IS NOT NULL
    UNION ALL
    SELECT l.account_id, dimension, key, date_trunc('hour', l.started_at, 'UTC'), 1, (l.answered_at IS NOT NULL)::int, 0,
           l.talk_s, l.total_s, l.talk_s, l.talk_s, l.talk_s, 0, 0, coalesce(l.debit_micro, 0)
    FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id, LATERAL (VALUES
        ('outbound', ''),
        ('outbound_to', concat(c.app_hash, '/', l.number_country, '/', l.cost_label))) AS d (dimension, key)
    WHERE {OUTBOUND} AND c.ended_at IS NOT NULL
)
SELECT account_id, dimension, key, hour_at, {", ".join(f"sum({name})::bigint" for name in RollupSums._fields)}
FROM spread GROUP BY 1, 2, 3, 4
"""

_COLUMNS = ", ".join((*RollupKey._fields, *RollupSums._fields))
_ADD = (
    f"INSERT INTO call_hours AS h ({_COLUMNS})"
    f" VALUES ({', '.join(['%s'] * (len(RollupKey._fields) + len(RollupSums._fields)))})"
    " ON CONFLICT (account_id, dimension, key, hour_at) DO UPDATE SET "
    + ", ".join(f"{name} = h.{name} + EXCLUDED.{name}" for name in RollupSums._fields)
).encode()


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
    days = await (
        await connection.execute(
            "SELECT count(*) FROM (SELECT account_id, dimension, key, date_trunc('day', hour_at, 'UTC') AS day_at,"
            " sum(calls)::bigint AS calls FROM call_hours WHERE dimension = ANY(%s) GROUP BY 1, 2, 3, 4) h"
            " FULL JOIN call_days d USING (account_id, dimension, key, day_at)"
            " WHERE coalesce(h.calls, 0) <> coalesce(d.calls, 0)",
            (list(BY_DAY),),
        )
    ).fetchone()
    assert row is not None
    assert other is not None
    assert days is not None
    return int(row[0]) + int(other[0]) + int(days[0])


async def rebuild(connection: Connection) -> None:
    """Throw the rollups away and count the calls again."""
    await connection.execute("LOCK TABLE call_hours, call_days IN EXCLUSIVE MODE")
    await connection.execute("DELETE FROM call_hours")
    await connection.execute(f"INSERT INTO call_hours ({_COLUMNS}) {_RECOUNT}".encode())
    await rebuild_days(connection)


async def rebuild_days(connection: Connection) -> None:
    """Count the days again from the hours."""
    await connection.execute("DELETE FROM call_days")
    await connection.execute(
        "INSERT INTO call_days SELECT account_id, dimension, key, date_trunc('day', hour_at, 'UTC'), sum(calls)"
        " FROM call_hours WHERE dimension = ANY(%s) GROUP BY 1, 2, 3, 4",
        (list(BY_DAY),),
    )
