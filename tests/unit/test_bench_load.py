"""The benchmarks' client counts whole answers, however they are cut, and takes nothing but 200."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bench import load

LENGTH = (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n", b"\r\n01234", b"56789")
CHUNKS = (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n", b"01230\r\n0\r", b"\n\r\n")
EMPTY = (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",)
REFUSAL = (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",)


@asynccontextmanager
async def answering(pieces: Sequence[bytes]) -> AsyncIterator[int]:
    """The port of a server that answers every request with these pieces, one after the other."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.005)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("pieces", [LENGTH, CHUNKS, EMPTY], ids=["length", "chunks", "empty"])
async def test_every_answer_is_counted_once_and_whole(pieces: Sequence[bytes]) -> None:
    async with answering(pieces) as port:
        outcome = await asyncio.to_thread(load.ask, port, 3, [b"GET / HTTP/1.1\r\n\r\n"] * 10)
    assert outcome.sizes == [sum(map(len, pieces))] * 10
    assert outcome.seconds_a_request == outcome.seconds / 10


async def test_an_answer_that_is_not_200_ends_the_benchmark() -> None:
    async with answering(REFUSAL) as port:
        with pytest.raises(SystemExit, match=r"10 requests failed.*503"):
            await asyncio.to_thread(load.ask, port, 2, [b"GET / HTTP/1.1\r\n\r\n"] * 10)
