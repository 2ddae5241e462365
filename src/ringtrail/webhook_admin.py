"""What an operator does with webhooks from the command line: endpoints, their log, telling again."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ringtrail.admin import account_of
from ringtrail.dialects.invox import webhooks as invox_webhooks
from ringtrail.dialects.native.event_ids import read_event
from ringtrail.dialects.native.signatures import new_secret
from ringtrail.mail import webhooks as mail_webhooks
from ringtrail.model.account import Account
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import UNASKED, EventType
from ringtrail.model.webhook import AttemptRecord, DeliveryRecord, DeliveryState, DisabledBy, Endpoint, LogQuery
from ringtrail.services import Services
from ringtrail.services.webhooks import MAIL

NATIVE_EVENT_TYPES = (
    EventType.CALL_ENDED, EventType.CALL_CHANGED, EventType.CALL_DELETED, EventType.RECORDING_CHANGED,
    EventType.MESSAGE_RECEIVED, EventType.MESSAGE_CHANGED,
)  # fmt: skip

DIALECTS: dict[str, tuple[EventType, ...]] = {
    "native": NATIVE_EVENT_TYPES,
    "invox": invox_webhooks.EVENT_TYPES,
    "mail": mail_webhooks.EVENT_TYPES,
}
"""The forms whose endpoints an operator makes, and what each is told unless asked otherwise. The other vendors' APIs have
requests for it."""

EVERYTHING = "all"
_TAIL_EVERY_S = 0.5
_SETTLES_WITHIN_S = 3.0  # a worker's transaction: its attempts may be seen after later ones
_PAGE = 500


# --- endpoints --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    dialect: str
    address: str
    event_types: str | None = None  # comma list, or `all`; None: the dialect's own
    name: str = ""
    property_sid: str | None = None  # None: the whole account
    token: str | None = None  # invox
    form: bool = False  # invox


async def add(services: Services, account_sid: str | None, wanted: NewEndpoint) -> dict[str, Any]:
    """What is told from now on. A `secret` in the answer is shown this once and kept encrypted."""
    account = await account_of(services, account_sid)
    secrets = _secrets(wanted)
    endpoint = await services.webhooks.add(
        account.id, wanted.dialect, address=_address(wanted), event_types=_asked_types(wanted), name=wanted.name,
        property_id=await _property_id(services, account, wanted.property_sid),
        settings={"form": True} if wanted.form else {}, secrets=secrets,
    )  # fmt: skip
    return shown(endpoint) | ({"secret": secrets["v1"][0]["key"]} if "v1" in secrets else {})


def _secrets(wanted: NewEndpoint) -> dict[str, Any]:
    """In the words of the dialect's `webhooks.py`."""
    token = wanted.token
    if wanted.dialect != "invox" and (token is not None or wanted.form):
        raise DomainError(ErrorCode.BAD_FORMAT, "token", "only --dialect invox has --token and --form")
    if token is not None and not (0 < len(token) <= 4000 and token.isascii() and token.isprintable()):
        raise DomainError(ErrorCode.BAD_FORMAT, "token", "1 to 4000 printable ASCII characters")
    if wanted.dialect == "native":
        return {"v1": [{"key": new_secret(), "until": None}]}
    return {"token": token} if token else {}


def _address(wanted: NewEndpoint) -> str:
    by_mail = wanted.dialect == "mail"
    if by_mail != ("://" not in wanted.address):
        what = "an e-mail address, such as ops@example.org" if by_mail else "https:// or http:// and a host"
        raise DomainError(ErrorCode.BAD_FORMAT, "url", f"of --dialect {wanted.dialect} must be {what}")
    return MAIL + wanted.address.removeprefix(MAIL) if by_mail else wanted.address


def _asked_types(wanted: NewEndpoint) -> tuple[EventType, ...]:
    usual = DIALECTS[wanted.dialect]
    if wanted.event_types is None:
        return usual
    possible = usual if wanted.dialect == "invox" else tuple(type_ for type_ in EventType if type_ not in UNASKED)
    if wanted.event_types == EVERYTHING:
        return possible
    return event_types_of(wanted.event_types, possible)


