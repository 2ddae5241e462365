"""The model as JSON. These structs are the schema that the OpenAPI document publishes.

Every field is always sent; null where there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias, cast

import msgspec
from msgspec import Meta

from ringtrail.dialects.native.vocabulary import instant, optional_instant
from ringtrail.model.call import CallRecord, LegRecord, LegRole, RecordingKind, RecordingRecord, Trigger
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.view import View, seen
from ringtrail.services.numbers import masked

Instant: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        extra_json_schema={"format": "date-time"},
        examples=["2026-07-14T09:05:10.000Z"],
    ),
]
Number: TypeAlias = Annotated[str, Meta(examples=["+33612345678"])]
CallId: TypeAlias = Annotated[str, Meta(pattern=r"^\d+$", examples=["422137815040065"])]
Country: TypeAlias = Annotated[str, Meta(pattern="^[A-Z]{2}$", examples=["FR"])]
Seconds: TypeAlias = Annotated[int, Meta(ge=0)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Cause: TypeAlias = Annotated[int, Meta(ge=0, le=127, description="ITU-T Q.850.")]
SipStatus: TypeAlias = Annotated[int, Meta(ge=100, le=699)]


class TrackingNumber(msgspec.Struct, frozen=True, gc=False):
    """The number that the caller dialled."""

    number: Number
    name: Annotated[str | None, Meta(description="The name that you gave it.")]


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who called, as presented by the network."""

    number: Annotated[Number | None, Meta(description="E.164; null if withheld. Last four digits as X if the property masks callers.")]  # fmt: skip
    name: Annotated[str | None, Meta(description="As presented: chosen by the caller, so never trust it.")]
    withheld: bool
    country: Country | None
    line_type: Annotated[str | None, Meta(description="FIXED, MOBILE, TOLLFREE, ... by the number plan.", examples=["MOBILE"])]  # fmt: skip
    region: str | None
    is_new: Annotated[bool, Meta(description="The first call of this number to this property, or withheld.")]


class Target(msgspec.Struct, frozen=True, gc=False):
    """Who was called for the caller: the one who answered, else the last one tried."""

    number: Number
    country: Country | None
    line_type: str | None


class Attribution(msgspec.Struct, frozen=True, gc=False):
    """Which marketing caused the call."""

    source: Annotated[str | None, Meta(examples=["Google Ads"])]
    medium: Annotated[str | None, Meta(examples=["cpc"])]
    campaign: Annotated[str | None, Meta(examples=["summer"])]
    content: str | None
    offline_description: str | None


class PropertyRef(msgspec.Struct, frozen=True, gc=False):
    """The site or business unit that the tracking number belongs to."""

    sid: Annotated[str, Meta(pattern="^[A-Z0-9]{32}$")]
    name: str


class AppRef(msgspec.Struct, frozen=True, gc=False):
    """The voice app that took the call."""

    hash: str
    name: str | None
    package: str | None


class Call(msgspec.Struct, frozen=True, gc=False):
    """One caller's attempt and everything that it caused."""

    id: Annotated[CallId, Meta(description="53 bits, growing with time; a string so that no client rounds it.")]
    change: Annotated[int, Meta(ge=1, description="Grows with every change of any call of the account.")]
    property: PropertyRef
    state: Annotated[State, Meta(description="Where the call is now.")]
    disposition: Annotated[Disposition, Meta(description="How it ended for the business.")]
    stage: Annotated[Stage, Meta(description="How far it got.")]
    trigger: Annotated[Trigger, Meta(description="What started it.")]
    tracking_number: Annotated[TrackingNumber | None, Meta(description="Null: a call that we placed, or that was entered.")]  # fmt: skip
    caller: Caller
    target: Target | None
    app: AppRef | None
    attribution: Attribution
    started_at: Instant
    answered_at: Annotated[Instant | None, Meta(description="When a target answered and both could speak.")]
    ended_at: Instant | None
    ring_s: Annotated[Seconds, Meta(description="Seconds until the answer, or until the end.")]
    talk_s: Annotated[Seconds, Meta(description="Seconds between answer and end.")]
    total_s: Annotated[Seconds, Meta(description="Seconds between start and end.")]
    billed_s: Annotated[Seconds, Meta(description="Talk in whole billing steps of the account.")]
    hangup_cause: Cause | None
    hangup_by: HangupBy | None
    keypad: Annotated[str | None, Meta(description="Keys that the caller pressed.")]
    redirected: bool
    recording: Annotated[str | None, Meta(description="Hash of the call's first recording.", examples=["REC0RD1N"])]


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One SIP dialog of the call."""

    id: CallId
    role: LegRole
    position: Annotated[int, Meta(ge=0, description="0 for the caller, then the order of dialling.")]
    number: Number | None
    started_at: Instant
    ringing_at: Instant | None
    answered_at: Instant | None
    ended_at: Instant | None
    disposition: Disposition
    cause: Cause | None
    sip_status: Annotated[SipStatus | None, Meta(description="Final SIP status, where there was one.")]
    hangup_by: HangupBy | None
    codec: str | None
    talk_s: Seconds
    total_s: Seconds


class TraceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the call's story."""

    at: Instant
    what: Annotated[str, Meta(examples=["offered"])]
    detail: dict[str, str | int | float | bool | None]


class CallDetail(Call, frozen=True, kw_only=True):
    """A call with its legs and its story."""

    legs: list[Leg]
    trace: Annotated[list[TraceEntry], Meta(description="Empty while the call is live.")]


