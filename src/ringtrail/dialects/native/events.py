"""What each type of event says: the data's struct by type, and the things behind many events at once."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from ringtrail.dialects.native import examples
from ringtrail.dialects.native.event_ids import event_text
from ringtrail.dialects.native.event_structs import (
    SUBJECT,
    Credit,
    DeletedCall,
    DisabledEndpoint,
    Event,
    Job,
    LegOfCall,
    Medium,
    Message,
    OwnNumber,
    ReleasedNumber,
    TestData,
)
from ringtrail.dialects.native.presentation import recording_shown
from ringtrail.dialects.native.responses import Call, Recording, call_view, leg_fields
from ringtrail.dialects.native.vocabulary import instant, optional_instant
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model import events as model
from ringtrail.model.account import Account
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import EventType
from ringtrail.model.ids import hash_of_number, number_of_hash
from ringtrail.model.job import Job as StoredJob
from ringtrail.model.message import Direction
from ringtrail.model.message import Message as StoredMessage
from ringtrail.model.number import DID
from ringtrail.model.query import CallQuery
from ringtrail.services import Services
from ringtrail.services.numbers import masked

T = TypeVar("T")
_ID_DIGITS = 18  # keeps an id inside PostgreSQL's bigint
_HASH_LETTERS = 8


class Told(NamedTuple):
    """data: the struct of `data`. current: it is read when it is told, and null if it is gone by then; else it is kept in
    the event."""

    data: type
    current: bool = True


TOLD: dict[EventType, Told] = {
    EventType.CALL_STARTED: Told(Call),
    EventType.CALL_ENDED: Told(Call),
    EventType.CALL_CHANGED: Told(Call),
    EventType.CALL_DELETED: Told(DeletedCall, current=False),
    EventType.LEG_STARTED: Told(LegOfCall),
    EventType.LEG_ENDED: Told(LegOfCall),
    EventType.RECORDING_CREATED: Told(Recording),
    EventType.RECORDING_CHANGED: Told(Recording),
    EventType.VOICEMAIL_LEFT: Told(Recording),
    EventType.MESSAGE_RECEIVED: Told(Message),
    EventType.MESSAGE_CHANGED: Told(Message),
    EventType.NUMBER_ASSIGNED: Told(OwnNumber),
    EventType.NUMBER_RELEASED: Told(ReleasedNumber, current=False),
    EventType.JOB_CHANGED: Told(Job),
    EventType.MEDIA_CHANGED: Told(Medium, current=False),
    EventType.CREDIT_CHANGED: Told(Credit, current=False),
    EventType.CREDIT_WARNING: Told(Credit, current=False),
    EventType.CREDIT_SHUTDOWN: Told(Credit, current=False),
    EventType.ENDPOINT_DISABLED: Told(DisabledEndpoint, current=False),
    EventType.ENDPOINT_TEST: Told(TestData, current=False),
}
"""Every type. A new one of `model.events` needs its line here, and an example in `event_examples`."""

_KIND = {"leg": "call", "recording": "call", "voicemail": "call", "credit": "account", "media": "medium"}
_BY_ID = ("call", "message", "medium")


def subject_of(type_: EventType, about: int, account: Account) -> str:
    """`call:<id>`, `message:<id>`, `medium:<id>`, `number:<hash>`, `endpoint:<hash>`, `account:<sid>`, or `job:` and the first
    eight characters of its id."""
    noun = type_.partition(".")[0]
    match kind := _KIND.get(noun, noun):
        case "call" | "message" | "medium":
            return f"{kind}:{about}"
        case "job":
            return f"{kind}:{hash_of_number(about).lower()}"
        case "account":
            return f"{kind}:{account.sid}"
    return f"{kind}:{hash_of_number(about)}"


def about_of(subject: str, account: Account) -> int | None:
    """`Event.about` of a subject; None if it is no subject of the account's."""
    if not re.fullmatch(SUBJECT[1:-1], subject):
        return None
    kind, _, name = subject.partition(":")
    if kind in _BY_ID:
        return int(name) if name.isdigit() and len(name) <= _ID_DIGITS else None
    if kind == "account":
        return account.id if name == account.sid else None
    return number_of_hash(name) if len(name) == _HASH_LETTERS else None


async def events_out(
    services: Services,
    options: DialectOptions,
    account_id: int,
    property_id: int | None,
    events: Sequence[model.Event],
) -> list[Event]:
    """Events of one account in the same order, as somebody sees them who may see this property (None: all of them).

    One query for the things of each kind, however many events.
    """
    if not events:
        return []
    account = await services.accounts.by_id(account_id)
    properties = await services.accounts.properties(account_id)
    sids = {item.id: item.sid for item in properties}
    masking = frozenset(item.id for item in properties if item.masks_callers)
    data = await _Things(services, options, account_id, property_id, masking).of(events)
    return [
        Event(
            id=event_text(event.id), type=event.type, timestamp=instant(event.at), account=account.sid,
            property=sids.get(event.property_id) if event.property_id is not None else None,
            subject=subject_of(event.type, event.about, account), data=item,
        )
        for event, item in zip(events, data, strict=True)
    ]  # fmt: skip


