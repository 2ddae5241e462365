"""The ledger: what was told to whom, what they answered, and how each try went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from ringtrail.dashboard import ledger_filters
from ringtrail.dashboard import webhook_words as words
from ringtrail.dashboard.ledger_filters import Filters
from ringtrail.dashboard.site import AnyRequest, Site
from ringtrail.dashboard.webhook_abouts import abouts_of
from ringtrail.dashboard.webhook_rows import DeliveryRow
from ringtrail.dashboard.webhook_scope import PATH, endpoint_of, endpoints_of, said_of, webhook_viewer_of
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import MEANING, Event, EventType
from ringtrail.model.webhook import DeliveryRecord, Endpoint, LogQuery
from ringtrail.services.webhooks import MOST_ENDPOINTS

LEDGER = f"{PATH}/ledger"
PAGE = 50
MOST_TO_ONE_EVENT = MOST_ENDPOINTS + 1
"""Deliveries of one event: to the account's endpoints, and to one that it names."""
MOST_ATTEMPTS = 30
_MOST_ID = 2**63 - 1


@get(LEDGER)
async def ledger_page(
    request: AnyRequest, site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str]:
    filters, before = await _asked(request, site, principal)
    endpoints = await endpoints_of(site, principal)
    chosen = filters.given["endpoint"]
    if chosen and chosen not in {endpoint.hash for endpoint in endpoints}:
        endpoints.append(await endpoint_of(site, principal, chosen))
    values = await _ledger(site, principal, filters, before)
    return site.page(
        "ledger.html", 400 if filters.problems else 200, account=principal.account, filters=filters,
        endpoints=[(item.hash, words.visible(words.endpoint_text(item))) for item in endpoints],
        types=[(type_.value, words.event_text(type_)) for type_ in EventType], states=list(ledger_filters.STATES.items()),
        zone=principal.account.timezone, **values,
    )  # fmt: skip


@get(f"/fragments{LEDGER}")
async def ledger_fragment(
    request: AnyRequest, site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str]:
    filters, before = await _asked(request, site, principal)
    return site.page("ledger_rows.html", **await _ledger(site, principal, filters, before))


@get(f"{PATH}/{{hash_:str}}/events/{{event_id:int}}")
async def delivery_page(
    request: AnyRequest,
    hash_: FromPath[str],
    event_id: FromPath[int],
    site: NamedDependency[Site],
    principal: NamedDependency[Principal],
) -> Response[str]:
    endpoint = await endpoint_of(site, principal, hash_)
    record = await delivery_of(site, principal, endpoint, event_id)
    return await shown(site, principal, endpoint, record, said=said_of(request))


@get(f"/fragments{PATH}/{{hash_:str}}/events/{{event_id:int}}")
async def delivery_fragment(
    hash_: FromPath[str],
    event_id: FromPath[int],
    site: NamedDependency[Site],
    principal: NamedDependency[Principal],
) -> Response[str]:
    endpoint = await endpoint_of(site, principal, hash_)
    record = await delivery_of(site, principal, endpoint, event_id)
    return site.page("delivery_now.html", **await _delivery(site, principal, endpoint, record))


HANDLERS = (ledger_page, ledger_fragment, delivery_page, delivery_fragment)


async def delivery_of(site: Site, principal: Principal, endpoint: Endpoint, event_id: int) -> DeliveryRecord:
    """DomainError NOT_FOUND if there is none, or its event is not this principal's to see."""
    query = replace(await _scope(site, principal, endpoint), event_id=min(event_id, _MOST_ID))
    found, _ = await site.services.webhook_ledger.deliveries(query, limit=1)
    if not found:
        raise DomainError(ErrorCode.NOT_FOUND)
    return found[0]


