"""What is noted of attempts, whatever else happens meanwhile: replays, stops, locks, and what cannot be noted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from aiohttp import web

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.webhook import DeliveryState
from ringtrail.services.entered_calls import CallEntry
from ringtrail.storage.calls import save_account
from ringtrail.storage.database import Connection, Database
from ringtrail.storage.schema import ensure_partitions
from tests.fixtures import World
from tests.receiver import Received, Receiver
from tests.services.plain import (
    attempts_of,
    delivering,
    endpoint_of,
    execute,
    log_of,
    principal,
    rows,
    tried,
)

pytestmark = pytest.mark.postgres


class Gate:
    """A reply that waits until it is let through. What came before is in the receiver's list."""

    def __init__(self, status: int = 200) -> None:
        self.open = asyncio.Event()
        self.status = status

    async def __call__(self, _: Received) -> web.Response:
        await self.open.wait()
        return web.Response(status=self.status)


class LostAnswer(Database):
    """The server's answer to the first commit of an attempt does not arrive."""

    lost = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with super().transaction() as connection:
            yield connection
            noted = await (await connection.execute("SELECT FROM attempts")).fetchone()
        if noted is not None and not self.lost:
            self.lost = True
            raise DomainError(ErrorCode.UNAVAILABLE, detail="the database is away")


@pytest.mark.parametrize("status", [200, 500])
async def test_an_attempt_whose_commit_was_not_answered_is_noted_once(
    world: World, receiver: Receiver, status: int
) -> None:
    receiver.reply = lambda _: web.Response(status=status)
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    database = LostAnswer(world.database.url)
    await database.open()
    async with delivering(world, database):
        await tried(world, endpoint)
        await asyncio.sleep(1.5)  # what it does not know to be noted it notes again after a second
    await database.close()
    assert database.lost
    assert [attempt.status for attempt in await attempts_of(world, endpoint)] == [status]


@pytest.mark.parametrize("renders", ["a number in a header", "a NUL in the address", "a NUL in the error"])
async def test_an_attempt_that_cannot_be_noted_keeps_no_other_from_it(
    world: World, receiver: Receiver, renders: str
) -> None:
    odd = await endpoint_of(world, receiver.url, settings={"renders": renders})
    good = await endpoint_of(world, receiver.url)
    async with delivering(world):
        await world.save(world.golden())
        (entry,) = await tried(world, good)
        assert entry.state is DeliveryState.DELIVERED
        (entry,) = await tried(world, odd)
        assert entry.last_error is not None
        await world.save(world.golden())
        assert len(await tried(world, good)) == 2


async def test_a_replay_leaves_alone_what_is_under_way_in_its_second_try(world: World, receiver: Receiver) -> None:
    receiver.reply = lambda _: web.Response(status=500)
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    async with delivering(world):
        await tried(world, endpoint)
        receiver.reply = gate = Gate()
        await execute(world, "UPDATE deliveries SET due_at = now()")
        await receiver.wait_for(2)
        assert await world.services.webhooks.replay(endpoint) == 0
        await asyncio.sleep(0.3)
        assert len(receiver.received) == 2
        gate.open.set()
        (entry,) = await tried(world, endpoint, 2)
    assert (entry.tries, entry.state) == (2, DeliveryState.DELIVERED)


async def test_what_was_passed_over_while_it_was_under_way_is_delivered_if_it_was_answered(
    world: World, receiver: Receiver
) -> None:
    """Enabled without what it missed: the ledger still says what became of what had been sent."""
    receiver.reply = gate = Gate()
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    webhooks = world.services.webhooks
    async with delivering(world):
        await receiver.wait_for(1)
        await webhooks.change(endpoint, enabled=False)
        await webhooks.enable(endpoint, replay=False)
        gate.open.set()
        async with asyncio.timeout(5):
            while not await attempts_of(world, endpoint):  # noqa: ASYNC110 - only the database knows
                await asyncio.sleep(0.02)
    (entry,) = await log_of(world, endpoint.hash)
    assert (entry.state, entry.last_error) == (DeliveryState.DELIVERED, None)


