"""Money: what things cost an account, what it has, and what became of it."""

from __future__ import annotations

import builtins
import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from msgspec import UNSET, UnsetType

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import new_sid
from ringtrail.model.money import (
    Balance,
    BillingMode,
    Booking,
    LedgerEntry,
    Rate,
    RateKind,
    Tariff,
    number_key,
    remaining_days,
)
from ringtrail.model.number import DID
from ringtrail.ports.clock import Clock
from ringtrail.storage import counters
from ringtrail.storage import money as store
from ringtrail.storage.database import Connection, Database
from ringtrail.storage.events import tell

_PREFIX = re.compile(r"(\+[0-9]{0,15})?", re.ASCII)

COLUMNS = ("kind", "prefix", "price", "setup", "increment_s", "least_s", "label")
"""Of a file of rates. price and setup in currency units: '0.012'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPrice:
    """What a number costs when it is bought today, in micro."""

    setup_micro: int
    month_micro: int
    first_month_micro: int
    first_month_remaining_days: int


class Money:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def balance(self, account_id: int) -> Balance:
        async with self._database.reading() as connection:
            return await store.balance(connection, account_id)

    async def entries(
        self, account_id: int, *, before: int | None = None, limit: int = 100
    ) -> builtins.list[LedgerEntry]:
        """Newest first. before: an entry's id."""
        async with self._database.reading() as connection:
            return await store.entries(connection, account_id, before=before, limit=limit)

    async def rates(self, account_id: int, kinds: Sequence[RateKind] | None = None) -> builtins.list[Rate]:
        """What the account is charged; nothing, if it has no tariff."""
        async with self._database.reading() as connection:
            tariff = await store.tariff_of(connection, account_id)
            return await store.rates(connection, tariff, kinds) if tariff else []

    async def price(self, account_id: int, kind: RateKind, number: str) -> Rate | None:
        """The rate that the account has for a number. None: nothing is charged."""
        async with self._database.reading() as connection:
            tariff = await store.tariff_of(connection, account_id)
            found = await store.rates_for(connection, tariff, [(kind, number)]) if tariff else Tariff()
        return found.rate(kind, number)

    async def tariff(self, account_id: int, kind: RateKind, numbers: Iterable[str]) -> Tariff:
        """The rates that the account has for these numbers; none without a tariff."""
        async with self._database.reading() as connection:
            name = await store.tariff_of(connection, account_id)
            if name is None:
                return Tariff()
            return await store.rates_for(connection, name, [(kind, number) for number in numbers])

    async def set_tariff(self, tariff: str, new: Sequence[Rate]) -> None:
        """The tariff has these rates and no others, from now on."""
        async with self._database.transaction() as connection:
            await store.replace_rates(connection, tariff, new)

    async def set_terms(
        self,
        account_id: int,
        *,
        tariff: str | UnsetType | None = UNSET,
        mode: BillingMode | UnsetType = UNSET,
        warning_micro: int | UnsetType | None = UNSET,
        shutdown_micro: int | UnsetType | None = UNSET,
    ) -> Balance:
        """How the account pays; what is not given stays. Levels hold at once. DomainError UNKNOWN_VALUE 'tariff' for one without
        rates."""
        given = dict(zip(store.TERMS, (tariff, mode, warning_micro, shutdown_micro), strict=True))
        terms = {column: value for column, value in given.items() if value is not UNSET}
        async with self._database.transaction() as connection:
            if isinstance(tariff, str) and not await store.rates(connection, tariff):
                raise DomainError(ErrorCode.UNKNOWN_VALUE, "tariff", f"there are no rates {tariff!r}")
            await counters.lock(connection, account_id)
            if terms:
                await tell(connection, account_id, await store.set_terms(connection, account_id, terms))
            return await store.balance(connection, account_id)

    async def tariff_name(self, account_id: int) -> str | None:
        """None: nothing is charged."""
        async with self._database.reading() as connection:
            return await store.tariff_of(connection, account_id)

    async def rates_of_tariff(self, tariff: str) -> builtins.list[Rate]:
        """By kind and prefix. DomainError UNKNOWN_VALUE 'tariff' if there are none."""
        async with self._database.reading() as connection:
            found = await store.rates(connection, tariff)
        if not found:
            raise DomainError(ErrorCode.UNKNOWN_VALUE, "tariff", f"there are no rates {tariff!r}")
        return found

    async def tariffs(self) -> builtins.list[tuple[str, int]]:
        """[(name, how many rates)] of every tariff, by name."""
        async with self._database.reading() as connection:
            return await store.tariffs(connection)

    async def top_up(self, account_id: int, amount_micro: int, *, about: str | None = None, note: str = "") -> Balance:
        """Add to the balance (negative: a correction). about: books this once, however often it is asked for."""
        kind = "top_up" if amount_micro >= 0 else "correction"
        booking = Booking(kind=kind, about=about or new_sid(), amount_micro=amount_micro, note=note)
        async with self._database.transaction() as connection:
            await _book_and_tell(connection, account_id, [booking])
            return await store.balance(connection, account_id)

    async def transfer(self, from_id: int, to_id: int, amount_micro: int) -> None:
        """From one account's balance to another's: both or neither. DomainError OUT_OF_RANGE 'amount' unless the first has it
        and it is positive; CONFLICT 'to' for the same account, or accounts of different currencies."""
        if from_id == to_id:
            raise DomainError(ErrorCode.CONFLICT, "to", "the same account")
        if amount_micro <= 0:
            raise DomainError(ErrorCode.OUT_OF_RANGE, "amount", "more than nothing")
        about = new_sid()
        async with self._database.transaction() as connection:
            for account_id in sorted((from_id, to_id)):
                await counters.lock(connection, account_id)
                await store.lock(connection, account_id)
            giver, taker = await store.balance(connection, from_id), await store.balance(connection, to_id)
            if giver.currency != taker.currency:
                raise DomainError(ErrorCode.CONFLICT, "to", "the accounts have different currencies")
            if giver.balance_micro < amount_micro:
                raise DomainError(ErrorCode.OUT_OF_RANGE, "amount", "more than the account has")
            for account_id, moved in ((from_id, -amount_micro), (to_id, amount_micro)):
                booking = Booking(kind="transfer", about=about, amount_micro=moved)
                await tell(connection, account_id, await store.book(connection, account_id, [booking]))


