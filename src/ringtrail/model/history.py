"""What an account lived through elsewhere, before it moved in: told to nobody, charged to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ringtrail.model.call import Call

IMPORTED_NODE = "imported"
"""`Call.node` of a call that no engine of ours carried."""


def imported_leg_id(account_id: int, leg_id: int) -> str:
    """`Leg.engine_leg_id` of such a call's leg."""
    return f"{IMPORTED_NODE}-{account_id}-{leg_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """An ended call, with what its legs cost there. billed_s: by leg id."""

    call: Call
    billed_s: Mapping[int, int]
    revenue_minor: int = 0


class Mark(NamedTuple):
    """How far a source has been read: all of its `what` (calls, messages, recordings) that is from since_at, and before until_at."""

    source: str
    what: str
    since_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a batch. clashes: ids that another thing has here; what was here before stays as it is."""

    new: int = 0
    clashes: tuple[int, ...] = ()


class Directions(NamedTuple):
    """How many calls came in, how many legs were dialled."""

    inbound: int
    outbound: int
