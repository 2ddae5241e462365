"""Connections that ask at once, in a process of their own, so that the clients' work is not the server's.

`ask` starts the process, hands it raw requests and gets back how long the answers took. The connections are kept
alive and are open before the clock starts; each takes the next request as soon as it has its answer. Answers are counted,
not read: the same cheap client for whatever is compared.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import cast

import msgspec
import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
LIMIT_S = 600


class Load(msgspec.Struct, frozen=True, kw_only=True):
    port: int
    connections: int
    requests: list[bytes]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    seconds: float  # from the first request to the last answer
    sizes: list[int]  # of the answers, with their heads, in the order of their ends
    failures: list[bytes]  # beginnings of answers that are not 200

    @property
    def seconds_a_request(self) -> float:
        return self.seconds / len(self.sizes)


def ask(port: int, connections: int, requests: Sequence[bytes]) -> Outcome:
    """SystemExit if any answer is not 200."""
    load = Load(port=port, connections=connections, requests=list(requests))
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=msgspec.msgpack.encode(load), stdout=subprocess.PIPE, check=True,
        timeout=LIMIT_S,
    )  # fmt: skip
    outcome = msgspec.msgpack.decode(done.stdout, type=Outcome)
    if outcome.failures:
        sys.exit(f"{len(outcome.failures)} requests failed, the first with {outcome.failures[0]!r}")
    return outcome


class _Connection(asyncio.Protocol):
    """Sends request after request from a queue that all connections share; `ended` is set when it is empty."""

    def __init__(self, queue: Iterator[bytes], outcome: Outcome) -> None:
        self._queue = queue
        self._outcome = outcome
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class

    def send_next(self) -> None:
        request = next(self._queue, None)
        if request is None:
            self._transport.close()
            self.ended.set_result(None)
            return
        self._head, self._size, self._whole, self._tail = b"", 0, 0, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        if not self._whole:
            self._read_head(data)
        self._tail = (self._tail + data[-len(_LAST_CHUNK) :])[-len(_LAST_CHUNK) :]
        if self._size >= self._whole > 0 or (self._whole < 0 and self._tail == _LAST_CHUNK):
            self._outcome.sizes.append(self._size)
            self.send_next()

    def _read_head(self, data: bytes) -> None:
        """Learn where the answer ends. _whole: bytes; 0: not known yet; -1: with its last chunk."""
        self._head += data
        end = self._head.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        length = _LENGTH.search(self._head, 0, end)
        self._whole = end + int(length[1]) if length else -1
        if not self._head.startswith(b"HTTP/1.1 200 "):
            self._outcome.failures.append(self._head[:500])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionResetError("the server hung up"))


async def _run(load: Load) -> Outcome:
    outcome, queue = Outcome(seconds=0, sizes=[], failures=[]), iter(load.requests)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(queue, outcome), "127.0.0.1", load.port)
        for _ in range(load.connections)
    ]
    began = time.perf_counter()
    for _, connection in opened:
        connection.send_next()
    await asyncio.gather(*(connection.ended for _, connection in opened))
    return msgspec.structs.replace(outcome, seconds=time.perf_counter() - began)


def main() -> None:
    load = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Load)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(msgspec.msgpack.encode(runner.run(_run(load))))


if __name__ == "__main__":
    main()
