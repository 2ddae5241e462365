"""Numbers: what callers dial (DID) and who calls (Caller). All numbers are E.164 with a leading '+'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from ringtrail.model.attribution import StaticAttribution

NUMBER_CLASSES = ("CLASSIC", "GOLD")
NUMBER_TYPES = (
    "GEOGRAPHIC", "MOBILE", "NON-GEOGRAPHIC", "PERSONAL", "PLATFORM", "SHAREDREVENUE", "SMS-ONLY", "SPECIAL",
    "TOLLFREE", "VERIFIED",
)  # fmt: skip
"""CALLR's words, here for every API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DID:
    """A number that we own and callers dial."""

    hash: str  # 8 characters A-Z 0-9, public
    account_id: int
    property_id: int
    number_e164: str
    country: str  # ISO 3166-1 alpha-2
    line_type: str  # CALLR's DID.type words: GEOGRAPHIC, MOBILE, TOLLFREE, ...
    friendly_name: str | None
    app_hash: str | None  # the voice app that answers; None: unassigned
    assigned_at: datetime | None
    expires_at: datetime | None  # after this instant the assignment has ended
    expired_redirect_e164: str | None  # where a call to the expired number goes on to; None: refused
    attribution: StaticAttribution
    region: str | None = None
    city: str | None = None
    capabilities: tuple[str, ...] = ("voice",)  # voice, sms, mms
    settings: Mapping[str, Any] = field(default_factory=dict)  # what a dialect keeps with it and we do not act on
    class_: str = "CLASSIC"  # CLASSIC or GOLD
    area_code_id: int | None = None
    month_micro: int | None = None  # what it costs its owner each month; None: it was not bought
    setup_micro: int | None = None
    bought_at: datetime | None = None
    contract_end_at: datetime | None = None
    list_month_micro: int | None = None  # what the stock asked for it; None: as the buyer's tariff had it
    list_setup_micro: int | None = None
    contract_months: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StockNumber:
    """A number that the operator has and nobody owns yet. Prices None: as the buyer's tariff has them."""

    number_e164: str
    country: str  # ISO 3166-1 alpha-2
    line_type: str  # as DID.line_type
    region: str | None = None
    city: str | None = None
    capabilities: tuple[str, ...] = ("voice",)
    class_: str = "CLASSIC"  # CLASSIC or GOLD
    area_code_id: int | None = None
    month_micro: int | None = None
    setup_micro: int | None = None
    contract_months: int = 1
    hash: str = ""  # of the DID that it becomes; storage makes it


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaCode:
    """Where numbers for sale belong. `id` is 0 until storage hands one out."""

    id: int = 0
    country: str  # ISO 3166-1 alpha-2
    line_type: str  # as DID.line_type
    intl_prefix: str  # digits: 331
    local_prefix: str  # 01
    label: str


class Availability(NamedTuple):
    """Numbers that nobody holds, by class."""

    classic: int
    gold: int


class OrderMode(StrEnum):
    RANDOM = "RANDOM"
    SEQUENTIAL = "SEQUENTIAL"  # consecutive numbers


class OrderState(StrEnum):
    RESERVED = "reserved"
    BOUGHT = "bought"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberOrder:
    """Numbers that are held for an account until `expires_at`, to be bought or not."""

    account_id: int
    token: str  # 40 letters and digits
    area_code_id: int
    class_: str
    mode: OrderMode
    quantity: int
    state: OrderState
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberQuota:
    """-1: without a limit."""

    owned: int
    most_owned: int
    bought: int  # within the last days
    most_bought: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as presented."""

    number_e164: str | None  # None: withheld, or not a number
    name: str | None
    withheld: bool
    raw: str  # the user part that stood on the wire