class _Things:
    """What events are about, as it is now. A thing that has moved to another property is gone for who does not see that."""

    def __init__(
        self,
        services: Services,
        options: DialectOptions,
        account_id: int,
        property_id: int | None,
        masking: frozenset[int],
    ) -> None:
        self._services = services
        self._options = options
        self._account_id = account_id
        self._property_id = property_id
        self._masking = masking

    async def of(self, events: Sequence[model.Event]) -> list[Any]:
        loaders = self._loaders()
        found: dict[type, dict[Any, Any]] = {}
        for data, (name, load) in loaders.items():
            names = {name(event) for event in events if TOLD[event.type].data is data}
            found[data] = await load(sorted(names)) if names else {}

        def thing(event: model.Event) -> Any:
            told = TOLD[event.type]
            return found[told.data].get(loaders[told.data][0](event)) if told.current else _kept(event)

        return [thing(event) for event in events]

    def _loaders(self) -> dict[type, tuple[Callable[[model.Event], Any], Callable[[Any], Awaitable[dict[Any, Any]]]]]:
        """{struct: (event -> what names its thing, those names -> {name: struct})}"""
        return {
            Call: (lambda event: event.about, self._calls),
            LegOfCall: (lambda event: (event.about, event.detail["leg_id"]), self._legs),
            Recording: (lambda event: event.detail["hash"], self._recordings),
            Message: (lambda event: event.about, self._messages),
            Job: (lambda event: event.detail["id"], self._jobs),
            OwnNumber: (lambda event: hash_of_number(event.about), self._numbers),
        }

    def _seen(self, items: Iterable[T]) -> list[T]:
        wanted = self._property_id
        return [item for item in items if wanted is None or item.property_id == wanted]  # type: ignore[attr-defined]

    async def _calls(self, ids: list[int]) -> dict[int, Call]:
        query = CallQuery(
            account_id=self._account_id, property_id=self._property_id, ids=tuple(ids), include_in_progress=True
        )
        page = await self._services.calls.page(query, show=call_view(self._masking))
        return {int(call.id): call for call in page.shown}

    async def _legs(self, names: list[tuple[int, int]]) -> dict[tuple[int, int], LegOfCall]:
        calls = sorted({call_id for call_id, _ in names})
        found = self._seen(await self._services.calls.legs(self._account_id, calls))
        return {
            (leg.call_id, leg.id): LegOfCall(
                **leg_fields(leg, leg.caller_number if leg.property_id in self._masking else None),
                call_id=str(leg.call_id),
            )
            for leg in found
        }

    async def _recordings(self, hashes: list[str]) -> dict[str, Recording]:
        found, _ = await self._services.recordings.find(self._account_id, hashes=hashes)
        return {item.hash: recording_shown(self._services, self._options, item) for item in self._seen(found)}

    async def _messages(self, ids: list[int]) -> dict[int, Message]:
        found = await self._services.messages.by_ids(self._account_id, ids)
        return {item.id: _message(item, mask=item.property_id in self._masking) for item in self._seen(found)}

    async def _jobs(self, ids: list[str]) -> dict[str, Job]:
        """Jobs are few: one at a time."""
        found: dict[str, Job] = {}
        for id_ in ids:
            try:
                found[id_] = _job(await self._services.jobs.by_id(self._account_id, id_))
            except DomainError as exc:
                if exc.code is not ErrorCode.UNKNOWN_VALUE:  # that is: forgotten since
                    raise
        return found

    async def _numbers(self, hashes: list[str]) -> dict[str, OwnNumber]:
        found = await self._services.numbers.by_hashes(self._account_id, hashes)
        return {did.hash: _number(did) for did in self._seen(found)}


def _kept(event: model.Event) -> Any:
    """What can no longer be read, or never could."""
    detail = event.detail
    match event.type:
        case EventType.CALL_DELETED:
            return DeletedCall(id=str(event.about), external_id=detail["external_id"], client_id=detail["client_id"])
        case EventType.MEDIA_CHANGED:
            return Medium(id=str(event.about))
        case EventType.NUMBER_RELEASED:
            assigned_at = detail["assigned_at"] and datetime.fromisoformat(detail["assigned_at"])
            return msgspec.convert({**detail, "assigned_at": optional_instant(assigned_at)}, ReleasedNumber)
        case EventType.CREDIT_CHANGED | EventType.CREDIT_WARNING | EventType.CREDIT_SHUTDOWN:
            return msgspec.convert(detail, Credit)
        case EventType.ENDPOINT_DISABLED:
            return msgspec.convert(detail, DisabledEndpoint)
        case EventType.ENDPOINT_TEST:
            return TestData(endpoint=hash_of_number(event.about), example=examples.CALL)
    raise KeyError(event.type)


def _message(message: StoredMessage, *, mask: bool) -> Message:
    hidden = mask and message.direction is Direction.IN
    return Message(
        id=str(message.id), sid=message.sid, direction=message.direction,
        sender=masked(message.sender) if hidden else message.sender, recipient=message.recipient_e164,
        body=message.body, encoding=message.encoding, segments=message.segments, status=message.status,
        error_code=message.error_code, external_id=message.external_id, created_at=instant(message.created_at),
        scheduled_at=optional_instant(message.scheduled_at), submitted_at=optional_instant(message.submitted_at),
        delivered_at=optional_instant(message.delivered_at), received_at=optional_instant(message.received_at),
    )  # fmt: skip


def _job(job: StoredJob) -> Job:
    return Job(
        id=job.id, kind=job.kind, status=job.status, percent=float(job.percent),
        result=dict(job.result) if job.result is not None else None,
        error=dict(job.error) if job.error is not None else None, created_at=instant(job.created_at),
        done_at=optional_instant(job.done_at),
    )  # fmt: skip


def _number(did: DID) -> OwnNumber:
    return OwnNumber(
        hash=did.hash, number=did.number_e164, name=did.friendly_name, country=did.country, line_type=did.line_type,
        region=did.region, city=did.city, capabilities=list(did.capabilities), app=did.app_hash,
        assigned_at=optional_instant(did.assigned_at), expires_at=optional_instant(did.expires_at),
    )  # fmt: skip
