"""What the pages of webhooks share: which endpoints somebody sees, and what was just done to them."""

from __future__ import annotations

from collections.abc import Mapping

from ringtrail.dashboard.calls import viewer_of
from ringtrail.dashboard.site import AnyRequest, Site
from ringtrail.dashboard.webhook_rows import WebhookViewer
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
    viewer = await viewer_of(site, principal)
    properties = await site.services.accounts.properties(principal.account.id)
    return WebhookViewer(viewer, {item.id: item.name for item in properties})


def said_of(request: AnyRequest) -> str | None:
    """What the page before says that it did; whoever makes such a link himself is told a lie, no more."""
    query = parse_query(request.scope["query_string"])
    done, count = (query.get(name, [""])[0] for name in ("done", "count"))
    shown_count = count[:12] if count.isascii() and count.isdigit() else "none"
    return SAID[done].format(count=shown_count) if done in SAID else None
