"""The ear of the end-to-end tests, on made-up sounds."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from demo.melody import melody, write_melody
from tests.e2e.audio import Samples, Sound, duration_s, heard, loudness, read, resampled


def write(path: Path, samples: Samples, rate: int, *, channels: int = 1) -> Path:
    frames = np.repeat(np.clip(samples * 32768, -32768, 32767).astype("<i2"), channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.tobytes())
    return path


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    return write_melody(tmp_path / "tune.wav", "caller", 6.0)


def voice(name: str, rate: int, length_s: float = 6.0) -> Samples:
    return resampled(Sound(np.array(melody(name, length_s)) / 32768.0, 16000), rate)


def mu_law(samples: Samples) -> Samples:
    """There and back through 8 bits, as G.711 does it."""
    squeezed = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    rounded = np.round(squeezed * 127) / 127
    coded: Samples = np.sign(rounded) * np.expm1(np.abs(rounded) * np.log(256)) / 255
    return coded


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_late_quiet_coded_copy_is_heard(tmp_path: Path, tune: Path, rate: int) -> None:
    copy = np.concatenate([np.zeros(rate), 0.3 * mu_law(voice("caller", rate)), np.zeros(rate // 2)])
    assert heard(write(tmp_path / "r.wav", copy, rate), tune) > 0.97


def test_another_melody_is_not_heard(tmp_path: Path, tune: Path) -> None:
    names = [f"other-{index}" for index in range(8)]
    scores = [heard(write(tmp_path / f"{name}.wav", voice(name, 8000), 8000), tune) for name in names]
    assert max(scores) < 0.4


def test_silence_and_noise_are_not_heard(tmp_path: Path, tune: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 8 * 8000)
    assert heard(write(tmp_path / "silence.wav", np.zeros(64000), 8000), tune) == 0.0
    assert heard(write(tmp_path / "noise.wav", noise, 8000), tune) < 0.1


def test_half_of_it_counts_half(tmp_path: Path, tune: Path) -> None:
    assert heard(write(tmp_path / "half.wav", voice("caller", 8000)[: 3 * 8000], 8000), tune) == pytest.approx(
        0.5, abs=0.2
    )


def test_a_dropped_frame_does_not_spoil_it(tmp_path: Path, tune: Path) -> None:
    samples = voice("caller", 8000)
    slipped = np.concatenate([samples[:16500], samples[16660:32400], samples[32240:]])  # 20 ms out, 20 ms in
    assert heard(write(tmp_path / "slip.wav", slipped, 8000), tune) > 0.8


def test_two_voices_mixed_are_both_heard(tmp_path: Path) -> None:
    mixed = write(tmp_path / "mixed.wav", (voice("a", 8000) + voice("b", 8000)) / 2, 8000)
    for name in ("a", "b"):
        assert 0.55 < heard(mixed, write_melody(tmp_path / f"{name}.wav", name, 6.0)) < 0.85


def test_recording_shorter_than_a_piece(tmp_path: Path, tune: Path) -> None:
    assert heard(write(tmp_path / "short.wav", voice("caller", 8000)[:800], 8000), tune) < 0.5
    assert heard(write(tmp_path / "empty.wav", np.zeros(0), 8000), tune) == 0.0


def test_silent_original_is_refused(tmp_path: Path, tune: Path) -> None:
    silent = write(tmp_path / "silent.wav", np.zeros(8000), 8000)
    with pytest.raises(ValueError, match="silent"):
        heard(tune, silent)


def test_resampling_keeps_loudness_and_length(tmp_path: Path, tune: Path) -> None:
    lower = write(tmp_path / "lower.wav", resampled(read(tune), 8000), 8000, channels=2)
    assert duration_s(lower) == pytest.approx(duration_s(tune), abs=0.001)
    assert loudness(lower) == pytest.approx(loudness(tune), rel=0.05)


def test_melody_is_the_same_for_the_same_name(tmp_path: Path) -> None:
    assert melody("x", 1.0) == melody("x", 1.0)
    assert melody("x", 1.0) != melody("y", 1.0)
