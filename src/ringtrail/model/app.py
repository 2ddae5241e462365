"""Voice apps and their settings. Defaults and ranges are CALLR's (CALLTRACKING10, App.Param.Vms, Target)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PACKAGE_CALL_TRACKING = "CALLTRACKING10"
PACKAGE_CLICK_TO_CALL = "CLICKTOCALL10"
PACKAGE_REAL_TIME = "REALTIME10"
PACKAGE_ACTIONS = "ACTIONS10"
MIN_RING_TIMEOUT_S, MAX_RING_TIMEOUT_S = 5, 300
MIN_VOICEMAIL_S, MAX_VOICEMAIL_S = 30, 300
VOICEMAIL_FORMATS = ("mp3", "sln", "wav")
DEFAULT_RING_TIMEOUT_S, DEFAULT_VOICEMAIL_S = 30, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a call is sent: number_e164, ring timeout 5..300 s."""

    number_e164: str
    ring_timeout_s: int = DEFAULT_RING_TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailSettings:
    """Voicemail when nobody answers. intro_media 0: no prompt. max_s 30..300."""

    active: bool = False
    intro_media: int = 0
    record: bool = True
    max_s: int = DEFAULT_VOICEMAIL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailMail:
    """Who is mailed an app's voicemails, and how. file_name: with the tags {CALLID}, {MEDIA_HASH} and {DATETIME}, without an
    extension. timezone: an IANA name; None: the account's. locale: of dates; None: English."""

    addresses: tuple[str, ...] = ()
    file_format: str = "mp3"
    file_name: str = "{DATETIME}"
    locale: str | None = None
    timezone: str | None = None


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

    @property
    def media(self) -> tuple[int, ...]:
        """Every media id that may be played."""
        own = self.welcome_media, self.ringtone_media, self.whisper_media, self.bridge_media
        return (*own, self.voicemail.intro_media)


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
    did_hash: str | None = None  # the DID that it serves alone


def call_tracking_settings(params: Mapping[str, Any]) -> CallTrackingSettings:
    """What a stored CALLTRACKING10 object says a call does. Never raises: a call that has arrived must be answered.

    A key that is absent, null or of another type means its default; a number outside its range is brought to the nearest
    bound; a target without a number is left out. Strictness is for the API that stores the object, not for this reader.
    """
    medias, options, vms = (_object(params, key) for key in ("medias", "options", "vms"))
    return CallTrackingSettings(
        targets=targets_of(params.get("targets")),
        welcome_media=_media(medias, "welcome"),
        ringtone_media=_media(medias, "ringtone"),
        whisper_media=_media(medias, "whisper"),
        bridge_media=_media(medias, "bridge"),
        record_calls=_flag(options, "record_calls", default=False),
        voicemail=_voicemail(vms),
    )


def click_to_call_settings(params: Mapping[str, Any], b_targets: tuple[Target, ...]) -> CallTrackingSettings:
    """What A hears and where A is put through, once A is there: the rest is a tracked call. Never raises."""
    medias, options, vms = (_object(params, key) for key in ("medias", "options", "vms"))
    return CallTrackingSettings(
        targets=b_targets,
        welcome_media=_media(medias, "A_welcome"),
        ringtone_media=_media(medias, "A_ringtone"),
        whisper_media=_media(medias, "B_whisper"),
        bridge_media=_media(medias, "AB_bridge"),
        record_calls=_flag(options, "record_calls", default=False),
        voicemail=_voicemail(vms),
    )


def voicemail_mail(params: Mapping[str, Any]) -> VoicemailMail:
    """What the stored object of an app of any package says of its voicemails. Never raises, as above."""
    vms, usual = _object(params, "vms"), VoicemailMail()
    emails = vms.get("emails")
    words = [item for item in emails if isinstance(item, str)] if isinstance(emails, list) else []
    return VoicemailMail(
        addresses=tuple(dict.fromkeys(words)),
        file_format=known if (known := _word(vms, "file_format")) in VOICEMAIL_FORMATS else usual.file_format,
        file_name=_word(vms, "file_name") or usual.file_name,
        locale=_word(vms, "locale"),
        timezone=_word(vms, "timezone"),
    )


def targets_of(value: object) -> tuple[Target, ...]:
    """The Targets of a stored array; one without a number is left out."""
    items = [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
    return tuple(
        Target(
            number_e164=item["number"],
            ring_timeout_s=_within(
                item.get("timeout"), MIN_RING_TIMEOUT_S, MAX_RING_TIMEOUT_S, default=DEFAULT_RING_TIMEOUT_S
            ),
        )
        for item in items
        if isinstance(item.get("number"), str) and item["number"]
    )


def _voicemail(vms: Mapping[str, Any]) -> VoicemailSettings:
    return VoicemailSettings(
        active=_flag(vms, "active", default=False),
        intro_media=_media(vms, "intro"),
        record=_flag(vms, "record", default=True),
        max_s=_within(vms.get("timeout"), MIN_VOICEMAIL_S, MAX_VOICEMAIL_S, default=DEFAULT_VOICEMAIL_S),
    )


def _object(params: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = params.get(key)
    return value if isinstance(value, Mapping) else {}


def _flag(values: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = values.get(key)
    return value if isinstance(value, bool) else default


def _word(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None


def _media(values: Mapping[str, Any], key: str) -> int:
    return max(0, _whole(values.get(key)) or 0)


def _within(value: object, low: int, high: int, *, default: int) -> int:
    number = _whole(value)
    return default if number is None else min(max(number, low), high)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
