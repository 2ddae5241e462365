"""What every engine must do, asked by capability. A variant subclasses EngineConformance and gives a `far_side`.

Numbers say how the far end behaves: `+33<status>...` refuses with that status, `+33200...` answers after 0.2 s, `+33180...`
rings for ever.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Protocol

import pytest

from ringtrail.ports.engine import (
    Capability,
    Connect,
    EndedBy,
    Engine,
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
from tests.engines.asterisk.running import Story

_serial = count()
CALLER = OutboundCaller(number_e164="+33639980001")


class CallerSide(Protocol):
    async def hang_up(self) -> None:
        """BYE, or CANCEL while it is not answered."""
        ...


class FarSide(Protocol):
    """The world around one engine."""

    story: Story
    sound: str  # a sound file of one to four seconds, absolute path without extension

    async def call(self, number: str, *, withheld: bool = False) -> CallerSide:
        """A caller's INVITE."""
        ...


def leg_id() -> str:
    return f"conf-{next(_serial)}"


async def answered_caller(far_side: FarSide) -> tuple[LegOffered, CallerSide]:
    caller = await far_side.call("+33912340001")
    offered = await far_side.story.wait(LegOffered)
    await far_side.story.engine.answer(offered.leg_id)
    await far_side.story.wait(LegAnswered, offered.leg_id)
    return offered, caller


async def dialled(far_side: FarSide, number: str, *, ring_timeout_s: int = 10, for_leg_id: str | None = None) -> str:
    target = leg_id()
    await far_side.story.engine.originate(
        target, number, caller=CALLER, ring_timeout_s=ring_timeout_s, for_leg_id=for_leg_id
    )
    return target


def needs(engine: Engine, capability: Capability) -> None:
    if capability not in engine.capabilities:
        pytest.skip(f"{type(engine).__name__} does not claim {capability.name}")


