"""Windows of time: a list that is asked for by time is read from its beginning to its end, a bearable piece at a time.

[inferred]: nothing happened before 2010, the vendor's first years; what is over is in the lists a day later at the latest, so a run begins a day
before where the last one ended; a range that is too large is refused with words like these.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from ringtrail.dialects.callr.migration.plan import Moving, Progress, Step, Verdict
from ringtrail.dialects.callr.migration.remote import AnswerTooLongError, RemoteError, RemoteRefusedError
from ringtrail.dialects.callr.vocabulary import datetime_text
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.history import Mark

BEGINNING = datetime(2010, 1, 1, tzinfo=UTC)
OVERLAP = timedelta(days=1)
BATCH = 1_000
FEW, MANY = 500, 4_000
"""A window with fewer things makes the next one longer, one with more makes it shorter."""

_FIRST, _LONGEST, _SHORTEST = timedelta(days=1), timedelta(days=256), timedelta(seconds=1)
_TOO_LARGE = re.compile(r"too[ _-]*(?:large|long|many|big|much)|limit|exceed", re.IGNORECASE)

Read = Callable[[datetime, datetime], Awaitable[Sequence[Any]]]
"""(from, to), to exclusive. RemoteError."""


class Window(NamedTuple):
    """What happened from start on and before end."""

    start: datetime
    end: datetime
    found: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What of a list is to be read. since: from when on it will all be here."""

    since: datetime
    start: datetime
    end: datetime

    def mark(self, moving: Moving, what: str, until_at: datetime) -> Mark:
        return Mark(moving.remote.source, what, self.since, until_at)


async def windows(read: Read, start: datetime, end: datetime) -> AsyncIterator[Window]:
    """All of it, oldest first, without a gap. RemoteError where not even a second can be read."""
    width = _FIRST
    while start < end:
        stop = min(start + width, end)
        try:
            found = await read(start, stop)
        except RemoteError as exc:
            if not _is_too_large(exc) or stop - start <= _SHORTEST:
                raise
            width = max(_SHORTEST, _whole(width / 2))
            continue
        yield Window(start, stop, found)
        start, width = stop, _next(width, len(found))


def _is_too_large(exc: RemoteError) -> bool:
    return isinstance(exc, AnswerTooLongError) or _TOO_LARGE.search(exc.message) is not None


def _next(width: timedelta, found: int) -> timedelta:
    if found < FEW:
        return min(2 * width, _LONGEST)
    return max(_SHORTEST, _whole(width / 2)) if found > MANY else width


def _whole(width: timedelta) -> timedelta:
    return timedelta(seconds=width // timedelta(seconds=1))


def ends(start: datetime, end: datetime) -> tuple[str, str]:
    """As the vendor wants a range: in whole seconds, the last one included."""
    return datetime_text(start), datetime_text(end - _SHORTEST)


async def span_of(moving: Moving, what: str) -> Span:
    """From where an earlier run came to, or from the beginning, or what is wished for again, to now."""
    wanted = moving.wishes.from_at or BEGINNING
    here = moving.account
    goes_on = here is not None and not moving.wishes.again
    mark = await moving.services.history.reached(here.id, moving.remote.source, what) if here and goes_on else None
    end = datetime.now(UTC).replace(microsecond=0) + _SHORTEST
    if mark is None or not mark.since_at <= wanted <= mark.until_at:
        return Span(since=wanted, start=wanted, end=end)
    return Span(since=mark.since_at, start=max(wanted, mark.until_at - OVERLAP), end=end)


Filters = Callable[[datetime, datetime], dict[str, Any]]
"""Of a search: (from, to), to exclusive."""


async def shortened(moving: Moving, span: Span, method: str, kinds: Sequence[Filters]) -> Span:
    """Without the years before anything of these kinds happened, where the old account has such a search."""
    starts = [await _first(moving, span, method, filters) for filters in kinds]
    return replace(span, start=min(starts))


async def _first(moving: Moving, span: Span, method: str, filters: Filters) -> datetime:
    low, high = span.start, span.end
    while high - low > _LONGEST:
        middle = low + _whole((high - low) / 2)
        found = await total(moving, method, filters(low, middle))
        if found is None:
            return span.start
        low, high = (low, middle) if found else (middle, high)
    return low


async def total(moving: Moving, method: str, filters: dict[str, Any]) -> int | None:
    """How many things a search finds. None: the old account does not tell."""
    try:
        found = await moving.remote.call(method, filters, {"offset": 0, "quantity": 0})
    except RemoteRefusedError:
        raise
    except RemoteError:
        return None
    told = found.get("total", found.get("total_items")) if isinstance(found, dict) else None
    return told if isinstance(told, int) else None


class Move(Protocol):
    """What takes a span of one list in."""

    async def run(self) -> None: ...


def step_of(
    moving: Moving, kind: str, span: Span, new: int | None, move: Callable[[Moving, Progress, Span], Move]
) -> Step:
    """new: how many things are there and not here; None: nobody knows."""
    if new == 0:
        return Step(kind=kind, name=moving.called(), verdict=Verdict.HERE, quantity=0)

    async def do(progress: Progress) -> None:
        await move(moving, progress, span).run()

    return Step(kind=kind, name=moving.called(f"from {span.start:%Y-%m-%d}"), verdict=Verdict.NEW, quantity=new, do=do)


async def first_property(moving: Moving) -> int:
    """Whose everything is that came over no number that is here. DomainError."""
    properties = await moving.services.accounts.properties(moving.here.id)
    if not properties:
        raise DomainError(ErrorCode.MISSING, "property", "the account has no property yet")
    return min(item.id for item in properties)
