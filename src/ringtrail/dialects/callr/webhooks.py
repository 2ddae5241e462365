"""What a subscriber is sent: a Webhook.Event, and its signature.

An endpoint of `services.webhooks` with dialect `callr` is one subscription of a whole account: `event_types` by
`webhook_types`, `settings` {`type`, `format`, `hmac_algo`, `signed`}, `secrets` {`hmac_secret`}. A dynamic one has no
`type` and is told whatever names it.

`X-CALLR-HmacSignature` is the base64 of the binary HMAC of the body, where there is a secret; `X-CALLR-EventId` is
`event_id`; `try` counts from 0. `data` shows the thing as it is when it is told, except that a start shows nothing that
came later. [inferred]: `dialstatus` at the start is null; a test of an endpoint sends the example of its type, so that
nothing real is told twice; nothing is told of a thing that is gone, but for a number that left.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

import msgspec

from ringtrail.dialects.callr import js_json
from ringtrail.dialects.callr.jobs import Job
from ringtrail.dialects.callr.jobs import shown as job_object
from ringtrail.dialects.callr.media_library import Media
from ringtrail.dialects.callr.media_library import shown as media_object
from ringtrail.dialects.callr.media_recording import shown
from ringtrail.dialects.callr.responses import CdrIn, CdrOut, Did, cdr_in_view, cdr_out_view, did_object
from ringtrail.dialects.callr.sms_object import Sms, sms_object
from ringtrail.dialects.callr.vocabulary import NOTHING, cents
from ringtrail.dialects.callr.webhook_options import ALGORITHMS, DEFAULT_ALGORITHM
from ringtrail.dialects.callr.webhook_types import TYPE_OF, TYPES
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.account import Account
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import Event, EventType
from ringtrail.model.ids import hash_of_number
from ringtrail.model.media import MediaQuery
from ringtrail.model.number import DID
from ringtrail.model.query import CallQuery, MessageQuery
from ringtrail.model.view import seen
from ringtrail.services import Services
from ringtrail.services.webhooks import Attempt, Render, WebhookRequest

_Cdr = TypeVar("_Cdr", CdrIn, CdrOut)

SIGNATURE, EVENT_ID = "X-CALLR-HmacSignature", "X-CALLR-EventId"


class Credit(msgspec.Struct):
    """Webhook.Event.Billing.Credit. A limit that is not set is null."""

    balance: str | None
    currency_code: str
    last_transaction_amount: str | None
    shutdown_limit: str | None
    warning_limit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Teller:
    """Whose things are told, and how. masking: ids of the properties that hide their callers."""

    services: Services
    base_url: str
    account: Account
    masking: frozenset[int]


def renderer(services: Services, options: DialectOptions) -> Render:
    async def render(attempts: Sequence[Attempt]) -> Sequence[WebhookRequest | None]:
        teller = await _teller(services, options, attempts[0].endpoint.account_id)
        data = await _data(teller, attempts)
        return [None if item is None else _request(attempt, item) for attempt, item in zip(attempts, data, strict=True)]

    return render


async def _teller(services: Services, options: DialectOptions, account_id: int) -> _Teller:
    properties = await services.accounts.properties(account_id)
    return _Teller(
        services=services,
        base_url=options.base_url,
        account=await services.accounts.by_id(account_id),
        masking=frozenset(item.id for item in properties if item.masks_callers),
    )


def _request(attempt: Attempt, data: Any) -> WebhookRequest:
    event, endpoint = attempt.event, attempt.endpoint
    body = js_json.encode({
        "data": msgspec.to_builtins(data),
        "event_at": _milliseconds(event.at),
        "event_id": str(event.id),
        "hook_hash": None if endpoint.dynamic else endpoint.hash,
        "try": attempt.number,
        "type": _type_of(attempt),
    })  # fmt: skip
    headers = {"Content-Type": "application/json", EVENT_ID: str(event.id)}
    secret = attempt.secrets.get("hmac_secret")
    if secret:
        headers[SIGNATURE] = signature(body, secret, endpoint.settings.get("hmac_algo", DEFAULT_ALGORITHM))
    return WebhookRequest(method="POST", address=endpoint.address, headers=headers, body=body)


def signature(body: bytes, secret: str, algorithm: str) -> str:
    return b64encode(hmac.new(secret.encode(), body, ALGORITHMS[algorithm]).digest()).decode()


def _milliseconds(at: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.sssZ`"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _type_of(attempt: Attempt) -> str | None:
    """A subscription's own; of a dynamic one, the event's. None: the event is none of the vendor's."""
    type_: str | None = attempt.endpoint.settings.get("type")
    return type_ or TYPE_OF.get(attempt.event.type)


# --- data -----------------------------------------------------------------------------------------------------------

_Tell: TypeAlias = Callable[[_Teller, Sequence[Event]], Awaitable[Sequence[Any]]]
"""What is told of events of one type, in their order; None: nothing."""


async def _data(teller: _Teller, attempts: Sequence[Attempt]) -> Sequence[Any]:
    """One query for all attempts of a type: an endpoint's attempts mostly have one."""
    found: list[Any] = [None] * len(attempts)
    by_type: defaultdict[str, list[int]] = defaultdict(list)
    for place, attempt in enumerate(attempts):
        type_ = _type_of(attempt)
        if attempt.event.type is EventType.ENDPOINT_TEST and type_ is not None:
            found[place] = TYPES[type_].example
        elif type_ is not None:
            by_type[type_].append(place)
    for type_, places in by_type.items():
        told = await _TELL[type_](teller, [attempts[place].event for place in places])
        for place, item in zip(places, told, strict=True):
            found[place] = item
    return found


