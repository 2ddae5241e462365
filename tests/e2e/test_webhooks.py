"""Webhooks by real worker processes that are killed, to a receiver that has bad days: nothing goes untold."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world
from tests.receiver import Received, Receiver, receiving

pytestmark = pytest.mark.postgres
RINGTRAIL = str(Path(sys.executable).parent / "ringtrail")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


@pytest.fixture
def environ(database_url: str, tmp_path: Path) -> dict[str, str]:
    ours = {
        "DATABASE_URL": database_url, "ARI_URL": "http://nobody:nothing@127.0.0.1:9", "DATA_DIR": str(tmp_path / "var"),
        "SECRET_KEY": "k" * 32, "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_TIMEOUT_S": "0.7",
    }  # fmt: skip
    return {**os.environ, **{f"RINGTRAIL_{name}": value for name, value in ours.items()}}


async def ringtrail(environ: dict[str, str], *arguments: str, typed: str = "") -> Any:
    process = await asyncio.create_subprocess_exec(
        RINGTRAIL, *arguments, env=environ, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(typed.encode()), 30)
    assert process.returncode == 0
    return json.loads(output)


@asynccontextmanager
async def worker(environ: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        RINGTRAIL, "work", env=environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


def calling(call: Call) -> Call:
    return replace(
        call, ended_at=None, answered_at=None, bridged_at=None, state=State.RINGING, stage=Stage.RINGING,
        disposition=Disposition.IN_PROGRESS,
    )  # fmt: skip


async def add(environ: dict[str, str], world: World, receiver: Receiver, *more: str) -> str:
    made = await ringtrail(
        environ, "webhooks", "add", "--dialect", "invox", "--account", world.account.sid, "--url", receiver.url, *more,
        "--token", "-", typed="crm-token\n",
    )  # fmt: skip
    return str(made["hash"])


async def test_an_operator_sets_a_push_up_sees_it_work_and_removes_it(world: World, environ: dict[str, str]) -> None:
    async with receiving() as receiver:
        hash_ = await add(environ, world, receiver)
        listed = await ringtrail(environ, "webhooks", "list", "--account", world.account.sid)
        assert [item["hash"] for item in listed] == [hash_]
        assert "crm-token" not in json.dumps(listed)
        await world.save(world.golden())
        async with worker(environ):
            (request,) = await receiver.wait_for(1)
            await all_settled(world)
        assert request.headers["x-api-key"] == "crm-token"
        (entry,) = await ringtrail(environ, "webhooks", "log", "--account", world.account.sid, hash_)
        assert (entry["last_status"], entry["tries"], entry["last_answer"]) == (200, 1, "ok")
        await ringtrail(environ, "webhooks", "remove", "--account", world.account.sid, hash_)
        assert await ringtrail(environ, "webhooks", "list", "--account", world.account.sid) == []


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
            await hurried(world)

    async with receiving() as receiver:
        receiver.reply = moody
        await add(environ, world, receiver)
        await asyncio.gather(write(), kill(6))
        receiver.reply = good_after(moody, delivered)
        async with worker(environ):
            async with asyncio.timeout(60):
                while await hurried(world):  # noqa: ASYNC110 - the database has no event for it
                    await asyncio.sleep(0.5)
        events = await rows(world, "SELECT id, type, about FROM events ORDER BY id")
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


async def hurried(world: World) -> int:
    """Retries are due at once; leases end by themselves. Returns what is not delivered."""
    async with world.database.transaction() as connection:
        await connection.execute(
            "UPDATE deliveries SET due_at = now() WHERE last_error IS NOT NULL AND due_at > now() + interval '3 seconds'"
        )
    return len(await rows(world, "SELECT 1 FROM deliveries WHERE delivered_at IS NULL"))


async def all_settled(world: World) -> None:
    async with asyncio.timeout(20):
        while await rows(world, "SELECT 1 FROM deliveries WHERE due_at IS NOT NULL"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def rows(world: World, statement: str) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(statement.encode())).fetchall()
