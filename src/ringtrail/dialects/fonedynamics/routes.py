"""Paths, methods and handlers of the calls resource."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request, Response, Router, get
from litestar.params import FromPath
from litestar.response import Stream

from ringtrail.dialects.fonedynamics import sync
from ringtrail.dialects.fonedynamics.auth import authenticate
from ringtrail.dialects.fonedynamics.reference import REFERENCE
from ringtrail.dialects.fonedynamics.requests import parse_list
from ringtrail.dialects.fonedynamics.responses import CallList, CallResource, OneCall, call_resource
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.files import file_response
from ringtrail.httpkit.query import parse_query
from ringtrail.httpkit.reference import document_route
from ringtrail.model.account import Principal, Property
from ringtrail.model.call import CallRecord
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import call_id_of_sid, call_sid
from ringtrail.services import Services

PREFIX = "/v2"
_SID = re.compile(r"[A-Za-z0-9]{32}")
_Request = Request[Any, Any, Any]


def build(services: Services, options: DialectOptions) -> Router:
    calls = CallRoutes(services, options)
    handlers = [
        document_route(REFERENCE, options.base_url),
        get("/Calls/{sid:str}")(calls.get_call),
        get("/Calls/{sid:str}/Recording")(calls.get_recording),
        get("/Properties/{sid:str}/Calls")(calls.list_of_property),
        get("/Accounts/{sid:str}/Calls")(calls.list_of_account),
    ]
    return Router(PREFIX, route_handlers=handlers)


class CallRoutes:
    def __init__(self, services: Services, options: DialectOptions) -> None:
        self._services = services
        self._base_url = options.base_url

    def __deepcopy__(self, memo: dict[int, Any]) -> CallRoutes:
        """Litestar copies a handler for each of its paths; what the handlers work on stays one."""
        return self

    async def get_call(self, request: _Request, sid: FromPath[str]) -> OneCall:
        principal = await authenticate(request, self._services)
        call = await self._call(principal, sid)
        return OneCall(Call=(await self._shown(principal.account.id, [call]))[0])

    async def get_recording(self, request: _Request, sid: FromPath[str]) -> Response[bytes] | Stream:
        """The finished recording as MP3, or as WAV where no MP3 could be made; the call before a voicemail."""
        principal = await authenticate(request, self._services)
        call = await self._call(principal, sid)
        found, _ = await self._services.recordings.find(principal.account.id, call_ids=[call.id], statuses=["ready"])
        for recording in sorted(found, key=lambda item: (item.kind, item.started_at)):
            for extension in ("mp3", "wav"):
                if path := self._services.recordings.file(recording, extension):
                    return file_response(path, request.headers.get("range"))
        raise DomainError(ErrorCode.NOT_FOUND, detail="The call has no recording.")

    async def list_of_property(self, request: _Request, sid: FromPath[str]) -> CallList:
        principal = await authenticate(request, self._services)
        return await self._list(request, principal, await self._property(principal, sid))

    async def list_of_account(self, request: _Request, sid: FromPath[str]) -> CallList:
        principal = await authenticate(request, self._services)
        if sid.upper() != principal.account.sid:
            raise DomainError(ErrorCode.NOT_FOUND, "AccountSid", "No such account.")
        return await self._list(request, principal, principal.property)

    async def _list(self, request: _Request, principal: Principal, item: Property | None) -> CallList:
        query = parse_query(request.scope["query_string"])
        account_id = principal.account.id
        asked = parse_list(query, account_id=account_id, property_id=item.id if item else None)
        reply = await sync.read(self._services.calls, asked)
        return CallList(Calls=await self._shown(account_id, reply.calls), Token=reply.token)

    async def _property(self, principal: Principal, sid: str) -> Property:
        """A property of the account, or NOT_FOUND: another account's sid tells nothing."""
        found = None
        if _SID.fullmatch(sid):
            found = await self._services.accounts.property_by_sid(principal.account.id, sid)
        if found is None or not _sees(principal, found.id):
            raise DomainError(ErrorCode.NOT_FOUND, "PropertySid", "No such property.")
        return found

    async def _call(self, principal: Principal, sid: str) -> CallRecord:
        """An ended call of the account, or NOT_FOUND: another account's sid tells nothing."""
        call_id = call_id_of_sid(sid)
        found = None
        if call_id is not None:
            found = await self._services.calls.by_id(principal.account.id, call_id)
        if found is None or found.ended_at is None or not _sees(principal, found.property_id):
            raise DomainError(ErrorCode.NOT_FOUND, "CallSid", "No such call.")
        return found

    async def _shown(self, account_id: int, calls: list[CallRecord]) -> list[CallResource]:
        items = {item.id: item for item in await self._services.accounts.properties(account_id)}
        recorded = await self._services.recordings.of_calls(
            account_id, [call.id for call in calls if call.recording_hash]
        )
        return [
            call_resource(call, sid, items[call.property_id], self._uri(sid) if call.id in recorded else None)
            for call, sid in ((call, call_sid(call.id)) for call in calls)
        ]

    def _uri(self, sid: str) -> str:
        return f"{self._base_url}{PREFIX}/Calls/{sid}/Recording"


def _sees(principal: Principal, property_id: int) -> bool:
    """A key bound to one property sees that property only."""
    return principal.property is None or principal.property.id == property_id