async def _book_and_tell(connection: Connection, account_id: int, bookings: Sequence[Booking]) -> None:
    await counters.lock(connection, account_id)
    await tell(connection, account_id, await store.book(connection, account_id, bookings))


async def check_may_spend(connection: Connection, account_id: int) -> None:
    """DomainError FORBIDDEN for an account whose credit is used up."""
    if await store.is_shut(connection, account_id):
        raise DomainError(ErrorCode.FORBIDDEN, detail="the account's credit is used up")


async def check_covered(connection: Connection, account_id: int) -> None:
    """After booking what is about to be bought, in its transaction: DomainError FORBIDDEN if a prepaid account falls below its
    shutdown level by it, or below nothing if it has none."""
    now = await store.balance(connection, account_id)
    if now.mode is BillingMode.PREPAID and now.balance_micro < (now.shutdown_micro or 0):
        raise DomainError(ErrorCode.FORBIDDEN, detail="the account's credit does not cover it")


async def number_price(
    connection: Connection, account_id: int, country: str, line_type: str, class_: str, today: date
) -> NumberPrice:
    """By the account's tariff; nothing without one."""
    tariff, key = await store.tariff_of(connection, account_id), number_key(country, line_type, class_)
    found = await store.rates_for(connection, tariff, [(RateKind.NUMBER, key)]) if tariff else Tariff()
    rate = found.rate(RateKind.NUMBER, key) or Rate(kind=RateKind.NUMBER, prefix="", price_micro=0)
    return NumberPrice(
        setup_micro=rate.setup_micro, month_micro=rate.price_micro, first_month_micro=rate.of_first_month(today),
        first_month_remaining_days=remaining_days(today),
    )  # fmt: skip


def first_bookings(did: DID, price: NumberPrice, today: date) -> list[Booking]:
    """What buying a number costs: once, and for the rest of the month."""
    bookings = [
        Booking(kind=RateKind.NUMBER, about=f"{did.hash}/setup", amount_micro=-price.setup_micro, note=did.number_e164),
        Booking(
            kind=RateKind.NUMBER, about=month_about(did.hash, today), amount_micro=-price.first_month_micro,
            note=did.number_e164,
        ),
    ]  # fmt: skip
    return [booking for booking in bookings if booking.amount_micro]


