"""The stock: numbers that the operator has and nobody owns, held for an order, bought, given back."""

from __future__ import annotations

import builtins
import secrets
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import EventType
from ringtrail.model.money import days_of_month, remaining_days
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
from ringtrail.services.money import NumberPrice, check_may_spend, first_bookings, number_price
from ringtrail.services.numbers import Change, Numbers, did_type, facts_of, tell_of
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
    """What so many numbers of an area cost the account today."""

    available: int
    price: NumberPrice  # of one
    contract_months: int


class Stock:
    def __init__(self, database: Database, clock: Clock, numbers: Numbers) -> None:
        self._database = database
        self._clock = clock
        self._numbers = numbers

    # --- the operator's side ---

    async def add(self, numbers_e164: Iterable[str], *, capabilities: tuple[str, ...] = ("voice",)) -> None:
        """Numbers that may be bought from now on."""
        items = [(number, facts_of(number)) for number in numbers_e164]
        async with self._database.transaction() as connection:
            await store.add(
                connection,
                [
                    StockNumber(
                        number_e164=number, country=facts.country or "", line_type=did_type(facts.line_type),
                        region=facts.region, capabilities=capabilities,
                    )
                    for number, facts in items
                ],
            )  # fmt: skip

    async def take_in(
        self,
        numbers: Sequence[tuple[StockNumber, AreaCode]],
        done: Callable[[int], None] = lambda _done: None,
    ) -> None:
        """Numbers with their prices and places, all or none; those that are there already are brought up to date. done: told
        how many are written so far."""
        async with self._database.transaction() as connection:
            ids: dict[AreaCode, int] = {}
            for begin in range(0, len(numbers), _AT_ONCE):
                batch = numbers[begin : begin + _AT_ONCE]
                for area in {area for _, area in batch} - ids.keys():
                    ids[area] = await store.put_area(connection, area)
                await store.add(connection, [_placed(number, ids[area]) for number, area in batch], update=True)
                done(begin + len(batch))

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

    async def quote(self, account_id: int, area_code_id: int, class_: str) -> Quote:
        """DomainError UNKNOWN_VALUE 'area_code_id'."""
        async with self._database.reading() as connection:
            area = await _area(connection, area_code_id)
            price = await _price(connection, account_id, area, class_, self._clock.now().date())
            return Quote(
                available=await store.available(connection, area_code_id, class_), price=price, contract_months=1
            )

    async def reserve(
        self, account_id: int, area_code_id: int, class_: str, quantity: int, mode: OrderMode
    ) -> tuple[NumberOrder, builtins.list[StockNumber]]:
        """Hold numbers for five minutes: nobody else is sold them until then.

        DomainError UNKNOWN_VALUE 'area_code_id'; OUT_OF_RANGE 'quantity' for none, too many, or more than the quota leaves;
        CONFLICT 'quantity' if there are not so many (SEQUENTIAL: in a row).
        """
        now = self._clock.now()
        if not 1 <= quantity <= MOST_OF_ORDER:
            raise DomainError(ErrorCode.OUT_OF_RANGE, "quantity", f"from 1 to {MOST_OF_ORDER}")
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
            return order, await store.held(connection, order.token)

    async def order(self, account_id: int, token: str) -> tuple[NumberOrder, builtins.list[StockNumber]]:
        """An order that holds numbers. DomainError UNKNOWN_VALUE 'token' for one that is over, or never was."""
        async with self._database.reading() as connection:
            found = await self._open_order(connection, account_id, token)
            return found, await store.held(connection, token)

    async def buy_order(self, account_id: int, token: str) -> tuple[NumberOrder, builtins.list[DID]]:
        """Own what the order holds. DomainError UNKNOWN_VALUE 'token'; OUT_OF_RANGE 'quantity' beyond the quota; FORBIDDEN
        without credit."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            order = await self._open_order(connection, account_id, token, lock=True)
            await check_may_spend(connection, account_id)
            await _check_quota(connection, account_id, order.quantity, now, lock=True)
            property_id = await _first_property(connection, account_id)
            taken = await store.take_held(connection, token)
            dids = [await self._bought(connection, account_id, property_id, item, {}, None) for item in taken]
            await store.settle_order(connection, order, OrderState.BOUGHT)
        return order, dids

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
            raise DomainError(ErrorCode.UNKNOWN_VALUE, "token", "no such order, or it is over")
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
        price = _own_price(item, await number_price(
            connection, account_id, item.country, item.line_type, item.class_, now.date()
        ), now.date())  # fmt: skip
        did = DID(
            hash=item.hash, account_id=account_id, property_id=property_id, number_e164=item.number_e164,
            country=item.country, line_type=item.line_type, friendly_name=None, app_hash=None, assigned_at=None,
            expires_at=None, expired_redirect_e164=None, attribution=StaticAttribution(), region=item.region,
            city=item.city, capabilities=item.capabilities, settings=settings, class_=item.class_,
            area_code_id=item.area_code_id, month_micro=price.month_micro, setup_micro=price.setup_micro,
            bought_at=now, contract_end_at=now + timedelta(days=30 * item.contract_months),
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
            if not await number_store.delete_did(connection, did.account_id, did.hash):
                raise DomainError(ErrorCode.UNKNOWN_VALUE, field="did")
            app = await app_store.app_of_did(connection, did.account_id, did.hash)
            if app is not None:
                await app_store.delete_app(connection, did.account_id, app.hash)
            item = StockNumber(
                number_e164=did.number_e164, country=did.country, line_type=did.line_type, region=did.region,
                city=did.city, capabilities=did.capabilities, class_=did.class_, area_code_id=did.area_code_id,
                month_micro=did.month_micro, setup_micro=did.setup_micro,
            )  # fmt: skip
            await store.add(connection, [item])
            detail = {
                "hash": did.hash, "number": did.number_e164, "country": did.country, "line_type": did.line_type,
                "region": did.region, "city": did.city, "class": did.class_,
                "assigned_at": did.assigned_at.isoformat() if did.assigned_at else None,
            }  # fmt: skip
            await tell_of(connection, EventType.NUMBER_RELEASED, did, self._clock.now(), detail)


def _placed(number: StockNumber, area_code_id: int) -> StockNumber:
    return replace(number, area_code_id=area_code_id)


def _own_price(item: StockNumber, tariff: NumberPrice, today: date) -> NumberPrice:
    """What the number's own price says, or else the tariff."""
    month = tariff.month_micro if item.month_micro is None else item.month_micro
    first = -(-month * remaining_days(today) // days_of_month(today))
    return NumberPrice(
        setup_micro=tariff.setup_micro if item.setup_micro is None else item.setup_micro, month_micro=month,
        first_month_micro=first, first_month_remaining_days=tariff.first_month_remaining_days,
    )  # fmt: skip


async def _price(connection: Connection, account_id: int, area: AreaCode, class_: str, today: date) -> NumberPrice:
    return await number_price(connection, account_id, area.country, area.line_type, class_, today)


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
