"""Fone Dynamics' words and formats: dispositions, messages and numbers both ways, times, zones, prompt keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tzlocal.windows_tz import tz_win, win_tz

from ringtrail.httpkit.query import plus_restored
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.lifecycle import Stage
from ringtrail.model.message import Direction, MessageStatus
from ringtrail.model.query import CallerNovelty

PREFIX = "/v2"
ANONYMOUS = "anonymous"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_WORD: dict[str, str] = {
    Disposition.ANSWERED: "Answered",
    Disposition.VOICEMAIL: "IVR",
    Disposition.IVR: "IVR",
    Disposition.ABANDONED: "NoAnswer",
    Disposition.BUSY: "Busy",
    Disposition.REJECTED: "Busy",
    Disposition.NO_ANSWER: "NoAnswer",
    Disposition.INVALID_NUMBER: "Failed",
    Disposition.UNASSIGNED: "Failed",
    Disposition.EXPIRED: "Failed",
    Disposition.BLOCKED: "Failed",
    Disposition.FAILED: "Failed",
}
_WORD_AT_STAGE: dict[tuple[str, str], str] = {
    (Disposition.ABANDONED, Stage.MESSAGE): "IVR",
    (Disposition.ABANDONED, Stage.IVR): "IVR",
}
"""Where the stage decides: IVR is any call whose last party was the platform. The words are the vendor's; which end
takes which word is our reading [inferred]. A call in progress has no word and is not shown."""

_ENDS = [(ending, stage) for ending in _WORD for stage in Stage]

NOVELTY: dict[str, CallerNovelty] = {
    "All": CallerNovelty.ALL,
    "Unique": CallerNovelty.UNIQUE,
    "Repeat": CallerNovelty.REPEAT,
}

STATUSES: dict[str, tuple[MessageStatus, ...]] = {
    "Processing": (MessageStatus.QUEUED, MessageStatus.PROCESSING),
    "Submitted": (MessageStatus.SENT,),
    "Delivered": (MessageStatus.DELIVERED,),
    "Failed": (MessageStatus.FAILED, MessageStatus.EXPIRED),
    "Received": (MessageStatus.RECEIVED,),
}
"""The words are the vendor's; which of our states each one stands for is our reading [inferred]."""

DIRECTIONS: dict[str, Direction] = {"Transmit": Direction.OUT, "Receive": Direction.IN}
METHODS: dict[str, str] = {"POST": "POST", "GET": "GET"}

NUMBER_TYPES: dict[str, tuple[str, ...]] = {
    "Local": ("GEOGRAPHIC",),
    "Toll-Free": ("TOLLFREE",),
    "Shared-Rate": ("SHAREDREVENUE",),
    "National": ("MOBILE", "PERSONAL", "NON-GEOGRAPHIC"),
}
"""The vendor's words; DID.line_type behind each. National: what is bound to no place [inferred]."""

CAPABILITIES: dict[str, str] = {"Voice": "voice", "SMS": "sms", "MMS": "mms"}
ENDPOINT, FLOW = "Endpoint", "Flow"
ROUTING_METHODS: dict[str, str] = {ENDPOINT: ENDPOINT, FLOW: FLOW}
RECORDINGS: dict[str, bool] = {"Off": False, "Call": True}

_ZONES = {name.lower(): zone for name, zone in win_tz.items()}
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}")
_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_KEY_PATH = re.compile(r"[0-9*#A-D]+(?:,[0-9*#A-D]+)*")
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


_WORDS = {(str(end), str(stage)): _WORD_AT_STAGE.get((end, stage), _WORD[end]) for end, stage in _ENDS}


def disposition(ending: str, stage: str) -> str:
    """The vendor's word for an end. KeyError for a call in progress."""
    return _WORDS[ending, stage]


OUTCOMES: dict[str, tuple[tuple[str, str], ...]] = {
    known: tuple(end for end, found in _WORDS.items() if found == known)
    for known in ("Answered", "IVR", "Busy", "NoAnswer", "Failed")
}
"""The same table read backwards: every (disposition, stage) that a word stands for."""


def unix_text(instant: datetime) -> str:
    """Whole Unix seconds, as the string that the vendor sends."""
    since = instant - EPOCH
    return str(since.days * 86_400 + since.seconds)


def parse_unix(field: str, text: str) -> datetime:
    """Unix seconds up to the end of year 9999 (milliseconds sent by mistake are out of range)."""
    if not (text.isascii() and text.isdigit()):
        raise DomainError(ErrorCode.WRONG_TYPE, field, "not an unsigned integer of Unix seconds")
    if len(text.lstrip("0")) > 12 or int(text) > LAST_SECOND:
        raise DomainError(ErrorCode.OUT_OF_RANGE, field, f"Unix seconds go up to {LAST_SECOND}")
    return datetime.fromtimestamp(int(text), UTC)


def parse_number(field: str, text: str) -> str:
    """An E.164 number, with or without '+' (the vendor's own paths leave it out)."""
    number = plus_restored(text).strip()
    if not _NUMBER.fullmatch(number):
        raise DomainError(ErrorCode.BAD_FORMAT, field, "not an E.164 number")
    return "+" + number.lstrip("+")


def parse_key_paths(field: str, text: str) -> tuple[str, ...]:
    """`1,2;3,5`: the keys 1 then 2, or 3 then 5. Each path is matched whole [inferred]."""
    paths = tuple(part.strip() for part in text.split(";") if part.strip())
    if not all(_KEY_PATH.fullmatch(path) for path in paths):
        raise DomainError(ErrorCode.BAD_FORMAT, field, "keys are paths such as 1,2;3,5")
    return paths


def status_word(status: MessageStatus) -> str:
    return next(word for word, statuses in STATUSES.items() if status in statuses)


def direction_word(direction: Direction) -> str:
    return next(word for word, known in DIRECTIONS.items() if known is direction)


def number_type(line_type: str) -> str:
    """The vendor's word for DID.line_type; those that the number plan does not tell are Local."""
    return next((word for word, types in NUMBER_TYPES.items() if line_type in types), "Local")


def capability_words(capabilities: Iterable[str]) -> list[str]:
    return [word for word, capability in CAPABILITIES.items() if capability in capabilities]


def recording_word(records: bool) -> str:
    return next(word for word, known in RECORDINGS.items() if known is records)


def is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


def iana_zone(field: str, windows_id: str) -> str:
    """'AUS Eastern Standard Time' is 'Australia/Sydney' (CLDR). DomainError UNKNOWN_VALUE with `field`."""
    zone = _ZONES.get(windows_id.strip().lower())
    if zone is None:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, field, "not a Windows time zone id")
    return zone


def windows_zone(zone: str) -> str | None:
    """None: Windows has no such zone."""
    return tz_win.get(zone)


def unix_seconds(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - EPOCH) // timedelta(seconds=1)
