"""Call, Leg, Recording: the canonical record.

Call and Leg are what the controller knows of one call, live or ended; CallRecord and LegRecord are what is read back,
joined with names, as plain tuples (a page of 5,000 must stay cheap).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.lifecycle import Stage, State


class LegRole(StrEnum):
    CALLER = "caller"  # the inbound leg, or the one that we dialled first
    TARGET = "target"  # an outbound leg


class RecordingKind(StrEnum):
    CALL = "call"
    VOICEMAIL = "voicemail"


class Trigger(StrEnum):
    """What started the call."""

    NORMAL = "normal"
    WEB = "web"
    RULE = "rule"
    API = "api"
    PHONE = "phone"  # a subscriber dialled: the caller's leg is that of the account's own phone
    MANUAL = "manual"  # entered by an API client: no call of ours


PLACED_BY_US = (Trigger.WEB, Trigger.API)
"""Triggers of click-to-calls: the caller's own leg was dialled by us, not offered to us."""

PLACED = (*PLACED_BY_US, Trigger.PHONE)
"""Triggers of calls that the account made: these did not come in from outside."""

ENTERED_NODE = "entered"
"""`Call.node` of what an API client entered: no engine saw it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One SIP dialog. `id` is CALLR's callid; the inbound leg's id is the call's id."""

    id: int
    engine_leg_id: str
    role: LegRole
    position: int  # 0 for the caller, then 1, 2, ... in dialling order
    number_e164: str | None
    number_country: str | None = None  # ISO 3166-1 alpha-2
    number_line_type: str | None = None
    started_at: datetime
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None  # Q.850
    sip_status: int | None = None  # final status, if the engine told
    hangup_by: HangupBy | None = None
    disposition: Disposition = Disposition.IN_PROGRESS
    raw: str | None = None  # the engine's own words for the end
    codec: str | None = None
    debit_micro: int | None = None  # what it costs; None: not rated
    cost_label: str | None = None  # of its rate

    @property
    def talk_s(self) -> int:
        """Whole seconds between answer and end; 0 when never answered."""
        return whole_seconds(self.answered_at, self.ended_at)

    @property
    def total_s(self) -> int:
        """Whole seconds between start and end."""
        return whole_seconds(self.started_at, self.ended_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A sound file of a call. `path` is relative to the recordings folder, without extension."""

    hash: str
    call_id: int
    kind: RecordingKind
    path: str
    started_at: datetime
    status: str = "recording"  # recording, processing, ready, error
    duration_ms: int | None = None
    size_bytes: int | None = None
    per_leg: bool = False  # PATH-caller.wav and PATH-target.wav exist beside PATH.wav
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEntry:
    """One line of a call's story: when, what, and the words that explain it."""

    at: datetime
    what: str
    detail: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One caller's attempt and everything that it caused, as of now."""

    id: int  # 53 bits, increasing with time: safe in every vendor's JSON
    account_id: int
    property_id: int
    node: str  # the engine node that carries it
    started_at: datetime
    state: State
    stage: Stage
    tracking_number_e164: str  # empty: nobody dialled a number of ours (click-to-call, entered calls)
    did_hash: str  # empty then, too
    app_hash: str | None
    caller_number_e164: str | None
    caller_withheld: bool
    caller_name: str | None
    caller_country: str | None
    caller_line_type: str | None
    caller_region: str | None
    attribution: StaticAttribution
    legs: tuple[Leg, ...]
    trigger: Trigger = Trigger.NORMAL
    answered_at: datetime | None = None  # a target answered and was bridged
    bridged_at: datetime | None = None
    ended_at: datetime | None = None
    disposition: Disposition = Disposition.IN_PROGRESS
    disposition_raw: str | None = None
    hangup_cause: int | None = None
    hangup_by: HangupBy | None = None
    destination_number_e164: str | None = None
    destination_country: str | None = None
    destination_line_type: str | None = None
    redirected: bool = False
    redirected_expired: bool = False
    keypad: str | None = None
    external_id: str | None = None
    client_id: str | None = None  # an API client's link to its CRM
    button_hash: str | None = None  # the click-to-call button that caused the call
    timezone: str | None = None  # IANA, as an API client named it; None: the property's
    recordings: tuple[Recording, ...] = ()
    trace: tuple[TraceEntry, ...] = ()
    billing_increment_s: int = 60

    @property
    def placed_by_us(self) -> bool:
        """Whether the caller's own leg was dialled by us (click-to-call), not offered to us."""
        return self.trigger in PLACED_BY_US

    @property
    def came_in(self) -> bool:
        """Whether somebody called the account, not the account somebody."""
        return self.trigger not in PLACED

    def dialled(self, leg: Leg) -> bool:
        """Whether the leg is an outbound call: a target's, or the caller's own of a call that we placed."""
        return leg.role is LegRole.TARGET or self.placed_by_us

    @property
    def debit_micro(self) -> int | None:
        """What the caller's leg costs; None: not rated."""
        return self.legs[0].debit_micro if self.legs else None

    @property
    def cost_label(self) -> str | None:
        """Of the rate of the caller's leg."""
        return self.legs[0].cost_label if self.legs else None

    @property
    def ended(self) -> bool:
        return self.ended_at is not None

    @property
    def ring_s(self) -> int:
        """Seconds that the caller waited: until a target answered, or until the end."""
        return whole_seconds(self.started_at, self.answered_at or self.ended_at)

    @property
    def talk_s(self) -> int:
        return whole_seconds(self.answered_at, self.ended_at)

    @property
    def total_s(self) -> int:
        return whole_seconds(self.started_at, self.ended_at)

    @property
    def connected_s(self) -> int:
        """Seconds that the caller's own leg was up, whoever spoke: prompts, voicemail and talk."""
        return self.legs[0].talk_s if self.legs else 0

    @property
    def handled_s(self) -> int:
        """The one duration that reporting APIs show: talk, or the platform's own time where it was the last party.

        A call that reached nobody shows 0, however long it rang [inferred].
        """
        if self.answered_at is not None:
            return self.talk_s
        by_platform = self.disposition in (Disposition.VOICEMAIL, Disposition.IVR)
        given_up = self.disposition is Disposition.ABANDONED and self.stage in (Stage.MESSAGE, Stage.IVR)
        return self.connected_s if by_platform or given_up else 0

    @property
    def billed_s(self) -> int:
        return billed_seconds(self.talk_s or self.connected_s, self.billing_increment_s)

    def with_leg(self, leg: Leg) -> Call:
        """The call with `leg` added, or put in the place of the leg with the same id."""
        others = tuple(known if known.id != leg.id else leg for known in self.legs)
        return replace(self, legs=others if any(known.id == leg.id for known in self.legs) else (*others, leg))


def whole_seconds(start: datetime | None, end: datetime | None) -> int:
    """Whole seconds from start to end, rounded to the nearest, never negative; 0 if either is unknown.

    Vendors show start and end cut to seconds beside these durations; rounding keeps both within one second.
    """
    if start is None or end is None:
        return 0
    return max(0, round((end - start).total_seconds()))


def billed_seconds(talk_s: int, increment_s: int) -> int:
    """Talk time rounded up to the billing increment: 199 s in steps of 60 is 240."""
    return -(-talk_s // increment_s) * increment_s


class CallRecord(NamedTuple):
    """One call as the reporting side reads it. Field order is the SELECT order of storage/calls.py."""

    id: int
    account_id: int
    property_id: int
    property_sid: str
    property_name: str
    creation_seq: int  # per account, gap-safe: INVOX's call_id
    change_seq: int  # per account, gap-safe: Agendize's and Fone Dynamics' sync position
    started_at: datetime
    answered_at: datetime | None
    caller_answered_at: datetime | None  # when the caller's own leg was answered
    ended_at: datetime | None
    ring_s: int
    talk_s: int
    total_s: int
    connected_s: int
    handled_s: int
    billed_s: int
    state: str
    disposition: str
    stage: str
    disposition_raw: str | None
    hangup_cause: int | None
    hangup_by: str | None
    trigger: str
    caller_number: str | None
    caller_withheld: bool
    caller_name: str | None
    caller_country: str | None
    caller_line_type: str | None
    caller_region: str | None
    caller_is_new: bool
    tracking_number: str  # empty: see Call
    did_hash: str
    did_name: str | None
    destination_number: str | None
    destination_country: str | None
    destination_line_type: str | None
    app_hash: str | None
    app_name: str | None
    package: str | None
    source: str | None
    medium: str | None
    campaign: str | None
    content: str | None
    offline_description: str | None
    redirected: bool
    redirected_expired: bool
    keypad: str | None
    external_id: str | None
    client_id: str | None
    button_hash: str | None
    timezone: str | None
    revenue_minor: int  # hundredths of the account's currency; negative: a cost
    debit_micro: int | None  # what the caller's leg costs; None: not rated
    cost_label: str | None  # of its rate
    recording_hash: str | None  # the call's first recording, call before voicemail
    recording_kind: str | None
    recording_ready: bool  # one of its recordings can be listened to


class LegRecord(NamedTuple):
    """One leg as read back, with what CALLR's CDR objects show of its call."""

    id: int
    call_id: int
    role: str
    outbound: bool  # we dialled it: see Call.dialled
    position: int
    number: str | None
    number_country: str | None
    number_line_type: str | None
    started_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    cause: int | None
    sip_status: int | None
    hangup_by: str | None
    disposition: str
    raw: str | None
    codec: str | None
    talk_s: int
    total_s: int
    billed_s: int
    debit_micro: int | None  # what it costs; None: not rated
    cost_label: str | None  # of its rate
    app_hash: str | None
    app_name: str | None
    package: str | None
    caller_number: str | None
    caller_withheld: bool
    caller_name: str | None
    external_id: str | None
    property_id: int


class RecordingRecord(NamedTuple):
    """One recording as read back, with what CALLR's Media.Recording shows of its call."""

    hash: str
    account_id: int
    call_id: int
    kind: str
    path: str
    status: str
    started_at: datetime
    duration_ms: int | None
    size_bytes: int | None
    per_leg: bool
    read_at: datetime | None
    app_hash: str | None
    app_name: str | None
    caller_number: str | None
    caller_name: str | None
    did_hash: str | None
    tracking_number: str | None
    property_id: int | None


class RecordingTally(NamedTuple):
    """How many recordings of one kind and status were, or were not, listened to, and their bytes together."""

    kind: str
    status: str
    read: bool
    quantity: int
    size_bytes: int
