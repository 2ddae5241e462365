"""`ringtrail serve` with one dialect more, whose only handler is empty: `python -m bench.peer`.

GET /bench/empty/N answers N bytes that are always the same. Settings, event loop, middleware and HTTP are those of the product, because
it is the product that runs here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from litestar import Request, Response, Router, get
from litestar.params import FromPath

from bench.asked import Asked
from ringtrail import app, cli
from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.model.errors import DomainError
from ringtrail.services import Services

PREFIX = "/bench/empty"


def empty(size: int, like: Asked) -> Asked:
    """The request for that many bytes, with the headers of another one."""
    return Asked(f"{PREFIX}/{size}", like.headers)


@lru_cache
def _content(size: int) -> bytes:
    return b"0" * size


@get("/{size:int}")
async def answer(size: FromPath[int]) -> Response[bytes]:
    return Response(_content(size), media_type="application/json")


def _build(_services: Services, _options: DialectOptions) -> Router:
    return Router(PREFIX, route_handlers=[answer])


def _render(_request: Request[Any, Any, Any], error: DomainError, _options: DialectOptions) -> Response[str]:
    return Response(str(error), status_code=500, media_type="text/plain")


if __name__ == "__main__":
    app.DIALECTS = (*app.DIALECTS, Dialect(name="empty", path_prefixes=(PREFIX,), build=_build, render_error=_render))
    cli.main(["serve"])
