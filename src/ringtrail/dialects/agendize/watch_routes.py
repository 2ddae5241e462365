"""Handlers of watches, and of the log of what was sent for them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Request, Response
from litestar.params import FromPath
from msgspec import UNSET

from ringtrail.dialects.agendize.auth import authenticate
from ringtrail.dialects.agendize.bodies import read_object
from ringtrail.dialects.agendize.requests import hash_in_path, single
from ringtrail.dialects.agendize.watch_requests import OBJECT_TYPES, overlaid, parse_watch
from ringtrail.dialects.agendize.watch_responses import (
    RequestList,
    RequestResource,
    WatchList,
    WatchResource,
    WatchWords,
    status_of,
)
from ringtrail.dialects.agendize.webhooks import EVENT_TYPES, WORDS, check_watch
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import EventType
from ringtrail.model.webhook import DeliveryRecord, Endpoint, LogQuery
from ringtrail.services import Services

DIALECT = "agendize"
PAGE_SIZE = 100
SHOWN_FOR = timedelta(days=10)
"""After what was sent happened; the vendor's. The ledger keeps it for longer."""
_REQUEST_ID = re.compile(r"([1-9][0-9]{0,17})-([A-Z0-9]{8})")
_POSITION = re.compile(r"[1-9][0-9]{0,17}")
_Request = Request[Any, Any, Any]


