"""Service `did/store`: numbers are quoted, held for an order, bought, and given back.

[inferred]: what an order cannot be given (more than the quota leaves, than there are, or than 100) is PROPERTY_VALUE_ERROR
[quantity]; buying beyond the quota is FORBIDDEN, as is buying for an account whose credit is used up; what a prepaid credit
does not cover is in `errors` of the BuyStatus, with code 100, and free again. A quote asks for the dearest numbers of its area.
`amount_unit` is a month of one number, on average; `amount_assignment` is charged once; `amount_first_month` is the month's
rest; `customer_debit` is what was charged. Nothing is discounted; a number without any price is not among `quantity_paying`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import msgspec

from ringtrail.dialects.callr.errors import FEATURE_NOT_ALLOWED
from ringtrail.dialects.callr.parameters import Asking, bad_format, bad_value
from ringtrail.dialects.callr.vocabulary import cents, datetime_text
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.money import BillingMode
from ringtrail.model.number import DID, AreaCode, OrderMode, StockNumber
from ringtrail.services.number_costs import NumberCost
from ringtrail.services.numbers import national_format
from ringtrail.services.stock import MOST_OF_ORDER, Reservation

MODES = tuple(mode.value for mode in OrderMode)
_TOKEN = re.compile(r"[A-Za-z0-9]{40}")
_LARGEST_ID = 2**63 - 1

T = TypeVar("T")


class QuotaStatus(msgspec.Struct):
    assigned_count: int
    assigned_max: int
    quota_current_count: int
    quota_current_remaining: int
    quota_max_over_period: int
    quota_period_days: int


class Contract(msgspec.Struct):
    billing_mode: str
    duration_month: int
    end_date: str


class Cost(msgspec.Struct):
    amount_assignment: str
    amount_first_month: str
    amount_per_month: str
    amount_prepaid_debit: str
    amount_unit: str
    discount_percent: int
    first_month_remaining_days: int
    quantity: int
    quantity_paying: int


class StoreItem(msgspec.Struct):
    hash: str
    intl_number: str
    local_number: str


class StoreError(msgspec.Struct):
    code: int
    DID: StoreItem
    message: str


class StoreQuote(msgspec.Struct):
    available: int
    contract: Contract
    cost: Cost


class StoreReservation(msgspec.Struct):
    contract: Contract
    cost: Cost
    expire: str
    items: list[StoreItem]
    token: str


class BuyStatus(msgspec.Struct):
    contract: Contract
    cost: Cost
    customer_debit: str
    errors: list[StoreError]
    success: list[StoreItem]


# --- parameters -----------------------------------------------------------------------------------------------------


async def area_code_id(asking: Asking, path: str, value: object) -> AreaCode:
    """An area by its id, a number or its digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_format(path)
    if not 0 <= value <= _LARGEST_ID:
        raise bad_value(path)
    return await asking.services.stock.area(value)


async def quantity(asking: Asking, path: str, value: object) -> int:
    """How many numbers."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_format(path)
    if not 1 <= value <= MOST_OF_ORDER:
        raise bad_value(path)
    return value


async def token(asking: Asking, path: str, value: object) -> str:
    """The token of a reservation."""
    if not isinstance(value, str):
        raise bad_format(path)
    if not _TOKEN.fullmatch(value):
        raise bad_value(path)
    return value


# --- methods --------------------------------------------------------------------------------------------------------


async def get_quota_status(asking: Asking) -> QuotaStatus:
    quota = await asking.services.stock.quota(asking.account.id)
    return QuotaStatus(
        assigned_count=quota.owned, assigned_max=quota.most_owned, quota_current_count=quota.bought,
        quota_current_remaining=max(0, quota.most_bought - quota.bought) if quota.most_bought >= 0 else -1,
        quota_max_over_period=quota.most_bought, quota_period_days=quota.days,
    )  # fmt: skip


async def get_quote(asking: Asking, area: AreaCode, class_: str, wanted: int) -> StoreQuote:
    found = await asking.services.stock.quote(asking.account.id, area.id, class_, wanted)
    return StoreQuote(available=found.available, contract=_contract(found.cost), cost=_cost(found.cost))


async def reserve(asking: Asking, area: AreaCode, class_: str, wanted: int, mode: str) -> StoreReservation:
    return _reservation(
        await asking.services.stock.reserve(asking.account.id, area.id, class_, wanted, OrderMode(mode))
    )


async def view_order(asking: Asking, order_token: str) -> StoreReservation:
    return _reservation(await asking.services.stock.order(asking.account.id, order_token))


async def buy_order(asking: Asking, order_token: str) -> BuyStatus:
    bought = await _within_quota(asking.services.stock.buy_order(asking.account.id, order_token))
    return BuyStatus(
        contract=_contract(bought.cost), cost=_cost(bought.cost), customer_debit=cents(bought.cost.due_micro),
        errors=[
            StoreError(code=FEATURE_NOT_ALLOWED, DID=item, message="the account's credit does not cover it")
            for item in _items(bought.unpaid)
        ],
        success=_items(bought.dids),
    )  # fmt: skip


async def cancel_order(asking: Asking, order_token: str) -> bool:
    await asking.services.stock.cancel_order(asking.account.id, order_token)
    return True


async def cancel_subscription(asking: Asking, did: DID) -> bool:
    """The number leaves the account at once."""
    try:
        await asking.services.stock.release(did)
    except DomainError as exc:
        raise bad_value("hash") if exc.field == "did" else exc from None
    return True


async def _within_quota(buying: Awaitable[T]) -> T:
    try:
        return await buying
    except DomainError as exc:
        if exc.code is ErrorCode.OUT_OF_RANGE:
            raise DomainError(ErrorCode.FORBIDDEN, detail=exc.detail) from None
        raise


# --- objects --------------------------------------------------------------------------------------------------------


def _reservation(found: Reservation) -> StoreReservation:
    return StoreReservation(
        contract=_contract(found.cost), cost=_cost(found.cost), expire=datetime_text(found.order.expires_at),
        items=_items(found.items), token=found.order.token,
    )  # fmt: skip


def _contract(cost: NumberCost) -> Contract:
    return Contract(
        billing_mode=cost.billing.value.upper(),
        duration_month=cost.contract_months,
        end_date=datetime_text(cost.contract_end_at),
    )


def _cost(cost: NumberCost) -> Cost:
    quantity = len(cost.prices)
    return Cost(
        amount_assignment=cents(cost.setup_micro), amount_first_month=cents(cost.first_month_micro),
        amount_per_month=cents(cost.month_micro),
        amount_prepaid_debit=cents(cost.due_micro if cost.billing is BillingMode.PREPAID else 0),
        amount_unit=cents(cost.month_micro // quantity if quantity else 0), discount_percent=0,
        first_month_remaining_days=cost.first_month_remaining_days, quantity=quantity, quantity_paying=cost.paying,
    )  # fmt: skip


def _items(numbers: Iterable[StockNumber | DID]) -> list[StoreItem]:
    return [
        StoreItem(
            hash=number.hash, intl_number=number.number_e164,
            local_number=re.sub(r"\D", "", national_format(number.number_e164)),
        )
        for number in numbers
    ]  # fmt: skip
