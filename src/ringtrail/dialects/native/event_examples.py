"""One event of each type, as the documentation shows it."""

from __future__ import annotations

from typing import Any

from ringtrail.dialects.native import examples
from ringtrail.dialects.native.event_ids import EXAMPLE as FIRST
from ringtrail.dialects.native.event_ids import event_text, read_event
from ringtrail.dialects.native.event_structs import (
    Credit,
    DeletedCall,
    DisabledEndpoint,
    Event,
    Job,
    LegOfCall,
    Medium,
    Message,
    OwnNumber,
    ReleasedNumber,
    TestData,
)
from ringtrail.dialects.native.events import subject_of
from ringtrail.model.account import Account
from ringtrail.model.call import LegRole, RecordingKind
from ringtrail.model.cause import Disposition
from ringtrail.model.events import EventType
from ringtrail.model.ids import number_of_hash, number_of_job
from ringtrail.model.job import JobStatus
from ringtrail.model.message import Direction, Encoding, MessageStatus

ACCOUNT = "K3V7T5QXZ2MJ4W6YB7D2C5H3RNFPS6LA"
ENDPOINT, NUMBER = "E4DP01NT", "D1DN0001"
_OWNER = Account(
    id=1, sid=ACCOUNT, name="Optimists Ltd", timezone="Europe/Paris", country="FR", currency="EUR", billing_increment_s=60,
    outbound_prefixes=(),
)  # fmt: skip
_CALL, _MESSAGE = int(examples.CALL.id), 4711
_STARTED, _RINGING, _ENDED = (f"2026-07-14T09:{at}.000Z" for at in ("05:11", "05:12", "08:40"))


def _leg(**changes: Any) -> LegOfCall:
    fields: dict[str, Any] = {
        "id": "422137815042113", "call_id": examples.CALL.id, "role": LegRole.TARGET, "position": 1,
        "number": "+33987654321", "started_at": _STARTED, "ringing_at": None, "answered_at": None, "ended_at": None,
        "disposition": Disposition.IN_PROGRESS, "cause": None, "sip_status": None, "hangup_by": None, "codec": None,
        "talk_s": 0, "total_s": 0,
    }  # fmt: skip
    return LegOfCall(**fields | changes)


def _message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "id": str(_MESSAGE), "sid": "MSGQ3T5VXZ2J4W6YB7D2C5H3RNFPS6LK", "direction": Direction.IN,
        "sender": "+33612345678", "recipient": "+33912340001", "body": "Are you open today?",
        "encoding": Encoding.GSM, "segments": 1, "status": MessageStatus.RECEIVED, "error_code": None,
        "external_id": None, "created_at": _ENDED, "scheduled_at": None, "submitted_at": None, "delivered_at": None,
        "received_at": _ENDED,
    }  # fmt: skip
    return Message(**fields | changes)


def _credit(balance_micro: int, amount_micro: int) -> Credit:
    return Credit(
        balance_micro=balance_micro, amount_micro=amount_micro, warning_micro=10_000_000, shutdown_micro=0,
        currency="EUR",
    )  # fmt: skip


def _changed(item: Any, **changes: Any) -> Any:
    return type(item)(**{name: getattr(item, name) for name in item.__struct_fields__} | changes)


_NUMBER = OwnNumber(
    hash=NUMBER, number="+33912340001", name="Front desk", country="FR", line_type="GEOGRAPHIC", region=None, city=None,
    capabilities=["voice"], app="K7PQ2M4X", assigned_at=_STARTED, expires_at=None,
)  # fmt: skip

_JOB = Job(
    id="k3v7t5qxz2mj4w6yb7d2c5h3rnfps6", kind="export", status=JobStatus.DONE, percent=100.0, result={"rows": 12},
    error=None, created_at=_STARTED, done_at=_ENDED,
)  # fmt: skip

_DATA: dict[EventType, tuple[int, Any]] = {
    EventType.CALL_STARTED: (
        _CALL,
        _changed(
            examples.CALL, change=1841, state="ringing", disposition="in_progress", stage="ringing", answered_at=None,
            ended_at=None, ring_s=0, talk_s=0, total_s=0, billed_s=0, hangup_cause=None, hangup_by=None, recording=None,
            target=None,
        ),
    ),
    EventType.CALL_ENDED: (_CALL, examples.CALL),
    EventType.CALL_CHANGED: (_CALL, _changed(examples.CALL, change=1843)),
    EventType.CALL_DELETED: (_CALL, DeletedCall(id=examples.CALL.id, external_id="crm-77", client_id=None)),
    EventType.LEG_STARTED: (_CALL, _leg()),
    EventType.LEG_ENDED: (
        _CALL,
        _leg(
            ringing_at=_RINGING, answered_at=examples.CALL.answered_at, ended_at=_ENDED, cause=16, codec="alaw",
            disposition=Disposition.ANSWERED, hangup_by=examples.CALL.hangup_by, talk_s=199, total_s=209,
        ),
    ),
    EventType.RECORDING_CREATED: (
        _CALL, _changed(examples.RECORDING, status="recording", duration_ms=None, size_bytes=None, audio={}),
    ),
    EventType.RECORDING_CHANGED: (_CALL, examples.RECORDING),
    EventType.MESSAGE_RECEIVED: (_MESSAGE, _message()),
    EventType.MESSAGE_CHANGED: (
        _MESSAGE,
        _message(
            direction=Direction.OUT, sender="+33912340001", recipient="+33612345678", body="Until six.",
            status=MessageStatus.DELIVERED, submitted_at=_STARTED, delivered_at=_ENDED, received_at=None,
        ),
    ),
    EventType.NUMBER_ASSIGNED: (number_of_hash(NUMBER), _NUMBER),
    EventType.NUMBER_RELEASED: (
        number_of_hash(NUMBER),
        ReleasedNumber(**{name: getattr(_NUMBER, name) for name in ReleasedNumber.__struct_fields__}),
    ),
    EventType.JOB_CHANGED: (number_of_job(_JOB.id), _JOB),
    EventType.MEDIA_CHANGED: (815, Medium(id="815")),
    EventType.CREDIT_CHANGED: (_OWNER.id, _credit(120_000_000, 100_000_000)),
    EventType.CREDIT_WARNING: (_OWNER.id, _credit(9_940_000, -60_000)),
    EventType.CREDIT_SHUTDOWN: (_OWNER.id, _credit(-10_000, -60_000)),
    EventType.ENDPOINT_DISABLED: (
        number_of_hash(ENDPOINT),
        DisabledEndpoint(
            hash=ENDPOINT, name="CRM", dialect="native", address="https://crm.example.org/calls",
            why="it answered 410 Gone",
        ),
    ),
    EventType.ENDPOINT_TEST: (number_of_hash(ENDPOINT), TestData(endpoint=ENDPOINT, example=examples.CALL)),
    EventType.VOICEMAIL_LEFT: (_CALL, _changed(examples.RECORDING, kind=RecordingKind.VOICEMAIL, parts=[])),
}  # fmt: skip


def _event(place: int, type_: EventType) -> Event:
    about, data = _DATA[type_]
    return Event(
        id=event_text((read_event(FIRST) or 0) + place), type=type_, timestamp=_ENDED, account=ACCOUNT,
        property=None if type_.startswith(("credit.", "endpoint.", "job.", "media.")) else examples.CALL.property.sid,
        subject=subject_of(type_, about, _OWNER), data=data,
    )  # fmt: skip


EXAMPLES: dict[EventType, Event] = {type_: _event(place, type_) for place, type_ in enumerate(_DATA)}
