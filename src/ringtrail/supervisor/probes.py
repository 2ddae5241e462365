"""Short questions over HTTP: is it there?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=3)


async def get(url: str) -> tuple[int, str]:
    """(status, body). A user and password in the URL are sent as Basic. Raises aiohttp.ClientError, TimeoutError."""
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    auth = aiohttp.BasicAuth(unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT, auth=auth) as session,
        session.get(bare, allow_redirects=False) as response,
    ):
        return response.status, await response.text()


def answers(url: str) -> Callable[[], Awaitable[bool]]:
    """A probe: does a GET give 200?"""

    async def probe() -> bool:
        try:
            status, _ = await get(url)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        return status == 200

    return probe


def ari(ari_url: str, resource: str) -> str:
    """URL of an ARI resource, e.g. `asterisk/ping`."""
    return f"{ari_url.rstrip('/').removesuffix('/ari')}/ari/{resource}"


def local_url(host: str, port: int, path: str) -> str:
    """How to reach our own web server from here, whatever address it listens on."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{reachable}:{port}{path}"