async def shown(
    site: Site,
    principal: Principal,
    endpoint: Endpoint,
    record: DeliveryRecord,
    *,
    said: str | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response[str]:
    """A delivery's page. said: what was done. problem: why something was not."""
    values = await _delivery(site, principal, endpoint, record)
    event = await _event(site, principal, record)
    detail = msgspec.json.encode(event.detail).decode() if event and event.detail else ""
    return site.page(
        "delivery.html", status, account=principal.account, said=said, problem=problem, type=record.event_type,
        meaning=MEANING.get(EventType(record.event_type), ""), detail=words.body_text(detail, ""),
        enabled=endpoint.enabled, **values,
    )  # fmt: skip


async def newest_of(site: Site, principal: Principal, endpoint: Endpoint, count: int) -> dict[str, Any]:
    """The newest deliveries to one endpoint, as a ledger without further pages."""
    found, _ = await site.services.webhook_ledger.deliveries(await _scope(site, principal, endpoint), limit=count)
    return _table(await _days(site, principal, found))


def _table(days: list[tuple[str, list[DeliveryRow]]], **more: Any) -> dict[str, Any]:
    return {"days": days, "older": None, "newest": None, "nothing": "Nothing was told yet.", **more}


async def _scope(site: Site, principal: Principal, endpoint: Endpoint | None) -> LogQuery:
    """What the principal sees, of one endpoint or of all."""
    own = principal.property
    hashes = [endpoint.hash] if endpoint else None
    if hashes is None and own:
        hashes = [item.hash for item in await endpoints_of(site, principal)]
    return LogQuery(account_id=principal.account.id, endpoint_hashes=hashes, property_id=own.id if own else None)


async def _asked(request: AnyRequest, site: Site, principal: Principal) -> tuple[Filters, int | None]:
    query = parse_query(request.scope["query_string"])
    before = query.get("before", [""])[0]
    sound = before.isascii() and before.isdigit() and int(before) <= _MOST_ID
    return ledger_filters.read(query, ZoneInfo(principal.account.timezone)), int(before) if sound else None


async def _ledger(site: Site, principal: Principal, filters: Filters, before: int | None) -> dict[str, Any]:
    """A page of whole events: one that is told to several endpoints is not cut in two."""
    chosen = filters.given["endpoint"]
    endpoint = await endpoint_of(site, principal, chosen) if chosen else None
    query = replace(await _scope(site, principal, endpoint), before=before, **filters.wanted)
    found: list[DeliveryRecord] = []
    if not filters.problems:
        found, _ = await site.services.webhook_ledger.deliveries(query, limit=PAGE + MOST_TO_ONE_EVENT)
    end = min(PAGE, len(found))
    while 0 < end < len(found) and found[end].event_id == found[end - 1].event_id:
        end += 1
    older = filters.address(LEDGER, before=found[end - 1].event_id) if end < len(found) else None
    return _table(
        await _days(site, principal, found[:end]),
        older=older,
        newest=filters.address(LEDGER) if before is not None else None,
        nothing=_nothing(filters),
        fragment=filters.address(f"/fragments{LEDGER}") if before is None and not filters.problems else None,
    )


def _nothing(filters: Filters) -> str:
    if filters.problems:
        return "Correct the filter to see something."
    return "Nothing in the ledger fits." if filters.active else "Nothing was told yet."


async def _days(
    site: Site, principal: Principal, records: Sequence[DeliveryRecord]
) -> list[tuple[str, list[DeliveryRow]]]:
    viewer = await webhook_viewer_of(site, principal)
    endpoints = {item.hash: item for item in await endpoints_of(site, principal)}
    for hash_ in {record.endpoint_hash for record in records} - endpoints.keys():  # dynamic ones
        found = await site.services.webhooks.by_hash(principal.account.id, hash_)
        endpoints |= {hash_: found} if found else {}
    abouts = await abouts_of(site, principal, viewer.viewer, records)
    return viewer.days(
        viewer.delivery(record, endpoints.get(record.endpoint_hash), about)
        for record, about in zip(records, abouts, strict=True)
    )


async def _delivery(site: Site, principal: Principal, endpoint: Endpoint, record: DeliveryRecord) -> dict[str, Any]:
    viewer = await webhook_viewer_of(site, principal)
    (about,) = await abouts_of(site, principal, viewer.viewer, [record])
    query = replace(await _scope(site, principal, endpoint), event_id=record.event_id)
    attempts, _ = await site.services.webhook_ledger.attempts(query, limit=MOST_ATTEMPTS + 1)
    return {
        "row": viewer.delivery(record, endpoint, about),
        "at": viewer.moment(record.event_at),
        "attempts": [viewer.attempt(attempt) for attempt in attempts[:MOST_ATTEMPTS]],
        "more": len(attempts) > MOST_ATTEMPTS,
    }


async def _event(site: Site, principal: Principal, record: DeliveryRecord) -> Event | None:
    """None: a test, which says nothing."""
    found = await site.services.webhook_ledger.events(principal.account.id, after=record.event_id - 1, limit=1)
    return found[0] if found and found[0].id == record.event_id else None
