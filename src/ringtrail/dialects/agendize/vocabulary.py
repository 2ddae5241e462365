"""Agendize's words and formats: status, type, times, numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ringtrail.httpkit.times import clock, rfc3339_day
from ringtrail.model.call import Trigger
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services.entered_calls import iana_zones

DEFAULT_ZONE = "America/Toronto"
"""The zone of a property that names none: the vendor is Canadian [inferred]."""

STATUS: dict[str, str] = {
    Disposition.ANSWERED: "completed",
    Disposition.VOICEMAIL: "message",
    Disposition.IVR: "completed",
    Disposition.ABANDONED: "abandoned",
    Disposition.BUSY: "busy",
    Disposition.REJECTED: "busy",
    Disposition.NO_ANSWER: "noAnswered",
    Disposition.INVALID_NUMBER: "wrongNumber",
    Disposition.UNASSIGNED: "wrongNumber",
    Disposition.EXPIRED: "wrongNumber",
    Disposition.BLOCKED: "noAnswered",
    Disposition.FAILED: "noAnswered",
}
"""How the vendor words each end. A call in progress has no word and is not shown. The words are the vendor's; which
end takes which word is our reading [inferred]: there is none for a failure, nor for a decline."""

TYPE: dict[str, str | None] = {
    Trigger.NORMAL: "callTracking",
    Trigger.RULE: "callTracking",
    Trigger.WEB: "clickToCall",
    Trigger.API: "clickToCall",
    Trigger.PHONE: None,
    Trigger.MANUAL: None,
}

DISPOSITION: dict[str, Disposition] = {
    "completed": Disposition.ANSWERED,
    "message": Disposition.VOICEMAIL,
    "busy": Disposition.BUSY,
    "abandoned": Disposition.ABANDONED,
    "wrongNumber": Disposition.INVALID_NUMBER,
    "noAnswered": Disposition.NO_ANSWER,
}
"""The end that a client means by a word: of those that share it, the plain one."""

TRIGGER: dict[str, Trigger] = {"callTracking": Trigger.NORMAL, "clickToCall": Trigger.WEB}

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?"
    r"([Zz]|[-+ ](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_LOCAL = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
    r"([Zz]|[-+](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
_SECOND = timedelta(seconds=1)


def local_time(instant: datetime, zone: str) -> str:
    """YYYY-MM-DDTHH:MM:SS on a clock in `zone`, cut to the second, without an offset."""
    return _clock(zone)(instant)


@lru_cache(maxsize=1_024)
def _clock(zone: str) -> Callable[[datetime], str]:
    return clock(ZoneInfo(zone), rfc3339_day)


def parse_instant(field: str, text: str) -> tuple[datetime, bool]:
    """An RFC 3339 timestamp as (whole UTC second, whether a fraction was cut off).

    A '+' sent unencoded arrives as a space; known clients do not encode.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise DomainError(ErrorCode.BAD_FORMAT, field, "not an RFC 3339 timestamp such as 2026-07-14T09:05:10Z")
    day, clock, fraction, offset = match.groups()
    try:
        instant = datetime.fromisoformat(f"{day}T{clock}{offset.upper().replace(' ', '+')}").astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise DomainError(ErrorCode.BAD_FORMAT, field, "no such date or time") from exc
    return instant, bool(fraction and fraction.strip(".0"))


def second_after(instant: datetime) -> datetime:
    """The next second; the last second of the calendar stays."""
    return instant + _SECOND if instant < datetime.max.replace(microsecond=0, tzinfo=UTC) else instant


def parse_local(field: str, text: str, zone: str) -> datetime:
    """The instant of a local date-time in an IANA zone that exists.

    The vendor's has no offset; one that is there all the same is honoured [inferred], so that no instant is lost. An hour
    that an autumn clock shows twice is its first; one that a spring clock leaves out is read on the clock of before.
    """
    match = _LOCAL.fullmatch(text)
    if match is None:
        raise DomainError(ErrorCode.BAD_FORMAT, field, "not a local date and time such as 2026-07-14T05:05:10")
    day, clock, offset = match.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{clock}{(offset or '').upper()}")
        return (local if offset else local.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise DomainError(ErrorCode.BAD_FORMAT, field, "no such date or time") from exc


def parse_zone(field: str, name: str) -> str:
    """An IANA name or link, as it is. DomainError UNKNOWN_VALUE."""
    if name not in iana_zones():
        raise DomainError(ErrorCode.UNKNOWN_VALUE, field, "not a time zone of the IANA database")
    return name
