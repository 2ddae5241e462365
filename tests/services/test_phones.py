"""Subscribers' phones: whom the engine lets in, and what becomes of what they dial. The engine is the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringtrail.engines.simulator.engine import FarEnd, SimulatedCaller, SimulatorEngine
from ringtrail.model.call import Call
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import CallIds
from ringtrail.model.money import Rate, RateKind
from ringtrail.model.query import CallQuery
from ringtrail.model.sip import Subscriber
from ringtrail.ports.clock import SystemClock
from ringtrail.services.controller import Controller
from ringtrail.services.routing import Routing
from ringtrail.services.sip import PhoneBook
from ringtrail.services.vault import Vault
from ringtrail.storage import live
from ringtrail.storage.calls import save_calls
from ringtrail.storage.database import Database
from tests.fixtures import World

pytestmark = pytest.mark.postgres

KEY = "k" * 32
CALLED = "+33140000007"


class Desk:
    """A world with an engine, the controller's phone book for it, and a controller that keeps its records in the database."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.engine = SimulatorEngine(
            SystemClock(), far_ends={CALLED: FarEnd(answers_after_s=0.02, hangs_up_after_answer_s=0.05)}
        )
        self.book = PhoneBook(world.database, self.engine, Vault(KEY))
        routing = Routing(world.database, default_country="US", media_folder=folder)
        self._ended: asyncio.Queue[Call] = asyncio.Queue()
        self.refused: asyncio.Queue[str] = asyncio.Queue()
        self.controller = Controller(
            engine=self.engine, routing=routing, clock=SystemClock(), ids=CallIds(2), keep=self._keep,
            refused_unknown=self.refused.put_nowait,
        )  # fmt: skip

    def _keep(self, call: Call) -> None:
        if call.ended:
            self._ended.put_nowait(call)

    async def subscriber(self, **changes: Any) -> Subscriber:
        new = Subscriber(
            id=0, account_id=self.world.account.id, username="", password="", cli=self.world.did.number_e164, codecs=(),
            privacy="off", ring_timeout_s=30, srtp=False, vms={}, created_at=datetime.now(UTC),
        )  # fmt: skip
        made = await self.world.services.sip.create(replace(new, **changes))
        await self.book.tell()
        return made

    def dials(self, who: Subscriber, dialled: str) -> SimulatedCaller | None:
        return self.engine.dial(who.username, who.password, dialled)

    async def call(self, who: Subscriber, dialled: str = CALLED) -> Call:
        """What was dialled, ended and saved."""
        assert self.dials(who, dialled)
        call = await asyncio.wait_for(self._ended.get(), 5)
        await save_calls(self.world.database, [call])
        return call

    async def execute(self, statement: str) -> None:
        async with self.world.database.transaction() as connection:
            await connection.execute(statement.encode(), (self.world.account.id,))


