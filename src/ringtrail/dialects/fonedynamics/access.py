"""Who asks, and which of the account's things they may see."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request

from ringtrail.dialects.fonedynamics.auth import authenticate
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.account import Principal, Property
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

_SID = re.compile(r"[A-Za-z0-9]{32}")


class Routes:
    """What the handlers of every noun begin with."""

    def __init__(self, services: Services, options: DialectOptions) -> None:
        self._services = services
        self._base_url = options.base_url

    def __deepcopy__(self, memo: dict[int, Any]) -> Routes:
        """Litestar copies a handler for each of its paths; what the handlers work on stays one."""
        return self

    async def _asker(self, request: Request[Any, Any, Any]) -> Principal:
        return await authenticate(request, self._services)

    async def _asker_of_account(self, request: Request[Any, Any, Any], sid: str) -> Principal:
        """NOT_FOUND for any account but the asker's own."""
        principal = await authenticate(request, self._services)
        if sid.upper() != principal.account.sid:
            raise DomainError(ErrorCode.NOT_FOUND, "AccountSid", "No such account.")
        return principal

    async def _property(self, principal: Principal, sid: str) -> Property:
        """A property of the account, or NOT_FOUND: another account's sid tells nothing."""
        found = None
        if is_sid(sid):
            found = await self._services.accounts.property_by_sid(principal.account.id, sid)
        if found is None or not principal.sees(found.id):
            raise DomainError(ErrorCode.NOT_FOUND, "PropertySid", "No such property.")
        return found

    async def _properties(self, principal: Principal) -> dict[int, Property]:
        """{id: property} of the whole account."""
        return {item.id: item for item in await self._services.accounts.properties(principal.account.id)}


def is_sid(text: str) -> bool:
    return _SID.fullmatch(text) is not None


def own_property_id(principal: Principal) -> int | None:
    """The property that a key is bound to; None: it sees them all."""
    return principal.property.id if principal.property else None
