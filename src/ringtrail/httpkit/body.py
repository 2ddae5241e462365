"""Request bodies, bounded while they arrive."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request

from ringtrail.model.errors import DomainError, ErrorCode

MAX_BODY_BYTES = 1_048_576


async def read_body(request: Request[Any, Any, Any], limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body. DomainError TOO_LARGE as soon as more than `limit` bytes arrive."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise DomainError(ErrorCode.TOO_LARGE, detail=f"the body has more than {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise DomainError(ErrorCode.TOO_LARGE, detail=f"the body has more than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json(request: Request[Any, Any, Any], limit: int = MAX_BODY_BYTES) -> Any:
    """The body as JSON. DomainError UNREADABLE if it is not JSON in UTF-8."""
    try:
        return msgspec.json.decode(await read_body(request, limit))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise DomainError(ErrorCode.UNREADABLE, detail="the body is not JSON") from exc
