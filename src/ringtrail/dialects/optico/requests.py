"""The query string of /data-api: what is wrong with it, all at once, and what it asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from ringtrail.dialects.optico.auth import Domain
from ringtrail.dialects.optico.vocabulary import DEFAULT_TIMEZONE, TRUE_WORDS, outcomes_of
from ringtrail.httpkit.query import parse_query, plus_restored
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.message import Direction
from ringtrail.model.query import CallQuery, MessageQuery
from ringtrail.services.numbers import to_e164

MIN_LIMIT, MAX_LIMIT = 10, 5000
REQUIRED = ("type", "start_date", "end_date", "page", "limit")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")  # fits 64 bits
_MAX_OFFSET = 2**62
_OF_CALLS_ONLY = ("phone", "status", "offline_phone_description")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRequest:
    """A request without fault. start_on and end_on are local days, both included."""

    kind: str  # calls or sms
    start_on: date
    end_on: date
    page: int
    limit: int
    group_by_day: bool

    @property
    def offset(self) -> int:
        return min((self.page - 1) * self.limit, _MAX_OFFSET)

    def days(self) -> range:
        """The days of the range as ordinals (`date.fromordinal`); none if it ends before it starts."""
        return range(self.start_on.toordinal(), self.end_on.toordinal() + 1)


def read_parameters(query_string: bytes) -> dict[str, str]:
    """{name: value}; the last one counts when a name is repeated, and an empty value is none."""
    return {name: values[-1] for name, values in parse_query(query_string).items() if values[-1]}


def faults(given: Mapping[str, str]) -> Iterator[DomainError]:
    """Everything that is wrong, in the order in which it is reported: missing ones, dates, limit, type, page."""
    yield from (DomainError(ErrorCode.MISSING, name) for name in REQUIRED if name not in given)
    for name, is_valid, code in _CHECKS:
        if name in given and not is_valid(given[name]):
            yield DomainError(code, name, given[name])


def read_request(given: Mapping[str, str]) -> DataRequest:
    """Only for parameters in which `faults` finds nothing."""
    return DataRequest(
        kind=given["type"],
        start_on=date.fromisoformat(given["start_date"]),
        end_on=date.fromisoformat(given["end_date"]),
        page=int(given["page"]),
        limit=int(given["limit"]),
        group_by_day=given.get("group_by_day", "").lower() in TRUE_WORDS,
    )


def call_query(asked: DataRequest, given: Mapping[str, str], domain: Domain) -> CallQuery:
    """The calls that are asked for, of this domain only. A masked domain's callers are compared as they are shown."""
    zone, days, masks = zone_of(domain), asked.days(), domain.property.masks_callers
    status, caller = given.get("status"), given.get("caller_phone")
    country = domain.account.country
    return CallQuery(
        account_id=domain.account.id,
        property_id=domain.property.id,
        from_at=_midnight(days.start, zone),
        to_at=_midnight(days.stop, zone),
        destination_numbers=_numbers(given.get("phone"), country),
        tracking_numbers=_numbers(given.get("tracking_phone"), country),
        caller_numbers=() if masks else _numbers(caller, country),
        caller_masked=plus_restored(caller) if masks and caller else None,
        outcomes=None if status is None else outcomes_of([word.strip() for word in status.split(",")]),
        redirected_is_expired=status is not None,
        offline_description=given.get("offline_phone_description"),
    )


def sms_query(asked: DataRequest, given: Mapping[str, str], domain: Domain) -> MessageQuery | None:
    """The received SMS that are asked for. None: none can match, an SMS has no destination, call status or description."""
    if any(name in given for name in _OF_CALLS_ONLY):
        return None
    zone, days, masks = zone_of(domain), asked.days(), domain.property.masks_callers
    caller, country = given.get("caller_phone"), domain.account.country
    return MessageQuery(
        account_id=domain.account.id,
        property_id=domain.property.id,
        from_at=_midnight(days.start, zone),
        to_at=_midnight(days.stop, zone),
        direction=Direction.IN,
        senders=() if masks else _numbers(caller, country),
        sender_masked=plus_restored(caller) if masks and caller else None,
        recipients=_numbers(given.get("tracking_phone"), country),
    )


def zone_of(domain: Domain) -> ZoneInfo:
    """Where the domain's days begin and its clock times are read."""
    return ZoneInfo(domain.property.timezone or DEFAULT_TIMEZONE)


def _numbers(text: str | None, country: str) -> tuple[str, ...]:
    """The number in any usual spelling; one that cannot be a number is kept, and equals no call's."""
    if text is None:
        return ()
    return (to_e164(plus_restored(text), country) or text,)


def _midnight(ordinal: int, zone: ZoneInfo) -> datetime | None:
    """The first instant of a local day. None at the ends of the calendar, where every call is inside anyway."""
    try:
        return datetime.combine(date.fromordinal(ordinal), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_limit(text: str) -> bool:
    return bool(_WHOLE_NUMBER.fullmatch(text)) and MIN_LIMIT <= int(text) <= MAX_LIMIT


def _is_type(text: str) -> bool:
    return text in ("calls", "sms")


def _is_page(text: str) -> bool:
    return bool(_WHOLE_NUMBER.fullmatch(text)) and int(text) >= 1


_CHECKS: tuple[tuple[str, Callable[[str], bool], ErrorCode], ...] = (
    ("start_date", _is_date, ErrorCode.BAD_FORMAT),
    ("end_date", _is_date, ErrorCode.BAD_FORMAT),
    ("limit", _is_limit, ErrorCode.OUT_OF_RANGE),
    ("type", _is_type, ErrorCode.UNKNOWN_VALUE),
    ("page", _is_page, ErrorCode.UNKNOWN_VALUE),
)
