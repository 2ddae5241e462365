"""CALLR's words, formats and limits. Unknown words of the asker are rejected, never defaulted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ringtrail.httpkit.times import clock, iso_day
from ringtrail.model.app import PACKAGE_ACTIONS, PACKAGE_CALL_TRACKING, PACKAGE_CLICK_TO_CALL, PACKAGE_REAL_TIME
from ringtrail.model.call import RecordingKind
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.money import CENT
from ringtrail.model.number import NUMBER_CLASSES, NUMBER_TYPES

HASH = re.compile(r"[A-Z0-9]{8}")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)

PACKAGE_TYPES: dict[str, str | None] = {
    PACKAGE_CALL_TRACKING: "CALLTRACKING",
    PACKAGE_CLICK_TO_CALL: "CLICKTOCALL",
    PACKAGE_REAL_TIME: "REALTIME",
    PACKAGE_ACTIONS: None,  # the vendor lists no type for it
}
PACKAGES_WITH_DID = frozenset({PACKAGE_CALL_TRACKING, PACKAGE_REAL_TIME, PACKAGE_ACTIONS})

DID_CLASSES = NUMBER_CLASSES
DID_TYPES = NUMBER_TYPES

CDR_TYPES = ("IN", "OUT")
FEEDS = ("all", "both", "leg_a", "leg_b")

CLI_ALLOWED, CLI_WITHHELD = "allowed_passed_screen", "prohib_passed_screen"

HANGUP_SOURCES: dict[str, str] = {
    HangupBy.CALLER: "CALLER",
    HangupBy.CALLEE: "CALLEE",
    HangupBy.PLATFORM: "GATEWAY",
}

DIAL_STATUSES: dict[str, str] = {
    Disposition.ANSWERED: "ANSWER",
    Disposition.VOICEMAIL: "NOANSWER",
    Disposition.IVR: "NODIAL",
    Disposition.ABANDONED: "CANCEL",
    Disposition.BUSY: "BUSY",
    Disposition.REJECTED: "BUSY",
    Disposition.NO_ANSWER: "NOANSWER",
    Disposition.INVALID_NUMBER: "CHANUNAVAIL",
    Disposition.UNASSIGNED: "NODIAL",
    Disposition.EXPIRED: "NODIAL",
    Disposition.BLOCKED: "NODIAL",
    Disposition.FAILED: "CONGESTION",
    Disposition.IN_PROGRESS: "NODIAL",  # of a call that ended: the leg was never dialled
}
"""A target leg's Disposition. The words are those of Asterisk's DIALSTATUS, where a decline (603) reads as busy."""

RECORDING_KINDS: dict[str, str | None] = {
    "CALL": RecordingKind.CALL,
    "RECORDING": None,  # made by Real-Time's `record`, which we do not have
    "VOICEMAIL": RecordingKind.VOICEMAIL,
}
RECORDING_STATUSES: dict[str, str | None] = {
    "ERROR": "error",
    "PENDING": None,  # our recordings are never in this status
    "PROCESSING": "processing",
    "READY": "ready",
    "RECORDING": "recording",
}
RECORDING_TYPE_OF_KIND = {kind: word for word, kind in RECORDING_KINDS.items() if kind}
RECORDING_STATUS_WORDS = {status: word for word, status in RECORDING_STATUSES.items() if status}


def dial_status(disposition: str, *, answered: bool, hangup_by: str | None) -> str:
    """CDR.Out's `dialstatus`. A leg that the caller's own hang-up took down before anybody answered is CANCEL."""
    if not answered and hangup_by == HangupBy.CALLER:
        return "CANCEL"
    return DIAL_STATUSES[disposition]


datetime_text = clock(UTC, iso_day)
"""An instant as `YYYY-MM-DD HH:MM:SS` in UTC, cut to the second."""


def datetime_of(text: str) -> datetime | None:
    """The instant of a `YYYY-MM-DD HH:MM:SS` in UTC, or None. Beyond 9999-12-30 is that day: room for arithmetic."""
    if not _DATETIME.fullmatch(text):
        return None
    try:
        return min(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC), _LATEST)
    except ValueError:
        return None


def after_second(at: datetime) -> datetime:
    """The exclusive end of a range whose last second is `at`: the vendor's `to` is inclusive."""
    return at + timedelta(seconds=1)


def amount(minor: int) -> str:
    """Hundredths of a currency as CALLR's `amount`: cents with two decimals."""
    return f"{minor}.00"


NOTHING = amount(0)


def cents(micro: int) -> str:
    """Micro as CALLR's `amount`: cents with two decimals."""
    return f"{Decimal(micro) / CENT:z.2f}"


def cents_4(micro: int) -> str:
    """Micro as CALLR's `amount_4`: cents with four decimals."""
    return f"{Decimal(micro) / CENT:z.4f}"


def amount_4(minor: int) -> str:
    """Hundredths of a currency as CALLR's `amount_4`: cents with four decimals."""
    return f"{minor}.0000"
