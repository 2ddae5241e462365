"""INVOX's push: a call as the export shows it, posted to the account's URL when it starts, ends or changes.

The vendor publishes nothing of it; that there is one, its two encodings and the field `id` are known from a consumer in
the field, which looks for the token under several names. We send it as `X-API-Key`, and as a test the last ended call
[inferred].

An endpoint of `services.webhooks` with dialect `invox`: `settings` {`form`: true for form encoding instead of JSON},
`secrets` {`token`}.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlencode

import msgspec

from ringtrail.dialects.invox.requests import zone_of
from ringtrail.dialects.invox.responses import CallItem
from ringtrail.dialects.invox.routes import presentation
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.events import EventType
from ringtrail.model.query import CallQuery, Order
from ringtrail.model.view import View
from ringtrail.model.webhook import Endpoint
from ringtrail.services import Services
from ringtrail.services.webhooks import Attempt, Render, Rendered, UnsendableError, WebhookRequest, singly

EVENT_TYPES = (EventType.CALL_STARTED, EventType.CALL_ENDED, EventType.CALL_CHANGED)
"""What a receiver is told. The vendor has no word for a deleted call, for a leg or for a recording."""


def renderer(services: Services, options: DialectOptions) -> Render:
    async def render(attempts: Sequence[Attempt]) -> Sequence[Rendered]:
        endpoint = attempts[0].endpoint
        query = CallQuery(account_id=endpoint.account_id, property_id=endpoint.property_id)
        show = await _view(services, options, endpoint)
        calls = await _calls(services, query, show, attempts, unfinished=not options.invox_holds_unfinished)

        async def one(attempt: Attempt) -> WebhookRequest | None:
            event, item = attempt.event, calls.get(attempt.event.about)
            if event.type is EventType.ENDPOINT_TEST:
                item = await _newest(services, query, show)
            elif event.type not in EVENT_TYPES:
                raise UnsendableError(f"INVOX has no word for {event.type}")
            return None if item is None else _request(attempt, item)

        return await singly(one)(attempts)

    return render


async def _view(services: Services, options: DialectOptions, endpoint: Endpoint) -> View[CallItem]:
    account = await services.accounts.by_id(endpoint.account_id)
    properties = {item.id: item for item in await services.accounts.properties(endpoint.account_id)}
    zone = zone_of(properties[endpoint.property_id] if endpoint.property_id else None)
    return (await presentation(services, account, zone, options)).view()


async def _calls(
    services: Services, query: CallQuery, show: View[CallItem], attempts: Sequence[Attempt], *, unfinished: bool
) -> dict[int, CallItem]:
    """{id: the call as it is now}. One is not there that was deleted, is not to be shown before it has ended, or was moved
    to a property that the endpoint is not told of."""
    ids = {attempt.event.about for attempt in attempts if attempt.event.type in EVENT_TYPES}
    if not ids:
        return {}
    query = replace(query, ids=tuple(ids), include_in_progress=unfinished)
    page = await services.calls.page(query, show=show, fields=("id",))
    return dict(zip(page.column("id"), page.shown, strict=True))


async def _newest(services: Services, query: CallQuery, show: View[CallItem]) -> CallItem:
    """What a test tells."""
    page = await services.calls.page(replace(query, order=Order.STARTED_DESC), limit=1, show=show)
    if not page.shown:
        raise UnsendableError("there is no call yet")
    return page.shown[0]  # type: ignore[no-any-return]


def _request(attempt: Attempt, item: CallItem) -> WebhookRequest:
    form = attempt.endpoint.settings.get("form", False)
    token = attempt.secrets.get("token")
    return WebhookRequest(
        method="POST", address=attempt.endpoint.address,
        headers={"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"},
        private_headers={"X-API-Key": token} if token else {},
        body=urlencode(msgspec.to_builtins(item)).encode() if form else msgspec.json.encode(item),
    )  # fmt: skip
