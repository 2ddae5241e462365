"""Phones of SIP subscribers: they register with their password and call out through a real Asterisk."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import pytest_asyncio

from ringtrail.model.account import Account
from ringtrail.model.call import CallRecord, LegRecord
from ringtrail.model.query import CallQuery
from ringtrail.model.sip import Subscriber
from tests.e2e.phones import CLI, PHONE_HOST, is_refused, phone_of, registers, status_of_registration, subscriber
from tests.e2e.stack import Stack, eventually
from tests.sip import Behaviour, SipPeer, answers, refuses, rings

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def known(stack: Stack) -> Subscriber:
    """A subscriber whom Asterisk knows."""
    who = await subscriber(stack)
    await registers(stack, who)
    return who


async def calls_to(stack: Stack, number: str, account: Account | None = None) -> list[CallRecord]:
    query = CallQuery(account_id=(account or stack.account).id, include_in_progress=True)
    page = await stack.services.calls.page(query)
    return [record for record in page.records if record.destination_number == number]


async def ended(stack: Stack, number: str, timeout_s: float = 15.0) -> tuple[CallRecord, list[LegRecord]]:
    """The record of the one call to this number, once it has ended, and its legs."""

    async def over() -> list[CallRecord]:
        return [record for record in await calls_to(stack, number) if record.ended_at]

    (record,) = await eventually(over, timeout_s)
    return record, list(await stack.services.calls.legs(stack.account.id, [record.id]))


def to(stack: Stack, behaviour: Behaviour) -> str:
    number = stack.target()
    stack.plan[number] = behaviour
    return number


def invites(stack: Stack, number: str) -> list[str]:
    texts = [entry.raw.decode() for entry in stack.targets.log.find("INVITE", direction="in")]
    return [text for text in texts if text.startswith(f"INVITE sip:{number}@")]


# --- registering ------------------------------------------------------------------------------------------------------


async def test_a_phone_registers_with_the_password_and_not_with_another(stack: Stack, known: Subscriber) -> None:
    assert await status_of_registration(stack, known, password="wrong") == 401
    assert await status_of_registration(stack, known, username="trunk") == 401
    assert await status_of_registration(stack, known) == 200


async def test_an_edited_name_a_deleted_subscriber_and_a_disabled_account_take_effect_in_seconds(stack: Stack) -> None:
    account = await stack.services.accounts.create(
        name="Moves", timezone="Europe/Paris", country="FR", currency="EUR", outbound_prefixes=()
    )
    before = await subscriber(stack, account)
    await registers(stack, before)
    after = replace(before, username=f"{before.username}-new")
    await stack.services.sip.change(after)
    await registers(stack, after)
    assert await status_of_registration(stack, before) == 401
    async with stack.database.transaction() as connection:
        await connection.execute("UPDATE accounts SET disabled_at = now() WHERE id = %s", (account.id,))
    await is_refused(stack, after)
    async with stack.database.transaction() as connection:
        await connection.execute("UPDATE accounts SET disabled_at = NULL WHERE id = %s", (account.id,))
    await registers(stack, after)
    await stack.services.sip.delete(account.id, after.id)
    await is_refused(stack, after)


async def test_another_password_takes_effect_and_the_talk_goes_on(stack: Stack, known: Subscriber) -> None:
    number = to(stack, answers(0.1, hangup_after_s=6.0))
    async with phone_of(stack, known) as phone:
        await phone.call(stack.sip_uri(number))
        await phone.wait("answered")
        sealed = stack.services.sip._vault.seal({"password": "another"})
        async with stack.database.transaction() as connection:
            await connection.execute("UPDATE sip_subscribers SET secrets = %s WHERE id = %s", (sealed, known.id))
        await is_refused(stack, known)
        await registers(stack, replace(known, password="another"))
        assert not phone.seen("ended")
    record, _ = await ended(stack, number)
    assert (record.disposition, record.hangup_by) == ("answered", "caller")


# --- calling ----------------------------------------------------------------------------------------------------------


async def test_what_a_phone_dials_is_a_call_of_its_account(stack: Stack, known: Subscriber) -> None:
    """Dialled as people of the account's country do."""
    number = to(stack, answers(0.3, hangup_after_s=2.0))
    async with phone_of(stack, known) as phone:
        await phone.call(stack.sip_uri(f"0{number.removeprefix('+33')}"))
        await phone.wait("ended")
    record, legs = await ended(stack, number)
    assert (record.trigger, record.disposition, record.stage, record.hangup_by) == (
        "phone", "answered", "bridged", "callee",
    )  # fmt: skip
    assert (record.caller_number, record.caller_withheld, record.tracking_number, record.talk_s) == (CLI, False, "", 2)
    assert [(leg.role, leg.number, leg.disposition) for leg in legs] == [
        ("caller", CLI, "answered"), ("target", number, "answered"),
    ]  # fmt: skip
    assert f"<sip:{CLI}@" in invites(stack, number)[0]
    assert await stack.rollup_differences() == 0


