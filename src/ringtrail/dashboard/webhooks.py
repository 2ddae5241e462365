"""Webhooks: which addresses are told what happens, and how each of them does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from ringtrail.dashboard.calls import viewer_of
from ringtrail.dashboard.rows import Viewer
from ringtrail.dashboard.site import AnyRequest, Site
from ringtrail.dashboard.webhook_rows import SLOTS, EndpointRow, WebhookViewer
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.webhook import Endpoint

PATH = "/webhooks"

SAID: Mapping[str, str] = {
    "test": "A test is on its way.",
    "disable": "Disabled. What happens from now on is not told there; what waits is kept.",
    "enable": "Enabled. Events that it missed and that are on their way now: {count}.",
    "anew": "Enabled. It is told what happens from now on.",
    "remove": "Removed, with its log.",
    "again": "It is on its way again.",
    "replay": "Events that are on their way again: {count}.",
}
"""What was done."""


@get(PATH)
async def endpoints_page(
    request: AnyRequest, site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str]:
    values = await _endpoints(site, principal)
    return site.page("webhooks.html", account=principal.account, said=said_of(request), **values)


@get(f"/fragments{PATH}")
async def endpoints_fragment(site: NamedDependency[Site], principal: NamedDependency[Principal]) -> Response[str]:
    return site.page("webhooks_list.html", **await _endpoints(site, principal))


@get(f"{PATH}/{{hash_:str}}")
async def endpoint_page(
    request: AnyRequest, hash_: FromPath[str], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str]:
    return await shown(site, principal, await endpoint_of(site, principal, hash_), said=said_of(request))


@get(f"/fragments{PATH}/{{hash_:str}}")
async def endpoint_fragment(
    hash_: FromPath[str], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str]:
    endpoint = await endpoint_of(site, principal, hash_)
    return site.page("webhook_now.html", row=await _row(site, principal, endpoint))


@get(f"{PATH}/{{hash_:str}}/remove")
async def remove_page(
    hash_: FromPath[str], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str]:
    row = await _row(site, principal, await endpoint_of(site, principal, hash_))
    return site.page("webhook_remove.html", account=principal.account, row=row)


HANDLERS = (endpoints_page, endpoints_fragment, endpoint_page, endpoint_fragment, remove_page)


async def endpoint_of(site: Site, principal: Principal, hash_: str) -> Endpoint:
    """DomainError NOT_FOUND if it is not this principal's."""
    sound = hash_.isascii() and hash_.isalnum()  # the database refuses some of what a path can hold
    found = await site.services.webhooks.by_hash(principal.account.id, hash_) if sound else None
    if found is None or not principal.sees(found.property_id):
        raise DomainError(ErrorCode.NOT_FOUND)
    return found


async def endpoints_of(site: Site, principal: Principal) -> list[Endpoint]:
    """Those that the principal sees; dynamic ones are in no list."""
    found = await site.services.webhooks.list(principal.account.id)
    return [endpoint for endpoint in found if principal.sees(endpoint.property_id)]


async def webhook_viewer_of(site: Site, principal: Principal) -> WebhookViewer:
    viewer: Viewer = await viewer_of(site, principal)
    properties = await site.services.accounts.properties(principal.account.id)
    return WebhookViewer(viewer, {item.id: item.name for item in properties})


async def shown(
    site: Site,
    principal: Principal,
    endpoint: Endpoint,
    *,
    said: str | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response[str]:
    """An endpoint's page. said: what was done. problem: why something was not."""
    return site.page(
        "webhook.html", status, account=principal.account, row=await _row(site, principal, endpoint), said=said,
        problem=problem, zone=principal.account.timezone,
    )  # fmt: skip


def said_of(request: AnyRequest) -> str | None:
    """What the page before says that it did; whoever makes such a link himself is told a lie, no more."""
    query = parse_query(request.scope["query_string"])
    done, count = (query.get(name, [""])[0] for name in ("done", "count"))
    shown_count = count[:12] if count.isascii() and count.isdigit() else "none"
    return SAID[done].format(count=shown_count) if done in SAID else None


async def _endpoints(site: Site, principal: Principal) -> dict[str, Any]:
    endpoints = await endpoints_of(site, principal)
    hashes = [endpoint.hash for endpoint in endpoints]
    health = await site.services.webhooks.health(principal.account.id, hashes, attempts=SLOTS)
    viewer = await webhook_viewer_of(site, principal)
    return {
        "rows": [viewer.endpoint(endpoint, health.get(endpoint.hash)) for endpoint in endpoints],
        "many_properties": principal.property is None,
    }


async def _row(site: Site, principal: Principal, endpoint: Endpoint) -> EndpointRow:
    viewer = await webhook_viewer_of(site, principal)
    health = await site.services.webhooks.health(principal.account.id, [endpoint.hash], attempts=SLOTS)
    return viewer.endpoint(endpoint, health.get(endpoint.hash))
