"""Events as JSON, and the data of those that are about nothing else that this API shows."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from ringtrail.dialects.native.event_ids import EXAMPLE, PATTERN
from ringtrail.dialects.native.responses import Call, CallId, Instant, Leg, Number
from ringtrail.model.events import EventType
from ringtrail.model.job import JobStatus
from ringtrail.model.message import Direction, Encoding, MessageStatus

Hash: TypeAlias = Annotated[str, Meta(pattern="^[A-Z0-9]{8}$", examples=["E4DP01NT"])]
Sid: TypeAlias = Annotated[str, Meta(pattern="^[A-Z0-9]{32}$")]
EventId: TypeAlias = Annotated[str, Meta(pattern=PATTERN, examples=[EXAMPLE])]
SUBJECT = r"^(call|message|medium|number|endpoint|account|job):[A-Za-z0-9]{1,32}$"
Subject: TypeAlias = Annotated[str, Meta(pattern=SUBJECT, examples=["call:422137815040065"])]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One fact, as it is pushed and as it is pulled."""

    id: Annotated[EventId, Meta(description="The same at each try, at each replay and for each endpoint.")]
    type: EventType
    timestamp: Annotated[Instant, Meta(description="When it happened.")]
    account: Annotated[Sid, Meta(description="The account's `sid`.")]
    property: Annotated[Sid | None, Meta(description="The property's `sid`; null: it is about the whole account.")]
    subject: Annotated[Subject, Meta(description="What it is about. Events with the same subject are told in order.")]
    data: Annotated[Any, Meta(description="The thing as it is when it is told; null if it is gone since.")]


class LegOfCall(Leg, frozen=True, kw_only=True):
    """A leg, and the call that it belongs to."""

    call_id: CallId


class DeletedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What identifies a call that is no longer there."""

    id: CallId
    external_id: str | None
    client_id: str | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An SMS."""

    id: Annotated[str, Meta(pattern=r"^\d+$", examples=["4711"])]
    sid: Sid
    direction: Direction
    sender: Annotated[str, Meta(description="E.164, or a name. Last four digits as X if it came in and the property masks callers.")]  # fmt: skip
    recipient: Number
    body: str
    encoding: Encoding
    segments: Annotated[int, Meta(ge=1)]
    status: MessageStatus
    error_code: str | None
    external_id: str | None
    created_at: Instant
    scheduled_at: Instant | None
    submitted_at: Annotated[Instant | None, Meta(description="When the carrier took it.")]
    delivered_at: Instant | None
    received_at: Instant | None


class OwnNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A tracking number of the account."""

    hash: Hash
    number: Number
    name: str | None
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2; empty if the number plan does not say.", examples=["FR"])]  # fmt: skip
    line_type: Annotated[str, Meta(examples=["GEOGRAPHIC"])]
    region: str | None
    city: str | None
    capabilities: Annotated[list[str], Meta(examples=[["voice", "sms"]])]
    app: Annotated[str | None, Meta(description="Hash of the voice app that answers.")]
    assigned_at: Annotated[Instant | None, Meta(description="Since when an app answers it.")]
    expires_at: Instant | None


class ReleasedNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A number as it was when it left the account."""

    hash: Hash
    number: Number
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2; empty if the number plan does not say.", examples=["FR"])]  # fmt: skip
    line_type: str
    region: str | None
    city: str | None
    assigned_at: Instant | None


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A prepaid account's credit as it was then. Amounts are millionths of the currency."""

    balance_micro: int
    amount_micro: Annotated[int | None, Meta(description="By how much it changed.")]
    warning_micro: Annotated[int | None, Meta(description="The level that is warned of.")]
    shutdown_micro: Annotated[int | None, Meta(description="The level at which no paid work is begun.")]
    currency: Annotated[str, Meta(description="ISO 4217.", examples=["EUR"])]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Work that was asked for and is done by a worker."""

    id: Annotated[str, Meta(pattern="^[a-z0-9]{30}$", examples=["k3v7t5qxz2mj4w6yb7d2c5h3rnfps6"])]
    kind: str
    status: JobStatus
    percent: Annotated[float, Meta(ge=0, le=100)]
    result: dict[str, Any] | None
    error: Annotated[dict[str, Any] | None, Meta(description="`code` and `message`; null: there was none.")]
    created_at: Instant
    done_at: Instant | None


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """A medium of the library; this API shows no more of it than its id."""

    id: Annotated[str, Meta(pattern=r"^\d+$", examples=["815"])]


class DisabledEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that is told nothing any more."""

    hash: Hash
    name: str
    dialect: str
    address: str
    why: Annotated[str | None, Meta(examples=["it answered 410 Gone"])]


class TestData(msgspec.Struct, frozen=True, kw_only=True):
    """What a test says: no more than that it is one. The call is the documentation's, not yours."""

    endpoint: Hash
    example: Call
