"""Who has to look again: PostgreSQL tells one listener a process, the listener tells every open page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

import structlog

from ringtrail.model.errors import DomainError
from ringtrail.services import Services
from ringtrail.services.calls import Calls

log = structlog.get_logger("ringtrail.dashboard")

FIRST_RETRY_S, MAX_RETRY_S = 0.5, 10.0


class Page:
    """One open page: whether something changed since it was last told."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.closed = False


class ChangeFeed:
    """One LISTEN connection, from the first open page until `close`, shared by all pages of the process.

    When PostgreSQL goes away it tries again with backoff and tells every page on loss and on return: what happened in
    between was not heard.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._pages: dict[str, set[Page]] = {}
        self._listener: asyncio.Task[None] | None = None

    @contextmanager
    def page(self, account_id: int) -> Iterator[Page]:
        page = Page()
        key = str(account_id)
        self._pages.setdefault(key, set()).add(page)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="dashboard changes")
        try:
            yield page
        finally:
            self._pages[key].discard(page)
            if not self._pages[key]:
                del self._pages[key]

    async def close(self) -> None:
        """End the listener and every page's stream. A page that opens later starts the listener again."""
        for pages in self._pages.values():
            for page in pages:
                page.closed = True
                page.changed.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener

    async def _listen(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                async with self._calls.changes() as account_ids:
                    retry_s = FIRST_RETRY_S
                    self._tell_all()
                    async for account_id in account_ids:
                        self._tell(account_id)
            except DomainError as error:
                log.warning("changes_lost", error=str(error), retry_s=retry_s)
            self._tell_all()
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, MAX_RETRY_S)

    def _tell(self, account_id: str) -> None:
        for page in self._pages.get(account_id, ()):
            page.changed.set()

    def _tell_all(self) -> None:
        for account_id in self._pages:
            self._tell(account_id)


@lru_cache(maxsize=4)
def feed_of(services: Services) -> ChangeFeed:
    """The feed of these services: the pages and the lifespan mean the same one."""
    return ChangeFeed(services.calls)
