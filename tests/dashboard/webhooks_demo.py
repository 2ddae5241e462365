"""Endpoints as an account might have them, and what became of what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import msgspec
from aiohttp import web

from ringtrail.model.events import UNASKED, EventType
from ringtrail.model.webhook import Endpoint
from ringtrail.ports.clock import SystemClock
from ringtrail.services.deliverer import Deliverer
from ringtrail.services.egress import Egress, Policy
from ringtrail.services.webhooks import Attempt, WebhookRequest, singly
from tests.fixtures import World
from tests.receiver import LOCAL, Received, Receiver

ALL = tuple(type_ for type_ in EventType if type_ not in UNASKED)
OF_CALLS = tuple(type_ for type_ in EventType if type_.startswith("call."))


@singly
async def plain(attempt: Attempt) -> WebhookRequest:
    """A dialect that sends what an event is made of."""
    event = attempt.event
    told = {"id": event.id, "type": event.type, "at": event.at, "about": event.about, "detail": dict(event.detail)}
    return WebhookRequest(
        method="POST", address=attempt.endpoint.address, headers={"Content-Type": "application/json"},
        private_headers={"Authorization": "Bearer secret"}, body=msgspec.json.encode(told),
    )  # fmt: skip


def answer(request: Received) -> web.Response:
    """/fails: 500. /gone: 410. /hostile: a page that would do harm. Everything else: fine."""
    match request.path.partition("?")[0]:
        case "/fails":
            return web.json_response({"error": "database is locked", "trace": "b1946ac9"}, status=500)
        case "/gone":
            return web.Response(status=410)
        case "/hostile":
            return web.Response(
                text=HOSTILE, headers={"X-Hostile": HOSTILE_HEADER}, content_type="text/html", status=400
            )
    return web.json_response({"received": True})


HOSTILE = "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'>\u202etxt.exe</pre><h1>pwned</h1>"
HOSTILE_HEADER = "<img src=x onerror='window.pwned=1'>"


@asynccontextmanager
async def delivering(world: World) -> AsyncIterator[None]:
    """world.services must be built with `egress_allowed_networks=LOCAL`."""
    egress = Egress(Policy([ip_network(LOCAL)]), limit_s=2)
    renders = dict.fromkeys(("native", "callr", "agendize", "invox"), plain)
    deliverer = Deliverer(world.database, SystemClock(), world.services.webhooks, egress, renders)
    async with egress.opened():
        running = asyncio.create_task(deliverer.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def endpoint_of(world: World, address: str, dialect: str = "native", **changes: Any) -> Endpoint:
    given = {"address": address, "event_types": OF_CALLS} | changes
    return await world.services.webhooks.add(world.account.id, dialect, **given)


async def settled(world: World, within_s: float = 20) -> None:
    """Return when nothing is due now or being tried: a lease is 6 seconds, the first pause 8 at least."""
    due = "d.due_at < now() + interval '7 seconds' AND e.disabled_by IS NULL"
    statement = f"SELECT count(*) FROM deliveries d JOIN endpoints e ON e.hash = d.endpoint_hash WHERE {due}".encode()
    async with asyncio.timeout(within_s):
        while True:
            async with world.database.reading() as connection:
                row = await (await connection.execute(statement)).fetchone()
            if row == (0,):
                return
            await asyncio.sleep(0.02)


async def execute(world: World, statement: str, *values: Any) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode(), values)


@dataclass(frozen=True, slots=True)
class Shop:
    """hub works, crm fails, old is gone, off is its owner's to enable."""

    hub: Endpoint
    crm: Endpoint
    old: Endpoint
    off: Endpoint


async def furnish(world: World, receiver: Receiver, calls: int = 12) -> Shop:
    """Some calls of the last hours, told to four endpoints."""
    receiver.reply = answer
    shop = Shop(
        await endpoint_of(world, f"{receiver.url}/hook", name="Data hub", event_types=ALL),
        await endpoint_of(world, f"{receiver.url}/fails", "callr", name="CRM of the sales team"),
        await endpoint_of(world, f"{receiver.url}/gone", "agendize", property_id=world.property.id),
        await endpoint_of(world, f"{receiver.url}/export?site=mysite", "invox", name="Reporting export"),
    )
    names = ("Camille Laurent", None, "Jean Moreau", "Garage du Rhône")
    now = datetime.now(UTC)
    async with delivering(world):
        for number in range(calls):
            start = now - timedelta(minutes=37 * (calls - number))
            await world.save(world.golden(started_at=start, caller_name=names[number % len(names)]))
        await settled(world)
        await world.services.webhooks.test(shop.hub)
        await settled(world)
    return shop