class CallList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of calls."""

    calls: list[Call]
    next_cursor: Annotated[str | None, Meta(description="Send it as `cursor` for the next page; null: this was the last.")]  # fmt: skip


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A sound file of a call."""

    hash: Annotated[str, Meta(pattern="^[A-Z0-9]{8}$", examples=["REC0RD1N"])]
    call_id: CallId
    kind: RecordingKind
    status: Literal["recording", "processing", "ready", "error"]
    started_at: Instant
    duration_ms: Count | None
    size_bytes: Count | None
    read_at: Annotated[Instant | None, Meta(description="When somebody first listened.")]
    parts: Annotated[list[Literal["caller", "target"]], Meta(description="The sides that can be had alone.")]
    audio: Annotated[dict[str, str], Meta(description="URL by format, `wav` and `mp3`; only what is there.")]


class RecordingList(msgspec.Struct, frozen=True, kw_only=True):
    """The recordings of one call, newest first."""

    recordings: list[Recording]


def call_view(masking: frozenset[int]) -> View[Call]:
    """masking: ids of the properties that hide their callers' last digits. Arguments by position: by name, they would
    take most of a big page's time."""

    def show(
        id: int,
        change_seq: int,
        property_id: int,
        property_sid: str,
        property_name: str,
        state: str,
        disposition: str,
        stage: str,
        trigger: str,
        tracking_number: str,
        did_name: str | None,
        caller_number: str | None,
        caller_name: str | None,
        caller_withheld: bool,
        caller_country: str | None,
        caller_line_type: str | None,
        caller_region: str | None,
        caller_is_new: bool,
        destination_number: str | None,
        destination_country: str | None,
        destination_line_type: str | None,
        app_hash: str | None,
        app_name: str | None,
        package: str | None,
        source: str | None,
        medium: str | None,
        campaign: str | None,
        content: str | None,
        offline_description: str | None,
        started_at: datetime,
        answered_at: datetime | None,
        ended_at: datetime | None,
        ring_s: int,
        talk_s: int,
        total_s: int,
        billed_s: int,
        hangup_cause: int | None,
        hangup_by: str | None,
        keypad: str | None,
        redirected: bool,
        redirected_expired: bool,
        recording_hash: str | None,
    ) -> Call:
        if caller_number and property_id in masking:
            caller_number = masked(caller_number)
        return Call(
            str(id),
            change_seq,
            PropertyRef(property_sid, property_name),
            cast(State, state),
            cast(Disposition, disposition),
            cast(Stage, stage),
            cast(Trigger, trigger),
            TrackingNumber(tracking_number, did_name) if tracking_number else None,
            Caller(
                caller_number, caller_name, caller_withheld, caller_country, caller_line_type, caller_region,
                caller_is_new,
            ),
            None if destination_number is None else Target(destination_number, destination_country, destination_line_type),
            AppRef(app_hash, app_name, package) if app_hash else None,
            Attribution(source, medium, campaign, content, offline_description),
            instant(started_at),
            None if answered_at is None else instant(answered_at),
            None if ended_at is None else instant(ended_at),
            ring_s,
            talk_s,
            total_s,
            billed_s,
            hangup_cause,
            cast(HangupBy | None, hangup_by),
            keypad,
            redirected or redirected_expired,
            recording_hash,
        )  # fmt: skip

    return show


def call_detail(
    record: CallRecord, legs: Iterable[LegRecord], trace: Iterable[dict[str, Any]], *, mask: bool
) -> CallDetail:
    hidden = record.caller_number if mask else None
    call = seen(call_view(frozenset({record.property_id} if mask else ())), record)
    return CallDetail(
        *msgspec.structs.astuple(call),
        legs=[_leg(leg, hidden) for leg in legs],
        trace=[_trace_entry(entry, hidden) for entry in trace],
    )


def _leg(leg: LegRecord, hidden: str | None) -> Leg:
    return Leg(**leg_fields(leg, hidden))


def leg_fields(leg: LegRecord, hidden: str | None) -> dict[str, Any]:
    """The fields of Leg. hidden: a number that is masked where it stands."""
    return {
        "id": str(leg.id),
        "role": LegRole(leg.role),
        "position": leg.position,
        "number": _hide(leg.number, hidden),
        "started_at": instant(leg.started_at),
        "ringing_at": optional_instant(leg.ringing_at),
        "answered_at": optional_instant(leg.answered_at),
        "ended_at": optional_instant(leg.ended_at),
        "disposition": Disposition(leg.disposition),
        "cause": leg.cause,
        "sip_status": leg.sip_status,
        "hangup_by": HangupBy(leg.hangup_by) if leg.hangup_by else None,
        "codec": leg.codec,
        "talk_s": leg.talk_s,
        "total_s": leg.total_s,
    }


def _trace_entry(entry: dict[str, Any], hidden: str | None) -> TraceEntry:
    detail = {name: _hide(value, hidden) for name, value in entry["detail"].items()}
    return TraceEntry(at=instant(datetime.fromisoformat(entry["at"])), what=entry["what"], detail=detail)


def _hide(value: Any, hidden: str | None) -> Any:
    """The value with the hidden number masked wherever it stands in it."""
    return value.replace(hidden, masked(hidden)) if hidden and isinstance(value, str) else value


def recording_out(record: RecordingRecord, audio: dict[str, str]) -> Recording:
    return Recording(
        hash=record.hash,
        call_id=str(record.call_id),
        kind=RecordingKind(record.kind),
        status=msgspec.convert(record.status, Literal["recording", "processing", "ready", "error"]),
        started_at=instant(record.started_at),
        duration_ms=record.duration_ms,
        size_bytes=record.size_bytes,
        read_at=optional_instant(record.read_at),
        parts=["caller", "target"] if record.per_leg else [],
        audio=audio,
    )
