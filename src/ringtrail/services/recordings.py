"""Recordings: found, served, finished."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from ringtrail.model.call import RecordingRecord, RecordingTally
from ringtrail.ports.clock import Clock
from ringtrail.storage import recordings as store
from ringtrail.storage.database import Database


class Recordings:
    def __init__(self, database: Database, clock: Clock, folder: str) -> None:
        self._database = database
        self._clock = clock
        self._folder = Path(folder)

    async def find(
        self,
        account_id: int,
        *,
        hashes: list[str] | None = None,
        call_ids: list[int] | None = None,
        kind: str | None = None,
        statuses: list[str] | None = None,
        caller_number: str | None = None,
        from_at: datetime | None = None,
        to_at: datetime | None = None,
        duration_min_ms: int | None = None,
        read: bool | None = None,
        read_from_at: datetime | None = None,
        read_to_at: datetime | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> tuple[list[RecordingRecord], int]:
        """(page, total), newest first."""
        async with self._database.reading() as connection:
            return await store.find_recordings(
                connection, account_id, hashes=hashes, call_ids=call_ids, kind=kind, statuses=statuses,
                caller_number=caller_number, from_at=from_at, to_at=to_at, duration_min_ms=duration_min_ms, read=read,
                read_from_at=read_from_at, read_to_at=read_to_at, offset=offset, limit=limit,
            )  # fmt: skip

    async def by_hash(self, account_id: int, hash_: str) -> RecordingRecord | None:
        page, _ = await self.find(account_id, hashes=[hash_], limit=1)
        return page[0] if page else None

    async def tallies(self, account_id: int) -> list[RecordingTally]:
        """Counts and bytes by kind, status and whether somebody listened."""
        async with self._database.reading() as connection:
            return await store.tallies(connection, account_id)

    def file(self, recording: RecordingRecord, extension: str, part: str = "") -> Path | None:
        """The sound file (extension 'wav' or 'mp3', part '', 'caller' or 'target'), if it is there and inside the folder."""
        name = f"{recording.path}-{part}" if part else recording.path
        path = (self._folder / f"{name}.{extension}").resolve()
        inside = path.is_relative_to(self._folder.resolve())
        return path if inside and path.is_file() else None

    async def mark_read(self, recording: RecordingRecord) -> None:
        async with self._database.transaction() as connection:
            await store.mark_read(connection, recording.account_id, recording.hash, self._clock.now())

    async def set_read(self, account_id: int, hash_: str, read: bool) -> bool:
        """Whether somebody has listened. False: there is no such recording."""
        async with self._database.transaction() as connection:
            return await store.set_read(connection, account_id, hash_, self._clock.now() if read else None)

    async def delete(self, account_id: int, hash_: str) -> bool:
        """Delete a recording for ever, with its files. False: there is none, or its call is not over."""
        async with self._database.transaction() as connection:
            path = await store.delete(connection, account_id, hash_)
        if path is not None:
            await asyncio.to_thread(self._unlink, path)
        return path is not None

    def _unlink(self, path: str) -> None:
        for pattern in (f"{path}.*", f"{path}-*"):
            for file in self._folder.glob(pattern):
                file.unlink(missing_ok=True)
