"""What the benchmark of webhooks runs on: a database, accounts with queues, a receiver, workers, and rounds of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, NoReturn

import psycopg

from bench import cluster, poster, sink
from bench.sink import Arrival, Seen, Sink
from bench.sipp_load import cpu_seconds
from ringtrail.config import Settings
from ringtrail.model.call import Call
from ringtrail.model.events import EventType
from ringtrail.model.webhook import Endpoint
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.services.pacing import MOST, MOST_OF_ACCOUNT, MOST_TO_ENDPOINT
from ringtrail.storage import events
from ringtrail.storage.calls import save_calls
from ringtrail.storage.database import Database
from ringtrail.supervisor.parts import environ_of
from tests.fixtures import GOLDEN_START, World, build_world

LOCAL = "127.0.0.0/8"
SECRET_KEY = "k" * 32
NO_ANSWER_S = 15.0
ENDS_WITHIN_S = 300


class Crowd(NamedTuple):
    """Who is told: accounts with the same number of endpoints each. Every endpoint has a host of its own."""

    accounts: int
    endpoints: int

    @property
    def name(self) -> str:
        all_of_them = self.accounts * self.endpoints
        return f"{all_of_them} endpoint{'s' * (all_of_them > 1)} of {self.accounts} account{'s' * (self.accounts > 1)}"

    @property
    def at_once(self) -> int:
        """The most that one worker has under way."""
        return min(self.accounts * min(self.endpoints * MOST_TO_ENDPOINT, MOST_OF_ACCOUNT), MOST)


@dataclass(frozen=True, slots=True)
class Round:
    """What delivering the queue once took."""

    deliveries: int
    seconds: float
    cpu_s: float  # the worker's or client's
    postgres_cpu_s: float
    receiver_cpu_s: float
    arrivals: list[Arrival]

    @property
    def us(self) -> float:
        """Microseconds a delivery."""
        return 1e6 * self.seconds / self.deliveries


@dataclass
class Ground:
    """A database with accounts, the receiver, and the settings of workers."""

    database: Database
    sink: Sink
    settings: Settings
    folder: Path
    postmaster: int
    made: int = 0

    # --- who is told, and what ---

    async def world(self) -> World:
        self.made += 1
        world = await build_world(self.database, self.folder, name=f"Bench {self.made}")
        services = build_services(
            self.database, SystemClock(), recordings_folder=str(self.folder), secret_key=SECRET_KEY,
            egress_allowed_networks=LOCAL,
        )  # fmt: skip
        return replace(world, services=services)

    async def filled(self, crowd: Crowd, dialect: str, deliveries: int) -> list[int]:
        """Accounts whose endpoints have so many deliveries before them, of ended calls. Their ids."""
        worlds = [await self.world() for _ in range(crowd.accounts)]
        for number, world in enumerate(worlds):
            for place in range(crowd.endpoints):
                await self.endpoint(world, dialect, 1 + number * crowd.endpoints + place)
            calls = deliveries // (crowd.accounts * crowd.endpoints)
            for first in range(0, calls, 200):
                await save_calls(self.database, [call_of(world, n) for n in range(first, min(first + 200, calls))])
        return [world.account.id for world in worlds]

    async def endpoint(self, world: World, dialect: str, host: int, path: str = "/hook") -> Endpoint:
        return await world.services.webhooks.add(
            world.account.id, dialect, address=self.sink.url(host, path), event_types=[EventType.CALL_ENDED]
        )

    async def due_again(self, accounts: Sequence[int]) -> int:
        """Everything that these accounts' endpoints were told is to be told again, from now on."""
        await self.vacuum()
        async with self.database.transaction() as connection:
            cursor = await connection.execute(
                "UPDATE deliveries SET due_at = now(), tries = 0, delivered_at = NULL, last_error = NULL,"
                " last_status = NULL WHERE account_id = ANY(%s)",
                (list(accounts),),
            )
            await connection.execute("SELECT pg_notify(%s, '')", (events.DELIVERY_CHANNEL,))
            return cursor.rowcount

    async def nothing_due(self) -> None:
        async with self.database.transaction() as connection:
            await connection.execute("UPDATE deliveries SET due_at = NULL WHERE due_at IS NOT NULL")

    async def vacuum(self) -> None:
        """What autovacuum would have done between two rounds."""
        async with self.database.reading() as connection:
            for table in ("deliveries", "attempts", "events"):
                await connection.execute(f"VACUUM (ANALYZE) {table}".encode())

    # --- rounds ---

    @contextmanager
    def workers(self, number: int) -> Iterator[list[int]]:
        """Their process ids."""
        command = [sys.executable, *os.environ.get("BENCH_PROFILE", "").split(), "-m", "bench.plain_worker"]
        with (self.folder / "work.log").open("ab") as log:
            running = [
                subprocess.Popen(command, env=environ_of(self.settings), stdout=log, stderr=log) for _ in range(number)
            ]
        try:
            self._wait_for_listeners(number)
            yield [process.pid for process in running]
        finally:
            for process in running:
                process.send_signal(signal.SIGTERM)
            for process in running:
                process.wait(30)

    def _wait_for_listeners(self, number: int) -> None:
        deadline = time.monotonic() + 20
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            while time.monotonic() < deadline:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s",
                    (f'LISTEN "{events.DELIVERY_CHANNEL}"',),
                ).fetchone()
                if row is not None and row[0] >= number:
                    return
                time.sleep(0.05)
        self.give_up("the workers do not start")

    def give_up(self, why: str) -> NoReturn:
        sys.exit(f"{why}; the end of their log:\n{(self.folder / 'work.log').read_text()[-2000:]}")

    async def delivered(self, accounts: Sequence[int], pids: Sequence[int]) -> Round:
        """One round of the workers."""
        self.sink.seen()
        before, postgres = cpu_seconds(pids), self.postgres_cpu_s()
        number = await self.due_again(accounts)
        postgres_filling, began = self.postgres_cpu_s() - postgres, time.monotonic()
        while self.sink.arrived() < number or await self._waiting(accounts):
            if time.monotonic() - began > ENDS_WITHIN_S:
                self.give_up(f"{self.sink.arrived()} of {number} deliveries were made")
            await asyncio.sleep(0.02)
        ended = time.monotonic()
        seen = self.sink.seen()
        if len(seen.arrivals) != number:
            print(f"  {len(seen.arrivals)} arrivals of {number} deliveries", flush=True)
        return Round(
            deliveries=number, seconds=ended - began, cpu_s=cpu_seconds(pids) - before,
            postgres_cpu_s=self.postgres_cpu_s() - postgres - postgres_filling, receiver_cpu_s=seen.cpu_s,
            arrivals=seen.arrivals,
        )  # fmt: skip

    async def _waiting(self, accounts: Sequence[int]) -> bool:
        async with self.database.reading() as connection:
            cursor = await connection.execute(
                "SELECT 1 FROM deliveries WHERE account_id = ANY(%s) AND due_at IS NOT NULL LIMIT 1", (list(accounts),)
            )
            return await cursor.fetchone() is not None

    async def arrived(self, number: int) -> Seen:
        """What the receiver has, once it is so much."""
        while self.sink.arrived() < number:  # noqa: ASYNC110 - only the receiver knows
            await asyncio.sleep(0.02)
        return self.sink.seen()

    async def posted(self, posts: Sequence[poster.Post], at_once: int) -> Round:
        """One round of the bare client."""
        self.sink.seen()
        done = await asyncio.to_thread(poster.post, posts, at_once)
        seen = self.sink.seen()
        return Round(
            deliveries=len(posts), seconds=done.seconds, cpu_s=done.cpu_s, postgres_cpu_s=0.0,
            receiver_cpu_s=seen.cpu_s, arrivals=seen.arrivals,
        )  # fmt: skip

    def postgres_cpu_s(self) -> float:
        """Of all its processes, those that have ended too."""
        total, tick = 0.0, os.sysconf("SC_CLK_TCK")
        children = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split()
        for pid in (str(self.postmaster), *children):
            with suppress(OSError):  # it has just ended
                spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += sum(map(int, spent[11:15] if pid == str(self.postmaster) else spent[11:13]))
        return total / tick


def call_of(world: World, number: int) -> Call:
    return world.golden(
        started_at=GOLDEN_START + timedelta(milliseconds=97 * number), caller_number_e164=f"+336{number:08d}"
    )


@asynccontextmanager
async def ready() -> AsyncIterator[Ground]:
    """In a database of its own that is thrown away."""
    folder = _folder()
    try:
        with cluster.running(folder / "postgres") as url, sink.receiving() as receiver:
            settings = Settings(
                data_dir=str(folder), database_url=url, ari_url="http://none:none@127.0.0.1:9", log_level="error",
                secret_key=SECRET_KEY, egress_allowed_networks=LOCAL, webhook_timeout_s=NO_ANSWER_S,
            )  # fmt: skip
            database = Database(url)
            await database.open()
            try:
                yield Ground(database, receiver, settings, folder, _postmaster(folder / "postgres"))
            finally:
                await database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ringtrail-bench-"))
    folder.chmod(0o711)  # PostgreSQL's own user walks through it
    return folder


def _postmaster(folder: Path) -> int:
    (path,) = folder.rglob("postmaster.pid")
    return int(path.read_text().split()[0])
