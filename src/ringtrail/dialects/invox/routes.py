"""GET /api/v2/calls: the calls of a token's account, streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Router, get
from litestar.response import Stream

from ringtrail.dialects.invox.auth import principal_of
from ringtrail.dialects.invox.reference import REFERENCE
from ringtrail.dialects.invox.requests import call_query, zone_of
from ringtrail.dialects.invox.responses import CallItem, Presentation, json_array
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.reference import document_route
from ringtrail.model.account import Account
from ringtrail.model.query import CallPage, CallQuery
from ringtrail.model.view import View
from ringtrail.services import Services

PREFIX = "/api/v2"
PAGE_CALLS = 5_000
_KEPT = ("ended_at",)  # what the pages go by, besides what they show


def build(services: Services, options: DialectOptions) -> Router:
    @get("/calls")
    async def calls(request: Request[Any, Any, Any]) -> Stream:
        principal = await principal_of(services, request.headers.get("x-api-key"))
        query = call_query(request.scope["query_string"], principal)
        show = (await presentation(services, principal.account, zone_of(principal.property), options)).view()
        # Read before the answer begins: a database that is away is a 503, not half an array.
        first = await services.calls.page(query, limit=PAGE_CALLS, fields=_KEPT, show=show)
        pages = _pages(services, query, first, show)
        if options.invox_holds_unfinished:
            pages = _until_unfinished(pages)
        return Stream(json_array(pages), media_type="application/json")

    return Router(path=PREFIX, route_handlers=[calls, document_route(REFERENCE, options.base_url)])


async def presentation(services: Services, account: Account, zone: ZoneInfo, options: DialectOptions) -> Presentation:
    properties = await services.accounts.properties(account.id)
    return Presentation(
        zone=zone,
        country=account.country,
        base_url=options.base_url,
        national_numbers=options.invox_national_numbers,
        masked_properties=frozenset(item.id for item in properties if item.masks_callers),
        recording_key=services.recording_links.keys(account.id),
    )


async def _pages(services: Services, query: CallQuery, page: CallPage, show: View[CallItem]) -> AsyncIterator[CallPage]:
    """All pages from `page` on, each by the last id of the one before; no connection is held between them."""
    yield page
    while page.has_more:
        query = replace(query, created_after=page.last.creation_seq)
        page = await services.calls.page(query, limit=PAGE_CALLS, fields=_KEPT, show=show)
        yield page


async def _until_unfinished(pages: AsyncIterator[CallPage]) -> AsyncIterator[CallPage]:
    """Everything before the first unfinished call: a client that resumes after its last id will then miss no ending."""
    async for page in pages:
        ended = sum(1 for _ in takewhile(lambda ended_at: ended_at is not None, page.column("ended_at")))
        yield page._replace(shown=page.shown[:ended])
        if ended < len(page.rows):
            return