async def test_an_event_that_is_being_written_while_its_endpoint_is_enabled_is_told(
    world: World, receiver: Receiver
) -> None:
    """Its writer saw the endpoint disabled, and whoever enables it does not see the event yet."""
    endpoint = await endpoint_of(world, receiver.url)
    webhooks, call = world.services.webhooks, world.golden()
    await webhooks.change(endpoint, enabled=False)
    await ensure_partitions(world.database, [call.started_at])
    async with world.database.transaction() as connection:
        await save_account(connection, world.account.id, [call])
        enabling = asyncio.create_task(webhooks.enable(endpoint))
        await asyncio.sleep(0.3)
        assert not enabling.done()
    _, missed = await asyncio.wait_for(enabling, 10)
    assert missed == 1
    assert [entry.about for entry in await log_of(world, endpoint.hash)] == [call.id]


async def test_whoever_replays_and_whoever_notes_do_not_wait_for_each_other(
    world: World, receiver: Receiver, database_url: str
) -> None:
    """Both take the endpoint first, then its deliveries."""
    receiver.reply = gate = Gate(500)
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    async with delivering(world), await psycopg.AsyncConnection.connect(database_url) as other:
        await receiver.wait_for(1)
        await other.execute("SELECT 1 FROM endpoints FOR NO KEY UPDATE")
        gate.open.set()
        async with asyncio.timeout(5):
            while not await rows(world, "SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await other.execute("SET lock_timeout = '300ms'")
        await other.execute("SELECT 1 FROM deliveries FOR UPDATE")
        await other.commit()
        await tried(world, endpoint)


async def test_what_was_answered_before_a_stop_is_not_sent_again_after_it(
    world: World, receiver: Receiver, database_url: str
) -> None:
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("SELECT 1 FROM call_counters FOR UPDATE")
        receiver.reply = gate = Gate()
        async with delivering(world):
            await receiver.wait_for(1)
            await other.execute("SELECT 1 FROM deliveries FOR UPDATE")
            gate.open.set()
            async with asyncio.timeout(5):
                while not await rows(world, "SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            asyncio.get_running_loop().call_later(0.3, lambda: asyncio.ensure_future(other.commit()))
    (entry,) = await log_of(world, endpoint.hash)
    assert entry.state is DeliveryState.DELIVERED


async def test_a_success_leaves_what_waited_for_it_in_its_place_of_the_queue(world: World, receiver: Receiver) -> None:
    receiver.reply = gate = Gate()
    endpoint = await endpoint_of(world, receiver.url)
    call = world.golden()
    await world.save(call)
    await world.services.entered_calls.correct(principal(world), call.id, CallEntry(duration_s=7))
    await execute(world, "UPDATE deliveries SET due_at = now() - interval '1 hour'")
    async with delivering(world):
        await receiver.wait_for(1)
        await execute(world, "UPDATE endpoints SET paused_until = now() + interval '1 hour'")
        gate.open.set()
        async with asyncio.timeout(5):
            while not await attempts_of(world, endpoint):  # noqa: ASYNC110 - only the database knows
                await asyncio.sleep(0.02)
    waiting, delivered = await log_of(world, endpoint.hash)
    assert delivered.state is DeliveryState.DELIVERED
    assert waiting.due_at is not None
    assert datetime.now(UTC) - waiting.due_at > timedelta(minutes=59)


async def test_what_is_taken_out_of_the_log_keeps_nothing_back(world: World, receiver: Receiver) -> None:
    receiver.reply = lambda request: web.Response(status=500 if request.body == b"call.ended" else 200)
    endpoint = await endpoint_of(world, receiver.url)
    call = world.golden()
    await world.save(call)
    await world.services.entered_calls.correct(principal(world), call.id, CallEntry(duration_s=7))
    async with delivering(world):
        await receiver.wait_for(1)
        _, first = await tried(world, endpoint, 0)
        await world.services.webhooks.forget(endpoint, first.event_id)
        await receiver.wait_for(2, within_s=5)
    assert [request.body for request in receiver.received] == [b"call.ended", b"call.changed"]
