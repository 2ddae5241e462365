"""Sums over time and dimensions: read from the rollups, and counted where those have no whole hour or no such dimension."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ringtrail.model.message import Direction, MessageStatus
from ringtrail.model.sums import Group, GroupSums, MessageSums, Order
from ringtrail.storage.database import Connection
from ringtrail.storage.directions import CREDIT, DEBIT, INBOUND, OUTBOUND
from ringtrail.storage.hours import around_whole_hours


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


class _Kept(NamedTuple):
    """Where the rollups have the sums of a group: its dimension, and the group and the label in a row `h`."""

    dimension: str
    key: str
    label: str = "NULL"


class _Grouping(NamedTuple):
    """counted: the group of a call `c` or a leg `l`."""

    counted: str
    kept: _Kept | None


_DAY = "date_trunc('day', {}, 'UTC')"
_GROUPINGS = {
    Group.CALL_DAY: _Grouping(_DAY.format("c.started_at"), _Kept("inbound", _DAY.format("h.hour_at"))),
    Group.CALL_APP: _Grouping("c.app_hash", _Kept("app", "nullif(h.key, '')")),
    Group.CALL_DID: _Grouping(
        "c.did_hash", _Kept("did", "split_part(h.key, '/', 1)", "nullif(substring(h.key FROM '/(.*)'), '')")
    ),
    Group.CALL_COUNTRY: _Grouping("CASE WHEN NOT c.caller_withheld THEN c.caller_country END", None),
    Group.LEG_DAY: _Grouping(_DAY.format("l.started_at"), _Kept("outbound", _DAY.format("h.hour_at"))),
    Group.LEG_APP: _Grouping("c.app_hash", _Kept("outbound_to", "nullif(split_part(h.key, '/', 1), '')")),
    Group.LEG_COUNTRY: _Grouping("l.number_country", _Kept("outbound_to", "nullif(split_part(h.key, '/', 2), '')")),
    Group.LEG_LABEL: _Grouping(
        "l.cost_label", _Kept("outbound_to", "nullif(substring(h.key FROM '^[^/]*/[^/]*/(.*)'), '')")
    ),
}
_HOURS = (
    "SELECT {key} AS key, h.calls, h.answered, h.talk_s, h.connected_s, h.credit_micro, h.debit_micro, {label} AS label"
    " FROM call_hours h WHERE h.account_id = %s AND h.dimension = '{dimension}' AND h.hour_at >= %s AND h.hour_at < %s"
    " AND h.calls <> 0"
)
_CALLS = (
    "SELECT {key} AS key, 1::bigint AS calls, (c.answered_at IS NOT NULL)::int::bigint AS answered, c.talk_s::bigint AS talk_s,"
    f" c.connected_s::bigint AS connected_s, {CREDIT} AS credit_micro, {DEBIT} AS debit_micro, c.cost_label AS label"
    " FROM calls c WHERE c.account_id = %s AND c.started_at >= %s AND c.started_at < %s"
    f" AND c.ended_at IS NOT NULL AND {INBOUND}"
)
_LEGS = (
    "SELECT {key} AS key, 1::bigint AS calls, (l.answered_at IS NOT NULL)::int::bigint AS answered, l.talk_s::bigint AS talk_s,"
    " l.talk_s::bigint AS connected_s, 0::bigint AS credit_micro, coalesce(l.debit_micro, 0) AS debit_micro, l.cost_label AS label"
    " FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id AND c.started_at <= l.started_at"
    " WHERE l.account_id = %s AND l.started_at >= %s AND l.started_at < %s"
    f" AND c.ended_at IS NOT NULL AND {OUTBOUND}"
)
_SUMS = (
    "SELECT key, sum(calls)::bigint, sum(connected_s)::bigint, coalesce(round(sum(talk_s) / nullif(sum(answered), 0)), 0)::bigint,"
    " sum(credit_micro)::bigint, sum(debit_micro)::bigint, max(label), sum(answered)::bigint, sum(talk_s)::bigint"
    " FROM ({parts}) p GROUP BY 1 HAVING sum(calls) > 0 ORDER BY {order}, 1 LIMIT %s"
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
    """Ended calls that came in, or legs that we dialled for ended calls, that started in the range, to the second: whole
    hours from the rollups, the rest counted."""
    parts, params = _parts(_GROUPINGS[group], _LEGS if group.startswith("leg") else _CALLS, account_id, from_at, to_at)
    statement = _SUMS.format(parts=" UNION ALL ".join(parts), order=_ORDERS[order])
    cursor = await connection.execute(statement.encode(), [*params, limit])
    return [GroupSums._make(row) for row in await cursor.fetchall()]


def _parts(
    grouping: _Grouping, counting: str, account_id: int, from_at: datetime, to_at: datetime
) -> tuple[list[str], list[Any]]:
    """The statements that give rows to be added up, and their values."""
    counted = counting.format(key=grouping.counted)
    if grouping.kept is None:
        return [counted], [account_id, from_at, to_at]
    edges, hours = around_whole_hours(from_at, to_at)
    kept = _HOURS.format(**grouping.kept._asdict())
    return [kept, *[counted] * len(edges)], [value for span in (hours, *edges) for value in (account_id, *span)]


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
