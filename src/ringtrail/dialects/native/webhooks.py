"""Events as Standard Webhooks 1.0.0 requests: the body that the pull twin shows, signed anew for each try.

An endpoint of `services.webhooks` with dialect `native`: `settings` {`ed25519`: whether it has such a key}, `secrets` see
`signatures`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from ringtrail.dialects.native.event_ids import event_text
from ringtrail.dialects.native.events import events_out
from ringtrail.dialects.native.signatures import headers_of
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.services import Services
from ringtrail.services.webhooks import Attempt, Render, Rendered, WebhookRequest


def _utc_now() -> datetime:
    return datetime.now(UTC)


def renderer(services: Services, options: DialectOptions, now: Callable[[], datetime] = _utc_now) -> Render:
    async def render(attempts: Sequence[Attempt]) -> Sequence[Rendered]:
        endpoint = attempts[0].endpoint
        events = [attempt.event for attempt in attempts]
        shown = await events_out(services, options, endpoint.account_id, endpoint.property_id, events)
        return [_request(attempt, msgspec.json.encode(item)) for attempt, item in zip(attempts, shown, strict=True)]

    def _request(attempt: Attempt, body: bytes) -> WebhookRequest:
        signed = headers_of(attempt.secrets, event_text(attempt.event.id), now(), body)
        headers = {"Content-Type": "application/json", **signed}
        return WebhookRequest(method="POST", address=attempt.endpoint.address, headers=headers, body=body)

    return render
