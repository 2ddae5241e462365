"""Recordings over the native API: facts, sound, ranges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ringtrail.model.call import Call
from tests.dialects.conftest import BASE_URL
from tests.dialects.native.conftest import Api
from tests.fixtures import World, with_recording

pytestmark = pytest.mark.postgres

WAV, MP3, CALLER = b"RIFF" + bytes(range(200)), b"ID3" + bytes(97), b"RIFFcaller"


@pytest.fixture
async def recorded(world: World, tmp_path: Path) -> Call:
    """A recorded call with its files: both formats, and the caller's side."""
    call = with_recording(world.golden())
    call = replace(
        call, recordings=(replace(call.recordings[0], per_leg=True, duration_ms=199_020, size_bytes=len(WAV)),)
    )
    for name, sound in ((f"{call.id}.wav", WAV), (f"{call.id}.mp3", MP3), (f"{call.id}-caller.wav", CALLER)):
        (tmp_path / name).write_bytes(sound)
    await world.save(call)
    return call


async def test_a_recording_says_what_there_is_to_hear(recorded: Call, api: Api) -> None:
    expected = {
        "hash": "REC0RD1N", "call_id": str(recorded.id), "kind": "call", "status": "ready",
        "started_at": "2026-07-14T09:05:10.000Z", "duration_ms": 199_020, "size_bytes": len(WAV), "read_at": None,
        "parts": ["caller", "target"],
        "audio": {name: f"{BASE_URL}/api/v1/recordings/REC0RD1N/audio.{name}" for name in ("wav", "mp3")},
    }  # fmt: skip
    assert (await api("/recordings/REC0RD1N")).json() == expected
    assert (await api(f"/calls/{recorded.id}/recordings")).json() == {"recordings": [expected]}


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("path", "media_type", "sound"),
    [
        ("audio", "audio/mpeg", MP3),
        ("audio.mp3", "audio/mpeg", MP3),
        ("audio.wav", "audio/wav", WAV),
        ("audio.wav?part=caller", "audio/wav", CALLER),
        ("audio?part=caller", "audio/wav", CALLER),
    ],
)
async def test_the_sound_comes_whole(api: Api, path: str, media_type: str, sound: bytes) -> None:
    answer = await api(f"/recordings/REC0RD1N/{path}")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, media_type, sound)
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("asked", "status", "told", "sound"),
    [
        ("bytes=0-3", 206, "bytes 0-3/204", WAV[:4]),
        ("bytes=200-", 206, "bytes 200-203/204", WAV[200:]),
        ("bytes=-4", 206, "bytes 200-203/204", WAV[-4:]),
        ("bytes=100-9999", 206, "bytes 100-203/204", WAV[100:]),
        ("bytes=204-", 416, "bytes */204", b""),
        ("bytes=0-1,5-6", 200, None, WAV),
        ("seconds=1-2", 200, None, WAV),
    ],
)
async def test_the_sound_comes_in_ranges(api: Api, asked: str, status: int, told: str | None, sound: bytes) -> None:
    answer = await api("/recordings/REC0RD1N/audio.wav", range=asked)
    assert (answer.status_code, answer.headers.get("content-range"), answer.content) == (status, told, sound)


@pytest.mark.usefixtures("recorded")
async def test_listening_is_noted_once(api: Api) -> None:
    await api("/recordings/REC0RD1N/audio.mp3")
    first = (await api("/recordings/REC0RD1N")).json()["read_at"]
    await api("/recordings/REC0RD1N/audio.mp3")
    assert first is not None
    assert (await api("/recordings/REC0RD1N")).json()["read_at"] == first


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/recordings/REC0RD1N/audio?part=target", 404, "the recording has no such file"),
        ("/recordings/REC0RD1N/audio.mp3?part=caller", 404, "the recording has no such file"),
        ("/recordings/REC0RD1N/audio?part=both", 400, "1 parameter is wrong"),
        ("/recordings/NOSUCH00", 404, "there is no recording with this hash"),
        ("/recordings/%00", 404, "there is no recording with this hash"),
    ],
)
async def test_what_cannot_be_heard_is_said(api: Api, path: str, status: int, detail: str) -> None:
    answer = await api(path)
    assert (answer.status_code, answer.json()["detail"]) == (status, detail)


async def test_an_unfinished_recording_is_a_conflict_and_offers_no_sound(world: World, api: Api) -> None:
    call = with_recording(world.golden())
    await world.save(replace(call, recordings=(replace(call.recordings[0], status="processing"),)))
    assert (await api("/recordings/REC0RD1N")).json()["audio"] == {}
    answer = await api("/recordings/REC0RD1N/audio")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:ringtrail:problem:conflict")
