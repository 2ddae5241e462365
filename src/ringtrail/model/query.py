"""What can be asked of the call records, without a vendor's word in it. Fields combine with AND; empty means any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, cast

from ringtrail.model.call import CallRecord
from ringtrail.model.message import Direction, MessageStatus
from ringtrail.model.view import records


class CallerNovelty(StrEnum):
    ALL = "all"
    UNIQUE = "unique"  # the first call of that caller to that property, and every withheld caller
    REPEAT = "repeat"


class Order(StrEnum):
    STARTED = "started"  # started_at, then id
    STARTED_DESC = "started_desc"
    CREATION = "creation"  # creation_seq
    CHANGE = "change"  # change_seq


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQuery:
    """Which calls, in which order. `account_id` is never optional: tenant isolation begins here."""

    account_id: int
    property_id: int | None = None
    from_at: datetime | None = None  # started_at >=
    to_at: datetime | None = None  # started_at <
    after_at: datetime | None = None  # started_at > (for dialects whose lower bound is exclusive)
    created_after: int | None = None  # creation_seq >
    changed_after: int | None = None  # change_seq >
    past: tuple[datetime, int] | None = None  # (started_at, id): only what comes behind it in STARTED or STARTED_DESC
    include_in_progress: bool = False
    only_in_progress: bool = False
    ids: tuple[int, ...] = ()
    creation_seqs: tuple[int, ...] = ()
    tracking_numbers: tuple[str, ...] = ()
    did_hash: str | None = None
    button_hash: str | None = None
    destination_numbers: tuple[str, ...] = ()
    caller_numbers: tuple[str, ...] = ()
    caller_masked: str | None = None  # compares with the masked form: last four digits as X
    search: str | None = None  # substring of caller, destination or tracking number
    outcomes: tuple[tuple[str, str | None], ...] | None = (
        None  # (disposition, stage or None for any); (): nothing matches
    )
    redirected_is_expired: bool = False  # in `outcomes`, a call that an expired number sent on is `expired`
    sources: tuple[str, ...] = ()
    mediums: tuple[str, ...] = ()
    campaigns: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    offline_description: str | None = None
    keypads: tuple[str, ...] = ()
    novelty: CallerNovelty = CallerNovelty.ALL
    app_hash: str | None = None
    inbound: bool = False  # only those that came in: see Call.came_in
    order: Order = Order.STARTED


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQuery:
    """Which messages, by creation."""

    account_id: int
    property_id: int | None = None
    from_at: datetime | None = None  # created_at >=
    to_at: datetime | None = None  # created_at <
    direction: Direction | None = None
    statuses: tuple[MessageStatus, ...] = ()
    senders: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    sender_masked: str | None = None  # compares with the masked form
    ids: tuple[int, ...] = ()
    hidden_senders_of: tuple[int, ...] = ()  # properties whose received messages are not found by who sent them
    body_contains: str | None = None
    external_id: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)  # all of these
    error_codes: tuple[str, ...] = ()
    other_error_codes_than: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LegQuery:
    """Which legs, oldest first."""

    account_id: int
    outbound: bool = False  # only those that we dialled: see Call.dialled
    call_ids: list[int] | None = None
    from_at: datetime | None = None  # started_at >=
    to_at: datetime | None = None  # started_at <
    app_hash: str | None = None
    did_hash: str | None = None
    leg_id: int | None = None
    past: tuple[datetime, int, int] | None = None  # (started_at, call_id, position): only what comes behind it
    of_ended_calls: bool = False


class CallPage(NamedTuple):
    """A slice of the matching calls. total is None when it was not asked for."""

    fields: tuple[str, ...]  # of CallRecord: what was fetched
    rows: list[tuple[Any, ...]]
    total: int | None
    has_more: bool
    shown: list[Any]  # what the asker's view made of each row; empty without one

    @property
    def records(self) -> list[CallRecord]:
        """The rows as CallRecords that have only `fields`."""
        return records(self.fields, self.rows)

    @property
    def last(self) -> CallRecord:
        return cast(CallRecord, records(self.fields, self.rows[-1:])[0])

    def column(self, field: str) -> list[Any]:
        position = self.fields.index(field)
        return [row[position] for row in self.rows]


class DayTotals(NamedTuple):
    """One local day. day is YYYY-MM-DD."""

    day: str
    calls: int
    talk_s: int
    handled_s: int
    revenue_minor: int
