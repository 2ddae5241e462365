"""`Authorization: Bearer <token>` (RFC 6750) to the Principal behind it."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from ringtrail.httpkit.auth import scheme_token
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services


async def principal_of(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Principal:
    """DomainError UNAUTHENTICATED without a token that is known. A token in the query string is never read."""
    token = scheme_token(request.headers.get("authorization"), "Bearer")
    if token is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail="send `Authorization: Bearer <token>`")
    principal = await services.accounts.by_token("native", token)
    if principal is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail="the token is unknown or was revoked")
    return principal
