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
from ringtrail.dialects.invox.responses import FIELDS, Presentation, json_array
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.reference import document_route
from ringtrail.model.account import Account
from ringtrail.model.query import CallPage, CallQuery
from ringtrail.services import Services

PREFIX = "/api/v2"
PAGE_CALLS = 2_000


def build(services: Services, options: DialectOptions) -> Router:
    @get("/calls")
    async def calls(request: Request[Any, Any, Any]) -> Stream:
        principal = await principal_of(services, request.headers.get("x-api-key"))
        query = call_query(request.scope["query_string"], principal)
        shown = await presentation(services, principal.account, zone_of(principal.property), options)
        # Read before the answer begins: a database that is away is a 503, not half an array.
        first = await services.calls.page(query, limit=PAGE_CALLS, fields=FIELDS, show=shown.call)
        pages = _pages(services, query, first, shown)
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
        recording_key=lambda hash_: services.recording_links.key(account.id, hash_),
    )


async def _pages(services: Services, query: CallQuery, page: CallPage, shown: Presentation) -> AsyncIterator[CallPage]:
    """All pages from `page` on, each by the last id of the one before; no connection is held between them."""
    yield page
    while page.has_more:
        query = replace(query, created_after=page.records[-1].creation_seq)
        page = await services.calls.page(query, limit=PAGE_CALLS, fields=FIELDS, show=shown.call)
        yield page


async def _until_unfinished(pages: AsyncIterator[CallPage]) -> AsyncIterator[CallPage]:
    """Everything before the first unfinished call: a client that resumes after its last id will then miss no ending."""
    async for page in pages:
        ended = sum(1 for _ in takewhile(lambda record: record.ended_at is not None, page.records))
        yield page._replace(shown=page.shown[:ended])
        if ended < len(page.records):
            return
