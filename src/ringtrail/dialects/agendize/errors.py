"""Our error codes in Agendize's envelope: `{"error": {"code", "reason", "message"}}`, with the real HTTP status.

The envelope is the vendor's, and so is 501 for what is not implemented; the reasons are ours [inferred], none are
published. `code` repeats the HTTP status, because clients look at either.
"""

from __future__ import annotations

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

NOT_IMPLEMENTED = Wording(501, "notImplemented", "This part of the API is not implemented")


def render_error(request: Request[Any, Any, Any], error: DomainError, options: DialectOptions) -> Response[Any]:
    """Any error in the vendor's shape. The message names the parameter at fault, if there is one."""
    wording = WORDINGS[error.code]
    message = ": ".join(part for part in (error.field, error.detail or wording.message) if part)
    headers = {"allow": "GET"} if error.code is ErrorCode.METHOD_NOT_ALLOWED else {}
    return _response(wording._replace(message=message), headers)


def not_implemented() -> Response[Any]:
    """501: a call of the vendor's API that this server does not have."""
    return _response(NOT_IMPLEMENTED, {})


def _response(wording: Wording, headers: dict[str, str]) -> Response[Any]:
    status, reason, message = wording
    body = Refusal(error=Fault(code=status, reason=reason, message=message))
    return Response(body, status_code=status, headers=headers)
