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
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

import msgspec

from bench import poster
from bench.ratios import HEAD, Ratio, line, ratio_between
from bench.sipp_load import cpu_seconds
from bench.webhook_ground import Crowd, Ground, Round, call_of, ready
from ringtrail.model.events import Event, EventType
from ringtrail.model.webhook import Endpoint
from ringtrail.services.pacing import MOST_TO_ENDPOINT
from ringtrail.storage import counters, events
from ringtrail.storage.calls import save_calls
from tests.fixtures import GOLDEN_START, World

RUNS, QUICK_RUNS = 5, 2
DELIVERIES, QUICK_DELIVERIES = 10_000, 2_000
DEAD = 100_000
SAMPLES, QUICK_SAMPLES = 300, 60
DIALECTS = ("plain", "invox")
GOAL = 2.0
IDLE_GAP_S = 0.05
TICK_S = 0.01


CROWDS = (Crowd(1, 1), Crowd(1, 50), Crowd(20, 10))


# --- rates ------------------------------------------------------------------------------------------------------------


async def rate(ground: Ground, crowd: Crowd, dialect: str, deliveries: int, runs: int) -> Ratio:
    """A B A B: the queue by one worker, the same requests by the bare client."""
    await ground.nothing_due()
    accounts = await ground.filled(crowd, dialect, deliveries)
    await ground.nothing_due()
    rounds = []
    with ground.workers(1) as pids:
        warm = await ground.delivered(accounts, pids)
        posts = poster.like(warm.arrivals)
        for _ in range(runs):
            rounds.append((await ground.delivered(accounts, pids), await ground.posted(posts, crowd.at_once)))
    found = ratio_between(f"{dialect}: {crowd.name}", [(a.us, b.us) for a, b in rounds], "µs", GOAL)
    print(line(found), flush=True)
    print(_costs([a for a, _ in rounds], [b for _, b in rounds]), flush=True)
    return found


def _costs(ours: Sequence[Round], bare: Sequence[Round]) -> str:
    def us(rounds: Sequence[Round], what: str) -> float:
        return 1e6 * median(float(getattr(item, what)) / item.deliveries for item in rounds)

    return (
        f"  {1e6 / median(a.us for a in ours):,.0f} deliveries/s, bare {1e6 / median(b.us for b in bare):,.0f}/s;"
        f" processor µs a delivery: worker {us(ours, 'cpu_s'):.0f}, PostgreSQL {us(ours, 'postgres_cpu_s'):.0f},"
        f" receiver {us(ours, 'receiver_cpu_s'):.0f}; bare client {us(bare, 'cpu_s'):.0f},"
        f" receiver {us(bare, 'receiver_cpu_s'):.0f}"
    )


async def scaling(ground: Ground, crowd: Crowd, deliveries: int, runs: int) -> list[Ratio]:
    """Two and three workers on one queue, in turn with one."""
    accounts = await ground.filled(crowd, "plain", deliveries)
    await ground.nothing_due()
    found = []
    for number in (2, 3):
        times = []
        for _ in range(runs):
            several, one = [await _by_workers(ground, accounts, count) for count in (number, 1)]
            times.append((several, one))
        found.append(ratio_between(f"{number} workers against one: {crowd.name}", times, "µs"))
        print(line(found[-1]), flush=True)
    return found


async def _by_workers(ground: Ground, accounts: Sequence[int], number: int) -> float:
    with ground.workers(number) as pids:
        await ground.delivered(accounts, pids)
        return (await ground.delivered(accounts, pids)).us


# --- latency ----------------------------------------------------------------------------------------------------------


async def latency(ground: Ground, samples: int, per_s: float | None) -> list[Ratio]:
    """From an event's commit to its arrival, against the bare client's round trips at the same times. per_s None: idle."""
    world = await ground.world()
    await ground.endpoint(world, "plain", 1)
    for number in range(0, samples, 200):
        await save_calls(ground.database, [call_of(world, n) for n in range(number, number + 200)])
    await ground.nothing_due()
    each, gap_s = (1, IDLE_GAP_S) if per_s is None else (max(1, round(per_s * TICK_S)), TICK_S)
    ground.sink.seen()
    with ground.workers(1):
        await ground.arrived(len(await _told_slowly(ground, world, samples, each, gap_s)))  # warms up
        committed = await _told_slowly(ground, world, samples, each, gap_s)
        arrivals = (await ground.arrived(len(committed))).arrivals
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


