"""SIP subscribers and trunks of an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

CODECS = ("G729", "OPUS", "PCMA", "PCMU")
PRIVACIES = ("full", "off")
MIN_RING_TIMEOUT_S, MAX_RING_TIMEOUT_S, DEFAULT_RING_TIMEOUT_S = 5, 120, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A phone with a username and a password."""

    id: int
    account_id: int
    username: str  # nobody else's
    password: str
    cli: str  # BLOCKED, or E.164
    codecs: tuple[str, ...]
    privacy: str
    ring_timeout_s: int  # 5..120
    srtp: bool
    vms: Mapping[str, Any]  # the complete App.Param.Vms
    created_at: datetime


class TrunkKind(StrEnum):
    ORIGINATION = "origination"
    TERMINATION = "termination"
