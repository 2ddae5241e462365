"""`ask(**parameters)`: the JSON of /data-api for January to December 2026, whatever the test changes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ringtrail.dialects.optico import DIALECT
from tests.dialects.conftest import Serve
from tests.fixtures import TOKENS

Ask = Callable[..., Awaitable[dict[str, Any]]]

GOOD = {
    "api_key": TOKENS["optico"],
    "type": "calls",
    "start_date": "2026-01-01",
    "end_date": "2026-12-31",
    "page": "1",
    "limit": "10",
}


@pytest.fixture
async def ask(serve: Serve) -> Ask:
    client = await serve(DIALECT)

    async def answer(**changes: str | None) -> dict[str, Any]:
        """None as a value takes the parameter out."""
        parameters = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
        response = await client.get("/data-api", params=parameters)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        return dict(response.json())

    return answer
