"""The cheapest receiver of webhooks, in a process of its own: `python -m bench.sink PORT HOSTS`.

It listens on that port of 127.0.0.1 up to 127.0.0.HOSTS, keeps every request with the instant of its arrival, and answers
`ok`. A path that begins with /dead is never answered. GET /seen on 127.0.0.1 hands over what was kept and forgets it.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, cast

import msgspec
import uvloop

from bench.serving import free_port

HOSTS = 200
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Arrival(NamedTuple):
    at: float  # time.monotonic(), which all processes share
    raw: bytes  # request line, headers and body

    @property
    def event_id(self) -> int:
        return int(self.header(b"X-Ringtrail-Event-Id") or 0)

    def header(self, name: bytes) -> str | None:
        _, found, rest = self.raw.partition(b"\r\n" + name + b": ")
        return rest[: rest.index(b"\r\n")].decode() if found else None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    arrivals: list[Arrival]
    cpu_s: float  # that the receiver took since the last time

    @property
    def seconds(self) -> float:
        return self.arrivals[-1].at - self.arrivals[0].at


class Sink(NamedTuple):
    port: int

    def url(self, host: int, path: str) -> str:
        return f"http://127.0.0.{host}:{self.port}{path}"

    def seen(self) -> Seen:
        return msgspec.msgpack.decode(self._get("/seen"), type=Seen)

    def arrived(self) -> int:
        return int(self._get("/count"))

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        body = connection.getresponse().read()
        connection.close()
        return body


@contextmanager
def receiving() -> Iterator[Sink]:
    sink = Sink(free_port())
    process = subprocess.Popen([sys.executable, "-m", "bench.sink", str(sink.port), str(HOSTS)])
    try:
        deadline = time.monotonic() + 20
        while not _answers(sink):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the receiver does not start")
            time.sleep(0.05)
        yield sink
    finally:
        process.terminate()
        process.wait(20)


def _answers(sink: Sink) -> bool:
    try:
        return sink.arrived() >= 0
    except OSError:
        return False


class _Kept:
    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self._cpu_s = time.process_time()

    def handed_over(self) -> bytes:
        cpu_s = time.process_time()
        seen = Seen(arrivals=self.arrivals, cpu_s=cpu_s - self._cpu_s)
        self.arrivals = []
        packed = msgspec.msgpack.encode(seen)
        self._cpu_s = time.process_time()
        return packed


class _Connection(asyncio.Protocol):
    def __init__(self, kept: _Kept) -> None:
        self._kept = kept
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := _end_of_request(self._waiting)) is not None:
            request, self._waiting = self._waiting[:end], self._waiting[end:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET /seen"):
            self._send(self._kept.handed_over())
        elif request.startswith(b"GET /count"):
            self._send(str(len(self._kept.arrivals)).encode())
        elif not request.startswith(b"POST /dead"):
            self._kept.arrivals.append(Arrival(time.monotonic(), request))
            self._transport.write(_OK)

    def _send(self, body: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def _end_of_request(data: bytes) -> int | None:
    """None: there is more to come."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return None
    place = data.find(b"\r\nContent-Length: ", 0, head)
    length = int(data[place + 18 : data.index(b"\r\n", place + 18)]) if place >= 0 else 0
    end = head + 4 + length
    return end if len(data) >= end else None


async def _serve(port: int, hosts: int) -> None:
    kept = _Kept()
    addresses = [f"127.0.0.{host}" for host in range(1, hosts + 1)]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(kept), addresses, port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    gc.freeze()
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