class WatchRoutes:
    def __init__(self, services: Services, options: DialectOptions) -> None:
        self._services = services
        self._base_url = options.base_url

    def __deepcopy__(self, memo: dict[int, Any]) -> WatchRoutes:
        """Litestar copies a handler for each of its paths; what the handlers work on stays one."""
        return self

    async def watch_calls(self, request: _Request) -> WatchResource:
        principal = await self._principal(request)
        sent = parse_watch(await read_object(request), new=True)
        settings, secrets = overlaid({}, {}, sent)
        check_watch(self._services, sent["address"], settings, secrets)
        endpoint = await self._services.webhooks.add(
            principal.account.id,
            DIALECT,
            address=sent["address"],
            event_types=_event_types(sent),
            name=sent.get("name") or "",
            property_id=await self._owner(principal, sent),
            enabled=sent.get("status") != "disabled",
            settings=settings,
            secrets=secrets,
        )
        return (await self._words(principal)).watch(endpoint)

    async def list_watches(self, request: _Request) -> WatchList:
        query = parse_query(request.scope["query_string"])
        principal = await authenticate(request, query, self._services)
        wanted = single(query, "objectType") or "call"
        if wanted not in OBJECT_TYPES:
            raise DomainError(ErrorCode.UNKNOWN_VALUE, "objectType", f"one of {', '.join(OBJECT_TYPES)}")
        found = await self._watches(principal) if OBJECT_TYPES[wanted] else []
        words = await self._words(principal)
        return WatchList(items=[words.watch(endpoint) for endpoint in found])

    async def get_watch(self, request: _Request, watch_id: FromPath[str]) -> WatchResource:
        principal = await self._principal(request)
        return (await self._words(principal)).watch(await self._watch(principal, watch_id))

    async def change_watch(self, request: _Request, watch_id: FromPath[str]) -> WatchResource:
        principal = await self._principal(request)
        endpoint = await self._watch(principal, watch_id)
        sent = parse_watch(await read_object(request), new=False)
        known = await self._services.webhooks.secrets(endpoint)
        settings, secrets = overlaid(endpoint.settings, known, sent)
        address = sent.get("address", endpoint.address)
        check_watch(self._services, address, settings, secrets)
        changed = replace(
            endpoint,
            address=address,
            name=(sent["name"] or "") if "name" in sent else endpoint.name,
            event_types=_event_types(sent) if "events" in sent else endpoint.event_types,
            property_id=await self._owner(principal, sent) if "objectOwner" in sent else endpoint.property_id,
            settings=settings,
        )
        changed = await self._services.webhooks.change(
            changed,
            enabled=sent["status"] != "disabled" if "status" in sent else None,
            secrets=None if secrets == known else lambda now: overlaid(endpoint.settings, now, sent)[1],
        )
        return (await self._words(principal)).watch(changed)

    async def delete_watch(self, request: _Request, watch_id: FromPath[str]) -> Response[bytes]:
        principal = await self._principal(request)
        endpoint = await self._watch(principal, watch_id)
        await self._services.webhooks.delete(principal.account.id, endpoint.hash)
        return Response(b"")

    # --- what was sent ---

    async def list_requests(self, request: _Request) -> RequestList:
        query = parse_query(request.scope["query_string"])
        principal = await authenticate(request, query, self._services)
        watches = {endpoint.hash: endpoint for endpoint in await self._watches(principal)}
        token = single(query, "pageToken")
        if token and not _POSITION.fullmatch(token):
            raise DomainError(ErrorCode.BAD_FORMAT, "pageToken", "not one of ours")
        wanted = LogQuery(
            account_id=principal.account.id, endpoint_hashes=list(watches), event_types=tuple(WORDS),
            after=await self._forgotten(principal), before=int(token) if token else None,
        )  # fmt: skip
        found, _ = await self._services.webhook_ledger.deliveries(wanted, limit=PAGE_SIZE + len(watches))
        page, rest = _whole_events(found)
        return RequestList(
            items=await self._requests(principal, page, watches),
            next_page_token=str(page[-1].event_id) if rest else UNSET,
        )

    async def get_error(self, request: _Request, request_id: FromPath[str]) -> RequestResource:
        principal = await self._principal(request)
        record, endpoint = await self._error(principal, request_id)
        (shown,) = await self._requests(principal, [record], {endpoint.hash: endpoint})
        return shown

    async def delete_error(self, request: _Request, request_id: FromPath[str]) -> Response[bytes]:
        """Forget it: it is not tried again, and not listed."""
        principal = await self._principal(request)
        record, endpoint = await self._error(principal, request_id)
        await self._services.webhooks.forget(endpoint, record.event_id)
        return Response(b"")

    async def _error(self, principal: Principal, request_id: str) -> tuple[DeliveryRecord, Endpoint]:
        """A request that has failed, for good or so far."""
        match = _REQUEST_ID.fullmatch(request_id.upper())
        if match is not None:
            endpoint = await self._watch(principal, match[2])
            query = LogQuery(
                account_id=principal.account.id, endpoint_hashes=[endpoint.hash], event_types=tuple(WORDS),
                event_id=int(match[1]), after=await self._forgotten(principal),
            )  # fmt: skip
            found, _ = await self._services.webhook_ledger.deliveries(query)
            if found and status_of(found[0]) in ("failed", "retrying"):
                return found[0], endpoint
        raise DomainError(ErrorCode.NOT_FOUND, detail="no such error")

    async def _requests(
        self, principal: Principal, page: list[DeliveryRecord], watches: dict[str, Endpoint]
    ) -> list[RequestResource]:
        newest = await self._services.webhook_ledger.newest_attempts(principal.account.id, page)
        words = await self._words(principal)
        return [
            words.request(record, newest.get((record.event_id, record.endpoint_hash)), watches[record.endpoint_hash])
            for record in page
        ]

    async def _forgotten(self, principal: Principal) -> int:
        """The newest event that is no longer shown."""
        return await self._services.webhook_ledger.newest_event(
            principal.account.id, before=datetime.now(UTC) - SHOWN_FOR
        )

    # --- whose they are ---

    async def _principal(self, request: _Request) -> Principal:
        return await authenticate(request, parse_query(request.scope["query_string"]), self._services)

    async def _watches(self, principal: Principal) -> list[Endpoint]:
        found = await self._services.webhooks.list(principal.account.id, dialect=DIALECT)
        return [endpoint for endpoint in found if principal.sees(endpoint.property_id)]

    async def _watch(self, principal: Principal, hash_: str) -> Endpoint:
        found = await self._services.webhooks.by_hash(principal.account.id, hash_in_path(hash_), dialect=DIALECT)
        if found is None or not principal.sees(found.property_id):
            raise DomainError(ErrorCode.NOT_FOUND, detail="no such watcher")
        return found

    async def _owner(self, principal: Principal, sent: dict[str, Any]) -> int | None:
        """The property whose calls are watched; None: the whole account. UNKNOWN_VALUE for what the key may not see."""
        bound, owner = principal.property, sent.get("objectOwner")
        if owner is None:
            return bound.id if bound else None
        sid = owner["id"].upper()
        if sid == principal.account.sid and bound is None:
            return None
        found = await self._services.accounts.property_by_sid(principal.account.id, sid)
        if found is None or (bound is not None and bound.id != found.id):
            raise DomainError(
                ErrorCode.UNKNOWN_VALUE, "objectOwner.id", "neither the account nor one of its properties"
            )
        return found.id

    async def _words(self, principal: Principal) -> WatchWords:
        properties = await self._services.accounts.properties(principal.account.id)
        return WatchWords(principal.account, properties, self._base_url)


def _event_types(sent: dict[str, Any]) -> tuple[EventType, ...]:
    """Each once, in the vendor's order; not said: all."""
    wanted = sent.get("events") or EVENT_TYPES
    return tuple(type_ for word, type_ in EVENT_TYPES.items() if word in wanted)


def _whole_events(found: list[DeliveryRecord]) -> tuple[list[DeliveryRecord], bool]:
    """(a page that ends with all requests of its last event, whether there is more): the next page begins after that event.

    One more event's worth of requests than a page was read.
    """
    if len(found) <= PAGE_SIZE:
        return found, False
    last = found[PAGE_SIZE - 1].event_id
    page = [record for record in found if record.event_id >= last]
    return page, len(page) < len(found)
