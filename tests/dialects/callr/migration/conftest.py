"""Two ringtrails: `old` is where the account is now, served over a socket; `new` is where it moves to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from httpx import AsyncClient

from ringtrail.dialects.callr import DIALECT
from ringtrail.dialects.callr.migration.plan import Moving, Step, Wishes
from ringtrail.dialects.callr.migration.remote import Remote, api_key, connected
from ringtrail.dialects.callr.migration.run import Report, apply, plan
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.model.account import Account
from ringtrail.ports.clock import SystemClock
from ringtrail.services import Services, build_services
from ringtrail.services.egress import networks_of
from ringtrail.sound.studio import LocalStudio
from ringtrail.storage.database import Database
from ringtrail.supervisor.postgres import EmbeddedPostgres
from tests.conftest import fresh_database
from tests.dialects.conftest import _FURNISHED
from tests.fixtures import TOKENS, World
from tests.receiver import LOCAL

KEY = TOKENS["callr"]
FAST = 10_000.0  # requests a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two. `folder` holds its recordings and media."""

    database: Database
    services: Services
    account: Account
    url: str  # of JSON-RPC
    folder: Path
    _http: AsyncClient

    @property
    def base_url(self) -> str:
        return self.url.removesuffix("/json-rpc/v1.1/")

    async def ask(self, method: str, *params: Any, acts_as: str = "") -> Any:
        """The result of any method, as the account or `User.login <login>` / `Account.hash <hash>` below it."""
        body = {"jsonrpc": "2.0", "id": 42, "method": method, "params": list(params)}
        headers = {"Authorization": api_key(KEY)} | ({"CALLR-Login-As": acts_as} if acts_as else {})
        reply = await self._http.post(self.url, json=body, headers=headers)
        assert "result" in reply.json(), reply.text
        return reply.json()["result"]


@asynccontextmanager
async def served(database: Database, account: Account, folder: Path) -> AsyncIterator[Side]:
    services = build_services(
        database, SystemClock(), recordings_folder=str(folder), studio=LocalStudio(folder), secret_key="k" * 32,
        egress_allowed_networks=LOCAL,
    )  # fmt: skip
    listener = socket.create_server(("127.0.0.1", 0))
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = build_server(services, [DIALECT], DialectOptions(base_url=base_url))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with AsyncClient(timeout=60) as http:
            yield Side(
                database=database, services=services, account=account, url=f"{base_url}/json-rpc/v1.1/", folder=folder,
                _http=http,
            )  # fmt: skip
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, 10)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.open()
    try:
        yield database
    finally:
        await asyncio.wait_for(database.close(), 10)


@pytest.fixture
def old_url(cluster: EmbeddedPostgres, furnished: World) -> Iterator[str]:
    yield from fresh_database(cluster, _FURNISHED)


@pytest.fixture
async def old(old_url: str, furnished: World, tmp_path: Path) -> AsyncIterator[Side]:
    """The account that `world` has: one app, one DID, no calls."""
    folder = tmp_path / "old"
    folder.mkdir()
    async with opened(old_url) as database, served(database, furnished.account, folder) as side:
        yield side


@pytest.fixture
async def world(old: Side, furnished: World) -> World:
    """What the old account has, for tests that add to it: `await world.save(world.golden())`."""
    return replace(furnished, database=old.database, services=old.services)


@pytest.fixture
async def new(database_url: str, tmp_path: Path) -> AsyncIterator[Side]:
    """An account with a property and a key, and nothing else."""
    folder = tmp_path / "new"
    folder.mkdir()
    async with opened(database_url) as database, served(database, await _empty_account(database), folder) as side:
        yield side


async def _empty_account(database: Database) -> Account:
    accounts = build_services(database, SystemClock(), recordings_folder="/nonexistent").accounts
    account = await accounts.create(
        name="Moved", timezone="Europe/Paris", country="FR", currency="EUR", outbound_prefixes=("+33",)
    )
    await accounts.add_property(account.id, "main")
    await accounts.add_token(account.id, "callr", KEY)
    return account


@pytest.fixture
async def database(new: Side) -> Database:
    return new.database


@pytest.fixture
async def remote(old: Side) -> AsyncIterator[Remote]:
    async with connected(old.url, api_key(KEY), per_second=FAST, allowed_networks=networks_of(LOCAL)) as remote:
        yield replace(remote, first_wait_s=0.001)


@dataclass
class Silent:
    """A Watch that nobody looks at."""

    def listed(self, kind: str, account: str) -> None: ...

    def doing(self, step: Step, done: int, of: int | None) -> None: ...


Moved = Callable[..., Awaitable[tuple[Sequence[Step], Report]]]


@pytest.fixture
def moving(new: Side, remote: Remote) -> Callable[..., Moving]:
    """Of the whole account; arguments are Wishes."""

    def make(**wishes: Any) -> Moving:
        return Moving(
            services=new.services, remote=remote, wishes=Wishes(**wishes), master=new.account, account=new.account
        )  # fmt: skip

    return make


@pytest.fixture
def moved(moving: Callable[..., Moving]) -> Moved:
    """Plan it and do it: `steps, report = await moved(only=frozenset({"apps"}))`."""

    async def move(**wishes: Any) -> tuple[Sequence[Step], Report]:
        steps = await plan(moving(**wishes), Silent())
        return steps, await apply(steps, Silent())

    return move
