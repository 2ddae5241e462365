"""The endpoint, events and deliveries that the documentation shows."""

from __future__ import annotations

from typing import Any

from ringtrail.dialects.native.event_examples import ENDPOINT as HASH
from ringtrail.dialects.native.event_examples import EXAMPLES
from ringtrail.dialects.native.webhook_structs import (
    Answered,
    Attempt,
    AttemptList,
    Delivery,
    DeliveryList,
    Due,
    Enabled,
    Endpoint,
    EndpointList,
    EndpointWithSecret,
    EventList,
    EventTypeItem,
    EventTypeList,
    PublicKey,
    Sent,
)
from ringtrail.model.events import MEANING, UNASKED, EventType
from ringtrail.model.webhook import DeliveryState, DisabledBy

SECRET = "whsec_cmluZ3RyYWlsJ3MgZXhhbXBsZSwgb2YgMzIgYnl0ZXM="  # noqa: S105 - the documentation's own
_ADDRESS = "https://crm.example.org/calls"
_WANTED = (EventType.CALL_ENDED, EventType.CALL_CHANGED)
_EVENT = EXAMPLES[EventType.CALL_ENDED]
_MADE, _TRIED = "2026-07-01T08:00:00.000Z", "2026-07-14T09:08:40.310Z"

NEW_ENDPOINT = {"address": _ADDRESS, "event_types": [item.value for item in _WANTED], "name": "CRM", "ed25519": True}
CHANGE = {"name": "CRM, new"}
ENABLING = {"replay": True}
ROTATION = {"signature": "v1", "overlap_s": 86_400}
RANGE = {"from": "2026-07-14T00:00:00Z", "to": "2026-07-15T00:00:00Z", "delivered_too": False}


def _endpoint(**changes: Any) -> dict[str, Any]:
    return {
        "hash": HASH, "dialect": "native", "property": None, "name": "CRM", "address": _ADDRESS,
        "event_types": list(_WANTED), "enabled": True, "disabled_by": None, "disabled_why": None, "disabled_at": None,
        "failing_since": None, "created_at": _MADE, "updated_at": _MADE,
        "public_keys": [PublicKey(key="whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", until=None)],
    } | changes  # fmt: skip


ENDPOINT = Endpoint(**_endpoint())
DISABLED = Endpoint(**_endpoint(enabled=False, disabled_by=DisabledBy.OWNER, disabled_at=_TRIED, updated_at=_TRIED))
WITH_SECRET = EndpointWithSecret(**_endpoint(), secret=SECRET)
ENDPOINT_LIST = EndpointList(endpoints=[ENDPOINT])
ENABLED = Enabled(endpoint=ENDPOINT, due=12)
DUE = Due(due=1)
EVENT_TYPES = EventTypeList(
    event_types=[
        EventTypeItem(type=type_, meaning=meaning, subscribable=type_ not in UNASKED, example=EXAMPLES[type_])
        for type_, meaning in MEANING.items()
    ]
)
"""All of them: this is the answer, too."""
EVENT_LIST = EventList(events=[_EVENT], next_after=_EVENT.id)
DELIVERY_LIST = DeliveryList(
    deliveries=[
        Delivery(
            event=_EVENT.id, type=EventType.CALL_ENDED, subject=_EVENT.subject, event_at=_EVENT.timestamp, endpoint=HASH,
            state=DeliveryState.WAITING, due_at="2026-07-14T09:08:50.310Z", tries=1, tried_at=_TRIED, took_ms=84,
            status=503, error="HTTP status 503", delivered_at=None,
        )
    ],
    next_cursor=None,
)  # fmt: skip
ATTEMPT_LIST = AttemptList(
    attempts=[
        Attempt(
            number=0, at=_TRIED, took_ms=84, delivered=False, error="HTTP status 503",
            request=Sent(
                method="POST", address=_ADDRESS, body='{"id":"evt_00000000002v6","type":"call.ended",…',
                headers={"Content-Type": "application/json", "webhook-id": _EVENT.id},
            ),
            response=Answered(status=503, headers={"Retry-After": "10"}, body="later"),
        )
    ],
    next_cursor=None,
)  # fmt: skip
