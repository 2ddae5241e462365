"""Paths and handlers."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from ringtrail.dialects.native.answers import json_answer
from ringtrail.dialects.native.auth import principal_of
from ringtrail.dialects.native.docs import docs_page, stylesheet
from ringtrail.dialects.native.endpoint_routes import ROUTES as ENDPOINT_ROUTES
from ringtrail.dialects.native.ledger_routes import ROUTES as LEDGER_ROUTES
from ringtrail.dialects.native.openapi import openapi_document
from ringtrail.dialects.native.presentation import masking, recording_shown
from ringtrail.dialects.native.requests import read_list_request, read_part, refuse_parameters
from ringtrail.dialects.native.responses import CallList, RecordingList, call_detail, call_view
from ringtrail.dialects.native.vocabulary import PREFIX, cursor_of
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.files import file_response
from ringtrail.model.account import Principal
from ringtrail.model.call import CallRecord, RecordingRecord
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

AnyRequest = Request[Any, Any, Any]
_ID_DIGITS = 18  # keeps an id inside PostgreSQL's bigint


def build(services: Services, options: DialectOptions) -> Router:
    return Router(
        path=PREFIX,
        route_handlers=[
            list_calls, one_call, recordings_of_call, one_recording, audio, openapi, docs, docs_style,
            *ENDPOINT_ROUTES, *LEDGER_ROUTES,
        ],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "options": Provide(lambda: options, sync_to_thread=False),
            "principal": Provide(principal_of),
        },
    )  # fmt: skip


@get("/calls")
async def list_calls(
    request: AnyRequest, services: NamedDependency[Services], principal: NamedDependency[Principal]
) -> Response[bytes]:
    asked = read_list_request(request.scope["query_string"])
    query = asked.query(principal.account.id, await _property_id(services, principal, asked.property_sid))
    show = call_view(await masking(services, principal.account.id))
    page = await services.calls.page(query, limit=asked.limit, show=show)
    cursor = cursor_of(asked.order, page.last.started_at, page.last.id) if page.has_more else None
    return json_answer(CallList(calls=page.shown, next_cursor=cursor))


@get("/calls/{call_id:str}")
async def one_call(
    request: AnyRequest,
    call_id: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    record = await _call(services, principal, call_id)
    legs = await services.calls.legs(record.account_id, [record.id])
    trace = await services.calls.trace(record.account_id, record.id)
    mask = record.property_id in await masking(services, principal.account.id)
    return json_answer(call_detail(record, legs, trace, mask=mask))


@get("/calls/{call_id:str}/recordings")
async def recordings_of_call(
    request: AnyRequest,
    call_id: FromPath[str],
    services: NamedDependency[Services],
    options: NamedDependency[DialectOptions],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    record = await _call(services, principal, call_id)
    found, _ = await services.recordings.find(record.account_id, call_ids=[record.id])
    return json_answer(RecordingList(recordings=[recording_shown(services, options, item) for item in found]))


@get("/recordings/{hash_:str}")
async def one_recording(
    request: AnyRequest,
    hash_: FromPath[str],
    services: NamedDependency[Services],
    options: NamedDependency[DialectOptions],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    refuse_parameters(request.scope["query_string"])
    return json_answer(recording_shown(services, options, await _recording(services, principal, hash_)))


@get([f"/recordings/{{hash_:str}}/audio{extension}" for extension in ("", ".wav", ".mp3")])
async def audio(
    request: AnyRequest,
    hash_: FromPath[str],
    services: NamedDependency[Services],
    principal: NamedDependency[Principal],
) -> Response[Any]:
    """The sound itself; without an extension MP3 where there is one, else WAV."""
    part = read_part(request.scope["query_string"])
    recording = await _recording(services, principal, hash_)
    if recording.status in ("recording", "processing"):
        raise DomainError(ErrorCode.CONFLICT, detail="the recording is not finished yet")
    _, _, extension = request.url.path.rpartition("/audio")
    formats = (extension[1:],) if extension else ("mp3", "wav")
    path = next((file for name in formats if (file := services.recordings.file(recording, name, part))), None)
    if path is None:
        raise DomainError(ErrorCode.NOT_FOUND, detail="the recording has no such file")
    await services.recordings.mark_read(recording)
    name = "-".join(filter(None, (recording.hash, part))) + path.suffix
    return file_response(path, request.headers.get("range"), download_name=name)


@get("/openapi.json")
async def openapi(options: NamedDependency[DialectOptions]) -> Response[bytes]:
    return json_answer(openapi_document(options.base_url))


@get("/docs")
async def docs(options: NamedDependency[DialectOptions]) -> Response[str]:
    return docs_page(options.base_url)


@get("/docs.css")
async def docs_style() -> Response[str]:
    return stylesheet()


async def _call(services: Services, principal: Principal, call_id: str) -> CallRecord:
    record = None
    if call_id.isascii() and call_id.isdigit() and len(call_id) <= _ID_DIGITS:
        record = await services.calls.by_id(principal.account.id, int(call_id))
    if record is None or (principal.property and principal.property.id != record.property_id):
        raise DomainError(ErrorCode.NOT_FOUND, detail="there is no call with this id")
    return record


async def _recording(services: Services, principal: Principal, hash_: str) -> RecordingRecord:
    sound = hash_.isascii() and hash_.isalnum()  # the database refuses some of what a path can hold
    recording = await services.recordings.by_hash(principal.account.id, hash_) if sound else None
    foreign = recording and principal.property and recording.property_id != principal.property.id
    if recording is None or foreign:
        raise DomainError(ErrorCode.NOT_FOUND, detail="there is no recording with this hash")
    return recording


async def _property_id(services: Services, principal: Principal, sid: str | None) -> int | None:
    """The property to look in; None: all of the account's. A key of one property sees no other."""
    own = principal.property
    if sid is None:
        return own.id if own else None
    found = await services.accounts.property_by_sid(principal.account.id, sid)
    if found is None or (own and own.id != found.id):
        raise DomainError(ErrorCode.UNKNOWN_VALUE, field="property", detail="there is no property with this sid")
    return found.id
