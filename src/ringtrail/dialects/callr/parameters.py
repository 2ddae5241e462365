"""Positional parameters, checked one after the other: the first that fails, in the order they stand, is the error.

A check may look things up (an unknown app in first place wins over a malformed second parameter, as the vendor does).
A parameter of the wrong shape, null or absent where it must not be, is INVALID_PARAM_FORMAT [name]; what is wrong inside
an object is PROPERTY_TYPE_ERROR or PROPERTY_VALUE_ERROR with the dotted path, which begins with the parameter's name.
[inferred]: an absent parameter is the same as null where null is not allowed, and an error where it is; more parameters
than the method has are refused; an empty array stands for an empty object (PHP writes it so).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringtrail.dialects.callr.errors import INVALID_PARAMS, RpcError
from ringtrail.dialects.callr.vocabulary import HASH, after_second, datetime_of
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.account import Account, Principal
from ringtrail.model.app import App
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import DID
from ringtrail.services import Services

DEFAULT_QUANTITY = 50
MAX_QUANTITY = 10_000
MAX_OFFSET = 1_000_000_000
MAX_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One call being answered: who asks, and the parameters that were checked so far by name.

    account: whose it is to be done for; the principal's own, or one below it that it acts as.
    """

    services: Services
    options: DialectOptions
    account: Account
    principal: Principal
    session_token: str | None = None  # of whoever came with one
    checked: dict[str, Any] = field(default_factory=dict)

    async def masking(self) -> frozenset[int]:
        """The properties that hide their callers' last digits, here as in every other API."""
        return await masking_of(self.services, self.account.id)


async def masking_of(services: Services, account_id: int) -> frozenset[int]:
    return frozenset(item.id for item in await services.accounts.properties(account_id) if item.masks_callers)


Check = Callable[[Asking, str, Any], Awaitable[Any]]
"""(asking, path, value) -> the value that the handler gets. DomainError with the path as its field."""


@dataclass(frozen=True, slots=True)
class Param:
    """null_is: the error for a null that is not allowed; the vendor words it in two ways. optional: may be left out, too."""

    name: str
    check: Check
    nullable: bool = False
    optional: bool = False
    null_is: Callable[[str], DomainError] | None = None


async def checked(asking: Asking, specs: tuple[Param, ...], values: list[Any]) -> list[Any]:
    """The handler's arguments."""
    for position, spec in enumerate(specs):
        present = position < len(values)
        value = values[position] if present else None
        if value is None and not (spec.optional or (present and spec.nullable)):
            raise (spec.null_is if present and spec.null_is else bad_format)(spec.name)
        asking.checked[spec.name] = None if value is None else await spec.check(asking, spec.name, value)
    if len(values) > len(specs):
        message = f"Invalid params: at most {len(specs)} expected"
        raise RpcError(ErrorCode.BAD_FORMAT, rpc_code=INVALID_PARAMS, message=message)
    return [asking.checked[spec.name] for spec in specs]


def bad_format(path: str) -> DomainError:
    return DomainError(ErrorCode.BAD_FORMAT, field=path)


def wrong_type(path: str) -> DomainError:
    return DomainError(ErrorCode.WRONG_TYPE, field=path)


def bad_value(path: str) -> DomainError:
    return DomainError(ErrorCode.UNKNOWN_VALUE, field=path)


