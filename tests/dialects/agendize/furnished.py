"""What the examples of the reference name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ringtrail.dialects.agendize.reference_parts import (
    ACCOUNT_SID,
    BUTTON_ID,
    CALL_TRACKING_ID,
    ERROR_ID,
    EXTERNAL_ID,
    PROPERTY_SID,
    STOCK_NUMBER,
    WATCHER_ID,
)
from ringtrail.dialects.agendize.webhooks import EVENT_TYPES
from ringtrail.model.webhook import DueDelivery
from ringtrail.storage import webhooks
from ringtrail.storage.webhooks import Place, Settled
from tests.dialects.recorded import recorded_call
from tests.fixtures import World

TARGET = "+33987654321"


async def furnish(world: World, folder: Path) -> dict[str, str]:
    """{as the examples show it: as it is in this world}; the call is the account's first, with the id 1"""
    services, account = world.services, world.account
    watch = await services.webhooks.add(
        account.id, "agendize", address="https://crm.example.com/hook", event_types=tuple(EVENT_TYPES.values()),
        name="CRM", secrets={"basicAuth": {"username": "ann", "password": "p4ss"}},
        settings={
            "basicAuth": {"username": "ann", "password": "********"},
            "schema": {"at": {"t": "${$.start.dateTime}"}, "who": "${$.callerNumber}"},
        },
    )  # fmt: skip
    call = await recorded_call(world, folder)
    failed = await _failed(world)
    button = await services.buttons.create(
        account, world.property.id, name="Ask us", target=TARGET, max_talk_s=1_800,
        settings={
            "countries": ["FR"], "openingHoursEnabled": False,
            "openingHours": [
                {"day": "monday", "hours": [{"start": "09:00", "end": "12:00"}, {"start": "14:00", "end": "18:00"}]}
            ],
        },
    )  # fmt: skip
    params = {"targets": [{"number": TARGET, "timeout": 30}]}
    await services.apps.edit(account.id, world.app.hash, name=None, params=params)
    await services.stock.add([STOCK_NUMBER])
    return {
        ERROR_ID: f"{failed.event.id}-{watch.hash}", WATCHER_ID: watch.hash, BUTTON_ID: button.hash,
        CALL_TRACKING_ID: world.did.hash, ACCOUNT_SID: account.sid, PROPERTY_SID: world.property.sid,
        EXTERNAL_ID: str(call.id),
    }  # fmt: skip


async def _failed(world: World) -> DueDelivery:
    """The delivery of the call, given up at its first attempt."""
    now = datetime.now(UTC)
    async with world.database.transaction() as connection:
        (due,), _ = await webhooks.claim(
            connection, now, now + timedelta(minutes=1), place=Place(), endpoints=1, each=1, room={}, account=10,
            account_room={}, total=10,
        )  # fmt: skip
        attempt = Settled(
            account_id=world.account.id, endpoint_hash=due.endpoint.hash, event_id=due.event.id, about=due.event.about,
            tries=due.tries, at=now, took_ms=12, due_at=None, delivered_at=None, method="POST",
            address=due.endpoint.address,
            request_headers={
                "X-Agendize-Event": "created", "Content-Type": "application/json", "Authorization": "***",
            },
            request_body='{"at":{"t":"2026-07-14T11:05:10"},"who":"+33612345678"}', status=404,
            response_headers={}, response_body="no such hook", error="HTTP status 404",
        )  # fmt: skip
        await webhooks.settle(connection, [attempt])
    return due
