"""Orders of numbers: held until their token ends, sold once, within the quota, paid for."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import number_of_hash
from ringtrail.model.money import BillingMode, Rate, RateKind
from ringtrail.model.number import AreaCode, OrderMode, OrderState, StockNumber
from ringtrail.storage import stock as stock_store
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres
PARIS = AreaCode(country="FR", line_type="GEOGRAPHIC", intl_prefix="331", local_prefix="01", label="Paris")
RANDOM, SEQUENTIAL = OrderMode


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


def number(suffix: int, **changes: Any) -> tuple[StockNumber, AreaCode]:
    given = {"number_e164": f"+3314000{suffix:04d}", "country": "FR", "line_type": "GEOGRAPHIC"} | changes
    return StockNumber(**given), PARIS


async def filled(world: World, *suffixes: int) -> int:
    """Numbers for sale; their area code."""
    await world.services.stock.take_in([number(suffix) for suffix in suffixes])
    return (await world.services.stock.areas())[0][0].id


async def execute(world: World, statement: str, *values: Any) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode(), values)


async def rows(world: World, statement: str) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(statement.encode())).fetchall()


def is_refused(code: ErrorCode, field: str | None = None) -> contextlib.AbstractContextManager[Any]:
    @contextlib.contextmanager
    def check() -> Any:
        with pytest.raises(DomainError) as refused:
            yield
        assert (refused.value.code, refused.value.field) == (code, field)

    return check()


async def test_an_order_holds_numbers_and_buying_it_owns_them(world: World) -> None:
    stock = world.services.stock
    area = await filled(world, *range(5))
    held = await stock.reserve(world.account.id, area, "CLASSIC", 2, RANDOM)
    order = held.order
    assert len({item.number_e164 for item in held.items}) == 2
    assert (await stock.areas())[0][1] == (3, 0)
    assert (await stock.order(world.account.id, order.token)).items == held.items
    bought = await stock.buy_order(world.account.id, order.token)
    assert [(did.hash, did.number_e164) for did in bought.dids] == [
        (item.hash, item.number_e164) for item in held.items
    ]
    assert all(did.property_id == world.property.id for did in bought.dids)
    with is_refused(ErrorCode.UNKNOWN_VALUE, "token"):
        await stock.buy_order(world.account.id, order.token)


async def test_numbers_in_a_row_are_in_a_row_or_not_held(world: World) -> None:
    stock = world.services.stock
    area = await filled(world, 0, 1, 3, 5, 6, 7, 9)
    held = await stock.reserve(world.account.id, area, "CLASSIC", 3, SEQUENTIAL)
    assert [item.number_e164[-1] for item in held.items] == ["5", "6", "7"]
    with is_refused(ErrorCode.CONFLICT, "quantity"):
        await stock.reserve(world.account.id, area, "CLASSIC", 3, SEQUENTIAL)
    assert (await stock.areas())[0][1].classic == 4


async def test_an_order_that_ended_holds_nothing_and_cannot_be_bought(world: World) -> None:
    stock = world.services.stock
    area = await filled(world, 0)
    order = (await stock.reserve(world.account.id, area, "CLASSIC", 1, RANDOM)).order
    with is_refused(ErrorCode.CONFLICT, "quantity"):
        await stock.reserve(world.account.id, area, "CLASSIC", 1, RANDOM)
    with is_refused(ErrorCode.UNKNOWN_VALUE, "number"):
        await stock.buy(world.account.id, world.property.id, country="FR")
    await execute(world, "UPDATE number_orders SET expires_at = now()")
    with is_refused(ErrorCode.UNKNOWN_VALUE, "token"):
        await stock.buy_order(world.account.id, order.token)
    await stock.reserve(world.account.id, area, "CLASSIC", 1, RANDOM)


async def test_a_cancelled_order_gives_its_numbers_free_at_once(world: World) -> None:
    stock = world.services.stock
    area = await filled(world, 0)
    order = (await stock.reserve(world.account.id, area, "CLASSIC", 1, RANDOM)).order
    await stock.cancel_order(world.account.id, order.token)
    assert (await stock.areas())[0][1].classic == 1
    with is_refused(ErrorCode.UNKNOWN_VALUE, "token"):
        await stock.cancel_order(world.account.id, order.token)


async def test_an_order_is_its_accounts_alone(world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    stock = world.services.stock
    area = await filled(world, 0)
    order = (await stock.reserve(world.account.id, area, "CLASSIC", 1, RANDOM)).order
    for attempt in (stock.order, stock.buy_order, stock.cancel_order):
        with is_refused(ErrorCode.UNKNOWN_VALUE, "token"):
            await attempt(other.account.id, order.token)


@pytest.mark.parametrize("quantity", [0, -1, 101])
async def test_an_order_is_of_one_number_to_a_hundred(world: World, quantity: int) -> None:
    area = await filled(world, 0)
    with is_refused(ErrorCode.OUT_OF_RANGE, "quantity"):
        await world.services.stock.reserve(world.account.id, area, "CLASSIC", quantity, RANDOM)


async def test_a_purchase_is_booked_and_its_first_month_is_short(world: World) -> None:
    rates = [Rate(kind=RateKind.NUMBER, prefix="FR/GEOGRAPHIC", price_micro=3_000_000, setup_micro=1_000_000)]
    await world.services.money.set_tariff("standard", rates)
    await execute(world, "UPDATE accounts SET tariff = 'standard'")
    area = await filled(world, 0)
    quote = await world.services.stock.quote(world.account.id, area, "CLASSIC", 1)
    order = (await world.services.stock.reserve(world.account.id, area, "CLASSIC", 1, RANDOM)).order
    (did,) = (await world.services.stock.buy_order(world.account.id, order.token)).dids
    entries = await world.services.money.entries(world.account.id)
    assert sorted(entry.amount_micro for entry in entries) == sorted([-1_000_000, -quote.cost.first_month_micro])
    assert 0 < quote.cost.first_month_micro <= 3_000_000
    assert {entry.about.split("/")[0] for entry in entries} == {did.hash}


async def test_nothing_is_bought_without_credit(world: World) -> None:
    area = await filled(world, 0)
    order = (await world.services.stock.reserve(world.account.id, area, "CLASSIC", 1, RANDOM)).order
    await execute(world, "INSERT INTO balances (account_id, shut_at) VALUES (%s, now())", world.account.id)
    with is_refused(ErrorCode.FORBIDDEN):
        await world.services.stock.buy_order(world.account.id, order.token)
    with is_refused(ErrorCode.FORBIDDEN):
        await world.services.stock.buy(world.account.id, world.property.id, country="FR")
    assert len(await rows(world, "SELECT 1 FROM dids")) == 1


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_whatever_happens_at_once_no_number_is_sold_twice_no_quota_is_passed_and_the_ledger_is_balanced(
    world: World, tmp_path: Path, seed: int
) -> None:
    """Thirty buyers of three accounts: orders of both modes, single purchases, cancellations and orders that end."""
    worlds = [world, *[await build_world(world.database, tmp_path, name=f"Other {n}") for n in range(2)]]
    priced = [number(suffix, setup_micro=1_000_000, month_micro=0) for suffix in range(60)]
    await world.services.stock.take_in(priced)
    area = (await world.services.stock.areas())[0][0].id
    await execute(world, "UPDATE accounts SET most_dids_bought = 9")
    chance = random.Random(seed)
    bought: list[str] = []

    async def buyer(world: World) -> None:
        account_id, stock = world.account.id, world.services.stock
        with contextlib.suppress(DomainError):
            if chance.random() < 0.3:
                did = await stock.buy(account_id, world.property.id, country="FR")
                bought.append(did.number_e164)
                return
            held = await stock.reserve(
                account_id, area, "CLASSIC", chance.randrange(1, 5), chance.choice((RANDOM, SEQUENTIAL))
            )
            token = held.order.token
            await asyncio.sleep(chance.random() / 50)
            match chance.randrange(4):
                case 0:
                    await stock.cancel_order(account_id, token)
                case 1:
                    await execute(world, "UPDATE number_orders SET expires_at = now() WHERE token = %s", token)
                case _:
                    dids = (await stock.buy_order(account_id, token)).dids
                    assert {did.number_e164 for did in dids} == {item.number_e164 for item in held.items}
                    bought.extend(did.number_e164 for did in dids)

    await asyncio.gather(*(buyer(worlds[turn % 3]) for turn in range(45)))
    assert len(bought) == len(set(bought)) > 0
    owned = await rows(world, "SELECT account_id, count(*) FROM number_purchases GROUP BY 1")
    assert all(count <= 9 for _, count in owned)
    assert sum(count for _, count in owned) == len(bought)
    paid = await rows(world, "SELECT account_id, sum(amount_micro) FROM ledger_entries GROUP BY 1")
    assert {account: -total for account, total in paid} == {account: count * 1_000_000 for account, count in owned}
    assert sorted(paid) == sorted(await rows(world, "SELECT account_id, balance_micro FROM balances"))
    for_sale = await rows(world, "SELECT number_e164 FROM number_stock")
    assert len(for_sale) + len(bought) == 60
    states = {row[0] for row in await rows(world, "SELECT DISTINCT state FROM number_orders")}
    assert states <= set(OrderState)


async def test_a_file_of_many_numbers_is_taken_in_steps_and_again_without_doubling(world: World) -> None:
    stock, steps = world.services.stock, list[int]()
    many = [number(suffix) for suffix in range(2_500)]
    assert await stock.take_in(many, steps.append) == 2_500
    assert steps == [1_000, 2_000, 2_500]
    dearer = [(replace(item, month_micro=7), area) for item, area in many[:10]]
    assert await stock.take_in(dearer) == 10
    assert len(found := await stock.find()) == 2_500
    assert [item.month_micro for item in found[8:12]] == [7, 7, None, None]


async def test_an_order_that_ended_while_it_is_bought_takes_nothing_from_who_holds_its_numbers_now(
    world: World,
) -> None:
    """The clock of the database decides; ours may be behind."""
    stock = world.services.stock
    area = await filled(world, 0)
    order = (await stock.reserve(world.account.id, area, "CLASSIC", 1, RANDOM)).order
    await execute(world, "UPDATE number_stock SET order_token = 'another'")
    with is_refused(ErrorCode.UNKNOWN_VALUE, "token"):
        await stock.buy_order(world.account.id, order.token)
    assert await rows(world, "SELECT order_token FROM number_stock") == [("another",)]


async def test_a_number_that_becomes_held_while_it_is_bought_stays_held(world: World) -> None:
    stock, account_id = world.services.stock, world.account.id
    area = await filled(world, 0)
    order = (await stock.reserve(account_id, area, "CLASSIC", 1, RANDOM)).order
    await stock.cancel_order(account_id, order.token)
    again = replace(order, token="again", expires_at=order.expires_at)
    async with world.database.transaction() as connection:
        await stock_store.add_order(connection, again)
        assert await stock_store.hold(connection, again) == 1
        buying = asyncio.create_task(stock.buy(account_id, world.property.id, number_e164="+33140000000"))
        await asyncio.sleep(0.2)
    with is_refused(ErrorCode.UNKNOWN_VALUE, "number"):
        await buying
    assert len((await stock.buy_order(account_id, "again")).dids) == 1


async def test_prepaid_credit_is_spent_once_by_orders_that_are_bought_at_once(world: World) -> None:
    stock, account_id = world.services.stock, world.account.id
    await stock.take_in([number(suffix, setup_micro=1_000_000, month_micro=0) for suffix in range(8)])
    area = (await stock.areas())[0][0].id
    await world.services.money.set_terms(account_id, mode=BillingMode.PREPAID, shutdown_micro=0)
    await world.services.money.top_up(account_id, 3_500_000)
    orders = [(await stock.reserve(account_id, area, "CLASSIC", 2, RANDOM)).order for _ in range(4)]
    bought = await asyncio.gather(*(stock.buy_order(account_id, order.token) for order in orders))
    assert sum(len(purchase.dids) for purchase in bought) == 3
    assert sum(len(purchase.unpaid) for purchase in bought) == 5
    assert (await world.services.money.balance(account_id)).balance_micro == 500_000
    assert len(await stock.find()) == 5
    with is_refused(ErrorCode.FORBIDDEN):
        await stock.buy(account_id, world.property.id, country="FR")


async def test_each_number_that_is_bought_or_given_back_is_told(world: World) -> None:
    stock = world.services.stock
    area = await filled(world, 0, 1)
    order = (await stock.reserve(world.account.id, area, "CLASSIC", 2, RANDOM)).order
    dids = (await stock.buy_order(world.account.id, order.token)).dids
    await stock.release(dids[0])
    told = await rows(world, "SELECT type, about FROM events ORDER BY id DESC LIMIT 3")
    first, second = (number_of_hash(did.hash) for did in dids)
    assert told == [("number.released", first), ("number.assigned", second), ("number.assigned", first)]
