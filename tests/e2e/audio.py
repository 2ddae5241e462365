"""Did this phone hear that sound? Cross-correlation of WAV files."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

PIECE_S = 0.5
_QUIET = 1e-3  # of full scale (-60 dBFS): below it there is nothing to compare


class Sound(NamedTuple):
    samples: Samples  # -1..1, mono
    rate: int  # Hz


def heard(recorded: Path, original: Path) -> float:
    """How much of `original` is in `recorded`, 0 to 1: 1 is all of it, alone and undistorted.

    The original is cut into pieces of half a second; each is looked for anywhere in the recording by normalised
    cross-correlation, and the results are averaged by the pieces' energy. Pieces bear what a jitter buffer does (a
    frame dropped or repeated) and make the result the share that was heard when a call is cut short. Two voices of equal
    loudness mixed into one file give about 0.7 each.
    """
    rate = min(read(recorded).rate, read(original).rate)
    record, sought = resampled(read(recorded), rate), trimmed(resampled(read(original), rate))
    length = round(PIECE_S * rate)
    pieces = [sought[at : at + length] for at in range(0, max(len(sought), 1), length)]
    weights = [float(np.sum(piece**2)) for piece in pieces]
    if sum(weights) == 0.0:
        raise ValueError(f"{original} is silent")
    found = [_best_match(record, piece) for piece in pieces]
    return sum(match * weight for match, weight in zip(found, weights, strict=True)) / sum(weights)


def loudness(path: Path) -> float:
    """Root mean square, 0 to 1 of full scale."""
    samples = read(path).samples
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


def duration_s(path: Path) -> float:
    sound = read(path)
    return len(sound.samples) / sound.rate


def read(path: Path) -> Sound:
    """A 16-bit PCM WAV; channels are averaged. Raises ValueError for another width."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: {8 * file.getsampwidth()} bit; only 16 are read")
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        channels, rate = file.getnchannels(), file.getframerate()
    return Sound(raw.reshape(-1, channels).mean(axis=1) / 32768.0, rate)


def resampled(sound: Sound, rate: int) -> Samples:
    """By cutting or padding the spectrum: nothing above half of the lower rate survives."""
    if sound.rate == rate or not len(sound.samples):
        return sound.samples
    count = round(len(sound.samples) * rate / sound.rate)
    resized: Samples = np.fft.irfft(np.fft.rfft(sound.samples), count) * (rate / sound.rate)
    return resized


def trimmed(samples: Samples) -> Samples:
    """Without the silence at both ends."""
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]


def _best_match(record: Samples, piece: Samples) -> float:
    """Highest normalised correlation of `piece` with any equally long stretch of `record`, 0 when there is none."""
    if len(record) < len(piece):
        record = np.pad(record, (0, len(piece) - len(record)))
    size = len(record) + len(piece)
    product = np.fft.irfft(np.fft.rfft(record, size) * np.conj(np.fft.rfft(piece, size)), size)
    running = np.concatenate(([0.0], np.cumsum(record**2)))
    energy = running[len(piece) :] - running[: -len(piece)]
    floor = len(piece) * _QUIET**2
    scale = np.sqrt(np.maximum(energy, floor) * max(float(np.sum(piece**2)), floor))
    return float(np.clip(np.max(product[: len(energy)] / scale), 0.0, 1.0))
