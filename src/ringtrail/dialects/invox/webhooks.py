"""INVOX's push: a call as the export shows it, posted to the account's URL when it starts, ends or changes.

The vendor publishes nothing of it; that there is one, its two encodings and the field `id` are known from a consumer in
the field, which looks for the token under several names. We send it as `X-API-Key` [inferred].

An endpoint of `services.webhooks` with dialect `invox`: `settings` {`form`: true for form encoding instead of JSON},
`secrets` {`token`}.
"""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from ringtrail.dialects.invox.requests import zone_of
from ringtrail.dialects.invox.responses import FIELDS, CallItem
from ringtrail.dialects.invox.routes import presentation
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.events import EventType
from ringtrail.model.query import CallQuery
from ringtrail.services import Services
from ringtrail.services.webhooks import Attempt, Render, WebhookRequest, singly

EVENT_TYPES = (EventType.CALL_STARTED, EventType.CALL_ENDED, EventType.CALL_CHANGED)
"""What a receiver is told. The vendor has no word for a deleted call."""


def renderer(services: Services, options: DialectOptions) -> Render:
    async def render(attempt: Attempt) -> WebhookRequest | None:
        item = await _item(services, options, attempt)
        if item is None:
            return None
        form = attempt.endpoint.settings.get("form", False)
        headers = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
        token = attempt.secrets.get("token")
        body = urlencode(msgspec.to_builtins(item)).encode() if form else msgspec.json.encode(item)
        return WebhookRequest(
            method="POST", address=attempt.endpoint.address, headers=headers,
            private_headers={"X-API-Key": token} if token else {}, body=body,
        )  # fmt: skip

    return singly(render)


async def _item(services: Services, options: DialectOptions, attempt: Attempt) -> CallItem | None:
    """The call as it is now. None: it was deleted, is not to be shown before it has ended, or was moved to a property
    that the endpoint is not told of."""
    endpoint = attempt.endpoint
    query = CallQuery(
        account_id=endpoint.account_id,
        property_id=endpoint.property_id,
        ids=(attempt.event.about,),
        include_in_progress=True,
    )
    found = (await services.calls.page(query, limit=1, fields=FIELDS)).records
    if not found or (options.invox_holds_unfinished and found[0].ended_at is None):
        return None
    properties = {item.id: item for item in await services.accounts.properties(endpoint.account_id)}
    zone = zone_of(properties[endpoint.property_id] if endpoint.property_id else None)
    account = await services.accounts.by_id(endpoint.account_id)
    return (await presentation(services, account, zone, options)).call(found[0])
