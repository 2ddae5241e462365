"""Objects with defaults: the properties of an app's parameters, with range and format of each, checked and completed.

What the asker leaves out keeps its value (an edit) or gets its default (a creation); arrays are replaced as a whole; null
sets a property that may be null and leaves the others as they are; an empty array stands for an empty object. What is given of
media has to be there, built in or the account's own; what was stored may have been deleted since, and is played no more.

[inferred]: the formats of locale, file name and e-mail; that any fault in a list of targets is told by the list's name
(the vendor words a bad number in `start_2` as `a_targets`).
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ringtrail.dialects.callr.parameters import Asking, bad_value, plain_object, wrong_type
from ringtrail.model.account import Account
from ringtrail.model.app import DEFAULT_RING_TIMEOUT_S, MAX_RING_TIMEOUT_S, MIN_RING_TIMEOUT_S
from ringtrail.model.media import MediaQuery
from ringtrail.services.numbers import to_e164

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_LOCALE = re.compile(r"([A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*)?")
_ATOM = r"[A-Za-z0-9!#$%'*+/=^_`{|}~-]+"
_EMAIL = re.compile(rf"(?=.{{3,254}}$){_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_MAX_MEDIA_ID = 2_147_483_647
_MAX_EMAILS = 50

CheckValue = Callable[[Account, str, Any], Any]
"""(account, path, value) -> the value to store. DomainError with the path as its field."""


@dataclass(frozen=True, slots=True)
class Property:
    """default: a value, or a function of the account."""

    check: CheckValue
    default: Any
    nullable: bool = False

    def default_for(self, account: Account) -> Any:
        return self.default(account) if callable(self.default) else self.default


Schema = Mapping[str, Any]
"""{name: Property, or the Schema of an object} in the vendor's order."""


def completed(account: Account, schema: Schema, stored: Any) -> dict[str, Any]:
    """A stored object in the vendor's order, with defaults where it says nothing. Checks nothing."""
    known = stored if isinstance(stored, Mapping) else {}
    return {key: _complete(account, item, known, key) for key, item in schema.items()}


def _complete(account: Account, item: Property | Schema, known: Mapping[str, Any], key: str) -> Any:
    if isinstance(item, Property):
        return known[key] if key in known else item.default_for(account)
    return completed(account, item, known.get(key))


def merged(account: Account, path: str, schema: Schema, stored: Any, given: Any) -> dict[str, Any]:
    """`stored` with what is `given`, complete. DomainError WRONG_TYPE or UNKNOWN_VALUE with the dotted path."""
    known, values = completed(account, schema, stored), {} if given == [] else given
    if not isinstance(values, dict):
        raise wrong_type(path)
    for key in values:
        if key not in schema:
            raise bad_value(f"{path}.{key[:64]}")
    for key, item in schema.items():
        if key in values and (values[key] is not None or getattr(item, "nullable", False)):
            known[key] = _checked(account, f"{path}.{key}", item, known[key], values[key])
    return known


async def applied(asking: Asking, path: str, schema: Schema, stored: Any, value: Any) -> dict[str, Any]:
    """As `merged`, of a parameter. DomainError UNKNOWN_VALUE, too, for media that are not there."""
    given = await plain_object(asking, path, value)
    result = merged(asking.account, path, schema, stored, given)
    if named := dict(media_in(path, schema, given)):
        found, _ = await asking.services.media.find(MediaQuery(account_id=asking.account.id, ids=tuple(named.values())))
        there = {medium.id for medium in found}
        for where, id_ in named.items():
            if id_ not in there:
                raise bad_value(where)
    return result


def media_in(path: str, schema: Schema, given: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """(path, id) of all media in an object that was checked; 0 and null are none."""
    for key, item in schema.items():
        value = given.get(key)
        if item is MEDIA and value:
            yield f"{path}.{key}", value
        elif value and not isinstance(item, Property):
            yield from media_in(f"{path}.{key}", item, value)


def _checked(account: Account, path: str, item: Property | Schema, stored: Any, value: Any) -> Any:
    if not isinstance(item, Property):
        return merged(account, path, item, stored, value)
    return None if value is None else item.check(account, path, value)


def flag(account: Account, path: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(path)
    return value


def only_off(account: Account, path: str, value: Any) -> bool:
    """A switch of something that cannot act yet."""
    if flag(account, path, value):
        raise bad_value(path)
    return False


def whole(minimum: int, maximum: int) -> CheckValue:
    def check(account: Account, path: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(path)
        if not minimum <= value <= maximum:
            raise bad_value(path)
        return value

    return check


def text(accepts: Callable[[str], Any]) -> CheckValue:
    def check(account: Account, path: str, value: Any) -> str:
        if not isinstance(value, str):
            raise wrong_type(path)
        if not accepts(value):
            raise bad_value(path)
        return value

    return check


@cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def emails(account: Account, path: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise wrong_type(path)
    if len(value) > _MAX_EMAILS:
        raise bad_value(path)
    email = text(_EMAIL.fullmatch)
    return [email(account, path, item) for item in value]


def targets(account: Account, path: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise wrong_type(path)
    return [target(account, path, item) for item in value]


def target(account: Account, path: str, value: Any) -> dict[str, Any]:
    """A Target with its number in E.164; any fault of it is told by `path`."""
    if not isinstance(value, dict):
        raise wrong_type(path)
    if value.keys() - {"number", "timeout"}:
        raise bad_value(path)
    number, timeout = value.get("number"), value.get("timeout")
    if not isinstance(number, str):
        raise wrong_type(path)
    e164 = to_e164(number, account.country)
    if e164 is None or not _E164.fullmatch(e164):
        raise bad_value(path)
    ring_timeout = whole(MIN_RING_TIMEOUT_S, MAX_RING_TIMEOUT_S)
    return {
        "number": e164,
        "timeout": DEFAULT_RING_TIMEOUT_S if timeout is None else ring_timeout(account, path, timeout),
    }


MEDIA = Property(whole(0, _MAX_MEDIA_ID), 0)
ON, OFF = Property(flag, True), Property(flag, False)
LOCALE = Property(text(_LOCALE.fullmatch), None, nullable=True)
TRANSCRIPTION = Property(only_off, None, nullable=True)  # null: as the account has it, which is off
TIMEZONE = Property(text(lambda name: name in _timezones()), lambda account: account.timezone)
