"""Our error codes in Optico's words. One envelope, and one HTTP status for all of it: the verdict is in the body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import Request, Response

from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode

_CANNOT_HANDLE = "Cannot handle request"

MESSAGES: dict[ErrorCode, str] = {
    ErrorCode.UNAUTHENTICATED: "Invalid api key",
    ErrorCode.FORBIDDEN: "Invalid api key",
    ErrorCode.MISSING: "Missing parameter `{field}`",
    ErrorCode.BAD_FORMAT: "Invalid date {detail}",
    ErrorCode.OUT_OF_RANGE: "Limit must be between 10 and 5000",
    ErrorCode.UNKNOWN_VALUE: "Invalid parameter {field}",
    ErrorCode.WRONG_TYPE: "Invalid parameter {field}",
    ErrorCode.NOT_FOUND: _CANNOT_HANDLE,
    ErrorCode.METHOD_NOT_ALLOWED: _CANNOT_HANDLE,
    ErrorCode.UNREADABLE: _CANNOT_HANDLE,
    ErrorCode.INVERTED_RANGE: _CANNOT_HANDLE,
    ErrorCode.CONFLICT: _CANNOT_HANDLE,
    ErrorCode.GONE: _CANNOT_HANDLE,
    ErrorCode.TOO_LARGE: _CANNOT_HANDLE,
    ErrorCode.TOO_MANY: _CANNOT_HANDLE,
    ErrorCode.UNAVAILABLE: _CANNOT_HANDLE,
    ErrorCode.INTERNAL: _CANNOT_HANDLE,
}
"""The six published messages. {detail} is the value that was sent: only dates are quoted back."""


class Refusal(msgspec.Struct, kw_only=True):
    status: str = "ERROR"
    errors: list[str]


def refuse(errors: Iterable[DomainError], options: DialectOptions) -> Response[bytes]:
    """All of what is wrong, in one answer."""
    found = list(errors)
    body = Refusal(errors=[MESSAGES[error.code].format(field=error.field, detail=error.detail) for error in found])
    wrong_method = any(error.code is ErrorCode.METHOD_NOT_ALLOWED for error in found)
    return Response(
        msgspec.json.encode(body),
        status_code=options.optico_error_status,
        media_type="application/json",
        headers={"allow": "GET"} if wrong_method else None,
    )


def render_error(request: Request[Any, Any, Any], error: DomainError, options: DialectOptions) -> Response[bytes]:
    return refuse([error], options)
