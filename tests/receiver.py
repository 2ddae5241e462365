"""A subscriber: a web server that notes what it is sent and answers as it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    method: str
    path: str  # with its query, as it was sent
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def event_id(self) -> str:
        return self.headers["x-ringtrail-event-id"]


LOCAL = "127.0.0.0/8"
"""Where receivers listen: what `egress_allowed_networks` has to be."""

Reply = Callable[[Received], web.StreamResponse | Any]


@dataclass
class Receiver:
    """reply: what a request is answered; it may wait, or raise to break the connection."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    reply: Reply = lambda _request: web.Response(text="ok")
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_for(self, number: int, within_s: float = 20) -> list[Received]:
        """What came, once there are so many."""
        async with asyncio.timeout(within_s):
            while len(self.received) < number:
                self._news.clear()
                await self._news.wait()
        return self.received

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        told = Received(method=request.method, path=request.raw_path, headers=headers, body=await request.read())
        self.received.append(told)
        self._news.set()
        answer = self.reply(told)
        result: web.StreamResponse = await answer if asyncio.iscoroutine(answer) else answer
        return result


@asynccontextmanager
async def receiving(host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = web.Server(receiver.handle)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    receiver.url = f"http://{host}:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
