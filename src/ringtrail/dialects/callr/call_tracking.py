"""CALLTRACKING10: the parameters of a call tracking app, with every default, range and format in one table.

An app is stored with the complete object. What the asker leaves out keeps its value (`apps.edit`) or gets its default
(`apps.create`); arrays are replaced as a whole; null sets a property that may be null and leaves the others as they are.

[inferred]: all defaults except those that the object reference states (feeds, ner, pii, sentiment, transcription); the
formats of locale, file name, e-mail and Google Analytics id; that any fault in the targets is told as `params.targets`
(the vendor words a bad number in `start_2` as `a_targets`).
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ringtrail.dialects.callr.parameters import Asking, bad_value, plain_object, wrong_type
from ringtrail.dialects.callr.vocabulary import FEEDS, HASH, VOICEMAIL_FILE_FORMATS
from ringtrail.model.account import Account
from ringtrail.model.app import (
    DEFAULT_RING_TIMEOUT_S,
    DEFAULT_VOICEMAIL_S,
    MAX_RING_TIMEOUT_S,
    MAX_VOICEMAIL_S,
    MIN_RING_TIMEOUT_S,
    MIN_VOICEMAIL_S,
    App,
)
from ringtrail.services.numbers import to_e164

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_LOCALE = re.compile(r"([A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*)?")
_ANALYTICS_ID = re.compile(r"[A-Za-z0-9-]{0,32}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}", re.ASCII)
_FILE_NAME = re.compile(r"([A-Za-z0-9 _.-]|\{CALLID\}|\{MEDIA_HASH\}|\{DATETIME\}){1,100}")
_MAX_MEDIA_ID = 2_147_483_647
_MAX_EMAILS = 50

_Check = Callable[[Account, str, Any], Any]
"""(account, path, value) -> the value to store. DomainError with the path as its field."""


@dataclass(frozen=True, slots=True)
class _Property:
    """default: a value, or a function of the account."""

    check: _Check
    default: Any
    nullable: bool = False

    def default_for(self, account: Account) -> Any:
        return self.default(account) if callable(self.default) else self.default


def _flag(account: Account, path: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(path)
    return value


def _whole(minimum: int, maximum: int) -> _Check:
    def check(account: Account, path: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(path)
        if not minimum <= value <= maximum:
            raise bad_value(path)
        return value

    return check


def _text(accepts: Callable[[str], Any]) -> _Check:
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


def _emails(account: Account, path: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise wrong_type(path)
    if len(value) > _MAX_EMAILS:
        raise bad_value(path)
    email = _text(_EMAIL.fullmatch)
    return [email(account, path, item) for item in value]


def _targets(account: Account, path: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise wrong_type(path)
    return [_target(account, path, item) for item in value]


def _target(account: Account, path: str, value: Any) -> dict[str, Any]:
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
    ring_timeout = _whole(MIN_RING_TIMEOUT_S, MAX_RING_TIMEOUT_S)
    return {
        "number": e164,
        "timeout": DEFAULT_RING_TIMEOUT_S if timeout is None else ring_timeout(account, path, timeout),
    }


_MEDIA = _Property(_whole(0, _MAX_MEDIA_ID), 0)
_ON, _OFF = _Property(_flag, True), _Property(_flag, False)
_LOCALE_NAME = _Property(_text(_LOCALE.fullmatch), None, nullable=True)
_ACCOUNT_DECIDES = _Property(_flag, None, nullable=True)

_TARGETS = "targets"
_SECTIONS: dict[str, dict[str, _Property]] = {
    "ga": {"ua": _Property(_text(_ANALYTICS_ID.fullmatch), None, nullable=True)},
    "medias": {"bridge": _MEDIA, "ringtone": _MEDIA, "welcome": _MEDIA, "whisper": _MEDIA},
    "options": {
        "feeds": _Property(_text(FEEDS.__contains__), "both"),
        "locale": _LOCALE_NAME,
        "ner": _ON,
        "pii": _ON,
        "record_calls": _OFF,
        "sentiment": _ON,
        "transcription": _ACCOUNT_DECIDES,
    },
    _TARGETS: {},
    "vms": {
        "active": _OFF,
        "email_template": _Property(_text(HASH.fullmatch), None, nullable=True),
        "emails": _Property(_emails, lambda account: []),
        "file_format": _Property(_text(VOICEMAIL_FILE_FORMATS.__contains__), "mp3"),
        "file_name": _Property(_text(_FILE_NAME.fullmatch), "{DATETIME}"),
        "intro": _MEDIA,
        "locale": _LOCALE_NAME,
        "ner": _ON,
        "pii": _ON,
        "record": _ON,
        "sentiment": _ON,
        "timeout": _Property(_whole(MIN_VOICEMAIL_S, MAX_VOICEMAIL_S), DEFAULT_VOICEMAIL_S),
        "timezone": _Property(_text(lambda name: name in _timezones()), lambda account: account.timezone),
        "transcription": _ACCOUNT_DECIDES,
    },
}
"""Sections and properties in the vendor's order. `targets` is an array, everything else an object."""


def completed(account: Account, stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored object in the vendor's order, with defaults where it says nothing. Checks nothing."""
    return {
        section: stored.get(section, []) if section == _TARGETS else _section(account, properties, stored.get(section))
        for section, properties in _SECTIONS.items()
    }


def _section(account: Account, properties: Mapping[str, _Property], stored: Any) -> dict[str, Any]:
    known = stored if isinstance(stored, Mapping) else {}
    return {key: known[key] if key in known else item.default_for(account) for key, item in properties.items()}


def merged(account: Account, path: str, stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`stored` with what is `given`, complete. DomainError WRONG_TYPE or UNKNOWN_VALUE with the dotted path."""
    result = completed(account, stored)
    _refuse_unknown(path, given, _SECTIONS)
    for section, properties in _SECTIONS.items():
        value, section_path = given.get(section), f"{path}.{section}"
        if value is None:
            continue
        if section == _TARGETS:
            result[section] = _targets(account, section_path, value)
        else:
            result[section].update(_given(account, section_path, properties, {} if value == [] else value))
    return result


def _given(account: Account, path: str, properties: Mapping[str, _Property], given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise wrong_type(path)
    _refuse_unknown(path, given, properties)
    return {
        key: None if given[key] is None else item.check(account, f"{path}.{key}", given[key])
        for key, item in properties.items()
        if key in given and (given[key] is not None or item.nullable)
    }


def _refuse_unknown(path: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for key in given:
        if key not in known:
            raise bad_value(f"{path}.{key[:64]}")


async def new_params(asking: Asking, path: str, value: Any) -> dict[str, Any]:
    """The `params` of `apps.create`."""
    return merged(asking.account, path, {}, await plain_object(asking, path, value))


async def edited_params(asking: Asking, path: str, value: Any) -> dict[str, Any]:
    """The `params` of `apps.edit`, on top of what the checked `app` has."""
    app: App = asking.checked["app"]
    return merged(asking.account, path, app.params, await plain_object(asking, path, value))
