"""A short tune for each phone, so that a person and a correlation can both tell who is heard.

Notes lie between 300 and 1400 Hz (G.711 carries 300 to 3400), start softly, and never fall in equal steps of time: an
even rhythm would correlate with itself one note later.
"""

from __future__ import annotations

import math
import random
import struct
import wave
from array import array
from pathlib import Path

RATE = 16000  # Hz; mono, 16 bit
_PENTATONIC = (0, 2, 4, 7, 9, 12, 14, 16)  # semitones over the root
_HARMONICS = ((1, 0.62), (2, 0.22), (3, 0.10))  # (multiple, share): a mellow reed
_PEAK = 0.45


def write_melody(path: Path, name: str, length_s: float = 8.0) -> Path:
    """`name` decides the tune: the same name always sings the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = melody(name, length_s)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


def melody(name: str, length_s: float) -> array[int]:
    dice = random.Random(name)  # noqa: S311 - a tune, not a secret
    root = dice.uniform(310.0, 480.0)
    samples: array[int] = array("h")
    wanted = round(length_s * RATE)
    while len(samples) < wanted:
        pitch = root * 2 ** (dice.choice(_PENTATONIC) / 12)
        samples.extend(_note(pitch, dice.uniform(0.98, 1.03), dice.uniform(0.14, 0.42)))
        samples.extend([0] * round(dice.uniform(0.01, 0.08) * RATE))
    return samples[:wanted]


def _note(pitch: float, glide: float, length_s: float) -> list[int]:
    """One note whose pitch glides to `pitch * glide`."""
    count = round(length_s * RATE)
    notes, phase = [], 0.0
    for index in range(count):
        position = index / count
        phase += 2 * math.pi * pitch * (1 + (glide - 1) * position) / RATE
        swell = min(1.0, position * 12) * math.cos(position * math.pi / 2)
        tone = sum(share * math.sin(multiple * phase) for multiple, share in _HARMONICS)
        notes.append(round(32767 * _PEAK * swell * tone))
    return notes
