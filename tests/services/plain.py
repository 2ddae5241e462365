"""A dialect that sends an event's type, the worker's own Deliverer over it, and what its ledger holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

from ringtrail.model.account import Principal
from ringtrail.model.events import EventType
from ringtrail.model.webhook import AttemptRecord, DeliveryRecord, Endpoint, LogQuery
from ringtrail.ports.clock import SystemClock
from ringtrail.services.deliverer import Deliverer
from ringtrail.services.egress import Egress, Policy
from ringtrail.services.webhooks import Attempt, UnsendableError, WebhookRequest, singly
from ringtrail.storage.database import Database
from tests.fixtures import World

LIMIT_S = 1.0
OF_CALLS = tuple(type_ for type_ in EventType if type_.startswith("call."))


@singly
async def plain(attempt: Attempt) -> WebhookRequest | None:
    """A dialect that sends the event's type, and tells nothing about starts."""
    match attempt.endpoint.settings.get("renders"):
        case "nothing":
            return None
        case "impossible":
            raise UnsendableError("cannot be said")
        case "a bug":
            raise KeyError("oops")
        case "a NUL in the error":
            raise UnsendableError("no \0 no")
        case "a NUL in the address":
            return WebhookRequest(method="POST", address="http://a\0b/", headers={}, body=b"")
        case "a number in a header":
            wrong: Any = {"X-Number": 5}
            return WebhookRequest(method="POST", address=attempt.endpoint.address, headers=wrong, body=b"")
    token = attempt.secrets.get("token")
    private = {"Authorization": f"Bearer {token}"} if token else {}
    return WebhookRequest(
        method="POST", address=attempt.endpoint.address, headers={}, private_headers=private,
        body=attempt.event.type.encode(),
    )  # fmt: skip


@asynccontextmanager
async def delivering(world: World, database: Database | None = None) -> AsyncIterator[None]:
    """database: the worker's own connections, if they are not the world's."""
    egress = Egress(Policy([ip_network("127.0.0.0/8")]), limit_s=LIMIT_S)
    deliverer = Deliverer(database or world.database, SystemClock(), world.services.webhooks, egress, {"plain": plain})
    async with egress.opened():
        running = asyncio.create_task(deliverer.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def endpoint_of(world: World, address: str, **changes: Any) -> Endpoint:
    given = {"address": address, "event_types": OF_CALLS} | changes
    return await world.services.webhooks.add(world.account.id, "plain", **given)


async def log_of(world: World, *hashes: str) -> list[DeliveryRecord]:
    query = LogQuery(account_id=world.account.id, endpoint_hashes=hashes)
    return (await world.services.webhook_ledger.deliveries(query))[0]


async def attempts_of(world: World, endpoint: Endpoint) -> list[AttemptRecord]:
    """Oldest first."""
    query = LogQuery(account_id=world.account.id, endpoint_hashes=[endpoint.hash])
    return (await world.services.webhook_ledger.attempts(query, oldest_first=True))[0]


async def tried(world: World, endpoint: Endpoint, times: int = 1) -> list[DeliveryRecord]:
    """The log, once every delivery has been tried so often and what came of it is noted."""
    async with asyncio.timeout(20):
        while True:
            log = await log_of(world, endpoint.hash)
            if log and all(entry.tries >= times and _at_rest(entry) for entry in log):
                return log
            await asyncio.sleep(0.02)


def _at_rest(entry: DeliveryRecord) -> bool:
    """Not under way: a lease is 3 seconds long, the shortest pause 8."""
    return entry.due_at is None or entry.due_at - datetime.now(UTC) > timedelta(seconds=4)


async def execute(world: World, statement: str, *values: Any) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode(), values)


async def rows(world: World, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(statement.encode(), values)).fetchall()


def principal(world: World) -> Principal:
    return Principal(account=world.account, property=None, credential_id=0, login=None)
