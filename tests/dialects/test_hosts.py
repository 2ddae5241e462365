"""Host names that speak one dialect only."""

from __future__ import annotations

import pytest
from httpx import ASGITransport, AsyncClient

from ringtrail.app import DIALECTS
from ringtrail.config import load
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from tests.dialects.conftest import BASE_URL
from tests.fixtures import TOKENS, World

pytestmark = pytest.mark.postgres

INVOX = {"X-API-Key": TOKENS["invox"]}


@pytest.mark.parametrize(
    ("host", "path", "headers", "status"),
    [
        ("app.invox.example", "/api/v2/calls", INVOX, 200),
        ("APP.invox.example:8000", "/api/v2/calls", INVOX, 200),
        ("app.invox.example", "/api/v1/openapi.json", {}, 404),
        ("app.invox.example", "/data-api", {}, 404),
        ("www.optico.example", "/data-api", {}, 200),
        ("www.optico.example", "/api/v2/calls", INVOX, 404),
        ("anything.else", "/api/v2/calls", INVOX, 200),
        ("anything.else", "/data-api", {}, 200),
    ],
)
async def test_a_host_of_one_dialect_answers_nothing_else(
    world: World, host: str, path: str, headers: dict[str, str], status: int
) -> None:
    hosts = load({"RINGTRAIL_DIALECT_HOSTS": "invox=app.invox.example, optico=www.optico.example"}).hosts
    app = build_server(world.services, DIALECTS, DialectOptions(base_url=BASE_URL), hosts=hosts)
    async with AsyncClient(transport=ASGITransport(app=app), base_url=BASE_URL) as client:  # type: ignore[arg-type]
        response = await client.get(path, headers={"host": host, **headers})
    assert response.status_code == status
