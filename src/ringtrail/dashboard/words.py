"""How outcomes, states, numbers, times and durations read to people. Icons are symbols of templates/icons.html."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberFormat

from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import State


class Label(NamedTuple):
    """A word, its icon and its tone (good, info, warn, bad, quiet): never a colour alone."""

    word: str
    icon: str
    tone: str


OUTCOMES: dict[Disposition, Label] = {
    Disposition.IN_PROGRESS: Label("In progress", "phone", "info"),
    Disposition.ANSWERED: Label("Answered", "check", "good"),
    Disposition.VOICEMAIL: Label("Voicemail", "voicemail", "info"),
    Disposition.IVR: Label("Heard the menu", "keypad", "info"),
    Disposition.ABANDONED: Label("Gave up", "leave", "warn"),
    Disposition.BUSY: Label("Busy", "busy", "warn"),
    Disposition.REJECTED: Label("Rejected", "cross", "bad"),
    Disposition.NO_ANSWER: Label("No answer", "missed", "bad"),
    Disposition.INVALID_NUMBER: Label("Wrong target number", "question", "bad"),
    Disposition.UNASSIGNED: Label("Number leads nowhere", "question", "quiet"),
    Disposition.EXPIRED: Label("Number expired", "clock", "quiet"),
    Disposition.BLOCKED: Label("Caller blocked", "block", "quiet"),
    Disposition.FAILED: Label("Failed", "alert", "bad"),
}

STATES: dict[State, Label] = {
    State.OFFERED: Label("Arriving", "phone", "info"),
    State.MESSAGE: Label("Hears a prompt", "keypad", "info"),
    State.RINGING: Label("Ringing", "bell", "warn"),
    State.SCREENING: Label("Being announced", "bell", "warn"),
    State.BRIDGED: Label("Talking", "talk", "good"),
    State.VOICEMAIL: Label("Leaving a message", "voicemail", "info"),
    State.ENDED: Label("Ended", "check", "quiet"),
}


@lru_cache(maxsize=4096)
def number_text(number: str, home: str) -> str:
    """National inside the account's country, international elsewhere; the text itself if it is no number."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    at_home = phonenumbers.country_code_for_region(home) == parsed.country_code
    return phonenumbers.format_number(
        parsed, PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    )


def clock_text(seconds: int) -> str:
    """0:09, 3:19, 1:02:03."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def spoken_text(seconds: int) -> str:
    """'3 min 19 s', for those who hear it read and for sums."""
    minutes, rest = divmod(seconds, 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def day_text(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Today, Yesterday, Monday 13 July, or with the year when it is another one."""
    day, today = at.astimezone(zone).date(), now.astimezone(zone).date()
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return f"{day:%A} {day.day} {day:%B}" + ("" if day.year == today.year else f" {day.year}")


def full_text(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B %Y}, {local:%H:%M:%S %Z}"
