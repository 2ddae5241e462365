"""The accounts below, and their logins.

[inferred]: an account below is acted for by its login. Its hash is kept where its login tells it, as ours do; where it does
not, it gets one that follows from the login, so that it is known again. What `state` forbids is forbidden here too, unless
the account is disabled, or, of what costs, has no credit left: then it says nothing about the account. What a disabled
account has cannot be read there, so it comes without. Credit stays there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Annotated, Any, NamedTuple
from zoneinfo import available_timezones

import msgspec

from ringtrail.dialects.callr import account_sub_parameters
from ringtrail.dialects.callr.auth import DIALECT_NAME
from ringtrail.dialects.callr.migration.plan import Do, Moving, Progress, Step, Verdict, readable, unreadable
from ringtrail.model.account import Account, Bar
from ringtrail.model.errors import DomainError
from ringtrail.model.ids import hash_of_number
from ringtrail.services.sub_accounts import new_password

KIND = "sub_accounts"
LOGINS = "logins"
_METHOD = "account/sub.search"
_OWN_LOGIN = re.compile(r"sub-([a-z0-9]{8})")
_CURRENCY = re.compile(r"[A-Z]{3}")
_LOCALE = re.compile(r"[a-z]{2,3}_[A-Z]{2}")
_PATH = "properties"
_CHECK = account_sub_parameters.properties(new=True)


class OldCredentials(msgspec.Struct):
    login: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\s\x00-\x1f\x7f]+\Z")]  # it stands in a header


class OldDefault(msgspec.Struct, frozen=True):
    locale: str = ""
    timezone: str = ""


class OldParams(msgspec.Struct, frozen=True):
    billing: dict[str, Any] = {}
    default: OldDefault = OldDefault()


class OldState(msgspec.Struct):
    allow_calls_in: bool = True
    allow_calls_out: bool = True
    allow_sms_in: bool = True
    allow_sms_out: bool = True
    archived: bool = False
    credit: str = "0.00"
    disabled: bool = False


class OldSubAccount(msgspec.Struct):
    """SubAccount, what is needed of it."""

    credentials: OldCredentials
    state: OldState
    account: dict[str, Any] = {}
    contact: dict[str, Any] = {}
    params: OldParams = OldParams()

    @property
    def hash(self) -> str:
        login = self.credentials.login
        if told := _OWN_LOGIN.fullmatch(login):
            return told[1].upper()
        return hash_of_number(int.from_bytes(hashlib.sha256(login.encode()).digest()[:5]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """An account as it is to be here."""

    moving: Moving
    old: OldSubAccount
    profile: Mapping[str, Any]
    lost: tuple[str, ...]

    def of(self, account: Account) -> Account:
        state, default = self.old.state, self.old.params.default
        currency = str(self.old.params.billing.get("currency_code"))
        return replace(
            account, profile=self.profile, disabled=state.disabled or state.archived, archived=state.archived,
            barred=account.barred if state.disabled else _barred(state),
            currency=currency if _CURRENCY.fullmatch(currency) else account.currency,
            locale=default.locale if _LOCALE.fullmatch(default.locale) else account.locale,
            timezone=default.timezone if default.timezone in available_timezones() else account.timezone,
        )  # fmt: skip


def _barred(state: OldState) -> frozenset[Bar]:
    may = {Bar.CALLS_IN: state.allow_calls_in, Bar.SMS_IN: state.allow_sms_in}
    if _positive(state.credit):
        may |= {Bar.CALLS_OUT: state.allow_calls_out, Bar.SMS_OUT: state.allow_sms_out}
    return frozenset(bar for bar, allowed in may.items() if not allowed)


def _positive(amount: str) -> bool:
    try:
        return Decimal(amount) > 0
    except InvalidOperation:
        return False


class Below(NamedTuple):
    """An account below: its step; its move, unless it cannot come; whether what it has can be read there."""

    step: Step
    moving: Moving | None = None
    open: bool = False


async def below(moving: Moving) -> AsyncIterator[Below]:
    for archived in (False, True):
        async for page in moving.remote.pages(_METHOD, {"archived": archived}):
            for item in page:
                try:
                    old = msgspec.convert(item, OldSubAccount)
                except msgspec.ValidationError as exc:
                    yield Below(unreadable(moving, KIND, item, exc))
                    continue
                yield await _below(moving, old)


async def _below(moving: Moving, old: OldSubAccount) -> Below:
    login = old.credentials.login
    found = await moving.services.sub_accounts.reached(moving.master, DIALECT_NAME, hash_=old.hash)
    if found is not None and found.parent_id is None:
        found = None  # no sub account moves into its master
    sub = replace(moving, remote=moving.remote.acting_as(f"User.login {login}"), account=found, name=login, media={})
    step = await _step(moving, sub, old)
    if step.verdict is Verdict.CANNOT:
        return Below(step)
    return Below(step, sub, open=not (old.state.disabled or old.state.archived))


async def _step(moving: Moving, sub: Moving, old: OldSubAccount) -> Step:
    try:
        wanted = await _wanted(moving, old)
    except DomainError as exc:
        return Step(kind=KIND, name=sub.name, verdict=Verdict.CANNOT, notes=(str(exc),))
    notes = [f"{path} cannot be as it is there" for path in wanted.lost]
    if old.state.disabled or old.state.archived:
        notes.append("it is disabled there, so that what it has cannot be read")
    if sub.account is None:
        do: Do | None = partial(_bring, wanted, sub)
        return Step(kind=KIND, name=sub.name, verdict=Verdict.NEW, notes=tuple(notes), do=do)
    different = _differences(wanted, sub.account)
    if not different:
        return Step(kind=KIND, name=sub.name, verdict=Verdict.HERE, notes=tuple(notes))
    do = partial(_update, wanted, sub.account) if moving.wishes.update else None
    return Step(kind=KIND, name=sub.name, verdict=Verdict.DIFFERS, notes=(", ".join(different), *notes), do=do)


async def _wanted(moving: Moving, old: OldSubAccount) -> _Wanted:
    """DomainError for one that says too little."""
    billing = {key: value for key, value in old.params.billing.items() if key in ("addresses", "emails")}
    given = {"account": old.account, "contact": old.contact, "params": {"billing": billing}}
    profile, lost = await readable(given, _PATH, partial(_CHECK, moving.asking, _PATH))
    return _Wanted(moving=moving, old=old, profile=profile, lost=tuple(lost))


def _differences(wanted: _Wanted, here: Account) -> list[str]:
    theirs = wanted.of(here)
    names = ("disabled", "archived", "barred", "currency", "locale", "timezone")
    told = [key for key, value in theirs.profile.items() if value != here.profile.get(key)]
    return told + [name for name in names if getattr(theirs, name) != getattr(here, name)]


async def _bring(wanted: _Wanted, sub: Moving, progress: Progress) -> None:
    subs = wanted.moving.services.sub_accounts
    sub.account = await subs.move_in(wanted.moving.here, wanted.old.hash, wanted.profile, wanted.of)


async def _update(wanted: _Wanted, here: Account, progress: Progress) -> None:
    await wanted.moving.services.sub_accounts.edit(wanted.moving.here.id, here.hash, wanted.of)


async def login_step(sub: Moving) -> Step | None:
    """The login of an account below, with a new password. It is made last, so that little can happen before it is shown. None:
    the account has it."""
    login = sub.name
    found = await sub.services.sub_accounts.reached(sub.master, DIALECT_NAME, login=login)
    if found is not None and sub.account is not None and found.id == sub.account.id:
        return None
    return Step(kind=LOGINS, name=login, verdict=Verdict.NEW, do=partial(_make_login, sub, login))


async def _make_login(sub: Moving, login: str, progress: Progress) -> None:
    password = new_password()
    await sub.services.accounts.add_password(sub.here.id, DIALECT_NAME, login, password)
    progress.login(login, password)
