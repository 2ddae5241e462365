"""Our error codes as HTTP statuses with {"error": text}. The vendor publishes none: statuses, shape and texts are ours."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response

from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode


class Refusal(msgspec.Struct, kw_only=True):
    """The body of every error."""

    error: str


STATUS_AND_TEXT: dict[ErrorCode, tuple[int, str]] = {
    ErrorCode.UNAUTHENTICATED: (401, "the API key is missing or not valid"),
    ErrorCode.FORBIDDEN: (403, "this API key may not do that"),
    ErrorCode.NOT_FOUND: (404, "there is nothing at this address"),
    ErrorCode.METHOD_NOT_ALLOWED: (405, "only GET is accepted"),
    ErrorCode.UNREADABLE: (400, "the request cannot be read"),
    ErrorCode.MISSING: (400, "a parameter is missing"),
    ErrorCode.WRONG_TYPE: (400, "a parameter is not valid"),
    ErrorCode.BAD_FORMAT: (400, "a parameter is not valid"),
    ErrorCode.UNKNOWN_VALUE: (400, "a parameter is not valid"),
    ErrorCode.OUT_OF_RANGE: (400, "a parameter is out of range"),
    ErrorCode.INVERTED_RANGE: (400, "the range ends before it begins"),
    ErrorCode.CONFLICT: (409, "the request contradicts the current state"),
    ErrorCode.GONE: (410, "this position is no longer valid"),
    ErrorCode.TOO_LARGE: (414, "the query string is too long"),
    ErrorCode.TOO_MANY: (429, "too many requests"),
    ErrorCode.UNAVAILABLE: (503, "try again later"),
    ErrorCode.INTERNAL: (500, "an error of ours"),
}
_EXPLAINED = frozenset({400, 500})  # where the detail tells the asker more than the text does


def render_error(request: Request[Any, Any, Any], error: DomainError, options: DialectOptions) -> Response[bytes]:
    status, text = STATUS_AND_TEXT[error.code]
    if error.detail and status in _EXPLAINED:
        text = f"{error.field}: {error.detail}" if error.field else f"{text}: {error.detail}"
    return Response(
        msgspec.json.encode(Refusal(error=text)),
        status_code=status,
        media_type="application/json",
        headers={"allow": "GET"} if error.code is ErrorCode.METHOD_NOT_ALLOWED else None,
    )
