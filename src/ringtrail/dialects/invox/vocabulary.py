"""INVOX's words: call status, date and time, weekday, numbers.

The seven labels are the vendor's. Which of our outcomes each one stands for, the time zone, the weekday's language and
the range of the hour are not published: they are our reading, and this file is the only place that holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from ringtrail.httpkit.times import clock, iso_day
from ringtrail.model.cause import Disposition
from ringtrail.services.numbers import national_format, to_e164

DEFAULT_TIMEZONE = "Europe/Bucharest"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_UNALLOCATED = "Unallocated (unassigned) number"
_D = Disposition

STATUS_OF_DISPOSITION: dict[str, str] = {
    _D.IN_PROGRESS: "Calling",
    _D.ANSWERED: "Answered",
    _D.VOICEMAIL: "Voice Mail",
    _D.IVR: "Answered",
    _D.ABANDONED: "No answer",
    _D.BUSY: "User busy",
    _D.REJECTED: "Call Rejected",
    _D.NO_ANSWER: "No answer",
    _D.INVALID_NUMBER: _UNALLOCATED,
    _D.UNASSIGNED: _UNALLOCATED,
    _D.EXPIRED: _UNALLOCATED,
    _D.BLOCKED: "Call Rejected",
    _D.FAILED: "No answer",
}


def call_clock(zone: ZoneInfo) -> Callable[[datetime], str]:
    """Y-m-d H:i:s, local. The repeated hour in autumn cannot be told apart."""
    return clock(zone, iso_day)


def weekday(time: str) -> str:
    """Of a date and time as `call_clock` writes it, in English."""
    return _weekday(time[:10])


def hour(time: str) -> int:
    """0..23, of the same."""
    return int(time[11:13])


@lru_cache(maxsize=4_096)
def _weekday(day: str) -> str:
    return WEEKDAYS[date.fromisoformat(day).weekday()]


@lru_cache(maxsize=65_536)
def national(number_e164: str, country: str) -> str:
    """'+40712345678' is '0712345678' in RO. Unchanged where that form would not read back as the same number."""
    digits = "".join(filter(str.isdigit, national_format(number_e164)))
    return digits if to_e164(digits, country) == number_e164 else number_e164
