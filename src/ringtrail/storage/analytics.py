"""Sums over time and dimensions, read from the rollups."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ringtrail.storage.database import Connection


class PeriodSums(NamedTuple):
    """One period. start: its first instant, UTC."""

    start: datetime
    calls: int
    answered: int
    talk_s: int
    connected_s: int
    billed_s: int
    revenue_minor: int


async def sums_by_day(
    connection: Connection, account_id: int, dimension: str, key: str, from_at: datetime, to_at: datetime
) -> list[PeriodSums]:
    """UTC days with calls between from_at (inclusive) and to_at (exclusive), both on the hour, oldest first."""
    cursor = await connection.execute(
        "SELECT date_trunc('day', hour_at, 'UTC'), sum(calls)::bigint, sum(answered)::bigint, sum(talk_s)::bigint,"
        " sum(connected_s)::bigint, sum(billed_s)::bigint, sum(revenue_minor)::bigint FROM call_hours"
        " WHERE account_id = %s AND dimension = %s AND key = %s AND hour_at >= %s AND hour_at < %s"
        " GROUP BY 1 HAVING sum(calls) > 0 ORDER BY 1",
        (account_id, dimension, key, from_at, to_at),
    )
    return [PeriodSums._make(row) for row in await cursor.fetchall()]


async def unique_callers(connection: Connection, account_id: int, from_at: datetime, to_at: datetime) -> int:
    """Different caller numbers of ended calls in the range; withheld callers count one each."""
    row = await (
        await connection.execute(
            "SELECT count(DISTINCT caller_number) + count(*) FILTER (WHERE caller_number IS NULL) FROM calls"
            " WHERE account_id = %s AND started_at >= %s AND started_at < %s AND ended_at IS NOT NULL",
            (account_id, from_at, to_at),
        )
    ).fetchone()
    return row[0] if row else 0
