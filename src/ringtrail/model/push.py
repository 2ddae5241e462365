"""Endpoint, Delivery: who is told, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ringtrail.model.events import Event, EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A subscriber's URL. `settings` are its dialect's own words; secrets are kept apart and never read back."""

    hash: str
    account_id: int
    dialect: str  # whose payload it is sent
    property_id: int | None  # None: the whole account
    name: str
    address: str
    event_types: tuple[EventType, ...]
    enabled: bool
    disabled_why: str | None  # None while disabled: its owner wants it so
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime


class DeliveryRecord(NamedTuple):
    """One event to one endpoint, with what the newest try came to. Field order is the SELECT order of storage/pushes.py."""

    event_id: int
    event_type: str
    about: int
    event_at: datetime
    endpoint_hash: str
    due_at: datetime | None  # when it is tried (again); None: delivered or given up
    tries: int
    tried_at: datetime | None
    took_ms: int | None
    last_status: int | None  # HTTP
    last_error: str | None
    last_answer: str | None  # the beginning of the answer's body
    delivered_at: datetime | None

    @property
    def given_up(self) -> bool:
        return self.due_at is None and self.delivered_at is None


class DueDelivery(NamedTuple):
    """A delivery that one worker has leased for one try."""

    event: Event
    endpoint: Endpoint
    sealed: bytes | None  # the endpoint's secrets, encrypted
    tries: int  # this one included
    last_status: int | None  # of the try before
