"""Webhooks sent by a worker, against a bare client that posts the same: `python -m bench.webhooks`.

A queue that is full from the start is delivered by `ringtrail work` to the cheapest receiver there is; then a bare aiohttp
client sends the very same requests (bodies and headers as the receiver kept them) to the same receiver, with as many at once.
The ratio is of the time that a delivery takes at full load: 2.0 is half of the bare client's rate. Worker, client, receiver and
PostgreSQL are processes of their own on the same processors.

Then: how long after its commit an event arrives, against a round trip of the bare client; two and three workers against one;
and what a queue of a dead endpoint costs a healthy one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple, NoReturn

import msgspec

from bench import cluster, poster, sink
from bench.ratios import HEAD, Ratio, line, ratio_between
from bench.sink import Arrival, Sink
from bench.sipp_load import cpu_seconds
from ringtrail.config import Settings
from ringtrail.model.call import Call
from ringtrail.model.events import Event, EventType
from ringtrail.model.webhook import Endpoint
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.services.pacing import MOST, MOST_OF_ACCOUNT, MOST_TO_ENDPOINT
from ringtrail.storage import counters, events
from ringtrail.storage.calls import save_calls
from ringtrail.storage.database import Database
from ringtrail.supervisor.parts import environ_of
from tests.fixtures import GOLDEN_START, World, build_world

RUNS, QUICK_RUNS = 5, 2
DELIVERIES, QUICK_DELIVERIES = 10_000, 2_000
DEAD = 100_000
SAMPLES, QUICK_SAMPLES = 300, 60
DIALECTS = ("plain", "invox")
GOAL = 2.0
LOCAL = "127.0.0.0/8"
IDLE_GAP_S = 0.05
TICK_S = 0.01
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


CROWDS = (Crowd(1, 1), Crowd(1, 50), Crowd(20, 10))


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
class Bench:
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
                await save_calls(self.database, [_call(world, n) for n in range(first, min(first + 200, calls))])
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
        import psycopg

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
        while self.sink.count() < number or await self._waiting(accounts):
            if time.monotonic() - began > ENDS_WITHIN_S:
                self.give_up(f"{self.sink.count()} of {number} deliveries were made")
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
        children = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split()
        ended = Path(f"/proc/{self.postmaster}/stat").read_text().rpartition(")")[2].split()[13:15]
        return cpu_seconds([self.postmaster, *map(int, children)]) + sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")


def _call(world: World, number: int) -> Call:
    return world.golden(
        started_at=GOLDEN_START + timedelta(milliseconds=97 * number), caller_number_e164=f"+336{number:08d}"
    )


# --- rates ------------------------------------------------------------------------------------------------------------


async def rate(bench: Bench, crowd: Crowd, dialect: str, deliveries: int, runs: int) -> Ratio:
    """A B A B: the queue by one worker, the same requests by the bare client."""
    await bench.nothing_due()
    accounts = await bench.filled(crowd, dialect, deliveries)
    await bench.nothing_due()
    rounds = []
    with bench.workers(1) as pids:
        warm = await bench.delivered(accounts, pids)
        posts = poster.like(warm.arrivals)
        for _ in range(runs):
            rounds.append((await bench.delivered(accounts, pids), await bench.posted(posts, crowd.at_once)))
    found = ratio_between(f"{dialect}: {crowd.name}", [(a.us, b.us) for a, b in rounds], "µs", GOAL)
    print(line(found), flush=True)
    print(_costs([a for a, _ in rounds], [b for _, b in rounds]), flush=True)
    return found


def _costs(ours: Sequence[Round], bare: Sequence[Round]) -> str:
    def us(rounds: Sequence[Round], what: str) -> float:
        return median(1e6 * getattr(item, what) / item.deliveries for item in rounds)

    return (
        f"  {1e6 / median(a.us for a in ours):,.0f} deliveries/s, bare {1e6 / median(b.us for b in bare):,.0f}/s;"
        f" processor µs a delivery: worker {us(ours, 'cpu_s'):.0f}, PostgreSQL {us(ours, 'postgres_cpu_s'):.0f},"
        f" receiver {us(ours, 'receiver_cpu_s'):.0f}; bare client {us(bare, 'cpu_s'):.0f},"
        f" receiver {us(bare, 'receiver_cpu_s'):.0f}"
    )


async def scaling(bench: Bench, crowd: Crowd, deliveries: int, runs: int) -> list[Ratio]:
    """Two and three workers on one queue, in turn with one."""
    accounts = await bench.filled(crowd, "plain", deliveries)
    await bench.nothing_due()
    found = []
    for number in (2, 3):
        times = []
        for _ in range(runs):
            several, one = [await _by_workers(bench, accounts, count) for count in (number, 1)]
            times.append((several, one))
        found.append(ratio_between(f"{number} workers against one: {crowd.name}", times, "µs"))
        print(line(found[-1]), flush=True)
    return found


async def _by_workers(bench: Bench, accounts: Sequence[int], number: int) -> float:
    with bench.workers(number) as pids:
        await bench.delivered(accounts, pids)
        return (await bench.delivered(accounts, pids)).us


# --- latency ----------------------------------------------------------------------------------------------------------


async def latency(bench: Bench, samples: int, per_s: float | None) -> list[Ratio]:
    """From an event's commit to its arrival, against the bare client's round trips at the same times. per_s None: idle."""
    world = await bench.world()
    await bench.endpoint(world, "plain", 1)
    for number in range(0, samples, 200):
        await save_calls(bench.database, [_call(world, n) for n in range(number, number + 200)])
    await bench.nothing_due()
    each, gap_s = (1, IDLE_GAP_S) if per_s is None else (max(1, round(per_s * TICK_S)), TICK_S)
    with bench.workers(1):
        for _ in range(2):  # the first warms up
            bench.sink.seen()
            committed = await _told_slowly(bench, world, samples, each, gap_s)
            while bench.sink.count() < len(committed):
                await asyncio.sleep(0.02)
            arrivals = bench.sink.seen().arrivals
    waits = [1000 * (item.at - committed[item.event_id]) for item in arrivals]
    posts = [
        msgspec.structs.replace(post, after_s=0.2 + place // each * gap_s)
        for place, post in enumerate(poster.like(arrivals))
    ]
    done = await asyncio.to_thread(poster.post, posts, MOST_TO_ENDPOINT)
    trips = [1000 * s for s in done.round_trips_s]
    when = "idle" if per_s is None else f"at {each / gap_s:,.0f}/s"
    found = [
        ratio_between(f"commit to arrival, {when}, p{place + 1}, against the bare round trip",
                      [(_quantile(waits, place), _quantile(trips, place))], "ms")
        for place in (49, 98)
    ]  # fmt: skip
    for row in found:
        print(line(row), flush=True)
    return found


def _quantile(values: Sequence[float], place: int) -> float:
    return quantiles(values, n=100, method="inclusive")[place]


async def _told_slowly(bench: Bench, world: World, samples: int, each: int, gap_s: float) -> dict[int, float]:
    """{event id: when its commit was known}; `each` events a transaction, a transaction every gap_s seconds."""
    began, committed = time.monotonic(), dict[int, float]()
    for number in range(samples // each):
        await asyncio.sleep(max(0.0, began + number * gap_s - time.monotonic()))
        async with bench.database.transaction() as connection:
            await counters.lock(connection, world.account.id)
            await events.tell(connection, world.account.id, [_event(world, number * each + n) for n in range(each)])
            newest = await events.newest(connection, world.account.id, before=None)
        now = time.monotonic()
        committed.update(dict.fromkeys(range(newest - each + 1, newest + 1), now))
    return committed


def _event(world: World, about: int) -> Event:
    return Event(
        account_id=world.account.id, type=EventType.CALL_ENDED, property_id=world.property.id, about=about,
        at=GOLDEN_START,
    )  # fmt: skip


# --- a dead neighbour -------------------------------------------------------------------------------------------------


async def beside_a_dead_one(bench: Bench, deliveries: int, dead: int, runs: int) -> Ratio:
    """The healthy endpoint's deliveries with, and without, a queue of one that never answers, of the same account."""
    world = await bench.world()
    await bench.endpoint(world, "plain", 1)
    for first in range(0, deliveries, 200):
        await save_calls(bench.database, [_call(world, n) for n in range(first, first + 200)])
    await bench.nothing_due()
    healthy, hanging = world.account.id, await bench.endpoint(world, "plain", 2, "/dead")
    await _queue(bench, world, hanging, dead)
    times = []
    with bench.workers(1) as pids:
        for number in range(runs + 1):
            both = []
            for with_dead in (True, False):
                await _set_dead_due(bench, hanging, with_dead)
                both.append((await _healthy_round(bench, healthy, hanging, deliveries, pids)).us)
            if number:  # the first warms up
                times.append((both[0], both[1]))
        await bench.nothing_due()
    found = ratio_between(f"an endpoint beside {dead:,} deliveries of a dead one", times, "µs")
    print(line(found), flush=True)
    return found


