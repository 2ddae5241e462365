"""JSON-RPC over HTTP as the vendor speaks it, and a defined answer to everything else."""

from __future__ import annotations

import asyncio
import base64
import gzip
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn

from ringtrail import dashboard
from ringtrail.app import DIALECTS
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from tests.dialects.callr.conftest import ENDPOINT, Client
from tests.fixtures import CALLR_LOGIN, FONE_TOKEN, TOKENS, World

PING = b'{"id":1,"jsonrpc":"2.0","method":"system.get_timestamp","params":[]}'


async def _send(client: Client, body: bytes, **headers: str) -> tuple[int, str]:
    reply = await client.post(ENDPOINT, content=body, auth=CALLR_LOGIN, headers=headers)
    return reply.status_code, reply.text


async def test_the_endpoint_answers_with_and_without_the_trailing_slash(client: Client) -> None:
    for path in ("/json-rpc/v1.1", "/json-rpc/v1.1/"):
        reply = await client.post(path, content=PING, auth=CALLR_LOGIN)
        assert reply.status_code == 200
        assert list(reply.json()) == ["jsonrpc", "id", "result"]
        assert reply.headers["content-type"] == "application/json-rpc; charset=utf-8"


async def test_an_id_is_echoed_letter_for_letter(client: Client) -> None:
    for id_ in ("1", "0", "-7", "9223372036854775807", "18446744073709551615", '"abc"', '"\\u00e9"', "1.0", "null"):
        for method in ("system.get_timestamp", "no.such_method"):
            body = f'{{"id":{id_},"jsonrpc":"2.0","method":"{method}","params":[]}}'
            status, text = await _send(client, body.encode())
            assert status == 200
            assert text.startswith(f'{{"jsonrpc":"2.0","id":{id_},')


async def test_a_method_without_parameters_needs_no_params(client: Client) -> None:
    for params in ("", ',"params":null', ',"params":[]'):
        body = f'{{"id":1,"jsonrpc":"2.0","method":"system.get_timestamp"{params}}}'
        _, text = await _send(client, body.encode())
        assert '"result":' in text


async def test_an_empty_expect_header_is_tolerated(client: Client) -> None:
    status, text = await _send(client, PING, expect="")
    assert (status, '"result":' in text) == (200, True)


async def test_the_content_type_of_a_request_does_not_matter(client: Client) -> None:
    for content_type in ("application/json-rpc", "application/json", "text/plain", ""):
        status, text = await _send(client, PING, **{"content-type": content_type})
        assert (status, '"result":' in text) == (200, True)


NO_CALLS: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", -32700, "null"),
    "not JSON": (b"hello", -32700, "null"),
    "cut short": (b'{"id":1,', -32700, "null"),
    "not UTF-8": (b'{"id":1,"jsonrpc":"2.0","method":"\xff"}', -32700, "null"),
    "id not UTF-8": (b'{"id":"\xff","jsonrpc":"2.0","method":"x"}', -32700, "null"),
    "nested without end": (b'{"id":1,"params":' + b"[" * 50_000, -32700, "null"),
    "half a surrogate pair": (b'{"id":1,"params":["\\ud800"]}', -32700, "null"),
    "batch": (b"[" + PING + b"]", -32600, "null"),
    "empty batch": (b"[]", -32600, "null"),
    "a string": (b'"text"', -32600, "null"),
    "a null": (b"null", -32600, "null"),
    "empty object": (b"{}", -32600, "null"),
    "notification": (b'{"jsonrpc":"2.0","method":"system.get_timestamp"}', -32600, "null"),
    "id an array": (b'{"id":[1],"jsonrpc":"2.0","method":"system.get_timestamp"}', -32600, "null"),
    "id an object": (b'{"id":{},"jsonrpc":"2.0","method":"system.get_timestamp"}', -32600, "null"),
    "id a boolean": (b'{"id":true,"jsonrpc":"2.0","method":"system.get_timestamp"}', -32600, "null"),
    "no version": (b'{"id":5,"method":"system.get_timestamp"}', -32600, "5"),
    "other version": (b'{"id":5,"jsonrpc":"1.0","method":"system.get_timestamp"}', -32600, "5"),
    "version a number": (b'{"id":5,"jsonrpc":2.0,"method":"system.get_timestamp"}', -32600, "5"),
    "no method": (b'{"id":5,"jsonrpc":"2.0"}', -32600, "5"),
    "method a number": (b'{"id":5,"jsonrpc":"2.0","method":7}', -32600, "5"),
    "named": (b'{"id":5,"jsonrpc":"2.0","method":"apps.get","params":{"app":"X"}}', -32602, "5"),
    "params a string": (b'{"id":5,"jsonrpc":"2.0","method":"apps.get","params":"X"}', -32602, "5"),
    "unknown method": (b'{"id":5,"jsonrpc":"2.0","method":"apps.frobnicate"}', -32601, "5"),
    "method in other case": (b'{"id":5,"jsonrpc":"2.0","method":"APPS.GET"}', -32601, "5"),
    "not served": (b'{"id":5,"jsonrpc":"2.0","method":"conference/10.create_room","params":[]}', -32601, "5"),
    "too many params": (b'{"id":5,"jsonrpc":"2.0","method":"system.get_timestamp","params":[1]}', -32602, "5"),
}


