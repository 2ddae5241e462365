"""An account whose webhooks may be sent to this machine, and somebody who receives them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world
from tests.receiver import Receiver, receiving


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    world = await build_world(database, tmp_path)
    services = build_services(
        database,
        SystemClock(),
        recordings_folder=str(tmp_path),
        secret_key="k" * 32,
        egress_allowed_networks="127.0.0.0/8",
    )
    return replace(world, services=services)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """A traceback drawn with frames and colours takes longer than a receiver is given to answer."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    yield
    structlog.reset_defaults()
