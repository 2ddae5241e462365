"""The store, whatever is done at once: hypothesis makes up waves of what three accounts do, PostgreSQL is real.

After each wave: a number is for sale or one account's; it was sold once more than given back; what an order holds is its own
until it is bought, cancelled or over, and nobody's afterwards; no quota is passed; every ledger is balanced, no credit was made
or lost between the accounts, and none is spent that was not there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ringtrail.model.account import Account
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.money import BillingMode
from ringtrail.model.number import AreaCode, OrderMode, StockNumber
from ringtrail.ports.clock import SystemClock
from ringtrail.services import Services, build_services
from ringtrail.storage.database import Database
from ringtrail.supervisor.postgres import EmbeddedPostgres
from tests.conftest import fresh_database
from tests.fixtures import build_world

pytestmark = pytest.mark.postgres

NUMBERS, ACCOUNTS = 12, 3
PRICE, CREDIT = 1_000_000, 5_000_000
MOST_OWNED, MOST_BOUGHT = 5, 8
PARIS = AreaCode(country="FR", line_type="GEOGRAPHIC", intl_prefix="331", local_prefix="01", label="Paris")
REFUSALS = {ErrorCode.UNKNOWN_VALUE, ErrorCode.CONFLICT, ErrorCode.OUT_OF_RANGE, ErrorCode.FORBIDDEN}


class Act(NamedTuple):
    """who, whom: of the accounts. pick: of the orders or numbers that there are."""

    what: str
    who: int
    whom: int
    pick: int
    quantity: int
    mode: OrderMode


WHAT = (
    "reserve",
    "reserve",
    "buy_order",
    "buy_order",
    "buy",
    "cancel",
    "expire",
    "release",
    "transfer",
    "move",
    "top_up",
)
ACTS = st.builds(
    Act, st.sampled_from(WHAT), st.integers(0, ACCOUNTS - 1), st.integers(0, ACCOUNTS - 1), st.integers(0, 30),
    st.integers(1, 3), st.sampled_from(OrderMode),
)  # fmt: skip


@dataclass
class Order:
    account_id: int
    token: str
    numbers: frozenset[str]
    over: bool = False
    settled: int = 0  # how often it was bought or cancelled


@dataclass
class Model:
    """What must be so, by what the services said."""

    orders: list[Order] = field(default_factory=list)
    sold: Counter[str] = field(default_factory=Counter)
    returned: Counter[str] = field(default_factory=Counter)
    spent: Counter[int] = field(default_factory=Counter)
    given: int = CREDIT * ACCOUNTS


class Shop:
    """Three accounts before one store: a master and two below it."""

    def __init__(self, database: Database, services: Services, accounts: list[Account], area_id: int) -> None:
        self.database, self.services, self.accounts, self.area_id = database, services, accounts, area_id
        self.model = Model()

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.database.reading() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()

    async def act(self, act: Act) -> None:
        try:
            await getattr(self, f"_{act.what}")(act)
        except DomainError as refused:
            if refused.code not in REFUSALS:
                raise

    async def _reserve(self, act: Act) -> None:
        account_id = self.accounts[act.who].id
        held = await self.services.stock.reserve(account_id, self.area_id, "CLASSIC", act.quantity, act.mode)
        numbers = frozenset(item.number_e164 for item in held.items)
        assert len(numbers) == act.quantity
        self.model.orders.append(Order(account_id, held.order.token, numbers))

    async def _buy_order(self, act: Act) -> None:
        if order := self._picked(act):
            bought = await self.services.stock.buy_order(order.account_id, order.token)
            order.over, order.settled = True, order.settled + 1
            mine = [did.number_e164 for did in bought.dids]
            assert {*mine, *(item.number_e164 for item in bought.unpaid)} == order.numbers
            self._sold(order.account_id, mine)

    async def _buy(self, act: Act) -> None:
        account_id = self.accounts[act.who].id
        ((property_id,),) = await self.rows("SELECT min(id) FROM properties WHERE account_id = %s", account_id)
        did = await self.services.stock.buy(account_id, property_id, country="FR")
        self._sold(account_id, [did.number_e164])

    def _sold(self, account_id: int, numbers: list[str]) -> None:
        self.model.sold.update(numbers)
        self.model.spent[account_id] += PRICE * len(numbers)

    async def _cancel(self, act: Act) -> None:
        if order := self._picked(act):
            await self.services.stock.cancel_order(order.account_id, order.token)
            order.over, order.settled = True, order.settled + 1

    async def _expire(self, act: Act) -> None:
        """Five minutes go by for one order."""
        if order := self._picked(act):
            order.over = True
            async with self.database.transaction() as connection:
                await connection.execute("UPDATE number_orders SET expires_at = now() WHERE token = %s", (order.token,))

    async def _release(self, act: Act) -> None:
        account_id = self.accounts[act.who].id
        if dids := await self._dids(account_id):
            did = await self.services.numbers.by_hash(account_id, dids[act.pick % len(dids)])
            if did is not None:
                await self.services.stock.release(did)
                self.model.returned[did.number_e164] += 1

    async def _transfer(self, act: Act) -> None:
        giver, taker = self.accounts[act.who], self.accounts[act.whom]
        await self.services.money.transfer(giver.id, taker.id, act.quantity * PRICE // 2)

    async def _move(self, act: Act) -> None:
        giver, taker = self.accounts[act.who], self.accounts[act.whom]
        if (dids := await self._dids(giver.id)) and giver != taker:
            await self.services.sub_accounts.move_dids(giver, taker, [dids[act.pick % len(dids)]])

    async def _top_up(self, act: Act) -> None:
        await self.services.money.top_up(self.accounts[act.who].id, PRICE // 2)
        self.model.given += PRICE // 2

    def _picked(self, act: Act) -> Order | None:
        """The latest ones rather: they may still be open."""
        orders = self.model.orders[-4:]
        return orders[act.pick % len(orders)] if orders else None

    async def _dids(self, account_id: int) -> list[str]:
        found = await self.rows("SELECT hash FROM dids WHERE account_id = %s AND bought_at IS NOT NULL", account_id)
        return [hash_ for (hash_,) in found]

    # --- what must be so ---

    async def check(self) -> None:
        await self._check_numbers()
        await self._check_orders()
        await self._check_quotas()
        await self._check_ledgers()

    async def _check_numbers(self) -> None:
        for_sale = {number for (number,) in await self.rows("SELECT number_e164 FROM number_stock")}
        owned = [number for (number,) in await self.rows("SELECT number_e164 FROM dids WHERE bought_at IS NOT NULL")]
        assert len(owned) == len(set(owned))
        assert not for_sale & set(owned)
        assert len(for_sale) + len(owned) == NUMBERS
        assert self.model.sold - self.model.returned == Counter(owned)

    async def _check_orders(self) -> None:
        open_orders = [order for order in self.model.orders if not order.over]
        for order in self.model.orders:
            assert order.settled <= 1
            held = await self._held(order)
            assert held == (None if order.over else order.numbers), order
        ((_, available),) = await self.services.stock.areas()
        ((for_sale,),) = await self.rows("SELECT count(*) FROM number_stock")
        assert available.classic == for_sale - sum(len(order.numbers) for order in open_orders)
        assert len(set[str]().union(*(order.numbers for order in open_orders))) == for_sale - available.classic

    async def _held(self, order: Order) -> frozenset[str] | None:
        with contextlib.suppress(DomainError):
            found = await self.services.stock.order(order.account_id, order.token)
            return frozenset(item.number_e164 for item in found.items)
        return None

    async def _check_quotas(self) -> None:
        for account in self.accounts:
            quota = await self.services.stock.quota(account.id)
            assert quota.bought <= MOST_BOUGHT
            assert quota.owned <= quota.most_owned

    async def _check_ledgers(self) -> None:
        total = 0
        for account in self.accounts:
            entries = list(reversed(await self.services.money.entries(account.id, limit=1_000)))
            balance = (await self.services.money.balance(account.id)).balance_micro
            running = 0
            for entry in entries:
                running += entry.amount_micro
                assert entry.balance_micro == running
            assert balance == running >= 0
            assert (
                -sum(entry.amount_micro for entry in entries if entry.kind == "number") == self.model.spent[account.id]
            )
            total += balance
        assert total == self.model.given - sum(self.model.spent.values())


async def furnish(url: str, folder: Path) -> None:
    database = Database(url)
    await database.open()
    master = (await build_world(database, folder)).account
    services = build_services(database, SystemClock(), recordings_folder=str(folder))
    below = [(await services.sub_accounts.create(master, "callr", {})).account for _ in range(ACCOUNTS - 1)]
    for account in (master, *below):
        await services.money.set_terms(account.id, mode=BillingMode.PREPAID, shutdown_micro=0)
        await services.money.top_up(account.id, CREDIT)
        owned = 1 if account is master else 0  # the world's, which is not of the store
        await services.stock.set_quota(account.id, most_owned=MOST_OWNED + owned, most_bought=MOST_BOUGHT)
    await database.close()


async def opened(url: str, folder: Path) -> Shop:
    database = Database(url)
    await database.open()
    services = build_services(database, SystemClock(), recordings_folder=str(folder))
    numbers = [
        StockNumber(
            number_e164=f"+3314000{n:04d}", country="FR", line_type="GEOGRAPHIC", setup_micro=PRICE, month_micro=0
        )
        for n in range(NUMBERS)
    ]
    await services.stock.take_in([(number, PARIS) for number in numbers])
    ((area, _),) = await services.stock.areas()
    async with database.reading() as connection:
        found = await (await connection.execute("SELECT id FROM accounts ORDER BY id")).fetchall()
    accounts = [await services.accounts.by_id(id_) for (id_,) in found]
    return Shop(database, services, accounts, area.id)


@pytest.fixture
def template(cluster: EmbeddedPostgres, tmp_path: Path) -> Iterator[str]:
    """The name of a database with the accounts."""
    with contextlib.contextmanager(fresh_database)(cluster, "template_ringtrail") as url:
        asyncio.run(furnish(url, tmp_path))
        yield urlsplit(url).path[1:]


def test_whatever_is_done_at_once_the_store_stays_sound(
    cluster: EmbeddedPostgres, template: str, tmp_path: Path
) -> None:
    class Store(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self._stack = contextlib.ExitStack()
            url = self._stack.enter_context(contextlib.contextmanager(fresh_database)(cluster, template))
            self._runner = self._stack.enter_context(asyncio.Runner())
            self._shop = self._runner.run(opened(url, tmp_path))

        @rule(wave=st.lists(ACTS, min_size=1, max_size=8))
        def do_at_once(self, wave: list[Act]) -> None:
            async def acting() -> None:
                await asyncio.gather(*(self._shop.act(act) for act in wave))

            self._runner.run(acting())

        @invariant()
        def is_sound(self) -> None:
            self._runner.run(self._shop.check())

        def teardown(self) -> None:
            self._runner.run(self._shop.database.close())
            self._stack.close()

    run_state_machine_as_test(  # not shrunk: what is done at once never goes the same way twice
        Store,
        settings=settings(
            max_examples=15, stateful_step_count=15, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
