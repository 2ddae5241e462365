"""Paths and handlers of calls."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from ringtrail.dialects.fonedynamics import sync
from ringtrail.dialects.fonedynamics.access import Routes
from ringtrail.dialects.fonedynamics.requests import parse_list
from ringtrail.dialects.fonedynamics.responses import CallList, CallResource, OneCall, call_view
from ringtrail.dialects.fonedynamics.vocabulary import PREFIX
from ringtrail.httpkit.files import file_response
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal, Property
from ringtrail.model.call import CallRecord
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import call_id_of_sid
from ringtrail.model.view import View, seen

_Request = Request[Any, Any, Any]


class CallRoutes(Routes):
    def handlers(self) -> list[HTTPRouteHandler]:
        return [
            get("/Calls/{sid:str}")(self.get_call),
            get("/Calls/{sid:str}/Recording")(self.get_recording),
            get("/Properties/{sid:str}/Calls")(self.list_of_property),
            get("/Accounts/{sid:str}/Calls")(self.list_of_account),
        ]

    async def get_call(self, request: _Request, sid: FromPath[str]) -> OneCall:
        principal = await self._asker(request)
        call = await self._call(principal, sid)
        return OneCall(Call=seen(await self._view(principal), call))

    async def get_recording(self, request: _Request, sid: FromPath[str]) -> Response[bytes] | Stream:
        """The finished recording as MP3, or as WAV where no MP3 could be made; the call before a voicemail."""
        principal = await self._asker(request)
        call = await self._call(principal, sid)
        found, _ = await self._services.recordings.find(principal.account.id, call_ids=[call.id], statuses=["ready"])
        for recording in sorted(found, key=lambda item: (item.kind, item.started_at)):
            for extension in ("mp3", "wav"):
                if path := self._services.recordings.file(recording, extension):
                    return file_response(path, request.headers.get("range"))
        raise DomainError(ErrorCode.NOT_FOUND, detail="The call has no recording.")

    async def list_of_property(self, request: _Request, sid: FromPath[str]) -> CallList:
        principal = await self._asker(request)
        return await self._list(request, principal, await self._property(principal, sid))

    async def list_of_account(self, request: _Request, sid: FromPath[str]) -> CallList:
        principal = await self._asker_of_account(request, sid)
        return await self._list(request, principal, principal.property)

    async def _list(self, request: _Request, principal: Principal, item: Property | None) -> CallList:
        query = parse_query(request.scope["query_string"])
        account_id = principal.account.id
        asked = parse_list(query, account_id=account_id, property_id=item.id if item else None)
        reply = await sync.read(self._services.calls, asked, await self._view(principal))
        return CallList(Calls=reply.calls, Token=reply.token)

    async def _call(self, principal: Principal, sid: str) -> CallRecord:
        """An ended call of the account, or NOT_FOUND: another account's sid tells nothing."""
        call_id = call_id_of_sid(sid)
        found = None
        if call_id is not None:
            found = await self._services.calls.by_id(principal.account.id, call_id)
        if found is None or found.ended_at is None or not principal.sees(found.property_id):
            raise DomainError(ErrorCode.NOT_FOUND, "CallSid", "No such call.")
        return found

    async def _view(self, principal: Principal) -> View[CallResource]:
        return call_view(await self._properties(principal), f"{self._base_url}{PREFIX}/Calls")
