"""Account, Property, Principal: whose calls these are and who is asking."""

from __future__ import annotations

from dataclasses import dataclass


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
