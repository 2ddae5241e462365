"""The web server: every dialect and page on one Litestar application, with one boundary for errors.

A handler raises DomainError; whatever else goes wrong becomes one here (`internal`, logged with a request id). The
dialect that owns the path words it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from litestar import Litestar, Request, Response, Router
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, ControllerRouterHandler, Message, Receive, Scope, Send

from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

log = structlog.get_logger("ringtrail.http")

_CODE_OF_STATUS = {
    400: ErrorCode.UNREADABLE,
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.TOO_LARGE,
    429: ErrorCode.TOO_MANY,
    503: ErrorCode.UNAVAILABLE,
}
_STATUS_OF_CODE = {code: status for status, code in _CODE_OF_STATUS.items()}


def build_server(
    services: Services,
    dialects: Sequence[Dialect],
    options: DialectOptions,
    *,
    hosts: dict[str, str] | None = None,
    pages: Sequence[ControllerRouterHandler] = (),
    max_request_bytes: int = 1_048_576,
    lifespan: Sequence[Any] = (),
    observe: Callable[[str, int, float], None] = lambda _dialect, _status, _seconds: None,
) -> Litestar:
    """hosts: {host name: dialect name}; such a host answers only that dialect's paths.

    observe: told (dialect or 'pages', HTTP status, seconds) of every answer.
    """
    routers: list[Router] = [dialect.build(services, options) for dialect in dialects]

    def handle(request: Request[Any, Any, Any], exc: Exception) -> Response[Any]:
        error = _as_domain_error(request, exc)
        owner = next((dialect for dialect in dialects if dialect.owns(request.scope["path"])), None)
        response = owner.render_error(request, error, options) if owner else _plain(error)
        if isinstance(exc, HTTPException) and (allow := (exc.headers or {}).get("allow")):
            # RFC 9110 section 15.5.6: every 405 has it. Sorted: Litestar's order is another in each process.
            response.headers.setdefault("allow", ", ".join(sorted(allow.split(", "))))
        return response

    allowed: dict[str, str] = {}
    app = Litestar(
        route_handlers=[*routers, *pages],
        exception_handlers={Exception: handle, HTTPException: handle, DomainError: handle},
        middleware=[_observed(dialects, observe), _host_guard(dialects, hosts or {}), _allowing(allowed)],
        request_max_body_size=max_request_bytes,
        openapi_config=None,
        lifespan=list(lifespan),
        logging_config=None,
    )
    allowed |= {
        route.path_format: ", ".join(sorted(route.methods)) for route in app.routes if isinstance(route, HTTPRoute)
    }
    app.asgi_handler = _renamed(dialects)(app.asgi_handler)
    return app


def _as_domain_error(request: Request[Any, Any, Any], exc: Exception) -> DomainError:
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, HTTPException) and exc.status_code < 500:
        return DomainError(_CODE_OF_STATUS.get(exc.status_code, ErrorCode.UNREADABLE), detail=exc.detail)
    request_id = secrets.token_hex(8)
    log.error("request_failed", request_id=request_id, path=request.scope["path"], method=request.method, exc_info=exc)
    return DomainError(ErrorCode.INTERNAL, detail=f"request {request_id}")


def _plain(error: DomainError) -> Response[str]:
    status = _STATUS_OF_CODE.get(error.code, 500 if error.code is ErrorCode.INTERNAL else 400)
    return Response(str(error), status_code=status, media_type="text/plain")


def _renamed(dialects: Sequence[Dialect]) -> Any:
    """Around the whole application, because routing comes before middleware: a dialect's aliases are what they stand for."""
    meant = {(method, path): target for dialect in dialects for method, path, target in dialect.aliases}

    def wrap(app: ASGIApp) -> ASGIApp:
        async def renamed(scope: Scope, receive: Receive, send: Send) -> None:
            target = meant.get((scope["method"], scope["path"])) if scope["type"] == ScopeType.HTTP else None
            if target is not None:
                scope["path"], scope["raw_path"] = target, target.encode()
            await app(scope, receive, send)

        return renamed

    return wrap


def _host_guard(dialects: Sequence[Dialect], hosts: dict[str, str]) -> Any:
    """Middleware: a host that belongs to one dialect answers nothing else."""
    by_name = {dialect.name: dialect for dialect in dialects}

    def wrap(app: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == ScopeType.HTTP and hosts:
                header = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
                dialect = by_name.get(hosts.get(header.partition(":")[0].lower(), ""))
                if dialect is not None and not dialect.owns(scope["path"]):
                    await Response(b"", status_code=404).to_asgi_response(None, Request(scope))(scope, receive, send)
                    return
            await app(scope, receive, send)

        return guarded

    return wrap


def _allowing(allowed: dict[str, str]) -> Any:
    """Middleware: OPTIONS tells every method of a path. Litestar's own answer knows only the handler that came first.

    allowed: {path template: methods}
    """

    def wrap(app: ASGIApp) -> ASGIApp:
        async def told(scope: Scope, receive: Receive, send: Send) -> None:
            async def telling(message: Message) -> None:
                if message["type"] == "http.response.start":
                    methods = allowed[scope["path_template"]].encode()
                    message["headers"] = [
                        (b"allow", methods) if name == b"allow" else (name, value) for name, value in message["headers"]
                    ]
                await send(message)

            is_options = scope["type"] == ScopeType.HTTP and scope["method"] == "OPTIONS"
            await app(scope, receive, telling if is_options else send)

        return told

    return wrap


def _observed(dialects: Sequence[Dialect], observe: Callable[[str, int, float], None]) -> Any:
    """Middleware: tell every answer."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def timed(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            started, status = time.perf_counter(), [500]

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status[0] = message["status"]
                await send(message)

            try:
                await app(scope, receive, noting)
            finally:
                owner = next((dialect.name for dialect in dialects if dialect.owns(scope["path"])), "pages")
                observe(owner, status[0], time.perf_counter() - started)

        return timed

    return wrap
