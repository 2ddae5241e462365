"""The native API with its key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from ringtrail.dialects.native import DIALECT
from tests.dialects.conftest import Serve
from tests.fixtures import TOKENS

Api = Callable[..., Awaitable[Any]]


@pytest.fixture
async def client(serve: Serve) -> AsyncTestClient:  # type: ignore[type-arg]
    return await serve(DIALECT)


@pytest.fixture
async def api(client: AsyncTestClient) -> Api:  # type: ignore[type-arg]
    """A request below /api/v1 with the account's token. json None: no body."""

    async def call(
        path: str, *, method: str = "GET", json: Any = None, token: str = TOKENS["native"], **headers: str
    ) -> Any:
        sent = {} if json is None else {"json": json}
        headers = {"authorization": f"Bearer {token}", **headers}
        return await client.request(method.upper(), "/api/v1" + path, headers=headers, **sent)

    return call
