"""Tables that jobs export to files of comma-separated values: their account's alone, for a week.

A file is written beside its place and moved there in the transaction that ends its job, so that there is one file of a job
that is done, whoever died on the way, and none of one that was canceled.
"""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.job import Job, JobStatus
from ringtrail.ports.clock import Clock
from ringtrail.services.jobs import JobLostError, Jobs, Keep, Report, Runner
from ringtrail.storage import counters
from ringtrail.storage import jobs as store
from ringtrail.storage.database import Connection, Database

KEPT = timedelta(days=7)
MOST_EXPORTS = 20
"""Of one account: files, and jobs that will make one."""
_COMPUTED = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9.]+X*")  # also a phone number whose last digits are hidden


class Portion(NamedTuple):
    """Some rows, and how far the table is with them: 0 to 100."""

    rows: Sequence[Sequence[object]]
    percent: float


class Table(NamedTuple):
    """url: where the file will be fetched."""

    header: Sequence[str]
    portions: AsyncIterator[Portion]
    url: str


Source: TypeAlias = Callable[[Job], Awaitable[Table]]
"""What a job of some kind is to export."""


class Exports:
    def __init__(self, database: Database, clock: Clock, jobs: Jobs, folder: Path) -> None:
        self._database = database
        self._clock = clock
        self._jobs = jobs
        self._folder = folder

    async def start(
        self, account_id: int, kind: str, given: Mapping[str, Any], *, endpoint_hash: str | None = None
    ) -> Job:
        """As `Jobs.start`. DomainError TOO_MANY 'filters'."""
        async with self._database.transaction() as connection:
            await counters.lock(connection, account_id)  # of two requests at once, one counts the other's
            if await store.count(connection, account_id, kind, self._clock.now() - KEPT) >= MOST_EXPORTS:
                raise DomainError(ErrorCode.TOO_MANY, "filters", f"{MOST_EXPORTS} exports in {KEPT.days} days at most")
            return await self._jobs.started_in(connection, account_id, kind, given, endpoint_hash=endpoint_hash)

    async def file(self, account_id: int, name: str) -> Path | None:
        """The account's file of this name, which is the id of the job that made it."""
        async with self._database.reading() as connection:
            job = await store.by_id(connection, account_id, name)
        path = self._place(job) if job and job.status is JobStatus.DONE else None
        return path if path and path.is_file() else None

    def runner(self, source: Source) -> Runner:
        """Result: `filename`, `rows` without the header, `url`."""

        async def run(job: Job, report: Report) -> tuple[Mapping[str, Any], Keep | None]:
            table = await source(job)
            unfinished = await asyncio.to_thread(self._begin, job)
            try:
                rows = await _write(unfinished, table, report)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise

            async def keep(connection: Connection) -> None:
                if not await store.hold(connection, job):
                    unfinished.unlink(missing_ok=True)
                    raise JobLostError
                unfinished.replace(self._place(job))

            return {"filename": job.id, "rows": rows, "url": table.url}, keep

        return run

    async def sweep(self) -> None:
        """Delete the files of more than a week ago."""
        await asyncio.to_thread(_delete_older, self._folder, (self._clock.now() - KEPT).timestamp())

    def _begin(self, job: Job) -> Path:
        """A file for this try. What an earlier one left is deleted."""
        place = self._place(job)
        place.parent.mkdir(parents=True, exist_ok=True)
        for left in place.parent.glob(f"{job.id}.*"):
            left.unlink(missing_ok=True)
        return place.with_suffix(f".{job.tries}.part")

    def _place(self, job: Job) -> Path:
        return self._folder / str(job.account_id) / f"{job.id}.csv"


async def _write(path: Path, table: Table, report: Report) -> int:
    """How many rows there were. A portion is in memory at a time."""
    count = 0
    with path.open("wb") as file:
        await asyncio.to_thread(_append, file, [table.header])
        async for portion in table.portions:
            await asyncio.to_thread(_append, file, portion.rows)
            count += len(portion.rows)
            await report(portion.percent)
    return count


def _append(file: BinaryIO, rows: Sequence[Sequence[object]]) -> None:
    file.write(csv_bytes(rows))


def csv_bytes(rows: Iterable[Sequence[object]]) -> bytes:
    """RFC 4180 in UTF-8; None is empty.

    What a caller chose, such as a name, could be a formula to a spreadsheet that opens the file: text that would be one gets
    an apostrophe before it. Numbers stay as they are, though phone numbers begin with a plus sign: programs read them, and
    a spreadsheet can make nothing worse of them than a number without it.
    """
    text = StringIO(newline="")
    csv.writer(text).writerows([[_harmless(value) for value in row] for row in rows])
    return text.getvalue().encode()


def _harmless(value: object) -> object:
    computed = isinstance(value, str) and value.startswith(_COMPUTED) and not _NUMBER.fullmatch(value)
    return f"'{value}" if computed else value


def _delete_older(folder: Path, before: float) -> None:
    for path in folder.glob("*/*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
