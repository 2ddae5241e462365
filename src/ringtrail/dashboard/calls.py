"""The first page and its two fragments: live calls, latest calls."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from ringtrail.dashboard.rows import Viewer
from ringtrail.dashboard.site import Site
from ringtrail.dashboard.words import spoken_text
from ringtrail.model.account import Principal
from ringtrail.model.query import CallQuery, Order

LATEST, MOST_LIVE = 50, 100


@get("/")
async def first_page(site: NamedDependency[Site], principal: NamedDependency[Principal]) -> Response[str]:
    values = await _live(site, principal) | await _latest(site, principal)
    return site.page("first.html", account=principal.account, login=principal.login, **values)


@get("/fragments/live")
async def live_fragment(site: NamedDependency[Site], principal: NamedDependency[Principal]) -> Response[str]:
    return site.page("live.html", **await _live(site, principal))


@get("/fragments/latest")
async def latest_fragment(site: NamedDependency[Site], principal: NamedDependency[Principal]) -> Response[str]:
    return site.page("latest.html", **await _latest(site, principal))


HANDLERS = (first_page, live_fragment, latest_fragment)


async def viewer_of(site: Site, principal: Principal) -> Viewer:
    properties = await site.services.accounts.properties(principal.account.id)
    return Viewer(principal.account, frozenset(item.id for item in properties if item.masks_callers), site.now())


async def _live(site: Site, principal: Principal) -> dict[str, Any]:
    viewer = await viewer_of(site, principal)
    query = CallQuery(
        account_id=principal.account.id, property_id=_own_property(principal), only_in_progress=True,
        order=Order.STARTED_DESC,
    )  # fmt: skip
    page = await site.services.calls.page(query, limit=MOST_LIVE)
    midnight = datetime.combine(viewer.now.astimezone(viewer.zone), time(), viewer.zone).astimezone(UTC)
    today = CallQuery(account_id=principal.account.id, property_id=_own_property(principal), from_at=midnight)
    days = await site.services.calls.day_totals(today, principal.account.timezone)
    return {
        "live": [viewer.row(record) for record in page.records],
        "more_live": page.has_more,
        "calls_today": sum(day.calls for day in days),
        "talk_today": spoken_text(sum(day.talk_s for day in days)),
    }


async def _latest(site: Site, principal: Principal) -> dict[str, Any]:
    viewer = await viewer_of(site, principal)
    query = CallQuery(account_id=principal.account.id, property_id=_own_property(principal), order=Order.STARTED_DESC)
    page = await site.services.calls.page(query, limit=LATEST)
    numbers: list[tuple[str, str, str | None]] = []
    if not page.records:
        found, _ = await site.services.numbers.find(principal.account.id, limit=5)
        numbers = [(viewer.number(did.number_e164), did.number_e164, did.friendly_name) for did in found]
    return {"days": viewer.days(page.records), "numbers": numbers, "zone": principal.account.timezone}


def _own_property(principal: Principal) -> int | None:
    return principal.property.id if principal.property else None
