"""Jobs: claimed with a lease, as deliveries are; what becomes of one is told in the transaction that notes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from ringtrail.model.events import Event, EventType
from ringtrail.model.ids import number_of_job
from ringtrail.model.job import Job, JobStatus
from ringtrail.storage import counters
from ringtrail.storage.database import Connection
from ringtrail.storage.events import tell

JOB_CHANNEL = "ringtrail_jobs"
"""NOTIFY channel: a job is due."""

_COLUMNS = "account_id, id, kind, status, percent, input, result, error, endpoint_hash, tries, created_at, done_at"


def _job(row: Sequence[Any]) -> Job:
    return Job(
        account_id=row[0], id=row[1], kind=row[2], status=JobStatus(row[3]), percent=row[4], input=row[5],
        result=row[6], error=row[7], endpoint_hash=row[8], tries=row[9], created_at=row[10], done_at=row[11],
    )  # fmt: skip


def _json(value: Mapping[str, Any] | None) -> Jsonb | None:
    return None if value is None else Jsonb(dict(value), dumps=json.dumps)


async def add(connection: Connection, job: Job, due_at: datetime | None) -> None:
    """due_at None: it is over already."""
    await connection.execute(
        f"INSERT INTO jobs ({_COLUMNS}, due_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)".encode(),
        (
            job.account_id, job.id, job.kind, job.status.value, job.percent, _json(job.input), _json(job.result),
            _json(job.error), job.endpoint_hash, job.tries, job.created_at, job.done_at, due_at,
        ),
    )  # fmt: skip
    await connection.execute("SELECT pg_notify(%s, '')", (JOB_CHANNEL,))


async def by_id(connection: Connection, account_id: int, job_id: str) -> Job | None:
    row = await (
        await connection.execute(
            f"SELECT {_COLUMNS} FROM jobs WHERE account_id = %s AND id = %s".encode(), (account_id, job_id)
        )
    ).fetchone()
    return _job(row) if row else None


async def claim(connection: Connection, kind: str, now: datetime, lease_until: datetime) -> Job | None:
    """The job of a kind that has waited longest; one whose worker died waits again when its lease has ended."""
    row = await (
        await connection.execute(
            "UPDATE jobs SET status = 'running', tries = tries + 1, due_at = %s WHERE id = ("
            "SELECT id FROM jobs WHERE due_at <= %s AND kind = %s ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
            f" RETURNING {_COLUMNS}".encode(),
            (lease_until, now, kind),
        )
    ).fetchone()
    return _job(row) if row else None


async def go_on(connection: Connection, job: Job, percent: Decimal, lease_until: datetime) -> bool:
    """Note how far it is and keep the lease. False: it is not ours any more, or was canceled."""
    cursor = await connection.execute(
        "UPDATE jobs SET percent = %s, due_at = %s WHERE account_id = %s AND id = %s AND tries = %s"
        " AND status = 'running'",
        (percent, lease_until, job.account_id, job.id, job.tries),
    )
    return cursor.rowcount == 1


async def hold(connection: Connection, job: Job) -> bool:
    """Until the transaction ends nobody cancels it or takes it over. False: that has been done."""
    cursor = await connection.execute(
        "SELECT FROM jobs WHERE account_id = %s AND id = %s AND tries = %s AND status = 'running' FOR UPDATE",
        (job.account_id, job.id, job.tries),
    )
    return cursor.rowcount == 1


async def count(connection: Connection, account_id: int, kind: str, since: datetime) -> int:
    """Jobs of a kind that were begun since then and neither failed nor were canceled."""
    row = await (
        await connection.execute(
            "SELECT count(*) FROM jobs WHERE account_id = %s AND kind = %s AND created_at >= %s AND error IS NULL"
            " AND status <> 'canceled'",
            (account_id, kind, since),
        )
    ).fetchone()
    return row[0] if row else 0


async def end(
    connection: Connection,
    job: Job,
    now: datetime,
    *,
    result: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
) -> bool:
    """Note what came of it, and tell. False: it is not ours any more, or was canceled: nothing of it may be kept."""
    cursor = await connection.execute(
        "UPDATE jobs SET status = 'done', percent = 100, result = %s, error = %s, done_at = %s, due_at = NULL"
        " WHERE account_id = %s AND id = %s AND tries = %s AND status = 'running'",
        (_json(result), _json(error), now, job.account_id, job.id, job.tries),
    )
    if cursor.rowcount == 0:
        return False
    await told(connection, job, now)
    return True


async def cancel(connection: Connection, job: Job, now: datetime) -> bool:
    """False: it is over already."""
    cursor = await connection.execute(
        "UPDATE jobs SET status = 'canceled', done_at = %s, due_at = NULL WHERE account_id = %s AND id = %s"
        " AND status IN ('pending', 'running')",
        (now, job.account_id, job.id),
    )
    if cursor.rowcount == 0:
        return False
    await told(connection, job, now)
    return True


async def told(connection: Connection, job: Job, now: datetime) -> None:
    """That the job is not what it was."""
    await counters.lock(connection, job.account_id)
    event = Event(
        account_id=job.account_id, type=EventType.JOB_CHANGED, property_id=None, about=number_of_job(job.id), at=now,
        detail={"id": job.id}, endpoint_hash=job.endpoint_hash,
    )  # fmt: skip
    await tell(connection, job.account_id, [event])


async def forget(connection: Connection, until: datetime) -> None:
    """Delete jobs that were over before then."""
    await connection.execute("DELETE FROM jobs WHERE done_at < %s", (until,))
