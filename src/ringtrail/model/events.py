"""The facts that we publish: the only list of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    CALL_STARTED = "call.started"
    CALL_ENDED = "call.ended"
    CALL_CHANGED = "call.changed"
    CALL_DELETED = "call.deleted"
    LEG_STARTED = "leg.started"
    LEG_ENDED = "leg.ended"
    RECORDING_CREATED = "recording.created"
    RECORDING_CHANGED = "recording.changed"
    VOICEMAIL_LEFT = "voicemail.left"
    MESSAGE_RECEIVED = "message.received"
    MESSAGE_CHANGED = "message.changed"
    NUMBER_ASSIGNED = "number.assigned"
    NUMBER_RELEASED = "number.released"
    JOB_CHANGED = "job.changed"
    MEDIA_CHANGED = "media.changed"
    CREDIT_CHANGED = "credit.changed"
    CREDIT_WARNING = "credit.warning"
    CREDIT_SHUTDOWN = "credit.shutdown"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_TEST = "endpoint.test"


MEANING: dict[EventType, str] = {
    EventType.CALL_STARTED: "A call is in progress and was recorded for the first time.",
    EventType.CALL_ENDED: "A call has ended, or was entered by an API client: it has its outcome from now on.",
    EventType.CALL_CHANGED: "An ended call is not what it was: its owner corrected it, or its recording can be heard.",
    EventType.CALL_DELETED: "Its owner deleted an ended call; only its identifiers are told.",
    EventType.LEG_STARTED: "A target of a call is being dialled.",
    EventType.LEG_ENDED: "A target's leg of a call has ended, answered or not.",
    EventType.RECORDING_CREATED: "A call is being recorded, or a caller leaves a voicemail.",
    EventType.RECORDING_CHANGED: "A recording has its final state: it can be heard, or it is unusable.",
    EventType.VOICEMAIL_LEFT: "A voicemail can be heard, and is e-mailed to an address of its app; it is told to that address alone.",
    EventType.MESSAGE_RECEIVED: "A message to one of the account's numbers came in.",
    EventType.MESSAGE_CHANGED: "A message that was sent has another status.",
    EventType.NUMBER_ASSIGNED: "A number came to the account.",
    EventType.NUMBER_RELEASED: "A number left the account.",
    EventType.JOB_CHANGED: "A job is over, with a result, an error, or canceled.",
    EventType.MEDIA_CHANGED: "A medium of the library has another status: it can be played, or it cannot.",
    EventType.CREDIT_CHANGED: "A prepaid account's credit was topped up, transferred or corrected.",
    EventType.CREDIT_WARNING: "A prepaid account's credit has fallen to its warning level.",
    EventType.CREDIT_SHUTDOWN: "A prepaid account's credit has fallen to its shutdown level: no paid work is begun.",
    EventType.ENDPOINT_DISABLED: "An endpoint failed for too long, or said that it is gone, and is told nothing any more.",
    EventType.ENDPOINT_TEST: "Somebody tries an endpoint out; it is told to that endpoint alone.",
}

UNASKED = frozenset({EventType.VOICEMAIL_LEFT, EventType.ENDPOINT_TEST})
"""Types that cannot be subscribed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact.

    `id` is the same at each try of each delivery; it is 0 until storage hands one out, and grows with the commits of
    an account. `about` says what the fact is about, as a number: what has the same is told in order. It is the call's
    id for calls, legs, recordings and voicemails, the message's, the medium's, of credit the account's, or `ids.number_of_hash` of the
    DID's or endpoint's hash, `number_of_job` of the job's id. `detail` names what `about` does not, and holds what can no longer be read from there:

    | type | detail |
    |---|---|
    | call.deleted | `creation_seq`, `external_id`, `client_id`, `button_hash` |
    | leg.* | `leg_id` |
    | recording.* | `hash` |
    | voicemail.left | `hash` of the recording, and how it is to be mailed: the rest of `app.VoicemailMail` |
    | number.released | the DID: `hash`, `number`, `country`, `line_type`, `region`, `city`, `class`, `assigned_at` |
    | job.changed | `id` |
    | credit.* | `balance_micro`, `amount_micro`, `warning_micro`, `shutdown_micro`, `currency` |
    | endpoint.disabled | `hash`, `name`, `address`, `dialect`, `why` |
    """

    id: int = 0
    account_id: int
    type: EventType
    property_id: int | None  # None: of the account, told to endpoints of the whole account only
    about: int
    at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)
    endpoint_hash: str | None = None  # an endpoint that is told besides those that asked for this type
