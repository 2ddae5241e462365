"""Agendize Calls API 2.0, and the vendor's OAuth 2.0 endpoints beside it."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router

from ringtrail.dialects.agendize import errors, oauth, routes
from ringtrail.dialects.agendize.auth import challenge
from ringtrail.dialects.agendize.reference import REFERENCE
from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services


def _build(services: Services, options: DialectOptions) -> Router:
    return Router("/", route_handlers=[routes.build(services, options), oauth.build(services, options)])


def _render_error(request: Request[Any, Any, Any], error: DomainError, options: DialectOptions) -> Response[Any]:
    """Each of the two has its own RFC or vendor page for what an error looks like."""
    if request.scope["path"].startswith(f"{oauth.PREFIX}/"):
        return oauth.render_error(error)
    response = errors.render_error(request, error, options)
    if error.code is ErrorCode.UNAUTHENTICATED:
        response.headers["www-authenticate"] = challenge(request)
    return response


DIALECT = Dialect("agendize", (REFERENCE.prefix, routes.NEWER_PREFIX, oauth.PREFIX), _build, _render_error)
