"""What an account lived through elsewhere is taken in: calls, messages and recordings that keep their ids.

Each batch is one transaction, with the mark of how far its source has been read. A batch that comes again changes nothing;
no event is told, nothing is charged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ringtrail.model.call import Recording
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.history import Directions, Mark, PastCall, Taken
from ringtrail.model.message import Message
from ringtrail.ports.clock import Clock
from ringtrail.ports.sound import SoundError, Studio
from ringtrail.storage import history as store
from ringtrail.storage.database import Database
from ringtrail.storage.schema import ensure_partitions

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = timedelta(days=1)  # from now


class History:
    """studio None: a recording that came as MP3 is there as MP3 only."""

    def __init__(self, database: Database, clock: Clock, studio: Studio | None, recordings_folder: str) -> None:
        self._database = database
        self._clock = clock
        self._studio = studio
        self._folder = Path(recordings_folder)

    async def reached(self, account_id: int, source: str, what: str) -> Mark | None:
        """How far an earlier import of this account came."""
        async with self._database.reading() as connection:
            return await store.mark(connection, account_id, source, what)

    async def taken(self, kind: str, hashes: Sequence[str]) -> set[str]:
        """Those of them under which some account has something. kind: `apps`, `media` or `webhooks`; of others there are none."""
        async with self._database.reading() as connection:
            return await store.taken(connection, kind, hashes)

    async def reach(self, account_id: int, mark: Mark) -> None:
        """There is nothing more to be taken in before mark.until_at."""
        async with self._database.transaction() as connection:
            await store.set_mark(connection, account_id, mark)

    async def count_calls(self, account_id: int, from_at: datetime, to_at: datetime) -> Directions:
        """How many calls that started in a range came with imports; the counts below likewise."""
        async with self._database.reading() as connection:
            return await store.count_calls(connection, account_id, from_at, to_at)

    async def count_messages(self, account_id: int, from_at: datetime, to_at: datetime) -> int:
        async with self._database.reading() as connection:
            return await store.count_messages(connection, account_id, from_at, to_at)

    async def count_recordings(self, account_id: int, from_at: datetime, to_at: datetime) -> int:
        """Of such calls."""
        async with self._database.reading() as connection:
            return await store.count_recordings(connection, account_id, from_at, to_at)

    async def take_in_calls(self, account_id: int, calls: Sequence[PastCall], mark: Mark) -> Taken:
        """Ended calls of the account, each id once. DomainError OUT_OF_RANGE 'started_at' before 2000 and in the future."""
        ordered = sorted(calls, key=lambda past: (past.call.started_at, past.call.id))
        starts = {start for past in ordered for start in _starts(past)}
        if not all(EARLIEST <= start <= self._clock.now() + LATEST for start in starts):
            raise DomainError(ErrorCode.OUT_OF_RANGE, "started_at", "from the year 2000 to tomorrow")
        await ensure_partitions(self._database, starts)
        async with self._database.transaction() as connection:
            taken = await store.take_in_calls(connection, account_id, ordered)
            await store.set_mark(connection, account_id, mark)
        return taken

    async def take_in_messages(self, account_id: int, messages: Sequence[Message], mark: Mark) -> Taken:
        """Messages of the account, each id once. One that was under way when it was taken in gets its newer status."""
        async with self._database.transaction() as connection:
            taken = await store.take_in_messages(connection, account_id, messages)
            await store.set_mark(connection, account_id, mark)
        return taken

    async def take_in_recording(self, account_id: int, recording: Recording, mp3: bytes | None) -> bool:
        """A recording of a call that is here, with its sound; `path` is ours to say. False: it is here, or its call is not.

        Killed half-way it has left files that the next try writes again. A voicemail tells how its call ended.
        """
        path = f"{account_id}-{recording.call_id}-{recording.hash}"  # what moves in keeps its ids: another account may have them
        if mp3 is not None:
            await self._write(path, mp3)
        async with self._database.transaction() as connection:
            return await store.take_in_recording(connection, account_id, replace(recording, path=path))

    async def _write(self, path: str, mp3: bytes) -> None:
        """The MP3 as it is, and a WAV, where one can be made of it: not of one that is very long."""
        file, wav = self._folder / f"{path}.mp3", self._folder / f"{path}.wav"
        await asyncio.to_thread(_write_whole, file, mp3)
        if self._studio is None:
            return
        unfinished = wav.with_suffix(".wav.part")
        try:
            await self._studio.convert(file, unfinished)
            await asyncio.to_thread(unfinished.replace, wav)
        except SoundError:
            await asyncio.to_thread(unfinished.unlink, missing_ok=True)


def _starts(past: PastCall) -> Iterator[datetime]:
    yield past.call.started_at
    yield from (leg.started_at for leg in past.call.legs)


def _write_whole(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".mp3.part")
    unfinished.write_bytes(content)
    unfinished.replace(file)
