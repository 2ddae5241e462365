"""A button on a page makes two phones ring: ordered through the service, carried by a real Asterisk."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ringtrail.model.account import Account
from ringtrail.model.button import Button
from ringtrail.model.call import CallRecord
from ringtrail.model.query import CallQuery
from tests.e2e.stack import Stack, eventually
from tests.sip import Behaviour, answers, refuses, rings

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="session")]


async def button_of(stack: Stack, target: Behaviour, *, max_talk_s: int | None = None) -> Button:
    number = stack.target()
    stack.plan[number] = target
    return await stack.services.buttons.create(
        stack.account, stack.property.id, name="Call me", target=number, max_talk_s=max_talk_s
    )


async def press(stack: Stack, button: Button, visitor: Behaviour) -> str:
    number = stack.target()
    stack.plan[number] = visitor
    await stack.services.buttons.press(stack.account, button, number)
    return number


async def call_of(stack: Stack, button: Button, timeout_s: float = 20.0) -> CallRecord:
    query = CallQuery(account_id=stack.account.id, button_hash=button.hash)

    async def ended() -> list[CallRecord]:
        return (await stack.services.calls.page(query)).records

    records = await eventually(ended, timeout_s)
    assert len(records) == 1
    return records[0]


def invited(stack: Stack, number: str) -> int:
    """How many INVITEs (without the repetitions of one) this number was sent."""
    invites = [entry.raw.decode() for entry in stack.targets.log.find("INVITE", direction="in")]
    return len({text.split("Call-ID:")[1].split()[0] for text in invites if text.startswith(f"INVITE sip:{number}@")})


async def test_both_phones_ring_and_talk_until_the_target_hangs_up(stack: Stack) -> None:
    button = await button_of(stack, answers(0.3, hangup_after_s=2.0))
    visitor = await press(stack, button, answers(0.2))
    record = await call_of(stack, button)
    assert (record.disposition, record.stage, record.trigger, record.hangup_by) == (
        "answered", "bridged", "web", "callee",
    )  # fmt: skip
    assert (record.caller_number, record.destination_number, record.talk_s) == (visitor, button.target_e164, 2)
    assert invited(stack, visitor) == invited(stack, button.target_e164) == 1
    assert await stack.rollup_differences() == 0


async def test_the_talk_ends_at_the_buttons_limit_and_both_are_hung_up(stack: Stack) -> None:
    button = await button_of(stack, answers(0.1), max_talk_s=1)
    await press(stack, button, answers(0.1))
    record = await call_of(stack, button)
    assert (record.disposition, record.hangup_by, record.talk_s) == ("answered", "platform", 1)


@pytest.mark.parametrize(
    ("visitor", "target", "disposition", "rung"),
    [(refuses(486), answers(), "busy", 0), (answers(0.1), refuses(603), "rejected", 1)],
)
async def test_somebody_who_cannot_be_reached(
    stack: Stack, visitor: Behaviour, target: Behaviour, disposition: str, rung: int
) -> None:
    button = await button_of(stack, target)
    await press(stack, button, visitor)
    record = await call_of(stack, button)
    assert (record.disposition, record.talk_s, invited(stack, button.target_e164)) == (disposition, 0, rung)


async def test_an_ordered_call_whose_controller_is_killed_is_never_dialled_twice(stack: Stack) -> None:
    """Killed while the visitor's phone rings: one INVITE, one record."""
    button = await button_of(stack, answers())
    visitor = await press(stack, button, rings())

    async def ringing() -> bool:
        return invited(stack, visitor) == 1

    await eventually(ringing)
    stack.kill("control")
    await asyncio.sleep(0.3)
    await stack.start_controller()
    record = await call_of(stack, button, 60)
    assert record.disposition in ("failed", "no_answer")
    await asyncio.sleep(1)
    assert invited(stack, visitor) == 1


async def test_an_ordered_talk_lives_on_without_the_controller(stack: Stack) -> None:
    button = await button_of(stack, answers(0.1, hangup_after_s=4.0))
    visitor = await press(stack, button, answers(0.1))

    async def talking() -> bool:
        query = CallQuery(account_id=stack.account.id, button_hash=button.hash, only_in_progress=True)
        return any(record.state == "bridged" for record in (await stack.services.calls.page(query)).records)

    await eventually(talking)
    stack.kill("control")
    await stack.start_controller()
    record = await call_of(stack, button)
    assert (record.disposition, record.talk_s, record.hangup_by) == ("answered", 4, "callee")
    assert invited(stack, visitor) == 1


async def test_the_limit_of_a_talk_outlives_the_controller(stack: Stack) -> None:
    button = await button_of(stack, answers(0.1), max_talk_s=8)
    await press(stack, button, answers(0.1))

    async def talking() -> bool:
        query = CallQuery(account_id=stack.account.id, button_hash=button.hash, only_in_progress=True)
        return any(record.state == "bridged" for record in (await stack.services.calls.page(query)).records)

    await eventually(talking)
    stack.kill("control")
    await stack.start_controller()
    record = await call_of(stack, button)
    assert (record.disposition, record.hangup_by) == ("answered", "platform")
    assert 8 <= record.talk_s <= 10


async def test_an_order_of_an_account_that_may_dial_nothing_is_refused_by_the_controller_too(stack: Stack) -> None:
    """The allow-list may have changed between the order and the call."""
    button = await button_of(stack, answers())
    number = stack.target()
    generous: Account = replace(stack.account, outbound_prefixes=("+33199",))
    await stack.services.accounts.allow_outbound(stack.account.id, ())
    try:
        await stack.services.buttons.press(generous, button, number)
        record = await call_of(stack, button)
    finally:
        await stack.services.accounts.allow_outbound(stack.account.id, ("+33199",))
    assert (record.disposition, invited(stack, number)) == ("failed", 0)
