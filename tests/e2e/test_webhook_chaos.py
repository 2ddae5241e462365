"""The worst days at once: workers die at random while things happen, and receivers do all that receivers do."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringtrail.dialects.native.signatures import new_secret
from ringtrail.model.call import Call
from ringtrail.model.events import UNASKED, EventType
from ringtrail.model.webhook import Endpoint
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.services.messages import NewMessage
from ringtrail.storage.database import Database
from tests.e2e.tempers import (
    Receiving,
    Temper,
    answers_half,
    asks_for_a_rest_until,
    keeps_silent,
    never_ends,
    receiving,
    resets,
    says,
    speaks_tls,
)
from tests.e2e.workers import LIMIT_S, calling, environment, hurry, rows, worker
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres
ALL = tuple(type_ for type_ in EventType if type_ not in UNASKED)
CALLS = 24
CHAOS_S = 10.0
HEALTHY: dict[str, Temper] = {
    "one": says("200 OK"),
    "another": says("204 No Content"),
    "slow": says("200 OK", after_s=0.4 * LIMIT_S),
    "endless": never_ends,
}
DEAD: dict[str, Temper] = {
    "silent": keeps_silent,
    "resetting": resets,
    "broken": says("500 Internal Server Error"),
    "resting for seconds": says("429 Too Many Requests", "Retry-After: 3600"),
    "resting until a date": asks_for_a_rest_until(timedelta(hours=1)),
    "gone": says("410 Gone"),
    "half": answers_half,
    "TLS": speaks_tls,
}


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    world = await build_world(database, tmp_path)
    services = build_services(
        database, SystemClock(), recordings_folder=str(tmp_path), secret_key="k" * 32,
        egress_allowed_networks="127.0.0.0/8",
    )  # fmt: skip
    return replace(world, services=services)


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """Where redirects lead to: nobody may come."""
    with socket.create_server(("127.0.0.2", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture
async def receivers(trap: socket.socket) -> AsyncIterator[dict[str, Receiving]]:
    moved = says("301 Moved Permanently", f"Location: http://127.0.0.2:{trap.getsockname()[1]}/")
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(receiving(temper))
            for name, temper in {**HEALTHY, **DEAD, "moved": moved}.items()
        }


async def endpoint_of(world: World, name: str, receiver: Receiving) -> Endpoint:
    secrets = {"v1": [{"key": new_secret(), "until": None}]}
    return await world.services.webhooks.add(
        world.account.id, "native", name=name, address=receiver.url, event_types=ALL, secrets=secrets
    )


async def things_happen(world: World, calls: list[Call]) -> None:
    """Calls, messages and numbers, spread over the chaos."""
    numbers = [f"+3397777{serial:04d}" for serial in range(0, len(calls), 4)]
    sender = f"+3396666{world.account.id:04d}"
    await world.services.stock.add(numbers)
    await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164=sender, capabilities=("voice", "sms")
    )
    for serial, call in enumerate(calls):
        await world.save(calling(call))
        if serial % 4 == 0:
            did = await world.services.stock.buy(world.account.id, world.property.id, number_e164=numbers[serial // 4])
            await world.services.stock.release(did)
        if serial % 4 == 1:
            wanted = NewMessage(property_id=world.property.id, recipient="+33612345678", body=f"Hello {serial}")
            await world.services.messages.send(world.account, wanted)
        await asyncio.sleep(0.4 * CHAOS_S / len(calls))
    for call in calls:
        await world.save(call)
        await asyncio.sleep(0.4 * CHAOS_S / len(calls))


async def one_of_a_pair(environ: dict[str, str], until: float) -> int:
    """Workers, one after the other, each killed at a random moment of its life. How many."""
    loop, killed = asyncio.get_running_loop(), 0
    while loop.time() < until:
        async with worker(environ):
            await asyncio.sleep(random.uniform(1.2, 3.5))
            killed += 1
    return killed


async def told_to_all(world: World, receivers: dict[str, Receiving], within_s: float) -> set[int]:
    """The ids of all events, once each healthy endpoint was sent every one of them and so the ledger says."""
    wanted = "SELECT 1 FROM deliveries d JOIN endpoints e ON e.hash = d.endpoint_hash WHERE e.name = ANY(%s) AND d.due_at IS NOT NULL"
    async with asyncio.timeout(within_s):
        while await rows(world, wanted, list(HEALTHY)):
            await hurry(world)
            await asyncio.sleep(0.4)
    return {row[0] for row in await rows(world, "SELECT id FROM events")}


async def test_whatever_dies_every_healthy_endpoint_is_told_everything(
    world: World, receivers: dict[str, Receiving], trap: socket.socket, database_url: str, tmp_path: Path
) -> None:
    environ = environment(database_url, tmp_path)
    for name, receiver in receivers.items():
        await endpoint_of(world, name, receiver)
    first = {row[0] for row in await rows(world, "SELECT id FROM events")}
    calls = [world.golden() for _ in range(CALLS)]
    until = asyncio.get_running_loop().time() + CHAOS_S
    _, *killed = await asyncio.gather(things_happen(world, calls), *(one_of_a_pair(environ, until) for _ in "ab"))
    assert sum(killed) >= 4
    all_dead_at = datetime.now(UTC)
    async with worker(environ), worker(environ):
        events = await told_to_all(world, receivers, 40)
        await all_at_rest(world)
    assert first < events
    await everything_is_an_event(world, calls)
    for name in HEALTHY:
        assert receivers[name].events == events - first, name
        in_order(receivers[name], await abouts(world))
    for name, receiver in receivers.items():
        one_name_for_each_event(receiver)
        await in_the_ledger(world, name, receiver, all_dead_at)
    await dead_ones_have_their_queues(world, receivers)
    with pytest.raises(BlockingIOError):
        trap.accept()


async def all_at_rest(world: World) -> None:
    """Nothing new begins, and nothing is under way: what a killed worker held is nobody's after its lease."""
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE endpoints SET disabled_by = 'owner' WHERE disabled_by IS NULL")
    moving = "SELECT 1 FROM deliveries WHERE due_at > now() AND tries > 0 AND last_error IS NULL"
    async with asyncio.timeout(20):
        while await rows(world, moving):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.1)


