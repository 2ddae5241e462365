"""A served dialect over a real database: `await serve(DIALECT)` gives an HTTP client, `world` the data behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from litestar.testing import AsyncTestClient

from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.storage.database import Database
from tests.fixtures import World, add_credentials, build_world

BASE_URL = "http://testserver.local"

Serve = Callable[..., Awaitable[AsyncTestClient]]  # type: ignore[type-arg]


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    """An account with one property, app, DID and every dialect's credentials; no calls yet."""
    world = await build_world(database, tmp_path)
    await add_credentials(world)
    return world


@pytest.fixture
async def serve(world: World) -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(dialect: Dialect, **options: object) -> AsyncTestClient:  # type: ignore[type-arg]
            settings = DialectOptions(base_url=BASE_URL, **options)  # type: ignore[arg-type]
            app = build_server(world.services, [dialect], settings)
            return await stack.enter_async_context(AsyncTestClient(app, base_url=BASE_URL))

        yield start
