"""The JSON-RPC 2.0 envelope as CALLR speaks it: one call a request, positional parameters, the id echoed byte for byte.

Batches, notifications (no id) and named parameters are not part of the vendor's protocol and get a clear error. An
explicit null id is answered with a null id.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from ringtrail.dialects.callr.errors import INVALID_PARAMS, RpcError, invalid_request
from ringtrail.model.errors import DomainError, ErrorCode

_ABSENT = msgspec.Raw(b"")


class _Envelope(msgspec.Struct):
    id: msgspec.Raw = _ABSENT
    jsonrpc: Any = None
    method: Any = None
    params: Any = None


class _Id(msgspec.Struct):
    id: msgspec.Raw = _ABSENT


class RpcCall(NamedTuple):
    method: str
    params: list[Any]


def id_of(body: bytes) -> bytes:
    """The id's own bytes, or `null` if the body holds no usable one. Kept as bytes: 63-bit ids and doubles do not mix."""
    try:
        body.decode()
        echo = bytes(msgspec.json.decode(body, type=_Id).id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b"null"
    return echo if echo[:1] in {b'"', b"-"} or echo[:1].isdigit() else b"null"


def method_of(body: bytes) -> str | None:
    """The method's name, of a body that holds a call."""
    try:
        return parse(body).method
    except DomainError:
        return None


def parse(body: bytes) -> RpcCall:
    """The call. DomainError UNREADABLE, or RpcError for JSON that is no call."""
    envelope = _decoded(body)
    echo = bytes(envelope.id)
    if not echo:
        raise invalid_request("an id is required, notifications are not supported")
    if echo[:1] in {b"[", b"{", b"t", b"f"}:
        raise invalid_request("id must be a number")
    if envelope.jsonrpc != "2.0":
        raise invalid_request('jsonrpc must be "2.0"')
    if not isinstance(envelope.method, str):
        raise invalid_request("method must be a string")
    return RpcCall(envelope.method, _positional(envelope.params))


def _decoded(body: bytes) -> _Envelope:
    try:
        body.decode()
        return msgspec.json.decode(body, type=_Envelope)
    except msgspec.ValidationError as exc:
        batch = body.lstrip()[:1] == b"["
        raise invalid_request("batches are not supported" if batch else "not an object") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise DomainError(ErrorCode.UNREADABLE, detail="the body is not JSON in UTF-8") from exc


def _positional(params: Any) -> list[Any]:
    if params is None:
        return []
    if not isinstance(params, list):
        message = "Invalid params: params must be an array, named parameters are not supported"
        raise RpcError(ErrorCode.WRONG_TYPE, rpc_code=INVALID_PARAMS, message=message)
    return params
