"""Request bodies, bounded while they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from litestar import Request

from ringtrail.model.errors import DomainError, ErrorCode

MAX_BODY_BYTES = 1_048_576
PLACE_WITHIN_S = 10.0
START_S = 10.0
SLOWEST_BYTES_PER_S = 32_768


async def read_body(request: Request[Any, Any, Any], limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body. DomainError TOO_LARGE as soon as more than `limit` bytes arrive."""
    _bounded(_declared(request), limit)
    return await _read(request.stream(), limit)


async def read_json(request: Request[Any, Any, Any], limit: int = MAX_BODY_BYTES) -> Any:
    """The body as JSON. DomainError UNREADABLE if it is not JSON in UTF-8."""
    try:
        return msgspec.json.decode(await read_body(request, limit))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise DomainError(ErrorCode.UNREADABLE, detail="the body is not JSON") from exc


class LargeBodies:
    """Bodies of up to `limit` bytes, of which those past MAX_BODY_BYTES are read `at_once` a process and no more, `each` of one
    sender's, so that nobody keeps all places from others.

    Such a body must come at SLOWEST_BYTES_PER_S after a start of START_S, so that nobody keeps a place from others by
    sending next to nothing. Its handler has to be declared with `request_max_body_size=None`.
    """

    def __init__(self, limit: int, *, at_once: int, each: int) -> None:
        self._limit = limit
        self._each = each
        self._places = asyncio.Semaphore(at_once)
        self._senders: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def read(
        self, request: Request[Any, Any, Any], admit: Callable[[Request[Any, Any, Any]], Awaitable[Hashable]]
    ) -> AsyncIterator[bytes]:
        """The whole body, which keeps its place until it has been dealt with. `admit` is asked who sends it before more than
        MAX_BODY_BYTES of it are read, and raises for whoever may not send so much.

        DomainError TOO_LARGE; UNAVAILABLE while all places are taken; UNREADABLE if it comes too slowly."""
        declared, arriving = _declared(request), request.stream()
        _bounded(declared, self._limit)
        begun = b"" if declared > MAX_BODY_BYTES else await _taken(arriving, MAX_BODY_BYTES)
        async with AsyncExitStack() as place:
            if max(declared, len(begun)) > MAX_BODY_BYTES:
                await place.enter_async_context(self._place(await admit(request)))
                begun += await _paced(arriving, self._limit - len(begun))
            yield begun

    @asynccontextmanager
    async def _place(self, sender: Hashable) -> AsyncIterator[None]:
        own = self._senders.setdefault(sender, asyncio.Semaphore(self._each))
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(PLACE_WITHIN_S):
                    await held.enter_async_context(own)
                    await held.enter_async_context(self._places)
            except TimeoutError as exc:
                raise DomainError(ErrorCode.UNAVAILABLE, detail="too many large bodies at a time") from exc
            yield


def _declared(request: Request[Any, Any, Any]) -> int:
    """The length that was announced, 0 if none was."""
    declared = request.headers.get("content-length", "")
    return int(declared[:20]) if declared.isdecimal() else 0


def _bounded(size: int, limit: int) -> None:
    if size > limit:
        raise DomainError(ErrorCode.TOO_LARGE, detail=f"the body has more than {limit} bytes")


async def _read(arriving: AsyncIterator[bytes], limit: int) -> bytes:
    body = await _taken(arriving, limit)
    _bounded(len(body), limit)
    return body


async def _taken(arriving: AsyncIterator[bytes], limit: int) -> bytes:
    """All that comes, or the beginning of it that is more than `limit`."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in arriving:
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            break
    return b"".join(chunks)


async def _paced(arriving: AsyncIterator[bytes], limit: int) -> bytes:
    try:
        async with asyncio.timeout(START_S) as allowed:
            return await _read(_earning(arriving, allowed), limit)
    except TimeoutError as exc:
        raise DomainError(ErrorCode.UNREADABLE, detail="the body comes too slowly") from exc


async def _earning(arriving: AsyncIterator[bytes], allowed: asyncio.Timeout) -> AsyncGenerator[bytes]:
    """What arrives earns the time that it takes at the slowest allowed pace."""
    async for chunk in arriving:
        allowed.reschedule((allowed.when() or 0) + len(chunk) / SLOWEST_BYTES_PER_S)
        yield chunk