@pytest.fixture
async def desk(world: World, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(world, tmp_path)
    running = asyncio.create_task(desk.controller.run())
    yield desk
    running.cancel()


# --- who is let in ----------------------------------------------------------------------------------------------------


async def test_the_engine_knows_exactly_the_subscribers_of_accounts_that_are_enabled(desk: Desk) -> None:
    first, second = await desk.subscriber(codecs=("PCMA",), srtp=True), await desk.subscriber(username="hall")
    phone = desk.engine.phones[first.username]
    assert (phone.password, phone.codecs, phone.srtp) == (first.password, ("PCMA",), True)
    assert first.password not in repr(phone)
    await desk.world.services.sip.change(replace(second, username="corridor"))
    await desk.world.services.sip.delete(first.account_id, first.id)
    await desk.book.tell()
    assert set(desk.engine.phones) == {"corridor"}
    await desk.execute("UPDATE accounts SET disabled_at = now() WHERE id = %s")
    await desk.book.tell()
    assert desk.engine.phones == {}


async def test_a_change_of_the_password_is_told_and_no_change_is_not(desk: Desk) -> None:
    who = await desk.subscriber()
    before = desk.engine.phones[who.username]
    await desk.book.tell()
    assert desk.engine.phones[who.username] is before
    sealed = Vault(KEY).seal({"password": "another"})
    async with desk.world.database.transaction() as connection:
        await connection.execute("UPDATE sip_subscribers SET secrets = %s", (sealed,))
    await desk.book.tell()
    assert desk.engine.phones[who.username].password == "another"


async def test_a_password_under_a_lost_key_leaves_out_its_own_phone_only(desk: Desk) -> None:
    lost, good = await desk.subscriber(), await desk.subscriber()
    async with desk.world.database.transaction() as connection:
        sealed = Vault("x" * 32).seal({"password": "p"})
        await connection.execute("UPDATE sip_subscribers SET secrets = %s WHERE id = %s", (sealed, lost.id))
    await desk.book.tell()
    assert set(desk.engine.phones) == {good.username}


@pytest.mark.parametrize(
    ("registrars", "made"), [((), True), ((True,), True), ((False, True), True), ((False,), False)]
)
async def test_no_subscriber_is_made_where_no_phone_could_use_it(
    desk: Desk, database: Database, registrars: tuple[bool, ...], made: bool
) -> None:
    async with database.transaction() as connection:
        for number, registrar in enumerate(registrars):
            await live.beat(connection, f"n{number}", datetime.now(UTC), registrar=registrar)
            await live.beat(connection, f"n{number}", datetime.now(UTC))
    if made:
        assert (await desk.subscriber()).id
        return
    with pytest.raises(DomainError) as refused:
        await desk.subscriber()
    assert refused.value.code is ErrorCode.FORBIDDEN


# --- what they dial ---------------------------------------------------------------------------------------------------


async def test_what_is_dialled_in_the_country_s_own_way_is_an_outbound_call(desk: Desk) -> None:
    call = await desk.call(await desk.subscriber(), "01 40 00 00 07")
    assert (call.trigger, call.disposition, call.destination_number_e164) == ("phone", "answered", CALLED)
    assert (call.caller_number_e164, call.caller_withheld) == (desk.world.did.number_e164, False)
    account_id = desk.world.account.id
    page = await desk.world.services.calls.page(CallQuery(account_id=account_id))
    assert [(record.trigger, record.tracking_number) for record in page.records] == [("phone", "")]
    assert not (await desk.world.services.calls.page(CallQuery(account_id=account_id, inbound=True))).records
    legs = await desk.world.services.calls.legs(account_id, [call.id])
    assert [leg.number for leg in legs if leg.outbound] == [CALLED]


@pytest.mark.parametrize(
    ("changes", "number", "withheld"),
    [
        ({"cli": "BLOCKED"}, None, True),
        ({"privacy": "full"}, "own", True),
        ({"cli": "+33199999999"}, None, True),
    ],
    ids=["blocked", "private", "of somebody else"],
)
async def test_a_number_that_shall_or_may_not_be_shown_is_withheld(
    desk: Desk, changes: dict[str, str], number: str | None, withheld: bool
) -> None:
    call = await desk.call(await desk.subscriber(**changes))
    assert call.caller_withheld is withheld
    assert call.caller_number_e164 == (desk.world.did.number_e164 if number else None)


async def test_only_the_leg_to_who_is_called_costs(desk: Desk) -> None:
    account_id = desk.world.account.id
    rates = [
        Rate(kind=kind, prefix="", price_micro=60_000, setup_micro=10_000)
        for kind in (RateKind.CALL_IN, RateKind.CALL_OUT)
    ]
    await desk.world.services.money.set_tariff("office", rates)
    await desk.world.services.money.set_terms(account_id, tariff="office")
    call = await desk.call(await desk.subscriber())
    entries = await desk.world.services.money.entries(account_id)
    assert [(entry.kind, entry.about) for entry in entries] == [("call_out", str(call.legs[1].id))]
    legs = await desk.world.services.calls.legs(account_id, [call.id])
    assert legs[0].debit_micro is None
    assert (legs[1].debit_micro or 0) >= 10_000


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts SET outbound_prefixes = '{+44}' WHERE id = %s",
        "UPDATE accounts SET barred = '{calls_out}' WHERE id = %s",
        "UPDATE accounts SET disabled_at = now() WHERE id = %s",
        "INSERT INTO balances (account_id, shut_at) VALUES (%s, now()) ON CONFLICT (account_id) DO UPDATE SET shut_at = now()",
    ],
    ids=["not allowed", "barred", "disabled", "no credit"],
)
async def test_what_may_not_be_dialled_is_not_and_says_so_in_its_record(desk: Desk, statement: str) -> None:
    who = await desk.subscriber()
    await desk.execute(statement)
    call = await desk.call(who)
    assert (call.disposition, call.destination_number_e164) == ("failed", CALLED)
    assert [leg.cause for leg in call.legs] == [52, 52]
    assert not desk.engine.has_leg(call.legs[1].engine_leg_id)


@pytest.mark.parametrize("dialled", ["reception", "1", "112", "*21*0140000007#", ""])
async def test_what_is_no_number_is_refused(desk: Desk, dialled: str) -> None:
    assert desk.dials(await desk.subscriber(), dialled)
    assert await asyncio.wait_for(desk.refused.get(), 5) == "unknown_number"


async def test_a_phone_whose_subscriber_is_gone_by_now_reaches_nobody(desk: Desk) -> None:
    who = await desk.subscriber()
    await desk.world.services.sip.delete(who.account_id, who.id)
    assert desk.dials(who, CALLED)
    assert await asyncio.wait_for(desk.refused.get(), 5) == "unknown_number"
