"""OAuth 2.0 endpoints of the vendor's web application, at its addresses: authorize, token, revoke.

A person is sent on to the dashboard, which knows who is logged in and asks for the consent. What goes wrong here is
worded as RFC 6749 section 5.2 has it, not as in the calls API.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.response import Redirect

from ringtrail.httpkit.auth import basic_credentials
from ringtrail.httpkit.body import read_body
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.query import parse_query
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services
from ringtrail.services.oauth import Answer

PREFIX = "/o/oauth2"
CONSENT_PATH = "/oauth/consent"  # the dashboard's
_FORM = "application/x-www-form-urlencoded"
_MAX_FORM_BYTES = 8_192
_UNSPEAKABLE = re.compile(r'[^\x20-\x7e]|["\\]')  # what an error_description must not hold
_Request = Request[Any, Any, Any]


class Refusal(msgspec.Struct, kw_only=True):
    """The body of every error, RFC 6749 section 5.2."""

    error: str
    error_description: str


class Wording(NamedTuple):
    status: int
    error: str


_MALFORMED = Wording(400, "invalid_request")
WORDINGS: dict[ErrorCode, Wording] = dict.fromkeys(ErrorCode, _MALFORMED) | {
    ErrorCode.UNAUTHENTICATED: Wording(401, "invalid_client"),
    ErrorCode.FORBIDDEN: Wording(403, "access_denied"),
    ErrorCode.NOT_FOUND: Wording(404, "invalid_request"),
    ErrorCode.METHOD_NOT_ALLOWED: Wording(405, "invalid_request"),
    ErrorCode.TOO_LARGE: Wording(413, "invalid_request"),
    ErrorCode.TOO_MANY: Wording(429, "temporarily_unavailable"),
    ErrorCode.UNAVAILABLE: Wording(503, "temporarily_unavailable"),
    ErrorCode.INTERNAL: Wording(500, "server_error"),
}


def build(services: Services, options: DialectOptions) -> Router:
    routes = OAuthRoutes(services, options)
    handlers = [
        get("/authorize")(routes.authorize),
        post("/token", status_code=200)(routes.token),
        post("/revoke", status_code=200)(routes.revoke),
    ]
    return Router(PREFIX, route_handlers=handlers)


def render_error(error: DomainError) -> Response[Any]:
    wording = WORDINGS[error.code]
    text = _UNSPEAKABLE.sub(" ", ": ".join(part for part in (error.field, error.detail or error.code) if part))
    body = Refusal(error=wording.error, error_description=text)
    headers = {"cache-control": "no-store", "pragma": "no-cache"}
    if wording.status == 401:
        headers["www-authenticate"] = 'Basic realm="ringtrail"'
    return Response(body, status_code=wording.status, headers=headers)


class OAuthRoutes:
    def __init__(self, services: Services, options: DialectOptions) -> None:
        self._oauth = services.oauth
        self._base_url = options.base_url

    def __deepcopy__(self, memo: dict[int, Any]) -> OAuthRoutes:
        """Litestar copies handlers when it nests routers; what they work on stays one."""
        return self

    async def authorize(self, request: _Request) -> Redirect:
        """To the page that asks, on the host where people log in: this one may be the API's alone."""
        query = urlencode(parse_query(request.scope["query_string"]), doseq=True)
        headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
        return Redirect(f"{self._base_url}{CONSENT_PATH}?{query}", status_code=302, headers=headers)

    async def token(self, request: _Request) -> Response[bytes]:
        return _response(await self._oauth.token(await _form(request), _basic(request)))

    async def revoke(self, request: _Request) -> Response[bytes]:
        return _response(await self._oauth.revoke(await _form(request), _basic(request)))


async def _form(request: _Request) -> dict[str, list[str]]:
    """The body's parameters. Those of the address are not read: addresses end up in logs."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise DomainError(ErrorCode.UNREADABLE, detail=f"the body must be {_FORM}")
    return parse_query(await read_body(request, _MAX_FORM_BYTES))


def _basic(request: _Request) -> tuple[str, str] | None:
    """DomainError UNAUTHENTICATED for an Authorization header that cannot be read as Basic."""
    header = request.headers.get("authorization")
    credentials = basic_credentials(header)
    if header is not None and credentials is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED, detail="the Authorization header is not Basic")
    return credentials


def _response(answer: Answer) -> Response[bytes]:
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-type"}
    media_type = "application/json" if answer.body else "text/plain"
    return Response(answer.body.encode(), status_code=answer.status, headers=headers, media_type=media_type)
