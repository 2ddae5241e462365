"""An Agendize client: `await ask("/calls", startDate=...)` with the world's key and token in the headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from ringtrail.dialects.agendize import DIALECT
from tests.dialects.conftest import Serve
from tests.fixtures import AGENDIZE_API_KEY, TOKENS, World, add_credentials, build_world

HEADERS = {"apiKey": AGENDIZE_API_KEY, "token": TOKENS["agendize"]}

Ask = Callable[..., Awaitable[Response]]


@pytest.fixture
async def client(serve: Serve) -> Any:
    return await serve(DIALECT)


@pytest.fixture
def ask(client: Any) -> Ask:
    """GET a path below /api/2.0. Keywords are query parameters; `raw` is a query string sent as it is."""

    async def get(path: str = "/calls", raw: str | None = None, **params: str) -> Response:
        url = f"/api/2.0{path}" + (f"?{raw}" if raw is not None else "")
        return await client.get(url, headers=HEADERS, params=params or None)

    return get


@pytest.fixture
async def other(world: World, tmp_path: Path) -> World:
    """A second account in the same database, with keys of its own."""
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await add_credentials(other, "-other")
    return other
