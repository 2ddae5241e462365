"""What PostgreSQL is asked for when an API's answer is compared with a COPY: the same rows, whole or only what is shown."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

PAGE = 5_000
BY_START = "c.started_at, c.id"

_TIMES = "c.started_at, c.answered_at, c.ended_at"
_MARKETING = "c.source, c.medium, c.campaign, c.content"
_PROPERTY = " JOIN properties p ON p.account_id = c.account_id AND p.id = c.property_id"
_DID = " LEFT JOIN dids d ON d.account_id = c.account_id AND d.hash = c.did_hash"
_APP = " LEFT JOIN apps a ON a.account_id = c.account_id AND a.hash = c.app_hash"

COLUMNS = {
    "optico": (
        "c.started_at, c.caller_number, c.tracking_number, c.destination_number, c.trigger, c.source, c.disposition,"
        " c.stage, c.talk_s, c.connected_s, c.billed_s, c.revenue_minor, c.keypad, c.redirected, c.redirected_expired,"
        " c.ring_s",
        "",
    ),
    "invox": (
        "c.creation_seq, c.started_at, c.talk_s, c.connected_s, c.disposition, c.stage, c.caller_number,"
        f" c.tracking_number, c.destination_number, {_MARKETING}, c.recording_hash, p.name",
        _PROPERTY,
    ),
    "agendize": (
        "c.creation_seq, c.id, p.sid, c.caller_number, c.destination_number, c.tracking_number, c.started_at, c.talk_s,"
        " c.connected_s, c.disposition, c.stage, c.external_id, c.trigger, c.recording_ready",
        _PROPERTY,
    ),
    "fonedynamics": (
        "c.id, p.sid, c.started_at, c.caller_number, c.caller_withheld, c.caller_country, c.caller_region,"
        f" c.tracking_number, d.friendly_name, c.talk_s, c.connected_s, c.disposition, c.stage, c.destination_number,"
        f" {_MARKETING}, c.keypad, c.recording_ready",
        _PROPERTY + _DID,
    ),
    "callr": (
        f"c.id, {_TIMES}, c.caller_answered_at, c.revenue_minor, c.caller_country, c.caller_name, c.caller_number,"
        " c.caller_line_type, c.caller_withheld, c.external_id, c.did_hash, c.tracking_number, c.total_s, c.connected_s,"
        " c.hangup_cause, c.hangup_by, c.app_hash, a.package, a.name",
        _APP,
    ),
    "native": (
        f"c.id, c.change_seq, p.sid, p.name, c.state, c.disposition, c.stage, c.trigger, c.tracking_number,"
        " d.friendly_name, c.caller_number, c.caller_name, c.caller_withheld, c.caller_country, c.caller_line_type,"
        " c.caller_region, c.caller_is_new, c.destination_number, c.destination_country, c.destination_line_type,"
        f" c.app_hash, a.name, a.package, {_MARKETING}, c.offline_description, {_TIMES}, c.ring_s, c.talk_s, c.total_s,"
        " c.billed_s, c.hangup_cause, c.hangup_by, c.keypad, c.redirected, c.redirected_expired, c.recording_hash",
        _PROPERTY + _DID + _APP,
    ),
}
"""What each API shows of a call, and the joins that it needs for that."""

_LEG_COLUMNS = (
    "l.id, l.call_id, l.number, l.number_country, l.number_line_type, l.started_at, l.answered_at, l.ended_at, l.cause,"
    " l.hangup_by, l.disposition, l.talk_s, l.total_s, l.billed_s, c.app_hash, a.name, a.package, c.caller_number,"
    " c.caller_withheld, c.caller_name, c.external_id"
)
_CALL = (
    " CROSS JOIN LATERAL (SELECT * FROM calls c WHERE c.account_id = l.account_id AND c.id = l.call_id"
    " AND c.started_at BETWEEN l.started_at - interval '7 days' AND l.started_at LIMIT 1) c"
)
"""A leg's call. The limit keeps PostgreSQL from joining all calls with all legs."""


class Subject(NamedTuple):
    """Whose calls are read."""

    account_id: int
    sid: str
    calls: int
    property_id: int
    property_calls: int

    @property
    def calls_of_account(self) -> str:
        """The condition on ended calls that every page has."""
        return f"c.account_id = {self.account_id} AND c.ended_at IS NOT NULL"

    @property
    def calls_of_property(self) -> str:
        return f"{self.calls_of_account} AND c.property_id = {self.property_id}"


def subject_of(connection: psycopg.Connection[Any]) -> Subject:
    account = connection.execute(
        "SELECT a.id, a.sid, k.creation FROM accounts a JOIN call_counters k ON k.account_id = a.id ORDER BY a.id LIMIT 1"
    ).fetchone()
    assert account is not None
    biggest = connection.execute(
        "SELECT property_id, (SELECT sum(calls)::bigint FROM call_hours WHERE account_id = c.account_id"
        " AND dimension = 'property' AND key = property_id::text) FROM credentials c WHERE dialect = 'optico'"
    ).fetchone()
    assert biggest is not None
    return Subject(*account, *biggest)


def rows_of_calls(condition: str, order: str) -> str:
    """A page of calls, every column as it is kept."""
    return f"SELECT c.* FROM calls c WHERE {condition} ORDER BY {order} LIMIT {PAGE}"


def shown_of_calls(dialect: str, condition: str, order: str) -> str:
    """The same page, reduced to what the API shows of a call."""
    columns, joins = COLUMNS[dialect]
    return f"SELECT {columns} FROM ({rows_of_calls(condition, order)}) c{joins} ORDER BY {order}"


_LEGS_BY_START = "l.started_at, l.call_id, l.position"


def rows_of_target_legs(account_id: int) -> str:
    return (
        f"SELECT l.* FROM legs l WHERE l.account_id = {account_id} AND l.role = 'target' AND l.ended_at IS NOT NULL"
        f" ORDER BY {_LEGS_BY_START} LIMIT {PAGE}"
    )


def shown_of_target_legs(account_id: int) -> str:
    rows = rows_of_target_legs(account_id)
    return f"SELECT {_LEG_COLUMNS} FROM ({rows}) l{_CALL}{_APP} ORDER BY {_LEGS_BY_START} LIMIT {PAGE}"
