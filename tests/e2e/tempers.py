"""Receivers with tempers: raw sockets that note what they were sent and answer in every way that receivers do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, NamedTuple, TypeAlias

Temper: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Seen(NamedTuple):
    at: datetime
    event_id: int
    name: str  # webhook-id
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiving:
    url: str
    seen: list[Seen] = field(default_factory=list)

    @property
    def events(self) -> set[int]:
        return {item.event_id for item in self.seen}


def says(status: str, *headers: str, after_s: float = 0.0) -> Temper:
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after_s)
        lines = [f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()

    return answer


async def keeps_silent(writer: asyncio.StreamWriter) -> None:
    await writer.wait_closed()  # by whoever asked


async def resets(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def answers_half(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")
    await writer.drain()


async def never_ends(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        await writer.drain()


async def speaks_tls(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x15\x03\x01\x00\x02\x02\x28")  # the alert that follows what is no handshake
    await writer.drain()


def asks_for_a_rest_until(later: timedelta) -> Temper:
    return says("429 Too Many Requests", f"Retry-After: {format_datetime(datetime.now(UTC) + later, usegmt=True)}")


@asynccontextmanager
async def receiving(temper: Temper) -> AsyncIterator[Receiving]:
    found = Receiving("")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            found.seen.append(await _request(reader))
            await temper(writer)
        with contextlib.suppress(OSError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=500)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield found
    finally:
        server.close()


async def _request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    body = await reader.readexactly(int(headers["content-length"]))
    return Seen(datetime.now(UTC), int(headers["x-ringtrail-event-id"]), headers["webhook-id"], body)
