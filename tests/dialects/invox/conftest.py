"""`ask(**parameters)`: the JSON array of /api/v2/calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ringtrail.dialects.invox import DIALECT
from tests.dialects.conftest import Serve
from tests.fixtures import TOKENS

Ask = Callable[..., Awaitable[list[dict[str, Any]]]]

PATH = "/api/v2/calls"
KEY = {"X-API-Key": TOKENS["invox"]}


@pytest.fixture
async def ask(serve: Serve) -> Ask:
    client = await serve(DIALECT)

    async def answer(key: str = TOKENS["invox"], **parameters: str | int) -> list[dict[str, Any]]:
        response = await client.get(PATH, params=parameters, headers={"X-API-Key": key})
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        return list(response.json())

    return answer
