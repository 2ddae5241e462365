"""CALLR's credentials: `Basic` (login and password) and `Api-Key`. `Session` tokens are not issued, so none is valid."""

from __future__ import annotations

from typing import Any

from litestar import Request

from ringtrail.httpkit.auth import basic_credentials, scheme_token
from ringtrail.model.account import Account
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

DIALECT_NAME = "callr"


async def authenticate(services: Services, request: Request[Any, Any, Any]) -> Account:
    """The account that asks. DomainError UNAUTHENTICATED, or FORBIDDEN for what a valid key may not do here."""
    header = request.headers.get("authorization")
    basic, token = basic_credentials(header), scheme_token(header, "Api-Key")
    principal = None
    if basic is not None:
        principal = await services.accounts.by_password(DIALECT_NAME, *basic)
    elif token is not None:
        principal = await services.accounts.by_token(DIALECT_NAME, token)
    if principal is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED)
    if principal.property is not None:
        raise DomainError(
            ErrorCode.FORBIDDEN, detail="this key belongs to one property, CALLR needs one of the account"
        )
    if request.headers.get("callr-login-as", "").strip():
        raise DomainError(ErrorCode.FORBIDDEN, detail="CALLR-Login-As is not supported")
    return principal.account
