"""The media library: sounds that an account uploads, has spoken, or takes from its recordings, for its calls to play.

A sound is made while its request waits: whoever is told that it was taken finds it there, and a process that dies half-way
has changed nothing. Files get new names each time, so that a call goes on playing what it began; what nothing needs any more
is swept away later.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import new_hash
from ringtrail.model.media import MediaQuery, MediaQuota, MediaTally, Medium, MediumStatus, Sound, Upload
from ringtrail.model.sound import Voice
from ringtrail.ports.clock import Clock
from ringtrail.ports.sound import SoundError, Studio
from ringtrail.services.upkeep import finish_file
from ringtrail.storage import media as store
from ringtrail.storage.database import Connection, Database

MOST_MEDIA = 5_000
MOST_UPLOADS = 100
MOST_UPLOAD_BYTES = 10 * 1024 * 1024
KEPT = timedelta(days=1)
"""How long a file that nothing uses, and an upload, is there."""
_UPLOADS = "uploads"
_SWEPT_AT_ONCE = 500


class Media:
    """studio None: nothing can be converted nor spoken here."""

    def __init__(self, database: Database, clock: Clock, studio: Studio | None, folder: Path) -> None:
        self._database = database
        self._clock = clock
        self._studio = studio
        self._folder = folder

    async def create(
        self,
        account_id: int,
        name: str,
        *,
        id_: int | None = None,
        hash_: str | None = None,
        tags: Mapping[str, list[str]] | None = None,
    ) -> Medium:
        """A name without a sound. id_ and hash_: of one that moves in. DomainError TOO_MANY 'name', CONFLICT 'media_id' for an
        id or hash that is taken."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await store.lock(connection, account_id)
            if await store.count(connection, account_id) >= MOST_MEDIA:
                raise DomainError(ErrorCode.TOO_MANY, "name", f"an account has {MOST_MEDIA} media at most")
            medium = Medium(
                account_id=account_id, id=id_ or await store.next_id(connection, account_id), hash=hash_ or new_hash(),
                name=name, tags=tags or {},
                content=None, voice=None, rate=None, status=MediumStatus.PENDING_CONTENT, duration_ms=None,
                size_bytes=None, path="", created_at=now, updated_at=now,
            )  # fmt: skip
            if not await store.add(connection, medium):
                raise DomainError(ErrorCode.CONFLICT, "media_id", f"{medium.id} or {medium.hash} is taken")
        return medium

    async def find(self, query: MediaQuery) -> tuple[list[Medium], int]:
        """(page, total), by id: the account's own and those built in."""
        async with self._database.reading() as connection:
            return await store.find(connection, query)

    async def by_id(self, account_id: int, id_: int) -> Medium | None:
        page, _ = await self.find(MediaQuery(account_id=account_id, ids=(id_,)))
        return page[0] if page else None

    async def by_hash(self, account_id: int, hash_: str) -> Medium | None:
        page, _ = await self.find(MediaQuery(account_id=account_id, hash=hash_))
        return page[0] if page else None

    async def tallies(self, account_id: int) -> list[MediaTally]:
        async with self._database.reading() as connection:
            return await store.tallies(connection, account_id)

    async def quota(self, account_id: int) -> MediaQuota:
        async with self._database.reading() as connection:
            return await store.quota(connection, account_id)

    async def rename(self, medium: Medium, name: str) -> None:
        await self._describe(replace(medium, name=name))

    async def set_tags(self, medium: Medium, tags: Mapping[str, list[str]]) -> None:
        """In place of those that it has."""
        await self._describe(replace(medium, tags=tags))

    async def _describe(self, medium: Medium) -> None:
        async with self._database.transaction() as connection:
            _found(await store.describe(connection, medium, name=medium.name, tags=medium.tags, now=self._clock.now()))

    async def delete(self, medium: Medium) -> None:
        """Calls that were to play it go on without it."""
        async with self._database.transaction() as connection:
            _found(await store.delete(connection, medium))

    # --- sounds -----------------------------------------------------------------------------------------------------

    def speaks(self) -> bool:
        return self._studio is not None and self._studio.speaks()

    async def fill(
        self, medium: Medium, source: Path, *, content: str | None = None, voice_id: str | None = None
    ) -> None:
        """The sound of a file, which may be anything. One that is no sound leaves the medium in ERROR.

        DomainError TOO_MANY 'media' beyond the quota, which leaves it as it was; FORBIDDEN if nothing can be converted."""
        wav = self._new_file(medium)
        try:
            await self._equipped().convert(source, wav)
            good = True
        except SoundError:
            good = False
        await self._keep(medium, wav, good=good, content=content, voice=voice_id)

    async def fill_with(
        self, medium: Medium, sound: bytes, *, content: str | None = None, voice_id: str | None = None
    ) -> None:
        """As `fill`, of what a request brought."""
        name = await self._write_upload(sound)
        try:
            await self.fill(medium, self._upload_file(name), content=content, voice_id=voice_id)
        finally:
            await asyncio.to_thread(self._upload_file(name).unlink, missing_ok=True)

    async def take_over(self, medium: Medium, recorded: Path, also: Callable[[Connection], Awaitable[None]]) -> None:
        """A copy of what an engine recorded, which is in the form that it plays. also: what belongs into the same
        transaction. DomainErrors as of `fill`."""
        wav = self._new_file(medium)
        await asyncio.to_thread(shutil.copyfile, recorded, wav)
        await self._keep(medium, wav, good=True, content=None, also=also)

    async def speak(self, medium: Medium, text: str, voice: Voice, voice_id: str, rate: int) -> None:
        """Have it spoken. voice_id: how its owner calls the voice. DomainErrors as of `fill`."""
        if not self.speaks():
            raise DomainError(ErrorCode.FORBIDDEN, detail="there is nothing to speak with here")
        wav = self._new_file(medium)
        try:
            await self._equipped().speak(text, voice, rate, wav)
            good = True
        except SoundError:
            good = False
        await self._keep(medium, wav, good=good, content=text, voice=voice_id, rate=rate)

    def file(self, medium: Medium, extension: str) -> Path | None:
        """The sound file ('wav' or 'mp3'), if it is there."""
        path = self._folder / f"{medium.path}.{extension}"
        return path if medium.path and path.is_file() else None

    async def _keep(
        self,
        medium: Medium,
        wav: Path,
        *,
        good: bool,
        content: str | None,
        voice: str | None = None,
        rate: int | None = None,
        also: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        facts = await asyncio.to_thread(finish_file, wav) if good else None
        sound = Sound(str(wav.relative_to(self._folder).with_suffix("")), *facts) if facts else None
        async with self._database.transaction() as connection:
            await store.lock(connection, medium.account_id)
            _found(
                await store.fill(
                    connection, medium, sound, content=content, voice=voice, rate=rate, now=self._clock.now()
                )
            )
            if sound:
                await _within_quota(connection, medium.account_id)
            if also:
                await also(connection)

    def _equipped(self) -> Studio:
        if self._studio is None:
            raise DomainError(ErrorCode.FORBIDDEN, detail="sounds cannot be converted here")
        return self._studio

    def _new_file(self, medium: Medium) -> Path:
        folder = self._folder / str(medium.account_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{medium.hash}-{secrets.token_hex(4)}.wav"

    # --- uploads ----------------------------------------------------------------------------------------------------

    async def may_upload(self, account_id: int) -> None:
        """DomainError TOO_MANY 'file'."""
        async with self._database.reading() as connection:
            if await store.count_uploads(connection, account_id) >= MOST_UPLOADS:
                raise DomainError(ErrorCode.TOO_MANY, "file", f"{MOST_UPLOADS} files are waiting to be used")

    async def receive(self, content: bytes) -> str:
        """Put a file down, which is nobody's until it is `taken`; the name that it gets."""
        return await self._write_upload(content)

    async def taken(self, connection: Connection, account_id: int, name: str) -> None:
        """The file of this name is the account's now. Repeating changes nothing. DomainError UNKNOWN_VALUE 'filename'."""
        file = self._upload_file(name)
        if not file.is_file():
            raise DomainError(ErrorCode.UNKNOWN_VALUE, "filename", "the file is not there")
        await store.add_upload(
            connection,
            Upload(
                account_id=account_id, name=name, path=f"{_UPLOADS}/{name}", size_bytes=file.stat().st_size,
                created_at=self._clock.now(),
            ),
        )  # fmt: skip

    async def upload(self, account_id: int, name: str) -> Path | None:
        """The account's file of this name."""
        async with self._database.reading() as connection:
            found = await store.upload(connection, account_id, name)
        path = self._folder / found.path if found else None
        return path if path and path.is_file() else None

    async def _write_upload(self, content: bytes) -> str:
        name = secrets.token_hex(20)
        await asyncio.to_thread(_write, self._upload_file(name), content)
        return name

    def _upload_file(self, name: str) -> Path:
        return self._folder / _UPLOADS / name

    # --- upkeep -----------------------------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Forget old uploads, and delete old files that nothing needs."""
        async with self._database.transaction() as connection:
            await store.forget_uploads(connection, self._clock.now() - KEPT)
        before = (self._clock.now() - KEPT).timestamp()
        old = await asyncio.to_thread(lambda: list(_older(self._folder, before)))
        for start in range(0, len(old), _SWEPT_AT_ONCE):
            some = {path: _as_kept(path, self._folder) for path in old[start : start + _SWEPT_AT_ONCE]}
            async with self._database.reading() as connection:
                used = await store.used_paths(connection, set(some.values()))
            await asyncio.to_thread(_unlink, [path for path, kept in some.items() if kept not in used])


def _found(there: bool) -> None:
    if not there:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "media_id", "the medium is gone")


async def _within_quota(connection: Connection, account_id: int) -> None:
    quota = await store.quota(connection, account_id)
    if quota.free_s >= 0 and quota.used_s > quota.free_s + quota.paid_s:
        raise DomainError(ErrorCode.TOO_MANY, "media", "the quota of stored sound is used up")


def _older(folder: Path, before: float) -> Iterator[Path]:
    """Files of accounts and uploads; what lies in the folder itself is built in."""
    for path in folder.glob("*/*"):
        if path.is_file() and path.stat().st_mtime < before:
            yield path


def _as_kept(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder).with_suffix(""))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