class EngineConformance:
    async def test_an_offer_says_who_calls_whom_and_when(self, far_side: FarSide) -> None:
        await far_side.call("+33912340001")
        offered = await far_side.story.wait(LegOffered)
        assert (offered.dialled, offered.caller_withheld) == ("+33912340001", False)
        assert offered.caller_number
        assert offered.at.tzinfo is not None

    async def test_a_withheld_caller_is_told_as_withheld(self, far_side: FarSide) -> None:
        await far_side.call("+33912340001", withheld=True)
        assert (await far_side.story.wait(LegOffered)).caller_withheld

    async def test_a_caller_who_gives_up_before_the_answer_ends_the_leg_from_the_far_end(
        self, far_side: FarSide
    ) -> None:
        caller = await far_side.call("+33912340001")
        offered = await far_side.story.wait(LegOffered)
        await far_side.story.engine.ring(offered.leg_id)
        await caller.hang_up()
        ended = await far_side.story.wait(LegEnded, offered.leg_id)
        assert (ended.ended_by, ended.timed_out) == (EndedBy.FAR_END, False)

    async def test_an_answered_caller_hangs_up_with_a_normal_clearing(self, far_side: FarSide) -> None:
        offered, caller = await answered_caller(far_side)
        await caller.hang_up()
        ended = await far_side.story.wait(LegEnded, offered.leg_id)
        assert (ended.ended_by, ended.cause) == (EndedBy.FAR_END, 16)

    async def test_our_hang_up_is_told_as_ours_and_repeating_it_does_nothing(self, far_side: FarSide) -> None:
        offered, _ = await answered_caller(far_side)
        await far_side.story.engine.hang_up(offered.leg_id, 16)
        assert (await far_side.story.wait(LegEnded, offered.leg_id)).ended_by is EndedBy.US
        await far_side.story.engine.hang_up(offered.leg_id, 16)

    async def test_a_target_rings_and_answers(self, far_side: FarSide) -> None:
        target = await dialled(far_side, "+33200000001")
        ringing = await far_side.story.wait(LegRinging, target)
        answered = await far_side.story.wait(LegAnswered, target)
        assert ringing.at <= answered.at
        await far_side.story.engine.hang_up(target, 16)
        assert (await far_side.story.wait(LegEnded, target)).ended_by is EndedBy.US

    @pytest.mark.parametrize(
        ("status", "cause"),
        [(486, 17), (603, 21), (403, 21), (404, 1), (484, 28), (480, 19), (408, 18), (500, 38), (503, 34)],
    )
    async def test_a_refusal_keeps_its_status_and_cause(self, far_side: FarSide, status: int, cause: int) -> None:
        target = await dialled(far_side, f"+33{status}000001")
        ended = await far_side.story.wait(LegEnded, target)
        assert (ended.sip_status, ended.cause, ended.ended_by, ended.timed_out) == (
            status, cause, EndedBy.FAR_END, False,
        )  # fmt: skip

    async def test_the_ring_timeout_is_ours_and_told_as_such(self, far_side: FarSide) -> None:
        target = await dialled(far_side, "+33180000001", ring_timeout_s=2)
        ended = await far_side.story.wait(LegEnded, target, timeout_s=8)
        assert (ended.timed_out, ended.ended_by) == (True, EndedBy.US)

    async def test_the_same_leg_id_is_never_dialled_twice(self, far_side: FarSide) -> None:
        target = await dialled(far_side, "+33180000001")
        with pytest.raises(EngineError):
            await far_side.story.engine.originate(
                target, "+33180000001", caller=CALLER, ring_timeout_s=10, for_leg_id=None
            )
        await far_side.story.engine.hang_up(target, 16)
        await far_side.story.wait(LegEnded, target)
        assert len(far_side.story.of(LegEnded, target)) == 1

    async def test_a_sound_plays_to_its_end(self, far_side: FarSide) -> None:
        offered, _ = await answered_caller(far_side)
        await far_side.story.engine.play(offered.leg_id, "p-end", far_side.sound)
        ended = await far_side.story.wait(PlaybackEnded, timeout_s=8)
        assert (ended.playback_id, ended.completed, ended.leg_id) == ("p-end", True, offered.leg_id)

    async def test_a_loop_plays_until_it_is_stopped(self, far_side: FarSide) -> None:
        offered, _ = await answered_caller(far_side)
        await far_side.story.engine.play(offered.leg_id, "p-loop", far_side.sound, loop=True)
        await asyncio.sleep(0.3)
        await far_side.story.engine.stop_playing("p-loop")
        assert not (await far_side.story.wait(PlaybackEnded)).completed

    async def test_a_command_on_a_leg_that_is_gone_says_so(self, far_side: FarSide) -> None:
        offered, caller = await answered_caller(far_side)
        await caller.hang_up()
        await far_side.story.wait(LegEnded, offered.leg_id)
        with pytest.raises(LegGoneError):
            await far_side.story.engine.play(offered.leg_id, "p-late", far_side.sound)

    async def test_two_legs_are_joined_and_one_leaving_leaves_the_other(self, far_side: FarSide) -> None:
        offered, caller = await answered_caller(far_side)
        target = await dialled(far_side, "+33200000001", for_leg_id=offered.leg_id)
        await far_side.story.wait(LegAnswered, target)
        await far_side.story.engine.join("br-1", (offered.leg_id, target))
        joined = await far_side.story.wait(LegsJoined)
        assert set(joined.leg_ids) == {offered.leg_id, target}
        await caller.hang_up()
        await far_side.story.wait(LegEnded, offered.leg_id)
        assert {leg.leg_id for leg in await far_side.story.engine.live_legs()} == {target}
        await far_side.story.engine.hang_up(target, 16)
        await far_side.story.wait(LegEnded, target)

    async def test_a_message_ends_with_the_callers_hang_up_and_has_a_length(self, far_side: FarSide) -> None:
        offered, caller = await answered_caller(far_side)
        await far_side.story.engine.record_message(offered.leg_id, f"msg-{leg_id()}", max_s=30, silence_s=10)
        await asyncio.sleep(1.5)
        await caller.hang_up()
        ended = await far_side.story.wait(RecordingEnded, timeout_s=8)
        assert ended.ok
        assert ended.duration_ms is None or ended.duration_ms >= 0

    async def test_live_legs_are_those_that_have_not_ended(self, far_side: FarSide) -> None:
        offered, caller = await answered_caller(far_side)
        legs = {leg.leg_id: leg for leg in await far_side.story.engine.live_legs()}
        assert legs[offered.leg_id].up
        await caller.hang_up()
        await far_side.story.wait(LegEnded, offered.leg_id)
        assert offered.leg_id not in {leg.leg_id for leg in await far_side.story.engine.live_legs()}

    async def test_connect_tells_the_same_story_in_one_command(self, far_side: FarSide) -> None:
        needs(far_side.story.engine, Capability.NATIVE_CONNECT)
        caller = await far_side.call("+33912340001")
        offered = await far_side.story.wait(LegOffered)
        busy, reached = leg_id(), leg_id()
        for target, number in ((busy, "+33486000001"), (reached, "+33200000001")):
            await far_side.story.engine.connect(_connect(offered.leg_id, target, number))
            if target == busy:
                ended = await far_side.story.wait(LegEnded, busy)
                assert (ended.sip_status, ended.cause) == (486, 17)
        await far_side.story.wait(LegRinging, reached)
        await far_side.story.wait(LegAnswered, reached)
        await far_side.story.wait(LegAnswered, offered.leg_id)
        joined = await far_side.story.wait(LegsJoined)
        assert set(joined.leg_ids) == {offered.leg_id, reached}
        await caller.hang_up()
        assert (await far_side.story.wait(LegEnded, offered.leg_id)).ended_by is EndedBy.FAR_END
        assert (await far_side.story.wait(LegEnded, reached)).ended_by is EndedBy.US


def _connect(caller: str, target: str, number: str) -> Connect:
    return Connect(
        caller_leg_id=caller,
        target_leg_id=target,
        bridge_id=f"br-{caller}",
        number_e164=number,
        caller=CALLER,
        ring_timeout_s=10,
        answer_caller=True,
    )
