"""The stock: numbers that the operator has and nobody owns, held for an order, bought, given back."""

from __future__ import annotations

import builtins
import secrets
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import EventType
from ringtrail.model.number import (
    DID,
    AreaCode,
    Availability,
    NumberOrder,
    NumberQuota,
    OrderMode,
    OrderState,
    StockNumber,
)
from ringtrail.ports.clock import Clock
from ringtrail.services.money import check_may_spend, first_bookings
from ringtrail.services.number_costs import NumberCost, after_months, cost_of, covered, prices_of
from ringtrail.services.numbers import Change, Numbers, tell_of
from ringtrail.services.stock_file import item_of
from ringtrail.storage import accounts as account_store
from ringtrail.storage import apps as app_store
from ringtrail.storage import counters, money
from ringtrail.storage import numbers as number_store
from ringtrail.storage import stock as store
from ringtrail.storage.database import Connection, Database
from ringtrail.storage.events import tell

HOLD = timedelta(minutes=5)
MOST_OF_ORDER = 100
_TOKEN_LETTERS = string.ascii_letters + string.digits
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What numbers of an area cost the account today, at most."""

    available: int
    cost: NumberCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    order: NumberOrder
    items: Sequence[StockNumber]  # by number
    cost: NumberCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """unpaid: what the order held and the account's credit did not cover; it is free again."""

    order: NumberOrder
    dids: Sequence[DID]
    unpaid: Sequence[StockNumber]
    cost: NumberCost  # of what was bought


