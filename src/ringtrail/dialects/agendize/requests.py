"""Query strings of the calls list, read into filters and a position."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from ringtrail.dialects.agendize.vocabulary import parse_instant, second_after
from ringtrail.httpkit.query import plus_restored
from ringtrail.model.errors import DomainError, ErrorCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the list is narrowed to. Bounds are on the whole second in which a call started, as `start.dateTime` shows it."""

    from_at: datetime | None  # inclusive
    to_at: datetime | None  # exclusive
    search: str | None
    tool_sid: str | None

    def digest(self) -> bytes:
        """8 bytes that tell these filters from others: the same however the request spelled them."""
        return hashlib.blake2b(repr(self).encode(), digest_size=8).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    filters: Filters
    sync_token: str | None
    page_token: str | None


def parse_list(query: dict[str, list[str]]) -> ListRequest:
    """The list's parameters. An empty value is one not given; parameters that the vendor does not have are ignored."""
    search = _single(query, "search")
    tool = _single(query, "toolId")
    from_at, to_at = _bounds(query)
    return ListRequest(
        filters=Filters(
            from_at=from_at,
            to_at=to_at,
            search=plus_restored(search) if search else None,
            tool_sid=tool.upper() if tool else None,
        ),
        sync_token=_single(query, "syncToken"),
        page_token=_single(query, "pageToken"),
    )


def _bounds(query: dict[str, list[str]]) -> tuple[datetime | None, datetime | None]:
    """Both exclusive, as the vendor says. [inferred] The vendor's text swaps the two names: both present, the earlier one
    is the lower bound; alone, startDate is the lower and endDate the upper one. Both test the call's start."""
    start, end = _single(query, "startDate"), _single(query, "endDate")
    lower = parse_instant("startDate", start) if start else None
    upper = parse_instant("endDate", end) if end else None
    if lower and upper:
        lower, upper = min(lower, upper), max(lower, upper)
    return (
        second_after(lower[0]) if lower else None,
        (second_after(upper[0]) if upper[1] else upper[0]) if upper else None,
    )


def _single(query: dict[str, list[str]], name: str) -> str | None:
    values = query.get(name, [])
    if len(values) > 1:
        raise DomainError(ErrorCode.BAD_FORMAT, name, "given more than once")
    return values[0] or None if values else None
