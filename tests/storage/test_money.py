"""The ledger: each fact once, the balance always its sum, levels told once, nothing begun without credit."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.message import Message
from ringtrail.model.money import BillingMode, Rate, RateKind
from ringtrail.ports.clock import SystemClock
from ringtrail.services.messages import Messenger, NewMessage
from ringtrail.services.money import Money, Subscriptions, month_about
from ringtrail.storage.database import Database
from ringtrail.storage.routing import route
from tests.dialects.callr.happenings import Carrier
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres
RATES = (
    Rate(kind=RateKind.CALL_IN, prefix="+33", price_micro=6_000, increment_s=60),
    Rate(kind=RateKind.CALL_OUT, prefix="+33", price_micro=60_000),
)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


@pytest.fixture
def money(world: World) -> Money:
    return Money(world.database, SystemClock())


async def execute(world: World, statement: str, *values: Any) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode(), values)


async def rows(world: World, statement: str) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(statement.encode())).fetchall()


async def rated(world: World, money: Money, **account: Any) -> None:
    await money.set_tariff("standard", RATES)
    await execute(world, "UPDATE accounts SET tariff = 'standard' WHERE id = %s", world.account.id)
    for column, value in account.items():
        await execute(world, f"UPDATE accounts SET {column} = %s WHERE id = %s", value, world.account.id)


async def balanced(world: World) -> bool:
    """Every balance is the sum of its entries, and every entry the balance after it."""
    wrong = await rows(
        world,
        "SELECT 1 FROM (SELECT account_id, balance_micro, sum(amount_micro) OVER (PARTITION BY account_id ORDER BY id) AS s"
        " FROM ledger_entries) e WHERE balance_micro <> s UNION ALL SELECT 1 FROM balances b WHERE balance_micro <>"
        " (SELECT coalesce(sum(amount_micro), 0) FROM ledger_entries e WHERE e.account_id = b.account_id)",
    )
    return not wrong


async def told(world: World) -> list[str]:
    return [row[0] for row in await rows(world, "SELECT type FROM events WHERE type LIKE 'credit.%' ORDER BY id")]


async def test_an_ended_call_is_charged_for_both_legs_once(world: World, money: Money) -> None:
    """Golden G: the caller's leg was up 199 s, begun minutes at 0.6 cents; the target talked 199 s at 6 cents a minute."""
    await rated(world, money)
    call = world.golden()
    await world.save(call)
    await world.save(call)
    entries = await money.entries(world.account.id)
    assert {(entry.kind, entry.amount_micro) for entry in entries} == {("call_in", -24_000), ("call_out", -199_000)}
    assert (await money.balance(world.account.id)).balance_micro == -223_000
    assert await rows(world, "SELECT debit_micro FROM calls") == [(24_000,)]
    assert await rows(world, "SELECT debit_micro FROM legs WHERE role = 'target'") == [(199_000,)]
    assert await balanced(world)


async def test_an_account_without_a_tariff_is_charged_nothing(world: World, money: Money) -> None:
    await world.save(world.golden())
    assert await money.entries(world.account.id) == []
    assert await rows(world, "SELECT debit_micro FROM calls") == [(None,)]


async def test_levels_are_told_once_until_the_credit_is_above_them_again(world: World, money: Money) -> None:
    await rated(world, money, billing_mode="prepaid", warning_micro=300_000, shutdown_micro=0)
    await money.top_up(world.account.id, 500_000)
    for _ in range(4):
        await world.save(world.golden())
    assert await told(world) == ["credit.changed", "credit.warning", "credit.shutdown"]
    assert (await money.balance(world.account.id)).shut
    await money.top_up(world.account.id, 1_000_000)
    assert not (await money.balance(world.account.id)).shut
    for _ in range(5):
        await world.save(world.golden())
    assert await told(world) == ["credit.changed", "credit.warning", "credit.shutdown"] * 2


async def test_a_postpaid_account_is_told_nothing_and_never_shut(world: World, money: Money) -> None:
    await rated(world, money, warning_micro=0, shutdown_micro=0)
    await world.save(world.golden())
    assert await told(world) == []
    assert not (await money.balance(world.account.id)).shut


