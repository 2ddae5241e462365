"""Account, Property, Principal: whose calls these are and who is asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Bar(StrEnum):
    """What an account may not do."""

    CALLS_IN = "calls_in"
    CALLS_OUT = "calls_out"
    SMS_IN = "sms_in"
    SMS_OUT = "sms_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The tenant that owns numbers, calls and keys."""

    id: int
    sid: str  # 32 upper-case letters and digits, public
    name: str
    timezone: str  # IANA
    country: str  # ISO 3166-1 alpha-2: how national numbers are read and written
    currency: str  # ISO 4217
    billing_increment_s: int  # talk time is billed in steps of this many seconds
    outbound_prefixes: tuple[str, ...]  # E.164 prefixes that may be dialled; empty: nothing may
    hash: str = ""  # 8 characters A-Z 0-9, public; storage makes it
    parent_id: int | None = None  # the master account; None: it is one
    locale: str = "en_US"
    profile: Mapping[str, Any] = field(default_factory=dict)  # see PROFILE
    disabled: bool = False  # its keys speak for nobody, its numbers take no calls
    archived: bool = False  # disabled, and out of the lists
    barred: frozenset[Bar] = frozenset()

    def may(self, what: Bar) -> bool:
        return not self.disabled and what not in self.barred


PROFILE = (
    "company", "first_name", "last_name", "addresses", "emails", "phones", "tech_emails", "billing_addresses",
    "billing_emails",
)  # fmt: skip
"""Keys of an account's profile. Lists of texts, or of addresses {street, zip, city, state, country}; names are texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A site or business unit inside an account."""

    id: int
    account_id: int
    sid: str  # 32 upper-case letters and digits, public
    name: str
    timezone: str | None  # IANA; None: each dialect's own default
    active: bool
    masks_callers: bool  # show callers with their last four digits hidden
    main_domain: str | None = None  # the web site
    sms_enabled: bool = True
    call_recording_enabled: bool = True
    integrations_enabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller of an API or the dashboard: the account, and the property if the key belongs to one."""

    account: Account
    property: Property | None
    credential_id: int
    login: str | None

    def sees(self, property_id: int | None) -> bool:
        """Whether what belongs to this property (None: to the whole account) is the asker's to see and change."""
        return self.property is None or self.property.id == property_id


class ApiKey(NamedTuple):
    """A long random token's record; the token itself is not kept."""

    id: int
    name: str
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None
