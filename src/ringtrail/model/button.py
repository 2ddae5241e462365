"""Click-to-call: a Button on a page, and a CallOrder, one wish of a visitor to be called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Whoever presses it is called and put through to the target."""

    hash: str  # 8 characters A-Z 0-9, public
    account_id: int
    property_id: int
    name: str
    target_e164: str
    max_talk_s: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)  # what a dialect keeps with it
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOrder:
    """One call to be made: the visitor first, then the target, then both together."""

    id: int
    account_id: int
    property_id: int
    button_hash: str
    visitor_e164: str
    target_e164: str
    max_talk_s: int | None
    due_at: datetime
