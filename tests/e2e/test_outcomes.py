"""Every outcome that a tracked call can have, each by its real SIP cause, and true to the wire."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.stack import Stack, eventually
from tests.sip import answers, ignores, refuses, rings

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="session")]

WIRE = timedelta(milliseconds=50)


@pytest.mark.parametrize(
    ("status", "disposition", "cause", "to_caller"),
    [
        (486, "busy", 17, 486),
        (603, "rejected", 21, 403),
        (403, "rejected", 21, 403),
        (404, "invalid_number", 1, 404),
        (484, "invalid_number", 28, 484),
        (480, "no_answer", 19, 480),
        (408, "no_answer", 18, 480),
        (500, "failed", 38, 500),
        (503, "failed", 34, 503),
    ],
)
async def test_a_target_that_refuses(stack: Stack, status: int, disposition: str, cause: int, to_caller: int) -> None:
    target = stack.target()
    did, _ = await stack.number((target, 10, refuses(status, 0.2, provisional=180)))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    final = await call.final()
    record = await stack.ended_call(did.number_e164)
    legs = await stack.legs(record)
    assert (record.disposition, record.stage, record.hangup_cause) == (disposition, "ringing", cause)
    assert (legs[1].sip_status, legs[1].disposition, record.talk_s, record.hangup_by) == (
        status,
        disposition,
        0,
        "platform",
    )
    assert final.status // 100 == to_caller // 100


async def test_an_answered_call_is_true_to_the_wire(stack: Stack) -> None:
    target = stack.target()
    did, _ = await stack.number((target, 10, answers(0.5)))
    call = stack.callers.call(stack.sip_uri(did.number_e164), caller="+33639980001", display_name="Alice")
    assert (await call.final()).status == 200
    await asyncio.sleep(1.2)
    await call.bye()
    record = await stack.ended_call(did.number_e164)
    invite = next(e for e in stack.callers.log.find("INVITE", direction="out") if did.number_e164 in e.raw.decode())
    bye = stack.callers.log.find("BYE", direction="out")[-1]
    legs = await stack.legs(record)
    answered = next(e for e in stack.targets.log.find("INVITE", 200, direction="out") if target in e.raw.decode())
    assert abs(record.started_at - invite.at) < WIRE
    assert record.answered_at is not None
    assert abs(record.answered_at - answered.at) < WIRE
    assert record.ended_at is not None
    assert abs(record.ended_at - bye.at) < WIRE
    assert (record.disposition, record.hangup_by, record.hangup_cause, record.talk_s) == ("answered", "caller", 16, 1)
    assert (record.caller_number, record.caller_name, record.destination_number) == ("+33639980001", "Alice", target)
    assert [leg.role for leg in legs] == ["caller", "target"]
    assert legs[1].ringing_at is not None


async def test_the_target_hanging_up_is_told_apart_and_its_reason_kept(stack: Stack) -> None:
    target = stack.target()
    did, _ = await stack.number((target, 10, answers(0.2, hangup_after_s=0.6, reason="Q.850;cause=31")))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    await call.final()
    await asyncio.wait_for(call.ended.wait(), 5)
    record = await stack.ended_call(did.number_e164)
    assert (record.disposition, record.hangup_by, record.hangup_cause) == ("answered", "callee", 31)


async def test_nobody_answers_within_the_ring_timeout(stack: Stack) -> None:
    target = stack.target()
    did, _ = await stack.number((target, 5, rings()))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    assert (await call.final(timeout_s=10)).status == 480
    record = await stack.ended_call(did.number_e164)
    assert (record.disposition, record.hangup_cause, record.total_s) == ("no_answer", 19, 5)
    await eventually(lambda: stack.targets.log.find("CANCEL"))


async def test_a_target_that_nobody_serves_fails(stack: Stack) -> None:
    target = stack.target()
    did, _ = await stack.number((target, 5, ignores()))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    await call.final(timeout_s=12)
    record = await stack.ended_call(did.number_e164)
    assert record.disposition in ("no_answer", "failed")
    assert record.talk_s == 0


async def test_the_caller_giving_up_while_it_rings_cancels_the_target(stack: Stack) -> None:
    target = stack.target()
    did, _ = await stack.number((target, 20, rings()))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    await call.provisional(180)
    await asyncio.sleep(0.5)
    await call.cancel()
    record = await stack.ended_call(did.number_e164)
    legs = await stack.legs(record)
    assert (record.disposition, record.stage, record.hangup_by, record.hangup_cause) == (
        "abandoned", "ringing", "caller", 16,
    )  # fmt: skip
    assert legs[1].disposition == "abandoned"
    cancels = await eventually(
        lambda: [e for e in stack.targets.log.find("CANCEL", direction="in") if target in e.raw.decode()]
    )
    cancelled = stack.callers.log.find("CANCEL", direction="out")[-1]
    assert cancels[0].at - cancelled.at < timedelta(seconds=0.5)
    assert record.ended_at is not None
    assert abs(record.ended_at - cancelled.at) < WIRE


async def test_the_caller_giving_up_during_the_welcome(stack: Stack) -> None:
    did, _ = await stack.number((stack.target(), 10, answers()), medias={"welcome": 84})
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    assert (await call.final()).status == 200
    await asyncio.sleep(0.5)
    await call.bye()
    record = await stack.ended_call(did.number_e164)
    assert (record.disposition, record.stage, record.hangup_by) == ("abandoned", "message", "caller")


async def test_the_second_target_answers_after_the_first_is_busy(stack: Stack) -> None:
    first, second = stack.target(), stack.target()
    did, _ = await stack.number((first, 10, refuses(486)), (second, 10, answers(0.3, hangup_after_s=0.5)))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    assert (await call.final()).status == 200
    record = await stack.ended_call(did.number_e164)
    legs = await stack.legs(record)
    assert (record.disposition, record.destination_number) == ("answered", second)
    assert [leg.disposition for leg in legs[1:]] == ["busy", "answered"]


async def test_a_number_without_app_an_expired_one_and_a_blocked_caller_are_refused_and_recorded(stack: Stack) -> None:
    unassigned, _ = await stack.number()
    await stack.services.numbers.assign(stack.account.id, unassigned.hash, None)
    expired, _ = await stack.number(expires_at=datetime.now(UTC) - timedelta(hours=1))
    await stack.services.numbers.block(stack.account.id, "+33639986666")
    blocked, _ = await stack.number((stack.target(), 10, answers()))
    for did, caller, disposition, status in (
        (unassigned, "+33639980001", "unassigned", 404),
        (expired, "+33639980001", "expired", 410),
        (blocked, "+33639986666", "blocked", 403),
    ):
        call = stack.callers.call(stack.sip_uri(did.number_e164), caller=caller)
        assert (await call.final()).status // 100 == 4
        record = await stack.ended_call(did.number_e164)
        assert (record.disposition, record.stage, record.hangup_by, status) == (
            disposition, "none", "platform", status,
        )  # fmt: skip


async def test_an_expired_number_with_a_redirect_goes_on(stack: Stack) -> None:
    target = stack.target()
    stack.plan[target] = answers(0.2, hangup_after_s=0.5)
    did, _ = await stack.number(expires_at=datetime.now(UTC) - timedelta(hours=1), expired_redirect_e164=target)
    assert (await stack.callers.call(stack.sip_uri(did.number_e164)).final()).status == 200
    record = await stack.ended_call(did.number_e164)
    assert (record.disposition, record.redirected_expired, record.destination_number) == ("answered", True, target)


@pytest.mark.parametrize("how", [{"privacy": True}, {"anonymous": True}])
async def test_a_withheld_caller_stays_unknown_and_is_presented_as_unknown(stack: Stack, how: dict[str, bool]) -> None:
    target = stack.target()
    did, _ = await stack.number((target, 10, answers(0.1, hangup_after_s=0.3)))
    call = stack.callers.call(stack.sip_uri(did.number_e164), caller="+33639980007", **how)
    assert (await call.final()).status == 200
    record = await stack.ended_call(did.number_e164)
    assert (record.caller_withheld, record.caller_number, record.caller_name) == (True, None, None)
    invite = next(e for e in stack.targets.log.find("INVITE", direction="in") if target in e.raw.decode())
    assert b"+33639980007" not in invite.raw


async def test_an_unknown_number_is_refused_and_leaves_no_record(stack: Stack) -> None:
    call = stack.callers.call(stack.sip_uri("+33999999999"))
    assert (await call.final()).status == 404


async def test_a_message_is_recorded_when_nobody_answers(stack: Stack) -> None:
    did, _ = await stack.number((stack.target(), 10, refuses(486)), voicemail={})
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    assert (await call.final()).status == 200
    await asyncio.sleep(2)
    await call.bye()
    record = await stack.ended_call(did.number_e164)
    assert (record.disposition, record.stage, record.recording_kind) == ("voicemail", "voicemail", "voicemail")


async def test_rollups_equal_a_recount_after_all_this(stack: Stack) -> None:
    assert await stack.rollup_differences() == 0
