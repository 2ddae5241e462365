"""The dashboard: log in, see the calls as they happen, hear the recordings, see what was told to whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from ringtrail.dashboard import (
    assets,
    calls,
    consent,
    ledger,
    login,
    programs,
    recordings,
    updates,
    webhook_actions,
    webhooks,
)
from ringtrail.dashboard.feed import feed_of
from ringtrail.dashboard.site import Site, error_page, secure
from ringtrail.model.errors import DomainError
from ringtrail.services import Services


def pages(services: Services, base_url: str) -> list[ControllerRouterHandler]:
    """Everything that a browser is served. base_url: how browsers reach us, without a trailing slash."""
    built = assets.load()
    site = Site(services=services, base_url=base_url, feed=feed_of(services), assets=built)
    worded = error_page(built)
    return [
        Router(
            path="/",
            route_handlers=[
                *login.HANDLERS,
                *consent.HANDLERS,
                *programs.HANDLERS,
                *webhooks.HANDLERS,
                *ledger.HANDLERS,
                *webhook_actions.HANDLERS,
                *calls.HANDLERS,
                *recordings.HANDLERS,
                *updates.HANDLERS,
                assets.handler_of(built),
            ],
            dependencies={
                "site": Provide(lambda: site, sync_to_thread=False),
                "principal": Provide(login.principal_of),
            },
            exception_handlers={DomainError: worded, HTTPException: worded},
            after_request=secure,
        )
    ]


@asynccontextmanager
async def lifespan(services: Services) -> AsyncIterator[None]:
    """Around the server's life: at the end the listener on the database and every open /live stream are ended."""
    try:
        yield
    finally:
        await feed_of(services).close()
