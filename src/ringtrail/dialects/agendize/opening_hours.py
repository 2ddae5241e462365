"""When a button may be pressed. Day names and the 24-hour clock are our reading [inferred]; the vendor shows neither."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ringtrail.model.errors import DomainError, ErrorCode

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Clock = Annotated[str, Meta(pattern="^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class Span(msgspec.Struct, kw_only=True):
    start: Clock
    end: Clock  # exclusive; 24:00: midnight


class OpeningDay(msgspec.Struct, kw_only=True):
    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    hours: Annotated[list[Span], Meta(max_length=24)]


def checked(days: list[OpeningDay]) -> list[OpeningDay]:
    """The same. DomainError INVERTED_RANGE for a span that ends before it begins: past midnight is two days."""
    for position, day in enumerate(days):
        for number, span in enumerate(day.hours):
            if span.start >= span.end:
                field = f"openingHours[{position}].hours[{number}].end"
                raise DomainError(ErrorCode.INVERTED_RANGE, field, "must be later than start, on the same day")
    return days


def is_open(days: list[OpeningDay], local: datetime) -> bool:
    """Whether some span holds that moment of that weekday. A day that is not listed is closed."""
    clock = f"{local:%H:%M}"
    spans = (span for day in days if day.day == DAYS[local.weekday()] for span in day.hours)
    return any(span.start <= clock < span.end for span in spans)
