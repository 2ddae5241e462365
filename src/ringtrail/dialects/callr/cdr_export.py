"""`cdr.export_async`: all records that match, in a file of comma-separated values.

[inferred]: its parameters and result. The filters are those of `cdr.search`; there are no options yet. The result of the job
has `filename`, `rows`, and the `url`, which asks for the same credentials as a recording's and is good for a week. The file
has the properties of CDR.In or CDR.Out as its columns, in their order and oldest first; null is an empty value.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from ringtrail.dialects.callr import cdr
from ringtrail.dialects.callr.errors import EXPORTS_PREFIX, limit_reached
from ringtrail.dialects.callr.parameters import Asking, masking_of
from ringtrail.dialects.callr.responses import CdrIn, CdrOut, cdr_in_view, cdr_out_view
from ringtrail.dialects.callr.webhook_options import DynamicWebhook, endpoint_of
from ringtrail.model.errors import DomainError
from ringtrail.model.job import Job
from ringtrail.services import Services
from ringtrail.services.exports import Portion, Source, Table

EXPORT = "cdr.export"
"""The kind of these jobs. Input: `filters`, and the `base_url` of the server that was asked."""
PORTION = 5_000


async def export_async(asking: Asking, wanted: cdr.Filters, options: None, webhook: DynamicWebhook | None) -> str:
    """The id of a job; its `result.url` is where the file is fetched."""
    given = {"filters": msgspec.to_builtins(wanted), "base_url": asking.options.base_url}
    endpoint_hash = await endpoint_of(asking, webhook)
    try:
        job = await asking.services.exports.start(asking.account.id, EXPORT, given, endpoint_hash=endpoint_hash)
    except DomainError as exc:
        raise limit_reached(exc) from exc
    return job.id


def source(services: Services) -> Source:
    async def table(job: Job) -> Table:
        wanted = msgspec.convert(job.input["filters"], cdr.Filters)
        return Table(
            header=(CdrIn if wanted.inbound else CdrOut).__struct_fields__,
            portions=_portions(services, job.account_id, wanted),
            url=f"{job.input['base_url']}{EXPORTS_PREFIX}/{job.id}.csv",
        )

    return table


async def _portions(services: Services, account_id: int, wanted: cdr.Filters) -> AsyncIterator[Portion]:
    if wanted.none_matches:
        return
    total, portions = await (_inbound if wanted.inbound else _outbound)(services, account_id, wanted)
    count = 0
    async for records in portions:
        count += len(records)
        yield Portion([msgspec.structs.astuple(record) for record in records], min(99.0, 100 * count / max(1, total)))


async def _inbound(services: Services, account_id: int, wanted: cdr.Filters) -> tuple[int, AsyncIterator[list[Any]]]:
    query = cdr.calls_query(account_id, wanted)
    show = cdr_in_view(await services.accounts.by_id(account_id), await masking_of(services, account_id))
    page = await services.calls.page(query, limit=0, with_total=True)
    return page.total or 0, services.calls.portions(query, show, PORTION)


async def _outbound(services: Services, account_id: int, wanted: cdr.Filters) -> tuple[int, AsyncIterator[list[Any]]]:
    query = cdr.legs_query(account_id, wanted)
    show = cdr_out_view(await masking_of(services, account_id))
    _, total = await services.calls.legs_page(query, show, limit=0)
    return total, services.calls.leg_portions(query, show, PORTION)
