"""The dashboard over a real database: through an HTTP client, and served on a port for a real browser."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from litestar import Litestar
from litestar.testing import AsyncTestClient
from playwright.async_api import Browser, Page, async_playwright

from ringtrail import dashboard
from ringtrail.dialects import agendize, native
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.storage.database import Database
from tests.fixtures import World, add_credentials, build_world
from tests.receiver import LOCAL, Receiver, receiving

BASE_URL = "http://testserver.local"
LOGIN, PASSWORD = "demo", "correct horse"
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    """An account with a login and no calls, whose webhooks may go to this machine."""
    world = await build_world(database, tmp_path)
    await add_credentials(world)
    services = build_services(
        database, SystemClock(), recordings_folder=str(tmp_path), secret_key="w" * 32, egress_allowed_networks=LOCAL
    )
    return replace(world, services=services)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Who is told of what happens."""
    async with receiving() as receiver:
        yield receiver


def app_of(world: World, base_url: str) -> Litestar:
    return build_server(
        world.services,
        [native.DIALECT, agendize.DIALECT],
        DialectOptions(base_url=base_url),
        pages=dashboard.pages(world.services, base_url),
        lifespan=[lambda _app: dashboard.lifespan(world.services)],
    )


@pytest.fixture
async def stranger(world: World) -> AsyncIterator[AsyncTestClient]:  # type: ignore[type-arg]
    """A client that is not logged in and follows no redirect."""
    async with AsyncTestClient(app_of(world, BASE_URL), base_url=BASE_URL) as client:
        client.follow_redirects = False
        yield client


@pytest.fixture
async def client(stranger: AsyncTestClient) -> AsyncTestClient:  # type: ignore[type-arg]
    """A client that is logged in."""
    answer = await log_in(stranger)
    assert answer.status_code == 303
    return stranger


async def log_in(client: AsyncTestClient, login: str = LOGIN, password: str = PASSWORD, way: str = ""):  # type: ignore[type-arg,no-untyped-def]
    return await client.post("/login", data={"login": login, "password": password, "next": way})


@pytest.fixture
async def address(world: World) -> AsyncIterator[str]:
    """The dashboard on a port of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(app_of(world, base_url), log_level="warning", timeout_graceful_shutdown=1, loop="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    yield base_url
    server.should_exit = True
    await asyncio.wait_for(serving, 20)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():  # noqa: ASYNC240
        assert not os.environ.get("CI"), f"{CHROMIUM} is missing: apt-get install -y chromium"
        pytest.skip(f"{CHROMIUM} is missing: apt-get install -y chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield browser
        await browser.close()


async def open_page(
    browser: Browser, address: str, *, width: int = 1280, height: int = 900, scheme: str = "light"
) -> Page:
    """The first page, logged in. Any script error or blocked resource fails the test that looks at `page.faults`."""
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page = await context.new_page()
    page.faults = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.faults.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda line: page.faults.append(line.text) if line.type == "error" else None)  # type: ignore[attr-defined]
    await page.goto(address)
    await page.get_by_label("Login").fill(LOGIN)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{address}/")
    return page