@pytest.mark.parametrize("hidden", [{"cli": "BLOCKED"}, {"privacy": "full"}])
async def test_a_blocked_or_private_number_is_not_shown_to_who_is_called(stack: Stack, hidden: dict[str, str]) -> None:
    who = await subscriber(stack, **hidden)
    await registers(stack, who)
    number = to(stack, answers(0.1, hangup_after_s=0.5))
    async with phone_of(stack, who, name="Nobody", number=CLI) as phone:
        await phone.call(stack.sip_uri(number))
        await phone.wait("ended")
    record, _ = await ended(stack, number)
    assert (record.disposition, record.caller_withheld) == ("answered", True)
    invite = invites(stack, number)[0]
    assert "anonymous" in invite
    assert CLI not in invite
    assert who.username not in invite


async def test_a_phone_that_hangs_up_or_gives_up(stack: Stack, known: Subscriber) -> None:
    for behaviour, awaited, disposition in ((answers(0.1), "answered", "answered"), (rings(), "ringing", "abandoned")):
        number = to(stack, behaviour)
        async with phone_of(stack, known) as phone:
            await phone.call(stack.sip_uri(number))
            await phone.wait(awaited)
            await phone.hangup()
            await phone.wait("ended")
        record, _ = await ended(stack, number)
        assert (record.disposition, record.hangup_by) == (disposition, "caller")


async def test_a_refusal_of_the_called_reaches_the_phone(stack: Stack, known: Subscriber) -> None:
    number = to(stack, refuses(486))
    async with phone_of(stack, known) as phone:
        await phone.call(stack.sip_uri(number))
        assert (await phone.wait("ended")).fields["status"] == 486
    assert (await ended(stack, number))[0].disposition == "busy"


async def test_a_number_outside_of_the_allow_list_is_not_dialled(stack: Stack, known: Subscriber) -> None:
    number = f"+44{stack.target().removeprefix('+')}"[:13]
    async with phone_of(stack, known) as phone:
        await phone.call(stack.sip_uri(number))
        assert (await phone.wait("ended")).fields["status"] == 403
    record, legs = await ended(stack, number)
    assert (record.disposition, [leg.cause for leg in legs][1:]) == ("failed", [52])
    assert not invites(stack, number)


@pytest.mark.parametrize("barred", ["credit", "disabled"])
async def test_an_account_that_may_not_spend_dials_nothing(stack: Stack, known: Subscriber, barred: str) -> None:
    """Also in the moment before its phones are shut out."""
    number = to(stack, answers())
    shut, open_ = {
        "credit": (
            "INSERT INTO balances (account_id, shut_at) VALUES (%s, now()) ON CONFLICT (account_id) DO UPDATE SET shut_at = now()",
            "UPDATE balances SET shut_at = NULL WHERE account_id = %s",
        ),
        "disabled": (
            "UPDATE accounts SET barred = '{calls_out}' WHERE id = %s",
            "UPDATE accounts SET barred = '{}' WHERE id = %s",
        ),
    }[barred]
    async with phone_of(stack, known) as phone:
        await phone.wait("registered")
        async with stack.database.transaction() as connection:
            await connection.execute(shut.encode(), (stack.account.id,))
        try:
            await phone.call(stack.sip_uri(number))
            assert (await phone.wait("ended")).fields["status"] == 403
        finally:
            async with stack.database.transaction() as connection:
                await connection.execute(open_.encode(), (stack.account.id,))
    assert (await ended(stack, number))[0].disposition == "failed"
    assert not invites(stack, number)


