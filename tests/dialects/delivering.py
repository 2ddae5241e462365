"""Webhooks of a world, delivered by the worker's own Deliverer to receivers on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from ringtrail.dialects.agendize import webhooks as agendize
from ringtrail.dialects.callr import webhooks as callr
from ringtrail.dialects.invox import webhooks as invox
from ringtrail.dialects.native import webhooks as native
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.events import Event, EventType
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.webhook import Endpoint
from ringtrail.ports.clock import SystemClock
from ringtrail.services.deliverer import Deliverer
from ringtrail.services.egress import Egress, Policy
from ringtrail.storage import counters
from ringtrail.storage import events as event_store
from tests.dialects.conftest import BASE_URL
from tests.fixtures import World
from tests.receiver import LOCAL

__all__ = ["LOCAL", "calling", "delivering", "hurry", "settled", "tell"]


_DISABLED = "(SELECT account_id, hash FROM endpoints WHERE disabled_by IS NOT NULL)"


@asynccontextmanager
async def delivering(world: World, *, limit_s: float = 2.0, **options: Any) -> AsyncIterator[Deliverer]:
    """The worker's part: `async with` it."""
    egress = Egress(Policy([ip_network(LOCAL)]), limit_s=limit_s)
    shown = DialectOptions(base_url=BASE_URL, **options)
    renders = {
        "invox": invox.renderer(world.services, shown),
        "native": native.renderer(world.services, shown),
        "agendize": agendize.renderer(world.services, shown, egress),
        "callr": callr.renderer(world.services, shown),
    }
    deliverer = Deliverer(world.database, SystemClock(), world.services.webhooks, egress, renders)
    async with egress.opened():
        running = asyncio.create_task(deliverer.run())
        try:
            yield deliverer
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def settled(world: World, within_s: float = 20) -> None:
    """Return when nothing is due now or being tried: a lease is 6 seconds, the first pause 8 at least."""
    soon = "due_at < now() + interval '7 seconds' AND (account_id, endpoint_hash) NOT IN" + _DISABLED
    async with asyncio.timeout(within_s):
        while await _count(world, soon):  # noqa: ASYNC110  # only the database knows
            await asyncio.sleep(0.02)


async def hurry(world: World) -> None:
    """What is to be tried later is tried now."""
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL")
        await connection.execute("UPDATE endpoints SET paused_until = NULL")


async def tell(world: World, endpoint: Endpoint, types: Iterable[EventType]) -> None:
    """Events that name the endpoint, whatever it subscribes to."""
    now = datetime.now(UTC)
    events = [
        Event(
            account_id=world.account.id, type=type_, property_id=None, about=number, at=now, endpoint_hash=endpoint.hash
        )
        for number, type_ in enumerate(types, 1)
    ]
    async with world.database.transaction() as connection:
        await counters.lock(connection, world.account.id)
        await event_store.tell(connection, world.account.id, events)


def calling(call: Call) -> Call:
    """The call while it still rings."""
    return replace(
        call, ended_at=None, answered_at=None, bridged_at=None, state=State.RINGING, stage=Stage.RINGING,
        disposition=Disposition.IN_PROGRESS,
    )  # fmt: skip


async def _count(world: World, condition: str) -> int:
    async with world.database.reading() as connection:
        row = await (await connection.execute(f"SELECT count(*) FROM deliveries WHERE {condition}".encode())).fetchone()
    assert row is not None
    return int(row[0])
