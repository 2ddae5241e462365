"""Paths and handlers of numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ringtrail.dialects.fonedynamics.access import Routes, own_property_id
from ringtrail.dialects.fonedynamics.bodies import read_fields, told_as
from ringtrail.dialects.fonedynamics.number_wire import (
    KEPT_UNDER,
    BoughtNumber,
    BuyNumber,
    ConfigureNumber,
    NumberList,
    NumberResource,
    OneNumber,
    change_of,
    number_resource,
)
from ringtrail.dialects.fonedynamics.parameters import DEFAULT_COUNT, Given, meaning
from ringtrail.dialects.fonedynamics.vocabulary import CAPABILITIES, NUMBER_TYPES, parse_number
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal
from ringtrail.model.app import App
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import DID

_Request = Request[Any, Any, Any]
_FIELD_NAMES = {"number": "Number", "did": "Number", "app": "Flow"}


class NumberRoutes(Routes):
    def handlers(self) -> list[HTTPRouteHandler]:
        return [
            get("/Numbers/{number:str}")(self.get_number),
            post("/Numbers/{number:str}", status_code=200)(self.configure),
            get("/Properties/{sid:str}/Numbers")(self.list_of_property),
            post("/Properties/{sid:str}/Numbers", status_code=200)(self.buy),
            get("/Accounts/{sid:str}/Numbers")(self.list_of_account),
        ]

    async def get_number(self, request: _Request, number: FromPath[str]) -> OneNumber:
        principal = await self._asker(request)
        return await self._one(principal, await self._number(principal, number))

    async def configure(self, request: _Request, number: FromPath[str]) -> OneNumber:
        principal = await self._asker(request)
        did = await self._number(principal, number)
        asked = await read_fields(request, ConfigureNumber)
        item = (await self._properties(principal))[did.property_id]
        flow = await self._flow(principal, asked.Flow) if asked.Flow else None
        with told_as(_FIELD_NAMES):
            changed = await self._services.numbers.configure(
                principal.account.id, did.hash, change_of(principal.account, item, asked, flow)
            )
        return await self._one(principal, changed)

    async def list_of_property(self, request: _Request, sid: FromPath[str]) -> NumberList:
        principal = await self._asker(request)
        return await self._list(request, principal, (await self._property(principal, sid)).id)

    async def list_of_account(self, request: _Request, sid: FromPath[str]) -> NumberList:
        principal = await self._asker_of_account(request, sid)
        return await self._list(request, principal, own_property_id(principal))

    async def buy(self, request: _Request, sid: FromPath[str]) -> BoughtNumber:
        principal = await self._asker(request)
        item = await self._property(principal, sid)
        asked = await read_fields(request, BuyNumber)
        if not item.active:
            raise DomainError(ErrorCode.FORBIDDEN, "PropertySid", "the property is not active")
        kept = {KEPT_UNDER: {"AddressSid": asked.AddressSid}} if asked.AddressSid else None
        with told_as(_FIELD_NAMES):
            did = await self._services.stock.buy(
                principal.account.id, item.id, number_e164=parse_number("Number", asked.Number), settings=kept
            )
        return BoughtNumber(Number=did.number_e164)

    async def _list(self, request: _Request, principal: Principal, property_id: int | None) -> NumberList:
        given = Given(parse_query(request.scope["query_string"]))
        count, skip = given.page(most=DEFAULT_COUNT)
        words = (*given.items("Capabilites"), *given.items("Capabilities"))  # the vendor's page misspells it
        found, _ = await self._services.numbers.find(
            principal.account.id,
            property_id=property_id,
            line_types=[known for word in given.items("Type") for known in meaning("Type", NUMBER_TYPES, word)],
            capabilities=[meaning("Capabilites", CAPABILITIES, word) for word in words],
            offset=skip,
            limit=count,
        )
        return NumberList(Numbers=await self._shown(principal, found))

    async def _number(self, principal: Principal, text: str) -> DID:
        """A number of the account, with or without '+', or NOT_FOUND: another account's tells nothing."""
        digits = text.removeprefix("+")
        found = None
        if digits.isascii() and digits.isdigit():
            found = await self._services.numbers.by_number(principal.account.id, "+" + digits)
        if found is None or not principal.sees(found.property_id):
            raise DomainError(ErrorCode.NOT_FOUND, "Number", "No such number.")
        return found

    async def _flow(self, principal: Principal, config_id: str) -> App:
        """One of the account's flows; an app that serves one number alone is none."""
        found = (await self._services.apps.by_hashes(principal.account.id, [config_id])).get(config_id)
        if found is None or found.did_hash is not None:
            raise DomainError(ErrorCode.UNKNOWN_VALUE, "Flow", "no such flow")
        return found

    async def _one(self, principal: Principal, did: DID) -> OneNumber:
        return OneNumber(Number=(await self._shown(principal, [did]))[0])

    async def _shown(self, principal: Principal, dids: list[DID]) -> list[NumberResource]:
        items = await self._properties(principal)
        hashes = [did.app_hash for did in dids if did.app_hash]
        apps = await self._services.apps.by_hashes(principal.account.id, hashes) if hashes else {}
        now = datetime.now(UTC)
        return [number_resource(did, items[did.property_id], apps.get(did.app_hash or ""), now) for did in dids]
