"""`X-API-Key`: a token that stands for one account, or for one property of it (INVOX: a project)."""

from __future__ import annotations

from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services


async def principal_of(services: Services, api_key: str | None) -> Principal:
    """Who is asking. DomainError UNAUTHENTICATED if the token is missing or unknown, or its property is inactive."""
    principal = await services.accounts.by_token("invox", api_key or "")
    if principal is None or (principal.property is not None and not principal.property.active):
        raise DomainError(ErrorCode.UNAUTHENTICATED, "X-API-Key", "the API key is missing or not valid")
    return principal
