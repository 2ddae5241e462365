"""Sums over time and dimensions: read from the rollups, or counted where those have no such dimension."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ringtrail.model.message import Direction, MessageStatus
from ringtrail.model.sums import Group, GroupSums, MessageSums, Order
from ringtrail.storage.database import Connection
from ringtrail.storage.directions import INBOUND, OUTBOUND


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
    """Different caller numbers of ended calls that came in, in the range; withheld callers count one each."""
    row = await (
        await connection.execute(
            "SELECT count(DISTINCT caller_number) + count(*) FILTER (WHERE caller_number IS NULL) FROM calls c"
            " WHERE account_id = %s AND started_at >= %s AND started_at < %s AND ended_at IS NOT NULL"
            f" AND {INBOUND}".encode(),
            (account_id, from_at, to_at),
        )
    ).fetchone()
    return row[0] if row else 0


_DAY = "date_trunc('day', {}.started_at, 'UTC')"
_KEYS = {
    Group.CALL_DAY: _DAY.format("c"),
    Group.CALL_APP: "c.app_hash",
    Group.CALL_DID: "c.did_hash",
    Group.CALL_COUNTRY: "CASE WHEN NOT c.caller_withheld THEN c.caller_country END",
    Group.LEG_DAY: _DAY.format("l"),
    Group.LEG_APP: "c.app_hash",
    Group.LEG_COUNTRY: "l.number_country",
    Group.LEG_LABEL: "l.cost_label",
}
_MICRO_IN_MINOR = 10_000
_OF_CALLS = (
    "sum(c.connected_s) AS connected_s, coalesce(round(sum(c.talk_s)::numeric / nullif(count(c.answered_at), 0)), 0),"
    f" sum(greatest(0, c.revenue_minor)::bigint * {_MICRO_IN_MINOR}) AS credit_micro,"
    f" sum(coalesce(c.debit_micro, greatest(0, -c.revenue_minor)::bigint * {_MICRO_IN_MINOR})) AS debit_micro,"
    " max(c.cost_label) FROM calls c WHERE c.account_id = %s AND c.started_at >= %s AND c.started_at < %s"
    f" AND {INBOUND}"
)
_OF_LEGS = (
    "sum(l.talk_s) AS connected_s, coalesce(round(sum(l.talk_s)::numeric / nullif(count(l.answered_at), 0)), 0),"
    " 0 AS credit_micro, sum(coalesce(l.debit_micro, 0)) AS debit_micro, max(l.cost_label)"
    " FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id AND c.started_at <= l.started_at"
    f" WHERE l.account_id = %s AND l.started_at >= %s AND l.started_at < %s AND {OUTBOUND}"
)
_ORDERS = {
    Order.KEY: "1", Order.CALLS: "2 DESC", Order.SECONDS: "3 DESC", Order.AVERAGE: "4 DESC", Order.CREDIT: "5 DESC",
    Order.DEBIT: "6 DESC",
}  # fmt: skip


async def sums_by_group(
    connection: Connection,
    account_id: int,
    group: Group,
    from_at: datetime,
    to_at: datetime,
    *,
    order: Order = Order.KEY,
    limit: int | None = None,
) -> list[GroupSums]:
    """Ended calls that came in, or legs that we dialled for ended calls, that started in the range: counted one by one."""
    of_what = _OF_LEGS if group.startswith("leg") else _OF_CALLS
    cursor = await connection.execute(
        f"SELECT {_KEYS[group]}, count(*) AS calls, {of_what} AND c.ended_at IS NOT NULL"
        f" GROUP BY 1 ORDER BY {_ORDERS[order]}, 1 LIMIT %s".encode(),
        (account_id, from_at, to_at, limit),
    )
    return [
        GroupSums(key, calls, int(connected_s), int(average_s), int(credit_micro), int(debit_micro), label)
        for key, calls, connected_s, average_s, credit_micro, debit_micro, label in await cursor.fetchall()
    ]


async def message_sums(
    connection: Connection, account_id: int, from_at: datetime, to_at: datetime, refusals: Sequence[str]
) -> list[MessageSums]:
    """Messages that were created in the range, oldest day first. refusals: error codes."""
    cursor = await connection.execute(
        "SELECT date_trunc('day', created_at, 'UTC'), direction, status, coalesce(error_code = ANY(%s), false), count(*),"
        " sum(segments)::bigint, coalesce(sum(debit_micro), 0)::bigint FROM messages"
        " WHERE account_id = %s AND created_at >= %s AND created_at < %s GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
        (list(refusals), account_id, from_at, to_at),
    )
    return [MessageSums(row[0], Direction(row[1]), MessageStatus(row[2]), *row[3:]) for row in await cursor.fetchall()]
