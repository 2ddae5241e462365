"""A Fone Dynamics client: `await ask("/Accounts/{account}/Calls", Date_From=...)` with the world's sid and token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient, Response

from ringtrail.dialects.fonedynamics import DIALECT
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from tests.dialects.conftest import BASE_URL
from tests.fixtures import FONE_TOKEN, World, add_credentials, build_world

Ask = Callable[..., Awaitable[Response]]


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    """Runs on the test's own event loop, so that requests and writers share one pool and really interleave."""
    app = build_server(world.services, [DIALECT], DialectOptions(base_url=BASE_URL))
    async with AsyncClient(transport=ASGITransport(app=app), base_url=BASE_URL) as client:
        yield client


@pytest.fixture
def ask(world: World, client: AsyncClient) -> Ask:
    """GET a path below /v2, the account's calls by default. Keywords are query parameters; `raw` is sent as it is."""

    async def get(path: str = "/Accounts/{account}/Calls", raw: str | None = None, **params: str | int) -> Response:
        url = "/v2" + path.replace("{account}", world.account.sid) + (f"?{raw}" if raw is not None else "")
        return await client.get(url, auth=(world.account.sid, FONE_TOKEN), params=params or None)

    return get


@pytest.fixture
async def other(world: World, tmp_path: Path) -> World:
    """A second account in the same database, with keys of its own."""
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await add_credentials(other, "-other")
    return other
