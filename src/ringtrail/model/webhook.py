"""Endpoint, Delivery, Attempt: who is told, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from ringtrail.model.events import Event, EventType


class DisabledBy(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"  # the operator
    SYSTEM = "system"  # it failed for too long, or answered 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A subscriber's URL. `settings` are its dialect's own words; secrets are kept apart and never read back."""

    hash: str
    account_id: int
    dialect: str  # whose payload it is sent
    property_id: int | None  # None: the whole account
    name: str
    address: str
    event_types: tuple[EventType, ...]  # none: told only what names it (Event.endpoint_hash)
    dynamic: bool = False  # made by a request that names a URL for one thing; in no list of endpoints
    disabled_by: DisabledBy | None = None  # None: enabled
    disabled_why: str | None = None
    disabled_at: datetime | None = None
    failing_since: datetime | None = None  # its first failure after its last success
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime

    @property
    def enabled(self) -> bool:
        return self.disabled_by is None


class DeliveryState(StrEnum):
    WAITING = "waiting"  # due now or later, or under way
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class DeliveryRecord(NamedTuple):
    """One event to one endpoint, with what its newest attempt came to. Field order is the SELECT order of
    storage/webhook_log.py."""

    event_id: int
    event_type: str
    about: int
    event_at: datetime
    endpoint_hash: str
    due_at: datetime | None  # when it is tried (again); None: delivered or given up
    tries: int  # since it was first due, or was replayed
    tried_at: datetime | None
    took_ms: int | None
    last_status: int | None  # HTTP
    last_error: str | None
    delivered_at: datetime | None

    @property
    def state(self) -> DeliveryState:
        if self.due_at is not None:
            return DeliveryState.WAITING
        return DeliveryState.GIVEN_UP if self.delivered_at is None else DeliveryState.DELIVERED


class AttemptRecord(NamedTuple):
    """One HTTP try. Bodies are their beginnings, text as far as they are UTF-8; what holds a secret is blacked out. Field
    order is the SELECT order of storage/webhook_log.py."""

    id: int  # grows with time
    event_id: int
    event_type: str
    about: int
    event_at: datetime
    endpoint_hash: str
    endpoint_name: str
    dialect: str
    number: int  # 0: the first of its delivery, or of its replay
    at: datetime
    took_ms: int
    method: str | None  # None: nothing could be sent
    address: str
    request_headers: Mapping[str, str]
    request_body: str | None
    status: int | None  # HTTP; None: no answer
    response_headers: Mapping[str, str]
    response_body: str | None
    error: str | None  # None: delivered


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which deliveries or attempts of an account. Ranges of instants: from inclusive, to exclusive."""

    account_id: int
    endpoint_hashes: Sequence[str] | None = None  # None: of every endpoint
    property_id: int | None = None  # only events of this property; None: of any, and of the account
    dialect: str | None = None
    address: str | None = None
    event_id: int | None = None
    event_types: Sequence[EventType] | None = None
    about: int | None = None
    from_at: datetime | None = None  # of the event
    to_at: datetime | None = None
    status: int | None = None  # HTTP, of the (newest) attempt
    number: int | None = None  # attempts only
    failed: bool | None = None  # of the (newest) attempt
    state: DeliveryState | None = None  # deliveries only
    before: int | None = None  # deliveries: event id, attempts: attempt id; only smaller ones
    after: int | None = None  # likewise; only greater ones


class Tried(NamedTuple):
    at: datetime
    status: int | None  # HTTP; None: no answer
    delivered: bool


MOST_COUNTED = 1_000
"""Waiting deliveries of one endpoint: whoever looks need not know whether it is a thousand or a million."""


class EndpointHealth(NamedTuple):
    """How an endpoint does, for people who look after it."""

    paused_until: datetime | None  # it asked for a rest
    waiting: int  # deliveries, counted up to MOST_COUNTED
    delivered_at: datetime | None  # its newest success that is kept
    newest: Sequence[Tried]  # its newest attempts, oldest first


class DueDelivery(NamedTuple):
    """A delivery that one worker has leased for one attempt."""

    event: Event
    endpoint: Endpoint
    sealed: bytes | None  # the endpoint's secrets, encrypted
    tries: int  # this one included
    last_status: int | None  # of the attempt before
