"""Recording media by phone: somebody who is given a number and a code calls, types, speaks, and the medium has a new sound.

[inferred]: a code has 8 digits, is good for 15 minutes and for one call, whatever comes of it; a medium has one open code,
and asking again makes the one before void. It can be typed at each number that takes recordings. What is shorter than a
second is thrown away, as if nothing had been said. Of wrong codes, 10 from one caller number within an hour, or 300
altogether, are borne; then no code is good until the hour has passed. Withheld callers count as one.

A recording belongs to its medium's account and to no call: whoever owns the number that was called sees a call without one.
It is kept only if the controller that took it lived until its end; what was not kept is gone within two hours.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import wave
from datetime import timedelta
from pathlib import Path

import structlog

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.media import Medium
from ringtrail.model.phone_in import CODE_LENGTH, PhoneCode, PhoneInNumber, PhoneRecording
from ringtrail.ports.clock import Clock
from ringtrail.services.media import Media
from ringtrail.storage import numbers as number_store
from ringtrail.storage import phone_in as store
from ringtrail.storage.database import Connection, Database

log = structlog.get_logger("ringtrail.phone_in")

GOOD_FOR = timedelta(minutes=15)
FAILURES_COUNT_FOR = timedelta(hours=1)
MOST_FAILURES_OF_CALLER, MOST_FAILURES = 10, 300
SHORTEST_S = 1.0
UNENDED_KEPT = timedelta(hours=1)
_PREFIX = "phone-in-"
_KEEP_AGAIN_S = 1.0


class PhoneIn:
    """Numbers and codes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add_number(self, number_e164: str) -> None:
        """Callers of this DID record media from now on. DomainError NOT_FOUND; CONFLICT if it has an app."""
        async with self._database.transaction() as connection:
            did = await number_store.did_by_number(connection, number_e164)
            if did is None:
                raise DomainError(ErrorCode.NOT_FOUND, "number", f"no account has the number {number_e164}")
            if did.app_hash is not None:
                raise DomainError(ErrorCode.CONFLICT, "number", "an app answers its calls: take that away first")
            await store.add_number(connection, did.account_id, did.hash)

    async def remove_number(self, number_e164: str) -> None:
        """DomainError NOT_FOUND."""
        async with self._database.transaction() as connection:
            if not await store.remove_number(connection, number_e164):
                raise DomainError(ErrorCode.NOT_FOUND, "number", f"{number_e164} does not take recordings")

    async def numbers(self) -> list[PhoneInNumber]:
        async with self._database.reading() as connection:
            return await store.numbers(connection)

    async def ask(self, medium: Medium, country: str) -> PhoneCode:
        """A new code for the medium. DomainError FORBIDDEN: no number of that country takes recordings."""
        now = self._clock.now()
        async with self._database.reading() as connection:
            number = await store.number_of(connection, country, now)
        if number is None:
            raise DomainError(ErrorCode.FORBIDDEN, detail="no number of this country takes recordings by phone")
        for _ in range(10):
            code = "".join(secrets.choice("0123456789") for _ in range(CODE_LENGTH))
            async with self._database.transaction() as connection:
                if await store.open_code(
                    connection, medium.account_id, medium.id, code, now=now, expires_at=now + GOOD_FOR
                ):
                    return PhoneCode(code, number)
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "media_id", "the medium is gone")

    # --- during a call ----------------------------------------------------------------------------------------------

    async def take(self, code: str, caller_e164: str | None) -> str | None:
        """Use a code up: the name of the recording that fills its medium. None: it is no good, or cannot be looked up."""
        try:
            async with self._database.transaction() as connection:
                return await self._take(connection, code, caller_e164 or "")
        except DomainError as exc:
            log.error("code_not_looked_up", reason=str(exc))
            return None

    async def _take(self, connection: Connection, code: str, caller: str) -> str | None:
        now = self._clock.now()
        of_caller, altogether = await store.failures(connection, caller, now - FAILURES_COUNT_FOR)
        if of_caller >= MOST_FAILURES_OF_CALLER or altogether >= MOST_FAILURES:
            log.warning("too_many_wrong_codes", of_caller=of_caller, altogether=altogether)
            return None
        found = await store.use_code(connection, code, now)
        if found is None:
            await store.add_failure(connection, caller, now)
            return None
        recording = PhoneRecording(*found, path=f"{_PREFIX}{secrets.token_hex(8)}")
        await store.add_recording(connection, recording, now)
        return recording.path

    async def keep(self, recording: str) -> None:
        """This recording is whole, its call over. Waits for a database that is away."""
        while True:
            try:
                async with self._database.transaction() as connection:
                    return await store.end_recording(connection, recording, self._clock.now())
            except DomainError as exc:
                log.warning("recording_waits_for_database", recording=recording, reason=str(exc))
                await asyncio.sleep(_KEEP_AGAIN_S)


