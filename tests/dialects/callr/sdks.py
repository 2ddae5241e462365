"""The vendor's own SDKs, unchanged, over real sockets: PyPI `callr` 2.1.0 and npm `callr` 1.2.0, asked alike.

`await sdk(method, *params)` gives the result; `await sdk.fault(method, *params)` is (message, number) of the SDK's exception.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import callr
import pytest
import uvicorn

from ringtrail.dialects.callr import DIALECT
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.services import Services
from tests.fixtures import CALLR_LOGIN

HERE = Path(__file__).parent
_LONGEST_LINE = 2**23

needs_node_sdk = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules" / "callr").is_dir(),
    reason="the vendor's Node SDK is not installed: run `npm ci` in tests/dialects/callr (needs Node.js)",
)
SDKS = ("python", pytest.param("node", marks=needs_node_sdk))


class SdkError(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)


Send = Callable[["Sdk", str, tuple[Any, ...]], Awaitable[Any]]
"""Raises SdkError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """Who asks, and which SDK sends what is asked. acts_as: a login below."""

    send: Send
    login: tuple[str, str] = CALLR_LOGIN
    acts_as: str = ""

    async def __call__(self, method: str, *params: Any) -> Any:
        return await self.send(self, method, params)

    async def fault(self, method: str, *params: Any) -> tuple[str, int]:
        with pytest.raises(SdkError) as caught:
            await self(method, *params)
        message, code = caught.value.args
        return message, code

    def of(self, login: str, password: str) -> Sdk:
        return replace(self, login=(login, password))

    def acting_as(self, login: str) -> Sdk:
        return replace(self, acts_as=login)


@asynccontextmanager
async def serving(services: Services) -> AsyncIterator[int]:
    """The dialect on a free port of 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    app = build_server(services, [DIALECT], DialectOptions(base_url=f"http://127.0.0.1:{port}"))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    yield port
    server.should_exit = True
    await asyncio.wait_for(running, 10)


@asynccontextmanager
async def opened(name: str, port: int) -> AsyncIterator[Sdk]:
    """An SDK that asks the server on the port."""
    if name == "python":
        yield Sdk(send=_python(port))
        return
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "official_sdk.js"), str(port),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LONGEST_LINE,
    )  # fmt: skip
    assert process.stdin is not None
    yield Sdk(send=_node(process))
    process.stdin.close()
    await asyncio.wait_for(process.wait(), 10)


def _python(port: int) -> Send:
    async def send(sdk: Sdk, method: str, params: tuple[Any, ...]) -> Any:
        api = callr.Api(*sdk.login)
        api.set_api_url(f"http://127.0.0.1:{port}/json-rpc/v1.1/")
        api._headers = dict(api._headers)  # else it is one for all
        if sdk.acts_as:
            api._headers["CALLR-Login-As"] = f"User.login {sdk.acts_as}"
        try:
            return await asyncio.to_thread(api.call, method, *params)
        except callr.CallrException as exc:
            raise SdkError(exc.msg, exc.code) from exc

    return send


def _node(process: asyncio.subprocess.Process) -> Send:
    async def send(sdk: Sdk, method: str, params: tuple[Any, ...]) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        login, password = sdk.login
        asked = {"login": login, "password": password, "actsAs": sdk.acts_as, "method": method, "params": params}
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        answer = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        if "error" in answer:
            raise SdkError(answer["error"]["message"], answer["error"]["code"])
        return answer["result"]

    return send
