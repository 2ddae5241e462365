"""Who asks: API key and token, in headers or in the query string, or an OAuth 2.0 bearer."""

from __future__ import annotations

from typing import Any

from litestar import Request

from ringtrail.httpkit.auth import scheme_token
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

SCOPE = "agendize"
_REALM = 'Bearer realm="ringtrail"'


async def authenticate(request: Request[Any, Any, Any], query: dict[str, list[str]], services: Services) -> Principal:
    """The account of a bearer, else of `apiKey` and `token`. A header wins over the query parameter of the same name.

    Clients spell the parameter `apiKey` and `apikey`; header names have no case.
    """
    if bearer := _bearer(request):
        return _known(await services.oauth.by_access_token(bearer, SCOPE), "the access token is not valid")
    api_key = request.headers.get("apikey") or _first(query, "apiKey") or _first(query, "apikey")
    token = request.headers.get("token") or _first(query, "token")
    if not api_key or not token:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail="apiKey and token are required")
    principal = await services.accounts.by_token("agendize", f"{api_key}\n{token}")
    return _known(principal, "unknown apiKey or token")


def challenge(request: Request[Any, Any, Any]) -> str:
    """`WWW-Authenticate` of a 401 (RFC 6750 section 3): a client learns that it should refresh its token."""
    return f'{_REALM}, error="invalid_token"' if _bearer(request) else _REALM


def _known(principal: Principal | None, detail: str) -> Principal:
    if principal is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail=detail)
    return principal


def _bearer(request: Request[Any, Any, Any]) -> str | None:
    return scheme_token(request.headers.get("authorization"), "Bearer")


def _first(query: dict[str, list[str]], name: str) -> str:
    return query.get(name, [""])[0]
