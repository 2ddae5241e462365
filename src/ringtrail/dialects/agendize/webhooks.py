"""Watches of the calls: an event as the request that a watch asks for.

A watch is an endpoint of `services.webhooks` with dialect `agendize`:

- `address`, `name`, `enabled` (`status`), and `event_types` by EVENT_TYPES;
- `settings`, in the vendor's words: `method`, `schema`, `oauth2Auth` without its secrets, `signature`;
- `secrets`: `basicAuth` {`username`, `password`}, `httpRequestHeader` {name: value}, `oauth2Auth` {`clientSecret`,
  `refreshToken`}.

What is not given is not there. `check_watch` is asked before anything is stored.

The vendor publishes neither the signature nor how the event is named nor what a test tells [inferred]:
`X-Agendize-Signature-<key id>` is the HMAC-SHA-256 of the raw body in hex under the account's key of that id (`ringtrail
webhooks key`), `X-Agendize-Event` is one of EVENT_TYPES, and a test tells the last ended call as `created`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from ringtrail.dialects.agendize import templates
from ringtrail.dialects.agendize.responses import CallResource, call_view
from ringtrail.dialects.agendize.watch_tokens import DEFAULT_GRANT, GRANTS, WatchTokens
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import Event, EventType
from ringtrail.model.query import CallQuery, Order
from ringtrail.model.view import View
from ringtrail.services import Services
from ringtrail.services.egress import Egress
from ringtrail.services.webhooks import MAIL, Attempt, Render, Rendered, UnsendableError, WebhookRequest, singly

EVENT_TYPES: dict[str, EventType] = {
    "created": EventType.CALL_ENDED,  # the first time that a call is shown
    "updated": EventType.CALL_CHANGED,
    "deleted": EventType.CALL_DELETED,
}
WORDS = {**{type_: word for word, type_ in EVENT_TYPES.items()}, EventType.ENDPOINT_TEST: "created"}
"""How an event is called."""
_SHOWN = frozenset({EventType.CALL_ENDED, EventType.CALL_CHANGED})

SIGNATURE = "X-Agendize-Signature-"
"""Header of a signature, before the key's id."""

METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET")
_WITHOUT_BODY = frozenset({"DELETE", "GET"})
MOST_HEADERS, MOST_KEYS = 20, 5

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{0,4000}")
_OURS = re.compile(
    r"host|content-length|content-encoding|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect"
    r"|proxy-.*|x-ringtrail-.*|x-agendize-.*",
    re.IGNORECASE,
)
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_watch(services: Services, address: str, settings: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
    """DomainError MISSING, BAD_FORMAT or UNKNOWN_VALUE with the vendor's name of what cannot be used."""
    try:
        _check_url(services, templates.check_address(address))
    except templates.TemplateError as exc:
        raise DomainError(ErrorCode.BAD_FORMAT, "address", str(exc)) from exc
    if settings.get("method", "POST") not in METHODS:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "method", f"one of {', '.join(METHODS)}")
    if "schema" in settings:
        _check_schema(settings["schema"])
    _check_headers(secrets.get("httpRequestHeader", {}))
    if "basicAuth" in secrets and ":" in secrets["basicAuth"].get("username", ""):
        raise DomainError(ErrorCode.BAD_FORMAT, "basicAuth.username", "holds a colon")
    if "oauth2Auth" in settings:
        _check_oauth2(services, settings["oauth2Auth"], secrets.get("oauth2Auth", {}))
    keys = settings.get("signature", {}).get("cryptoKeyIds", [])
    if len(keys) > MOST_KEYS or not all(_KEY_ID.fullmatch(key) for key in keys):
        raise DomainError(
            ErrorCode.BAD_FORMAT, "signature.cryptoKeyIds", f"at most {MOST_KEYS} of 1 to 64 letters, digits, - or _"
        )


def _check_url(services: Services, address: str) -> None:
    if address.startswith(MAIL):
        raise DomainError(ErrorCode.BAD_FORMAT, "address", "must begin with https:// or http://")
    services.webhooks.check_address(address)


def _check_schema(schema: Any) -> None:
    if not isinstance(schema, dict | str):
        raise DomainError(ErrorCode.WRONG_TYPE, "schema", "an object, or a string that holds JSON")
    try:
        templates.check(schema)
    except templates.TemplateError as exc:
        raise DomainError(ErrorCode.BAD_FORMAT, "schema", str(exc)) from exc


def _check_headers(headers: Mapping[str, str]) -> None:
    if len(headers) > MOST_HEADERS:
        raise DomainError(ErrorCode.OUT_OF_RANGE, "httpRequestHeader", f"at most {MOST_HEADERS}")
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise DomainError(ErrorCode.BAD_FORMAT, "httpRequestHeader", "not an HTTP header")
        if _OURS.fullmatch(name):
            raise DomainError(ErrorCode.BAD_FORMAT, "httpRequestHeader", f"{name} is set by us")


def _check_oauth2(services: Services, said: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
    grant = said.get("grantType") or DEFAULT_GRANT
    if grant not in GRANTS:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "oauth2Auth.grantType", f"one of {', '.join(GRANTS)}")
    wanted = [("clientId", said), ("accessTokenUrl", said)]
    wanted += [("refreshToken", secrets)] if grant == DEFAULT_GRANT else [("clientSecret", secrets)]
    for name, where in wanted:
        if not where.get(name):
            raise DomainError(ErrorCode.MISSING, f"oauth2Auth.{name}")
    try:
        _check_url(services, said["accessTokenUrl"])
    except DomainError as exc:
        raise DomainError(exc.code, "oauth2Auth.accessTokenUrl", exc.detail) from exc


