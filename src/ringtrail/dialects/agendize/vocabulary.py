"""Agendize's words and formats: status, type, times, numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ringtrail.httpkit.times import clock_text, day_text
from ringtrail.model.call import Trigger
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError, ErrorCode

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
    Trigger.MANUAL: None,
}

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?"
    r"([Zz]|[-+ ](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_SECOND = timedelta(seconds=1)


def local_time(instant: datetime, zone: str) -> str:
    """YYYY-MM-DDTHH:MM:SS on a clock in `zone`, cut to the second, without an offset."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{day_text(local)}T{clock_text(local)}"


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
