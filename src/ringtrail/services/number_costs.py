"""What numbers cost an account that buys them today: each its own price, or else the account's tariff."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ringtrail.model.money import Balance, BillingMode, days_of_month, remaining_days
from ringtrail.model.number import StockNumber
from ringtrail.services.money import NumberPrice, number_price
from ringtrail.storage import money
from ringtrail.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCost:
    """Of numbers that are bought together, in micro."""

    prices: tuple[NumberPrice, ...]
    first_month_remaining_days: int
    contract_months: int  # the longest of theirs
    contract_end_at: datetime
    billing: BillingMode

    @property
    def paying(self) -> int:
        """Numbers that are not free."""
        return sum(1 for price in self.prices if price.month_micro or price.setup_micro)

    @property
    def month_micro(self) -> int:
        return sum(price.month_micro for price in self.prices)

    @property
    def setup_micro(self) -> int:
        return sum(price.setup_micro for price in self.prices)

    @property
    def first_month_micro(self) -> int:
        return sum(price.first_month_micro for price in self.prices)

    @property
    def due_micro(self) -> int:
        """What is booked when they are bought."""
        return self.setup_micro + self.first_month_micro


async def cost_of(connection: Connection, account_id: int, items: Sequence[StockNumber], now: datetime) -> NumberCost:
    months = max((item.contract_months for item in items), default=0)
    return NumberCost(
        prices=tuple(await prices_of(connection, account_id, items, now)),
        first_month_remaining_days=remaining_days(now.date()), contract_months=months,
        contract_end_at=after_months(now, months), billing=(await money.balance(connection, account_id)).mode,
    )  # fmt: skip


async def prices_of(
    connection: Connection, account_id: int, items: Sequence[StockNumber], now: datetime
) -> list[NumberPrice]:
    """One for each."""
    today = now.date()
    kinds = {(item.country, item.line_type, item.class_) for item in items}
    tariff = {kind: await number_price(connection, account_id, *kind, today) for kind in kinds}
    return [_own_price(item, tariff[item.country, item.line_type, item.class_], today) for item in items]


def _own_price(item: StockNumber, tariff: NumberPrice, today: date) -> NumberPrice:
    month = tariff.month_micro if item.month_micro is None else item.month_micro
    return NumberPrice(
        setup_micro=tariff.setup_micro if item.setup_micro is None else item.setup_micro, month_micro=month,
        first_month_micro=-(-month * remaining_days(today) // days_of_month(today)),
        first_month_remaining_days=tariff.first_month_remaining_days,
    )  # fmt: skip


async def covered(
    connection: Connection, account_id: int, items: Sequence[StockNumber], now: datetime
) -> list[StockNumber]:
    """Those of them, the first first, that the account's credit pays for: a prepaid one may not fall below its shutdown
    level. The balance is locked until the transaction ends."""
    await money.lock(connection, account_id)
    left = _spendable(await money.balance(connection, account_id))
    found = []
    for item, price in zip(items, await prices_of(connection, account_id, items, now), strict=True):
        due = price.setup_micro + price.first_month_micro
        if left is None or due <= left or due == 0:
            found.append(item)
            left = None if left is None else left - due
    return found


def _spendable(balance: Balance) -> int | None:
    """None: without a limit."""
    if balance.mode is not BillingMode.PREPAID or balance.shutdown_micro is None:
        return None
    return balance.balance_micro - balance.shutdown_micro


def after_months(at: datetime, months: int) -> datetime:
    """The same day so many months on, or the last of that month."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, calendar.monthrange(year, month + 1)[1]))