def renderer(services: Services, options: DialectOptions, egress: Egress) -> Render:
    tokens = WatchTokens(services.webhooks, egress)

    async def render(attempts: Sequence[Attempt]) -> Sequence[Rendered]:
        calls = await _Calls.of(services, options, attempts)

        async def one(attempt: Attempt) -> WebhookRequest | None:
            resource = await calls.resource(attempt.event)
            return None if resource is None else await _request(services, tokens, attempt, resource)

        return await singly(one)(attempts)

    return render


class _Calls:
    """What some attempts of one watch tell of: each call as it is now."""

    def __init__(self, services: Services, query: CallQuery, show: View[CallResource]) -> None:
        self._services = services
        self._query = query
        self._show = show
        self._found: dict[int, CallResource] = {}

    @classmethod
    async def of(cls, services: Services, options: DialectOptions, attempts: Sequence[Attempt]) -> _Calls:
        endpoint = attempts[0].endpoint
        properties = await services.accounts.properties(endpoint.account_id)
        show = call_view({item.id: item for item in properties}, options.base_url)
        calls = cls(services, CallQuery(account_id=endpoint.account_id, property_id=endpoint.property_id), show)
        if ids := {attempt.event.about for attempt in attempts if attempt.event.type in _SHOWN}:
            page = await services.calls.page(replace(calls._query, ids=tuple(ids)), show=show, fields=("id",))
            calls._found = dict(zip(page.column("id"), page.shown, strict=True))
        return calls

    async def resource(self, event: Event) -> dict[str, Any] | None:
        """None: it was deleted since, which is told by itself, or moved to a property whose calls the watch is not told."""
        if event.type is EventType.CALL_DELETED:
            return _identifiers(event)
        if event.type in _SHOWN:
            call = self._found.get(event.about)
        elif event.type is EventType.ENDPOINT_TEST:
            call = await self._newest()
        else:
            raise UnsendableError(f"a watch is told nothing of {event.type}")
        return None if call is None else msgspec.to_builtins(call)

    async def _newest(self) -> CallResource:
        """What a test tells."""
        query = replace(self._query, order=Order.STARTED_DESC)
        page = await self._services.calls.page(query, limit=1, show=self._show)
        if not page.shown:
            raise UnsendableError("there is no call yet")
        return page.shown[0]  # type: ignore[no-any-return]


def _identifiers(event: Event) -> dict[str, Any]:
    """What is left of a deleted call."""
    return {
        "id": str(event.detail["creation_seq"]),
        "buttonId": event.detail["button_hash"],
        "clientId": event.detail["client_id"],
        "externalId": event.detail["external_id"] or str(event.about),
    }


async def _request(
    services: Services, tokens: WatchTokens, attempt: Attempt, resource: dict[str, Any]
) -> WebhookRequest:
    settings = attempt.endpoint.settings
    method = settings.get("method", "POST")
    body = None if method in _WITHOUT_BODY else _body(settings.get("schema"), resource)
    own = dict(attempt.secrets.get("httpRequestHeader", {}))
    headers = {"X-Agendize-Event": WORDS[attempt.event.type]}
    if body is not None and not any(name.lower() == "content-type" for name in own):
        headers["Content-Type"] = "application/json"
    headers |= await _signatures(services, attempt, body or b"")
    if authorization := await _authorization(attempt, tokens):
        own = {name: value for name, value in own.items() if name.lower() != "authorization"}
        own["Authorization"] = authorization
    return WebhookRequest(
        method=method, address=_address(attempt.endpoint.address, resource), headers=headers, private_headers=own,
        body=body,
    )  # fmt: skip


def _address(address: str, resource: Mapping[str, Any]) -> str:
    try:
        return templates.render_address(address, resource)
    except templates.TemplateError as exc:
        raise UnsendableError(str(exc)) from exc


def _body(schema: templates.Template | None, resource: Mapping[str, Any]) -> bytes:
    if schema is None:
        return msgspec.json.encode(resource)
    try:
        return templates.render(schema, resource)
    except templates.TemplateError as exc:
        raise UnsendableError(str(exc)) from exc


async def _authorization(attempt: Attempt, tokens: WatchTokens) -> str | None:
    if "oauth2Auth" in attempt.endpoint.settings:
        return f"Bearer {await tokens.bearer(attempt)}"
    if basic := attempt.secrets.get("basicAuth"):
        pair = f"{basic.get('username', '')}:{basic.get('password', '')}"
        return f"Basic {b64encode(pair.encode()).decode()}"
    return None


async def _signatures(services: Services, attempt: Attempt, body: bytes) -> dict[str, str]:
    signature = attempt.endpoint.settings.get("signature", {})
    if not signature.get("enabled"):
        return {}
    account = await services.accounts.by_id(attempt.endpoint.account_id)
    return {
        SIGNATURE + key_id: sign(services.webhooks.signing_key(account.sid, key_id), body)
        for key_id in signature.get("cryptoKeyIds", [])
    }


def sign(key: bytes, body: bytes) -> str:
    """What the header of a key holds."""
    return hmac.new(key, body, hashlib.sha256).hexdigest()