def event_types_of(text: str, possible: Sequence[EventType] = tuple(EventType)) -> tuple[EventType, ...]:
    """A comma list of event types. DomainError UNKNOWN_VALUE, which says what there is."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in possible]
    if unknown or not names:
        raise DomainError(
            ErrorCode.UNKNOWN_VALUE, "event type", f"{', '.join(unknown)}; there is {', '.join(possible)}"
        )
    return tuple(EventType(name) for name in dict.fromkeys(names))


async def _property_id(services: Services, account: Account, sid: str | None) -> int | None:
    if sid is None:
        return None
    found = await services.accounts.property_by_sid(account.id, sid)
    if found is None:
        raise DomainError(ErrorCode.NOT_FOUND, "property", f"the account has no property {sid!r}")
    return found.id


async def endpoints(services: Services, account_sid: str | None) -> list[dict[str, Any]]:
    """Every endpoint of the account, those that its API clients made too, and how each does."""
    account = await account_of(services, account_sid)
    found = await services.webhooks.list(account.id)
    health = await services.webhook_ledger.health(account.id, [endpoint.hash for endpoint in found], attempts=1)
    return [
        shown(endpoint)
        | {
            "waiting": health[endpoint.hash].waiting,
            "delivered_at": health[endpoint.hash].delivered_at,
            "paused_until": health[endpoint.hash].paused_until,
        }
        for endpoint in found
        if endpoint.hash in health
    ]


def shown(endpoint: Endpoint) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(endpoint, builtin_types=(datetime,))
    return values | {"enabled": endpoint.enabled}


async def endpoint_of(services: Services, account: Account, hash_: str) -> Endpoint:
    found = await services.webhooks.by_hash(account.id, hash_.upper())
    if found is None:
        raise DomainError(
            ErrorCode.NOT_FOUND,
            "endpoint",
            f"the account has no {hash_!r}; `ringtrail webhooks list` shows what it has",
        )
    return found


async def remove(services: Services, account_sid: str | None, hash_: str) -> dict[str, str]:
    account = await account_of(services, account_sid)
    endpoint = await endpoint_of(services, account, hash_)
    await services.webhooks.delete(account.id, endpoint.hash)
    return {"removed": endpoint.hash}


async def enable(services: Services, account_sid: str | None, hash_: str, *, replay: bool) -> dict[str, Any]:
    """Whoever disabled it; `due`: how many events it is told now."""
    endpoint = await endpoint_of(services, await account_of(services, account_sid), hash_)
    if endpoint.enabled:
        raise DomainError(ErrorCode.CONFLICT, "endpoint", "it is enabled already")
    _, due = await services.webhooks.enable(endpoint, replay=replay, by=DisabledBy.ADMIN)
    return {"enabled": endpoint.hash, "due": due}


async def disable(
    services: Services, account_sid: str | None, hash_: str, *, by_operator: bool, why: str | None
) -> dict[str, Any]:
    """by_operator: its owner cannot enable it."""
    endpoint = await endpoint_of(services, await account_of(services, account_sid), hash_)
    by = DisabledBy.ADMIN if by_operator else DisabledBy.OWNER
    await services.webhooks.disable(endpoint, by, why)
    return {"disabled": endpoint.hash, "by": by}


async def test(services: Services, account_sid: str | None, hash_: str) -> dict[str, str]:
    endpoint = await endpoint_of(services, await account_of(services, account_sid), hash_)
    await services.webhooks.test(endpoint)
    return {"tested": endpoint.hash}


async def signing_key(services: Services, account_sid: str | None, key_id: str) -> dict[str, str]:
    """The key that signs what the account's Agendize watches are sent, for whoever verifies it."""
    account = await account_of(services, account_sid)
    return {"keyId": key_id, "key": services.webhooks.signing_key(account.sid, key_id).hex()}


# --- the log ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """As they are typed. None: not asked for."""

    endpoint: str | None = None
    event: str | None = None
    types: str | None = None
    status: int | None = None
    failed: bool = False
    state: str | None = None
    from_at: str | None = None
    to_at: str | None = None


async def query_of(services: Services, account: Account, asked: Filters) -> LogQuery:
    endpoint = await endpoint_of(services, account, asked.endpoint) if asked.endpoint else None
    return LogQuery(
        account_id=account.id, endpoint_hashes=[endpoint.hash] if endpoint else None,
        event_id=event_id_of(asked.event) if asked.event else None,
        event_types=event_types_of(asked.types) if asked.types else None, status=asked.status,
        failed=asked.failed or None, state=DeliveryState(asked.state) if asked.state else None,
        from_at=instant_of(asked.from_at, account), to_at=instant_of(asked.to_at, account),
    )  # fmt: skip


def event_id_of(text: str) -> int:
    """An event's number, or what native webhooks call it."""
    number = int(text) if text.isascii() and text.isdigit() else read_event(text)
    if number is None or number >= 2**63:
        raise DomainError(ErrorCode.BAD_FORMAT, "event", f"{text!r} is neither a number nor evt_ and 13 characters")
    return number


