"""Paths and handlers of properties and of the flows that their numbers may be sent to."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ringtrail.dialects.fonedynamics.access import Routes
from ringtrail.dialects.fonedynamics.bodies import read_fields
from ringtrail.dialects.fonedynamics.parameters import Given
from ringtrail.dialects.fonedynamics.property_wire import (
    ChangeProperty,
    FlowList,
    NewProperty,
    OneProperty,
    PropertyList,
    change_of,
    flow_resource,
    property_resource,
    settings_of,
)
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Property
from ringtrail.model.errors import DomainError, ErrorCode

DEFAULT_COUNT = 50
_Request = Request[Any, Any, Any]


class PropertyRoutes(Routes):
    def handlers(self) -> list[HTTPRouteHandler]:
        return [
            get("/Properties")(self.list_properties),
            post("/Properties", status_code=200)(self.create),
            get("/Properties/{sid:str}")(self.get_property),
            patch("/Properties/{sid:str}", status_code=204)(self.change),
            get("/Properties/{sid:str}/Flows")(self.list_flows),
        ]

    async def list_properties(self, request: _Request) -> PropertyList:
        principal = await self._asker(request)
        given = Given(parse_query(request.scope["query_string"]))
        count, skip = given.page(DEFAULT_COUNT)
        items = [item for item in (await self._properties(principal)).values() if principal.sees(item.id)]
        start = skip + _after(items, given.single("PageToken", str))
        page = items[start : start + count]
        return PropertyList(
            Projects=[property_resource(principal.account, item) for item in page],
            TotalCount=len(items),
            NextPageToken=page[-1].sid if page and start + count < len(items) else None,
        )

    async def create(self, request: _Request) -> OneProperty:
        principal = await self._asker(request)
        if principal.property is not None:
            raise DomainError(ErrorCode.FORBIDDEN, detail="the key belongs to one property")
        settings = settings_of(await read_fields(request, NewProperty))
        item = await self._services.accounts.add_property(principal.account.id, **settings)
        return OneProperty(Project=property_resource(principal.account, item))

    async def get_property(self, request: _Request, sid: FromPath[str]) -> OneProperty:
        principal = await self._asker(request)
        return OneProperty(Project=property_resource(principal.account, await self._property(principal, sid)))

    async def change(self, request: _Request, sid: FromPath[str]) -> None:
        principal = await self._asker(request)
        item = await self._property(principal, sid)
        asked = await read_fields(request, ChangeProperty)
        await self._services.accounts.change_property(principal.account.id, item.sid, change_of(asked))

    async def list_flows(self, request: _Request, sid: FromPath[str]) -> FlowList:
        principal = await self._asker(request)
        item = await self._property(principal, sid)
        count, skip = Given(parse_query(request.scope["query_string"])).page(DEFAULT_COUNT)
        apps = await self._services.apps.list(principal.account.id, shared_only=True, offset=skip, limit=count)
        return FlowList(Flows=[flow_resource(item, app) for app in apps])


def _after(items: list[Property], token: str | None) -> int:
    """How many properties were shown before. DomainError GONE for a token that names none of them."""
    if token is None:
        return 0
    for position, item in enumerate(items):
        if item.sid == token.upper():
            return position + 1
    raise DomainError(ErrorCode.GONE, "PageToken")
