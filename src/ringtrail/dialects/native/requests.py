"""Query strings to CallQuery. PARAMETERS is the only list: what is read, what is documented, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from ringtrail.dialects.native.errors import InvalidRequestError
from ringtrail.dialects.native.vocabulary import ORDERS, read_cursor, read_instant
from ringtrail.httpkit.query import parse_query, plus_restored
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.query import CallQuery

MAX_LIMIT, DEFAULT_LIMIT = 1000, 100
_MAX_REPEATS = 100
T = TypeVar("T")


class Parameter(NamedTuple):
    name: str
    schema: dict[str, Any]  # JSON Schema of one value
    description: str
    repeats: bool = False  # may be given several times: any of the values matches


INSTANT = {"type": "string", "format": "date-time", "examples": ["2026-07-14T00:00:00Z"]}

LIST_PARAMETERS = (
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}, "Calls in a page."),
    Parameter("cursor", {"type": "string"}, "`next_cursor` of the page before. Keep the filters and the order as they were."),
    Parameter("order", {"enum": list(ORDERS), "default": "newest"}, "By `started_at`, newest or oldest first."),
    Parameter("from", INSTANT, "Calls that started at this instant or later (RFC 3339, with an offset or `Z`)."),
    Parameter("to", INSTANT, "Calls that started before this instant."),
    Parameter("tracking_number", {"type": "string", "pattern": r"^\+[1-9]\d{1,14}$", "examples": ["+33912340001"]}, "The number that was dialled, E.164.", True),
    Parameter("disposition", {"enum": [item.value for item in Disposition]}, "How the call ended. `in_progress` needs `include=live`.", True),
    Parameter("source", {"type": "string", "examples": ["Google Ads"]}, "Attributed source, exactly.", True),
    Parameter("property", {"type": "string", "pattern": "^[A-Z0-9]{32}$"}, "The property's `sid`."),
    Parameter("include", {"enum": ["live"]}, "`live`: calls in progress too. Their figures are not final."),
)  # fmt: skip

AUDIO_PARAMETERS = (
    Parameter("part", {"enum": ["caller", "target"]}, "One side only, where `parts` of the recording has it."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What GET /calls was asked, but for the property, which only the database knows."""

    limit: int = DEFAULT_LIMIT
    order: str = "newest"
    past: tuple[datetime, int] | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    tracking_numbers: tuple[str, ...] = ()
    dispositions: tuple[Disposition, ...] = ()
    sources: tuple[str, ...] = ()
    property_sid: str | None = None
    live: bool = False

    def query(self, account_id: int, property_id: int | None) -> CallQuery:
        return CallQuery(
            account_id=account_id,
            property_id=property_id,
            from_at=self.from_at,
            to_at=self.to_at,
            past=self.past,
            include_in_progress=self.live,
            tracking_numbers=self.tracking_numbers,
            outcomes=tuple((item.value, None) for item in self.dispositions) or None,
            sources=self.sources,
            order=ORDERS[self.order],
        )


def read_list_request(raw: bytes) -> ListRequest:
    """InvalidRequestError with every parameter that is wrong."""
    reader = Reader(parse_query(raw), LIST_PARAMETERS)
    order = reader.one("order", one_of(tuple(ORDERS))) or "newest"
    cursor = reader.one("cursor", _cursor)
    if cursor is not None and cursor[0] != order:
        reader.fault("cursor", ErrorCode.UNKNOWN_VALUE, f"belongs to a list with order={cursor[0]}")
    from_at, to_at = reader.one("from", instant_of), reader.one("to", instant_of)
    if from_at is not None and to_at is not None and from_at > to_at:
        reader.fault("to", ErrorCode.INVERTED_RANGE, "must not be before `from`")
    found = ListRequest(
        limit=reader.one("limit", read_limit) or DEFAULT_LIMIT,
        order=order,
        past=cursor[1:] if cursor else None,
        from_at=from_at,
        to_at=to_at,
        tracking_numbers=reader.many("tracking_number", _number),
        dispositions=tuple(Disposition(word) for word in reader.many("disposition", one_of(tuple(Disposition)))),
        sources=reader.many("source", str),
        property_sid=reader.one("property", str),
        live=reader.one("include", one_of(("live",))) is not None,
    )
    reader.finish()
    return found