async def boolean(asking: Asking, path: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise bad_format(path)
    return value


async def name(asking: Asking, path: str, value: Any) -> str:
    """1 to 64 printable characters [inferred: the vendor's format page is not public]."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME_LENGTH or not value.isprintable():
        raise bad_format(path)
    return value


def one_of(words: Collection[str]) -> Check:
    async def check(asking: Asking, path: str, value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise bad_format(path)
        return value

    check.__doc__ = f"One of {', '.join(f'`{word}`' for word in words)}."
    return check


async def instant(asking: Asking, path: str, value: Any) -> datetime:
    """`YYYY-MM-DD HH:MM:SS` in UTC."""
    found = datetime_of(value) if isinstance(value, str) else None
    if found is None:
        raise bad_format(path)
    return found


async def range_end(asking: Asking, path: str, value: Any) -> datetime:
    """The exclusive end of the range that the parameter `from` began."""
    last = await instant(asking, path, value)
    if last < asking.checked["from"]:
        raise DomainError(ErrorCode.INVERTED_RANGE, field=path)
    return after_second(last)


async def app(asking: Asking, path: str, value: Any) -> App:
    """An app of the account by its hash."""
    if not isinstance(value, str):
        raise bad_format(path)
    if not HASH.fullmatch(value):
        raise bad_value(path)
    try:
        return await asking.services.apps.by_hash(asking.account.id, value)
    except DomainError:
        raise bad_value(path) from None


async def did(asking: Asking, path: str, value: Any) -> DID:
    """A DID of the account by its hash."""
    if not isinstance(value, str):
        raise bad_format(path)
    found = await asking.services.numbers.by_hash(asking.account.id, value) if HASH.fullmatch(value) else None
    if found is None:
        raise bad_value(path)
    return found


async def plain_object(asking: Asking, path: str, value: Any) -> dict[str, Any]:
    if value == [] and isinstance(value, list):
        return {}
    if not isinstance(value, dict):
        raise bad_format(path)
    return value


@dataclass(frozen=True, slots=True)
class Slice:
    """Search.Options. quantity 0 asks for the total only."""

    offset: int = 0
    quantity: int = DEFAULT_QUANTITY


def search_options(order: str) -> Check:
    """Search.Options of a list with one order. [inferred]: 50 items unless told, at most 10,000, the order's name."""

    async def check(asking: Asking, path: str, value: Any) -> Slice:
        given = Properties(path, await plain_object(asking, path, value), {"offset", "order", "quantity"})
        if given.text("order") not in (None, "", order):
            raise bad_value(f"{path}.order")
        offset, quantity = given.whole("offset", MAX_OFFSET), given.whole("quantity", MAX_QUANTITY)
        return Slice(offset or 0, DEFAULT_QUANTITY if quantity is None else quantity)

    check.__doc__ = f"Search.Options: `offset`, `quantity`, and `order`, which is `{order}`."
    return check


class Properties:
    """An object's properties, read by type. Null is the same as absent; a property that nobody knows is refused."""

    def __init__(self, path: str, values: Mapping[str, Any], known: Collection[str]) -> None:
        self._path = path
        self._values = values
        for key in values:
            if key not in known:
                raise bad_value(self.path(key[:MAX_NAME_LENGTH]))

    def path(self, key: str) -> str:
        return f"{self._path}.{key}"

    def get(self, key: str) -> Any:
        return self._values.get(key)

    def text(self, key: str) -> str | None:
        value = self._values.get(key)
        if value is not None and not isinstance(value, str):
            raise wrong_type(self.path(key))
        return value

    def flag(self, key: str) -> bool | None:
        value = self._values.get(key)
        if value is not None and not isinstance(value, bool):
            raise wrong_type(self.path(key))
        return value

    def whole(self, key: str, maximum: int) -> int | None:
        """An integer from 0 to maximum."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(self.path(key))
        if not 0 <= value <= maximum:
            raise bad_value(self.path(key))
        return value

    def word(self, key: str, words: Collection[str]) -> str | None:
        value = self.text(key)
        if value is not None and value not in words:
            raise bad_value(self.path(key))
        return value

    def hash(self, key: str) -> str | None:
        value = self.text(key)
        if value is not None and not HASH.fullmatch(value):
            raise bad_value(self.path(key))
        return value

    def instant(self, key: str) -> datetime | None:
        value = self.text(key)
        found = None if value is None else datetime_of(value)
        if value is not None and found is None:
            raise bad_value(self.path(key))
        return found

    def range(self, first: str, last: str) -> tuple[datetime | None, datetime | None]:
        """(from, exclusive end) of two instants, the second inclusive as given."""
        start, end = self.instant(first), self.instant(last)
        if start is not None and end is not None and end < start:
            raise DomainError(ErrorCode.INVERTED_RANGE, field=self.path(last))
        return start, None if end is None else after_second(end)
