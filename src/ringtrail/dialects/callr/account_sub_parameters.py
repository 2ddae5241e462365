"""What `account/sub` is asked with, checked.

[inferred]: an `id` is the hash or a login of an account (the object reference's SubAccount shows no hash, and the login that
we make tells it); options that the vendor reserves may be left out; `account` and `contact` with one e-mail address must be there on creation, names may be missing; a
password is 8 to 128 printable characters; an amount is in cents with up to two decimals, as text or as a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any, NamedTuple

from phonenumbers import SUPPORTED_REGIONS

from ringtrail.dialects.callr.auth import DIALECT_NAME
from ringtrail.dialects.callr.parameters import (
    MAX_NAME_LENGTH,
    Asking,
    Check,
    Properties,
    bad_format,
    bad_value,
    plain_object,
    wrong_type,
)
from ringtrail.dialects.callr.vocabulary import HASH
from ringtrail.model.account import Account
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.money import CENT
from ringtrail.services.numbers import is_e164, to_e164

_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}")
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,2})?", re.ASCII)
_ADDRESS = ("city", "country", "state", "street", "zip")
_CONTACT = ("addresses", "emails", "phones", "tech_emails")
_BILLING = ("addresses", "emails")
_MAX_LINE = 128
_MAX_ITEMS = 20
_PASSWORD_LENGTHS = range(8, 129)
_MAX_DIDS = 1_000
_LOGIN_LENGTH = 100
PASSWORD_METHODS = ("AUTO", "MANUAL")

Profile = dict[str, Any]
"""Those of model.account.PROFILE's keys that were given."""
ReadItem = Callable[[Asking, str, Any], Any]


# --- which account --------------------------------------------------------------------------------------------------


async def sub(asking: Asking, path: str, value: Any) -> Account:
    """An account below the one that asks."""
    found = await member(asking, path, value)
    if found.parent_id != asking.account.id:
        raise bad_value(path)
    return found


async def member(asking: Asking, path: str, value: Any) -> Account:
    """The account that asks, or one below it."""
    if not isinstance(value, str):
        raise bad_format(path)
    if not value or "\0" in value or len(value) > _LOGIN_LENGTH:
        raise bad_value(path)
    named = {"hash_": value} if HASH.fullmatch(value.upper()) else {"login": value}
    found = await asking.services.sub_accounts.reached(asking.account, DIALECT_NAME, **named)
    if found is None:
        raise bad_value(path)
    return found


async def taker(asking: Asking, path: str, value: Any) -> Account:
    """Where something goes: not where it comes from, and no archived account."""
    found = await member(asking, path, value)
    if found.archived or found.id == asking.checked["from"].id:
        raise bad_value(path)
    return found


# --- what it is to be -----------------------------------------------------------------------------------------------


def properties(*, new: bool) -> Check:
    """SubAccount.CreateProperties or SubAccount.EditProperties as a Profile."""
    known = ("account", "contact", "params") if new else ("contact", "params")

    async def check(asking: Asking, path: str, value: Any) -> Profile:
        given = Properties(path, await plain_object(asking, path, value), known)
        if new:
            _require(given, "account", "contact")
        profile = _account(given) | _contact(asking, given, new=new)
        params = _section(given, "params", ("billing",))
        return profile | (_billing(asking, params) if params else {})

    check.__doc__ = "SubAccount.CreateProperties." if new else "SubAccount.EditProperties."
    return check


def _require(given: Properties, *keys: str) -> None:
    for key in keys:
        if given.get(key) is None:
            raise DomainError(ErrorCode.MISSING, field=given.path(key))


def _section(given: Properties, key: str, known: Collection[str]) -> Properties | None:
    """An object inside. None: not given."""
    value = given.get(key)
    if value is None:
        return None
    if value != [] and not isinstance(value, dict):
        raise wrong_type(given.path(key))
    return Properties(given.path(key), value or {}, known)


def _account(given: Properties) -> Profile:
    section = _section(given, "account", ("company", "firstname", "lastname"))
    if section is None:
        return {}
    names = {"company": "company", "first_name": "firstname", "last_name": "lastname"}
    return {key: _line(section, wire, MAX_NAME_LENGTH) for key, wire in names.items()}


