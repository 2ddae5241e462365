"""Our error codes in Fone Dynamics' envelope: `{"ResponseStatus": {"ErrorCode", "Message"}}`.

The envelope, the style of the codes, PARAMETER_REQUIRED and UNKNOWN_TIME_ZONE are the vendor's; its page of codes cannot be read, so the
other codes are ours [inferred].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response

from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode


class Fault(msgspec.Struct, kw_only=True):
    ErrorCode: str
    Message: str


class Refusal(msgspec.Struct, kw_only=True):
    """The body of every error."""

    ResponseStatus: Fault


class Wording(NamedTuple):
    status: int
    code: str
    message: str


WORDINGS: dict[ErrorCode, Wording] = {
    ErrorCode.UNAUTHENTICATED: Wording(401, "UNAUTHORIZED", "Authentication is required."),
    ErrorCode.FORBIDDEN: Wording(403, "FORBIDDEN", "Not allowed."),
    ErrorCode.NOT_FOUND: Wording(404, "NOT_FOUND", "Not found."),
    ErrorCode.METHOD_NOT_ALLOWED: Wording(405, "METHOD_NOT_ALLOWED", "Method not allowed."),
    ErrorCode.UNREADABLE: Wording(400, "REQUEST_INVALID", "The request cannot be read."),
    ErrorCode.MISSING: Wording(400, "PARAMETER_REQUIRED", "A parameter is missing."),
    ErrorCode.WRONG_TYPE: Wording(400, "PARAMETER_INVALID", "A parameter has the wrong type."),
    ErrorCode.BAD_FORMAT: Wording(400, "PARAMETER_INVALID", "A parameter is malformed."),
    ErrorCode.UNKNOWN_VALUE: Wording(400, "PARAMETER_INVALID", "A parameter's value is not known."),
    ErrorCode.OUT_OF_RANGE: Wording(400, "PARAMETER_OUT_OF_RANGE", "A parameter is out of range."),
    ErrorCode.INVERTED_RANGE: Wording(400, "PARAMETER_OUT_OF_RANGE", "A range ends before it begins."),
    ErrorCode.CONFLICT: Wording(400, "PARAMETER_CONFLICT", "Parameters exclude each other."),
    ErrorCode.GONE: Wording(400, "TOKEN_INVALID", "The token is not valid."),
    ErrorCode.TOO_LARGE: Wording(413, "REQUEST_TOO_LARGE", "The request is too large."),
    ErrorCode.TOO_MANY: Wording(429, "TOO_MANY_REQUESTS", "Too many requests."),
    ErrorCode.UNAVAILABLE: Wording(503, "SERVICE_UNAVAILABLE", "Try again later."),
    ErrorCode.INTERNAL: Wording(500, "INTERNAL_ERROR", "Internal error."),
}

UNKNOWN_TIME_ZONE = Wording(400, "UNKNOWN_TIME_ZONE", "Not a time zone.")
_OF_FIELD: dict[tuple[ErrorCode, str | None], Wording] = {(ErrorCode.UNKNOWN_VALUE, "TimeZone"): UNKNOWN_TIME_ZONE}
"""The vendor's own codes for one field's faults."""

_HEADERS: dict[ErrorCode, dict[str, str]] = {
    ErrorCode.UNAUTHENTICATED: {"www-authenticate": 'Basic realm="calls", charset="UTF-8"'},
}


def render_error(request: Request[Any, Any, Any], error: DomainError, options: DialectOptions) -> Response[Any]:
    """Any error in the vendor's shape."""
    status = _wording(error).status
    return Response(Refusal(ResponseStatus=fault_of(error)), status_code=status, headers=_HEADERS.get(error.code, {}))


def fault_of(error: DomainError) -> Fault:
    """The message names the parameter at fault, if there is one."""
    wording = _wording(error)
    message = ": ".join(part for part in (error.field, error.detail or wording.message) if part)
    return Fault(ErrorCode=wording.code, Message=message)


def _wording(error: DomainError) -> Wording:
    return _OF_FIELD.get((error.code, error.field)) or WORDINGS[error.code]
