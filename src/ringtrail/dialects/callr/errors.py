"""How CALLR words an error.

Messages in capitals are the vendor's, letter for letter (asserted by the tests of its own SDKs). Which number goes with
which message is known only in part (100, 150, 151, 205 are seen in the wild); where nothing is known the reserved codes
of JSON-RPC 2.0 section 5.1 are used. [inferred]: the pairing of numbers with messages, everything after the first colon
of a message, 413, 405 and 404 with a JSON-RPC body, and which HTTP status REST has for what JSON-RPC says with 200: 403 for
error 100, 404 for a message that is not there, 400 for everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response

from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
INTERNAL_ERROR, SERVER_ERROR = -32603, -32000
FEATURE_NOT_ALLOWED, MISSING_PROPERTY, INVALID_PROPERTY, APP_CANNOT_HAVE_DID = 100, 150, 151, 205
AUTHENTICATION_FAILED = 401

OOPS = "Oops, Internal Error. ¯\\_(ツ)_/¯"
CONTENT_TYPE = "application/json-rpc; charset=utf-8"
RECORDINGS_PREFIX = "/callr/recordings"
MEDIA_PREFIX = "/callr/media"
EXPORTS_PREFIX = "/callr/exports"
REST_PREFIX = "/rest/v1.1"


@dataclass(slots=True, kw_only=True)
class RpcError(DomainError):
    """An error that only this dialect knows, with its number and message ready. HTTP status 200, over REST `rest_status`."""

    rpc_code: int
    message: str
    rest_status: int = 400


def invalid_request(detail: str) -> RpcError:
    return RpcError(ErrorCode.UNREADABLE, rpc_code=INVALID_REQUEST, message=f"Invalid Request: {detail}")


def unknown_package() -> RpcError:
    """What the vendor answers to `apps.create` with a package that it never had."""
    return RpcError(ErrorCode.UNKNOWN_VALUE, rpc_code=INTERNAL_ERROR, message=OOPS)


def app_without_did() -> RpcError:
    return RpcError(ErrorCode.CONFLICT, rpc_code=APP_CANNOT_HAVE_DID, message="BAD_APP_TYPE")


def another_package() -> RpcError:
    """An app exists, but is of a package that the method is not for."""
    return RpcError(ErrorCode.UNKNOWN_VALUE, rpc_code=APP_CANNOT_HAVE_DID, message="BAD_APP_TYPE")


def no_such_resource(error: DomainError) -> RpcError:
    """What a REST path names is not there."""
    _, code, message = worded(error)
    return RpcError(error.code, rpc_code=code, message=message, rest_status=404)


def limit_reached(error: DomainError) -> DomainError:
    """An error of ours, said so that TOO_MANY things are not taken for too many requests, which would be HTTP 429."""
    if error.code is not ErrorCode.TOO_MANY:
        return error
    return RpcError(error.code, rpc_code=FEATURE_NOT_ALLOWED, message=f"FORBIDDEN: {error.detail}")


class _Wording(NamedTuple):
    """message: with the field's name in brackets if names_field, and the detail after a colon if there is one."""

    http_status: int
    rpc_code: int
    message: str
    names_field: bool = False


WORDING: dict[ErrorCode, _Wording] = {
    ErrorCode.UNAUTHENTICATED: _Wording(401, AUTHENTICATION_FAILED, "Authentication failed"),
    ErrorCode.FORBIDDEN: _Wording(200, FEATURE_NOT_ALLOWED, "FORBIDDEN"),
    ErrorCode.NOT_FOUND: _Wording(404, METHOD_NOT_FOUND, "Not Found"),
    ErrorCode.METHOD_NOT_ALLOWED: _Wording(405, INVALID_REQUEST, "Invalid Request: method not allowed"),
    ErrorCode.UNREADABLE: _Wording(200, PARSE_ERROR, "Parse error"),
    ErrorCode.MISSING: _Wording(200, MISSING_PROPERTY, "PROPERTY_VALUE_ERROR", names_field=True),
    ErrorCode.WRONG_TYPE: _Wording(200, INVALID_PROPERTY, "PROPERTY_TYPE_ERROR", names_field=True),
    ErrorCode.BAD_FORMAT: _Wording(200, INVALID_PARAMS, "INVALID_PARAM_FORMAT", names_field=True),
    ErrorCode.UNKNOWN_VALUE: _Wording(200, INVALID_PROPERTY, "PROPERTY_VALUE_ERROR", names_field=True),
    ErrorCode.OUT_OF_RANGE: _Wording(200, INVALID_PROPERTY, "PROPERTY_VALUE_ERROR", names_field=True),
    ErrorCode.INVERTED_RANGE: _Wording(200, INVALID_PROPERTY, "TO_BEFORE_FROM"),
    ErrorCode.CONFLICT: _Wording(200, INVALID_PROPERTY, "PROPERTY_VALUE_ERROR", names_field=True),
    ErrorCode.GONE: _Wording(200, INVALID_PROPERTY, "PROPERTY_VALUE_ERROR", names_field=True),
    ErrorCode.TOO_LARGE: _Wording(413, INVALID_REQUEST, "Invalid Request: too large"),
    ErrorCode.TOO_MANY: _Wording(429, SERVER_ERROR, "TOO_MANY_REQUESTS"),
    ErrorCode.UNAVAILABLE: _Wording(503, SERVER_ERROR, "UNAVAILABLE"),
    ErrorCode.INTERNAL: _Wording(500, INTERNAL_ERROR, OOPS),
}


def worded(error: DomainError) -> tuple[int, int, str]:
    """(HTTP status, number, message)."""
    if isinstance(error, RpcError):
        return 200, error.rpc_code, error.message
    wording = WORDING[error.code]
    message = f"{wording.message} [{error.field}]" if wording.names_field and error.field else wording.message
    if error.code is ErrorCode.FORBIDDEN and error.detail:
        message = f"{message}: {error.detail}"
    return wording.http_status, wording.rpc_code, message


def _rest_status(error: DomainError, status: int, code: int) -> int:
    if status != 200:
        return status
    if code == FEATURE_NOT_ALLOWED:
        return 403
    return error.rest_status if isinstance(error, RpcError) else 400


def render_error(request: Request[Any, Any, Any], error: DomainError, options: DialectOptions) -> Response[bytes]:
    """A JSON-RPC error that echoes the request's id, or for a REST path or a sound file the error of the vendor's REST API."""
    status, code, message = worded(error)
    headers = {"WWW-Authenticate": 'Basic realm="ringtrail"'} if status == 401 else None
    if request.scope["path"].startswith((RECORDINGS_PREFIX, MEDIA_PREFIX, EXPORTS_PREFIX, REST_PREFIX)):
        body = msgspec.json.encode({"status": "error", "data": {"code": code, "message": message}})
        status = _rest_status(error, status, code)
        return Response(body, status_code=status, headers=headers, media_type="application/json")
    echo = msgspec.Raw(request.scope.get("state", {}).get("rpc_id", b"null"))
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": echo, "error": {"code": code, "message": message}})
    return Response(body, status_code=status, headers=headers, media_type=CONTENT_TYPE)
