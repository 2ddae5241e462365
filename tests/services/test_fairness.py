"""What a claim takes, from whom, and at what cost: nobody's queue is in another's way."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from ringtrail.model.webhook import DueDelivery
from ringtrail.services.deliverer import ENDPOINTS
from ringtrail.services.pacing import FIRST, MOST, MOST_OF_ACCOUNT, MOST_UNPROVEN, Pacing
from ringtrail.storage import webhooks as store
from ringtrail.storage.webhooks import Place
from tests.fixtures import World, build_world
from tests.receiver import Received, Receiver, receiving
from tests.services.plain import LIMIT_S, delivering, execute, rows

pytestmark = pytest.mark.postgres
NOW = datetime(2026, 7, 14, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=45)
START = Place()


async def endpoints_of(
    world: World, letters: str, count: int = 1, *, address: str = "http://127.0.0.1:1/", failing: bool = False
) -> None:
    """Endpoints A0000001 and on."""
    await execute(
        world,
        "INSERT INTO endpoints (account_id, hash, dialect, address, event_types, failing_since, created_at, updated_at)"
        " SELECT %s, %s || lpad(n::text, 7, '0'), 'plain', %s, '{}', CASE WHEN %s THEN now() END, now(), now()"
        " FROM generate_series(1, %s) n",
        world.account.id, letters, address, failing, count,
    )  # fmt: skip


async def waiting_of(world: World, letters: str, each: int, *, due_at: datetime = NOW, per_call: int = 1) -> None:
    """So many deliveries for each endpoint whose hash begins so, due at the same instant, as after a replay."""
    await execute(
        world,
        "WITH e AS (INSERT INTO events (account_id, type, property_id, about, at)"
        " SELECT %s, 'call.ended', %s, (SELECT count(*) FROM events) + n / %s, now() FROM generate_series(1, %s) n RETURNING account_id, id, about)"
        " INSERT INTO deliveries (account_id, event_id, endpoint_hash, about, due_at)"
        " SELECT e.account_id, e.id, p.hash, e.about, %s FROM e JOIN endpoints p"
        " ON p.account_id = e.account_id AND p.hash LIKE %s",
        world.account.id, world.property.id, per_call, each, due_at, letters + "%",
    )  # fmt: skip


async def claim(world: World, pacing: Pacing, place: Place = START) -> tuple[list[DueDelivery], Place]:
    """As the deliverer does."""
    unproven, unproven_room = pacing.unproven_room()
    async with world.database.transaction() as connection:
        due, place = await store.claim(
            connection, NOW, NOW + LEASE, place=place, endpoints=ENDPOINTS, each=FIRST, room=pacing.room(),
            account=MOST_OF_ACCOUNT, account_room=pacing.account_room(), total=pacing.free, proven=pacing.proven(),
            unproven=unproven, unproven_room=unproven_room,
        )  # fmt: skip
    for item in due:
        pacing.began(item.endpoint.account_id, item.endpoint.hash, failing=item.endpoint.failing_since is not None)
    return due, place


async def claim_round(world: World, pacing: Pacing) -> list[DueDelivery]:
    """All claims of one round."""
    found, place = await claim(world, pacing)
    while place != START:
        more, place = await claim(world, pacing, place)
        found += more
    return found


def prove(pacing: Pacing, account_id: int, hash_: str) -> None:
    pacing.began(account_id, hash_, failing=False)
    pacing.ended(account_id, hash_, good=True, took_s=0.01)


def per_letter(due: list[DueDelivery]) -> Counter[str]:
    return Counter(item.endpoint.hash[0] for item in due)


async def claim_blocks(world: World, pacing: Pacing) -> tuple[int, int]:
    """(deliveries claimed, blocks of 8 KiB looked at)."""
    unproven, _ = pacing.unproven_room()
    given = {
        "now": NOW, "lease_until": NOW + LEASE, "after_account": 0, "after_hash": "", "endpoints": ENDPOINTS,
        "each": FIRST, "room": "{}", "account": MOST_OF_ACCOUNT, "account_room": "{}", "total": pacing.free,
        "proven": [], "unproven_room": "{}", "unproven": unproven,
    }  # fmt: skip
    async with world.database.transaction() as connection:
        cursor = await connection.execute(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + store._CLAIM, given)
        row = await cursor.fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return plan["Actual Rows"], plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("analyzed", [True, False])
async def test_a_claim_reads_no_long_queue_through(world: World, analyzed: bool) -> None:
    """Whether the planner knows how long it is or not. Three events of each call: all but the first are held back."""
    await endpoints_of(world, "A", failing=True)
    await waiting_of(world, "A", 100_000, per_call=3)
    await endpoints_of(world, "B", 20)
    await waiting_of(world, "B", 5)
    if analyzed:
        await execute(world, "ANALYZE deliveries, events, endpoints")
    claimed, blocks = await claim_blocks(world, Pacing())
    assert claimed == 1 + 20 * FIRST
    assert blocks < 60 * claimed  # 100,000 deliveries lie in more than 1,000 blocks, and twice that of indexes
    _, blocks = await claim_blocks(world, Pacing())
    assert blocks < 60 * claimed


async def test_one_accounts_long_queue_is_not_in_anothers_way(world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await endpoints_of(world, "A", 3)
    await waiting_of(world, "A", 17_000, due_at=NOW - timedelta(days=1))
    await endpoints_of(other, "B")
    await waiting_of(other, "B", 2)
    pacing = Pacing()
    for number in (1, 2, 3):
        for _ in range(100):  # as wide as windows get
            prove(pacing, world.account.id, f"A000000{number}")
    taken = per_letter((await claim(world, pacing))[0])
    assert taken["B"] == 2
    assert taken["A"] <= MOST_OF_ACCOUNT
    assert (await claim(world, pacing))[0] == []
    await waiting_of(other, "B", 1)
    assert per_letter((await claim(world, pacing))[0]) == {"B": 1}


async def test_dead_endpoints_leave_half_of_their_account_to_those_that_answer(world: World) -> None:
    """300 that time out, with old deliveries; a good one, with one of now. Nothing ends meanwhile."""
    await endpoints_of(world, "D", 300)
    await waiting_of(world, "D", 10, due_at=NOW - timedelta(days=1))
    await endpoints_of(world, "G")
    pacing = Pacing()
    prove(pacing, world.account.id, "G0000001")
    taken = per_letter(await claim_round(world, pacing))
    assert taken["D"] <= MOST_OF_ACCOUNT // 2 + 1
    for _ in range(20):
        await waiting_of(world, "G", 1)
        assert per_letter(await claim_round(world, pacing)) == {"G": 1}
        pacing.ended(world.account.id, "G0000001", good=True, took_s=0.01)


async def test_dead_endpoints_of_many_accounts_leave_half_of_the_worker(world: World, tmp_path: Path) -> None:
    for number in range(12):
        dead = await build_world(world.database, tmp_path, name=f"Dead {number}")
        await endpoints_of(dead, "CDEFHIJKLMNO"[number], 100, failing=number % 2 == 0)
        await waiting_of(dead, "CDEFHIJKLMNO"[number], 5, due_at=NOW - timedelta(days=1))
    await endpoints_of(world, "G")
    pacing = Pacing()
    prove(pacing, world.account.id, "G0000001")
    taken = await claim_round(world, pacing)
    assert MOST_UNPROVEN // 2 <= len(taken) < MOST
    await waiting_of(world, "G", 5)
    assert per_letter(await claim_round(world, pacing)) == {"G": 5}


async def test_a_new_endpoint_goes_before_those_that_fail(world: World) -> None:
    """Of what is left to the unproven."""
    await endpoints_of(world, "D", 190, failing=True)
    await waiting_of(world, "D", 3, due_at=NOW - timedelta(days=1))
    await endpoints_of(world, "N")
    await waiting_of(world, "N", 1)
    taken = per_letter((await claim(world, Pacing()))[0])
    assert taken["N"] == 1
    assert 0 < taken["D"] <= MOST_OF_ACCOUNT // 2


async def test_no_round_is_cut_short_by_endpoints_that_only_wait(world: World, receiver: Receiver) -> None:
    """Three thousand that are tried tomorrow stand in the index before the one that is due: its delivery needs no second poll."""
    await endpoints_of(world, "A", 3_000)
    await waiting_of(world, "A", 1, due_at=datetime.now(UTC) + timedelta(days=1))
    await endpoints_of(world, "Z", address=receiver.url)
    await waiting_of(world, "Z", 20, due_at=datetime.now(UTC) + timedelta(seconds=2))
    async with delivering(world):
        await receiver.wait_for(20, within_s=2 + 3)


async def test_two_workers_send_nothing_twice_while_leases_hold(world: World, receiver: Receiver) -> None:
    async with receiving() as slow:

        async def late(_: Received) -> web.Response:
            await asyncio.sleep(0.5 * LIMIT_S)
            return web.Response()

        slow.reply = late
        await endpoints_of(world, "A", 5, address=receiver.url)
        await endpoints_of(world, "B", 5, address=slow.url)
        async with delivering(world), delivering(world), delivering(world):
            for letter, each in (("A", 60), ("B", 4)):
                await waiting_of(world, letter, each, per_call=2, due_at=datetime.now(UTC))
            await receiver.wait_for(300)
            await slow.wait_for(20)
            async with asyncio.timeout(10):
                while await rows(world, "SELECT 1 FROM deliveries WHERE due_at IS NOT NULL"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
    assert (len(receiver.received), len(slow.received)) == (300, 20)
    assert await rows(world, "SELECT count(*), max(tries) FROM deliveries") == [(320, 1)]
    assert await rows(world, "SELECT count(*) FROM attempts") == [(320,)]


async def test_a_healthy_endpoint_goes_on_among_300_that_time_out(world: World, receiver: Receiver) -> None:
    """By a running worker: all of its 200 calls are told while the dead ones are still being waited for."""

    async def never(_: Received) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with receiving() as dead:
        dead.reply = never
        await endpoints_of(world, "D", 300, address=dead.url)
        await endpoints_of(world, "G", address=receiver.url)
        await waiting_of(world, "G", 1, due_at=datetime.now(UTC))
        async with delivering(world):
            await receiver.wait_for(1)
            await waiting_of(world, "D", 20, due_at=datetime.now(UTC) - timedelta(days=1))
            await dead.wait_for(20)
            await waiting_of(world, "G", 200, due_at=datetime.now(UTC))
            await receiver.wait_for(201, within_s=15)
            told = len(dead.received)
    assert told < 300 * 20 / 2