async def test_what_is_no_call_gets_its_reserved_code_and_http_200(client: Client) -> None:
    for what, (body, code, id_) in NO_CALLS.items():
        status, text = await _send(client, body)
        begin = f'{{"jsonrpc":"2.0","id":{id_},"error":{{"code":{code},"message":"'
        assert (status, text[: len(begin)]) == (200, begin), what


async def test_only_post_is_allowed(client: Client) -> None:
    for method in ("GET", "PUT", "DELETE"):
        reply = await client.request(method, ENDPOINT, auth=CALLR_LOGIN)
        assert (reply.status_code, reply.json()["error"]["code"]) == (405, -32600)


def _basic(login: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


BAD_CREDENTIALS: dict[str, str | None] = {
    "none": None,
    "empty": "",
    "wrong password": _basic("demo", "wrong"),
    "unknown login": _basic("nobody", CALLR_LOGIN[1]),
    "empty login": _basic("", ""),
    "endless password": _basic("demo", "x" * 5000),
    "not base64": "Basic !!!",
    "not UTF-8": "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    "no colon": "Basic " + base64.b64encode(b"demo").decode(),
    "unknown key": "Api-Key " + "d" * 100,
    "empty key": "Api-Key",
    "another dialect's key": f"Api-Key {FONE_TOKEN}",
    "session token": "Session " + "a" * 40,
    "a valid key as a session": f"Session {TOKENS['callr']}",
    "a valid key as a bearer": f"Bearer {TOKENS['callr']}",
}


async def test_bad_credentials_are_http_401_with_a_json_rpc_error(client: Client) -> None:
    for what, authorization in BAD_CREDENTIALS.items():
        headers = {} if authorization is None else {"authorization": authorization}
        reply = await client.post(ENDPOINT, content=PING, headers=headers)
        assert reply.status_code == 401, what
        assert reply.headers["content-type"] == "application/json-rpc; charset=utf-8"
        assert reply.json() == {"jsonrpc": "2.0", "id": 1, "error": {"code": 401, "message": "Authentication failed"}}


async def test_an_api_key_opens_the_same_account_as_the_login(client: Client) -> None:
    for scheme in ("Api-Key", "api-key"):
        headers = {"authorization": f"{scheme} {TOKENS['callr']}"}
        reply = await client.post(ENDPOINT, content=PING, headers=headers)
        assert reply.status_code == 200


async def test_a_key_of_one_property_cannot_see_the_whole_account(client: Client, world: World) -> None:
    await world.services.accounts.add_token(world.account.id, "callr", "p" * 100, property_id=world.property.id)
    reply = await client.post(ENDPOINT, content=PING, headers={"authorization": "Api-Key " + "p" * 100})
    assert reply.json()["error"]["code"] == 100


# --- over a socket, with the dashboard beside it -----------------------------------------------------------------------


@pytest.fixture
async def port(world: World) -> AsyncIterator[int]:
    """The whole application as it is served."""
    listener = socket.create_server(("127.0.0.1", 0))
    number: int = listener.getsockname()[1]
    options = DialectOptions(base_url=f"http://127.0.0.1:{number}")
    pages = dashboard.pages(world.services, options.base_url)
    app = build_server(world.services, DIALECTS, options, pages=pages)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", http="h11"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield number
    server.should_exit = True
    await asyncio.wait_for(serving, 10)


def _request(path: str = ENDPOINT, *headers: str, body: bytes = PING, length: bool = True) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: {_basic(*CALLR_LOGIN)}", *headers]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _reply(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, body


async def test_several_calls_go_over_one_connection_until_one_says_close(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in (ENDPOINT, "/json-rpc/v1.1", "/"):
        writer.write(_request(path))
        status, headers, body = await asyncio.wait_for(_reply(reader), 10)
        assert (status, b'"result":' in body, headers.get("connection")) == (200, True, None), path
    writer.write(_request(ENDPOINT, "Connection: close"))
    status, headers, body = await asyncio.wait_for(_reply(reader), 10)
    assert (status, headers["connection"]) == (200, "close")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_a_body_may_come_in_chunks_and_expect_may_be_empty(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    headers = ("Transfer-Encoding: chunked", "Expect: ", "Content-Type: application/json-rpc; charset=utf-8")
    writer.write(_request(ENDPOINT, *headers, body=b"", length=False))
    for piece in (PING[:7], PING[7:]):
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
    writer.write(b"0\r\n\r\n")
    status, _, body = await asyncio.wait_for(_reply(reader), 10)
    assert (status, b'"result":' in body) == (200, True)
    writer.close()


async def test_a_long_answer_is_zipped_for_those_who_ask_for_it(port: int) -> None:
    mapping = b'{"id":1,"jsonrpc":"2.0","method":"sms.get_gsm_charset_mapping","params":[]}'
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    bodies = []
    for accepted, expected in (("identity", False), ("gzip, deflate", True), ("gzip;q=0", False), ("*;q=0.5", True)):
        writer.write(_request(ENDPOINT, f"Accept-Encoding: {accepted}", body=mapping))
        status, headers, body = await asyncio.wait_for(_reply(reader), 10)
        zipped = headers.get("content-encoding") == "gzip"
        assert (status, zipped) == (200, expected), accepted
        assert headers["content-type"] == "application/json-rpc; charset=utf-8"
        bodies.append(gzip.decompress(body) if zipped else body)
    assert len(set(bodies)) == 1
    writer.close()


async def test_a_call_may_be_posted_to_the_root_which_else_is_the_dashboards(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.post("/", content=PING, auth=CALLR_LOGIN)).json()["id"] == 1
        refused = await client.post("/", content=PING)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, 401)
        assert (await client.post("/", content=b"{", auth=CALLR_LOGIN)).json()["error"]["code"] == -32700
        page = await client.get("/")
        assert (page.status_code, page.headers["location"]) == (303, "/login")
        assert (await client.put("/", content=PING, auth=CALLR_LOGIN)).status_code == 405


async def test_a_host_of_this_dialect_takes_calls_at_its_root_and_shows_no_page(world: World) -> None:
    pages, options = dashboard.pages(world.services, "http://x"), DialectOptions(base_url="http://x")
    hosts = {"api.thecallr.com": "callr", "api.invox.com": "invox"}
    app = build_server(world.services, DIALECTS, options, hosts=hosts, pages=pages)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:  # type: ignore[arg-type]
        for host, method, status in (
            ("api.thecallr.com", "POST", 200), ("api.thecallr.com", "GET", 404), ("api.invox.com", "POST", 404),
        ):  # fmt: skip
            reply = await client.request(method, "/", content=PING, auth=CALLR_LOGIN, headers={"host": host})
            assert reply.status_code == status, host
