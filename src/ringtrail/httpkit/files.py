"""Files over HTTP, with byte ranges (RFC 9110 section 14) so that a player can seek."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from litestar import Response
from litestar.response import Stream

SOUND_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}
MEDIA_TYPES = {**SOUND_TYPES, "csv": "text/csv"}
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_BEYOND = 10**18  # past the end of any file
_CHUNK = 65_536


def file_response(
    path: Path, range_header: str | None, *, download_name: str | None = None
) -> Response[bytes] | Stream:
    """200 with the file, 206 with one range of it, or 416. Several ranges are answered with the whole file."""
    size = path.stat().st_size
    headers = {"accept-ranges": "bytes", "cache-control": "private, max-age=60", "x-content-type-options": "nosniff"}
    if download_name:
        headers["content-disposition"] = f'inline; filename="{download_name}"'
    span = _span(range_header, size)
    media_type = MEDIA_TYPES.get(path.suffix.lstrip("."), "application/octet-stream")
    if span is None:
        headers["content-range"] = f"bytes */{size}"
        return Response(b"", status_code=416, headers=headers, media_type=media_type)
    start, end = span
    partial = (start, end) != (0, size)
    if partial:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    return Stream(_read(path, start, end), status_code=206 if partial else 200, headers=headers, media_type=media_type)


def _span(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end), end exclusive; None if the range cannot be satisfied."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.group() == "bytes=-":
        return 0, size
    first, last = match.groups()
    if not first:
        length = _position(last)
        return (max(0, size - length), size) if length > 0 and size else None
    start, end = _position(first), min(size, _position(last) + 1) if last else size
    return (start, end) if start < end else None


def _position(digits: str) -> int:
    return int(digits) if len(digits) <= 18 else _BEYOND


async def _read(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        await file.seek(start)
        left = end - start
        while left > 0 and (chunk := await file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
