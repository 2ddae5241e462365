"""The model as JSON. These structs are the schema that the OpenAPI document publishes.

Every field is always sent; null where there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from ringtrail.dialects.native.vocabulary import instant, optional_instant
from ringtrail.model.call import CallRecord, LegRecord, LegRole, RecordingKind, RecordingRecord, Trigger
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.lifecycle import Stage, State
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


class TrackingNumber(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The number that the caller dialled."""

    number: Number
    name: Annotated[str | None, Meta(description="The name that you gave it.")]


class Caller(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who called, as presented by the network."""

    number: Annotated[Number | None, Meta(description="E.164; null if withheld. Last four digits as X if the property masks callers.")]  # fmt: skip
    name: Annotated[str | None, Meta(description="As presented: chosen by the caller, so never trust it.")]
    withheld: bool
    country: Country | None
    line_type: Annotated[str | None, Meta(description="FIXED, MOBILE, TOLLFREE, ... by the number plan.", examples=["MOBILE"])]  # fmt: skip
    region: str | None
    is_new: Annotated[bool, Meta(description="The first call of this number to this property, or withheld.")]


class Target(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who was called for the caller: the one who answered, else the last one tried."""

    number: Number
    country: Country | None
    line_type: str | None


class Attribution(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which marketing caused the call."""

    source: Annotated[str | None, Meta(examples=["Google Ads"])]
    medium: Annotated[str | None, Meta(examples=["cpc"])]
    campaign: Annotated[str | None, Meta(examples=["summer"])]
    content: str | None
    offline_description: str | None


class PropertyRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The site or business unit that the tracking number belongs to."""

    sid: Annotated[str, Meta(pattern="^[A-Z0-9]{32}$")]
    name: str


class AppRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The voice app that took the call."""

    hash: str
    name: str | None
    package: str | None


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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


def call_fields(record: CallRecord, *, mask: bool) -> dict[str, Any]:
    """The fields of Call. mask: hide the end of the caller's number."""
    number = masked(record.caller_number) if mask and record.caller_number else record.caller_number
    return {
        "id": str(record.id),
        "change": record.change_seq,
        "property": PropertyRef(sid=record.property_sid, name=record.property_name),
        "state": record.state,
        "disposition": record.disposition,
        "stage": record.stage,
        "trigger": record.trigger,
        "tracking_number": _tracking_number(record),
        "caller": Caller(
            number=number,
            name=record.caller_name,
            withheld=record.caller_withheld,
            country=record.caller_country,
            line_type=record.caller_line_type,
            region=record.caller_region,
            is_new=record.caller_is_new,
        ),
        "target": _target(record),
        "app": AppRef(hash=record.app_hash, name=record.app_name, package=record.package) if record.app_hash else None,
        "attribution": Attribution(
            source=record.source,
            medium=record.medium,
            campaign=record.campaign,
            content=record.content,
            offline_description=record.offline_description,
        ),
        "started_at": instant(record.started_at),
        "answered_at": optional_instant(record.answered_at),
        "ended_at": optional_instant(record.ended_at),
        "ring_s": record.ring_s,
        "talk_s": record.talk_s,
        "total_s": record.total_s,
        "billed_s": record.billed_s,
        "hangup_cause": record.hangup_cause,
        "hangup_by": record.hangup_by,
        "keypad": record.keypad,
        "redirected": record.redirected or record.redirected_expired,
        "recording": record.recording_hash,
    }


def _tracking_number(record: CallRecord) -> TrackingNumber | None:
    return TrackingNumber(number=record.tracking_number, name=record.did_name) if record.tracking_number else None


def _target(record: CallRecord) -> Target | None:
    if record.destination_number is None:
        return None
    return Target(
        number=record.destination_number, country=record.destination_country, line_type=record.destination_line_type
    )


def call_list(records: Iterable[CallRecord], masking: frozenset[int], next_cursor: str | None) -> CallList:
    """masking: ids of the properties that hide their callers' last digits."""
    calls = [Call(**call_fields(record, mask=record.property_id in masking)) for record in records]
    return CallList(calls=calls, next_cursor=next_cursor)


def call_detail(
    record: CallRecord, legs: Iterable[LegRecord], trace: Iterable[dict[str, Any]], *, mask: bool
) -> CallDetail:
    hidden = record.caller_number if mask else None
    return CallDetail(
        **call_fields(record, mask=mask),
        legs=[_leg(leg, hidden) for leg in legs],
        trace=[_trace_entry(entry, hidden) for entry in trace],
    )


def _leg(leg: LegRecord, hidden: str | None) -> Leg:
    return Leg(
        id=str(leg.id),
        role=LegRole(leg.role),
        position=leg.position,
        number=_hide(leg.number, hidden),
        started_at=instant(leg.started_at),
        ringing_at=optional_instant(leg.ringing_at),
        answered_at=optional_instant(leg.answered_at),
        ended_at=optional_instant(leg.ended_at),
        disposition=Disposition(leg.disposition),
        cause=leg.cause,
        sip_status=leg.sip_status,
        hangup_by=HangupBy(leg.hangup_by) if leg.hangup_by else None,
        codec=leg.codec,
        talk_s=leg.talk_s,
        total_s=leg.total_s,
    )


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