class PhoneInRecordings:
    """What the worker makes of what was said. Every step may be repeated and may be run by several workers."""

    def __init__(self, database: Database, clock: Clock, media: Media, recordings_folder: Path) -> None:
        self._database = database
        self._clock = clock
        self._media = media
        self._folder = recordings_folder

    async def settle(self) -> None:
        """Fill media with what was recorded."""
        async with self._database.reading() as connection:
            ended = await store.ended_recordings(connection)
        for recording in ended:
            try:
                await self._settle(recording)
            except OSError as exc:  # another worker was faster, or the disk is full: the next time it is known
                log.warning("phone_recording_waits", recording=recording.path, reason=str(exc))

    async def _settle(self, recording: PhoneRecording) -> None:
        file = self._folder / f"{recording.path}.wav"
        medium = await self._media.by_id(recording.account_id, recording.media_id)
        if medium is not None and await asyncio.to_thread(_length_s, file) >= SHORTEST_S:
            await self._fill(medium, file, recording)
        else:
            await self._forget(recording)
        await asyncio.to_thread(file.unlink, missing_ok=True)

    async def _fill(self, medium: Medium, file: Path, recording: PhoneRecording) -> None:
        """The medium is filled and the recording forgotten, both or neither."""

        async def used(connection: Connection) -> None:
            if not await store.delete_recording(connection, recording):
                raise DomainError(ErrorCode.CONFLICT, detail="another worker was faster")

        told = log.bind(account_id=medium.account_id, media_id=medium.id)
        try:
            await self._media.take_over(medium, file, used)
            told.info("medium_recorded_by_phone")
        except DomainError as exc:
            if exc.code is ErrorCode.UNAVAILABLE:
                raise
            told.warning("phone_recording_refused", reason=str(exc))
            await self._forget(recording)

    async def _forget(self, recording: PhoneRecording) -> None:
        async with self._database.transaction() as connection:
            await store.delete_recording(connection, recording)

    async def sweep(self) -> None:
        """Forget what was never kept, and delete the files that nothing needs."""
        until = self._clock.now() - UNENDED_KEPT
        async with self._database.transaction() as connection:
            await store.forget_unended(connection, until)
        old = await asyncio.to_thread(self._older, until.timestamp())
        async with self._database.reading() as connection:
            used = await store.used_paths(connection, [path.stem for path in old])
        for path in old:
            if path.stem not in used:
                await asyncio.to_thread(path.unlink, missing_ok=True)

    def _older(self, before: float) -> list[Path]:
        return [path for path in self._folder.glob(f"{_PREFIX}*.wav") if _changed_at(path) < before]


def _changed_at(path: Path) -> float:
    """Seconds since 1970; never, of a file that another worker has just deleted."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _length_s(path: Path) -> float:
    """0: there is no sound that can be read."""
    try:
        with wave.open(str(path)) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (OSError, EOFError, wave.Error):
        return 0.0