async def _inbound(teller: _Teller, events: Sequence[Event]) -> Sequence[CdrIn | None]:
    ids = tuple(_abouts(events))
    query = CallQuery(account_id=teller.account.id, ids=ids, inbound=True, include_in_progress=True)
    page = await teller.services.calls.page(query, show=cdr_in_view(teller.account, teller.masking))
    by_id: dict[int, CdrIn] = {cdr.callid: cdr for cdr in page.shown}
    return [by_id.get(event.about) for event in events]


async def _inbound_started(teller: _Teller, events: Sequence[Event]) -> Sequence[CdrIn | None]:
    return [cdr and _as_it_began(cdr) for cdr in await _inbound(teller, events)]


async def _outbound(teller: _Teller, events: Sequence[Event]) -> Sequence[CdrOut | None]:
    """Of legs and of calls, whose id is that of their caller's own leg."""
    view = cdr_out_view(teller.masking)
    legs = await teller.services.calls.legs(teller.account.id, _abouts(events))
    by_id = {leg.id: leg for leg in legs if leg.outbound}
    found = [by_id.get(event.detail.get("leg_id", event.about)) for event in events]
    return [None if leg is None else seen(view, leg) for leg in found]


async def _outbound_started(teller: _Teller, events: Sequence[Event]) -> Sequence[CdrOut | None]:
    return [cdr and _as_it_began(cdr, dialstatus=None) for cdr in await _outbound(teller, events)]


def _as_it_began(cdr: _Cdr, **changes: Any) -> _Cdr:
    return msgspec.structs.replace(
        cdr, answer=None, billing_customer_cost_label=None, hangup=None, hangupcause=None, hangupsource=None, duration=0, duration_answered=0,
        duration_billed=0, billing_customer_credit_eur=NOTHING, billing_customer_debit_eur=NOTHING, **changes,
    )  # fmt: skip


async def _recordings(teller: _Teller, events: Sequence[Event]) -> Sequence[Any]:
    hashes = [event.detail["hash"] for event in events]
    page, _ = await teller.services.recordings.find(teller.account.id, hashes=sorted(set(hashes)))
    by_hash = {item.hash: shown(teller.base_url, item, teller.masking) for item in page}
    return [by_hash.get(hash_) for hash_ in hashes]


async def _messages(teller: _Teller, events: Sequence[Event]) -> Sequence[Sms | None]:
    query = MessageQuery(account_id=teller.account.id, ids=tuple(_abouts(events)))
    page, _ = await teller.services.messages.page(query)
    mode = (await teller.services.money.balance(teller.account.id)).mode
    by_id = {message.id: sms_object(message, teller.masking, mode) for message in page}
    return [by_id.get(event.about) for event in events]


async def _jobs(teller: _Teller, events: Sequence[Event]) -> Sequence[Job | None]:
    return [await _job(teller, event.detail["id"]) for event in events]


async def _job(teller: _Teller, id_: str) -> Job | None:
    try:
        return job_object(await teller.services.jobs.by_id(teller.account.id, id_))
    except DomainError as exc:
        if exc.code is not ErrorCode.UNKNOWN_VALUE:
            raise
        return None


async def _media(teller: _Teller, events: Sequence[Event]) -> Sequence[Media | None]:
    page, _ = await teller.services.media.find(MediaQuery(account_id=teller.account.id, ids=tuple(_abouts(events))))
    by_id = {medium.id: media_object(teller.base_url, medium) for medium in page}
    return [by_id.get(event.about) for event in events]


async def _assigned(teller: _Teller, events: Sequence[Event]) -> Sequence[Did | None]:
    hashes = [hash_of_number(event.about) for event in events]
    dids = await teller.services.numbers.by_hashes(teller.account.id, sorted(set(hashes)))
    by_hash = {did.hash: did_object(did, did.app_hash) for did in dids}
    return [by_hash.get(hash_) for hash_ in hashes]


async def _released(teller: _Teller, events: Sequence[Event]) -> Sequence[Did]:
    return [did_object(_as_it_was(event), None) for event in events]


def _as_it_was(event: Event) -> DID:
    detail: Mapping[str, Any] = event.detail
    return DID(
        hash=detail["hash"], account_id=event.account_id, property_id=event.property_id or 0,
        number_e164=detail["number"], country=detail["country"] or "", line_type=detail["line_type"],
        friendly_name=None, app_hash=None, assigned_at=None, expires_at=None, expired_redirect_e164=None,
        attribution=StaticAttribution(),
    )  # fmt: skip


async def _credits(teller: _Teller, events: Sequence[Event]) -> Sequence[Credit]:
    """As it was: a balance changes too often to be told as it is."""
    return [_credit(event.detail) for event in events]


def _credit(detail: Mapping[str, Any]) -> Credit:
    return Credit(
        balance=cents(detail["balance_micro"]),
        currency_code=detail["currency"],
        last_transaction_amount=cents(detail["amount_micro"]),
        shutdown_limit=_limit(detail["shutdown_micro"]),
        warning_limit=_limit(detail["warning_micro"]),
    )


def _limit(micro: int | None) -> str | None:
    return None if micro is None else cents(micro)


def _abouts(events: Sequence[Event]) -> list[int]:
    return sorted({event.about for event in events})


_TELL: dict[str, _Tell] = {
    "billing.credit": _credits,
    "billing.credit_shutdown": _credits,
    "billing.credit_warning": _credits,
    "call.inbound_hangup": _inbound,
    "call.inbound_start": _inbound_started,
    "call.outbound_hangup": _outbound,
    "call.outbound_start": _outbound_started,
    "did.assigned": _assigned,
    "did.unassigned": _released,
    "job.status_update": _jobs,
    "media.library.status_update": _media,
    "media.recording.new": _recordings,
    "media.recording.status_update": _recordings,
    "sms.mo": _messages,
    "sms.mt.status_update": _messages,
}
