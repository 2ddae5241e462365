"""Asterisk keeps the engine port's promises, with a real SIP peer as the far side."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.engines.asterisk.running import RunningAsterisk, Story
from tests.engines.conformance import EngineConformance
from tests.sip import OutgoingCall, SipPeer

pytestmark = pytest.mark.asterisk


class _Caller:
    def __init__(self, call: OutgoingCall) -> None:
        self._call = call

    async def hang_up(self) -> None:
        with suppress(TimeoutError):  # our 200 OK may still be on its way
            await asyncio.wait_for(self._call.confirmed.wait(), 0.3)
        await (self._call.bye() if self._call.confirmed.is_set() else self._call.cancel())


class _SipWorld:
    def __init__(self, asterisk: RunningAsterisk, story: Story, carrier: SipPeer) -> None:
        self._asterisk = asterisk
        self._carrier = carrier
        self.story = story
        self.sound = str(asterisk.install.sounds_dir / "hello")

    async def call(self, number: str, *, withheld: bool = False) -> _Caller:
        call = self._carrier.call(f"sip:{number}@{self._asterisk.uri}", caller="+33639980001", privacy=withheld)
        return _Caller(call)


@pytest.fixture
def far_side(asterisk: RunningAsterisk, story: Story, carrier: SipPeer) -> _SipWorld:
    return _SipWorld(asterisk, story, carrier)


class TestAsterisk(EngineConformance):
    pass