def _contact(asking: Asking, given: Properties, *, new: bool) -> Profile:
    section = _section(given, "contact", _CONTACT)
    if section is None:
        return {}
    if new:
        _require(section, "emails")
    return {
        **_items(asking, section, "addresses", "addresses", _address, most=1),
        **_items(asking, section, "emails", "emails", _email, least=1, most=1),
        **_items(asking, section, "phones", "phones", _phone, most=1),
        **_items(asking, section, "tech_emails", "tech_emails", _email),
    }


def _billing(asking: Asking, params: Properties) -> Profile:
    section = _section(params, "billing", _BILLING)
    if section is None:
        return {}
    return {
        **_items(asking, section, "addresses", "billing_addresses", _address, most=1),
        **_items(asking, section, "emails", "billing_emails", _email),
    }


def _items(
    asking: Asking, given: Properties, key: str, kept_as: str, read: ReadItem, *, least: int = 0, most: int = _MAX_ITEMS
) -> Profile:
    value = given.get(key)
    if value is None:
        return {}
    if not isinstance(value, list):
        raise wrong_type(given.path(key))
    if not least <= len(value) <= most:
        raise bad_value(given.path(key))
    return {kept_as: [read(asking, given.path(key), item) for item in value]}


def _email(asking: Asking, path: str, value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_type(path)
    if not _EMAIL.fullmatch(value) or not value.isprintable():
        raise bad_value(path)
    return value


def _phone(asking: Asking, path: str, value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_type(path)
    number = to_e164(value, asking.account.country)
    if number is None or not is_e164(number):
        raise bad_value(path)
    return number


def _address(asking: Asking, path: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise wrong_type(path)
    given = Properties(path, value, _ADDRESS)
    address = {key: _line(given, key, _MAX_LINE) for key in _ADDRESS}
    if address["country"] not in SUPPORTED_REGIONS:
        raise bad_value(given.path("country"))
    return address


def _line(given: Properties, key: str, most: int) -> str:
    text = given.text(key) or ""
    if len(text) > most or not text.isprintable():
        raise bad_value(given.path(key))
    return text


# --- how it is to be done -------------------------------------------------------------------------------------------


class Password(NamedTuple):
    """None: one is made."""

    value: str | None = None


async def create_options(asking: Asking, path: str, value: Any) -> Password:
    """SubAccount.CreateOptions."""
    given = Properties(path, await plain_object(asking, path, value), ("password",))
    section = _section(given, "password", ("method", "value"))
    if section is None:
        return Password()
    method, text = section.word("method", PASSWORD_METHODS) or PASSWORD_METHODS[0], section.text("value") or None
    if method == "MANUAL" and text is None:
        raise DomainError(ErrorCode.MISSING, field=section.path("value"))
    if (method == "AUTO" and text) or (text and (len(text) not in _PASSWORD_LENGTHS or not text.isprintable())):
        raise bad_value(section.path("value"))
    return Password(text)


async def no_options(asking: Asking, path: str, value: Any) -> None:
    """Options that the vendor keeps for later: an object without properties."""
    Properties(path, await plain_object(asking, path, value), ())


class Filters(NamedTuple):
    """SubAccount.SearchFilters. archived None: both."""

    archived: bool | None = False


async def filters(asking: Asking, path: str, value: Any) -> Filters:
    """A null says something here: archived accounts as well as others."""
    given = await plain_object(asking, path, value)
    archived = Properties(path, given, ("archived",)).flag("archived")
    return Filters(archived) if "archived" in given else Filters()


async def amount(asking: Asking, path: str, value: Any) -> int:
    """Micro."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _AMOUNT.fullmatch(str(value)):
        raise bad_format(path)
    return int(Decimal(str(value)) * CENT)


async def dids(asking: Asking, path: str, value: Any) -> list[str]:
    """Hashes. Whether they are the giver's is found when they are moved."""
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_DIDS:
        raise bad_format(path)
    if not all(isinstance(item, str) for item in value):
        raise bad_format(path)
    if not all(HASH.fullmatch(item) for item in value):
        raise bad_value(path)
    return value
