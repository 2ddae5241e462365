"""Optico's words, both ways: call status, trigger, time, yes.

The words are the vendor's (Data API v1.0, appendices A and B). Which of our outcomes each one stands for, the time zone
and the spelling of true are not published: they are our reading, and this file is the only place that holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from ringtrail.httpkit.times import clock, european_day
from ringtrail.model.call import Trigger
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage

DEFAULT_TIMEZONE = "Europe/Paris"
TRUE_WORDS = frozenset({"true", "1"})

_D, _S = Disposition, Stage

STATUS_OF_OUTCOME: dict[tuple[str, str | None], str] = {
    (_D.ANSWERED, None): "SUCCESS",
    (_D.VOICEMAIL, None): "NORESPONSE",
    (_D.IVR, None): "SUCCESS",
    (_D.ABANDONED, _S.NONE): "INTERRUPTED",
    (_D.ABANDONED, _S.MESSAGE): "ERR_CALLER_MSG",
    (_D.ABANDONED, _S.IVR): "ERR_SVI_STOP",
    (_D.ABANDONED, _S.RINGING): "INTERRUPTED",
    (_D.ABANDONED, _S.BRIDGED): "INTERRUPTED",
    (_D.ABANDONED, _S.VOICEMAIL): "INTERRUPTED",
    (_D.BUSY, None): "BUSY",
    (_D.REJECTED, None): "BUSY",
    (_D.NO_ANSWER, None): "NORESPONSE",
    (_D.INVALID_NUMBER, None): "ANOMALY",
    (_D.UNASSIGNED, None): "NOTASSIGNED",
    (_D.EXPIRED, None): "EXPIRED",
    (_D.BLOCKED, None): "CALLER_PHONE_BLACKLISTED",
    (_D.FAILED, None): "ANOMALY",
}
"""(disposition, stage; None: at any stage) to status. A disposition has one row for any stage, or one for each.

`in_progress` has none: unfinished calls are not shown.
"""

TRIGGER_TYPE: dict[str, int] = {
    Trigger.NORMAL: 1,
    Trigger.WEB: 2,
    Trigger.RULE: 3,
    Trigger.API: 4,
    Trigger.PHONE: 1,
    Trigger.MANUAL: 1,
}


_STATUS = {
    (str(disposition), str(stage)): status
    for (disposition, of_stage), status in STATUS_OF_OUTCOME.items()
    for stage in ([of_stage] if of_stage else Stage)
}


def status_of(disposition: str, stage: str, redirected_expired: bool = False) -> str:
    """The status of an ended call. A call that an expired number sent on is EXPIRED, whatever became of it."""
    return "EXPIRED" if redirected_expired else _STATUS[disposition, stage]


def outcomes_of(words: list[str]) -> tuple[tuple[str, str | None], ...]:
    """The outcomes behind any of these statuses; a word that is no status has none."""
    return tuple(outcome for outcome, status in STATUS_OF_OUTCOME.items() if status in words)


def call_clock(zone: ZoneInfo) -> Callable[[datetime], str]:
    """DD/MM/YYYY HH:MM:SS, local. The repeated hour in autumn cannot be told apart."""
    return clock(zone, european_day)


def sms_time(instant: datetime, zone: ZoneInfo) -> str:
    """YYYY-MM-DD HH:MM:SS, local: the page writes the times of SMS unlike those of calls."""
    return instant.astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds")
