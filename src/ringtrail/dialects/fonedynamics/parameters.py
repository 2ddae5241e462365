"""Query strings, read parameter by parameter: names without letter case, empty values are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ringtrail.model.errors import DomainError, ErrorCode

DEFAULT_COUNT = 200
MAX_COUNT = 5_000
"""[inferred] The vendor names a default and no cap. Above ours the answer is an error, never a page cut short: a client
that skips by its own count would lose rows."""

MAX_SKIP = 2_147_483_647

_Parsed = TypeVar("_Parsed")
_Value = TypeVar("_Value")


class Given:
    """The parameters of one request, by name without letter case."""

    def __init__(self, query: dict[str, list[str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, values in query.items():
            self._values.setdefault(name.lower(), []).extend(value for value in values if value)

    def values(self, name: str) -> list[str]:
        return self._values.get(name.lower(), [])

    def single(self, name: str, parse: Callable[[str], _Parsed]) -> _Parsed | None:
        values = self.values(name)
        if len(values) > 1:
            raise DomainError(ErrorCode.BAD_FORMAT, name, "given more than once")
        return parse(values[0]) if values else None

    def raw_items(self, name: str) -> list[str]:
        """Members of a comma list, the parameter repeated or not, with the spaces that a lost '+' leaves."""
        return [item for value in self.values(name) for item in value.split(",") if item.strip()]

    def items(self, name: str) -> tuple[str, ...]:
        return tuple(item.strip() for item in self.raw_items(name))

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number of ASCII digits."""
        text = self.single(name, str)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()):
            raise DomainError(ErrorCode.WRONG_TYPE, name, "not a whole number")
        if len(text.lstrip("0")) > len(str(most)) or not least <= int(text) <= most:
            raise DomainError(ErrorCode.OUT_OF_RANGE, name, f"from {least} to {most}")
        return int(text)

    def page(self, default: int = DEFAULT_COUNT, most: int = MAX_COUNT) -> tuple[int, int]:
        """(Results_Count, Results_Skip)"""
        return self.whole("Results_Count", default, 1, most), self.whole("Results_Skip", 0, 0, MAX_SKIP)


def named(name: str, parse: Callable[[str, str], _Parsed]) -> Callable[[str], _Parsed]:
    return lambda text: parse(name, text)


def meaning(field: str, words: Mapping[str, _Value], word: str) -> _Value:
    """What a word of the vendor's stands for, in any letter case."""
    for known, value in words.items():
        if known.lower() == word.strip().lower():
            return value
    raise DomainError(ErrorCode.UNKNOWN_VALUE, field, f"one of {', '.join(words)}")