async def _queue(bench: Bench, world: World, endpoint: Endpoint, number: int) -> None:
    async with bench.database.transaction() as connection:
        await connection.execute(
            "WITH told AS (INSERT INTO events (account_id, type, property_id, about, at, detail)"
            " SELECT %s, 'call.ended', %s, n, now(), '{}' FROM generate_series(1, %s) n RETURNING id, about)"
            " INSERT INTO deliveries (account_id, event_id, endpoint_hash, about) SELECT %s, id, %s, about FROM told",
            (world.account.id, world.property.id, number, world.account.id, endpoint.hash),
        )


async def _set_dead_due(bench: Bench, endpoint: Endpoint, due: bool) -> None:
    async with bench.database.transaction() as connection:
        await connection.execute(
            "UPDATE deliveries SET due_at = CASE WHEN %s THEN now() END, tries = 0 WHERE account_id = %s"
            " AND endpoint_hash = %s",
            (due, endpoint.account_id, endpoint.hash),
        )
    await bench.vacuum()
    if due:
        await asyncio.sleep(2.0)  # its first deliveries are under way


async def _healthy_round(bench: Bench, account: int, dead: Endpoint, number: int, pids: Sequence[int]) -> Round:
    bench.sink.seen()
    before, postgres = cpu_seconds(pids), bench.postgres_cpu_s()
    async with bench.database.transaction() as connection:
        await connection.execute(
            "UPDATE deliveries SET due_at = now(), tries = 0, delivered_at = NULL WHERE account_id = %s"
            " AND endpoint_hash <> %s",
            (account, dead.hash),
        )
        await connection.execute("SELECT pg_notify(%s, '')", (events.DELIVERY_CHANNEL,))
    while bench.sink.count() < number:
        await asyncio.sleep(0.02)
    seen = bench.sink.seen()
    return Round(
        deliveries=number, seconds=seen.seconds, cpu_s=cpu_seconds(pids) - before,
        postgres_cpu_s=bench.postgres_cpu_s() - postgres, receiver_cpu_s=seen.cpu_s, arrivals=[],
    )  # fmt: skip


