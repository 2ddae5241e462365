"""Calls as clients write them, and what they ask of the list."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ringtrail.dialects.agendize.bodies import Identifier, PhoneNumber, Text, parse
from ringtrail.dialects.agendize.responses import CallResource
from ringtrail.dialects.agendize.vocabulary import (
    DISPOSITION,
    TRIGGER,
    parse_instant,
    parse_local,
    parse_zone,
    second_after,
)
from ringtrail.httpkit.query import plus_restored
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services.entered_calls import MAX_DURATION_S, CallEntry

_HASH = re.compile(r"[A-Za-z0-9]{8}")
_Seconds = Annotated[int, Meta(ge=0, le=MAX_DURATION_S)] | Annotated[str, Meta(pattern="^[0-9]{1,5}$")]
Duration = _Seconds | Annotated[list[_Seconds], Meta(min_length=1, max_length=1)] | dict[Literal["integer"], _Seconds]
"""The vendor types it string, list and {integer} in different places: all three are read [inferred]. Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the list is narrowed to. Bounds are on the whole second in which a call started, as `start.dateTime` shows it."""

    from_at: datetime | None  # inclusive
    to_at: datetime | None  # exclusive
    search: str | None
    tool_id: str | None

    def digest(self) -> bytes:
        """8 bytes that tell these filters from others: the same however the request spelled them."""
        return hashlib.blake2b(repr(self).encode(), digest_size=8).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    filters: Filters
    sync_token: str | None
    page_token: str | None


class StartBody(msgspec.Struct, rename="camel", kw_only=True):
    date_time: Annotated[str, Meta(max_length=40)] | None = None
    time_zone: Identifier | None = None


class CallChange(msgspec.Struct, rename="camel", kw_only=True):
    """The body of PUT /calls/{id}. null and absent: as it was; empty buttonId, clientId, externalId: none any more."""

    button_id: Identifier | None = None
    client_id: Text | None = None
    caller_number: PhoneNumber | None = None
    called_number: PhoneNumber | None = None
    tracking_number: PhoneNumber | None = None
    start: StartBody | None = None
    duration: Duration | None = None
    status: Literal["completed", "noAnswered", "message", "wrongNumber", "busy", "abandoned"] | None = None
    external_id: Text | None = None
    type: Literal["clickToCall", "callTracking"] | None = None


class NewStart(StartBody, kw_only=True):
    date_time: Annotated[str, Meta(max_length=40)]


class NewCall(CallChange, kw_only=True):
    """The body of POST /calls."""

    caller_number: PhoneNumber
    called_number: PhoneNumber
    start: NewStart


def parse_new_call(body: dict[str, Any], company_zone: str) -> CallEntry:
    """company_zone: for a start that names none."""
    new = parse(body, NewCall)
    zone = parse_zone("start.timeZone", new.start.time_zone or company_zone)
    return _entry(new, parse_local("start.dateTime", new.start.date_time, zone), zone)


def parse_change(body: dict[str, Any], shown: CallResource) -> CallEntry | None:
    """What differs from the call as it is shown, or None. A client that sends a call back as it has read it changes nothing:
    no masked digit becomes a number, no fraction of a second is lost."""
    known = msgspec.to_builtins(shown)
    differing = {name: value for name, value in body.items() if value is not None and value != known.get(name)}
    change = parse(differing, CallChange)
    start, zone = _start(change.start, shown) if change.start else (None, None)
    entry = _entry(change, start, zone)
    return entry if entry != CallEntry() else None


def _start(sent: StartBody, shown: CallResource) -> tuple[datetime | None, str | None]:
    """(instant, zone) where they are to change. A zone alone leaves the instant as it was [inferred]."""
    zone = parse_zone("start.timeZone", sent.time_zone) if sent.time_zone else shown.start.time_zone
    another_zone = zone if zone != shown.start.time_zone else None
    if sent.date_time is None or (sent.date_time == shown.start.date_time and not another_zone):
        return None, another_zone
    return parse_local("start.dateTime", sent.date_time, zone), another_zone


def _entry(body: CallChange | NewCall, started_at: datetime | None, zone: str | None) -> CallEntry:
    return CallEntry(
        caller=body.caller_number,
        called=body.called_number,
        tracking=body.tracking_number,
        started_at=started_at,
        timezone=zone,
        duration_s=_seconds(body.duration),
        disposition=DISPOSITION[body.status] if body.status else None,
        disposition_raw=body.status,
        trigger=TRIGGER[body.type] if body.type else None,
        button_hash=body.button_id.upper() if body.button_id is not None else None,
        client_id=body.client_id,
        external_id=body.external_id,
    )


def _seconds(duration: Any) -> int | None:
    while isinstance(duration, list | dict):
        duration = next(iter(duration.values() if isinstance(duration, dict) else duration), None)
    return int(duration) if duration is not None else None


def parse_list(query: dict[str, list[str]]) -> ListRequest:
    """The list's parameters. An empty value is one not given; parameters that the vendor does not have are ignored."""
    search = single(query, "search")
    tool = single(query, "toolId")
    from_at, to_at = _bounds(query)
    return ListRequest(
        filters=Filters(
            from_at=from_at,
            to_at=to_at,
            search=plus_restored(search) if search else None,
            tool_id=tool.upper() if tool else None,
        ),
        sync_token=single(query, "syncToken"),
        page_token=single(query, "pageToken"),
    )


def _bounds(query: dict[str, list[str]]) -> tuple[datetime | None, datetime | None]:
    """Both exclusive, as the vendor says. [inferred] The vendor's text swaps the two names: both present, the earlier one
    is the lower bound; alone, startDate is the lower and endDate the upper one. Both test the call's start."""
    start, end = single(query, "startDate"), single(query, "endDate")
    lower = parse_instant("startDate", start) if start else None
    upper = parse_instant("endDate", end) if end else None
    if lower and upper:
        lower, upper = min(lower, upper), max(lower, upper)
    return (
        second_after(lower[0]) if lower else None,
        (second_after(upper[0]) if upper[1] else upper[0]) if upper else None,
    )


def hash_in_path(text: str) -> str:
    """A hash in an address, in our letter case; empty, which nothing has, for what the database would not even look for."""
    return text.upper() if _HASH.fullmatch(text) else ""


def single(query: dict[str, list[str]], name: str) -> str | None:
    """The value of a parameter; None: not given, or empty. DomainError BAD_FORMAT if it is there twice."""
    values = query.get(name, [])
    if len(values) > 1:
        raise DomainError(ErrorCode.BAD_FORMAT, name, "given more than once")
    return values[0] or None if values else None
