"""Who is let in, how every error reads, and what this server does not have."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest
from httpx import AsyncClient

from ringtrail.dialects.agendize.errors import WORDINGS, render_error
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode
from tests.dialects.agendize.conftest import HEADERS, Ask
from tests.fixtures import AGENDIZE_API_KEY, TOKENS, World

pytestmark = pytest.mark.postgres

TOKEN = TOKENS["agendize"]


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_has_a_wording_whose_code_is_the_http_status(code: ErrorCode) -> None:
    response = render_error(None, DomainError(code, "field"), DialectOptions(base_url=""))  # type: ignore[arg-type]
    error = msgspec.to_builtins(response.content)["error"]
    assert set(WORDINGS) == set(ErrorCode)
    assert list(error) == ["code", "reason", "message"]
    assert error["code"] == response.status_code >= 400
    assert error["message"].startswith("field: ")


LET_IN: list[tuple[dict[str, str], str]] = [
    (HEADERS, ""),
    ({"APIKEY": AGENDIZE_API_KEY, "TOKEN": TOKEN}, ""),
    ({}, f"apiKey={AGENDIZE_API_KEY}&token={TOKEN}"),
    ({}, f"apikey={AGENDIZE_API_KEY}&token={TOKEN}"),
    ({"apiKey": AGENDIZE_API_KEY}, f"token={TOKEN}"),
    (HEADERS, "apiKey=wrong&token=wrong"),
]


async def test_key_and_token_come_in_headers_or_parameters(client: AsyncClient) -> None:
    for headers, query in LET_IN:
        assert (await client.get(f"/api/2.0/calls?{query}", headers=headers)).status_code == 200, (headers, query)


REFUSED: list[tuple[dict[str, str], str]] = [
    ({}, ""),
    ({"apiKey": AGENDIZE_API_KEY}, ""),
    ({"token": TOKEN}, ""),
    ({"apiKey": TOKEN, "token": AGENDIZE_API_KEY}, ""),
    ({"apiKey": AGENDIZE_API_KEY, "token": "wrong"}, ""),
    ({"apiKey": "wrong", "token": TOKEN}, f"apiKey={AGENDIZE_API_KEY}"),
    ({"apiKey": "k" * 2_000, "token": "é".encode("latin-1").decode("latin-1")}, ""),
    ({}, "apiKey=&token="),
    ({}, f"apiKey={AGENDIZE_API_KEY}&token=%0A"),
    ({"Authorization": f"Bearer {TOKEN}"}, ""),
    ({"apiKey": TOKENS["invox"], "token": TOKENS["invox"]}, ""),
]


async def test_anything_else_is_a_401(world: World, client: AsyncClient) -> None:
    await world.save(world.golden())
    for path, (headers, query) in product(["/calls", "/calls/1", "/calls/1/record.mp3"], REFUSED):
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        response = await client.get(f"/api/2.0{path}?{query}", headers=raw)
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["reason"]) == (401, 401, "unauthorized"), (headers, query)


UNREADABLE = [
    ("search=%ff", 400),
    ("%c3%28=1", 400),
    ("search=%00", 400),
    ("search=%ed%a0%80", 400),
    ("search=" + "a" * 20_000, 413),
    ("&".join(["a=1"] * 300), 413),
]


async def test_a_query_that_cannot_be_read_is_refused(ask: Ask) -> None:
    for query, status in UNREADABLE:
        response = await ask(raw=query)
        assert (response.status_code, response.json()["error"]["code"]) == (status, status), query[:20]


async def test_an_unknown_path_is_an_error_of_the_vendors_shape(client: AsyncClient) -> None:
    unknown = await client.get("/api/2.0/nothing", headers=HEADERS)
    assert (unknown.status_code, unknown.json()["error"]["reason"]) == (404, "notFound")
