"""Numbers: what callers dial (DID) and who calls (Caller). All numbers are E.164 with a leading '+'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringtrail.model.attribution import StaticAttribution


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StockNumber:
    """A number that the operator has and nobody owns yet."""

    number_e164: str
    country: str  # ISO 3166-1 alpha-2
    line_type: str  # as DID.line_type
    region: str | None = None
    city: str | None = None
    capabilities: tuple[str, ...] = ("voice",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as presented."""

    number_e164: str | None  # None: withheld, or not a number
    name: str | None
    withheld: bool
    raw: str  # the user part that stood on the wire
