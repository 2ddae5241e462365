"""The query string of the export: last_call_id, from_date, to_date, all optional, combined with AND."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ringtrail.dialects.invox.vocabulary import DEFAULT_TIMEZONE
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal, Property
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.query import CallQuery, Order

_CALL_ID = re.compile(r"[0-9]{1,18}")  # fits 64 bits
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}")


def call_query(query_string: bytes, principal: Principal) -> CallQuery:
    """The calls that are asked for, in order of their id, unfinished ones too.

    DomainError BAD_FORMAT for a value that is no id or no date. Empty values count as not sent, the last one counts
    when a name is repeated, and other names are ignored.
    """
    given = {name: values[-1] for name, values in parse_query(query_string).items() if values[-1]}
    zone = zone_of(principal.property)
    return CallQuery(
        account_id=principal.account.id,
        property_id=principal.property.id if principal.property else None,
        created_after=_call_id(given, "last_call_id"),
        from_at=_lower_bound(given, "from_date", zone),
        to_at=_upper_bound(given, "to_date", zone),
        include_in_progress=True,
        order=Order.CREATION,
    )


def zone_of(item: Property | None) -> ZoneInfo:
    """Where clock times are read, in the query and in the answer, by the property that a token or endpoint belongs to."""
    chosen = item.timezone if item else None
    return ZoneInfo(chosen or DEFAULT_TIMEZONE)


def _call_id(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not _CALL_ID.fullmatch(text):
        raise DomainError(ErrorCode.BAD_FORMAT, name, "not a call id")
    return int(text)


def _lower_bound(given: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime | None:
    text = given.get(name)
    return _edge(_wall_clock(name, text), timedelta(), zone, last=False) if text else None


def _upper_bound(given: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime | None:
    """The first instant after the named day or second: both are included."""
    text = given.get(name)
    if not text:
        return None
    span = timedelta(days=1) if _DATE.fullmatch(text) else timedelta(seconds=1)
    return _edge(_wall_clock(name, text), span, zone, last=True)


def _wall_clock(name: str, text: str) -> datetime:
    try:
        if _DATE.fullmatch(text) or _DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass  # the shape of a date, but not in the calendar: answered like any other bad date
    raise DomainError(ErrorCode.BAD_FORMAT, name, "not a date, use YYYY-MM-DD or YYYY-MM-DD HH:MM:SS")


def _edge(wall: datetime, span: timedelta, zone: ZoneInfo, *, last: bool) -> datetime | None:
    """The instant of `wall` + span. None at the ends of the calendar, where every call is inside anyway.

    A wall clock shows an autumn hour twice and skips a spring hour: both readings of such a time are tried and the
    wider range is taken, so that no call is lost at an edge.
    """
    try:
        readings = [(wall + span).replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    except OverflowError:
        return None
    return max(readings) if last else min(readings)