async def _told_slowly(ground: Ground, world: World, samples: int, each: int, gap_s: float) -> dict[int, float]:
    """{event id: when its commit was known}; `each` events a transaction, a transaction every gap_s seconds."""
    began, committed = time.monotonic(), dict[int, float]()
    for number in range(samples // each):
        await asyncio.sleep(max(0.0, began + number * gap_s - time.monotonic()))
        async with ground.database.transaction() as connection:
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


async def beside_a_dead_one(ground: Ground, deliveries: int, dead: int, runs: int) -> Ratio:
    """The healthy endpoint's deliveries with, and without, a queue of one that never answers, of the same account."""
    world = await ground.world()
    await ground.endpoint(world, "plain", 1)
    for first in range(0, deliveries, 200):
        await save_calls(ground.database, [call_of(world, n) for n in range(first, first + 200)])
    await ground.nothing_due()
    healthy, hanging = world.account.id, await ground.endpoint(world, "plain", 2, "/dead")
    await _queue(ground, world, hanging, dead)
    times = []
    with ground.workers(1) as pids:
        for number in range(runs + 1):
            both = []
            for with_dead in (True, False):
                await _set_dead_due(ground, hanging, with_dead)
                both.append((await _healthy_round(ground, healthy, hanging, deliveries, pids)).us)
            if number:  # the first warms up
                times.append((both[0], both[1]))
        await ground.nothing_due()
    found = ratio_between(f"an endpoint beside {dead:,} deliveries of a dead one", times, "µs")
    print(line(found), flush=True)
    return found


async def _queue(ground: Ground, world: World, endpoint: Endpoint, number: int) -> None:
    async with ground.database.transaction() as connection:
        await connection.execute(
            "WITH told AS (INSERT INTO events (account_id, type, property_id, about, at, detail)"
            " SELECT %s, 'call.ended', %s, n, now(), '{}' FROM generate_series(1, %s) n RETURNING id, about)"
            " INSERT INTO deliveries (account_id, event_id, endpoint_hash, about) SELECT %s, id, %s, about FROM told",
            (world.account.id, world.property.id, number, world.account.id, endpoint.hash),
        )


async def _set_dead_due(ground: Ground, endpoint: Endpoint, due: bool) -> None:
    async with ground.database.transaction() as connection:
        await connection.execute(
            "UPDATE deliveries SET due_at = CASE WHEN %s THEN now() END, tries = 0 WHERE account_id = %s"
            " AND endpoint_hash = %s",
            (due, endpoint.account_id, endpoint.hash),
        )
    await ground.vacuum()
    if due:
        await asyncio.sleep(2.0)  # its first deliveries are under way


async def _healthy_round(ground: Ground, account: int, dead: Endpoint, number: int, pids: Sequence[int]) -> Round:
    ground.sink.seen()
    before, postgres = cpu_seconds(pids), ground.postgres_cpu_s()
    async with ground.database.transaction() as connection:
        await connection.execute(
            "UPDATE deliveries SET due_at = now(), tries = 0, delivered_at = NULL WHERE account_id = %s"
            " AND endpoint_hash <> %s",
            (account, dead.hash),
        )
        await connection.execute("SELECT pg_notify(%s, '')", (events.DELIVERY_CHANNEL,))
    seen = await ground.arrived(number)
    return Round(
        deliveries=number, seconds=seen.seconds, cpu_s=cpu_seconds(pids) - before,
        postgres_cpu_s=ground.postgres_cpu_s() - postgres, receiver_cpu_s=seen.cpu_s, arrivals=[],
    )  # fmt: skip


# --- everything -------------------------------------------------------------------------------------------------------


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
    async with ready() as ground:
        if "rate" in asked.parts:
            found += [
                await rate(ground, crowd, dialect, asked.deliveries, asked.runs)
                for dialect in asked.dialects
                for crowd in CROWDS
            ]
        if "latency" in asked.parts:
            found += await latency(ground, asked.samples, None)
            found += await latency(ground, 10 * asked.samples, _half_of(found))
        if "scaling" in asked.parts:
            found += await scaling(ground, CROWDS[-1], asked.deliveries, asked.runs)
        if "dead" in asked.parts:
            found.append(await beside_a_dead_one(ground, asked.deliveries, asked.dead, asked.runs))
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
