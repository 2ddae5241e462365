"""What concerns thousands of events goes in portions, and keeps nobody from noting his calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from aiohttp import web

from ringtrail.model.webhook import DisabledBy, Endpoint
from ringtrail.storage import events
from ringtrail.storage.webhooks import PORTION
from tests.fixtures import World
from tests.receiver import Receiver
from tests.services.plain import delivering, endpoint_of, execute, log_of, rows

pytestmark = pytest.mark.postgres
URL = "https://crm.example/"
MANY = 2 * PORTION + 5


async def happened(world: World, count: int) -> None:
    await execute(
        world,
        "INSERT INTO events (account_id, type, property_id, about, at) SELECT %s, 'call.ended', %s, i, now()"
        " FROM generate_series(1, %s) i",
        world.account.id, world.property.id, count,
    )  # fmt: skip


async def due(world: World, endpoint: Endpoint) -> list[int]:
    found = await rows(
        world,
        "SELECT event_id FROM deliveries WHERE endpoint_hash = %s AND due_at IS NOT NULL ORDER BY 1",
        endpoint.hash,
    )
    return [row[0] for row in found]


async def all_events(world: World) -> list[int]:
    return [row[0] for row in await rows(world, "SELECT id FROM events WHERE type = 'call.ended' ORDER BY id")]


async def test_a_gap_of_any_length_is_told_whole(world: World) -> None:
    endpoint = await endpoint_of(world, URL)
    disabled = await world.services.webhooks.disable(endpoint, DisabledBy.OWNER)
    await happened(world, MANY)
    enabled, missed = await world.services.webhooks.enable(disabled)
    assert enabled.enabled
    assert missed == MANY
    assert await due(world, endpoint) == await all_events(world)


async def test_a_range_of_any_length_is_replayed_whole_and_no_further(world: World) -> None:
    endpoint = await endpoint_of(world, URL)
    await happened(world, MANY)
    ids = await all_events(world)
    webhooks = world.services.webhooks
    assert await webhooks.replay(endpoint, after=ids[2], until=ids[-2]) == MANY - 4
    assert await due(world, endpoint) == ids[3:-1]


async def test_a_long_log_is_deleted_whole(world: World) -> None:
    endpoint, other = await endpoint_of(world, URL), await endpoint_of(world, URL)
    await happened(world, MANY)
    for each in (endpoint, other):
        await world.services.webhooks.replay(each)
    await world.services.webhooks.delete(world.account.id, endpoint.hash)
    assert await rows(world, "SELECT endpoint_hash, count(*) FROM deliveries GROUP BY 1") == [(other.hash, MANY)]
    assert [item.hash for item in await world.services.webhooks.list(world.account.id)] == [other.hash]


@asynccontextmanager
async def held_up(world: World, database_url: str, work: Any) -> AsyncIterator[None]:
    """While the work is under way and waits for a delivery that somebody else has locked."""
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("SELECT 1 FROM deliveries FOR UPDATE")
        task = asyncio.ensure_future(work)
        async with asyncio.timeout(5):
            while not await rows(world, "SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        try:
            yield
        finally:
            await other.rollback()
            await asyncio.wait_for(task, 10)


@pytest.mark.parametrize("verb", ["delete", "enable"])
async def test_calls_are_noted_while_an_endpoint_is_deleted_or_enabled(
    world: World, database_url: str, verb: str
) -> None:
    webhooks = world.services.webhooks
    endpoint = await endpoint_of(world, URL)
    await world.save(world.golden())
    await execute(world, "UPDATE deliveries SET last_error = 'no answer', tried_at = now() + interval '1 hour'")
    disabled = await webhooks.disable(endpoint, DisabledBy.OWNER)
    work: Awaitable[Any] = (
        webhooks.delete(world.account.id, endpoint.hash) if verb == "delete" else webhooks.enable(disabled)
    )
    async with held_up(world, database_url, work):
        await asyncio.wait_for(world.save(world.golden()), 5)
    if verb == "enable":
        assert len(await log_of(world, endpoint.hash)) == 2


async def test_deleting_an_enabled_endpoint_keeps_no_call_from_being_noted(world: World, database_url: str) -> None:
    endpoint = await endpoint_of(world, URL)
    await world.save(world.golden())
    async with held_up(world, database_url, world.services.webhooks.delete(world.account.id, endpoint.hash)):
        await asyncio.wait_for(world.save(world.golden()), 5)
    assert await rows(world, "SELECT 1 FROM endpoints") == []


async def test_the_last_event_before_an_instant_is_found_however_the_ids_lie(world: World) -> None:
    now = datetime.now(UTC) + timedelta(hours=1)
    (first,) = await rows(world, "SELECT max(id) FROM events")
    for minute, id_ in enumerate((30, 40, 900, 901, 70_000)):
        await execute(
            world,
            "INSERT INTO events (account_id, id, type, property_id, about, at, written_at) OVERRIDING SYSTEM VALUE"
            " VALUES (%s, %s, 'call.ended', 1, 1, now(), %s)",
            world.account.id, id_, now + timedelta(minutes=minute),
        )  # fmt: skip
    async with world.database.reading() as connection:
        found = [
            await events.newest(connection, world.account.id, before=now + timedelta(minutes=minute))
            for minute in (-1, 0, 1, 2, 3, 4, 5)
        ]
        assert await events.newest(connection, world.account.id + 1, before=now) == 0
    assert found == [*first, *first, 30, 40, 900, 901, 70_000]


async def one_subject(world: World, endpoint: Endpoint, count: int) -> list[int]:
    """So many deliveries about one thing are due to it. Returns their events."""
    await happened(world, count)
    await execute(world, "UPDATE events SET about = 7 WHERE type = 'call.ended'")
    await world.services.webhooks.replay(endpoint)
    return await all_events(world)


async def test_whatever_waits_for_a_failed_delivery_is_put_off_with_it_however_much_that_is(
    world: World, receiver: Receiver
) -> None:
    receiver.reply = lambda _: web.Response(status=500)
    endpoint = await endpoint_of(world, receiver.url)
    await one_subject(world, endpoint, MANY)
    async with delivering(world):
        await receiver.wait_for(1)
        async with asyncio.timeout(20):
            while await rows(world, "SELECT 1 FROM deliveries WHERE due_at < now() + interval '5 seconds'"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert len(await rows(world, "SELECT DISTINCT due_at FROM deliveries")) == 1


async def test_what_follows_a_delivery_goes_one_by_one_at_once(world: World, receiver: Receiver) -> None:
    endpoint = await endpoint_of(world, receiver.url)
    ids = await one_subject(world, endpoint, 5)
    await execute(world, "UPDATE deliveries SET due_at = now() + interval '1 day' WHERE event_id > %s", ids[0])
    async with delivering(world):
        received = await receiver.wait_for(5)
    assert [int(request.event_id) for request in received] == ids
