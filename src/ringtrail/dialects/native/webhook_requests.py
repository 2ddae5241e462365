"""Query strings of the pull twin and of the ledger, and ranges of events."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec import UNSET, UnsetType

from ringtrail.dialects.native.errors import InvalidRequestError
from ringtrail.dialects.native.event_ids import EXAMPLE, PATTERN, event_text, read_event
from ringtrail.dialects.native.event_structs import SUBJECT
from ringtrail.dialects.native.events import about_of
from ringtrail.dialects.native.requests import (
    DEFAULT_LIMIT,
    INSTANT,
    MAX_LIMIT,
    Parameter,
    Reader,
    instant_of,
    one_of,
    read_limit,
)
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import UNASKED, EventType
from ringtrail.model.webhook import DeliveryState, LogQuery

_EVENT = {"type": "string", "pattern": PATTERN, "examples": [EXAMPLE]}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
_TYPE = {"enum": [item.value for item in EventType if item not in UNASKED]}
_HASH = {"type": "string", "pattern": "^[A-Z0-9]{8}$", "examples": ["E4DP01NT"]}

EVENT_PARAMETERS = (
    Parameter("after", _EVENT, "Events that come after this one: `next_after` of your last answer, or the `id` of an event. Left out: from the oldest that is kept."),
    Parameter("from", INSTANT, "Instead of `after`: events that were written at this instant or later."),
    Parameter("type", _TYPE, "Only this type.", True),
    Parameter("limit", _LIMIT, "Events in a page."),
)  # fmt: skip

DELIVERY_PARAMETERS = (
    Parameter("limit", _LIMIT, "Deliveries in a page."),
    Parameter("cursor", {"type": "string"}, "`next_cursor` of the page before. Keep the filters as they were."),
    Parameter("endpoint", _HASH, "To this endpoint.", True),
    Parameter("dialect", {"type": "string", "pattern": "^[a-z]{1,20}$", "examples": ["native"]}, "To endpoints of this dialect."),
    Parameter("address", {"type": "string"}, "To endpoints with this address, exactly."),
    Parameter("event", _EVENT, "Of this event."),
    Parameter("type", {"enum": [item.value for item in EventType]}, "Of this type of event.", True),
    Parameter("subject", {"type": "string", "pattern": SUBJECT, "examples": ["call:422137815040065"]}, "About this."),
    Parameter("from", INSTANT, "Of events that happened at this instant or later."),
    Parameter("to", INSTANT, "Of events that happened before this instant."),
    Parameter("status", {"type": "integer", "minimum": 100, "maximum": 599}, "With this HTTP status of the newest attempt."),
    Parameter("failed", {"enum": ["true", "false"]}, "Whether the newest attempt failed."),
    Parameter("state", {"enum": [item.value for item in DeliveryState]}, "`waiting`, `delivered` or `given_up`."),
)  # fmt: skip

ATTEMPT_PARAMETERS = (
    Parameter("limit", _LIMIT, "Attempts in a page."),
    Parameter("cursor", {"type": "string"}, "`next_cursor` of the page before."),
)

_CURSOR = re.compile(rf"({PATTERN[1:-1]})\.([A-Z0-9]{{8}})")
_FULL = re.compile(PATTERN[1:-1])
_ID_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """What GET /events was asked. after and from_at None: from the oldest event."""

    after: int | None
    from_at: datetime | None
    event_types: tuple[EventType, ...] | None
    limit: int


def read_pull(raw: bytes) -> Pull:
    """InvalidRequestError with every parameter that is wrong."""
    reader = Reader(parse_query(raw), EVENT_PARAMETERS)
    wanted = tuple(item.value for item in EventType if item not in UNASKED)
    pull = Pull(
        after=reader.one("after", event_of),
        from_at=reader.one("from", instant_of),
        event_types=tuple(EventType(word) for word in reader.many("type", one_of(wanted))) or None,
        limit=reader.one("limit", read_limit) or DEFAULT_LIMIT,
    )
    if pull.after is not None and pull.from_at is not None:
        reader.fault("from", ErrorCode.UNKNOWN_VALUE, "is used instead of `after`, not with it")
    reader.finish()
    return pull


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRequest:
    """What GET /deliveries was asked. past: the delivery that ended the page before."""

    query: LogQuery
    past: tuple[int, str] | None
    limit: int


def read_ledger(raw: bytes, principal: Principal) -> LedgerRequest:
    """InvalidRequestError with every parameter that is wrong."""
    account = principal.account
    reader = Reader(parse_query(raw), DELIVERY_PARAMETERS)
    from_at, to_at = reader.one("from", instant_of), reader.one("to", instant_of)
    if from_at is not None and to_at is not None and from_at > to_at:
        reader.fault("to", ErrorCode.INVERTED_RANGE, "must not be before `from`")
    failed = reader.one("failed", one_of(("true", "false")))
    state = reader.one("state", one_of(tuple(DeliveryState)))
    query = LogQuery(
        account_id=account.id,
        endpoint_hashes=reader.many("endpoint", _hash) or None,
        dialect=reader.one("dialect", _dialect),
        address=reader.one("address", str),
        event_id=reader.one("event", event_of),
        event_types=tuple(EventType(word) for word in reader.many("type", one_of(tuple(EventType)))) or None,
        about=reader.one("subject", lambda text: _about(text, principal)),
        from_at=from_at,
        to_at=to_at,
        status=reader.one("status", _status),
        failed=None if failed is None else failed == "true",
        state=DeliveryState(state) if state else None,
    )
    past, limit = reader.one("cursor", _position), reader.one("limit", read_limit)
    reader.finish()
    return LedgerRequest(query=query, past=past, limit=limit or DEFAULT_LIMIT)


def read_attempts(raw: bytes) -> tuple[int | None, int]:
    """(only attempts with smaller ids, how many)"""
    reader = Reader(parse_query(raw), ATTEMPT_PARAMETERS)
    before, limit = reader.one("cursor", _attempt), reader.one("limit", read_limit)
    reader.finish()
    return before, limit or DEFAULT_LIMIT


def cursor_after(event_id: int, endpoint_hash: str) -> str:
    return f"{event_text(event_id)}.{endpoint_hash}"


def event_of(text: str) -> int:
    number = read_event(text) if _FULL.fullmatch(text) else None
    if number is None:
        raise DomainError(ErrorCode.BAD_FORMAT, detail=f"must be the id of an event, as {EXAMPLE}")
    return number


def instant_in(name: str, text: str | UnsetType) -> datetime | None:
    """An instant of a body. InvalidRequestError that names it."""
    if text is UNSET:
        return None
    try:
        return instant_of(text)
    except DomainError as error:
        fault = replace(error, field=name)
        raise InvalidRequestError(fault.code, detail="1 field is wrong", faults=(fault,)) from error


def _position(text: str) -> tuple[int, str]:
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise DomainError(ErrorCode.BAD_FORMAT, detail="is not a cursor of this list")
    return event_of(found[1]), found[2]


def _attempt(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS):
        raise DomainError(ErrorCode.BAD_FORMAT, detail="is not a cursor of this list")
    return int(text)


def _hash(text: str) -> str:
    if not re.fullmatch("[A-Z0-9]{8}", text):
        raise DomainError(ErrorCode.BAD_FORMAT, detail="must be an endpoint's hash")
    return text


def _dialect(text: str) -> str:
    if not re.fullmatch("[a-z]{1,20}", text):
        raise DomainError(ErrorCode.BAD_FORMAT, detail="must be a dialect's name, as native")
    return text


def _status(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise DomainError(ErrorCode.WRONG_TYPE, detail="must be a whole number")
    if len(text) > 3 or not 100 <= int(text) <= 599:
        raise DomainError(ErrorCode.OUT_OF_RANGE, detail="must be 100 to 599")
    return int(text)


def _about(text: str, principal: Principal) -> int:
    about = about_of(text, principal.account)
    if about is None:
        raise DomainError(ErrorCode.BAD_FORMAT, detail="must be a subject, as call:422137815040065")
    return about
