"""Paths and handlers of messages."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ringtrail.dialects.fonedynamics.access import Routes, is_sid, own_property_id
from ringtrail.dialects.fonedynamics.bodies import fields_of, read_fields, told_as
from ringtrail.dialects.fonedynamics.errors import Fault, fault_of
from ringtrail.dialects.fonedynamics.message_wire import (
    FIELD_NAMES,
    MAX_BATCH,
    MessageList,
    MessageResource,
    OneMessage,
    SendMessage,
    SendMessages,
    message_query,
    message_resource,
    new_message,
)
from ringtrail.dialects.fonedynamics.parameters import Given
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Principal, Property
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.message import Message

_Request = Request[Any, Any, Any]


class MessageRoutes(Routes):
    def handlers(self) -> list[HTTPRouteHandler]:
        return [
            post("/Properties/{sid:str}/Messages", status_code=200)(self.send),
            post("/Properties/{sid:str}/BatchMessages", status_code=200)(self.send_batch),
            get("/Messages/{sid:str}")(self.get_message),
            get("/Properties/{sid:str}/Messages")(self.list_of_property),
            get("/Accounts/{sid:str}/Messages")(self.list_of_account),
        ]

    async def send(self, request: _Request, sid: FromPath[str]) -> OneMessage:
        principal = await self._asker(request)
        item = await self._property(principal, sid)
        asked = await read_fields(request, SendMessage)
        return OneMessage(Message=message_resource(principal.account, item, await self._send(principal, item, asked)))

    async def send_batch(self, request: _Request, sid: FromPath[str]) -> list[MessageResource | Fault]:
        """A bad message does not stop the others. While the database is away, the rest is not tried one by one."""
        principal = await self._asker(request)
        item = await self._property(principal, sid)
        asked = (await read_fields(request, SendMessages)).Messages
        if len(asked) > MAX_BATCH:
            raise DomainError(ErrorCode.OUT_OF_RANGE, "Messages", f"at most {MAX_BATCH}")
        answers: list[MessageResource | Fault] = []
        away: Fault | None = None
        for one in asked:
            try:
                answers.append(away or await self._send_one(principal, item, one))
            except DomainError as exc:
                answers.append(fault_of(exc))
                away = fault_of(exc) if exc.code is ErrorCode.UNAVAILABLE else None
        return answers

    async def _send_one(self, principal: Principal, item: Property, given: Any) -> MessageResource:
        message = await self._send(principal, item, fields_of(given, SendMessage))
        return message_resource(principal.account, item, message)

    async def _send(self, principal: Principal, item: Property, asked: SendMessage) -> Message:
        with told_as(FIELD_NAMES):
            return await self._services.messages.send(principal.account, new_message(item, asked))

    async def get_message(self, request: _Request, sid: FromPath[str]) -> OneMessage:
        principal = await self._asker(request)
        found = await self._services.messages.by_sid(principal.account.id, sid) if is_sid(sid) else None
        if found is None or not principal.sees(found.property_id):
            raise DomainError(ErrorCode.NOT_FOUND, "MessageSid", "No such message.")
        return OneMessage(Message=(await self._shown(principal, [found]))[0])

    async def list_of_property(self, request: _Request, sid: FromPath[str]) -> MessageList:
        principal = await self._asker(request)
        return await self._list(request, principal, (await self._property(principal, sid)).id)

    async def list_of_account(self, request: _Request, sid: FromPath[str]) -> MessageList:
        principal = await self._asker_of_account(request, sid)
        return await self._list(request, principal, own_property_id(principal))

    async def _list(self, request: _Request, principal: Principal, property_id: int | None) -> MessageList:
        given = Given(parse_query(request.scope["query_string"]))
        count, skip = given.page()
        query = message_query(given, account_id=principal.account.id, property_id=property_id)
        found, _ = await self._services.messages.page(query, offset=skip, limit=count)
        return MessageList(Messages=await self._shown(principal, found))

    async def _shown(self, principal: Principal, messages: list[Message]) -> list[MessageResource]:
        items = await self._properties(principal)
        return [message_resource(principal.account, items[message.property_id], message) for message in messages]
