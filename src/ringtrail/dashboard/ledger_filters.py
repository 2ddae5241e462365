"""What somebody looks for in the ledger: read from the address, shown again in the form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

from ringtrail.model.events import EventType
from ringtrail.model.ids import call_id_of_sid
from ringtrail.model.webhook import DeliveryState

NAMES = ("endpoint", "type", "state", "from", "to", "status", "event", "call")
RARE = frozenset({"from", "to", "status", "event", "call"})
"""Shown only when asked for, or in use."""
FAILED = "failed"
STATES: Mapping[str, str] = {
    DeliveryState.WAITING.value: "Waiting",
    DeliveryState.DELIVERED.value: "Delivered",
    DeliveryState.GIVEN_UP.value: "Given up",
    FAILED: "Last try failed",
}
_MOST_ID = 2**63 - 1
_LONGEST = 100
_YEARS = range(1971, 2200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """given: as it was typed. wanted: fields of a LogQuery, the endpoint apart. problems: {name: what is wrong}."""

    given: dict[str, str]
    wanted: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def active(self) -> dict[str, str]:
        return {name: value for name, value in self.given.items() if value}

    @property
    def rare(self) -> bool:
        return bool(RARE & self.active.keys())

    def address(self, path: str, **more: object) -> str:
        query = urlencode({**self.active, **more})
        return f"{path}?{query}" if query else path


def read(query: Mapping[str, Sequence[str]], zone: tzinfo) -> Filters:
    filters = Filters(given={name: query.get(name, [""])[0].strip()[:_LONGEST] for name in NAMES})
    for name, value in filters.active.items():
        try:
            filters.wanted.update(_READERS[name](value, zone))
        except ValueError as exc:
            filters.problems[name] = str(exc)
    return filters


def instant(text: str, zone: tzinfo) -> datetime:
    """A day and time of the account's zone, as browsers send it. ValueError says what it should be."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.year not in _YEARS:
        raise ValueError("is a day and a time, such as 2026-07-14T09:05")
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _type(text: str) -> dict[str, Any]:
    if text not in set(EventType):
        raise ValueError("is no event that we know")
    return {"event_types": [EventType(text)]}


def _state(text: str) -> dict[str, Any]:
    if text not in STATES:
        raise ValueError("is no state that we know")
    return {"failed": True} if text == FAILED else {"state": DeliveryState(text)}


def _status(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 100 <= int(text) <= 599):
        raise ValueError("is a number from 100 to 599")
    return int(text)


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _MOST_ID):
        raise ValueError("is a number")
    return int(text)


def _call(text: str) -> int:
    """By its number, or the sid that some APIs have for it."""
    by_sid = call_id_of_sid(text)
    return _id(text) if by_sid is None else by_sid


_READERS: dict[str, Callable[[str, tzinfo], dict[str, Any]]] = {
    "endpoint": lambda _text, _zone: {},
    "type": lambda text, _zone: _type(text),
    "state": lambda text, _zone: _state(text),
    "from": lambda text, zone: {"from_at": instant(text, zone)},
    "to": lambda text, zone: {"to_at": instant(text, zone)},
    "status": lambda text, _zone: {"status": _status(text)},
    "event": lambda text, _zone: {"event_id": _id(text)},
    "call": lambda text, _zone: {"about": _call(text)},
}
