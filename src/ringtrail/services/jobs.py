"""Jobs: started by a request, run by a worker, looked up until they are forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import string
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeAlias

import structlog

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.job import Job, JobStatus
from ringtrail.ports.clock import Clock
from ringtrail.storage import jobs as store
from ringtrail.storage.database import Connection, Database

log = structlog.get_logger("ringtrail.jobs")

LEASE = timedelta(minutes=2)
MOST_TRIES = 3
KEPT = timedelta(days=30)
POLL_S = 1.0
_LETTERS = string.ascii_lowercase + string.digits


class JobFailedError(Exception):
    """The job cannot be done; the message is for who asked for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class JobLostError(Exception):
    """It was canceled, or another worker has it: stop, and keep nothing."""


Report: TypeAlias = Callable[[float], Awaitable[None]]
"""Told how far the work is, 0 to 100; keeps the lease. Raises JobLostError."""
Keep: TypeAlias = Callable[[Connection], Awaitable[None]]
"""What a job writes, in the transaction that ends it."""
Runner: TypeAlias = Callable[[Job, Report], Awaitable[tuple[Mapping[str, Any], Keep | None]]]
"""Does the work: (result, what to write). Raises JobFailedError. It may be run again after a crash: what it does outside of
`Keep` must bear that."""


class Jobs:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def start(
        self, account_id: int, kind: str, given: Mapping[str, Any], *, endpoint_hash: str | None = None
    ) -> Job:
        """endpoint_hash: an endpoint that is told of this job besides those that ask for job.changed."""
        async with self._database.transaction() as connection:
            return await self.started_in(connection, account_id, kind, given, endpoint_hash=endpoint_hash)

    async def started_in(
        self,
        connection: Connection,
        account_id: int,
        kind: str,
        given: Mapping[str, Any],
        *,
        endpoint_hash: str | None = None,
    ) -> Job:
        """As `start`, in a transaction of the caller's."""
        now = self._clock.now()
        job = _new(account_id, kind, given, JobStatus.PENDING, endpoint_hash, now)
        await store.add(connection, job, now)
        return job

    async def done_at_once(self, connection: Connection, account_id: int, kind: str, result: Mapping[str, Any]) -> Job:
        """A job whose work the caller's transaction does."""
        now = self._clock.now()
        job = _new(account_id, kind, {}, JobStatus.DONE, None, now, result)
        await store.add(connection, job, None)
        await store.told(connection, job, now)
        return job

    async def at_once(
        self, account_id: int, kind: str, work: Callable[[Connection], Awaitable[Mapping[str, Any]]]
    ) -> Job:
        """Do the work, and keep it as a job that is over: both or neither. work: told the transaction, gives the result."""
        async with self._database.transaction() as connection:
            return await self.done_at_once(connection, account_id, kind, await work(connection))

    async def by_id(self, account_id: int, job_id: str) -> Job:
        """DomainError UNKNOWN_VALUE 'id'."""
        async with self._database.reading() as connection:
            found = await store.by_id(connection, account_id, job_id)
        if found is None:
            raise DomainError(ErrorCode.UNKNOWN_VALUE, "id", "no such job")
        return found

    async def cancel(self, account_id: int, job_id: str) -> None:
        """DomainError UNKNOWN_VALUE 'id' for one that is not there, or is over."""
        job = await self.by_id(account_id, job_id)
        async with self._database.transaction() as connection:
            if not await store.cancel(connection, job, self._clock.now()):
                raise DomainError(ErrorCode.UNKNOWN_VALUE, "id", "the job is over")


def _new(
    account_id: int,
    kind: str,
    given: Mapping[str, Any],
    status: JobStatus,
    endpoint_hash: str | None,
    now: Any,
    result: Mapping[str, Any] | None = None,
) -> Job:
    over = status is JobStatus.DONE
    return Job(
        account_id=account_id, id="".join(secrets.choice(_LETTERS) for _ in range(30)), kind=kind, status=status,
        percent=Decimal(100 if over else 0), input=given, result=result, error=None, endpoint_hash=endpoint_hash,
        tries=0, created_at=now, done_at=now if over else None,
    )  # fmt: skip


class JobWorker:
    """Runs one job of each kind after the other; several may run. runners: {kind: what does it}."""

    def __init__(self, database: Database, clock: Clock, runners: Mapping[str, Runner]) -> None:
        self._database = database
        self._clock = clock
        self._runners = runners
        self._wakes = {kind: asyncio.Event() for kind in runners}

    async def run(self) -> None:
        """Work until cancelled. Kinds do not wait for each other: an upload is not held up by somebody's long export."""
        tasks = [asyncio.create_task(work) for work in (self._listen(), *map(self._run_kind, self._runners))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_kind(self, kind: str) -> None:
        wake = self._wakes[kind]
        while True:
            wake.clear()
            if not await self._run_one(kind):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await wake.wait()

    async def forget_old(self) -> None:
        async with self._database.transaction() as connection:
            await store.forget(connection, self._clock.now() - KEPT)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(DomainError):
                async with self._database.notifications(store.JOB_CHANNEL) as payloads:
                    async for _ in payloads:
                        for wake in self._wakes.values():
                            wake.set()
            await asyncio.sleep(POLL_S)

    async def _run_one(self, kind: str) -> bool:
        """False: nothing is due, or the database is away."""
        now = self._clock.now()
        try:
            async with self._database.transaction() as connection:
                job = await store.claim(connection, kind, now, now + LEASE)
            if job is None:
                return False
            await self._work(job)
        except DomainError as exc:
            log.warning("jobs_wait_for_database", reason=exc.detail)
            return False
        return True

    async def _work(self, job: Job) -> None:
        async def report(percent: float) -> None:
            async with self._database.transaction() as connection:
                if not await store.go_on(connection, job, round(Decimal(percent), 2), self._clock.now() + LEASE):
                    raise JobLostError

        try:
            if job.tries > MOST_TRIES:
                raise JobFailedError("given_up", "it was begun too often")
            result, keep = await self._runners[job.kind](job, report)
            await self._end(job, result, keep)
        except JobLostError:
            log.info("job_lost", account_id=job.account_id, job=job.id, kind=job.kind)
        except JobFailedError as exc:
            await self._fail(job, exc.code, str(exc))
        except DomainError:
            raise
        except Exception:  # the boundary of a job: one that cannot be done must not end the others
            log.exception("job_failed", account_id=job.account_id, job=job.id, kind=job.kind)
            await self._fail(job, "internal", "an error of ours")

    async def _end(self, job: Job, result: Mapping[str, Any], keep: Keep | None) -> None:
        async with self._database.transaction() as connection:
            if keep is not None:
                await keep(connection)
            if not await store.end(connection, job, self._clock.now(), result=result):
                raise JobLostError

    async def _fail(self, job: Job, code: str, message: str) -> None:
        async with self._database.transaction() as connection:
            await store.end(connection, job, self._clock.now(), error={"code": code, "message": message})
