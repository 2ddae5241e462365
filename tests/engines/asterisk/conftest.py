"""One real Asterisk for the session, an engine and a carrier for each test."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ringtrail.engines.asterisk.control import AsteriskEngine, own_node
from ringtrail.engines.asterisk.install import AsteriskInstall, find_or_fetch
from ringtrail.ports.engine import EngineReady
from tests.engines.asterisk.running import CARRIER_HOST, RunningAsterisk, Story, settings_in
from tests.sip.behaviour import Behaviour, answers, refuses, rings
from tests.sip.peer import SipPeer

CACHE = Path(__file__).parents[3] / ".cache"


@pytest.fixture(scope="session")
def install() -> AsteriskInstall:
    return find_or_fetch(CACHE, print)


@pytest.fixture(scope="session")
def asterisk(install: AsteriskInstall) -> Iterator[RunningAsterisk]:
    folder = Path(tempfile.mkdtemp(prefix="ringtrail-test-asterisk-"))
    running = RunningAsterisk(install, settings_in(folder))
    running.start()
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def clear(engine: AsteriskEngine) -> None:
    """End what a test left behind: Asterisk is the session's."""
    async with asyncio.timeout(5):
        while legs := await engine.live_legs():
            for leg in legs:
                await engine.hang_up(leg.leg_id, 16)
            await asyncio.sleep(0.05)


@pytest.fixture
async def story(asterisk: RunningAsterisk) -> AsyncIterator[Story]:
    """A connected engine and what it tells."""
    engine = AsteriskEngine(own_node(asterisk.settings))
    story = Story(engine)
    tasks = [asyncio.create_task(engine.run()), asyncio.create_task(story.listen())]
    await story.wait(EngineReady)
    yield story
    await clear(engine)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def plan(number: str) -> Behaviour:
    """`+33<three digits of status>...` is refused with it; `+33200` answers after 0.2 s; `+33180` rings for ever."""
    status = int(number[3:6])
    if status == 180:
        return rings()
    if status == 200:
        return answers(0.2)
    return refuses(status, 0.1, provisional=180)


@pytest.fixture
async def carrier(asterisk: RunningAsterisk) -> AsyncIterator[SipPeer]:
    """The trunk's far end: it sends us calls and takes ours."""
    async with SipPeer(CARRIER_HOST, asterisk.trunk_port, plan=plan, silence=True) as peer:
        yield peer
