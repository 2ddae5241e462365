"""`python -m ringtrail.sound.convert SOURCE WAV`: one file decoded, in a process that may crash without harm.

Reads WAV, MP3, FLAC and Ogg Vorbis. Memory, processor time and length are bounded. Ends with 0, with REFUSED and a reason
on standard output, or however a broken decoder ends.
"""

from __future__ import annotations

import resource
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import miniaudio

from ringtrail.ports.sound import LONGEST_S

RATE = 8_000
REFUSED = 3
_MEMORY = 512 * 1024 * 1024
_CPU_S = 30
_FRAMES = 16_384


def main(source: Path, wav: Path) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        frames = _write(wav, _pieces(source.read_bytes()))
    except (miniaudio.MiniaudioError, MemoryError):
        return _refuse("this is no sound file that can be read: WAV, MP3, FLAC and Ogg Vorbis can")
    if frames == 0:
        return _refuse("there is no sound in the file")
    if frames > LONGEST_S * RATE:
        return _refuse(f"the sound is longer than {LONGEST_S} seconds")
    return 0


def _pieces(content: bytes) -> Iterator[bytes]:
    stream = miniaudio.stream_memory(
        content, output_format=miniaudio.SampleFormat.SIGNED16, nchannels=1, sample_rate=RATE, frames_to_read=_FRAMES
    )
    for piece in stream:
        yield piece.tobytes()


def _write(wav: Path, pieces: Iterator[bytes]) -> int:
    """How many frames: one more than the longest sound may have, or more, is too many."""
    frames = 0
    with wave.open(str(wav), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for piece in pieces:
            file.writeframes(piece)
            frames += len(piece) // 2
            if frames > LONGEST_S * RATE:
                break
    return frames


def _refuse(reason: str) -> int:
    sys.stdout.write(reason)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
