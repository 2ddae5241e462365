"""Paths, methods and handlers of the calls resource."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request, Response, Router, get, route
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import UNSET

from ringtrail.dialects.agendize import sync
from ringtrail.dialects.agendize.auth import authenticate
from ringtrail.dialects.agendize.errors import not_implemented
from ringtrail.dialects.agendize.reference import REFERENCE
from ringtrail.dialects.agendize.requests import parse_list
from ringtrail.dialects.agendize.responses import CallList, CallResource, call_resource, found_in_sight
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.files import file_response
from ringtrail.httpkit.query import parse_query
from ringtrail.httpkit.reference import document_route
from ringtrail.model.account import Principal
from ringtrail.model.call import CallRecord
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

PREFIX = "/api/2.0"
_ONE = "/calls/{call_id:str}"
_TOOLS = ["/calls/buttons", "/calls/calltrackings"]
_ONE_TOOL = [f"{path}/{{call_id:str}}" for path in _TOOLS]
_ID = re.compile(r"[1-9][0-9]{0,17}")
_Request = Request[Any, Any, Any]


def build(services: Services, options: DialectOptions) -> Router:
    calls = CallRoutes(services, options)
    handlers = [
        document_route(REFERENCE, options.base_url),
        get("/calls")(calls.list_calls),
        get(_ONE)(calls.get_call),
        get(f"{_ONE}/record.mp3")(calls.get_record),
        route(["/calls", "/calls/watch", "/actions/call"], http_method=["POST"], status_code=501)(calls.refuse),
        route(_TOOLS, http_method=["GET", "POST"], status_code=501)(calls.refuse),
        route(_ONE, http_method=["PUT", "DELETE"], status_code=501)(calls.refuse_one),
        route(_ONE_TOOL, http_method=["GET", "PUT", "DELETE"], status_code=501)(calls.refuse_one),
    ]
    return Router(PREFIX, route_handlers=handlers)


class CallRoutes:
    def __init__(self, services: Services, options: DialectOptions) -> None:
        self._services = services
        self._base_url = options.base_url

    def __deepcopy__(self, memo: dict[int, Any]) -> CallRoutes:
        """Litestar copies a handler for each of its paths; what the handlers work on stays one."""
        return self

    async def list_calls(self, request: _Request) -> CallList:
        query = parse_query(request.scope["query_string"])
        principal = await authenticate(request, query, self._services)
        asked = parse_list(query)
        batch = await sync.read(self._services, principal, asked)
        return CallList(
            items=await self._shown(principal, batch.calls, asked.filters.search),
            next_page_token=batch.next_page_token or UNSET,
            next_sync_token=batch.next_sync_token or UNSET,
        )

    async def get_call(self, request: _Request, call_id: FromPath[str]) -> CallResource:
        principal = await self._principal(request)
        return (await self._shown(principal, [await self._call(principal, call_id)]))[0]

    async def get_record(self, request: _Request, call_id: FromPath[str]) -> Response[bytes] | Stream:
        """The finished recording as MP3, or as WAV where no MP3 could be made; the call before a voicemail."""
        principal = await self._principal(request)
        call = await self._call(principal, call_id)
        found, _ = await self._services.recordings.find(principal.account.id, call_ids=[call.id], statuses=["ready"])
        for recording in sorted(found, key=lambda item: (item.kind, item.started_at)):
            for extension in ("mp3", "wav"):
                if path := self._services.recordings.file(recording, extension):
                    return file_response(path, request.headers.get("range"))
        raise DomainError(ErrorCode.NOT_FOUND, detail="the call has no recording")

    async def refuse(self, request: _Request) -> Response[Any]:
        await self._principal(request)
        return not_implemented()

    async def refuse_one(self, request: _Request, call_id: FromPath[str]) -> Response[Any]:
        await self._principal(request)
        return not_implemented()

    async def _principal(self, request: _Request) -> Principal:
        return await authenticate(request, parse_query(request.scope["query_string"]), self._services)

    async def _call(self, principal: Principal, call_id: str) -> CallRecord:
        """An ended call of the account, or NOT_FOUND: another account's id tells nothing."""
        found = None
        if _ID.fullmatch(call_id):
            found = await self._services.calls.by_creation_seq(principal.account.id, int(call_id))
        hidden = principal.property is not None and found is not None and found.property_id != principal.property.id
        if found is None or found.ended_at is None or hidden:
            raise DomainError(ErrorCode.NOT_FOUND, detail="no such call")
        return found

    async def _shown(
        self, principal: Principal, calls: list[CallRecord], search: str | None = None
    ) -> list[CallResource]:
        account_id = principal.account.id
        items = {item.id: item for item in await self._services.accounts.properties(account_id)}
        if search is not None:
            calls = [call for call in calls if found_in_sight(call, items[call.property_id], search)]
        recorded = await self._services.recordings.of_calls(
            account_id, [call.id for call in calls if call.recording_hash]
        )
        return [call_resource(call, items[call.property_id], call.id in recorded, self._base_url) for call in calls]
