"""Service `jobs`: what became of what was asked for. Of a job that failed, `status` is DONE and `error` says why."""

from __future__ import annotations

from typing import Any

import msgspec

from ringtrail.dialects.callr.parameters import Asking, bad_format, bad_value
from ringtrail.dialects.callr.vocabulary import datetime_text
from ringtrail.model.errors import DomainError
from ringtrail.model.job import Job as Kept


class Job(msgspec.Struct):
    done_at: str | None
    error: dict[str, Any] | None
    id: str
    percent: str
    result: dict[str, Any] | None
    status: str


async def job(asking: Asking, path: str, value: Any) -> Kept:
    """The id of a job."""
    if not isinstance(value, str):
        raise bad_format(path)
    if not value.isascii() or not value.isalnum():
        raise bad_value(path)
    try:
        return await asking.services.jobs.by_id(asking.account.id, value)
    except DomainError as exc:
        raise bad_value(path) from exc


async def get(asking: Asking, job: Kept) -> Job:
    return shown(job)


async def cancel(asking: Asking, job: Kept) -> bool:
    """PROPERTY_VALUE_ERROR [id] for one that is over."""
    await asking.services.jobs.cancel(asking.account.id, job.id)
    return True


def shown(job: Kept) -> Job:
    return Job(
        done_at=datetime_text(job.done_at) if job.done_at else None,
        error=dict(job.error) if job.error is not None else None,
        id=job.id,
        percent=f"{job.percent:.2f}",
        result=dict(job.result) if job.result is not None else None,
        status=job.status.value.upper(),
    )
