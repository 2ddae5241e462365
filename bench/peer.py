"""`ringtrail serve` with one dialect more, whose handlers do next to nothing: `python -m bench.peer`.

GET /bench/empty/N answers N bytes that are always the same. GET /bench/rows/DIALECT/N?from=...&to=... answers the same after it has
fetched an account's calls of that time, the columns that the dialect shows, and thrown them away: the least that a page
can cost here, without authorization, page jump, vendor's fields and JSON. Settings, event loop, driver, middleware and HTTP
are those of the product, because it is the product that runs here.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar import Request, Response, Router, get
from litestar.params import FromPath

from bench.asked import Asked
from bench.yardsticks import BY_START, COLUMNS
from ringtrail import app, cli
from ringtrail.config import load
from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.model.errors import DomainError
from ringtrail.services import Services
from ringtrail.storage.database import Database

PREFIX = "/bench"


def empty(size: int, like: Asked) -> Asked:
    """The request for that many bytes, with the headers of another one."""
    return Asked(f"{PREFIX}/empty/{size}", like.headers)


@lru_cache
def _content(size: int) -> bytes:
    return b"0" * size


@get("/empty/{size:int}")
async def answer(size: FromPath[int]) -> Response[bytes]:
    return Response(_content(size), media_type="application/json")


def rows(dialect: str, size: int, account_id: int, span: tuple[datetime, datetime], like: Asked) -> Asked:
    """The request for that many bytes after fetching the calls that started in `span`, both ends included."""
    asked = {"account": account_id, "from": span[0].isoformat(), "to": span[1].isoformat()}
    return Asked(f"{PREFIX}/rows/{dialect}/{size}?{urlencode(asked)}", like.headers)


@lru_cache
def _statement(dialect: str) -> bytes:
    columns, joins = COLUMNS[dialect]
    page = (
        "SELECT c.* FROM calls c WHERE c.account_id = %s AND c.ended_at IS NOT NULL AND c.started_at BETWEEN %s AND %s"
        f" ORDER BY {BY_START}"
    )
    return f"SELECT {columns} FROM ({page}) c{joins} ORDER BY {BY_START}".encode()


def _fetching(database: Database) -> Any:
    opened = asyncio.Event()

    @get("/rows/{dialect:str}/{size:int}")
    async def fetch(request: Request[Any, Any, Any], dialect: FromPath[str], size: FromPath[int]) -> Response[bytes]:
        asked = dict(parse_qsl(request.scope["query_string"].decode()))
        span = (datetime.fromisoformat(asked["from"]), datetime.fromisoformat(asked["to"]))
        if not opened.is_set():
            opened.set()
            await database.open()
        async with database.reading() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(_statement(dialect), (int(asked["account"]), *span))
            assert await cursor.fetchall()
        return Response(_content(size), media_type="application/json")

    return fetch


def _build(_services: Services, _options: DialectOptions) -> Router:
    database = Database(load().database_url, max_connections=12)
    return Router(PREFIX, route_handlers=[answer, _fetching(database)])


def _render(_request: Request[Any, Any, Any], error: DomainError, _options: DialectOptions) -> Response[str]:
    return Response(str(error), status_code=500, media_type="text/plain")


if __name__ == "__main__":
    app.DIALECTS = (*app.DIALECTS, Dialect(name="empty", path_prefixes=(PREFIX,), build=_build, render_error=_render))
    cli.main(["serve"])
