"""HTTP Basic: AccountSid and the account's token."""

from __future__ import annotations

from typing import Any

from litestar import Request

from ringtrail.httpkit.auth import basic_credentials
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services


async def authenticate(request: Request[Any, Any, Any], services: Services) -> Principal:
    """The account of the Authorization header. The sid's letter case does not matter, the token's does."""
    credentials = basic_credentials(request.headers.get("authorization"))
    if credentials is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail="HTTP Basic with AccountSid and token is required")
    account_sid, token = credentials
    principal = await services.accounts.by_token("fonedynamics", f"{account_sid.upper()}\n{token}")
    if principal is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail="unknown AccountSid or token")
    return principal
