"""Service `account/sub`: the accounts below the one that asks.

A master sees its sub accounts and nobody else's; a sub account sees itself, by `account/sub.get`, and has none of its own.
[inferred]: what is not given on creation is empty, on edition unchanged; a sub account begins with its master's currency,
tariff, country, time zone and permissions; `state` says what is allowed now (nothing, while it is disabled; nothing that
costs, while its credit is used up); archiving is done at once, and the job it gives is over; unarchiving gives the SubAccount;
credit and numbers move also out of disabled and archived accounts, but not into archived ones; moved numbers leave their app.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from ringtrail.dialects.callr.account_sub_parameters import Filters, Password, Profile
from ringtrail.dialects.callr.auth import DIALECT_NAME
from ringtrail.dialects.callr.errors import limit_reached
from ringtrail.dialects.callr.parameters import Asking, Slice, bad_value
from ringtrail.dialects.callr.responses import SearchResults, search_results
from ringtrail.dialects.callr.vocabulary import cents
from ringtrail.model.account import Account, Bar
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services.sub_accounts import Standing

ORDER = "created_at"
ARCHIVING = "account.archive"


class SubAccountAccount(msgspec.Struct):
    company: str
    firstname: str
    lastname: str


class Address(msgspec.Struct):
    city: str | None = None
    country: str | None = None
    state: str | None = None
    street: str | None = None
    zip: str | None = None


class SubAccountContact(msgspec.Struct):
    addresses: Sequence[Address]
    emails: Sequence[str]
    phones: Sequence[str]
    tech_emails: Sequence[str]


class SubAccountCredentials(msgspec.Struct):
    """password: of an account that was made just now; null ever after."""

    login: str
    password: str | None


class SubAccountBilling(msgspec.Struct):
    addresses: Sequence[Address]
    currency_code: str
    emails: Sequence[str]


class SubAccountDefault(msgspec.Struct):
    locale: str
    timezone: str


class SubAccountParams(msgspec.Struct):
    billing: SubAccountBilling
    default: SubAccountDefault


class SubAccountState(msgspec.Struct):
    allow_calls_in: bool
    allow_calls_out: bool
    allow_sms_in: bool
    allow_sms_out: bool
    archived: bool
    credit: str
    disabled: bool


class SubAccount(msgspec.Struct):
    account: SubAccountAccount
    contact: SubAccountContact
    credentials: SubAccountCredentials
    params: SubAccountParams
    state: SubAccountState


class SubAccountQuota(msgspec.Struct):
    """max -1: without a limit."""

    actual: int
    max: int


# --- methods --------------------------------------------------------------------------------------------------------


async def create(asking: Asking, profile: Profile, password: Password) -> SubAccount:
    """With a login and a property of its own. Error 100 beyond the quota, and to a sub account."""
    try:
        made = await asking.services.sub_accounts.create(asking.account, DIALECT_NAME, profile, password=password.value)
    except DomainError as exc:
        raise limit_reached(exc) from exc
    return _shown(made.account, Standing(made.login, 0, shut=False), made.password)


async def get(asking: Asking, account: Account) -> SubAccount:
    if account.parent_id is None:
        raise bad_value("id")
    (shown,) = await _all_shown(asking, [account])
    return shown


async def edit(asking: Asking, account: Account, profile: Profile, options: None) -> SubAccount:
    def change(now: Account) -> Account:
        return replace(now, profile={**now.profile, **profile})

    changed = await asking.services.sub_accounts.edit(asking.account.id, account.hash, change)
    return await get(asking, changed)


async def search(asking: Asking, filters: Filters | None, piece: Slice | None) -> SearchResults[SubAccount]:
    """By the time they were made, oldest first."""
    filters, piece = filters or Filters(), piece or Slice()
    found, total = await asking.services.sub_accounts.find(
        asking.account.id, archived=filters.archived, offset=piece.offset, limit=piece.quantity
    )
    return search_results(await _all_shown(asking, found), offset=piece.offset, total=total)


async def get_quota(asking: Asking) -> SubAccountQuota:
    return SubAccountQuota(*await asking.services.sub_accounts.quota(asking.account.id))


async def disable(asking: Asking, account: Account) -> bool:
    """Whatever speaks for it stops at once, in every API."""
    await asking.services.sub_accounts.disable(asking.account.id, account.hash)
    return True


async def enable(asking: Asking, account: Account) -> bool:
    await asking.services.sub_accounts.enable(asking.account.id, account.hash)
    return True


async def archive(asking: Asking, account: Account, options: None) -> str:
    """The id of a job."""
    services = asking.services
    work = partial(services.sub_accounts.archive_in, parent_id=asking.account.id, hash_=account.hash)
    return (await services.jobs.at_once(asking.account.id, ARCHIVING, work)).id


async def unarchive(asking: Asking, account: Account, options: None) -> SubAccount:
    """It stays disabled. Error 100 beyond the quota."""
    try:
        changed = await asking.services.sub_accounts.unarchive(asking.account.id, account.hash)
    except DomainError as exc:
        raise limit_reached(exc) from exc
    return await get(asking, changed)


async def transfer_credit(asking: Asking, giver: Account, taker: Account, amount_micro: int, options: None) -> bool:
    await asking.services.money.transfer(giver.id, taker.id, amount_micro)
    return True


async def transfer_dids(asking: Asking, giver: Account, taker: Account, dids: list[str], options: None) -> bool:
    """All or none."""
    try:
        await asking.services.sub_accounts.move_dids(giver, taker, dids)
    except DomainError as exc:
        if exc.code is ErrorCode.FORBIDDEN:
            raise
        raise bad_value("to" if exc.field == "property" else exc.field or "dids") from exc
    return True


# --- how it is shown ------------------------------------------------------------------------------------------------


async def _all_shown(asking: Asking, accounts: Sequence[Account]) -> list[SubAccount]:
    standing = await asking.services.sub_accounts.standing(accounts, DIALECT_NAME)
    return [_shown(account, standing[account.id]) for account in accounts]


def _shown(account: Account, standing: Standing, password: str | None = None) -> SubAccount:
    profile: dict[str, Any] = dict(account.profile)
    return SubAccount(
        account=SubAccountAccount(
            company=profile.get("company", ""), firstname=profile.get("first_name", ""),
            lastname=profile.get("last_name", ""),
        ),
        contact=SubAccountContact(
            addresses=_addresses(profile, "addresses"), emails=profile.get("emails", []), phones=profile.get("phones", []),
            tech_emails=profile.get("tech_emails", []),
        ),
        credentials=SubAccountCredentials(login=standing.login, password=password),
        params=SubAccountParams(
            billing=SubAccountBilling(
                addresses=_addresses(profile, "billing_addresses"), currency_code=account.currency,
                emails=profile.get("billing_emails", []),
            ),
            default=SubAccountDefault(locale=account.locale, timezone=account.timezone),
        ),
        state=_state(account, standing),
    )  # fmt: skip


def _addresses(profile: Mapping[str, Any], key: str) -> list[Address]:
    return msgspec.convert(profile.get(key, []), list[Address])


def _state(account: Account, standing: Standing) -> SubAccountState:
    def may(bar: Bar, *, costs: bool = False) -> bool:
        return account.may(bar) and not (costs and standing.shut)

    return SubAccountState(
        allow_calls_in=may(Bar.CALLS_IN),
        allow_calls_out=may(Bar.CALLS_OUT, costs=True),
        allow_sms_in=may(Bar.SMS_IN),
        allow_sms_out=may(Bar.SMS_OUT, costs=True),
        archived=account.archived,
        credit=cents(standing.credit_micro),
        disabled=account.disabled,
    )
