"""Recordings with their sound, oldest first, each in a transaction of its own, after the calls that they belong to.

[inferred]: `media/recording.search` finds them; an old account without that method keeps its recordings. What is not
finished there, or of a call that is not over, is left to the next run for a day, a sound that could not be fetched for ever:
the mark does not pass it. A recording of a kind that is none of ours, or of a call that is not here, stays behind. Fetching a sound may mark the
recording there as read; here it is read if it was before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from ringtrail.dialects.callr.migration.past_calls import UnusableError, instant_of
from ringtrail.dialects.callr.migration.plan import Hash, Moving, Progress, Step
from ringtrail.dialects.callr.migration.remote import PAGE, AnswerTooLongError, RemoteError, RemoteRefusedError
from ringtrail.dialects.callr.migration.windows import (
    OVERLAP,
    Span,
    ends,
    shortened,
    span_of,
    step_of,
    total,
    windows,
)
from ringtrail.dialects.callr.vocabulary import RECORDING_KINDS, datetime_of
from ringtrail.model.call import Recording, RecordingKind
from ringtrail.model.query import CallQuery

KIND = "recordings"
MOST_BYTES = 64 * 1024 * 1024  # hours of speech
_MOST_S = 2_000_000  # milliseconds are kept in 32 bits
_SEARCH = "media/recording.search"
_FINISHED = ("READY", "ERROR")
_MP3 = (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa", b"\xff\xe3", b"\xff\xe2")
"""What files of MPEG audio, layer III, begin with."""


class Told(msgspec.Struct):
    """What is kept of a Media.Recording."""

    hash: Hash
    callid: int
    date: str
    status: str
    type: str
    read: bool = False
    date_read: str | None = None
    duration: Annotated[int, msgspec.Meta(ge=0, le=_MOST_S)] | None = None
    file_size_total: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None
    url_mp3: str | None = None


async def steps(moving: Moving) -> AsyncIterator[Step]:
    span = await shortened(moving, await span_of(moving, KIND), _SEARCH, (_filters,))
    theirs = await total(moving, _SEARCH, _filters(span.start, span.end))
    if theirs is None:
        await moving.remote.call(_SEARCH, {}, {"quantity": 1})  # says why
    ours = (
        await moving.services.history.count_recordings(moving.account.id, span.start, span.end) if moving.account else 0
    )
    new = None if theirs is None else max(0, theirs - ours)
    yield step_of(moving, KIND, span, new, _Move)


def _filters(start: datetime, end: datetime) -> dict[str, Any]:
    from_, to = ends(start, end)
    return {"date_from": from_, "date_to": to}


class _Move:
    """One account's recordings of a span, being taken in."""

    def __init__(self, moving: Moving, progress: Progress, span: Span) -> None:
        self._moving = moving
        self._progress = progress
        self._span = span
        self._done = 0
        self._left_at: datetime | None = None  # when the first was made that is left to the next run

    async def run(self) -> None:
        self._progress.advance(0)
        async for window in windows(self._read, self._span.start, self._span.end):
            for told in await self._usable(window.found):
                await self._take_in(told)
            until = min(window.end, self._left_at or window.end)
            account_id = self._moving.here.id
            await self._moving.services.history.reach(account_id, self._span.mark(self._moving, KIND, until))

    async def _read(self, start: datetime, end: datetime) -> Sequence[Told]:
        """All pages, until one is empty: what is said of a recording is little."""
        found: dict[str, Told] = {}
        offset, before = 0, None
        while items := await self._page(start, end, offset):
            if items == before:
                raise RemoteError(0, f"the answer to {_SEARCH} is always the same")
            found |= {recording.hash: recording for item in items if (recording := self._converted(item)) is not None}
            offset, before = offset + len(items), items
        return list(found.values())

    async def _page(self, start: datetime, end: datetime, offset: int) -> list[Any]:
        told = await self._moving.remote.call(_SEARCH, _filters(start, end), {"offset": offset, "quantity": PAGE})
        items = told.get("items", told.get("hits")) if isinstance(told, dict) else None
        if not isinstance(items, list):
            raise RemoteError(0, f"the answer to {_SEARCH} has no list of items")
        return items

    def _converted(self, item: Any) -> Told | None:
        try:
            return msgspec.convert(item, Told, strict=False)
        except msgspec.ValidationError as exc:
            name = item.get("hash", "?") if isinstance(item, dict) else "?"
            self._progress.note(f"recording {name} cannot be read: {exc}")
            return None

    async def _usable(self, found: Sequence[Told]) -> list[Told]:
        """Those that are not here yet, and finished, and of calls that are here, oldest first."""
        account_id, hashes = self._moving.here.id, [told.hash for told in found]
        here, _ = await self._moving.services.recordings.find(account_id, hashes=hashes)
        known = {recording.hash for recording in here}
        new = [told for told in found if told.hash not in known]
        calls = await self._calls_here({told.callid for told in new if 0 < told.callid < 2**53})
        usable = [told for told in new if told.status in _FINISHED and told.callid in calls]
        for told in new:
            if told not in usable:
                self._leave(
                    told, f"its call {told.callid} is not here" if told.status in _FINISHED else "it is not finished"
                )
        return sorted(usable, key=lambda told: told.date)

    async def _calls_here(self, ids: set[int]) -> set[int]:
        if not ids:
            return set()
        query = CallQuery(account_id=self._moving.here.id, ids=tuple(ids))
        return set((await self._moving.services.calls.page(query, fields=("id",))).column("id"))

    def _leave(self, told: Told, why: str, *, always: bool = False) -> None:
        """To the next run: always, or for a day, and then say why not."""
        at = datetime_of(told.date)
        if at is not None and (always or at > self._span.end - OVERLAP):
            self._left_at = min(at, self._left_at or at)
        if at is None or always or at <= self._span.end - OVERLAP:
            self._progress.note(f"recording {told.hash}: {why}")

    async def _take_in(self, told: Told) -> None:
        try:
            recording = recording_of(told)
            mp3 = await self._sound(told) if recording.status == "ready" else None
        except RemoteRefusedError:
            raise
        except UnusableError as exc:
            self._progress.note(f"recording {told.hash}: {exc}")
            return
        except RemoteError as exc:
            self._leave(told, f"its sound could not be fetched: {exc}", always=True)
            return
        if await self._moving.services.history.take_in_recording(self._moving.here.id, recording, mp3):
            self._done += 1
            self._progress.advance(self._done)

    async def _sound(self, told: Told) -> bytes:
        if not told.url_mp3:
            raise UnusableError("there is no MP3 of it")
        try:
            sound = await self._moving.remote.file(told.url_mp3, MOST_BYTES)
        except AnswerTooLongError as exc:
            raise UnusableError(exc.message) from exc
        if not sound.startswith(_MP3):
            raise RemoteError(0, "what is there is no MP3")
        return sound


def recording_of(told: Told) -> Recording:
    """UnusableError."""
    kind = RECORDING_KINDS.get(told.type)
    if kind is None:
        raise UnusableError(f"there are none of type {told.type[:20]} here")
    started_at = instant_of(told.date)
    read_at = instant_of(told.date_read) if told.date_read else started_at
    return Recording(
        hash=told.hash, call_id=told.callid, kind=RecordingKind(kind), path="", started_at=started_at,
        status=told.status.lower(), duration_ms=None if told.duration is None else 1000 * told.duration,
        size_bytes=told.file_size_total, read_at=read_at if told.read else None,
    )  # fmt: skip
