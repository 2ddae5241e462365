"""What every page shares: the services, the templates, the headers that keep a browser safe, the error page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from ringtrail.dashboard.assets import Assets
from ringtrail.dashboard.feed import ChangeFeed
from ringtrail.dashboard.throttle import Throttle
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

AnyRequest = Request[Any, Any, Any]
log = structlog.get_logger("ringtrail.dashboard")

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not 'no-referrer': browsers would then send 'Origin: null' with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}

_WORDS = {
    ErrorCode.NOT_FOUND: (404, "Not found", "There is no such page, or it is not yours."),
    ErrorCode.UNAUTHENTICATED: (401, "Logged out", "Your session has ended. Log in again."),
    ErrorCode.FORBIDDEN: (403, "Refused", "This request did not come from our own page."),
    ErrorCode.METHOD_NOT_ALLOWED: (405, "Not possible", "The page cannot be asked in this way."),
    ErrorCode.CONFLICT: (409, "Not ready yet", "The recording is still being finished. Try again in a moment."),
    ErrorCode.GONE: (410, "No longer available", "This link has ended. Log in to listen."),
    ErrorCode.TOO_LARGE: (413, "Too large", "The request is larger than we read."),
    ErrorCode.UNAVAILABLE: (503, "Back in a moment", "The database is away. Nothing is lost; try again shortly."),
}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Site:
    services: Services
    base_url: str
    feed: ChangeFeed
    assets: Assets
    now: Callable[[], datetime] = _now
    by_login: Throttle = field(default_factory=lambda: Throttle(limit=5, window_s=900))
    by_address: Throttle = field(default_factory=lambda: Throttle(limit=30, window_s=900))

    def page(self, template: str, status: int = 200, **values: Any) -> Response[str]:
        """A rendered page. Everything in `values` is escaped by the template."""
        text = _templates().get_template(template).render(assets=self.assets, **values)
        return Response(text, status_code=status, media_type="text/html", headers={"cache-control": "no-store"})


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("ringtrail.dashboard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


async def secure(response: Response[Any]) -> Response[Any]:
    """Every answer with the security headers; a handler may be stricter."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def error_page(assets: Assets) -> Callable[[AnyRequest, Exception], Response[Any]]:
    """What words an error: as a page, or without a session as the way to the login."""

    def worded(request: AnyRequest, exc: Exception) -> Response[Any]:
        error = exc if isinstance(exc, DomainError) else DomainError(_code(exc))
        if error.code is ErrorCode.UNAUTHENTICATED and (way := _way_to_login(request)):
            return _with_headers(Redirect(way, status_code=303))
        status, title, text = _WORDS.get(error.code, (400, "Not understood", "The request cannot be read."))
        page = _templates().get_template("message.html").render(assets=assets, title=title, text=text)
        return _with_headers(Response(page, status_code=status, media_type="text/html"))

    return worded


def _way_to_login(request: AnyRequest) -> str | None:
    """Where somebody is sent who opens a page without a session; None for what only scripts and players fetch."""
    path = request.url.path
    if path in ("/", "/programs"):
        return "/login"
    query = request.scope["query_string"].decode("latin-1")
    if path == "/oauth/consent":
        path += f"?{query}"
    elif path.startswith("/webhooks") and request.method == "GET":
        path += f"?{query}" if query else ""
    elif not path.startswith("/recordings/") or path.count("/") != 2:
        return None
    return f"/login?next={quote(path)}"


def _code(exc: Exception) -> ErrorCode:
    codes = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED, 413: ErrorCode.TOO_LARGE}
    if isinstance(exc, HTTPException) and exc.status_code < 500:
        return codes.get(exc.status_code, ErrorCode.UNREADABLE)
    raise exc


def _with_headers(response: Response[Any]) -> Response[Any]:
    response.headers.update({**SECURITY_HEADERS, "cache-control": "no-store"})
    return response
