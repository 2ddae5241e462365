"""The error catalogue: what can be wrong, by code and fields. No HTTP status, no vendor number, no vendor wording.

Every dialect maps every code (its `errors.py` is total, and a test says so).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNREADABLE = "unreadable"  # the request cannot be parsed at all: bad JSON, bad UTF-8
    MISSING = "missing"  # a required field is absent
    WRONG_TYPE = "wrong_type"
    BAD_FORMAT = "bad_format"
    UNKNOWN_VALUE = "unknown_value"  # right type, but no such thing
    OUT_OF_RANGE = "out_of_range"
    INVERTED_RANGE = "inverted_range"
    CONFLICT = "conflict"
    GONE = "gone"  # a sync position that is no longer (or was never) valid
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"  # rate limit
    UNAVAILABLE = "unavailable"  # a dependency is away: try again
    INTERNAL = "internal"


@dataclass(slots=True)
class DomainError(Exception):
    """Something that the asker can be told. `field` names the input as the asker knows it; `detail` is for people."""

    code: ErrorCode
    field: str | None = None
    detail: str | None = None

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.field, self.detail) if part)