def instant_of(text: str | None, account: Account) -> datetime | None:
    """ISO 8601; without an offset, in the account's time zone."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as exc:
        example = "2026-07-14, 2026-07-14T09:05 or 2026-07-14T09:05:00Z"
        raise DomainError(ErrorCode.BAD_FORMAT, "time", f"{text!r} is not like {example}") from exc
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(account.timezone))


async def log(
    services: Services, account_sid: str | None, asked: Filters, limit: int
) -> tuple[Account, list[DeliveryRecord]]:
    """What was, or is to be, told: newest event first."""
    account = await account_of(services, account_sid)
    found, _ = await services.webhook_ledger.deliveries(await query_of(services, account, asked), limit=limit)
    return account, found


async def attempts(
    services: Services, account_sid: str | None, event: str, endpoint: str | None
) -> tuple[Account, list[AttemptRecord]]:
    """Every try to tell an event, oldest first."""
    account = await account_of(services, account_sid)
    query = await query_of(services, account, Filters(event=event, endpoint=endpoint))
    found, _ = await services.webhook_ledger.attempts(query, limit=_PAGE, oldest_first=True)
    if not found:
        raise DomainError(
            ErrorCode.NOT_FOUND, "event", f"nobody was told of {event} yet; `ringtrail webhooks log` shows what waits"
        )
    return account, found


async def tail(services: Services, account: Account, asked: Filters, last: int) -> AsyncIterator[AttemptRecord]:
    """The `last` newest attempts, then each as it ends, for ever.

    Workers write side by side, so an attempt can appear after one with a greater id: what is younger than a
    transaction's time is read again, and shown once.
    """
    query = await query_of(services, account, asked)
    newest, _ = await services.webhook_ledger.attempts(query, limit=max(last, 1))
    for record in reversed(newest[:last]):
        yield record
    told = {record.id for record in newest}
    reached = deque([(time.monotonic(), min(told, default=0))])
    while True:
        await asyncio.sleep(_TAIL_EVERY_S)
        while len(reached) > 1 and reached[1][0] < time.monotonic() - _SETTLES_WITHIN_S:
            reached.popleft()
        floor = reached[0][1]
        told = {id_ for id_ in told if id_ > floor}
        async for record in _after(services, query, floor):
            if record.id not in told:
                told.add(record.id)
                yield record
        reached.append((time.monotonic(), max(told, default=floor)))


async def _after(services: Services, query: LogQuery, after: int) -> AsyncIterator[AttemptRecord]:
    while True:
        page, _ = await services.webhook_ledger.attempts(replace(query, after=after), limit=_PAGE, oldest_first=True)
        for record in page:
            yield record
        if len(page) < _PAGE:
            return
        after = page[-1].id


# --- telling again ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which events to tell again, as typed: one, those written in a time, or all."""

    event: str | None = None
    from_at: str | None = None
    to_at: str | None = None
    everything: bool = False
    undelivered: bool = False  # of those, only what the endpoint was not delivered yet


async def replay(services: Services, account_sid: str | None, hash_: str, asked: Range) -> dict[str, Any]:
    """`replayed`: how many events. What is being sent at this moment is not sent again."""
    account = await account_of(services, account_sid)
    endpoint = await endpoint_of(services, account, hash_)
    span = asked.from_at or asked.to_at
    if not (asked.event or span or asked.everything or asked.undelivered):
        raise DomainError(ErrorCode.MISSING, "events", "say which: --event, --from and --to, --undelivered, or --all")
    if asked.event and (span or asked.everything or asked.undelivered):
        raise DomainError(ErrorCode.CONFLICT, "events", "--event is one event: leave out the others")
    if asked.event:
        await services.webhooks.replay_one(endpoint, event_id_of(asked.event))
        return {"replayed": 1, "endpoint": endpoint.hash}
    number = await services.webhooks.replay(
        endpoint, after=await _before(services, account, asked.from_at) or 0,
        until=await _before(services, account, asked.to_at), delivered_too=not asked.undelivered,
    )  # fmt: skip
    return {"replayed": number, "endpoint": endpoint.hash}


async def _before(services: Services, account: Account, text: str | None) -> int | None:
    """The id of the last event that was written before then; None: no time was given."""
    at = instant_of(text, account)
    return None if at is None else await services.webhook_ledger.newest_event(account.id, before=at)
