"""Voice apps and their settings. Defaults and ranges are CALLR's (CALLTRACKING10, App.Param.Vms, Target)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PACKAGE_CALL_TRACKING = "CALLTRACKING10"
MIN_RING_TIMEOUT_S, MAX_RING_TIMEOUT_S = 5, 300
MIN_VOICEMAIL_S, MAX_VOICEMAIL_S = 30, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a call is sent: number_e164, ring timeout 5..300 s."""

    number_e164: str
    ring_timeout_s: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailSettings:
    """Voicemail when nobody answers. intro_media 0: no prompt. max_s 30..300."""

    active: bool = False
    intro_media: int = 0
    record: bool = True
    max_s: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTrackingSettings:
    """What a caller of a tracking number hears and where the call goes. Media ids; 0: none."""

    targets: tuple[Target, ...] = ()
    welcome_media: int = 0
    ringtone_media: int = 0
    whisper_media: int = 0
    bridge_media: int = 0
    record_calls: bool = False
    voicemail: VoicemailSettings = field(default_factory=VoicemailSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A configured voice app. `params` is the complete CALLR object as stored (settings that we do not act on included)."""

    hash: str  # 8 characters A-Z 0-9, public
    account_id: int
    package: str
    name: str
    params: dict[str, Any]
    created_at: datetime
    updated_at: datetime
