"""A CALLR client: `await rpc(method, *params)` gives the result, checked against the vendor's page, `await fault(method,
*params)` (number, message). `sdk` is each of the vendor's own clients. `carrier_post` is the worker that sends and receives messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from httpx import Response

from ringtrail.dialects.callr import DIALECT
from tests.dialects.callr.conformity import check_result
from tests.dialects.callr.happenings import Post, opened_post, sms_number
from tests.dialects.callr.sdks import SDKS, Sdk, opened, serving
from tests.dialects.conftest import Serve
from tests.fixtures import CALLR_LOGIN, World

ENDPOINT = "/json-rpc/v1.1/"

Client = Any
Rpc = Callable[..., Awaitable[Any]]


@pytest.fixture
async def client(serve: Serve, world: World) -> Client:
    return await serve(DIALECT)


@pytest.fixture
def rpc(client: Client) -> Rpc:
    async def call(method: str, *params: Any) -> Any:
        reply = await post(client, method, *params)
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "application/json-rpc; charset=utf-8"
        body = reply.json()
        assert list(body) == ["jsonrpc", "id", "result"], body
        check_result(method, body["result"])
        return body["result"]

    return call


@pytest.fixture
def fault(client: Client) -> Rpc:
    async def call(method: str, *params: Any) -> tuple[int, str]:
        reply = await post(client, method, *params)
        assert reply.status_code == 200
        body = reply.json()
        assert list(body) == ["jsonrpc", "id", "error"], body
        return body["error"]["code"], body["error"]["message"]

    return call


@pytest.fixture
async def port(world: World) -> AsyncIterator[int]:
    """Where the dialect is served on 127.0.0.1."""
    async with serving(world.services) as port:
        yield port


@pytest.fixture(params=SDKS)
async def sdk(request: pytest.FixtureRequest, port: int) -> AsyncIterator[Sdk]:
    async with opened(request.param, port) as sdk:
        yield sdk


@pytest.fixture
async def carrier_post(world: World) -> AsyncIterator[Post]:
    """The world has a number that can send."""
    await sms_number(world)
    post, listening = await opened_post(world)
    yield post
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def post(client: Client, method: str, *params: Any) -> Response:
    call = {"id": 677, "jsonrpc": "2.0", "method": method, "params": list(params)}
    return await client.post(ENDPOINT, json=call, auth=CALLR_LOGIN)
