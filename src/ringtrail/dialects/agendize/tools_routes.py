"""Handlers of what makes calls: buttons, call-tracking numbers, the click-to-call action."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Response
from litestar.params import FromPath

from ringtrail.dialects.agendize.auth import authenticate
from ringtrail.dialects.agendize.bodies import read_object
from ringtrail.dialects.agendize.opening_hours import is_open
from ringtrail.dialects.agendize.requests import hash_in_path
from ringtrail.dialects.agendize.tools_requests import (
    CallAction,
    CallTrackingChange,
    Phone,
    merged,
    parse_action,
    parse_button,
    parse_call_tracking,
)
from ringtrail.dialects.agendize.tools_responses import (
    KEPT,
    ActionResult,
    button_resource,
    button_settings,
    button_shown,
    call_tracking_shown,
    extras,
    target_of,
)
from ringtrail.httpkit.query import parse_query
from ringtrail.model.account import Account, Principal, Property
from ringtrail.model.app import App, call_tracking_settings
from ringtrail.model.button import Button
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import DID
from ringtrail.services import Services
from ringtrail.services.numbers import Change, Endpoint, diallable, facts_of, to_e164

_Request = Request[Any, Any, Any]


class ToolRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services

    def __deepcopy__(self, memo: dict[int, Any]) -> ToolRoutes:
        """Litestar copies a handler for each of its paths; what the handlers work on stays one."""
        return self

    # --- buttons ---

    async def list_buttons(self, request: _Request) -> dict[str, Any]:
        principal = await self._principal(request)
        bound = principal.property.id if principal.property else None
        found = await self._services.buttons.list(principal.account.id, property_id=bound)
        return {"items": [button_shown(button) for button in found]}

    async def get_button(self, request: _Request, tool_id: FromPath[str]) -> dict[str, Any]:
        return button_shown(await self._button(await self._principal(request), tool_id))

    async def add_button(self, request: _Request) -> dict[str, Any]:
        principal = await self._principal(request)
        new, kept = parse_button(await read_object(request), new=True)
        button = await self._services.buttons.create(
            principal.account,
            (await self._home(principal)).id,
            name=new.name or "",
            target=new.phone_number or "",
            max_talk_s=_seconds(new.max_duration),
            settings=merged({}, kept) | button_settings({}, new),
        )
        return button_shown(button)

    async def change_button(self, request: _Request, tool_id: FromPath[str]) -> dict[str, Any]:
        principal = await self._principal(request)
        button = await self._button(principal, tool_id)
        change, kept = parse_button(await read_object(request), new=False)
        changed = replace(
            button,
            name=button.name if change.name is None else change.name,
            target_e164=change.phone_number or button.target_e164,
            max_talk_s=button.max_talk_s if change.max_duration is None else _seconds(change.max_duration),
            settings=merged(extras(button), kept) | button_settings(dict(button.settings), change),
        )
        return button_shown(await self._services.buttons.change(principal.account, changed))

    async def delete_button(self, request: _Request, tool_id: FromPath[str]) -> Response[bytes]:
        principal = await self._principal(request)
        button = await self._button(principal, tool_id)
        await self._services.buttons.delete(principal.account.id, button.hash)
        return Response(b"")

    async def press(self, request: _Request) -> ActionResult:
        """Order the call. The answer names the two as the request did."""
        principal = await self._principal(request)
        action = parse_action(await read_object(request))
        button = await self._button_named(principal, action.button_id)
        await self._check_pressable(principal.account, button, action)
        order = await self._services.buttons.press(principal.account, button, action.visitor(), delay=action.wait())
        visitor, target = Phone(phone_number=order.visitor_e164), Phone(phone_number=order.target_e164)
        called, caller = (visitor, target) if action.called else (target, visitor)
        return ActionResult(button_id=button.hash, status="done", called=called, caller=caller)

    async def _check_pressable(self, account: Account, button: Button, action: CallAction) -> None:
        """The button's own rules: whom it calls, and when; in the property's zone, else the account's [inferred]."""
        shown = button_resource(button)
        visitor = to_e164(action.visitor(), account.country)
        if shown.countries and visitor and facts_of(visitor).country not in shown.countries:
            raise DomainError(ErrorCode.FORBIDDEN, "called.phoneNumber", "the button does not call that country")
        item = await self._property(account.id, button.property_id)
        due_at = datetime.now(UTC) + action.wait()
        local = due_at.astimezone(ZoneInfo(item.timezone or account.timezone))
        if shown.opening_hours_enabled and not is_open(shown.opening_hours, local):
            raise DomainError(ErrorCode.CONFLICT, "buttonId", f"the button is closed at {local:%A %H:%M}")

    # --- call-tracking numbers ---

    async def list_call_trackings(self, request: _Request) -> dict[str, Any]:
        principal = await self._principal(request)
        bound = principal.property.id if principal.property else None
        dids, _ = await self._services.numbers.find(principal.account.id, property_id=bound)
        return {"items": await self._shown(principal, dids)}

    async def get_call_tracking(self, request: _Request, tool_id: FromPath[str]) -> dict[str, Any]:
        principal = await self._principal(request)
        return (await self._shown(principal, [await self._did(principal, tool_id)]))[0]

    async def add_call_tracking(self, request: _Request) -> dict[str, Any]:
        """Buy a number of the account's country and set it up, or neither."""
        principal = await self._principal(request)
        new, kept = parse_call_tracking(await read_object(request), new=True)
        item = await self._home(principal)
        change = _configured(principal.account, item, new, kept)
        did = await self._services.stock.buy(
            principal.account.id, item.id, country=principal.account.country, change=change
        )
        return (await self._shown(principal, [did]))[0]

    async def change_call_tracking(self, request: _Request, tool_id: FromPath[str]) -> dict[str, Any]:
        principal = await self._principal(request)
        did = await self._did(principal, tool_id)
        sent, kept = parse_call_tracking(await read_object(request), new=False)
        item = await self._property(did.account_id, did.property_id)
        change = _configured(principal.account, item, sent, kept)
        did = await self._services.numbers.configure(principal.account.id, did.hash, change)
        return (await self._shown(principal, [did]))[0]

    async def delete_call_tracking(self, request: _Request, tool_id: FromPath[str]) -> Response[bytes]:
        principal = await self._principal(request)
        await self._services.stock.release(await self._did(principal, tool_id))
        return Response(b"")

    async def _shown(self, principal: Principal, dids: list[DID]) -> list[dict[str, Any]]:
        apps = await self._services.apps.by_hashes(principal.account.id, [did.app_hash for did in dids if did.app_hash])
        return [call_tracking_shown(did, principal.account, target_of(apps.get(did.app_hash or ""))) for did in dids]

    # --- whose they are ---

    async def _principal(self, request: _Request) -> Principal:
        return await authenticate(request, parse_query(request.scope["query_string"]), self._services)

    async def _button(self, principal: Principal, hash_: str) -> Button:
        button = await self._services.buttons.by_hash(principal.account.id, hash_in_path(hash_))
        if button is None or not principal.sees(button.property_id):
            raise DomainError(ErrorCode.NOT_FOUND, detail="no such button")
        return button

    async def _button_named(self, principal: Principal, hash_: str) -> Button:
        """Named in a body: what is not there is a wrong value."""
        try:
            return await self._button(principal, hash_)
        except DomainError as exc:
            raise DomainError(ErrorCode.UNKNOWN_VALUE, "buttonId", exc.detail) from exc

    async def _did(self, principal: Principal, hash_: str) -> DID:
        did = await self._services.numbers.by_hash(principal.account.id, hash_in_path(hash_))
        if did is None or not principal.sees(did.property_id):
            raise DomainError(ErrorCode.NOT_FOUND, detail="no such call tracking")
        return did

    async def _home(self, principal: Principal) -> Property:
        """Where something new belongs: the key's property, else the account's first."""
        if principal.property is not None:
            return principal.property
        items = await self._services.accounts.properties(principal.account.id)
        if not items:
            raise DomainError(ErrorCode.CONFLICT, detail="the account has no property yet")
        return items[0]

    async def _property(self, account_id: int, property_id: int) -> Property:
        items = await self._services.accounts.properties(account_id)
        return next(item for item in items if item.id == property_id)


