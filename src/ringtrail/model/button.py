"""Click-to-call: a Button on a page, a ClickToCall of an app, and a CallOrder, one call that is to be made for either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ringtrail.model.app import Target

ORDER_LATE = timedelta(minutes=15)
"""Nobody who wished for a call before that still expects it: it gets a record, and no phone rings."""


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
class ClickToCall:
    """What a CLICKTOCALL10 app was asked to do: reach one of A, then one of B, then join them.

    Each try of an A target is a CallOrder of its own. `position` counts them: 0 is the first target of the first attempt.
    """

    hash: str  # 8 characters A-Z 0-9
    account_id: int
    app_hash: str
    a_targets: tuple[Target, ...]
    b_targets: tuple[Target, ...]
    params: Mapping[str, Any]  # the app's, complete, as they were when it was asked
    cli: str | None  # what A sees, E.164; None: withheld
    cdr_field: str | None
    created_at: datetime
    scheduled_at: datetime | None
    position: int = 0
    cancelled_at: datetime | None = None

    @property
    def attempts(self) -> int:
        return int(self.params["options"]["A_attempts"])

    @property
    def last_position(self) -> int:
        return self.attempts * len(self.a_targets) - 1

    def tried(self, position: int) -> tuple[Target, int]:
        """(A target, number of the attempt from 1)."""
        return self.a_targets[position % len(self.a_targets)], position // len(self.a_targets) + 1

    def pause_before(self, position: int) -> timedelta:
        """Between the end of the try before and this one."""
        begins_attempt = position % len(self.a_targets) == 0
        return timedelta(seconds=self.params["options"]["A_retrypause"] if begins_attempt else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOrder:
    """One call to be made: the visitor first, then the target, then both together.

    click: whose try it is; then `visitor_e164` is the A target, `target_e164` the first B target, and no button has it.
    """

    id: int
    account_id: int
    property_id: int
    button_hash: str
    visitor_e164: str
    target_e164: str
    max_talk_s: int | None
    due_at: datetime
    click: ClickToCall | None = None
    position: int = 0


class TryLeg(NamedTuple):
    """A leg of a try."""

    call_id: int
    id: int
    position: int  # 0: A
    number: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    disposition: str
