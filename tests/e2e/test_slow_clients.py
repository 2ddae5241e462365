"""Clients that read, or send, a few bytes a second from and to the real web server: they cost nobody else anything."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import psycopg
import pytest

from bench import asked
from bench.asked import Asked
from bench.data import fill
from bench.serving import web_server
from bench.yardsticks import Subject, subject_of
from ringtrail.supervisor.postgres import EmbeddedPostgres
from tests.conftest import fresh_database
from tests.e2e.stack import eventually

pytestmark = pytest.mark.postgres

CALLS = 20_000  # of which 16,000 are in INVOX's export: more than the sockets' buffers hold
POOL = 12  # connections of the web server to the database
PAGE = 5_000


class Site(NamedTuple):
    port: int
    pid: int
    subject: Subject
    database: psycopg.Connection[Any]

    def big_pages(self) -> list[Asked]:
        """Forty; of the one that is read from the database while it is sent, more than the pool has connections."""
        sid = self.subject.sid
        return [
            *(asked.invox() for _ in range(POOL + 4)),
            *(asked.optico(limit=PAGE) for _ in range(6)),
            *(asked.agendize() for _ in range(6)),
            *(asked.fonedynamics(sid, Results_Count=PAGE) for _ in range(6)),
            *(asked.callr("IN", PAGE) for _ in range(6)),
        ]

    def small_pages(self) -> list[Asked]:
        sid = self.subject.sid
        return [
            asked.invox(last_call_id=self.subject.calls - 10),
            asked.optico(limit=10),
            asked.agendize(startDate="2026-10-31T22:00:00Z"),
            asked.fonedynamics(sid, Results_Count=10),
            asked.callr("IN", 10),
            asked.native(10),
        ]

    def busy_backends(self) -> int:
        """Of the web server: at work, or waiting inside of a transaction."""
        return int(self._of_backends("count(*) FILTER (WHERE state <> 'idle')"))

    def last_query(self) -> datetime | None:
        """When the web server last asked the database for anything."""
        found: datetime | None = self._of_backends("max(query_start)")
        return found

    async def at_rest(self, http: httpx.AsyncClient) -> bool:
        """For a second nothing was asked of the database, and no export ended."""
        before = self.last_query(), await exports_told(http)
        await asyncio.sleep(1)
        return self.busy_backends() == 0 and before == (self.last_query(), await exports_told(http))

    def memory(self) -> int:
        """Bytes of the web server that are in memory."""
        found: int = psutil.Process(self.pid).memory_info().rss
        return found

    def _of_backends(self, what: str) -> Any:
        row = self.database.execute(
            f"SELECT {what} FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'".encode()
        ).fetchone()
        assert row is not None
        return row[0]

    def connections(self) -> int:
        """Open ones of HTTP clients, those that only the client has closed included."""
        found = psutil.Process(self.pid).net_connections("tcp")
        return sum(item.laddr.port == self.port and item.status != psutil.CONN_LISTEN for item in found)


@pytest.fixture(scope="module")
def site(cluster: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("serve")
    for url in fresh_database(cluster, "template_ringtrail"):
        assert fill(url, CALLS)
        with psycopg.connect(url, autocommit=True) as database, web_server(url, folder) as server:
            yield Site(server.port, server.pid, subject_of(database), database)


class SlowClient:
    """Asks, and then takes 16 bytes every half second into a buffer of the smallest size that there is."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self._socket.setblocking(False)
        self.received = b""

    async def ask(self, port: int, request: Asked) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", port))
        await loop.sock_sendall(self._socket, request.raw(f"127.0.0.1:{port}"))
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while data := await asyncio.get_running_loop().sock_recv(self._socket, 16):
            self.received += data
            await asyncio.sleep(0.5)

    @property
    def reads(self) -> bool:
        """The answer is good so far, and there is more of it."""
        return self.received.startswith(b"HTTP/1.1 200") and not self._reading.done()

    async def leave(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._socket.close()


@asynccontextmanager
async def slow_clients(port: int, pages: list[Asked]) -> AsyncIterator[list[SlowClient]]:
    """One for each page. They all have the beginning of its answer."""
    clients = [SlowClient() for _ in pages]
    try:
        for client, page in zip(clients, pages, strict=True):
            await client.ask(port, page)
        await eventually(lambda: all(client.reads for client in clients), 60)
        yield clients
    finally:
        for client in clients:
            await client.leave()


async def answer_of(http: httpx.AsyncClient, page: Asked) -> int:
    method = "POST" if page.body else "GET"
    return (await http.request(method, page.path, headers=page.headers, content=page.body)).status_code


async def exports_told(http: httpx.AsyncClient) -> int:
    """INVOX requests that are over, by the server's own count: a request is counted at its end."""
    text = (await http.get("/metrics")).text
    return sum(
        int(float(count))
        for count in re.findall(r'^ringtrail_http_requests_total\{dialect="invox".*\} (\S+)$', text, re.M)
    )


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{site.port}", timeout=20) as client:
        yield client


async def test_forty_slow_readers_hold_no_database_connection_and_others_are_answered(
    site: Site, http: httpx.AsyncClient
) -> None:
    told = await exports_told(http)
    async with slow_clients(site.port, site.big_pages()) as clients:
        await eventually(lambda: site.busy_backends() == 0, 30)
        for _ in range(20):
            assert site.busy_backends() == 0
            await asyncio.sleep(0.05)
        answers = await asyncio.gather(*(answer_of(http, page) for page in site.small_pages() * 4))
        assert set(answers) == {200}
        assert all(client.reads for client in clients)
        small_exports = 4
        assert await exports_told(http) == told + small_exports  # the big ones are under way


async def test_a_slow_reader_that_leaves_is_forgotten_and_the_server_comes_to_rest(
    site: Site, http: httpx.AsyncClient
) -> None:
    await eventually(lambda: site.at_rest(http), 30)  # those of the test before have left
    told, before = await exports_told(http), site.connections()
    async with slow_clients(site.port, [asked.invox(), asked.optico(limit=PAGE)] * 4):
        await eventually(lambda: site.at_rest(http), 30)
        assert await exports_told(http) == told
        assert site.connections() == before + 8

    async def four_more() -> bool:
        return await exports_told(http) == told + 4

    await eventually(four_more, 5)
    await eventually(lambda: site.connections() <= before, 5)
    await eventually(lambda: site.at_rest(http), 10)  # a page that was asked for as it left may still arrive


MEBIBYTE = 1024 * 1024
UPLOAD = 14 * MEBIBYTE


async def uploading(port: int, request: Asked) -> asyncio.StreamWriter:
    """A client that announces 14 MiB, has sent what it was let send in half a second, and goes on with next to nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    raw = request.raw(f"127.0.0.1:{port}").partition(b"\r\n\r\n")[0]
    writer.write(re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % UPLOAD, raw) + b"\r\n\r\n")
    writer.write(b" " * (UPLOAD - MEBIBYTE))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(writer.drain(), 0.5)
    return writer


async def test_thirty_slow_uploads_take_the_memory_of_a_few_and_others_are_answered(
    site: Site, http: httpx.AsyncClient
) -> None:
    known = asked.callr_rpc("system.get_timestamp")
    unknown = known._replace(headers={**known.headers, "Authorization": "Basic bm9ib2R5Om5vdGhpbmc="})
    # Each thread that checks passwords keeps the memory that scrypt takes: they shall have it before.
    assert set(await asyncio.gather(*(answer_of(http, unknown) for _ in range(12)))) == {401}
    before = site.memory()
    clients = [await uploading(site.port, request) for request in [known] * 15 + [unknown] * 15]
    try:
        assert site.memory() - before < 5 * UPLOAD
        answers = await asyncio.gather(*(answer_of(http, page) for page in site.small_pages() * 4))
        assert set(answers) == {200}
    finally:
        for client in clients:
            client.transport.abort()
    body = (known.body or b"").ljust(UPLOAD)
    assert await answer_of(http, known._replace(body=body)) == 200  # their places are free