def _configured(account: Account, item: Property, sent: CallTrackingChange, kept: dict[str, Any]) -> Change:
    """What `sent` makes of a number. Raises here what is wrong with it, but for a number that keeps too much already."""
    target = diallable(account, "phoneNumber", sent.phone_number) if sent.phone_number else None
    merged({}, kept)

    def change(did: DID, app: App | None) -> tuple[DID, Endpoint | None]:
        support = did.attribution.offline_description if sent.support is None else sent.support or None
        changed = replace(
            did,
            friendly_name=did.friendly_name if sent.name is None else sent.name,
            attribution=replace(did.attribution, offline_description=support),
            settings={**did.settings, KEPT: merged(did.settings.get(KEPT, {}), kept)},
        )
        moves = target is not None and target != target_of(app)
        return changed, _endpoint(target, app, item) if target and moves else None

    return change


def _endpoint(target: str, app: App | None, item: Property) -> Endpoint:
    """Recorded as before; a new number as its property has it."""
    settings = call_tracking_settings(app.params) if app else None
    return Endpoint(number_e164=target, records=settings.record_calls if settings else item.call_recording_enabled)


def _seconds(minutes: int | None) -> int | None:
    """0: no limit."""
    return timedelta(minutes=minutes) // timedelta(seconds=1) if minutes else None
