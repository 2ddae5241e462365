"""Query strings of the two call lists, read into a query, a position and a page size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ringtrail.dialects.fonedynamics.vocabulary import (
    NOVELTY,
    OUTCOMES,
    parse_key_paths,
    parse_number,
    parse_unix,
)
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.query import CallerNovelty, CallQuery

DEFAULT_COUNT = 200
MAX_COUNT = 5_000
"""[inferred] The vendor names a default and no cap. Above ours the answer is an error, never a page cut short: a client
that skips by its own count would lose rows."""

MAX_SKIP = 2_147_483_647

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    query: CallQuery  # account, property and filters; no position
    token: str | None
    count: int
    skip: int


def parse_list(query: dict[str, list[str]], *, account_id: int, property_id: int | None) -> ListRequest:
    """The lists' parameters. Names have no letter case, an empty value is one not given, and parameters that the vendor
    does not have are ignored."""
    given = _Given(query)
    token, dispositions = given.single("Token", str), given.items("Disposition")
    from_at, to_at = (given.single(name, _named(name, parse_unix)) for name in ("Date_From", "Date_To"))
    if token and (from_at or to_at):
        raise DomainError(ErrorCode.CONFLICT, "Token", "used instead of Date_From and Date_To, not with them")
    return ListRequest(
        query=CallQuery(
            account_id=account_id,
            property_id=property_id,
            from_at=from_at,
            to_at=to_at,
            outcomes=_outcomes(dispositions) if dispositions else None,
            tracking_numbers=tuple(parse_number("To", item) for item in given.raw_items("To")),
            destination_numbers=tuple(parse_number("Endpoint", item) for item in given.raw_items("Endpoint")),
            sources=given.items("Attribution_Source"),
            mediums=given.items("Attribution_Medium"),
            campaigns=given.items("Attribution_Campaign"),
            contents=given.items("Attribution_Content"),
            keypads=parse_key_paths("Prompts_keys", ";".join(given.values("Prompts_keys"))),
            novelty=given.single("Unique", _novelty) or CallerNovelty.ALL,
        ),
        token=token,
        count=_whole("Results_Count", given.single("Results_Count", str), DEFAULT_COUNT, 1, MAX_COUNT),
        skip=_whole("Results_Skip", given.single("Results_Skip", str), 0, 0, MAX_SKIP),
    )


class _Given:
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


def _named(name: str, parse: Callable[[str, str], _Parsed]) -> Callable[[str], _Parsed]:
    return lambda text: parse(name, text)


def _outcomes(words: tuple[str, ...]) -> tuple[tuple[str, str | None], ...]:
    by_word = {word.lower(): outcomes for word, outcomes in OUTCOMES.items()}
    unknown = [word for word in words if word.lower() not in by_word]
    if unknown:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "Disposition", f"one of {', '.join(OUTCOMES)}")
    return tuple(outcome for word in words for outcome in by_word[word.lower()])


def _novelty(word: str) -> CallerNovelty:
    found = {known.lower(): novelty for known, novelty in NOVELTY.items()}.get(word.lower())
    if found is None:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "Unique", f"one of {', '.join(NOVELTY)}")
    return found


def _whole(field: str, text: str | None, default: int, least: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise DomainError(ErrorCode.WRONG_TYPE, field, "not a whole number")
    if len(text.lstrip("0")) > len(str(most)) or not least <= int(text) <= most:
        raise DomainError(ErrorCode.OUT_OF_RANGE, field, f"from {least} to {most}")
    return int(text)
