"""Webhooks by real worker processes that are killed, to a receiver that has bad days: nothing goes untold."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiohttp import web

from ringtrail.storage.database import Database
from tests.e2e.workers import all_settled, calling, environment, hurry, ringtrail, rows, worker
from tests.fixtures import World, build_world
from tests.receiver import Received, Receiver, receiving

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


@pytest.fixture
def environ(database_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(database_url, tmp_path)


async def add(environ: dict[str, str], world: World, receiver: Receiver, *more: str) -> str:
    made = await ringtrail(
        environ, "webhooks", "add", "--dialect", "invox", "--account", world.account.sid, "--url", receiver.url, *more,
        "--token", "-", typed="crm-token\n",
    )  # fmt: skip
    return str(made["hash"])


async def test_an_operator_sets_a_webhook_up_sees_it_work_and_removes_it(world: World, environ: dict[str, str]) -> None:
    async with receiving() as receiver:
        hash_ = await add(environ, world, receiver)
        listed = await ringtrail(environ, "webhooks", "list", "--json", "--account", world.account.sid)
        assert [item["hash"] for item in listed] == [hash_]
        assert "crm-token" not in json.dumps(listed)
        await world.save(world.golden())
        async with worker(environ):
            (request,) = await receiver.wait_for(1)
            await all_settled(world)
        assert request.headers["x-api-key"] == "crm-token"
        (entry,) = await ringtrail(environ, "webhooks", "log", "--json", "--account", world.account.sid)
        assert (entry["last_status"], entry["tries"], entry["last_error"]) == (200, 1, None)
        await ringtrail(environ, "webhooks", "remove", "--account", world.account.sid, hash_)
        assert await ringtrail(environ, "webhooks", "list", "--json", "--account", world.account.sid) == []


async def test_secrets_are_not_readable_in_the_database(world: World, environ: dict[str, str]) -> None:
    async with receiving() as receiver:
        await add(environ, world, receiver)
    async with world.database.reading() as connection:
        row = await (await connection.execute("SELECT secrets, endpoints::text FROM endpoints")).fetchone()
    assert row is not None
    assert b"crm-token" not in bytes(row[0])
    assert "crm-token" not in row[1]


async def test_a_call_that_is_kept_while_no_worker_lives_is_told_later(world: World, environ: dict[str, str]) -> None:
    async with receiving() as receiver:
        await add(environ, world, receiver)
        await world.save(world.golden())
        async with worker(environ):
            await receiver.wait_for(1)


async def test_a_worker_that_dies_while_it_sends_leaves_the_rest_to_the_next(
    world: World, environ: dict[str, str]
) -> None:
    """The receiver had the call, the worker never heard so: it is told again, as the same event."""

    async def never(_: Received) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with receiving() as receiver:
        await add(environ, world, receiver)
        good, receiver.reply = receiver.reply, never
        await world.save(world.golden())
        async with worker(environ) as process:
            await receiver.wait_for(1)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        receiver.reply = good
        async with worker(environ):
            first, second = await receiver.wait_for(2)
        assert first.event_id == second.event_id
        assert first.body == second.body


@pytest.mark.parametrize(
    ("held", "heard"),
    [
        ("LOCK TABLE calls IN ACCESS EXCLUSIVE MODE", 0),  # claimed, nothing sent yet
        ("SELECT 1 FROM deliveries FOR UPDATE", 1),  # answered, nothing noted yet
        ("LOCK TABLE attempts IN SHARE MODE", 1),  # while it is noted
    ],
)
async def test_a_worker_may_die_anywhere_between_the_claim_and_the_note(
    world: World, environ: dict[str, str], database_url: str, held: str, heard: int
) -> None:
    """It is stopped at that very point by a lock that it has to wait for."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def reply(_: Received) -> web.Response:
        entered.set()
        await go_on.wait()
        return web.Response()

    async with receiving() as receiver:
        receiver.reply = reply
        await add(environ, world, receiver)
        await world.save(world.golden())
        async with await psycopg.AsyncConnection.connect(database_url) as holder:
            if not heard:
                await holder.execute(held.encode())
            async with worker(environ) as process:
                if heard:
                    await asyncio.wait_for(entered.wait(), 20)
                    await holder.execute(held.encode())
                    go_on.set()
                await waits_in_a_try(world)
                process.send_signal(signal.SIGKILL)
                await process.wait()
        assert len(receiver.received) == heard
        assert await rows(world, "SELECT 1 FROM attempts") == []
        go_on.set()
        async with worker(environ):
            await all_settled(world)
    assert len(receiver.received) == heard + 1
    assert len({request.event_id for request in receiver.received}) == 1
    assert await rows(world, "SELECT status FROM attempts") == [(200,)]


async def waits_in_a_try(world: World) -> None:
    """The delivery is claimed, and the worker has to wait for a lock."""
    condition = "EXISTS (SELECT FROM pg_locks WHERE NOT granted) AND EXISTS (SELECT FROM deliveries WHERE tries > 0)"
    async with asyncio.timeout(20):
        while not await rows(world, f"SELECT 1 WHERE {condition}"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_nothing_goes_untold_while_workers_are_killed_and_the_receiver_has_bad_days(
    world: World, environ: dict[str, str]
) -> None:
    """Calls are written all the time; each is told started, then ended, at least once, whatever dies."""
    calls = [world.golden() for _ in range(60)]
    answers = iter(range(1_000_000))
    delivered: dict[str, list[str]] = defaultdict(list)

    async def moody(request: Received) -> web.Response:
        mood = next(answers) % 7
        if mood == 0:
            return web.Response(status=500)
        if mood == 1:
            await asyncio.sleep(1.5)
        if mood == 2:
            raise web.HTTPFound("http://127.0.0.1:1/")
        if mood != 1:
            delivered[request.event_id].append(request.json["status"])
        return web.Response()

    async def write() -> None:
        for call in calls:
            await world.save(calling(call))
            await asyncio.sleep(0.02)
        for call in calls:
            await world.save(call)
            await asyncio.sleep(0.02)

    async def kill(for_s: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + for_s
        while loop.time() < until:
            async with worker(environ) as process, worker(environ):
                await asyncio.sleep(1.3)
                process.send_signal(signal.SIGKILL)
                await asyncio.sleep(0.2)
            await hurry(world)

    async with receiving() as receiver:
        receiver.reply = moody
        await add(environ, world, receiver)
        await asyncio.gather(write(), kill(6))
        receiver.reply = good_after(moody, delivered)
        async with worker(environ):
            async with asyncio.timeout(60):
                while await undelivered(world):
                    await hurry(world)
                    await asyncio.sleep(0.5)
        wanted = "type IN ('call.started', 'call.ended')"
        events = await rows(world, f"SELECT id, type, about FROM events WHERE {wanted} ORDER BY id")
        assert len(events) == 2 * len(calls)
        assert {str(row[0]) for row in events} == set(delivered)
        in_order(receiver, events)


def good_after(_: Any, delivered: dict[str, list[str]]) -> Any:
    def good(request: Received) -> web.Response:
        delivered[request.event_id].append(request.json["status"])
        return web.Response()

    return good


def in_order(receiver: Receiver, events: list[tuple[Any, ...]]) -> None:
    """No call's end was sent before its start had been."""
    about = {str(row[0]): (row[2], row[1]) for row in events}
    started: set[int] = set()
    for request in receiver.received:
        call, type_ = about[request.event_id]
        if type_ == "call.started":
            started.add(call)
        assert call in started


async def undelivered(world: World) -> int:
    return len(await rows(world, "SELECT 1 FROM deliveries WHERE delivered_at IS NULL"))
