"""The recordings' WAV files: their names, whether they are whole, how long they are."""

from __future__ import annotations

import asyncio
import time
import wave
from pathlib import Path

_CLOSE_TIMEOUT_S = 5.0
_POLL_S = 0.05


def files(folder: Path, recording_id: str) -> tuple[Path, Path, Path]:
    """Mixed, caller's side, target's side."""
    return folder / f"{recording_id}.wav", folder / f"{recording_id}-caller.wav", folder / f"{recording_id}-target.wav"


def duration_ms(path: Path) -> int | None:
    """Length of a closed WAV file; None when there is none or it is not whole."""
    try:
        with wave.open(str(path)) as sound:
            frames, rate = int(sound.getnframes()), int(sound.getframerate())
        return frames * 1000 // rate
    except (OSError, EOFError, wave.Error):
        return None


async def wait_until_closed(path: Path) -> int | None:
    """Wait until the writer has filled in the header. The length in ms; None: it never came."""
    deadline = time.monotonic() + _CLOSE_TIMEOUT_S
    while time.monotonic() < deadline:
        if await asyncio.to_thread(_is_whole, path):
            return duration_ms(path)
        await asyncio.sleep(_POLL_S)
    return None


def _is_whole(path: Path) -> bool:
    """RIFF: bytes 4 to 8 hold the file's size less eight. Asterisk writes them when it closes the file."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
        size = path.stat().st_size
    except OSError:
        return False
    return size > 44 and int.from_bytes(head[4:8], "little") >= size - 9
