"""Jobs: run once to their end whoever dies, canceled, told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.job import Job, JobStatus
from ringtrail.ports.clock import SystemClock
from ringtrail.services.jobs import MOST_TRIES, JobFailedError, JobWorker, Keep, Report, Runner
from ringtrail.storage.database import Connection, Database
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def execute(world: World, statement: str, *values: Any) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode(), values)


async def rows(world: World, statement: str) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(statement.encode())).fetchall()


@asynccontextmanager
async def working(world: World, runner: Runner, **others: Runner) -> AsyncIterator[None]:
    running = asyncio.create_task(JobWorker(world.database, SystemClock(), {"count": runner, **others}).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def over(world: World, job: Job) -> Job:
    async with asyncio.timeout(10):
        while True:
            found = await world.services.jobs.by_id(world.account.id, job.id)
            if found.done_at is not None:
                return found
            await asyncio.sleep(0.02)


async def count(job: Job, report: Report) -> tuple[Mapping[str, Any], Keep | None]:
    """Renames the account to what is asked for."""
    await report(50)

    async def keep(connection: Connection) -> None:
        await connection.execute("UPDATE accounts SET name = %s WHERE id = %s", (job.input["name"], job.account_id))

    return {"counted": 7}, keep


async def test_a_job_does_not_wait_for_a_long_one_of_another_kind(world: World) -> None:
    begun, for_ever = asyncio.Event(), asyncio.Event()

    async def lasts(job: Job, report: Report) -> tuple[Mapping[str, Any], Keep | None]:
        begun.set()
        await for_ever.wait()
        return {}, None

    await world.services.jobs.start(world.account.id, "lasts", {})
    async with working(world, count, lasts=lasts):
        await asyncio.wait_for(begun.wait(), 10)
        job = await world.services.jobs.start(world.account.id, "count", {"name": "renamed"})
        assert (await over(world, job)).result == {"counted": 7}


async def test_a_job_is_done_once_and_told(world: World) -> None:
    job = await world.services.jobs.start(world.account.id, "count", {"name": "renamed"})
    assert (job.status, job.percent) == (JobStatus.PENDING, 0)
    async with working(world, count), working(world, count):
        done = await over(world, job)
    assert (done.status, done.percent, done.result, done.error, done.tries) == (
        JobStatus.DONE,
        100,
        {"counted": 7},
        None,
        1,
    )
    assert await rows(world, "SELECT name FROM accounts") == [("renamed",)]
    assert await rows(world, "SELECT detail FROM events WHERE type = 'job.changed'") == [({"id": job.id},)]


async def test_a_job_that_cannot_be_done_says_why(world: World) -> None:
    async def impossible(job: Job, report: Report) -> tuple[Mapping[str, Any], Keep | None]:
        raise JobFailedError("too_large", "the file is too large")

    job = await world.services.jobs.start(world.account.id, "count", {})
    async with working(world, impossible):
        done = await over(world, job)
    assert (done.status, done.error) == (JobStatus.DONE, {"code": "too_large", "message": "the file is too large"})


async def test_a_bug_in_one_job_does_not_end_the_others(world: World) -> None:
    async def fragile(job: Job, report: Report) -> tuple[Mapping[str, Any], Keep | None]:
        return {"name": job.input["name"]}, None

    bad = await world.services.jobs.start(world.account.id, "count", {})
    good = await world.services.jobs.start(world.account.id, "count", {"name": "x"})
    async with working(world, fragile):
        assert (await over(world, bad)).error == {"code": "internal", "message": "an error of ours"}
        assert (await over(world, good)).result == {"name": "x"}


async def test_a_canceled_job_writes_nothing(world: World) -> None:
    began = asyncio.Event()

    async def slow(job: Job, report: Report) -> tuple[Mapping[str, Any], Keep | None]:
        began.set()
        while True:
            await report(1)
            await asyncio.sleep(0.02)

    job = await world.services.jobs.start(world.account.id, "count", {"name": "renamed"})
    async with working(world, slow):
        await asyncio.wait_for(began.wait(), 10)
        await world.services.jobs.cancel(world.account.id, job.id)
        next_one = await world.services.jobs.start(world.account.id, "count", {})
        await world.services.jobs.cancel(world.account.id, next_one.id)
    assert (await over(world, job)).status is JobStatus.CANCELED
    with pytest.raises(DomainError):
        await world.services.jobs.cancel(world.account.id, job.id)


async def test_a_job_whose_worker_died_is_run_again_and_given_up_in_the_end(world: World) -> None:
    job = await world.services.jobs.start(world.account.id, "count", {"name": "renamed"})
    await execute(world, "UPDATE jobs SET status = 'running', tries = 1, due_at = now() + interval '1 hour'")
    async with working(world, count):
        await asyncio.sleep(0.3)
        assert (await world.services.jobs.by_id(world.account.id, job.id)).done_at is None
        await execute(world, "UPDATE jobs SET due_at = now()")
        assert (await over(world, job)).tries == 2
    worn = await world.services.jobs.start(world.account.id, "count", {"name": "again"})
    await execute(world, "UPDATE jobs SET tries = %s WHERE id = %s", MOST_TRIES, worn.id)
    async with working(world, count):
        assert (await over(world, worn)).error == {"code": "given_up", "message": "it was begun too often"}
    assert await rows(world, "SELECT name FROM accounts") == [("renamed",)]


async def test_a_job_is_its_accounts_alone(world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    job = await world.services.jobs.start(world.account.id, "count", {})
    for attempt in (other.services.jobs.by_id, other.services.jobs.cancel):
        with pytest.raises(DomainError) as refused:
            await attempt(other.account.id, job.id)
        assert refused.value.code is ErrorCode.UNKNOWN_VALUE
