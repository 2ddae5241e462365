"""Commands to live calls, on the side of the controller that carries them out."""

from __future__ import annotations

import asyncio

import pytest

from ringtrail.ports.clock import SystemClock
from ringtrail.services.commands import CommandTaker
from ringtrail.storage.database import Database

pytestmark = pytest.mark.postgres


async def nobody(_account_id: int, _leg_id: int) -> bool:
    return False


@pytest.mark.parametrize("turns", range(6))
async def test_who_is_stopped_just_when_a_command_arrives_stops(database: Database, turns: int) -> None:
    """Python 3.11's wait_for swallows a cancellation that comes some turns of the event loop after what it waited for."""
    taker = CommandTaker(database, SystemClock(), "n1", nobody, ready=lambda: False)
    running = asyncio.create_task(taker.run())
    await asyncio.sleep(0.05)
    taker._wake.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=0.5)
    running.cancel()
    assert done
