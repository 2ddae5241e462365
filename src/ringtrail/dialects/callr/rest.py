"""The REST v1.1 wrapper, `/rest/v1.1/sms`: the same methods as over JSON-RPC, in another envelope.

An answer is `{"status": "success", "data": ...}`, an error `{"status": "error", "data": {"code", "message"}}` with an HTTP
status of 400 or more. [inferred]: POST takes a form or a JSON object; `options` in a form or a query string is a JSON
object; what is not given is null, and so is an empty `options`; a parameter that is unknown or given twice is refused; every
kind of credentials is good here, the vendor documents Basic only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler, Middleware

from ringtrail.dialects.callr.errors import REST_PREFIX, invalid_request, no_such_resource
from ringtrail.dialects.callr.parameters import bad_format, bad_value
from ringtrail.httpkit.body import read_body
from ringtrail.httpkit.query import parse_query, plus_restored
from ringtrail.model.errors import DomainError, ErrorCode

Ask = Callable[[str, list[Any]], Awaitable[Any]]
"""(method, its positional parameters) -> the method's result."""
_SEND = ("from", "to", "body", "options")
_LIST = ("type", "from", "to")
_NUMBERS = ("from", "to")


def handlers(
    admit: Callable[[Request[Any, Any, Any]], Awaitable[Ask]], middleware: list[Middleware]
) -> list[ControllerRouterHandler]:
    """admit: whoever sent the request asks from now on. It comes before anything is read."""

    @get(f"{REST_PREFIX}/sms", middleware=middleware)
    async def list_sms(request: Request[Any, Any, Any]) -> Response[bytes]:
        ask = await admit(request)
        return _success(await ask("sms.get_list", _in_order(_query(request), _LIST)))

    @post(f"{REST_PREFIX}/sms", status_code=200)
    async def send_sms(request: Request[Any, Any, Any]) -> Response[bytes]:
        ask = await admit(request)
        given = _posted(request.headers.get("content-type", ""), await read_body(request))
        return _success(await ask("sms.send", _in_order(given, _SEND)))

    @get(f"{REST_PREFIX}/sms/send")
    async def send_sms_by_query(request: Request[Any, Any, Any]) -> Response[bytes]:
        ask = await admit(request)
        return _success(await ask("sms.send", _in_order(_with_options(_query(request)), _SEND)))

    @get(f"{REST_PREFIX}/sms/{{hash_:str}}")
    async def one_sms(request: Request[Any, Any, Any], hash_: FromPath[str]) -> Response[bytes]:
        ask = await admit(request)
        try:
            return _success(await ask("sms.get", [hash_]))
        except DomainError as exc:
            raise no_such_resource(exc) if exc.code is ErrorCode.UNKNOWN_VALUE else exc from None

    return [list_sms, send_sms, send_sms_by_query, one_sms]


def _query(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return _single(parse_query(request.scope["query_string"]))


def _success(data: Any) -> Response[bytes]:
    return Response(msgspec.json.encode({"status": "success", "data": data}), media_type="application/json")


def _in_order(given: Mapping[str, Any], names: tuple[str, ...]) -> list[Any]:
    for name in given:
        if name not in names:
            raise bad_value(name[:64])
    return [given.get(name) for name in names]


def _posted(content_type: str, body: bytes) -> Mapping[str, Any]:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return _with_options(_single(parse_query(body)))
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise DomainError(ErrorCode.UNREADABLE, detail="the body is not JSON in UTF-8") from exc
    if not isinstance(given, dict):
        raise invalid_request("not an object")
    return given


def _single(given: Mapping[str, list[str]]) -> dict[str, Any]:
    """A '+' that was not encoded came as a space: no number begins with one."""
    for name, values in given.items():
        if len(values) > 1:
            raise bad_value(name[:64])
    return {name: plus_restored(value) if name in _NUMBERS else value for name, (value,) in given.items()}


def _with_options(given: dict[str, Any]) -> dict[str, Any]:
    if not given.get("options"):
        return given | {"options": None}
    try:
        return given | {"options": msgspec.json.decode(given["options"])}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise bad_format("options") from None
