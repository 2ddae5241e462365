"""Webhooks: which addresses are told what happens, and how each of them does."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from ringtrail.dashboard.ledger import newest_of
from ringtrail.dashboard.site import AnyRequest, Site
from ringtrail.dashboard.webhook_rows import SLOTS, EndpointRow
from ringtrail.dashboard.webhook_scope import PATH, endpoint_of, endpoints_of, said_of, webhook_viewer_of
from ringtrail.model.account import Principal
from ringtrail.model.webhook import Endpoint

NEWEST = 10
"""Deliveries on an endpoint's page."""


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


@get(f"/fragments{PATH}/{{hash_:str}}/newest")
async def newest_fragment(
    hash_: FromPath[str], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str]:
    endpoint = await endpoint_of(site, principal, hash_)
    return site.page("ledger_rows.html", **await newest_of(site, principal, endpoint, NEWEST))


@get(f"{PATH}/{{hash_:str}}/remove")
async def remove_page(
    hash_: FromPath[str], site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> Response[str]:
    row = await _row(site, principal, await endpoint_of(site, principal, hash_))
    return site.page("webhook_remove.html", account=principal.account, row=row)


HANDLERS = (endpoints_page, endpoints_fragment, endpoint_page, endpoint_fragment, newest_fragment, remove_page)


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
        problem=problem, zone=principal.account.timezone, **await newest_of(site, principal, endpoint, NEWEST),
    )  # fmt: skip


async def _endpoints(site: Site, principal: Principal) -> dict[str, Any]:
    endpoints = await endpoints_of(site, principal)
    hashes = [endpoint.hash for endpoint in endpoints]
    health = await site.services.webhook_ledger.health(principal.account.id, hashes, attempts=SLOTS)
    viewer = await webhook_viewer_of(site, principal)
    return {
        "rows": [viewer.endpoint(endpoint, health.get(endpoint.hash)) for endpoint in endpoints],
        "many_properties": principal.property is None,
    }


async def _row(site: Site, principal: Principal, endpoint: Endpoint) -> EndpointRow:
    viewer = await webhook_viewer_of(site, principal)
    health = await site.services.webhook_ledger.health(principal.account.id, [endpoint.hash], attempts=SLOTS)
    return viewer.endpoint(endpoint, health.get(endpoint.hash))
