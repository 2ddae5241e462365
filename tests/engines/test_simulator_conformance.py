"""The simulator keeps the engine port's promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ringtrail.engines.simulator import FarEnd, SimulatedCaller, SimulatorEngine
from ringtrail.ports.clock import SystemClock
from ringtrail.ports.engine import EngineReady
from tests.engines.asterisk.running import Story
from tests.engines.conformance import EngineConformance

_STATUSES = (486, 603, 403, 404, 484, 480, 408, 500, 503)


class _Caller:
    def __init__(self, caller: SimulatedCaller) -> None:
        self._caller = caller

    async def hang_up(self) -> None:
        self._caller.hang_up()


class _SimulatedWorld:
    sound = "/sounds/short"

    def __init__(self) -> None:
        far_ends = {f"+33{status}000001": FarEnd(status=status, status_after_s=0.1) for status in _STATUSES}
        far_ends |= {"+33200000001": FarEnd(rings_after_s=0.05, answers_after_s=0.2), "+33180000001": FarEnd()}
        self._engine = SimulatorEngine(SystemClock(), far_ends=far_ends, sounds={self.sound: 0.5})
        self.story = Story(self._engine)

    async def call(self, number: str, *, withheld: bool = False) -> _Caller:
        return _Caller(self._engine.call(number, caller="+33639980001", withheld=withheld))


@pytest.fixture
async def far_side() -> AsyncIterator[_SimulatedWorld]:
    world = _SimulatedWorld()
    tasks = [asyncio.create_task(world.story.engine.run()), asyncio.create_task(world.story.listen())]
    await world.story.wait(EngineReady)
    yield world
    for task in tasks:
        task.cancel()


class TestSimulator(EngineConformance):
    pass
