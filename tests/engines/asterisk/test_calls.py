"""Real calls through a real Asterisk: what the wire shows is what the engine tells."""

from __future__ import annotations

import asyncio
import wave
from datetime import datetime, timedelta

import pytest

from ringtrail.model.cause import SIP_TO_CAUSE
from ringtrail.ports.engine import (
    DigitsPressed,
    EndedBy,
    EngineError,
    LegAnswered,
    LegEnded,
    LegGoneError,
    LegOffered,
    LegRinging,
    LegsJoined,
    OutboundCaller,
    PlaybackEnded,
    RecordingEnded,
)
from tests.engines.asterisk.running import STRANGER_HOST, RunningAsterisk, Story
from tests.engines.asterisk.steps import CLI, TRACKED, dial, new_id, offer, talk
from tests.sip.dialog import OutgoingCall
from tests.sip.peer import SipPeer

pytestmark = pytest.mark.asterisk

NEAR = timedelta(milliseconds=250)


def close_to(instant: datetime, other: datetime) -> bool:
    return abs(instant - other) < NEAR


async def test_an_offered_call_is_told_as_it_came_on_the_wire(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, leg_id = await offer(story, carrier, asterisk, caller="+33611223344", display_name="Alice Martin")
    fact = story.of(LegOffered, leg_id)[0]
    assert (fact.dialled, fact.caller_number, fact.caller_name) == (TRACKED, "+33611223344", "Alice Martin")
    assert not fact.caller_withheld
    assert close_to(fact.at, carrier.log.find("INVITE", direction="out")[0].at)
    await story.engine.hang_up(leg_id, 1)
    assert (await call.final()).status == 404


@pytest.mark.parametrize(
    ("how", "number"), [({"privacy": True}, "+33639980001"), ({"anonymous": True}, None)], ids=["privacy", "anonymous"]
)
async def test_a_withheld_caller_is_told_as_withheld(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk, how: dict[str, bool], number: str | None
) -> None:
    _, leg_id = await offer(story, carrier, asterisk, **how)
    fact = story.of(LegOffered, leg_id)[0]
    assert fact.caller_withheld
    assert fact.caller_number == number
    await story.engine.hang_up(leg_id, 17)


async def test_an_answered_call_is_joined_and_the_caller_hangs_up(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, target, caller_leg, target_leg = await talk(story, carrier, asterisk)
    joined = story.of(LegsJoined)[0]
    assert set(joined.leg_ids) == {caller_leg, target_leg}
    assert story.of(LegAnswered, target_leg)[0].codec == "alaw"
    ringing = carrier.log.find("INVITE", 180, direction="out", call_id=target.call_id)[0]
    answered = carrier.log.find("INVITE", 200, direction="out", call_id=target.call_id)[0]
    assert close_to(story.of(LegRinging, target_leg)[0].at, ringing.at)
    assert close_to(story.of(LegAnswered, target_leg)[0].at, answered.at)
    sent = carrier.log.find("INVITE", 200, direction="in", call_id=call.call_id)[0]
    assert close_to(story.of(LegAnswered, caller_leg)[0].at, sent.at)
    await call.bye()
    ended = await story.wait(LegEnded, caller_leg)
    assert (ended.ended_by, ended.cause, ended.sip_status) == (EndedBy.FAR_END, 16, None)
    assert close_to(ended.at, carrier.log.find("BYE", direction="out")[0].at)
    await story.engine.hang_up(target_leg, 16)
    ended = await story.wait(LegEnded, target_leg)
    assert (ended.ended_by, ended.cause) == (EndedBy.US, 16)
    await asyncio.wait_for(target.ended.wait(), 2)


async def test_a_target_that_hangs_up_with_a_reason_is_told_with_its_cause(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, target, caller_leg, target_leg = await talk(story, carrier, asterisk)
    await target.bye(reason="Q.850;cause=31")
    ended = await story.wait(LegEnded, target_leg)
    assert (ended.ended_by, ended.cause) == (EndedBy.FAR_END, 31)
    assert not story.of(LegEnded, caller_leg)
    await story.engine.hang_up(caller_leg, 16)
    await asyncio.wait_for(call.ended.wait(), 2)


@pytest.mark.parametrize("status", [403, 404, 408, 480, 484, 486, 500, 503, 603])
async def test_a_refused_target_is_told_with_status_and_cause(story: Story, carrier: SipPeer, status: int) -> None:
    leg_id = await dial(story, f"+33{status}000001")
    ended = await story.wait(LegEnded, leg_id)
    assert (ended.ended_by, ended.sip_status, ended.timed_out) == (EndedBy.FAR_END, status, False)
    assert ended.cause == SIP_TO_CAUSE[status]
    assert close_to(ended.at, carrier.log.find("INVITE", status)[0].at)
    assert story.of(LegRinging, leg_id)
    assert not story.of(LegAnswered, leg_id)


async def test_a_target_that_rings_too_long_is_given_up(story: Story, carrier: SipPeer) -> None:
    leg_id = await dial(story, "+33180000001", ring_timeout_s=1)
    ended = await story.wait(LegEnded, leg_id)
    assert (ended.ended_by, ended.timed_out, ended.sip_status) == (EndedBy.US, True, None)
    assert carrier.log.find("CANCEL", direction="in")


async def test_a_peer_that_never_answers_is_given_up_after_the_ring_timeout(
    story: Story, asterisk: RunningAsterisk
) -> None:
    leg_id = await dial(story, "+33200000001", ring_timeout_s=1)  # no carrier fixture: nobody listens
    ended = await story.wait(LegEnded, leg_id)
    assert ended.timed_out
    assert not story.of(LegRinging, leg_id)


async def test_our_hang_up_cancels_a_ringing_target(story: Story, carrier: SipPeer) -> None:
    leg_id = await dial(story, "+33180000001")
    await story.wait(LegRinging, leg_id)
    await story.engine.hang_up(leg_id, 16)
    ended = await story.wait(LegEnded, leg_id)
    assert (ended.ended_by, ended.cause, ended.timed_out) == (EndedBy.US, 16, False)
    await carrier.log.wait("CANCEL", direction="in")


async def test_a_caller_who_gives_up_is_told_as_far_end_with_487(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, leg_id = await offer(story, carrier, asterisk)
    await story.engine.ring(leg_id)
    await call.provisional(180)
    await call.cancel()
    ended = await story.wait(LegEnded, leg_id)
    assert (ended.ended_by, ended.cause, ended.sip_status) == (EndedBy.FAR_END, 16, 487)
    assert close_to(ended.at, carrier.log.find("CANCEL", direction="out")[0].at)


@pytest.mark.parametrize(
    ("cause", "status"), [(1, 404), (17, 486), (19, 480), (21, 403), (22, 410), (28, 484), (34, 503), (41, 503)]
)
async def test_a_caller_is_refused_with_the_status_of_the_cause(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk, cause: int, status: int
) -> None:
    call, leg_id = await offer(story, carrier, asterisk)
    await story.engine.hang_up(leg_id, cause)
    assert (await call.final()).status == status
    ended = await story.wait(LegEnded, leg_id)
    assert (ended.ended_by, ended.cause, ended.sip_status) == (EndedBy.US, cause, status)


async def test_a_withheld_cli_is_not_shown_to_the_target(story: Story, carrier: SipPeer) -> None:
    hidden = OutboundCaller(number_e164="+33611223344", name="Alice", withheld=True)
    await story.engine.originate(new_id(), "+33486000001", caller=hidden, ring_timeout_s=5, for_leg_id=None)
    invite = (await carrier.log.wait("INVITE", direction="in")).raw.decode()
    origin = next(line for line in invite.splitlines() if line.startswith("From:"))
    assert "anonymous" in origin.lower()
    assert "611223344" not in invite
    assert "Alice" not in invite


async def test_the_cli_is_shown_to_the_target(story: Story, carrier: SipPeer) -> None:
    await dial(story, "+33486000001")
    invite = (await carrier.log.wait("INVITE", direction="in")).raw.decode()
    assert 'From: "Alice" <sip:+33611223344@' in invite
    assert invite.startswith("INVITE sip:+33486000001@")


async def test_a_repeated_origination_dials_nothing(story: Story, carrier: SipPeer) -> None:
    number = "+33486000777"
    leg_id = await dial(story, number)
    with pytest.raises(EngineError):
        await story.engine.originate(leg_id, number, caller=CLI, ring_timeout_s=5, for_leg_id=None)
    await story.wait(LegEnded, leg_id)
    with pytest.raises(EngineError):
        await story.engine.originate(leg_id, number, caller=CLI, ring_timeout_s=5, for_leg_id=None)
    assert [call.number for call in carrier.incoming].count(number) == 1


async def test_commands_on_a_leg_that_is_gone(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    with pytest.raises(LegGoneError):
        await story.engine.answer("nobody")
    with pytest.raises(LegGoneError):
        await story.engine.join(new_id("bridge"), ("nobody",))
    await story.engine.hang_up("nobody", 16)


@pytest.mark.parametrize("number", ["+33&PJSIP/1", "", "abc", "+33 1"])
async def test_a_number_that_is_none_is_refused(story: Story, number: str) -> None:
    with pytest.raises(EngineError):
        await dial(story, number)


@pytest.mark.parametrize("codec", ["alaw", "ulaw", "g722", "opus"])
async def test_codecs(story: Story, carrier: SipPeer, asterisk: RunningAsterisk, codec: str) -> None:
    call, leg_id = await offer(story, carrier, asterisk, codecs=(codec,))
    await story.engine.answer(leg_id)
    assert (await call.final()).status == 200
    assert (await story.wait(LegAnswered, leg_id)).codec == codec
    await call.bye()


async def test_digits_of_a_caller(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    call, leg_id = await offer(story, carrier, asterisk)
    await story.engine.answer(leg_id)
    await call.final()
    for digit in "12":
        body = f"Signal={digit}\r\nDuration=120\r\n".encode()
        message = call.request("INFO", headers=[("Content-Type", "application/dtmf-relay")], body=body)
        await carrier.exchange(message, call.next_hop, 5)
    await story.wait(DigitsPressed, leg_id, where=lambda fact: fact.digits == "2")
    assert [fact.digits for fact in story.of(DigitsPressed, leg_id)] == ["1", "2"]
    await call.bye()


async def answered(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> tuple[OutgoingCall, str]:
    call, leg_id = await offer(story, carrier, asterisk)
    await story.engine.answer(leg_id)
    await call.final()
    return call, leg_id


async def test_a_playback_ends_when_its_sound_does(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    call, leg_id = await answered(story, carrier, asterisk)
    await story.engine.play(leg_id, new_id("play"), str(asterisk.install.sounds_dir / "en/beep"))
    assert (await story.wait(PlaybackEnded, leg_id)).completed
    await call.bye()


async def test_a_playback_that_is_stopped_or_has_no_file_is_not_completed(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, leg_id = await answered(story, carrier, asterisk)
    missing, stopped = new_id("play"), new_id("play")
    await story.engine.play(leg_id, missing, "/nowhere/nothing")
    assert not (await story.wait(PlaybackEnded, where=lambda fact: fact.playback_id == missing)).completed
    await story.engine.play(leg_id, stopped, str(asterisk.install.sounds_dir / "en/demo-congrats"))
    await asyncio.sleep(0.2)
    await story.engine.stop_playing(stopped)
    assert not (await story.wait(PlaybackEnded, where=lambda fact: fact.playback_id == stopped)).completed
    await call.bye()


async def test_a_looped_playback_goes_on_until_it_is_stopped(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringtrail.engines.asterisk.control._LOOP_LENGTH", 2)
    call, leg_id = await answered(story, carrier, asterisk)
    looped = new_id("play")
    await story.engine.play(leg_id, looped, str(asterisk.install.sounds_dir / "en/beep"), loop=True)
    await asyncio.sleep(1.5)  # a beep is 0.17 s: several turns
    assert not story.of(PlaybackEnded)
    await story.engine.stop_playing(looped)
    ended = await story.wait(PlaybackEnded, leg_id)
    assert (ended.playback_id, ended.completed) == (looped, False)
    await call.bye()


async def test_a_playback_is_cut_by_the_end_of_its_leg(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, leg_id = await answered(story, carrier, asterisk)
    await story.engine.play(leg_id, new_id("play"), str(asterisk.install.sounds_dir / "en/demo-congrats"))
    await asyncio.sleep(0.2)
    await call.bye()
    await story.wait(LegEnded, leg_id)
    assert not (await story.wait(PlaybackEnded, leg_id)).completed
    assert isinstance(story.told[-1], LegEnded)


async def test_ringback_on_an_answered_caller(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    call, leg_id = await answered(story, carrier, asterisk)
    await story.engine.ring(leg_id)
    await story.engine.stop_ringing(leg_id)
    await call.bye()
    await story.wait(LegEnded, leg_id)


async def test_a_message_is_recorded_until_the_caller_hangs_up(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, leg_id = await answered(story, carrier, asterisk)
    recording_id = new_id("message")
    await story.engine.record_message(leg_id, recording_id, max_s=20, silence_s=10)
    await asyncio.sleep(1.2)
    await call.bye()
    ended = await story.wait(RecordingEnded)
    assert (ended.recording_id, ended.ok) == (recording_id, True)
    assert ended.duration_ms is not None
    assert 300 <= ended.duration_ms <= 1500
    assert (asterisk.settings.recordings_folder / f"{recording_id}.wav").is_file()


async def test_silence_ends_a_message(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    call, leg_id = await answered(story, carrier, asterisk)
    await story.engine.record_message(leg_id, new_id("message"), max_s=20, silence_s=1)
    assert (await story.wait(RecordingEnded)).ok
    assert not story.of(LegEnded, leg_id)
    await call.bye()


async def test_a_recorded_call_gives_three_files_of_one_length(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, _, caller_leg, target_leg = await talk(story, carrier, asterisk)
    recording_id = new_id("call")
    await story.engine.start_recording(caller_leg, recording_id)
    with pytest.raises(EngineError):
        await story.engine.start_recording(caller_leg, recording_id)
    await asyncio.sleep(1)
    await call.bye()
    ended = await story.wait(RecordingEnded)
    assert ended.ok
    lengths = []
    for side in ("", "-caller", "-target"):
        with wave.open(str(asterisk.settings.recordings_folder / f"{recording_id}{side}.wav")) as sound:
            assert (sound.getnchannels(), sound.getframerate()) == (1, 8000)
            lengths.append(sound.getnframes() / 8000)
    assert lengths == pytest.approx([1.0] * 3, abs=0.2)
    assert ended.duration_ms == pytest.approx(lengths[0] * 1000, abs=1)
    await story.engine.hang_up(target_leg, 16)
    await story.wait(LegEnded, target_leg)


async def test_live_legs_are_listed_with_their_bridge(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    call, _, caller_leg, target_leg = await talk(story, carrier, asterisk)
    legs = {leg.leg_id: leg for leg in await story.engine.live_legs()}
    assert set(legs) == {caller_leg, target_leg}
    assert (legs[caller_leg].dialled, legs[target_leg].dialled) == (TRACKED, None)
    assert {leg.bridge_id for leg in legs.values()} == {story.of(LegsJoined)[0].bridge_id}
    assert all(leg.up for leg in legs.values())
    await call.bye()
    await story.engine.hang_up(target_leg, 16)
    await story.wait(LegEnded, target_leg)
    assert await story.engine.live_legs() == []


async def test_the_flight_recorder_tells_the_same_call(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> None:
    _, target, caller_leg, target_leg = await talk(story, carrier, asterisk)
    await target.bye(reason="Q.850;cause=31")
    await story.wait(LegEnded, target_leg)
    await story.engine.hang_up(caller_leg, 16)
    await story.wait(LegEnded, caller_leg)
    histories = await story.engine.ended_while_away(story.of(LegOffered, caller_leg)[0].at)
    told = {leg.leg_id: leg for leg in histories}
    caller, called = told[caller_leg], told[target_leg]
    assert (caller.inbound, caller.dialled, caller.caller_number) == (True, TRACKED, "+33639980001")
    assert (caller.parent_leg_id, caller.ended_by, caller.cause) == (None, EndedBy.US, 16)
    assert (called.inbound, called.parent_leg_id) == (False, caller_leg)
    assert (called.ended_by, called.cause) == (EndedBy.FAR_END, 31)
    assert called.answered_at is not None
    assert called.bridged_at is not None
    assert called.ended_at is not None
    assert close_to(called.answered_at, story.of(LegAnswered, target_leg)[0].at)
    assert close_to(called.bridged_at, story.of(LegsJoined)[0].at)
    assert close_to(called.ended_at, story.of(LegEnded, target_leg)[0].at)


async def test_an_unknown_sender_is_challenged_and_reaches_nothing(story: Story, asterisk: RunningAsterisk) -> None:
    async with SipPeer(STRANGER_HOST) as stranger:
        call = stranger.call(f"sip:{TRACKED}@{asterisk.uri}")
        assert (await call.final()).status == 401
        assert (await stranger.request("OPTIONS", f"sip:{asterisk.uri}")).status == 401
        assert (await stranger.request("REGISTER", f"sip:{asterisk.uri}")).status == 401
    assert not story.of(LegOffered)


async def test_the_trunk_s_options_are_answered(carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    assert (await carrier.request("OPTIONS", f"sip:{asterisk.uri}")).status == 200


async def test_a_call_without_a_number_is_refused(story: Story, carrier: SipPeer, asterisk: RunningAsterisk) -> None:
    call = carrier.call(f"sip:{asterisk.uri}")
    assert (await call.final()).status == 404
    assert not story.of(LegOffered)
