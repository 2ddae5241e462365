"""An account whose webhooks may be sent to this machine, and a mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world
from tests.postoffice import PostOffice, post_office
from tests.unit.mailing import SECRET_KEY


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    world = await build_world(database, tmp_path)
    services = build_services(
        database, SystemClock(), recordings_folder=str(tmp_path / "recordings"), secret_key=SECRET_KEY,
        egress_allowed_networks="127.0.0.0/8",
    )  # fmt: skip
    return replace(world, services=services)


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    async with post_office() as office:
        yield office
