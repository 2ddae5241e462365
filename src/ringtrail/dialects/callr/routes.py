"""Paths: the JSON-RPC endpoint, the REST wrapper, the sound files of recordings and media, exported tables."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath
from litestar.response import Stream

from ringtrail.dialects.callr import rest
from ringtrail.dialects.callr.auth import DIALECT_NAME, authenticate
from ringtrail.dialects.callr.envelope import RpcCall, id_of, method_of, parse
from ringtrail.dialects.callr.errors import (
    CONTENT_TYPE,
    EXPORTS_PREFIX,
    MEDIA_PREFIX,
    RECORDINGS_PREFIX,
    REST_PREFIX,
    render_error,
)
from ringtrail.dialects.callr.parameters import Asking
from ringtrail.dialects.callr.registry import answer
from ringtrail.httpkit.body import LargeBodies
from ringtrail.httpkit.compression import GZIP
from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.httpkit.files import file_response
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

RPC_PREFIX = "/json-rpc/v1.1"
_OLD_PATH = "/"  # where older SDKs post to; all else at the root is the dashboard's
_REFRESH = b"session.refresh"
_SOUND_FILE = re.compile(r"([A-Z0-9]{8})\.(mp3|wav)")
_EXPORT_FILE = re.compile(r"([a-z0-9]{30})\.csv")
LARGEST_BODY_BYTES = 16 * 1024 * 1024
"""Room for the largest file of media in base64, and for what else is in its call."""
_LARGE_AT_ONCE, _LARGE_OF_ACCOUNT = 4, 2


def build(services: Services, options: DialectOptions) -> Router:
    bodies = LargeBodies(LARGEST_BODY_BYTES, at_once=_LARGE_AT_ONCE, each=_LARGE_OF_ACCOUNT)

    async def admit(request: Request[Any, Any, Any], *, refreshing: bool = False) -> Asking:
        identity = await authenticate(services, request, refreshing=refreshing)
        return Asking(
            services=services, options=options, account=identity.account, principal=identity.principal,
            session_token=identity.session_token,
        )  # fmt: skip

    async def sender(request: Request[Any, Any, Any]) -> int:
        return (await admit(request)).principal.account.id

    async def admit_to_rest(request: Request[Any, Any, Any]) -> rest.Ask:
        asking = await admit(request)
        return lambda method, params: answer(asking, RpcCall(method, params))

    @post(RPC_PREFIX, status_code=200, middleware=[GZIP], request_max_body_size=None)
    async def json_rpc(request: Request[Any, Any, Any]) -> Response[bytes]:
        async with bodies.read(request, sender) as body:
            echo = id_of(body)
            request.scope["state"]["rpc_id"] = (
                echo  # for render_error, which also words what goes wrong outside of here
            )
            asking = await admit(request, refreshing=_refreshes(body))
            result = await answer(asking, parse(body))
        reply = {"jsonrpc": "2.0", "id": msgspec.Raw(echo), "result": result}
        return Response(msgspec.json.encode(reply), media_type=CONTENT_TYPE)

    @get(f"{RECORDINGS_PREFIX}/{{name:str}}")
    async def recording_file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes] | Stream:
        account = (await authenticate(services, request)).account
        match = _SOUND_FILE.fullmatch(name)
        recording = await services.recordings.by_hash(account.id, match[1]) if match else None
        path = services.recordings.file(recording, match[2]) if match and recording else None
        if recording is None or path is None:
            raise DomainError(ErrorCode.NOT_FOUND)
        await services.recordings.mark_read(recording)
        return file_response(path, request.headers.get("range"), download_name=name)

    @get(f"{MEDIA_PREFIX}/{{name:str}}")
    async def media_file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes] | Stream:
        account = (await authenticate(services, request)).account
        match = _SOUND_FILE.fullmatch(name)
        medium = await services.media.by_hash(account.id, match[1]) if match else None
        path = services.media.file(medium, match[2]) if match and medium else None
        if path is None:
            raise DomainError(ErrorCode.NOT_FOUND)
        return file_response(path, request.headers.get("range"), download_name=name)

    @get(f"{EXPORTS_PREFIX}/{{name:str}}")
    async def export_file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes] | Stream:
        account = (await authenticate(services, request)).account
        match = _EXPORT_FILE.fullmatch(name)
        path = await services.exports.file(account.id, match[1]) if match else None
        if path is None:
            raise DomainError(ErrorCode.NOT_FOUND)
        return file_response(path, request.headers.get("range"), download_name=name)

    files = [recording_file, media_file, export_file]
    return Router("/", route_handlers=[json_rpc, *files, *rest.handlers(admit_to_rest, [GZIP])])


def _refreshes(body: bytes) -> bool:
    return _REFRESH in body and method_of(body) == _REFRESH.decode()


DIALECT = Dialect(
    name=DIALECT_NAME,
    path_prefixes=(RPC_PREFIX, REST_PREFIX, RECORDINGS_PREFIX, MEDIA_PREFIX, EXPORTS_PREFIX),
    build=build,
    render_error=render_error,
    aliases=(("POST", _OLD_PATH, RPC_PREFIX),),
)
