"""A served dialect over a real database: `await serve(DIALECT)` gives an HTTP client, `world` the data behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from httpx import ASGITransport, AsyncClient

from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.sound.studio import LocalStudio
from ringtrail.storage.database import Database
from ringtrail.supervisor.postgres import EmbeddedPostgres
from tests.conftest import fresh_database
from tests.fixtures import World, add_credentials, build_world
from tests.receiver import LOCAL, Receiver, receiving

BASE_URL = "http://testserver.local"
_FURNISHED = "template_world"

Serve = Callable[..., Awaitable[AsyncClient]]


@pytest.fixture(scope="session")
def furnished(cluster: EmbeddedPostgres) -> World:
    """Made once, because hashing passwords is slow on purpose; every test gets a copy of its database."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_FURNISHED} TEMPLATE template_ringtrail")

    async def furnish() -> World:
        database = Database(cluster.url(_FURNISHED))
        await database.open()
        world = await build_world(database, Path("/nonexistent"))
        await add_credentials(world)
        await database.close()
        return world

    return asyncio.run(furnish())


@pytest.fixture
def world_url(cluster: EmbeddedPostgres, furnished: World) -> Iterator[str]:
    yield from fresh_database(cluster, _FURNISHED)


@pytest.fixture
async def world(world_url: str, furnished: World, tmp_path: Path) -> AsyncIterator[World]:
    """An account with one property, app, DID and every dialect's credentials; no calls yet. Its webhooks may go to this
    machine."""
    database = Database(world_url)
    await database.open()
    services = build_services(
        database, SystemClock(), recordings_folder=str(tmp_path), studio=LocalStudio(tmp_path),
        egress_allowed_networks=LOCAL,
    )  # fmt: skip
    yield replace(furnished, database=database, services=services)
    await asyncio.wait_for(database.close(), 10)


@pytest.fixture
def database(world: World) -> Database:
    """The world's, so that a test can add more to it."""
    return world.database


@pytest.fixture
async def serve(world: World) -> AsyncIterator[Serve]:
    """The application runs on the test's own event loop: requests and writers share one pool and really interleave."""
    async with AsyncExitStack() as stack:

        async def start(dialect: Dialect, **options: object) -> AsyncClient:
            settings = DialectOptions(base_url=BASE_URL, **options)  # type: ignore[arg-type]
            transport = ASGITransport(app=build_server(world.services, [dialect], settings))  # type: ignore[arg-type]
            return await stack.enter_async_context(AsyncClient(transport=transport, base_url=BASE_URL))

        yield start


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
