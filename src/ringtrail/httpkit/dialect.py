"""What a dialect is to the web server: a name, the paths it owns, its routes, and how it words an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from litestar import Request, Response, Router

from ringtrail.model.errors import DomainError
from ringtrail.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectOptions:
    """What the configuration says to dialects."""

    base_url: str  # how clients reach us, without a trailing slash
    optico_error_status: int = 200
    invox_national_numbers: bool = False  # '07...' instead of '+407...' for numbers of the account's country
    invox_holds_unfinished: bool = False  # show a call only when it and all that were created before it have ended


class Dialect(NamedTuple):
    name: str
    path_prefixes: tuple[str, ...]  # every path of the dialect starts with one of these
    build: Callable[[Services, DialectOptions], Router]
    render_error: Callable[[Request, DomainError, DialectOptions], Response]  # type: ignore[type-arg]
    """Any error as the vendor words it; total over ErrorCode. Never raises."""
    aliases: tuple[tuple[str, str, str], ...] = ()
    """(method, path, the path that is meant): requests beside the prefixes, to a path that others have for other methods."""

    def owns(self, path: str) -> bool:
        return any(path == prefix or path.startswith(prefix.rstrip("/") + "/") for prefix in self.path_prefixes)
