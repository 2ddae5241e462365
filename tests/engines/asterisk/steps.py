"""What many tests do first: a caller arrives, a target is dialled, both talk."""

from __future__ import annotations

import itertools

from ringtrail.ports.engine import LegAnswered, LegOffered, LegsJoined, OutboundCaller
from tests.engines.asterisk.running import RunningAsterisk, Story
from tests.sip.dialog import IncomingCall, OutgoingCall
from tests.sip.peer import SipPeer

TRACKED = "+33912340001"
CLI = OutboundCaller(number_e164="+33611223344", name="Alice")
_serial = itertools.count(1)


def new_id(kind: str = "leg") -> str:
    return f"{kind}-{next(_serial)}"


async def offer(story: Story, carrier: SipPeer, asterisk: RunningAsterisk, **more: object) -> tuple[OutgoingCall, str]:
    """A caller dials the tracked number; the call and its leg id."""
    seen = len(story.of(LegOffered))
    call = carrier.call(f"sip:{TRACKED}@{asterisk.uri}", **more)  # type: ignore[arg-type]
    offered = await story.wait(LegOffered, where=lambda fact: fact in story.of(LegOffered)[seen:])
    return call, offered.leg_id


async def dial(story: Story, number: str, for_leg_id: str | None = None, ring_timeout_s: int = 5) -> str:
    leg_id = new_id()
    await story.engine.originate(leg_id, number, caller=CLI, ring_timeout_s=ring_timeout_s, for_leg_id=for_leg_id)
    return leg_id


async def talk(
    story: Story, carrier: SipPeer, asterisk: RunningAsterisk
) -> tuple[OutgoingCall, IncomingCall, str, str]:
    """A caller and a target who hear each other."""
    call, caller_leg = await offer(story, carrier, asterisk)
    await story.engine.ring(caller_leg)
    target_leg = await dial(story, "+33200000001", caller_leg)
    target = await carrier.next_incoming()
    await story.wait(LegAnswered, target_leg)
    await story.engine.answer(caller_leg)
    await call.final()
    await story.engine.join(new_id("bridge"), (caller_leg, target_leg))
    await story.wait(LegsJoined)
    return call, target, caller_leg, target_leg