# --- everything -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def ready() -> AsyncIterator[Bench]:
    """In a database of its own that is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="ringtrail-bench-"))
    folder.chmod(0o711)  # PostgreSQL's own user walks through it
    try:
        with cluster.running(folder / "postgres") as url, sink.receiving() as receiver:
            settings = Settings(
                data_dir=str(folder), database_url=url, ari_url="http://none:none@127.0.0.1:9", log_level="error",
                secret_key=SECRET_KEY, egress_allowed_networks=LOCAL, webhook_timeout_s=NO_ANSWER_S,
            )  # fmt: skip
            database = Database(url)
            await database.open()
            try:
                yield Bench(database, receiver, settings, folder, _postmaster(folder / "postgres"))
            finally:
                await database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postmaster(folder: Path) -> int:
    (path,) = folder.rglob("postmaster.pid")
    return int(path.read_text().split()[0])


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    parts: Sequence[str]
    dialects: Sequence[str]
    deliveries: int
    runs: int
    samples: int
    dead: int


async def run(asked: Asked) -> list[Ratio]:
    found: list[Ratio] = []
    print(HEAD, flush=True)
    async with ready() as bench:
        if "rate" in asked.parts:
            found += [
                await rate(bench, crowd, dialect, asked.deliveries, asked.runs)
                for dialect in asked.dialects
                for crowd in CROWDS
            ]
        if "latency" in asked.parts:
            found += await latency(bench, asked.samples, None)
            found += await latency(bench, 10 * asked.samples, _half_of(found))
        if "scaling" in asked.parts:
            found += await scaling(bench, CROWDS[-1], asked.deliveries, asked.runs)
        if "dead" in asked.parts:
            found.append(await beside_a_dead_one(bench, asked.deliveries, asked.dead, asked.runs))
    return found


def _half_of(found: Sequence[Ratio]) -> float:
    """Half of the rate to one endpoint, if it was measured."""
    rates = [1e6 / row.ours for row in found if row.name == f"plain: {CROWDS[0].name}"]
    return rates[0] / 2 if rates else 300.0


def main() -> None:
    parts = ("rate", "latency", "scaling", "dead")
    parser = argparse.ArgumentParser(prog="python -m bench.webhooks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute or two, to see that it works")
    parser.add_argument("--runs", type=int, metavar="N", help=f"pairs of each, default: {RUNS}")
    parser.add_argument("--deliveries", type=int, metavar="N", help=f"in a queue, default: {DELIVERIES}")
    parser.add_argument("--only", nargs="*", choices=parts, default=parts, metavar="PART", help=", ".join(parts))
    parser.add_argument("--dialects", nargs="*", default=DIALECTS, metavar="NAME", help="whose renderer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there too")
    arguments = parser.parse_args()
    quick = arguments.quick
    asked = Asked(
        parts=arguments.only, dialects=arguments.dialects, runs=arguments.runs or (QUICK_RUNS if quick else RUNS),
        deliveries=arguments.deliveries or (QUICK_DELIVERIES if quick else DELIVERIES),
        samples=QUICK_SAMPLES if quick else SAMPLES, dead=DEAD // 10 if quick else DEAD,
    )  # fmt: skip
    found = asyncio.run(run(asked))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    main()
