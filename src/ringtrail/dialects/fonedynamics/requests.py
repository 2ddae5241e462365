"""Query strings of the two call lists, read into a query, a position and a page size."""

from __future__ import annotations

from dataclasses import dataclass

from ringtrail.dialects.fonedynamics.parameters import Given, meaning, named
from ringtrail.dialects.fonedynamics.vocabulary import (
    NOVELTY,
    OUTCOMES,
    parse_key_paths,
    parse_number,
    parse_unix,
)
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.query import CallerNovelty, CallQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    query: CallQuery  # account, property and filters; no position
    token: str | None
    count: int
    skip: int


def parse_list(query: dict[str, list[str]], *, account_id: int, property_id: int | None) -> ListRequest:
    """The lists' parameters. Names have no letter case, an empty value is one not given, and parameters that the vendor
    does not have are ignored."""
    given = Given(query)
    count, skip = given.page()
    token, dispositions = given.single("Token", str), given.items("Disposition")
    from_at, to_at = (given.single(name, named(name, parse_unix)) for name in ("Date_From", "Date_To"))
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
            novelty=given.single("Unique", lambda word: meaning("Unique", NOVELTY, word)) or CallerNovelty.ALL,
        ),
        token=token,
        count=count,
        skip=skip,
    )


def _outcomes(words: tuple[str, ...]) -> tuple[tuple[str, str | None], ...]:
    return tuple(outcome for word in words for outcome in meaning("Disposition", OUTCOMES, word))
