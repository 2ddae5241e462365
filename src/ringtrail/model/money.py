"""What things cost. Amounts are integers in micro: millionths of the account's currency unit; a cent is 10,000."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

CENT = 10_000
"""Micro in a cent."""


class RateKind(StrEnum):
    CALL_IN = "call_in"
    CALL_OUT = "call_out"
    MESSAGE_IN = "message_in"
    MESSAGE_OUT = "message_out"
    NUMBER = "number"


class BillingMode(StrEnum):
    PREPAID = "prepaid"
    POSTPAID = "postpaid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Of minutes: the price of one, charged in steps of increment_s after least_s at least, and setup for each answered call.
    Of messages: the price of a segment. Of numbers: the price of a month, and setup once."""

    kind: RateKind
    prefix: str  # E.164 with '+'; of numbers: country/type/class, or its beginning
    price_micro: int
    setup_micro: int = 0
    increment_s: int = 1
    least_s: int = 0
    label: str = ""

    def of_seconds(self, seconds: int) -> int:
        """Micro for an answered leg of so many seconds; a begun micro is charged."""
        charged_s = max(self.least_s, -(-seconds // self.increment_s) * self.increment_s)
        return self.setup_micro + -(-self.price_micro * charged_s // 60)

    def of_segments(self, segments: int) -> int:
        return self.setup_micro + self.price_micro * segments

    def of_first_month(self, bought_on: date) -> int:
        """Of a number, from the day it is bought to the end of that month, without setup."""
        days = days_of_month(bought_on)
        return -(-self.price_micro * remaining_days(bought_on) // days)


class Tariff:
    """Rates, or those of them that matter to some numbers. The longest prefix wins."""

    def __init__(self, rates: Iterable[Rate] = ()) -> None:
        self._rates = {(rate.kind, rate.prefix): rate for rate in rates}

    def rate(self, kind: RateKind, number: str) -> Rate | None:
        """None: nothing is charged."""
        found = (self._rates.get((kind, prefix)) for prefix in prefixes(number))
        return next((rate for rate in found if rate is not None), None)


def prefixes(number: str) -> Iterator[str]:
    """The longest first, the empty one last."""
    for length in range(len(number), -1, -1):
        yield number[:length]


def number_key(country: str, line_type: str, class_: str) -> str:
    """What a number's rate is looked up by."""
    return f"{country}/{line_type}/{class_}"


def days_of_month(day: date) -> int:
    return (first_of_next_month(day) - day.replace(day=1)).days


def remaining_days(day: date) -> int:
    """Of its month, this one included."""
    return (first_of_next_month(day) - day).days


def first_of_next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account has (prepaid), or owes (postpaid, negative)."""

    account_id: int
    mode: BillingMode
    currency: str  # ISO 4217
    balance_micro: int
    warning_micro: int | None
    shutdown_micro: int | None
    shut: bool  # paid work is stopped


_USAGE = frozenset(kind.value for kind in RateKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One fact that moves a balance. `kind` and `about` together are booked once, whoever repeats it."""

    kind: str  # call_in, call_out, message_in, message_out, number, top_up, transfer, correction
    about: str  # what is booked: a leg's id, a message's sid, a DID's hash and the month
    amount_micro: int  # negative: a debit
    note: str = ""

    @property
    def is_usage(self) -> bool:
        return self.kind in _USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    id: int
    at: datetime
    kind: str
    about: str
    amount_micro: int
    balance_micro: int  # after it
    note: str
