"""What the worker does: partitions ahead, recordings finished. Every step may be repeated and may be run by several workers."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import lameenc
import structlog

from ringtrail.model.call import RecordingRecord
from ringtrail.ports.clock import Clock
from ringtrail.services.voicemails import Voicemails
from ringtrail.storage import recordings as store
from ringtrail.storage.database import Database
from ringtrail.storage.schema import ensure_partitions_ahead

log = structlog.get_logger("ringtrail.worker")

MP3_BITRATE_KBPS = 32


class Upkeep:
    def __init__(self, database: Database, clock: Clock, recordings_folder: Path, voicemails: Voicemails) -> None:
        self._database = database
        self._clock = clock
        self._voicemails = voicemails
        self._folder = recordings_folder

    async def make_partitions(self) -> None:
        await ensure_partitions_ahead(self._database, self._clock.now())

    async def finish_recordings(self) -> int:
        """Measure and encode the recordings of ended calls. Returns how many were settled."""
        settled = 0
        while await self._finish_one():
            settled += 1
        return settled

    async def recordings_waiting(self) -> int:
        async with self._database.reading() as connection:
            return await store.count_unfinished(connection)

    async def _finish_one(self) -> bool:
        async with self._database.transaction() as connection:
            claimed = await store.claim_unfinished(connection, 1)
            if not claimed:
                return False
            recording = claimed[0]
            facts = await asyncio.to_thread(finish_file, self._folder / f"{recording.path}.wav")
            duration_ms, size_bytes = facts or (None, None)
            mails = await self._voicemails.mails(connection, recording) if facts else []
            await store.finish_recording(
                connection, recording.account_id, recording.hash, status="ready" if facts else "error",
                duration_ms=duration_ms, size_bytes=size_bytes, also=mails,
            )  # fmt: skip
        _tell(recording, bool(facts))
        return True


def _tell(recording: RecordingRecord, good: bool) -> None:
    told = log.bind(account_id=recording.account_id, call_id=recording.call_id, recording=recording.hash)
    if good:
        told.info("recording_ready")
    else:
        told.error("recording_unusable", path=recording.path)


def finish_file(path: Path) -> tuple[int, int] | None:
    """Write the MP3 beside a WAV file; (milliseconds, bytes of both). None: there is no usable sound."""
    try:
        with wave.open(str(path)) as sound:
            rate, channels, frames = sound.getframerate(), sound.getnchannels(), sound.getnframes()
            pcm = sound.readframes(frames)
    except (OSError, EOFError, wave.Error):
        return None
    frames = len(pcm) // (2 * channels)
    if frames == 0:
        return None
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(MP3_BITRATE_KBPS)
    encoder.set_in_sample_rate(rate)
    encoder.set_channels(channels)
    encoder.set_quality(5)
    encoder.silence()
    mp3 = path.with_suffix(".mp3")
    unfinished = mp3.with_suffix(".mp3.part")
    unfinished.write_bytes(bytes(encoder.encode(pcm)) + bytes(encoder.flush()))
    unfinished.replace(mp3)
    return frames * 1000 // rate, path.stat().st_size + mp3.stat().st_size