@pytest.mark.parametrize("dialled", ["reception", "1", "*21*0145678901#", "00", "+0"])
async def test_what_is_no_number_is_refused_and_leaves_no_record(stack: Stack, known: Subscriber, dialled: str) -> None:
    before = len((await stack.services.calls.page(CallQuery(account_id=stack.account.id))).records)
    async with phone_of(stack, known) as phone:
        await phone.call(stack.sip_uri(dialled))
        assert (await phone.wait("ended")).fields["status"] == 404
    await asyncio.sleep(0.5)
    assert len((await stack.services.calls.page(CallQuery(account_id=stack.account.id))).records) == before


async def test_without_the_password_nothing_is_dialled_whatever_name_is_given(stack: Stack, known: Subscriber) -> None:
    number = to(stack, answers())
    response = 'Digest username="{}", realm="{}", nonce="1/2", uri="sip:x", response="00000000000000000000000000000000"'
    async with SipPeer(PHONE_HOST) as stranger:
        for name, realm in (
            (known.username, stack.settings.domain), ("trunk", stack.settings.domain), ("trunk", ""),
            (f"{known.username}@{stack.settings.domain}", "x"),
        ):  # fmt: skip
            headers = [("Authorization", response.format(name, realm))]
            call = stranger.call(stack.sip_uri(number), caller=known.username, headers=headers)
            assert (await call.final()).status == 401, name
    assert not invites(stack, number)
    assert not await calls_to(stack, number)


async def test_codecs_and_encryption_of_the_subscriber_are_kept_to(stack: Stack) -> None:
    who = await subscriber(stack, codecs=("PCMU",), srtp=True)
    await registers(stack, who)
    for options, status in (
        ({"codecs": ("ulaw",), "srtp": True}, 200),
        ({"codecs": ("alaw",), "srtp": True}, 488),
        ({"codecs": ("ulaw",)}, 488),
    ):
        number = to(stack, answers(0.1, hangup_after_s=0.5))
        async with phone_of(stack, who, **options) as phone:
            await phone.call(stack.sip_uri(number))
            assert (await phone.wait("ended")).fields["status"] == status
    only_g729 = await subscriber(stack, codecs=("G729",))
    await registers(stack, only_g729)
    async with phone_of(stack, only_g729) as phone:
        await phone.call(stack.sip_uri(to(stack, answers())))
        assert (await phone.wait("ended")).fields["status"] == 488


# --- when something breaks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["ringing", "bridged"])
async def test_a_call_from_a_phone_outlives_its_controller(stack: Stack, known: Subscriber, state: str) -> None:
    """What is answered while there is none is a talk, too."""
    number = to(stack, answers(4.0 if state == "ringing" else 0.1))
    async with phone_of(stack, known) as phone:
        await phone.call(stack.sip_uri(number))

        async def reached() -> bool:
            return [record.state for record in await calls_to(stack, number)] == [state]

        await eventually(reached)
        stack.kill("control")
        await stack.start_controller()
        await phone.wait("answered")
        await asyncio.sleep(2)
        await phone.hangup()
        record, _ = await ended(stack, number, 20)
        assert (record.disposition, record.trigger, record.hangup_by) == ("answered", "phone", "caller")
        assert record.talk_s >= 2
        await phone.call(stack.sip_uri(to(stack, answers(0.1, hangup_after_s=0.5))))
        await phone.wait("ended", count=2)
        assert phone.seen("ended")[-1].fields["status"] == 200


async def test_a_call_that_no_controller_saw_is_entered_afterwards(stack: Stack, known: Subscriber) -> None:
    """Asterisk refuses it, and its flight recorder knows."""
    number = to(stack, answers())
    async with phone_of(stack, known) as phone:
        await phone.wait("registered")
        stack.kill("control")
        await phone.call(stack.sip_uri(number))
        assert (await phone.wait("ended")).fields["status"] == 503
    await stack.start_controller()

    async def entered() -> list[CallRecord]:
        page = await stack.services.calls.page(CallQuery(account_id=stack.account.id))
        return [record for record in page.records if record.trigger == "phone" and record.destination_number == number]

    (record,) = await eventually(entered, 20)
    assert (record.disposition, record.caller_number) == ("failed", CLI)


async def test_after_a_restart_of_asterisk_the_phones_are_known_again(stack: Stack, known: Subscriber) -> None:
    stack.kill("asterisk")
    await stack.start_asterisk()
    await stack.controller_ready()
    await registers(stack, known)
    await is_refused(stack, replace(known, password="wrong"))
