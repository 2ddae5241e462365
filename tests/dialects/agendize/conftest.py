"""An Agendize client: `await ask("/calls", startDate=...)` with the world's key and token in the headers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient, Response

from ringtrail.dialects.agendize import DIALECT
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.model.account import Property
from tests.dialects.agendize.client import Agendize
from tests.dialects.agendize.oauth_stage import Stage, staged
from tests.dialects.conftest import BASE_URL
from tests.fixtures import AGENDIZE_API_KEY, TOKENS, World, add_credentials, build_world

HEADERS = {"apiKey": AGENDIZE_API_KEY, "token": TOKENS["agendize"]}

Ask = Callable[..., Awaitable[Response]]


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    """Runs on the test's own event loop, so that requests and writers share one pool and really interleave."""
    app = build_server(world.services, [DIALECT], DialectOptions(base_url=BASE_URL))
    async with AsyncClient(transport=ASGITransport(app=app), base_url=BASE_URL) as client:
        yield client


@pytest.fixture
def ask(client: AsyncClient) -> Ask:
    """GET a path below /api/2.0. Keywords are query parameters; `raw` is a query string sent as it is."""

    async def get(path: str = "/calls", raw: str | None = None, **params: str) -> Response:
        url = f"/api/2.0{path}" + (f"?{raw}" if raw is not None else "")
        return await client.get(url, headers=HEADERS, params=params or None)

    return get


@pytest.fixture
def api(client: AsyncClient) -> Agendize:
    """A connector with the world's key."""
    return Agendize(client, AGENDIZE_API_KEY, TOKENS["agendize"])


@pytest.fixture
async def bound(world: World, client: AsyncClient) -> tuple[Property, Agendize]:
    """A second property of the world's account, and a connector whose key is for that one alone."""
    item = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    key = "k" * 32
    await world.services.accounts.add_token(world.account.id, "agendize", f"{key}\n{key}", property_id=item.id)
    return item, Agendize(client, key, key)


@pytest.fixture
async def other(world: World, tmp_path: Path) -> World:
    """A second account in the same database, with keys of its own."""
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await add_credentials(other, "-other")
    return other


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    """A program registered for OAuth 2.0, and the browser of an owner who is logged in."""
    async with staged(world) as stage:
        yield stage
