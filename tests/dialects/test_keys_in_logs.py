"""What is logged of served requests, good and bad, holds no key: not even at `debug`, not even in the traceback of a fault."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest
import structlog
import uvicorn

from ringtrail import logs
from ringtrail.dialects import agendize, callr, fonedynamics, invox, native, optico
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from tests.dialects.conftest import BASE_URL
from tests.fixtures import AGENDIZE_API_KEY, CALLR_LOGIN, FONE_TOKEN, TOKENS, World

pytestmark = pytest.mark.postgres

DIALECTS = (
    optico.DIALECT, invox.DIALECT, agendize.DIALECT, fonedynamics.DIALECT, callr.DIALECT, native.DIALECT,
)  # fmt: skip
SECRETS = (*TOKENS.values(), AGENDIZE_API_KEY, FONE_TOKEN, CALLR_LOGIN[1])
PERIOD = "type=calls&start_date=2026-01-01&end_date=2026-12-31&page=1&limit=10"
BROKEN = ("", "&page=x&start_date=y", "&limit=%FF", "&x=" + "y" * 20_000, "&search=%00")


@pytest.fixture(params=["json", "text"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Everything that this process logs while the test runs."""
    before = (logging.root.handlers[:], logging.root.level)
    stream = io.StringIO()
    logs.configure(level="debug", log_format=request.param, process="serve", stream=stream)
    yield stream
    logging.root.handlers[:], logging.root.level = before
    structlog.reset_defaults()


@pytest.fixture
async def port(world: World, written: io.StringIO) -> AsyncIterator[int]:
    """A real web server, set up as the product does, on a port of its own."""
    app = build_server(world.services, DIALECTS, DialectOptions(base_url=BASE_URL))
    # Whoever ran before in this process may have quietened uvicorn.
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="debug", access_log=False, http="h11"))
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).disabled, logging.getLogger(name).propagate = False, True
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    yield listening.getsockname()[1]
    server.should_exit = True
    await serving


def basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def requests(world: World) -> list[tuple[str, str]]:
    """(path with query, headers): every way in which a key is sent, with parameters right and wrong."""
    key, token = AGENDIZE_API_KEY, TOKENS["agendize"]
    fone = f"/v2/Accounts/{world.account.sid}/Calls?x="
    ways = [
        (f"/data-api?api_key={TOKENS['optico']}&{PERIOD}", ""),
        (f"/data-api?{PERIOD}&API_KEY={TOKENS['optico']}&api_key={quote(TOKENS['optico'])}", ""),
        (f"/data-api?api%5Fkey={TOKENS['optico']}&{PERIOD}", ""),
        (f"/data-api/nothing?api_key={TOKENS['optico']}", ""),
        ("/api/v2/calls?x=", f"X-API-Key: {TOKENS['invox']}\r\n"),
        ("/api/2.0/calls?x=", f"apiKey: {key}\r\ntoken: {token}\r\n"),
        (f"/api/2.0/calls?apiKey={key}&token={token}", ""),
        (f"/api/2.0/calls/1?apikey={key}&token={token}", ""),
        (fone, f"Authorization: Basic {basic(world.account.sid, FONE_TOKEN)}\r\n"),
        (fone, f"Authorization: Bearer {FONE_TOKEN}\r\n"),
        ("/json-rpc/v1.1/?x=", f"Authorization: Basic {basic(*CALLR_LOGIN)}\r\n"),
        ("/api/v1/calls?x=", f"Authorization: Bearer {TOKENS['native']}\r\n"),
    ]
    return [(path + more, headers) for path, headers in ways for more in BROKEN]


async def ask(port: int, method: str, path: str, headers: str) -> str:
    """One request as bytes, so that no client of ours logs anything. Returns the status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n")[0].decode()


def assert_no_secret(text: str, world: World) -> None:
    encoded = (basic(world.account.sid, FONE_TOKEN), basic(*CALLR_LOGIN))
    assert [secret for secret in (*SECRETS, *encoded) if secret in text or quote(secret) in text] == []


async def test_no_line_of_a_served_request_holds_a_key(world: World, port: int, written: io.StringIO) -> None:
    await world.save(world.golden())
    for method in ("GET", "POST", "DELETE"):
        answers = [await ask(port, method, path, headers) for path, headers in requests(world)]
        assert not any(" 500 " in answer for answer in answers)
    async with world.database.transaction() as connection:
        await connection.execute("ALTER TABLE calls RENAME TO calls_gone")
    for path, headers in requests(world):
        await ask(port, "GET", path, headers)
    assert "request_failed" in written.getvalue()
    assert "Traceback" in written.getvalue()
    await world.database.close()
    for path, headers in requests(world):
        await ask(port, "GET", path, headers)
    await ask(port, "GET HTTP", f"/data-api?api_key={TOKENS['optico']}", "")
    assert "Invalid HTTP request" in written.getvalue()
    assert_no_secret(written.getvalue(), world)