async def everything_is_an_event(world: World, calls: list[Call]) -> None:
    kinds: dict[int, list[str]] = defaultdict(list)
    for about, type_ in await rows(world, "SELECT about, type FROM events ORDER BY id"):
        kinds[about].append(type_)
    for call in calls:
        assert kinds[call.id][0] == "call.started"
        assert kinds[call.id].count("call.ended") == 1
        assert {"leg.started", "leg.ended"} < set(kinds[call.id])
    count = Counter(type_ for types in kinds.values() for type_ in types)
    assert count["number.released"] == CALLS // 4
    assert count["message.changed"] >= CALLS // 4
    assert count["endpoint.disabled"] == 1


async def abouts(world: World) -> dict[int, int]:
    return dict(await rows(world, "SELECT id, about FROM events"))


def in_order(receiver: Receiving, abouts: dict[int, int]) -> None:
    """The first time that each event of a call came: never before an earlier one of the same call."""
    newest: dict[int, int] = {}
    known: set[int] = set()
    for item in receiver.seen:
        if item.event_id not in known:
            assert newest.get(abouts[item.event_id], 0) < item.event_id
            newest[abouts[item.event_id]] = item.event_id
            known.add(item.event_id)


def one_name_for_each_event(receiver: Receiving) -> None:
    assert len({(item.event_id, item.name, item.json["id"]) for item in receiver.seen}) == len(receiver.events)


async def in_the_ledger(world: World, name: str, receiver: Receiving, all_dead_at: datetime) -> None:
    """What came is noted, but for tries whose worker was killed before it could: none of those after the last kill."""
    noted = "SELECT a.event_id FROM attempts a JOIN endpoints e ON e.hash = a.endpoint_hash WHERE e.name = %s AND a.at >= %s"
    late = Counter(row[0] for row in await rows(world, noted, name, all_dead_at))
    seen = Counter(item.event_id for item in receiver.seen if item.at >= all_dead_at)
    assert seen <= late, name
    unsettled = "SELECT coalesce(sum(tries), 0) FROM deliveries d JOIN endpoints e ON e.hash = d.endpoint_hash WHERE e.name = %s"
    ((claims,),) = await rows(world, unsettled, name)
    assert len(receiver.seen) <= claims, name


async def dead_ones_have_their_queues(world: World, receivers: dict[str, Receiving]) -> None:
    """They cost the healthy ones nothing: those were told all while these still wait, and were tried less."""
    waiting = dict(
        await rows(
            world,
            "SELECT e.name, count(*) FROM deliveries d JOIN endpoints e ON e.hash = d.endpoint_hash"
            " WHERE d.delivered_at IS NULL GROUP BY 1",
        )
    )
    assert set(waiting) == {*DEAD, "moved"}
    for name in ("silent", "resting for seconds", "resting until a date"):
        assert len(receivers[name].seen) < len(receivers["one"].seen)
    ((disabled,),) = await rows(world, "SELECT array_agg(name) FROM endpoints WHERE disabled_by = 'system'")
    assert disabled == ["gone"]
