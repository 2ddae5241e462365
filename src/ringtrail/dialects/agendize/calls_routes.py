"""Handlers of the calls resource."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request, Response
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import UNSET

from ringtrail.dialects.agendize import sync
from ringtrail.dialects.agendize.auth import authenticate
from ringtrail.dialects.agendize.bodies import read_object
from ringtrail.dialects.agendize.requests import parse_change, parse_list, parse_new_call
from ringtrail.dialects.agendize.responses import CallList, CallResource, call_view, found_in_sight
from ringtrail.dialects.agendize.vocabulary import DEFAULT_ZONE
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.files import file_response
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.call import CallRecord
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.view import View, seen
from ringtrail.services import Services

_ID = re.compile(r"[1-9][0-9]{0,17}")
_Request = Request[Any, Any, Any]


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
        batch = await sync.read(self._services, principal, asked, await self._view(principal))
        calls, search = batch.calls, asked.filters.search
        if search is not None:
            calls = [call for call in calls if found_in_sight(call, search)]
        return CallList(
            items=calls,
            next_page_token=batch.next_page_token or UNSET,
            next_sync_token=batch.next_sync_token or UNSET,
        )

    async def get_call(self, request: _Request, call_id: FromPath[str]) -> CallResource:
        principal = await self._principal(request)
        return seen(await self._view(principal), await self._call(principal, call_id))

    async def add_call(self, request: _Request) -> CallResource:
        principal = await self._principal(request)
        entry = parse_new_call(await read_object(request), await self._company_zone(principal))
        return await self._again(principal, await self._services.entered_calls.enter(principal, entry))

    async def change_call(self, request: _Request, call_id: FromPath[str]) -> CallResource:
        principal = await self._principal(request)
        call = await self._call(principal, call_id)
        shown = seen(await self._view(principal), call)
        entry = parse_change(await read_object(request), shown)
        if entry is None:
            return shown
        await self._services.entered_calls.correct(principal, call.id, entry)
        return await self._again(principal, call.id)

    async def delete_call(self, request: _Request, call_id: FromPath[str]) -> Response[bytes]:
        principal = await self._principal(request)
        call = await self._call(principal, call_id)
        await self._services.entered_calls.remove(principal, call.id)
        return Response(b"")

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

    async def _principal(self, request: _Request) -> Principal:
        return await authenticate(request, parse_query(request.scope["query_string"]), self._services)

    async def _call(self, principal: Principal, call_id: str) -> CallRecord:
        """An ended call that the key may see."""
        found = None
        if _ID.fullmatch(call_id):
            found = await self._services.calls.by_creation_seq(principal.account.id, int(call_id))
        return _visible(principal, found)

    async def _again(self, principal: Principal, call_id: int) -> CallResource:
        """A call that was just written, as it is now; NOT_FOUND if somebody else has just deleted it."""
        call = await self._services.calls.by_id(principal.account.id, call_id)
        return seen(await self._view(principal), _visible(principal, call))

    async def _company_zone(self, principal: Principal) -> str:
        """The zone of the key's property, else of the account's first: what the vendor calls the company's."""
        items = [principal.property] if principal.property else None
        items = items or await self._services.accounts.properties(principal.account.id)
        return next((item.timezone for item in items[:1] if item.timezone), DEFAULT_ZONE)

    async def _view(self, principal: Principal) -> View[CallResource]:
        items = await self._services.accounts.properties(principal.account.id)
        return call_view({item.id: item for item in items}, self._base_url)


def _visible(principal: Principal, call: CallRecord | None) -> CallRecord:
    """The same, or NOT_FOUND: another account's or property's id, and a call in progress, tell nothing."""
    if call is None or call.ended_at is None or not principal.sees(call.property_id):
        raise DomainError(ErrorCode.NOT_FOUND, detail="no such call")
    return call