async def test_a_top_up_that_is_repeated_is_booked_once(world: World, money: Money) -> None:
    for _ in range(3):
        await money.top_up(world.account.id, 1_000, about="invoice 7")
    assert (await money.balance(world.account.id)).balance_micro == 1_000


async def test_the_ledger_cannot_be_rewritten(world: World, money: Money, database_url: str) -> None:
    await money.top_up(world.account.id, 1_000)
    for statement in ("UPDATE ledger_entries SET amount_micro = 5", "DELETE FROM ledger_entries"):
        with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.RaiseException):
            connection.execute(statement.encode())


async def test_the_balance_is_the_sum_of_the_ledger_whatever_happens_at_once(
    world: World, money: Money, tmp_path: Path
) -> None:
    """Calls end, credit comes and goes between two accounts in both directions, at once; nothing is lost or made."""
    other = await build_world(world.database, tmp_path, name="Other")
    await rated(world, money, billing_mode="prepaid", warning_micro=0)
    for account in (world.account, other.account):
        await money.top_up(account.id, 1_000_000)
    chance = random.Random(7)

    async def one(kind: int) -> None:
        pair = [world.account.id, other.account.id]
        chance.shuffle(pair)
        if kind == 0:
            await world.save(world.golden())
        elif kind == 1:
            await money.top_up(pair[0], chance.randrange(1, 9_000))
        else:
            with contextlib.suppress(DomainError):  # more than the account has left
                await money.transfer(pair[0], pair[1], chance.randrange(1, 400_000))

    await asyncio.gather(*(one(number % 3) for number in range(60)))
    assert await balanced(world)
    moved = await rows(world, "SELECT sum(amount_micro) FROM ledger_entries WHERE kind = 'transfer'")
    assert moved in ([(0,)], [(None,)])
    assert len(await rows(world, "SELECT 1 FROM ledger_entries WHERE kind = 'call_out'")) == 20


@pytest.mark.parametrize(("level", "sent"), [(None, 1), (0, 1), (-65_000, 2), (65_000, 0)])
async def test_a_message_needs_credit_down_to_the_level(
    world: World, money: Money, level: int | None, sent: int
) -> None:
    """Credit for one message and a half. At the level itself nothing is begun any more."""
    await money.set_tariff("standard", [Rate(kind=RateKind.MESSAGE_OUT, prefix="+33", price_micro=65_000)])
    await money.top_up(world.account.id, 97_500)
    await money.set_terms(world.account.id, tariff="standard", mode=BillingMode.PREPAID, shutdown_micro=level)
    wanted = NewMessage(property_id=world.property.id, recipient="+33612345678", body="x", sender="Shop")
    accepted = 0
    for _ in range(4):
        with contextlib.suppress(DomainError):
            await world.services.messages.send(world.account, wanted)
            accepted += 1
    assert accepted == sent
    assert (await money.balance(world.account.id)).balance_micro == 97_500 - 65_000 * sent


@pytest.mark.parametrize("amount", [0, -5, 1_001])
async def test_more_than_there_is_cannot_be_transferred(
    world: World, money: Money, tmp_path: Path, amount: int
) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    await money.top_up(world.account.id, 1_000)
    with pytest.raises(DomainError) as refused:
        await money.transfer(world.account.id, other.account.id, amount)
    assert (refused.value.code, refused.value.field) == (ErrorCode.OUT_OF_RANGE, "amount")
    assert (await money.balance(world.account.id)).balance_micro == 1_000


async def test_each_month_of_a_number_is_billed_once(world: World, money: Money) -> None:
    now = datetime(2026, 8, 1, 0, 0, 5, tzinfo=UTC)
    await execute(
        world, "UPDATE dids SET month_micro = 2000000, bought_at = '2026-07-14Z' WHERE hash = %s", world.did.hash
    )

    class At(SystemClock):
        def now(self) -> datetime:
            return now

    for expected in (1, 0):
        assert await Subscriptions(world.database, At()).bill_months() == expected
    now = now.replace(month=9)
    assert await Subscriptions(world.database, At()).bill_months() == 1
    abouts = [entry.about for entry in await money.entries(world.account.id)]
    assert abouts == [month_about(world.did.hash, datetime(2026, month, 1, tzinfo=UTC).date()) for month in (9, 8)]


