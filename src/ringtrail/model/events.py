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


MEANING: dict[EventType, str] = {
    EventType.CALL_STARTED: "A call is in progress and was recorded for the first time.",
    EventType.CALL_ENDED: "A call has ended, or was entered by an API client: it has its outcome from now on.",
    EventType.CALL_CHANGED: "An ended call is not what it was: its owner corrected it, or its recording can be heard.",
    EventType.CALL_DELETED: "Its owner deleted an ended call; only its identifiers are told.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact about one call.

    `id` is the same at each try of each delivery; it is 0 until storage hands one out, and grows with the commits of
    an account. `detail` is what can no longer be read from the call.
    """

    id: int = 0
    account_id: int
    type: EventType
    property_id: int
    about: int  # Call.id
    at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)
