"""Sums of calls and messages over a range of time."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from ringtrail.model.message import Direction, MessageStatus


class Group(StrEnum):
    """What calls that came in, or the legs that we dialled for ended calls, are put together by."""

    CALL_DAY = "call_day"
    CALL_APP = "call_app"
    CALL_DID = "call_did"
    CALL_COUNTRY = "call_country"  # the caller's; one who hides the number has none
    LEG_DAY = "leg_day"
    LEG_APP = "leg_app"
    LEG_COUNTRY = "leg_country"
    LEG_LABEL = "leg_label"  # of the rate


class Order(StrEnum):
    KEY = "key"
    CALLS = "calls"
    SECONDS = "connected_s"
    AVERAGE = "average_s"
    CREDIT = "credit_micro"
    DEBIT = "debit_micro"


class GroupSums(NamedTuple):
    """Calls of one group, or of one day. key None: not known."""

    key: Any
    calls: int
    connected_s: int
    average_s: int  # of talk, of those that were answered
    credit_micro: int
    debit_micro: int
    label: str | None  # a rate's, of calls to a DID
    answered: int
    talk_s: int


class MessageSums(NamedTuple):
    """Messages of one UTC day and direction that have the same status."""

    day: datetime
    direction: Direction
    status: MessageStatus
    refused: bool  # for one of the reasons that were asked about
    messages: int
    parts: int
    debit_micro: int
