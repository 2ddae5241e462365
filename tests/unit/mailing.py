"""A worker that mails, and what its ledger says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from ringtrail import app
from ringtrail.config import Settings
from ringtrail.model.webhook import AttemptRecord, Endpoint, LogQuery
from ringtrail.services.egress import Egress, Policy
from tests.fixtures import World
from tests.postoffice import PostOffice

SECRET_KEY = "k" * 32


@asynccontextmanager
async def working(world: World, office: PostOffice, tmp_path: Path, **changes: Any) -> AsyncIterator[None]:
    """The worker's own deliverer, with the settings of an operator."""
    settings = Settings(
        data_dir=str(tmp_path), database_url=world.database.url, secret_key=SECRET_KEY, smtp_url=office.url if office.port else "",
        mail_from="Calls <calls@example.org>", egress_allowed_networks="127.0.0.0/8", **changes,
    )  # fmt: skip
    egress = Egress(Policy([ip_network("127.0.0.0/8")]), limit_s=2)
    deliverer = app.deliverer_of(settings, world.database, egress, lambda _dialect, _outcome: None)
    async with egress.opened():
        running = asyncio.create_task(deliverer.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def attempts_of(world: World, endpoint: Endpoint) -> list[AttemptRecord]:
    query = LogQuery(account_id=world.account.id, endpoint_hashes=[endpoint.hash])
    return (await world.services.webhook_ledger.attempts(query, oldest_first=True))[0]


async def hurry(world: World) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL")


def said(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")
