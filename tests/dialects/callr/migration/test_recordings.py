"""Recordings move in with their sound; a voicemail tells how its call ended."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ringtrail.dialects.callr import registry
from ringtrail.dialects.callr.migration import recordings
from ringtrail.dialects.callr.migration.past_calls import UnusableError
from ringtrail.dialects.callr.migration.plan import Verdict
from ringtrail.dialects.callr.migration.recordings import Told, recording_of
from ringtrail.model.call import Call, RecordingKind
from ringtrail.services.upkeep import finish_file
from tests.dialects.callr.migration.conftest import KEY, Moved, Side
from tests.dialects.callr.migration.lives import (
    Lives,
    asked,
    check_books,
    dispositions,
    expected,
    in_a_process,
    same_ground,
)
from tests.dialects.callr.test_media import tone
from tests.fixtures import CALLR_LOGIN, World, with_recording

pytestmark = pytest.mark.postgres

ONLY = frozenset({"calls", "recordings"})


@pytest.fixture(autouse=True)
async def ground(world: World, new: Side) -> None:
    await same_ground(world, new)
    await new.services.accounts.add_password(new.account.id, "callr", *CALLR_LOGIN)


def heard(old: Side, call: Call, hash_: str, kind: RecordingKind = RecordingKind.CALL) -> Call:
    """The call with a recording of two seconds."""
    recorded = with_recording(call, hash_)
    wav = old.folder / f"{recorded.recordings[0].path}.wav"
    wav.write_bytes(tone(2.0))
    facts = finish_file(wav)
    assert facts is not None
    recording = replace(recorded.recordings[0], kind=kind, duration_ms=facts[0], size_bytes=facts[1])
    return replace(recorded, recordings=(recording,))


async def lived(old: Side, world: World) -> list[Call]:
    """A call, a voicemail that was listened to, a recording that is broken."""
    lives = Lives(world)
    calls = [
        heard(old, lives.golden(), "REC0RD1N"),
        heard(old, lives.voicemail(), "V01CEMA1", RecordingKind.VOICEMAIL),
        with_recording(lives.golden(), "BR0KEN00"),
    ]
    broken = replace(calls[2].recordings[0], status="error")
    calls[2] = replace(calls[2], recordings=(broken,))
    await world.save(*calls)
    await asked(old, "media/recording.set_read", ["V01CEMA1"], True)
    return calls


async def listed(side: Side) -> list[dict[str, Any]]:
    """Without the host of its sound."""
    found = (await asked(side, "media/recording.search", {}, {}))["items"]
    for item in found:
        for key in ("url", "url_mp3"):
            item[key] = item[key] and item[key].removeprefix(side.base_url)
    return list(found)


async def sound(side: Side, hash_: str, extension: str) -> bytes:
    reply = await side._http.get(
        f"{side.base_url}/callr/recordings/{hash_}.{extension}", headers={"Authorization": f"Api-Key {KEY}"}
    )
    assert reply.status_code == 200, reply.text
    return reply.content


async def test_recordings_read_and_sound_the_same_on_both_sides(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    calls = await lived(old, world)
    theirs = await listed(old)
    steps, report = await moved(only=ONLY)
    assert [step.quantity for step in steps] == [3, 3]
    assert (report.quantities, report.notes, report.failures) == ({"calls": 3, "recordings": 3}, [], [])
    ours = await listed(new)
    assert ours == theirs
    assert {item["hash"]: (item["status"], item["read"]) for item in ours} == {
        "REC0RD1N": ("READY", False),
        "V01CEMA1": ("READY", True),
        "BR0KEN00": ("ERROR", False),
    }
    for hash_ in ("REC0RD1N", "V01CEMA1"):
        assert await sound(new, hash_, "mp3") == await sound(old, hash_, "mp3")
        assert (await sound(new, hash_, "wav"))[:4] == b"RIFF"
    assert await dispositions(new) == expected(calls)  # what the voicemail explains, too
    await check_books(new)
    assert [path.name for path in new.folder.rglob("*.part")] == []


async def test_a_second_run_adds_nothing(old: Side, new: Side, world: World, moved: Moved) -> None:
    await lived(old, world)
    await moved(only=ONLY)
    before = await listed(new), sorted(new.folder.iterdir())
    steps, report = await moved(only=ONLY)
    assert ([step.verdict for step in steps], report.quantities) == ([Verdict.HERE] * 2, {})
    assert (await listed(new), sorted(new.folder.iterdir())) == before


async def test_killed_between_recordings_nothing_is_lost_or_doubled(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    await lived(old, world)
    await moved(only=frozenset({"calls"}))
    for most, status in ((1, -signal.SIGKILL), (1, -signal.SIGKILL), (0, 0)):
        returned, report = await in_a_process(old, new, "recordings", most=most)
        assert returned == status
    assert (report["quantities"], report["notes"]) == ({"recordings": 1}, [])
    assert [item["hash"] for item in await listed(new)] == ["BR0KEN00", "V01CEMA1", "REC0RD1N"]
    assert await sound(new, "V01CEMA1", "mp3") == await sound(old, "V01CEMA1", "mp3")
    await check_books(new)


async def test_a_sound_that_is_gone_is_told_and_fetched_by_a_later_run(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    calls = await lived(old, world)
    mp3 = old.folder / f"{calls[0].id}.mp3"
    content = mp3.read_bytes()
    for trouble, why in ((mp3.unlink, "HTTP 404"), (lambda: mp3.write_bytes(b"<html>"), "no MP3")):
        trouble()
        _, report = await moved(only=ONLY)
        [note] = report.notes
        assert note.text.startswith("recording REC0RD1N: its sound could not be fetched")
        assert why in note.text
    assert [item["hash"] for item in await listed(new)] == ["BR0KEN00", "V01CEMA1"]
    mp3.write_bytes(content)
    _, report = await moved(only=ONLY)
    assert (report.quantities["recordings"], report.notes) == (1, [])
    assert await sound(new, "REC0RD1N", "mp3") == content


async def test_a_sound_that_is_too_long_is_told(
    old: Side, new: Side, world: World, moved: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(old, world)
    monkeypatch.setattr(recordings, "MOST_BYTES", 100)
    _, report = await moved(only=ONLY)
    assert [note.text for note in report.notes] == [
        f"recording {hash_}: the file is longer than 100 bytes" for hash_ in ("REC0RD1N", "V01CEMA1")
    ]
    assert report.quantities["recordings"] == 1


async def test_an_old_account_that_gives_fewer_at_a_time_than_it_is_asked_for_is_read_to_its_end(
    old: Side, world: World, moved: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(old, world)
    theirs = old.services.recordings
    monkeypatch.setattr(
        theirs, "find", lambda *of, limit=1, find=theirs.find, **how: find(*of, limit=min(limit, 1), **how)
    )
    _, report = await moved(only=ONLY)
    assert (report.quantities["recordings"], report.notes) == (3, [])


async def test_a_recording_whose_call_is_not_here_stays_behind_and_is_told(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    calls = await lived(old, world)
    _, report = await moved(only=frozenset({"recordings"}))
    assert sorted(note.text for note in report.notes) == sorted(
        f"recording {call.recordings[0].hash}: its call {call.id} is not here" for call in calls
    )
    assert (await listed(new), list(new.folder.iterdir())) == ([], [])


async def test_an_account_whose_recordings_cannot_be_asked_for_keeps_them(
    world: World, moved: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.save(world.golden())
    monkeypatch.delitem(registry.METHODS, "media/recording.search")
    steps, report = await moved(only=ONLY)
    assert [(step.kind, step.verdict) for step in steps] == [("calls", Verdict.NEW), ("recordings", Verdict.CANNOT)]
    assert (report.quantities, report.failures) == ({"calls": 1}, [])


TOLD = Told(hash="REC0RD1N", callid=1, date="2026-07-14 09:05:10", status="READY", type="CALL", read=True, duration=3)


def test_a_recording_that_was_read_nobody_knows_when_was_read_at_once() -> None:
    recording = recording_of(TOLD)
    assert (recording.read_at, recording.duration_ms) == (recording.started_at, 3_000)


@pytest.mark.parametrize("changes", [{"duration": 2**31}, {"duration": -1}, {"file_size_total": 2**63}])
def test_what_no_column_holds_cannot_be_read(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(msgspec.to_builtins(TOLD) | changes, Told)


@pytest.mark.parametrize("changes", [{"type": "RECORDING"}, {"type": "CONFERENCE"}, {"date": "soon"}])
def test_what_cannot_be_kept_is_said(changes: dict[str, Any]) -> None:
    with pytest.raises(UnusableError):
        recording_of(msgspec.structs.replace(TOLD, **changes))
