"""The page updates itself: /live says that something changed, the page fetches its fragments again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from litestar import get
from litestar.di import NamedDependency
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from ringtrail.dashboard.feed import ChangeFeed
from ringtrail.dashboard.login import COOKIE
from ringtrail.dashboard.site import AnyRequest, Site
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError
from ringtrail.services import Services

HEARTBEAT_S = 15.0  # proxies cut what is silent for longer; the session is looked at again with each
MIN_GAP_S = 0.5  # between two updates of one page, however many calls there are
RECONNECT_MS = 2_000


@get("/live")
async def live(
    request: AnyRequest, site: NamedDependency[Site], principal: NamedDependency[Principal]
) -> ServerSentEvent:
    """`event: calls` whenever the account's calls changed; what changed is fetched from the fragments."""
    token = request.cookies.get(COOKIE, "")
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    stream = _stream(site.feed, site.services, principal.account.id, token)
    return ServerSentEvent(stream, retry_duration=RECONNECT_MS, headers=headers)


async def _stream(
    feed: ChangeFeed, services: Services, account_id: int, token: str
) -> AsyncIterator[ServerSentEventMessage]:
    with feed.page(account_id) as page:
        yield ServerSentEventMessage(comment="listening")
        while not page.closed:
            try:
                async with asyncio.timeout(HEARTBEAT_S):  # not wait_for: Python 3.11's can swallow a cancellation
                    await page.changed.wait()
            except TimeoutError:
                if not await _is_open(services, token):
                    return
                yield ServerSentEventMessage(comment="still here")
                continue
            page.changed.clear()
            if not page.closed:
                yield ServerSentEventMessage(event="calls", data="changed")
                await asyncio.sleep(MIN_GAP_S)


async def _is_open(services: Services, token: str) -> bool:
    """Whether the session still lives. A database that is away is no reason to end the stream."""
    try:
        return await services.accounts.by_session(token) is not None
    except DomainError:
        return True


HANDLERS = (live,)
