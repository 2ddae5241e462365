"""Service `webhooks/log`: what was sent to subscriptions and dynamic webhooks, and what was answered.

[inferred]: names and parameters, and an entry's properties beyond those that the reference's filters name. An entry is one
try; `status` is SUCCESS or FAILURE; `event_date` is a UTC day or second; filters compare whole values. `replay` sends one
event again to one subscription, from try 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import field

from ringtrail.dialects.callr.auth import DIALECT_NAME
from ringtrail.dialects.callr.parameters import (
    Asking,
    Properties,
    Slice,
    bad_format,
    bad_value,
    plain_object,
    wrong_type,
)
from ringtrail.dialects.callr.responses import SearchResults, search_results
from ringtrail.dialects.callr.vocabulary import after_second, datetime_of
from ringtrail.dialects.callr.webhook_methods import milliseconds, subscriptions
from ringtrail.dialects.callr.webhook_types import TYPE_OF, TYPES, events_of
from ringtrail.model.errors import DomainError
from ringtrail.model.events import EventType
from ringtrail.model.webhook import AttemptRecord, Endpoint, LogQuery

ORDER = "date"
MAX_TRY = 9
_FAILED = {"SUCCESS": False, "FAILURE": True}
_SHARING = [type_ for type_ in TYPES if type_.startswith("call.")]
_MAX_ID = 2**63 - 1
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,19}")
_FILTERS = ("endpoint", "event_date", "event_id", "hook_hash", "http_code", "status", "try", "type")


class LogRequest(msgspec.Struct):
    body: str | None  # its beginning
    headers: Mapping[str, str]
    method: str | None


class LogResponse(msgspec.Struct):
    body: str | None  # its beginning
    headers: Mapping[str, str]


class LogEntry(msgspec.Struct):
    date: str
    duration_ms: int
    endpoint: str
    error: str | None
    event_date: str
    event_id: str
    hook_hash: str | None
    http_code: int | None
    request: LogRequest
    response: LogResponse
    status: str
    try_: int = field(name="try")
    type: str | None


async def event_id(asking: Asking, path: str, value: Any) -> int:
    """An event's id, as text."""
    if not isinstance(value, str):
        raise bad_format(path)
    return _whole(path, value)


def _whole(path: str, text: str) -> int:
    if not _WHOLE.fullmatch(text) or int(text) > _MAX_ID:
        raise bad_value(path)
    return int(text)


async def filters(asking: Asking, path: str, value: Any) -> LogQuery:
    """Webhook.Log.Search.Filters."""
    given = Properties(path, await plain_object(asking, path, value), _FILTERS)
    address, (from_at, to_at) = given.text("endpoint"), _event_date(given)
    event_id, hash_, code = _number(given, "event_id"), given.hash("hook_hash"), _number(given, "http_code")
    status, try_, type_ = given.word("status", _FAILED), given.whole("try", MAX_TRY), given.word("type", TYPES)
    return LogQuery(
        account_id=asking.account.id,
        dialect=DIALECT_NAME,
        endpoint_hashes=await _endpoints(asking, hash_, type_),
        address=address and address.replace("\0", "\ufffd"),
        event_id=event_id,
        event_types=events_of(type_) if type_ else None,
        from_at=from_at,
        to_at=to_at,
        status=code,
        number=try_,
        failed=_FAILED[status] if status else None,
    )


async def _endpoints(asking: Asking, hash_: str | None, type_: str | None) -> list[str] | None:
    """What is told by two types was told by the one to its subscriptions alone."""
    if type_ not in _SHARING:
        return None if hash_ is None else [hash_]
    of_type = [item.hash for item in await subscriptions(asking) if item.settings["type"] == type_]
    return [item for item in of_type if hash_ in (None, item)]


def _number(given: Properties, key: str) -> int | None:
    """The vendor has these as text; a number means the same."""
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise wrong_type(given.path(key))
    return _whole(given.path(key), str(value))


def _event_date(given: Properties) -> tuple[datetime | None, datetime | None]:
    """The day or the second, as a range with an exclusive end."""
    text = given.text("event_date")
    if text is None:
        return None, None
    whole_day = _DAY.fullmatch(text)
    start = datetime_of(f"{text} 00:00:00" if whole_day else text)
    if start is None:
        raise bad_value(given.path("event_date"))
    return start, start + timedelta(days=1) if whole_day else after_second(start)


async def search(asking: Asking, wanted: LogQuery | None, piece: Slice | None) -> SearchResults[LogEntry]:
    """Newest try first."""
    piece = piece or Slice()
    page, total = await asking.services.webhook_ledger.attempts(
        wanted or LogQuery(account_id=asking.account.id, dialect=DIALECT_NAME),
        offset=piece.offset, limit=piece.quantity, with_total=True,
    )  # fmt: skip
    types = {item.hash: item.settings["type"] for item in await subscriptions(asking)}
    return search_results([_entry(item, types) for item in page], offset=piece.offset, total=total or 0)


def _entry(item: AttemptRecord, types: Mapping[str, str]) -> LogEntry:
    """types: {hash: type} of the subscriptions; an endpoint that is not among them is dynamic, and has no hash to show."""
    subscribed = types.get(item.endpoint_hash)
    return LogEntry(
        date=milliseconds(item.at),
        duration_ms=item.took_ms,
        endpoint=item.address,
        error=item.error,
        event_date=milliseconds(item.event_at),
        event_id=str(item.event_id),
        hook_hash=item.endpoint_hash if subscribed else None,
        http_code=item.status,
        request=LogRequest(body=item.request_body, headers=item.request_headers, method=item.method),
        response=LogResponse(body=item.response_body, headers=item.response_headers),
        status="SUCCESS" if item.error is None else "FAILURE",
        try_=item.number,
        type=subscribed or TYPE_OF.get(EventType(item.event_type)),
    )


async def replay(asking: Asking, webhook: Endpoint, event_id: int) -> bool:
    """DomainError UNKNOWN_VALUE: 'hash' for a disabled subscription, 'event_id' for an event that is not kept, is not of its
    type or is just being sent to it."""
    if not webhook.enabled:
        raise bad_value("hash")
    try:
        await asking.services.webhooks.replay_one(webhook, event_id)
    except DomainError as exc:
        raise bad_value("event_id") from exc
    return True
