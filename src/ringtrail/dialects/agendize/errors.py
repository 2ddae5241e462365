"""Our error codes in Agendize's envelope: `{"error": {"code", "reason", "message"}}`, with the real HTTP status.

The envelope is the vendor's; the reasons are ours [inferred], none are published. `code` repeats the HTTP status, because
clients look at either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response

from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode


class Fault(msgspec.Struct, kw_only=True):
    code: int  # the HTTP status again
    reason: str
    message: str


class Refusal(msgspec.Struct, kw_only=True):
    """The body of every error."""

    error: Fault


class Wording(NamedTuple):
    status: int
    reason: str
    message: str


WORDINGS: dict[ErrorCode, Wording] = {
    ErrorCode.UNAUTHENTICATED: Wording(401, "unauthorized", "Authentication is required"),
    ErrorCode.FORBIDDEN: Wording(403, "forbidden", "Not allowed"),
    ErrorCode.NOT_FOUND: Wording(404, "notFound", "Not found"),
    ErrorCode.METHOD_NOT_ALLOWED: Wording(405, "methodNotAllowed", "Method not allowed"),
    ErrorCode.UNREADABLE: Wording(400, "badRequest", "The request cannot be read"),
    ErrorCode.MISSING: Wording(400, "required", "A value is missing"),
    ErrorCode.WRONG_TYPE: Wording(400, "invalid", "A value has the wrong type"),
    ErrorCode.BAD_FORMAT: Wording(400, "invalid", "A value is malformed"),
    ErrorCode.UNKNOWN_VALUE: Wording(400, "invalid", "A value is not known"),
    ErrorCode.OUT_OF_RANGE: Wording(400, "invalid", "A value is out of range"),
    ErrorCode.INVERTED_RANGE: Wording(400, "invalid", "A range ends before it begins"),
    ErrorCode.CONFLICT: Wording(409, "conflict", "The request conflicts with what is there"),
    ErrorCode.GONE: Wording(410, "gone", "No longer available"),
    ErrorCode.TOO_LARGE: Wording(413, "tooLarge", "The request is too large"),
    ErrorCode.TOO_MANY: Wording(429, "rateLimitExceeded", "Too many requests"),
    ErrorCode.UNAVAILABLE: Wording(503, "unavailable", "Try again later"),
    ErrorCode.INTERNAL: Wording(500, "internalError", "Internal error"),
}

UNSUPPORTED_MEDIA = Wording(415, "unsupportedMediaType", "The body must be application/json")

FIELDS = {
    "caller": "callerNumber",
    "called": "calledNumber",
    "tracking": "trackingNumber",
    "started_at": "start.dateTime",
    "timezone": "start.timeZone",
    "duration_s": "duration",
    "trigger": "type",
    "button_hash": "buttonId",
    "target": "phoneNumber",
    "visitor": "called.phoneNumber",
    "number": "trackingPhoneNumber",
    "did": "id",
}
"""What the services call a value, as the vendor's clients know it. Other names are the vendor's already."""


@dataclass(slots=True)
class UnsupportedMediaError(DomainError):
    """A body that does not even say that it is JSON. The catalogue has no such error: here alone it is a status."""


def render_error(request: Request[Any, Any, Any], error: DomainError, options: DialectOptions) -> Response[Any]:
    """Any error in the vendor's shape. The message names the parameter at fault, if there is one."""
    status, reason, message = UNSUPPORTED_MEDIA if isinstance(error, UnsupportedMediaError) else WORDINGS[error.code]
    field = FIELDS.get(error.field, error.field) if error.field else None
    message = ": ".join(part for part in (field, error.detail or message) if part)
    return Response(Refusal(error=Fault(code=status, reason=reason, message=message)), status_code=status)