def month_about(did_hash: str, day: date) -> str:
    """The name of a number's month in the ledger: each is booked once."""
    return f"{did_hash}/{day:%Y-%m}"


# --- a file of rates ------------------------------------------------------------------------------------------------


def rates_of(lines: Iterable[str]) -> list[Rate]:
    """The rates of a CSV file with the head COLUMNS; the last four columns may be empty or missing.

    DomainError BAD_FORMAT that names line and column. All of it, or nothing.
    """
    reader = csv.DictReader(lines)
    missing = set(COLUMNS[:3]) - set(reader.fieldnames or ())
    if missing:
        raise DomainError(ErrorCode.BAD_FORMAT, "head", f"the file has no column {', '.join(sorted(missing))}")
    rates: dict[tuple[RateKind, str], Rate] = {}
    for row in reader:
        rate = _rate(row, reader.line_num)
        if (rate.kind, rate.prefix) in rates:
            raise _wrong(reader.line_num, "prefix", f"{rate.prefix!r} is there twice")
        rates[rate.kind, rate.prefix] = rate
    return list(rates.values())


def _rate(row: dict[str, str | None], line: int) -> Rate:
    def cell(column: str) -> str:
        text = (row.get(column) or "").strip()
        if not text.isprintable():
            raise _wrong(line, column, "holds characters that cannot be read")
        return text

    try:
        kind = RateKind(cell("kind"))
    except ValueError:
        raise _wrong(line, "kind", f"one of {', '.join(RateKind)}") from None
    if kind is not RateKind.NUMBER and not _PREFIX.fullmatch(cell("prefix")):
        raise _wrong(line, "prefix", f"{cell('prefix')!r} is not '+' and digits")
    return Rate(
        kind=kind, prefix=cell("prefix"), price_micro=_micro(cell("price"), line, "price"),
        setup_micro=_micro(cell("setup") or "0", line, "setup"),
        increment_s=_whole(cell("increment_s") or "1", line, "increment_s", 1),
        least_s=_whole(cell("least_s") or "0", line, "least_s", 0), label=cell("label"),
    )  # fmt: skip


def micro_of(text: str) -> int:
    """Currency units as people write them, '12.50', in micro. Raises ValueError: not a number, or finer than that."""
    try:
        amount = Decimal(text).scaleb(6)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not amount.is_finite() or amount != amount.to_integral_value() or abs(amount) > 10**15:
        raise ValueError("not an amount with at most six decimals")
    return int(amount)


def units(micro: int) -> str:
    """Micro in currency units, with two decimals or as many as it takes: '12.50'."""
    whole, digits = divmod(abs(micro), 1_000_000)
    decimals = f"{digits:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if micro < 0 else ''}{whole}.{decimals}"


def _micro(text: str, line: int, column: str) -> int:
    try:
        amount = micro_of(text)
    except ValueError as exc:
        raise _wrong(line, column, str(exc)) from None
    if amount < 0:
        raise _wrong(line, column, "below zero")
    return amount


def _whole(text: str, line: int, column: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= 86_400):
        raise _wrong(line, column, f"a whole number from {least} to 86400")
    return int(text)


def _wrong(line: int, column: str, why: str) -> DomainError:
    return DomainError(ErrorCode.BAD_FORMAT, column, f"line {line}: {why}")


class Subscriptions:
    """The worker's side: each number's month is booked once, when it begins, or when there is a worker again."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def bill_months(self) -> int:
        """Book every month that has begun, and has not been booked, of every bought number that has a price; oldest first.
        Returns how many.

        What an account owes is looked up while its counters are held: of two workers the second finds nothing, and one that
        dies in between has booked all of an account or nothing."""
        today, booked = self._clock.now().date(), 0
        async with self._database.reading() as connection:
            owing = await store.owing_months(connection, today)
        for account_id in owing:
            async with self._database.transaction() as connection:
                await counters.lock(connection, account_id)
                bookings = [
                    Booking(
                        kind=RateKind.NUMBER, about=month_about(hash_, month), amount_micro=-month_micro, note=number
                    )
                    for hash_, number, month_micro, month in await store.owed_months(connection, account_id, today)
                ]
                await tell(connection, account_id, await store.book(connection, account_id, bookings))
            booked += len(bookings)
        return booked