class Stock:
    def __init__(self, database: Database, clock: Clock, numbers: Numbers) -> None:
        self._database = database
        self._clock = clock
        self._numbers = numbers

    # --- the operator's side ---

    async def add(self, numbers_e164: Iterable[str], *, capabilities: tuple[str, ...] = ("voice",)) -> None:
        """Numbers that may be bought from now on, as the number plan has them. Those in stock or sold are passed over."""
        items = [item_of(number, capabilities=capabilities) for number in numbers_e164]
        await self._put(items, update=False)

    async def take_in(
        self,
        numbers: Sequence[tuple[StockNumber, AreaCode]],
        done: Callable[[int], None] = lambda _done: None,
    ) -> int:
        """Numbers with their prices and places, all or none; those that are there already are brought up to date, those
        that are somebody's or held for an order are passed over. done: told how many are seen to so far. Returns how many
        were written."""
        return await self._put(numbers, update=True, done=done)

    async def _put(
        self,
        numbers: Sequence[tuple[StockNumber, AreaCode]],
        *,
        update: bool,
        done: Callable[[int], None] = lambda _done: None,
    ) -> int:
        written = 0
        async with self._database.transaction() as connection:
            ids: dict[AreaCode, int] = {}
            for begin in range(0, len(numbers), _AT_ONCE):
                batch = numbers[begin : begin + _AT_ONCE]
                for area in sorted({area for _, area in batch} - ids.keys(), key=lambda area: area.intl_prefix):
                    ids[area] = await store.put_area(connection, area, update=update)
                placed = [replace(number, area_code_id=ids[area]) for number, area in batch]
                written += await store.add(connection, placed, update=update)
                done(begin + len(batch))
        return written

    async def find(
        self, *, country: str | None = None, offset: int = 0, limit: int | None = None
    ) -> builtins.list[StockNumber]:
        """By number, what nobody holds."""
        async with self._database.reading() as connection:
            return await store.find(connection, country=country, offset=offset, limit=limit)

    async def areas(
        self, country: str | None = None, line_type: str | None = None
    ) -> builtins.list[tuple[AreaCode, Availability]]:
        """By country, type and prefix, also those where nothing is left."""
        async with self._database.reading() as connection:
            return await store.areas(connection, country, line_type)

    # --- orders ---

    async def quota(self, account_id: int) -> NumberQuota:
        async with self._database.reading() as connection:
            return await _quota(connection, account_id, self._clock.now())

    async def set_quota(
        self,
        account_id: int,
        *,
        most_owned: int | None = None,
        most_bought: int | None = None,
        days: int | None = None,
    ) -> NumberQuota:
        """None: as it was. -1: without a limit. What an account has beyond a new limit stays its own."""
        async with self._database.transaction() as connection:
            before = await _quota(connection, account_id, self._clock.now(), lock=True)
            quota = replace(
                before,
                most_owned=before.most_owned if most_owned is None else most_owned,
                most_bought=before.most_bought if most_bought is None else most_bought,
                days=days or before.days,
            )
            await store.set_quota(connection, account_id, quota)
            return await _quota(connection, account_id, self._clock.now())

    async def area(self, area_code_id: int) -> AreaCode:
        """DomainError UNKNOWN_VALUE 'area_code_id'."""
        async with self._database.reading() as connection:
            return await _area(connection, area_code_id)

    async def quote(self, account_id: int, area_code_id: int, class_: str, quantity: int) -> Quote:
        """DomainError UNKNOWN_VALUE 'area_code_id'; OUT_OF_RANGE 'quantity' for none or too many."""
        _check_quantity(quantity)
        async with self._database.reading() as connection:
            area = await _area(connection, area_code_id)
            dearest = await store.dearest(connection, area_code_id, class_) or StockNumber(
                number_e164="", country=area.country, line_type=area.line_type, class_=class_
            )
            return Quote(
                available=await store.available(connection, area_code_id, class_),
                cost=await cost_of(connection, account_id, [dearest] * quantity, self._clock.now()),
            )

    async def reserve(
        self, account_id: int, area_code_id: int, class_: str, quantity: int, mode: OrderMode
    ) -> Reservation:
        """Hold numbers for five minutes: nobody else is sold them until then.

        DomainError UNKNOWN_VALUE 'area_code_id'; OUT_OF_RANGE 'quantity' for none, too many, or more than the quota leaves;
        CONFLICT 'quantity' if there are not so many (SEQUENTIAL: in a row).
        """
        now = self._clock.now()
        _check_quantity(quantity)
        order = NumberOrder(
            account_id=account_id, token="".join(secrets.choice(_TOKEN_LETTERS) for _ in range(40)),
            area_code_id=area_code_id, class_=class_, mode=mode, quantity=quantity, state=OrderState.RESERVED,
            created_at=now, expires_at=now + HOLD,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            await _area(connection, area_code_id)
            await _check_quota(connection, account_id, quantity, now)
            await store.add_order(connection, order)
            if await store.hold(connection, order) < quantity:
                raise DomainError(ErrorCode.CONFLICT, "quantity", "there are not so many numbers")
            return await self._reservation(connection, order)

    async def order(self, account_id: int, token: str) -> Reservation:
        """An order that holds numbers. DomainError UNKNOWN_VALUE 'token' for one that is over, or never was."""
        async with self._database.reading() as connection:
            return await self._reservation(connection, await self._open_order(connection, account_id, token))

    async def _reservation(self, connection: Connection, order: NumberOrder) -> Reservation:
        items = await store.held(connection, order.token)
        cost = await cost_of(connection, order.account_id, items, order.created_at)
        return Reservation(order=order, items=items, cost=cost)

    async def buy_order(self, account_id: int, token: str) -> Purchase:
        """Own what the order holds, as far as the account's credit goes. DomainError UNKNOWN_VALUE 'token'; OUT_OF_RANGE
        'quantity' beyond the quota; FORBIDDEN for an account that may not spend."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            order = await self._open_order(connection, account_id, token, lock=True)
            await check_may_spend(connection, account_id)
            await _check_quota(connection, account_id, order.quantity, now, lock=True)
            property_id = await _first_property(connection, account_id)
            items = await store.held(connection, token, lock=True)
            if len(items) < order.quantity:
                raise _no_order()  # it ended meanwhile, and somebody else holds them
            paid = await covered(connection, account_id, items, now)
            cost = await cost_of(connection, account_id, paid, now)
            await store.take_held(connection, token, paid)
            dids = [await self._bought(connection, account_id, property_id, item, {}, None) for item in paid]
            await store.let_go(connection, token)
            await store.settle_order(connection, order, OrderState.BOUGHT)
        unpaid = [item for item in items if item not in paid]
        return Purchase(order=order, dids=dids, unpaid=unpaid, cost=cost)

    async def cancel_order(self, account_id: int, token: str) -> None:
        """Hold its numbers no more. DomainError UNKNOWN_VALUE 'token'."""
        async with self._database.transaction() as connection:
            order = await self._open_order(connection, account_id, token, lock=True)
            await store.let_go(connection, token)
            await store.settle_order(connection, order, OrderState.CANCELLED)

    async def _open_order(
        self, connection: Connection, account_id: int, token: str, *, lock: bool = False
    ) -> NumberOrder:
        found = await store.order(connection, account_id, token, lock=lock)
        if found is None or found.state is not OrderState.RESERVED or found.expires_at <= self._clock.now():
            raise _no_order()
        return found

    # --- one number ---

    async def buy(
        self,
        account_id: int,
        property_id: int,
        *,
        number_e164: str | None = None,
        country: str | None = None,
        settings: Mapping[str, Any] | None = None,
        change: Change | None = None,
    ) -> DID:
        """Take this number, or any of a country, out of the stock. Never sold twice. DomainError UNKNOWN_VALUE, 'number';
        OUT_OF_RANGE 'quantity' beyond the quota; FORBIDDEN without credit.

        change: as for `Numbers.configure`, in the same transaction: a number that cannot be set up is not bought.
        """
        async with self._database.transaction() as connection:
            await check_may_spend(connection, account_id)
            await _check_quota(connection, account_id, 1, self._clock.now(), lock=True)
            if number_e164 is not None:
                found = await store.take(connection, number_e164)
            else:
                found = await store.take_any(connection, country or "")
            if found is None:
                raise DomainError(ErrorCode.UNKNOWN_VALUE, field="number", detail="there is no such number for sale")
            if not await covered(connection, account_id, [found], self._clock.now()):
                raise DomainError(ErrorCode.FORBIDDEN, detail="the account's credit does not cover the number")
            return await self._bought(connection, account_id, property_id, found, settings or {}, change)

    async def _bought(
        self,
        connection: Connection,
        account_id: int,
        property_id: int,
        item: StockNumber,
        settings: Mapping[str, Any],
        change: Change | None,
    ) -> DID:
        now = self._clock.now()
        (price,) = await prices_of(connection, account_id, [item], now)
        did = DID(
            hash=item.hash, account_id=account_id, property_id=property_id, number_e164=item.number_e164,
            country=item.country, line_type=item.line_type, friendly_name=None, app_hash=None, assigned_at=None,
            expires_at=None, expired_redirect_e164=None, attribution=StaticAttribution(), region=item.region,
            city=item.city, capabilities=item.capabilities, settings=settings, class_=item.class_,
            area_code_id=item.area_code_id, month_micro=price.month_micro, setup_micro=price.setup_micro,
            bought_at=now, contract_end_at=after_months(now, item.contract_months),
            list_month_micro=item.month_micro, list_setup_micro=item.setup_micro, contract_months=item.contract_months,
        )  # fmt: skip
        if not await number_store.add_did(connection, did):
            raise DomainError(ErrorCode.CONFLICT, field="number", detail=f"{item.number_e164} is taken")
        changed = await self._numbers.changed_in(connection, did, change) if change else did
        await store.note_purchase(connection, account_id, did.number_e164, now)
        await tell_of(connection, EventType.NUMBER_ASSIGNED, did, now)
        booked = await money.book(connection, account_id, first_bookings(did, price, now.date()))
        if booked:
            await tell(connection, account_id, booked)
        return changed

    async def release(self, did: DID) -> None:
        """Give a number back to the stock, and drop the app that was its alone. Its calls stay. DomainError UNKNOWN_VALUE
        'did'."""
        async with self._database.transaction() as connection:
            await counters.lock(connection, did.account_id)  # before any other row, as whoever buys takes them
            if not await number_store.delete_did(connection, did.account_id, did.hash):
                raise DomainError(ErrorCode.UNKNOWN_VALUE, field="did")
            app = await app_store.app_of_did(connection, did.account_id, did.hash)
            if app is not None:
                await app_store.delete_app(connection, did.account_id, app.hash)
            item = StockNumber(
                number_e164=did.number_e164, country=did.country, line_type=did.line_type, region=did.region,
                city=did.city, capabilities=did.capabilities, class_=did.class_, area_code_id=did.area_code_id,
                month_micro=did.list_month_micro, setup_micro=did.list_setup_micro, contract_months=did.contract_months,
            )  # fmt: skip
            await store.add(connection, [item])
            detail = {
                "hash": did.hash, "number": did.number_e164, "country": did.country, "line_type": did.line_type,
                "region": did.region, "city": did.city, "class": did.class_,
                "assigned_at": did.assigned_at.isoformat() if did.assigned_at else None,
            }  # fmt: skip
            await tell_of(connection, EventType.NUMBER_RELEASED, did, self._clock.now(), detail)


def _no_order() -> DomainError:
    return DomainError(ErrorCode.UNKNOWN_VALUE, "token", "no such order, or it is over")


def _check_quantity(quantity: int) -> None:
    if not 1 <= quantity <= MOST_OF_ORDER:
        raise DomainError(ErrorCode.OUT_OF_RANGE, "quantity", f"from 1 to {MOST_OF_ORDER}")


async def _area(connection: Connection, area_code_id: int) -> AreaCode:
    found = await store.area(connection, area_code_id)
    if found is None:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "area_code_id", "no such area code")
    return found


async def _first_property(connection: Connection, account_id: int) -> int:
    found = await account_store.first_property_id(connection, account_id)
    if found is None:
        raise DomainError(ErrorCode.MISSING, "property", "the account has no property yet")
    return found


async def _quota(connection: Connection, account_id: int, now: datetime, *, lock: bool = False) -> NumberQuota:
    owned, most_owned, bought, most_bought, days = await store.quota(connection, account_id, now, lock=lock)
    return NumberQuota(owned=owned, most_owned=most_owned, bought=bought, most_bought=most_bought, days=days)


async def _check_quota(
    connection: Connection, account_id: int, quantity: int, now: datetime, *, lock: bool = False
) -> None:
    if lock:
        await counters.lock(connection, account_id)  # before the account's row, as others take them
    quota = await _quota(connection, account_id, now, lock=lock)
    for used, most in ((quota.owned, quota.most_owned), (quota.bought, quota.most_bought)):
        if most >= 0 and used + quantity > most:
            raise DomainError(ErrorCode.OUT_OF_RANGE, "quantity", "more than the account's quota leaves")
