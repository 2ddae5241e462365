"""Service `media`: what may be kept, and files brought in by jobs.

[inferred]: free storage is used before paid storage; where it is without end, `free` and `unused` are -1. A file is there for a
day. What is imported is looked at when a medium is filled with it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ringtrail.dialects.callr.errors import limit_reached
from ringtrail.dialects.callr.parameters import Asking, bad_format
from ringtrail.dialects.callr.webhook_options import DynamicWebhook, endpoint_of
from ringtrail.model.errors import DomainError
from ringtrail.services.media_imports import IMPORT

UNIT = "seconds"


class Quantities(msgspec.Struct):
    library: int
    recording: int


class Quota(msgspec.Struct):
    free: int
    paid: int
    unit: str


class Status(msgspec.Struct):
    unit: str
    unused: int
    used: int
    used_by_library: int
    used_by_recording: int
    used_free: int
    used_paid: int


class MediaQuota(msgspec.Struct):
    count: Quantities
    duration: Quantities
    quota: Quota
    status: Status


async def url(asking: Asking, path: str, value: Any) -> str:
    """Where it leads is looked at when it is fetched, too."""
    if not isinstance(value, str):
        raise bad_format(path)
    try:
        asking.services.webhooks.check_address(value)
    except DomainError as exc:
        raise bad_format(path) from exc
    if not value.startswith(("http://", "https://")):
        raise bad_format(path)
    return value


async def get_quota_status(asking: Asking) -> MediaQuota:
    quota = await asking.services.media.quota(asking.account.id)
    used_free = quota.used_s if quota.free_s < 0 else min(quota.used_s, quota.free_s)
    return MediaQuota(
        count=Quantities(library=quota.media, recording=quota.recordings),
        duration=Quantities(library=quota.media_s, recording=quota.recordings_s),
        quota=Quota(free=quota.free_s, paid=quota.paid_s, unit=UNIT),
        status=Status(
            unit=UNIT, unused=-1 if quota.unused_s is None else quota.unused_s, used=quota.used_s,
            used_by_library=quota.media_s, used_by_recording=quota.recordings_s, used_free=used_free,
            used_paid=quota.used_s - used_free,
        ),
    )  # fmt: skip


async def import_file_from_base64_async(asking: Asking, content: bytes, webhook: DynamicWebhook | None) -> str:
    await _may_upload(asking)
    return await _started(asking, {"name": await asking.services.media.receive(content)}, webhook)


async def import_file_from_url_async(asking: Asking, url: str, webhook: DynamicWebhook | None) -> str:
    await _may_upload(asking)
    return await _started(asking, {"url": url}, webhook)


async def _may_upload(asking: Asking) -> None:
    try:
        await asking.services.media.may_upload(asking.account.id)
    except DomainError as exc:
        raise limit_reached(exc) from exc


async def _started(asking: Asking, given: dict[str, str], webhook: DynamicWebhook | None) -> str:
    endpoint_hash = await endpoint_of(asking, webhook)
    return (await asking.services.jobs.start(asking.account.id, IMPORT, given, endpoint_hash=endpoint_hash)).id
