"""Files that are fetched or taken in by a job, for media to be filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringtrail.model.errors import DomainError
from ringtrail.model.job import Job
from ringtrail.services.egress import Answer, Egress, EgressRefusedError
from ringtrail.services.jobs import JobFailedError, Keep, Report, Runner
from ringtrail.services.media import MOST_UPLOAD_BYTES, Media
from ringtrail.storage.database import Connection

IMPORT = "media.import"
"""The kind of these jobs. Input: `url`, or `name` of a file that was received."""
FETCHED_WITHIN_S = 60.0


def runner(media: Media, egress: Egress) -> Runner:
    """Result: `filename`, by which the account can use the file for a day."""

    async def run(job: Job, report: Report) -> tuple[Mapping[str, Any], Keep | None]:
        name = job.input.get("name") or await media.receive(await _fetched(egress, job.input["url"]))

        async def keep(connection: Connection) -> None:
            try:
                await media.taken(connection, job.account_id, name)
            except DomainError as exc:
                raise JobFailedError("not_there", "the file is not there any more") from exc

        return {"filename": name}, keep

    return run


async def _fetched(egress: Egress, address: str) -> bytes:
    try:
        answer = await egress.fetch("GET", address, most_bytes=MOST_UPLOAD_BYTES + 1)
    except EgressRefusedError as exc:
        raise JobFailedError("refused", str(exc)) from exc
    except TimeoutError as exc:
        raise JobFailedError("timeout", "the file did not come in time") from exc
    except OSError as exc:
        raise JobFailedError("unreachable", str(exc)) from exc
    return _usable(answer)


def _usable(answer: Answer) -> bytes:
    if answer.status != 200:
        raise JobFailedError("bad_status", f"the server answered with {answer.status}")
    if len(answer.body) > MOST_UPLOAD_BYTES:
        raise JobFailedError("too_large", f"the file is larger than {MOST_UPLOAD_BYTES} bytes")
    if not answer.body:
        raise JobFailedError("empty", "the file is empty")
    return answer.body
