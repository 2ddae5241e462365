"""NATIVE_CONNECT: Asterisk dials and joins by itself, and the facts are those of the long way."""

from __future__ import annotations

import asyncio
import wave
from dataclasses import replace

import pytest

from ringtrail.engines.asterisk.control import own_node
from ringtrail.ports.engine import (
    Capability,
    Connect,
    EndedBy,
    EngineError,
    LegAnswered,
    LegEnded,
    LegGoneError,
    LegRinging,
    LegsJoined,
    OutboundCaller,
    RecordingEnded,
)
from tests.engines.asterisk.running import RunningAsterisk, Story
from tests.engines.asterisk.steps import CLI, TRACKED, new_id, offer
from tests.engines.asterisk.test_connection import cut, listening, on_a_wire
from tests.sip.dialog import IncomingCall, OutgoingCall
from tests.sip.peer import SipPeer

pytestmark = pytest.mark.asterisk


def command(caller_leg: str, number: str, **changes: object) -> Connect:
    plain = Connect(
        caller_leg_id=caller_leg, target_leg_id=new_id("target"), bridge_id=new_id("bridge"), number_e164=number,
        caller=CLI, ring_timeout_s=5, answer_caller=True,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


async def connected(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk, **changes: object
) -> tuple[OutgoingCall, IncomingCall, Connect]:
    call, caller_leg = await offer(story, carrier, asterisk)
    wanted = command(caller_leg, "+33200000001", **changes)
    await story.engine.connect(wanted)
    target = await carrier.next_incoming()
    await story.wait(LegsJoined)
    return call, target, wanted


async def test_a_connected_call_tells_the_facts_of_the_long_way(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    assert Capability.NATIVE_CONNECT in story.engine.capabilities
    call, target, wanted = await connected(story, carrier, asterisk)
    assert (await call.final()).status == 200
    assert call.provisionals[-1].status == 180
    joined = story.of(LegsJoined)
    assert len(joined) == 1
    assert joined[0].bridge_id == wanted.bridge_id
    assert set(joined[0].leg_ids) == {wanted.caller_leg_id, wanted.target_leg_id}
    answered = carrier.log.find("INVITE", 200, direction="out", call_id=target.call_id)[0].at
    told = story.of(LegAnswered, wanted.target_leg_id)[0]
    assert abs((told.at - answered).total_seconds()) < 0.05
    assert told.codec == "alaw"
    assert len(story.of(LegRinging, wanted.target_leg_id)) == 1
    assert len(story.of(LegAnswered, wanted.caller_leg_id)) == 1
    await call.bye()
    ended = await story.wait(LegEnded, wanted.caller_leg_id)
    assert (ended.ended_by, ended.cause) == (EndedBy.FAR_END, 16)
    ended = await story.wait(LegEnded, wanted.target_leg_id)
    assert (ended.ended_by, ended.cause) == (EndedBy.US, 16)
    assert target.ended.is_set()


async def test_a_target_that_hangs_up_leaves_the_caller_with_us(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, target, wanted = await connected(story, carrier, asterisk)
    await target.bye(reason="Q.850;cause=31")
    ended = await story.wait(LegEnded, wanted.target_leg_id)
    assert (ended.ended_by, ended.cause) == (EndedBy.FAR_END, 31)
    again = command(wanted.caller_leg_id, "+33200000002")
    await story.engine.connect(again)
    await story.wait(LegsJoined, where=lambda fact: fact.bridge_id == again.bridge_id)
    await story.engine.hang_up(wanted.caller_leg_id, 16)
    await story.wait(LegEnded, again.target_leg_id)
    await asyncio.wait_for(call.ended.wait(), 2)


@pytest.mark.parametrize("status", [403, 404, 408, 480, 484, 486, 500, 503, 603])
async def test_a_refused_target_is_told_and_the_next_is_dialled(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk, status: int
) -> None:
    call, caller_leg = await offer(story, carrier, asterisk)
    first = command(caller_leg, f"+33{status}000001")
    await story.engine.connect(first)
    ended = await story.wait(LegEnded, first.target_leg_id)
    assert (ended.ended_by, ended.sip_status, ended.timed_out) == (EndedBy.FAR_END, status, False)
    second = command(caller_leg, "+33200000001")
    await story.engine.connect(second)
    await story.wait(LegsJoined)
    assert (await call.final()).status == 200
    await call.bye()
    await story.wait(LegEnded, second.target_leg_id)


async def test_a_target_that_rings_too_long_is_told_as_timed_out(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    _, caller_leg = await offer(story, carrier, asterisk)
    wanted = command(caller_leg, "+33180000001", ring_timeout_s=1)
    await story.engine.connect(wanted)
    ended = await story.wait(LegEnded, wanted.target_leg_id)
    assert (ended.ended_by, ended.cause, ended.sip_status, ended.timed_out) == (EndedBy.US, 19, None, True)
    await story.engine.play(caller_leg, new_id("play"), "/nowhere")  # it takes commands again
    await story.engine.hang_up(caller_leg, 19)
    await story.wait(LegEnded, caller_leg)


async def test_a_caller_who_gives_up_takes_the_ringing_target_along(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, caller_leg = await offer(story, carrier, asterisk)
    wanted = command(caller_leg, "+33180000001")
    await story.engine.connect(wanted)
    await call.provisional(180)
    await call.cancel()
    ended = await story.wait(LegEnded, caller_leg)
    assert (ended.ended_by, ended.cause, ended.sip_status) == (EndedBy.FAR_END, 16, 487)
    ended = await story.wait(LegEnded, wanted.target_leg_id)
    assert (ended.ended_by, ended.timed_out) == (EndedBy.US, False)
    await carrier.log.wait("CANCEL", direction="in")


async def test_we_can_hang_up_the_target_alone(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    call, target, wanted = await connected(story, carrier, asterisk)
    await story.engine.hang_up(wanted.target_leg_id, 16)
    ended = await story.wait(LegEnded, wanted.target_leg_id)
    assert (ended.ended_by, ended.cause) == (EndedBy.US, 16)
    await asyncio.wait_for(target.ended.wait(), 2)
    assert not story.of(LegEnded, wanted.caller_leg_id)
    await call.bye()


async def test_a_repeated_connect_dials_nothing(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    call, _, wanted = await connected(story, carrier, asterisk)
    with pytest.raises(EngineError):
        await story.engine.connect(wanted)
    with pytest.raises(EngineError):
        await story.engine.connect(replace(wanted, target_leg_id=new_id("target")))  # its caller is talking
    await asyncio.sleep(0.3)
    assert len(carrier.incoming) == 1
    await call.bye()
    await story.wait(LegEnded, wanted.target_leg_id)


async def test_a_connect_of_a_caller_who_left(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    with pytest.raises(LegGoneError):
        await story.engine.connect(command("nobody", "+33200000001"))


async def test_the_cli_is_the_one_that_was_asked_for(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    call, target, wanted = await connected(story, carrier, asterisk)
    invite = carrier.log.find("INVITE", direction="in", call_id=target.call_id)[0].raw.decode()
    assert 'From: "Alice" <sip:+33611223344@' in invite
    await call.bye()
    await story.wait(LegEnded, wanted.target_leg_id)


@pytest.mark.parametrize(
    "hidden", [OutboundCaller(number_e164="+33611223344", withheld=True), OutboundCaller(number_e164=None)]
)
async def test_a_withheld_cli_is_not_shown(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk, hidden: OutboundCaller
) -> None:
    call, target, wanted = await connected(story, carrier, asterisk, caller=hidden)
    invite = carrier.log.find("INVITE", direction="in", call_id=target.call_id)[0].raw.decode()
    origin = next(line for line in invite.splitlines() if line.startswith("From:"))
    assert "anonymous" in origin.lower()
    assert "639980001" not in invite.partition("\r\n\r\n")[0]
    await call.bye()
    await story.wait(LegEnded, wanted.target_leg_id)


async def test_a_connected_call_is_recorded_from_the_answer_on(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    recording_id = new_id("call")
    call, _, wanted = await connected(story, carrier, asterisk, recording_id=recording_id)
    await asyncio.sleep(1)
    await call.bye()
    ended = await story.wait(RecordingEnded)
    assert (ended.recording_id, ended.ok) == (recording_id, True)
    for side in ("", "-caller", "-target"):
        with wave.open(str(asterisk.settings.recordings_folder / f"{recording_id}{side}.wav")) as sound:
            assert sound.getnframes() / 8000 == pytest.approx(1.0, abs=0.2)
    await story.wait(LegEnded, wanted.target_leg_id)


async def test_a_connected_call_is_found_again_under_its_own_leg_ids(
    carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    node = own_node(asterisk.settings)
    async with listening(node) as story:
        call, target, wanted = await connected(story, carrier, asterisk)
    async with listening(node) as story:
        legs = {leg.leg_id: leg for leg in await story.engine.live_legs()}
        assert set(legs) == {wanted.caller_leg_id, wanted.target_leg_id}
        assert legs[wanted.caller_leg_id].dialled == TRACKED
        await target.bye(reason="Q.850;cause=31")
        assert (await story.wait(LegEnded, wanted.target_leg_id)).cause == 31
        await asyncio.sleep(0.1)
        await story.engine.hang_up(wanted.caller_leg_id, 16)
        await asyncio.wait_for(call.ended.wait(), 2)
        histories = await story.engine.ended_while_away(legs[wanted.target_leg_id].started_at)
        told = {leg.leg_id: leg for leg in histories}[wanted.target_leg_id]
    assert (told.inbound, told.parent_leg_id, told.cause) == (False, wanted.caller_leg_id, 31)
    assert told.bridged_at is not None


async def test_a_connected_call_goes_on_while_nobody_controls(carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    async with on_a_wire(asterisk) as (story, wire):
        call, caller_leg = await offer(story, carrier, asterisk)
        wanted = command(caller_leg, "+33200000001")
        await story.engine.connect(wanted)
        await carrier.next_incoming()
        await cut(story, wire)
        assert (await call.final()).status == 200
        wire.mend()
        await story.wait(LegAnswered, wanted.target_leg_id)
        await call.bye()
        await story.wait(LegEnded, wanted.target_leg_id)
