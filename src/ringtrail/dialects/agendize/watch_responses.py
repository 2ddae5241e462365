"""Watches, and what was sent for them, as Agendize shows them. No secret is ever among it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from ringtrail.dialects.agendize.watch_requests import OBJECT_TYPE, BasicAuth, OAuth2Auth, Signature
from ringtrail.dialects.agendize.webhooks import WORDS
from ringtrail.model.account import Account, Property
from ringtrail.model.events import EventType
from ringtrail.model.webhook import AttemptRecord, DeliveryRecord, DeliveryState, Endpoint

_Kept = TypeVar("_Kept")


class WatchOwner(msgspec.Struct, kw_only=True):
    type: str
    id: str


class WatchResource(msgspec.Struct, rename="camel", kw_only=True):
    id: str
    address: str
    name: str
    basic_auth: BasicAuth | None
    http_request_header: dict[str, str] | None
    schema: dict[str, Any] | str | None
    method: str
    status: str
    oauth2_auth: OAuth2Auth | None = msgspec.field(name="oauth2Auth")
    signature: Signature | None
    object_owner: WatchOwner
    add_previous_data: bool
    level_details: str
    events: list[str]
    object_type: str
    self_link: str


class WatchList(msgspec.Struct, kw_only=True):
    items: list[WatchResource]


class WatchName(msgspec.Struct, rename="camel", kw_only=True):
    id: str
    name: str
    address: str
    object_type: str
    self_link: str


class SentRequest(msgspec.Struct, kw_only=True):
    body: str | None
    address: str
    headers: dict[str, str] | None


class ReceivedAnswer(msgspec.Struct, rename="camel", kw_only=True):
    body: str | None
    status_code: int | None
    error_message: str | None


class RequestResource(msgspec.Struct, rename="camel", kw_only=True):
    id: str
    owner: WatchOwner
    request: SentRequest
    response: ReceivedAnswer
    watcher: WatchName
    created: str
    sent: str | None
    object_event: str
    duration: int | None
    status: str


class RequestList(msgspec.Struct, rename="camel", kw_only=True):
    items: list[RequestResource]
    next_page_token: str | msgspec.UnsetType = msgspec.UNSET


class WatchWords:
    """How one account's watches read."""

    def __init__(self, account: Account, properties: list[Property], base_url: str) -> None:
        self._account = account
        self._sids = {item.id: item.sid for item in properties}
        self._base_url = base_url

    def watch(self, endpoint: Endpoint) -> WatchResource:
        settings = endpoint.settings
        return WatchResource(
            id=endpoint.hash,
            address=endpoint.address,
            name=endpoint.name,
            basic_auth=_read(settings, "basicAuth", BasicAuth),
            http_request_header=settings.get("httpRequestHeader"),
            schema=settings.get("schema"),
            method=settings.get("method", "POST"),
            status="enabled" if endpoint.enabled else "disabled",
            oauth2_auth=_read(settings, "oauth2Auth", OAuth2Auth),
            signature=_read(settings, "signature", Signature),
            object_owner=self._owner(endpoint),
            add_previous_data=False,
            level_details="full",
            events=[WORDS[type_] for type_ in endpoint.event_types if type_ in WORDS],
            object_type=OBJECT_TYPE,
            self_link=self._link(endpoint),
        )

    def request(self, record: DeliveryRecord, newest: AttemptRecord | None, endpoint: Endpoint) -> RequestResource:
        """newest: its last try; None: it was not tried yet."""
        return RequestResource(
            id=f"{record.event_id}-{endpoint.hash}",
            owner=self._owner(endpoint),
            request=_sent(newest, endpoint),
            response=_received(newest),
            watcher=WatchName(
                id=endpoint.hash, name=endpoint.name, address=endpoint.address, object_type=OBJECT_TYPE,
                self_link=self._link(endpoint),
            ),
            created=_text(record.event_at),
            sent=_text(newest.at) if newest else None,
            object_event=WORDS[EventType(record.event_type)],
            duration=newest.took_ms if newest else None,
            status=status_of(record),
        )  # fmt: skip

    def _owner(self, endpoint: Endpoint) -> WatchOwner:
        if endpoint.property_id is None:
            return WatchOwner(type="account", id=self._account.sid)
        return WatchOwner(type="property", id=self._sids[endpoint.property_id])

    def _link(self, endpoint: Endpoint) -> str:
        return f"{self._base_url}/api/2.3/watchers/{endpoint.hash}"


def _sent(newest: AttemptRecord | None, endpoint: Endpoint) -> SentRequest:
    """The beginning of the body. Before the first try, and when nothing could be sent, only where it goes is known."""
    if newest is None or newest.method is None:
        return SentRequest(body=None, address=endpoint.address, headers=None)
    return SentRequest(body=newest.request_body, address=newest.address, headers=dict(newest.request_headers))


def _received(newest: AttemptRecord | None) -> ReceivedAnswer:
    if newest is None:
        return ReceivedAnswer(body=None, status_code=None, error_message=None)
    return ReceivedAnswer(body=newest.response_body, status_code=newest.status, error_message=newest.error)


def status_of(record: DeliveryRecord) -> str:
    """Our words [inferred]: success; failed, once no more tries will be made; retrying; pending, before the first."""
    if record.delivered_at is not None:
        return "success"
    if record.state is DeliveryState.GIVEN_UP:
        return "failed"
    return "retrying" if record.last_error is not None else "pending"


def _read(settings: Mapping[str, Any], name: str, type_: type[_Kept]) -> _Kept | None:
    return msgspec.convert(settings[name], type_) if name in settings else None


def _text(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