async def test_nothing_is_dialled_without_credit_and_an_account_that_is_barred_takes_no_calls(
    world: World, money: Money
) -> None:
    async def prefixes() -> list[str] | None:
        async with world.database.reading() as connection:
            found = await route(connection, [world.did.number_e164], None)
        return found.outbound_prefixes if found else None

    await rated(world, money, billing_mode="prepaid", shutdown_micro=0)
    assert await prefixes() == ["+33"]
    await world.save(world.golden())
    assert await prefixes() == []
    await money.top_up(world.account.id, 1_000_000)
    assert await prefixes() == ["+33"]
    await execute(world, "UPDATE accounts SET barred = '{calls_out}'")
    assert await prefixes() == []
    await execute(world, "UPDATE accounts SET barred = '{calls_in}'")
    assert await prefixes() is None
    await execute(world, "UPDATE accounts SET barred = '{}', disabled_at = now()")
    assert await prefixes() is None


async def test_levels_hold_from_when_they_are_set_and_no_longer_than_they_are(world: World, money: Money) -> None:
    id_ = world.account.id
    await money.set_terms(id_, mode=BillingMode.PREPAID)
    assert not (await money.balance(id_)).shut
    assert (await money.set_terms(id_, shutdown_micro=0)).shut
    assert await told(world) == ["credit.shutdown"]
    assert not (await money.set_terms(id_, shutdown_micro=-1)).shut
    assert (await money.set_terms(id_, shutdown_micro=0)).shut
    assert not (await money.set_terms(id_, shutdown_micro=None)).shut
    await money.set_terms(id_, shutdown_micro=0)
    assert not (await money.set_terms(id_, mode=BillingMode.POSTPAID)).shut
    assert await told(world) == ["credit.shutdown"] * 3


async def test_terms_that_are_not_given_stay_and_a_tariff_must_have_rates(world: World, money: Money) -> None:
    id_ = world.account.id
    await rated(world, money)
    await money.set_terms(id_, warning_micro=5)
    await money.set_terms(id_, shutdown_micro=-7)
    found = await money.balance(id_)
    assert (found.mode, found.warning_micro, found.shutdown_micro) == (BillingMode.POSTPAID, 5, -7)
    with pytest.raises(DomainError) as refused:
        await money.set_terms(id_, tariff="typo")
    assert (refused.value.code, refused.value.field) == (ErrorCode.UNKNOWN_VALUE, "tariff")
    assert len(await money.rates(id_)) == len(RATES)
    await money.set_terms(id_, tariff=None)
    assert await money.rates(id_) == []


async def test_credit_is_not_transferred_to_where_it_is(world: World, money: Money) -> None:
    await money.top_up(world.account.id, 1_000)
    with pytest.raises(DomainError) as refused:
        await money.transfer(world.account.id, world.account.id, 1_000)
    assert (refused.value.code, refused.value.field) == (ErrorCode.CONFLICT, "to")
    assert (await money.balance(world.account.id)).balance_micro == 1_000


async def test_a_call_without_a_rate_costs_nothing_and_says_so(world: World, money: Money) -> None:
    await money.set_tariff("elsewhere", [Rate(kind=RateKind.CALL_OUT, prefix="+1", price_micro=9, label="US")])
    await money.set_terms(world.account.id, tariff="elsewhere")
    await world.save(world.golden())
    assert await rows(world, "SELECT debit_micro, cost_label FROM legs") == [(0, None), (0, None)]
    assert await money.entries(world.account.id) == []


