"""What several handlers and the webhooks show: recordings with their sound, callers masked where a property wants it."""

from __future__ import annotations

from ringtrail.dialects.native.responses import Recording, recording_out
from ringtrail.dialects.native.vocabulary import PREFIX
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.call import RecordingRecord
from ringtrail.services import Services


def recording_shown(services: Services, options: DialectOptions, item: RecordingRecord) -> Recording:
    url = f"{options.base_url}{PREFIX}/recordings/{item.hash}/audio"
    ready = item.status == "ready"
    return recording_out(
        item, {name: f"{url}.{name}" for name in ("wav", "mp3") if ready and services.recordings.file(item, name)}
    )


async def masking(services: Services, account_id: int) -> frozenset[int]:
    """The properties that hide their callers' last digits."""
    return frozenset(item.id for item in await services.accounts.properties(account_id) if item.masks_callers)
