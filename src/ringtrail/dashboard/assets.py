"""Style and script, as built by npm in web/ into static/. Read once; their URLs change with their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import structlog
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ringtrail.model.errors import DomainError, ErrorCode

log = structlog.get_logger("ringtrail.dashboard")

STATIC = Path(__file__).parent / "static"
BUILD_COMMAND = "cd web && npm ci && npm run build"
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Assets:
    files: dict[str, bytes]

    @property
    def built(self) -> bool:
        return {"dashboard.css", "dashboard.js"} <= self.files.keys()

    @property
    def build_command(self) -> str:
        return BUILD_COMMAND

    def url(self, name: str) -> str:
        return f"/assets/{name}?v={hashlib.sha256(self.files[name]).hexdigest()[:12]}"


def load(folder: Path = STATIC) -> Assets:
    """What was built. Nothing: the pages still work, plainly, and say what to do."""
    found = {path.name: path.read_bytes() for path in folder.glob("*.*") if path.suffix in _MEDIA_TYPES}
    assets = Assets(found)
    if not assets.built:
        log.warning("dashboard_assets_not_built", folder=str(folder), run=BUILD_COMMAND)
    return assets


def handler_of(assets: Assets) -> HTTPRouteHandler:
    """Serves the files from memory, to be kept for ever: another content has another URL."""

    @get("/assets/{name:str}")
    async def asset(name: FromPath[str]) -> Response[bytes]:
        content = assets.files.get(name)
        if content is None:
            raise DomainError(ErrorCode.NOT_FOUND)
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(content, headers=headers, media_type=_MEDIA_TYPES[Path(name).suffix])

    return asset
