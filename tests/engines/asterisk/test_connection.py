"""The connection to Asterisk breaks, Asterisk dies, a controller starts anew: calls and their records survive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from ringtrail.engines.asterisk.control import AsteriskEngine, AsteriskNode, own_node
from ringtrail.engines.asterisk.install import AsteriskInstall
from ringtrail.ports.engine import (
    EndedBy,
    EngineError,
    EngineLost,
    EngineReady,
    LegAnswered,
    LegEnded,
    LegOffered,
    RecordingEnded,
)
from tests.engines.asterisk.conftest import clear
from tests.engines.asterisk.running import CARRIER_HOST, RunningAsterisk, Story, settings_in
from tests.engines.asterisk.steps import TRACKED, dial, new_id, offer, talk
from tests.engines.asterisk.wire import Wire
from tests.sip.behaviour import refuses
from tests.sip.peer import SipPeer

pytestmark = pytest.mark.asterisk


@asynccontextmanager
async def listening(node: AsteriskNode, *, leave_nothing: bool = False) -> AsyncIterator[Story]:
    engine = AsteriskEngine(node)
    story = Story(engine)
    tasks = [asyncio.create_task(engine.run()), asyncio.create_task(story.listen())]
    try:
        await story.wait(EngineReady)
        yield story
        if leave_nothing:
            await clear(engine)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def on_a_wire(asterisk: RunningAsterisk) -> AsyncIterator[tuple[Story, Wire]]:
    node = own_node(asterisk.settings)
    async with Wire(asterisk.settings.ari_port) as wire:
        through = replace(node, ari=replace(node.ari, port=wire.port))
        async with listening(through) as story:
            yield story, wire


async def cut(story: Story, wire: Wire) -> None:
    wire.cut()
    await story.wait(EngineLost)
    story.told.clear()


async def test_calls_go_on_while_the_connection_is_cut(carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    async with on_a_wire(asterisk) as (story, wire):
        call, target, caller_leg, target_leg = await talk(story, carrier, asterisk)
        await cut(story, wire)
        with pytest.raises(EngineError):
            await story.engine.answer(caller_leg)
        wire.mend()
        assert not (await story.wait(EngineReady)).restarted
        assert {leg.leg_id for leg in await story.engine.live_legs()} == {caller_leg, target_leg}
        await target.bye()
        assert (await story.wait(LegEnded, target_leg)).ended_by is EndedBy.FAR_END
        await story.engine.hang_up(caller_leg, 16)
        await asyncio.wait_for(call.ended.wait(), 2)


async def test_legs_that_ended_while_the_connection_was_cut_are_told_with_cause_and_instant(
    carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    async with on_a_wire(asterisk) as (story, wire):
        _, target, caller_leg, target_leg = await talk(story, carrier, asterisk)
        await cut(story, wire)
        await target.bye(reason="Q.850;cause=31")
        await asyncio.sleep(0.5)
        wire.mend()
        ended = await story.wait(LegEnded, target_leg)
        assert (ended.ended_by, ended.cause) == (EndedBy.FAR_END, 31)
        assert abs((ended.at - carrier.log.find("BYE", direction="out")[0].at).total_seconds()) < 0.05
        assert [type(fact) for fact in story.told] == [EngineReady, LegEnded]
        await story.engine.hang_up(caller_leg, 16)
        await story.wait(LegEnded, caller_leg)


async def answer_behind_its_back(asterisk: RunningAsterisk, leg_id: str) -> None:
    """Stands for a command whose event was lost with the connection."""
    login = {"Authorization": aiohttp.encode_basic_auth("ringtrail", asterisk.settings.ari_secret)}
    url = f"http://127.0.0.1:{asterisk.settings.ari_port}/ari/channels/{leg_id}/answer"
    async with aiohttp.ClientSession(headers=login) as session, session.post(url) as response:
        assert response.status == 204


async def test_a_caller_answered_while_the_connection_was_cut_is_told(
    carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    async with on_a_wire(asterisk) as (story, wire):
        call, leg_id = await offer(story, carrier, asterisk)
        await cut(story, wire)
        await answer_behind_its_back(asterisk, leg_id)
        await call.final()
        wire.mend()
        answered = await story.wait(LegAnswered, leg_id)
        sent = carrier.log.find("INVITE", 200, direction="in", call_id=call.call_id)[0].at
        assert abs((answered.at - sent).total_seconds()) < 0.05
        await story.engine.hang_up(leg_id, 16)
        await story.wait(LegEnded, leg_id)


@pytest.mark.parametrize(("number", "cause"), [("+33486000001", 17), ("+33404000001", 1)])
async def test_a_target_that_refused_while_the_connection_was_cut_is_told_with_its_cause(
    carrier: SipPeer, asterisk: RunningAsterisk, number: str, cause: int
) -> None:
    carrier.plan = lambda dialled: refuses(int(dialled[3:6]), 0.5)
    async with on_a_wire(asterisk) as (story, wire):
        leg_id = await dial(story, number)
        await carrier.next_incoming()
        await cut(story, wire)
        await asyncio.sleep(0.7)
        wire.mend()
        ended = await story.wait(LegEnded, leg_id)
        assert (ended.ended_by, ended.cause, ended.timed_out) == (EndedBy.FAR_END, cause, False)


async def test_a_target_that_rang_out_while_the_connection_was_cut_is_told_as_timed_out(
    carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    async with on_a_wire(asterisk) as (story, wire):
        leg_id = await dial(story, "+33180000001", ring_timeout_s=1)
        await carrier.next_incoming()
        await cut(story, wire)
        await asyncio.sleep(1.2)
        wire.mend()
        ended = await story.wait(LegEnded, leg_id)
        assert (ended.ended_by, ended.cause, ended.timed_out) == (EndedBy.US, 19, True)


async def test_a_caller_is_refused_with_503_while_nobody_controls(carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    async with on_a_wire(asterisk) as (story, wire):
        await cut(story, wire)
        call = carrier.call(f"sip:{TRACKED}@{asterisk.uri}")
        assert (await call.final()).status == 503


async def test_a_new_controller_finds_the_calls_of_the_one_before(carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    node = own_node(asterisk.settings)
    async with listening(node) as story:
        call, _, caller_leg, target_leg = await talk(story, carrier, asterisk)
    async with listening(node, leave_nothing=True) as story:
        assert {leg.leg_id for leg in await story.engine.live_legs()} == {caller_leg, target_leg}
        await call.bye()
        assert (await story.wait(LegEnded, caller_leg)).ended_by is EndedBy.FAR_END
        await story.engine.hang_up(target_leg, 16)
        await story.wait(LegEnded, target_leg)


async def test_a_second_controller_takes_over_and_the_first_is_told(asterisk: RunningAsterisk) -> None:
    node = own_node(asterisk.settings)
    async with listening(node) as first, listening(node) as second:
        await first.wait(EngineLost)
        assert await second.engine.live_legs() == []
        assert not second.of(EngineLost)


async def test_a_killed_asterisk_is_told_as_lost_and_then_as_restarted(
    install: AsteriskInstall, tmp_path: Path
) -> None:
    asterisk = RunningAsterisk(install, settings_in(tmp_path))
    asterisk.start()
    try:
        async with (
            listening(own_node(asterisk.settings)) as story,
            SipPeer(CARRIER_HOST, asterisk.trunk_port) as carrier,
        ):
            await offer(story, carrier, asterisk)
            story.told.clear()
            asterisk.kill()
            await story.wait(EngineLost)
            await asyncio.to_thread(asterisk.start)
            assert (await story.wait(EngineReady, timeout_s=10)).restarted
            assert await story.engine.live_legs() == []
            call, leg_id = await offer(story, carrier, asterisk)
            await story.engine.hang_up(leg_id, 17)
            assert (await call.final()).status == 486
    finally:
        asterisk.stop()


async def test_an_asterisk_without_ami_records_the_mix_only(
    carrier: SipPeer, asterisk: RunningAsterisk, tmp_path: Path
) -> None:
    """As with an Asterisk that the user runs elsewhere: the file comes over ARI."""
    node = own_node(asterisk.settings)
    elsewhere = replace(node, ami=None, flight_recorder=None, shared_disk=False, recordings_folder=tmp_path)
    async with listening(elsewhere) as story:
        call, _, caller_leg, target_leg = await talk(story, carrier, asterisk)
        recording_id = new_id("mix")
        await story.engine.start_recording(caller_leg, recording_id)
        await asyncio.sleep(1)
        await call.bye()
        ended = await story.wait(RecordingEnded)
        assert (ended.recording_id, ended.ok) == (recording_id, True)
        assert ended.duration_ms == pytest.approx(1000, abs=250)
        assert (tmp_path / f"{recording_id}.wav").is_file()
        await story.engine.hang_up(target_leg, 16)
        await story.wait(LegEnded, target_leg)
        assert not [fact for fact in story.of(LegOffered) if fact.leg_id != caller_leg]
        assert await story.engine.ended_while_away(story.of(LegOffered)[0].at) == []
