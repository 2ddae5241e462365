"""API key and token, in headers or in the query string, to the account they speak for."""

from __future__ import annotations

from typing import Any

from litestar import Request

from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services


async def authenticate(request: Request[Any, Any, Any], query: dict[str, list[str]], services: Services) -> Principal:
    """The account of `apiKey` and `token`. A header wins over the query parameter of the same name.

    Clients spell the parameter `apiKey` and `apikey`; header names have no case. OAuth2 bearers are not issued here.
    """
    api_key = request.headers.get("apikey") or _first(query, "apiKey") or _first(query, "apikey")
    token = request.headers.get("token") or _first(query, "token")
    if not api_key or not token:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail="apiKey and token are required")
    principal = await services.accounts.by_token("agendize", f"{api_key}\n{token}")
    if principal is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail="unknown apiKey or token")
    return principal


def _first(query: dict[str, list[str]], name: str) -> str:
    return query.get(name, [""])[0]
