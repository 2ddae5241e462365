"""Errors as problem details (RFC 9457): a stable `type`, and one entry in `errors` for each field that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Request, Response
from msgspec import Meta

from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode

PROBLEM_TYPE = "application/problem+json"


class Kind(NamedTuple):
    """One kind of problem: its status, the end of its `type`, and what it means."""

    status: int
    slug: str
    title: str
    meaning: str

    @property
    def type(self) -> str:
        return f"urn:ringtrail:problem:{self.slug}"


_INVALID = Kind(400, "invalid-request", "Invalid request", "A parameter cannot be used; `errors` names each one.")

PROBLEMS: dict[ErrorCode, Kind] = {
    ErrorCode.UNAUTHENTICATED: Kind(401, "unauthenticated", "Not authenticated", "No token, or one that nobody has."),
    ErrorCode.FORBIDDEN: Kind(403, "forbidden", "Forbidden", "The token is known but may not do this."),
    ErrorCode.NOT_FOUND: Kind(404, "not-found", "Not found", "There is no such thing, or it belongs to somebody else."),
    ErrorCode.METHOD_NOT_ALLOWED: Kind(
        405, "method-not-allowed", "Method not allowed", "The path exists, but not with this method."
    ),
    ErrorCode.UNREADABLE: Kind(400, "unreadable", "Unreadable request", "The request cannot be parsed at all."),
    ErrorCode.MISSING: _INVALID,
    ErrorCode.WRONG_TYPE: _INVALID,
    ErrorCode.BAD_FORMAT: _INVALID,
    ErrorCode.UNKNOWN_VALUE: _INVALID,
    ErrorCode.OUT_OF_RANGE: _INVALID,
    ErrorCode.INVERTED_RANGE: _INVALID,
    ErrorCode.CONFLICT: Kind(409, "conflict", "Not possible now", "The thing is in a state that does not allow this."),
    ErrorCode.GONE: Kind(410, "gone", "Gone", "It was here once."),
    ErrorCode.TOO_LARGE: Kind(413, "too-large", "Too large", "The request is larger than we read."),
    ErrorCode.TOO_MANY: Kind(429, "too-many-requests", "Too many requests", "Slow down and try again."),
    ErrorCode.UNAVAILABLE: Kind(503, "unavailable", "Unavailable", "Something that we need is away: try again."),
    ErrorCode.INTERNAL: Kind(
        500, "internal", "Internal error", "A fault of ours; the log has it under the request id."
    ),
}


@dataclass(slots=True)
class InvalidRequestError(DomainError):
    """Everything that is wrong with a request, at once."""

    faults: tuple[DomainError, ...] = ()


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One field that is wrong."""

    field: Annotated[str, Meta(description="The parameter's name as it was sent.", examples=["limit"])]
    code: Annotated[ErrorCode, Meta(description="What is wrong with it, for programs.", examples=["out_of_range"])]
    detail: Annotated[str, Meta(description="What is wrong with it, for people.", examples=["must be 1 to 1000"])]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem (RFC 9457), sent as `application/problem+json`."""

    type: Annotated[
        str, Meta(description="Stable name of the kind of problem.", examples=["urn:ringtrail:problem:invalid-request"])
    ]
    title: Annotated[str, Meta(description="The kind in words; the same for every problem of the type.")]
    status: Annotated[int, Meta(ge=400, le=599, description="The HTTP status, repeated.")]
    detail: Annotated[str | None, Meta(description="What went wrong this time.")]
    errors: Annotated[list[FieldError], Meta(description="The fields that are wrong; empty if it is no field's fault.")]


def problem_of(error: DomainError) -> Problem:
    """Total over ErrorCode."""
    kind = PROBLEMS[error.code]
    faults = error.faults if isinstance(error, InvalidRequestError) else (error,) if error.field else ()
    return Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=error.detail,
        errors=[
            FieldError(field=fault.field or "", code=fault.code, detail=fault.detail or fault.code) for fault in faults
        ],
    )


def render_error(_request: Request[Any, Any, Any], error: DomainError, _options: DialectOptions) -> Response[bytes]:
    problem = problem_of(error)
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if problem.status == 401:
        headers["www-authenticate"] = 'Bearer realm="ringtrail"'
    return Response(msgspec.json.encode(problem), status_code=problem.status, headers=headers, media_type=PROBLEM_TYPE)