async def test_messages_at_once_never_spend_more_than_there_is(world: World, money: Money) -> None:
    """Credit for five messages; twenty are sent at once."""
    price = Rate(kind=RateKind.MESSAGE_OUT, prefix="+33", price_micro=65_000)
    await money.set_tariff("standard", [*RATES, price])
    await money.top_up(world.account.id, 5 * price.price_micro)
    await money.set_terms(world.account.id, tariff="standard", mode=BillingMode.PREPAID, shutdown_micro=0)
    wanted = NewMessage(property_id=world.property.id, recipient="+33612345678", body="x", sender="Shop")
    sent = await asyncio.gather(
        *(world.services.messages.send(world.account, wanted) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(item, Message) for item in sent) == 5
    assert {item.code for item in sent if isinstance(item, DomainError)} == {ErrorCode.FORBIDDEN}
    assert (await money.balance(world.account.id)).balance_micro == 0
    assert await rows(world, "SELECT count(*), sum(debit_micro) FROM messages") == [(5, 5 * price.price_micro)]
    assert await balanced(world)


async def test_a_click_to_call_is_not_ordered_without_credit(world: World, money: Money) -> None:
    button = await world.services.buttons.create(world.account, world.property.id, name="b", target="+33987654321")
    assert await world.services.buttons.press(world.account, button, "+33612345678")
    await money.set_terms(world.account.id, mode=BillingMode.PREPAID, shutdown_micro=0)
    with pytest.raises(DomainError) as refused:
        await world.services.buttons.press(world.account, button, "+33612345678")
    assert refused.value.code is ErrorCode.FORBIDDEN


async def test_a_message_that_was_never_handed_on_costs_nothing_and_one_that_a_carrier_refused_does(
    world: World, money: Money
) -> None:
    await money.set_tariff("standard", [Rate(kind=RateKind.MESSAGE_OUT, prefix="+33", price_micro=65_000)])
    await money.top_up(world.account.id, 200_000)
    await money.set_terms(world.account.id, tariff="standard", mode=BillingMode.PREPAID, shutdown_micro=0)
    carrier = Carrier(refuses={"spam": "spam"})
    messenger = Messenger(world.database, SystemClock(), carrier, default_country="FR")
    wanted = NewMessage(property_id=world.property.id, recipient="+33612345678", body="spam", sender="Shop")
    await world.services.messages.send(world.account, wanted)
    await messenger.dispatch_all()
    await world.services.messages.send(world.account, replace(wanted, body="late"))
    await execute(world, "UPDATE messages SET created_at = now() - interval '2 days' WHERE body = 'late'")
    await messenger.dispatch_all()
    await world.services.messages.send(world.account, replace(wanted, body="barred"))
    await world.services.accounts.allow_outbound(world.account.id, ())
    for _ in range(2):
        await messenger.dispatch_all()
    shown = await rows(world, "SELECT body, status, debit_micro FROM messages ORDER BY id")
    assert shown == [("spam", "failed", 65_000), ("late", "expired", 0), ("barred", "failed", 0)]
    assert (await money.balance(world.account.id)).balance_micro == 200_000 - 65_000
    assert await balanced(world)


async def test_a_number_that_moves_within_a_family_is_billed_once_a_month(
    world: World, money: Money, tmp_path: Path
) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    await execute(
        world, "UPDATE dids SET month_micro = 2000000, bought_at = date_trunc('month', now()) - interval '1 day' WHERE hash = %s",
        world.did.hash,
    )  # fmt: skip
    subscriptions = Subscriptions(world.database, SystemClock())
    assert await subscriptions.bill_months() == 1
    await execute(
        world, "UPDATE dids SET account_id = %s, property_id = %s, app_hash = NULL WHERE hash = %s", other.account.id,
        other.property.id, world.did.hash,
    )  # fmt: skip
    await execute(world, "UPDATE accounts SET parent_id = %s WHERE id = %s", world.account.id, other.account.id)
    assert await subscriptions.bill_months() == 0
    await execute(world, "UPDATE accounts SET parent_id = NULL")
    assert await subscriptions.bill_months() == 1


async def test_the_ledgers_times_grow_with_its_entries(world: World, money: Money) -> None:
    await asyncio.gather(*(money.top_up(world.account.id, 1 + number) for number in range(20)))
    times = [entry.at for entry in await money.entries(world.account.id)]
    assert times == sorted(times, reverse=True)
