"""kill -9 of each part in the middle of calls: every call that was offered has one true record, and rollups equal a recount."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from ringtrail.model.query import CallQuery
from tests.e2e.stack import Stack, eventually, private_folder
from tests.sip import OutgoingCall, answers, rings

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

CLOSE = timedelta(milliseconds=200)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """A ringtrail of its own: these tests break it."""
    folder = private_folder("ringtrail-bad-days-")
    stack = Stack(folder)
    try:
        await stack.up()
        yield stack
    finally:
        await stack.down()
        shutil.rmtree(folder, ignore_errors=True)


async def talking(stack: Stack) -> tuple[str, OutgoingCall]:
    """A call whose parties talk, stored as such."""
    did, _ = await stack.number((stack.target(), 20, answers(0.1)))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    assert (await call.final()).status == 200

    async def stored() -> bool:
        query = CallQuery(account_id=stack.account.id, tracking_numbers=(did.number_e164,), include_in_progress=True)
        return any(record.state == "bridged" for record in (await stack.services.calls.page(query)).records)

    await eventually(stored)
    return did.number_e164, call


async def ringing(stack: Stack) -> tuple[str, OutgoingCall]:
    did, _ = await stack.number((stack.target(), 60, rings()))
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    await call.provisional(180)
    await asyncio.sleep(0.3)
    return did.number_e164, call


async def test_killing_the_controller_keeps_the_talk_and_the_record_is_true(stack: Stack) -> None:
    goes_on, lasting = await talking(stack)
    ends_meanwhile, ending = await talking(stack)
    stack.kill("control")
    await asyncio.sleep(0.5)
    assert (await ending.bye()).status == 200
    bye = stack.callers.log.find("BYE", direction="out")[-1]
    await asyncio.sleep(0.5)
    assert not lasting.ended.is_set()
    await stack.start_controller()
    ended = await stack.ended_call(ends_meanwhile)
    assert (ended.disposition, ended.hangup_by, ended.hangup_cause) == ("answered", "caller", 16)
    assert ended.ended_at is not None
    assert abs(ended.ended_at - bye.at) < CLOSE
    assert not lasting.ended.is_set()
    await lasting.bye()
    record = await stack.ended_call(goes_on)
    assert (record.disposition, record.hangup_by) == ("answered", "caller")
    assert record.talk_s >= 1
    assert await stack.rollup_differences() == 0


async def test_a_call_that_rings_while_the_controller_dies_is_carried_on(stack: Stack) -> None:
    number, call = await ringing(stack)
    stack.kill("control")
    await asyncio.sleep(0.3)
    await stack.start_controller()
    await asyncio.sleep(0.5)
    assert not call.ended.is_set()
    await call.cancel()
    record = await stack.ended_call(number)
    assert (record.disposition, record.stage, record.hangup_by) == ("abandoned", "ringing", "caller")
    assert [leg.disposition for leg in await stack.legs(record)] == ["abandoned", "abandoned"]


async def test_killing_asterisk_ends_the_calls_at_that_moment_and_service_returns(stack: Stack) -> None:
    number, _ = await talking(stack)
    rang, _ = await ringing(stack)
    killed_at = datetime.now(UTC)
    stack.kill("asterisk")
    await asyncio.sleep(0.5)
    await stack.start_asterisk()
    for expected, disposition in ((number, "answered"), (rang, "failed")):
        record = await stack.ended_call(expected, 30)
        assert (record.disposition, record.hangup_by) == (disposition, "platform")
        assert record.ended_at is not None
        assert abs(record.ended_at - killed_at) < timedelta(seconds=1)
    again, call = await talking(stack)
    await call.bye()
    assert (await stack.ended_call(again)).disposition == "answered"
    assert await stack.rollup_differences() == 0


async def test_killing_postgresql_disturbs_no_talk_and_the_records_arrive_afterwards(stack: Stack) -> None:
    lasting_number, lasting = await talking(stack)
    ending_number, ending = await talking(stack)
    stack.kill("postgres")
    await asyncio.sleep(1)
    assert (await ending.bye()).status == 200
    bye = stack.callers.log.find("BYE", direction="out")[-1]
    await asyncio.sleep(9)
    assert not lasting.ended.is_set()
    await stack.start_postgres()
    record = await stack.ended_call(ending_number, 30)
    assert record.disposition == "answered"
    assert record.ended_at is not None
    assert abs(record.ended_at - bye.at) < CLOSE
    await lasting.bye()
    assert (await stack.ended_call(lasting_number)).talk_s >= 9
    assert await stack.rollup_differences() == 0


async def test_a_call_offered_while_postgresql_is_away_goes_where_the_last_one_went(stack: Stack) -> None:
    number, first = await talking(stack)
    await first.bye()
    await stack.ended_call(number)
    stack.kill("postgres")
    call = stack.callers.call(stack.sip_uri(number))
    assert (await call.final(timeout_s=20)).status == 200
    await call.bye()
    await stack.start_postgres()

    async def both() -> bool:
        query = CallQuery(account_id=stack.account.id, tracking_numbers=(number,))
        return len((await stack.services.calls.page(query)).records) == 2

    await eventually(both, 30)
    assert await stack.rollup_differences() == 0


async def test_a_call_that_cannot_be_routed_without_the_database_is_refused_and_entered_afterwards(
    stack: Stack,
) -> None:
    did, _ = await stack.number((stack.target(), 20, answers(0.1)))
    stack.kill("postgres")
    call = stack.callers.call(stack.sip_uri(did.number_e164))
    assert (await call.final(timeout_s=20)).status >= 500
    await stack.start_postgres()
    stack.kill("control", signal.SIGTERM)
    await stack.start_controller()
    record = await stack.ended_call(did.number_e164, 30)
    assert (record.disposition, record.hangup_by) == ("failed", "platform")
    assert await stack.rollup_differences() == 0


async def test_controller_and_database_killed_together_lose_no_call(stack: Stack) -> None:
    numbers: list[str] = []
    calls: list[OutgoingCall] = []
    for _ in range(4):
        number, call = await talking(stack)
        numbers.append(number)
        calls.append(call)
    stack.kill("postgres")
    await calls[0].bye()
    await asyncio.sleep(0.2)
    stack.kill("control")
    await calls[1].bye()
    await stack.start_postgres()
    await stack.start_controller()
    for call in calls[2:]:
        await call.bye()
    for number in numbers:
        record = await stack.ended_call(number, 30)
        assert (record.disposition, record.hangup_by) == ("answered", "caller")
    query = CallQuery(account_id=stack.account.id, include_in_progress=True)
    page = await stack.services.calls.page(query)
    assert all(record.ended_at is not None for record in page.records)
    assert len({record.id for record in page.records}) == len(page.records)
    assert await stack.rollup_differences() == 0


async def test_callers_who_hang_up_at_every_instant_of_a_take_over_are_told_as_those_who_did(stack: Stack) -> None:
    talks = [await talking(stack) for _ in range(60)]
    stack.kill("control")
    starting = asyncio.create_task(stack.start_controller())
    for _, call in talks:
        await asyncio.sleep(0.03)
        await call.bye()
    await starting
    ended = [await stack.ended_call(number, 30) for number, _ in talks]
    assert [(record.disposition, record.hangup_by) for record in ended] == [("answered", "caller")] * len(talks)


async def test_a_call_that_no_controller_saw_is_refused_and_entered_afterwards(stack: Stack) -> None:
    did, _ = await stack.number((stack.target(), 20, answers(0.1)))
    stack.kill("control")
    call = stack.callers.call(stack.sip_uri(did.number_e164), caller="+33639980042")
    assert (await call.final()).status == 503
    invite = stack.callers.log.find("INVITE", direction="out")[-1]
    await stack.start_controller()
    record = await stack.ended_call(did.number_e164)
    assert (record.disposition, record.stage, record.hangup_by) == ("failed", "none", "platform")
    assert record.caller_number == "+33639980042"
    assert abs(record.started_at - invite.at) < CLOSE
    assert await stack.rollup_differences() == 0


async def test_a_controller_that_is_stopped_in_order_loses_nothing(stack: Stack) -> None:
    number, call = await talking(stack)
    await call.bye()
    stack.kill("control", signal.SIGTERM)
    await stack.start_controller()
    assert (await stack.ended_call(number)).disposition == "answered"