def read_part(raw: bytes) -> str:
    """Which side of a recording: '' (both), 'caller' or 'target'."""
    reader = Reader(parse_query(raw), AUDIO_PARAMETERS)
    part = reader.one("part", one_of(("caller", "target")))
    reader.finish()
    return part or ""


def refuse_parameters(raw: bytes) -> None:
    """For operations that take none."""
    Reader(parse_query(raw), ()).finish()


@dataclass(slots=True)
class Reader:
    """Takes parameters one by one and remembers what is wrong with each."""

    values: dict[str, list[str]]
    known: tuple[Parameter, ...]
    faults: list[DomainError] = field(default_factory=list)

    def fault(self, name: str, code: ErrorCode, detail: str) -> None:
        self.faults.append(DomainError(code, field=name, detail=detail))

    def one(self, name: str, read: Callable[[str], T]) -> T | None:
        values = self.values.get(name, [])
        if len(values) > 1:
            self.fault(name, ErrorCode.OUT_OF_RANGE, "may be given once")
            return None
        return next(iter(self.many(name, read)), None)

    def many(self, name: str, read: Callable[[str], T]) -> tuple[T, ...]:
        found: list[T] = []
        values = self.values.get(name, [])
        if len(values) > _MAX_REPEATS:
            self.fault(name, ErrorCode.OUT_OF_RANGE, f"may be given {_MAX_REPEATS} times")
        for text in values[:_MAX_REPEATS]:
            try:
                found.append(read(text))
            except DomainError as error:
                self.fault(name, error.code, error.detail or "")
        return tuple(found)

    def finish(self) -> None:
        """Raise what was found. A parameter that nobody knows is a typing error, not something to pass over."""
        names = [parameter.name for parameter in self.known]
        for name in self.values.keys() - set(names):
            taken = ", ".join(names) if names else "none"
            self.fault(name[:100], ErrorCode.UNKNOWN_VALUE, f"is not a parameter here; there are: {taken}")
        if self.faults:
            count = len(self.faults)
            detail = "1 parameter is wrong" if count == 1 else f"{count} parameters are wrong"
            raise InvalidRequestError(self.faults[0].code, detail=detail, faults=tuple(self.faults))


def read_limit(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise DomainError(ErrorCode.WRONG_TYPE, detail="must be a whole number")
    if len(text) > 9 or not 1 <= int(text) <= MAX_LIMIT:
        raise DomainError(ErrorCode.OUT_OF_RANGE, detail=f"must be 1 to {MAX_LIMIT}")
    return int(text)


def instant_of(text: str) -> datetime:
    found = read_instant(text)
    if found is None:
        raise DomainError(ErrorCode.BAD_FORMAT, detail="must be RFC 3339 with an offset, as 2026-07-14T09:05:10Z")
    return found


def _cursor(text: str) -> tuple[str, datetime, int]:
    found = read_cursor(text)
    if found is None:
        raise DomainError(ErrorCode.BAD_FORMAT, detail="is not a cursor of this list")
    return found


def _number(text: str) -> str:
    number = plus_restored(text)
    if not (number.startswith("+") and number[1:].isascii() and number[1:].isdigit() and 3 <= len(number) <= 16):
        raise DomainError(ErrorCode.BAD_FORMAT, detail="must be E.164, as +33912340001 (send `+` as %2B)")
    return number


def one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise DomainError(ErrorCode.UNKNOWN_VALUE, detail=f"must be one of {', '.join(words)}")
        return text

    return read
