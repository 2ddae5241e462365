"""Events, pulled as they are pushed, and what became of each push."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from ringtrail.dialects.native.answers import json_answer
from ringtrail.dialects.native.endpoint_routes import check_kept, seen_endpoint
from ringtrail.dialects.native.event_ids import event_text, read_event
from ringtrail.dialects.native.events import events_out
from ringtrail.dialects.native.requests import refuse_parameters
from ringtrail.dialects.native.webhook_examples import EVENT_TYPES
from ringtrail.dialects.native.webhook_requests import (
    LedgerRequest,
    Pull,
    cursor_after,
    read_attempts,
    read_ledger,
    read_pull,
)
from ringtrail.dialects.native.webhook_responses import attempt_out, delivery_out
from ringtrail.dialects.native.webhook_structs import (
    AttemptList,
    DeliveryList,
    Due,
    EventList,
)
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import Event
from ringtrail.model.webhook import DeliveryRecord, LogQuery
from ringtrail.services import Services

AnyRequest = Request[Any, Any, Any]
_DELIVERY = "/deliveries/{event:str}/{endpoint:str}"


@get("/event-types")
async def event_types(request: AnyRequest, principal: NamedDependency[Principal]) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    return json_answer(EVENT_TYPES)


@get("/events")
async def pull_events(
    request: AnyRequest,
    services: NamedDependency[Services],
    options: NamedDependency[DialectOptions],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    pull = read_pull(request.scope["query_string"])
    account_id, property_id = principal.account.id, principal.property.id if principal.property else None
    found, next_after = await _pulled(services, account_id, property_id, pull)
    shown = await events_out(services, options, account_id, property_id, found)
    return json_answer(EventList(events=shown, next_after=event_text(next_after)))


async def _pulled(services: Services, account_id: int, property_id: int | None, pull: Pull) -> tuple[list[Event], int]:
    """(events, where to go on). A page that is not full goes on after the newest event there was before it was read, so that
    who filters does not fall behind what is kept."""
    if pull.from_at is not None:
        after = await services.webhook_ledger.newest_event(account_id, before=pull.from_at)
    else:
        after = pull.after or 0
    newest = await services.webhook_ledger.newest_event(account_id)
    found = await services.webhook_ledger.events(
        account_id, after=after, property_id=property_id, event_types=pull.event_types, limit=pull.limit
    )
    if pull.from_at is None:
        await check_kept(services, account_id, after)  # now: what is forgotten meanwhile would not be noticed before
    last = found[-1].id if found else after
    return found, last if len(found) == pull.limit else max(last, newest)


@get("/deliveries")
async def list_deliveries(
    request: AnyRequest, services: NamedDependency[Services], principal: NamedDependency[Principal]
) -> Response[bytes]:
    asked = read_ledger(request.scope["query_string"], principal)
    asked = replace(asked, query=await _visible(services, principal, asked.query))
    found, has_more = await _page(services, asked)
    cursor = cursor_after(found[-1].event_id, found[-1].endpoint_hash) if has_more else None
    shown = [delivery_out(item, principal.account) for item in found]
    return json_answer(DeliveryList(deliveries=shown, next_cursor=cursor))


async def _visible(services: Services, principal: Principal, query: LogQuery) -> LogQuery:
    """A token of one property sees what its endpoints are told of it: an endpoint may have been another's, or everybody's."""
    if principal.property is None:
        return query
    seen = [item.hash for item in await services.webhooks.list(query.account_id) if principal.sees(item.property_id)]
    if query.endpoint_hashes is not None:
        seen = [hash_ for hash_ in seen if hash_ in query.endpoint_hashes]
    return replace(query, endpoint_hashes=seen, property_id=principal.property.id)


async def _page(services: Services, asked: LedgerRequest) -> tuple[list[DeliveryRecord], bool]:
    """The deliveries behind the cursor: the rest of its event's, then those of older events."""
    found: list[DeliveryRecord] = []
    query = asked.query
    if asked.past is not None:
        event_id, hash_ = asked.past
        if query.event_id in (None, event_id):
            same, _ = await services.webhook_ledger.deliveries(
                replace(query, event_id=event_id), limit=_ENDPOINTS_AT_MOST
            )
            found = [item for item in same if item.endpoint_hash > hash_]
        query = replace(query, before=event_id)
    older, _ = await services.webhook_ledger.deliveries(query, limit=asked.limit + 1)
    found += older
    return found[: asked.limit], len(found) > asked.limit


_ENDPOINTS_AT_MOST = 10_000  # that one event is told to; dynamic ones are told one by one


@get(f"{_DELIVERY}/attempts")
async def list_attempts(
    request: AnyRequest,
    event: FromPath[str],
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    before, limit = read_attempts(request.scope["query_string"])
    query = await _of_delivery(services, principal, event, endpoint)
    found, _ = await services.webhook_ledger.attempts(replace(query, before=before), limit=limit + 1)
    page = found[:limit]
    cursor = str(page[-1].id) if len(found) > limit else None
    return json_answer(AttemptList(attempts=[attempt_out(item) for item in page], next_cursor=cursor))


@post(f"{_DELIVERY}/replay")
async def replay_one(
    request: AnyRequest,
    event: FromPath[str],
    endpoint: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    found = await seen_endpoint(services, principal, endpoint)
    event_id = read_event(event)
    if event_id is None:
        raise DomainError(ErrorCode.NOT_FOUND, detail="there is no event with this id")
    await services.webhooks.replay_one(found, event_id)
    return json_answer(Due(due=1), 202)


async def _of_delivery(services: Services, principal: Principal, event: str, endpoint: str) -> LogQuery:
    """What finds one delivery. DomainError NOT_FOUND, also for one that the asker may not see."""
    found, event_id = await seen_endpoint(services, principal, endpoint), read_event(event)
    query = LogQuery(
        account_id=principal.account.id, endpoint_hashes=[found.hash], event_id=event_id,
        property_id=principal.property.id if principal.property else None,
    )  # fmt: skip
    records, _ = await services.webhook_ledger.deliveries(query, limit=1) if event_id is not None else ([], None)
    if not records:
        raise DomainError(ErrorCode.NOT_FOUND, detail="this event was never due to this endpoint")
    return query


ROUTES = (event_types, pull_events, list_deliveries, list_attempts, replay_one)
