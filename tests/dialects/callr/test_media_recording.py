"""Recordings: found, summed up, fetched."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from ringtrail.model.call import RecordingKind
from tests.dialects.callr.conftest import Client, Rpc
from tests.dialects.conftest import BASE_URL
from tests.fixtures import CALLR_LOGIN, GOLDEN_START, TOKENS, World, build_world, with_recording

SOUND = b"RIFF" + bytes(range(200))


async def _save_two(world: World) -> None:
    """A finished call recording of 3 s, and an hour later a voicemail that is still being processed."""
    call = with_recording(world.golden())
    done = replace(call.recordings[0], duration_ms=2600, size_bytes=41_000)
    later = with_recording(world.golden(started_at=GOLDEN_START + timedelta(hours=1)), "V01CEMA1")
    message = replace(later.recordings[0], kind=RecordingKind.VOICEMAIL, status="processing")
    await world.save(replace(call, recordings=(done,)), replace(later, recordings=(message,)))


async def test_a_finished_recording_is_shown_with_its_call_and_urls(rpc: Rpc, world: World) -> None:
    await _save_two(world)
    recording = await rpc("media/recording.get", "REC0RD1N")
    expected: dict[str, Any] = {
        "app_hash": world.app.hash,
        "app_name": "Main line",
        "callid": recording["callid"],
        "cli_name": "Alice",
        "cli_number": "+33612345678",
        "date": "2026-07-14 09:05:10",
        "date_read": None,
        "did_hash": world.did.hash,
        "did_intl_number": world.did.number_e164,
        "did_local_number": "0" + world.did.number_e164[3:],
        "duration": 3,
        "file_size_total": 41_000,
        "hash": "REC0RD1N",
        "options": {
            "feeds": "both",
            "locale": None,
            "ner": False,
            "pii": False,
            "sentiment": False,
            "transcription": False,
            "webhook": None,
        },
        "read": False,
        "status": "READY",
        "type": "CALL",
        "url": f"{BASE_URL}/callr/recordings/REC0RD1N",
        "url_exts": ["mp3", "wav"],
        "url_mp3": f"{BASE_URL}/callr/recordings/REC0RD1N.mp3",
    }
    assert list(recording.items()) == list(expected.items())
    [cdr] = await rpc("cdr.get", "IN", "2026-07-14 09:05:10", "2026-07-14 09:05:10", None, None)
    assert recording["callid"] == cdr["callid"]


async def test_an_unfinished_recording_has_no_urls_yet(rpc: Rpc, world: World) -> None:
    await _save_two(world)
    recording = await rpc("media/recording.get", "V01CEMA1")
    assert (recording["status"], recording["type"]) == ("PROCESSING", "VOICEMAIL")
    assert (recording["url"], recording["url_exts"], recording["url_mp3"]) == (None, [], None)
    assert (recording["duration"], recording["file_size_total"]) == (None, None)


async def test_each_filter_narrows_the_list(rpc: Rpc, world: World) -> None:
    await _save_two(world)
    callid = (await rpc("media/recording.get", "REC0RD1N"))["callid"]
    await rpc("media/recording.search", None, None)
    call, voicemail = "REC0RD1N", "V01CEMA1"
    for filters, expected in (
        ({}, [voicemail, call]),
        ([], [voicemail, call]),
        ({"callid": callid}, [call]),
        ({"callid": 1}, []),
        ({"cli_number": "06 12 34 56 78"}, [voicemail, call]),
        ({"cli_number": "+33700000000"}, []),
        ({"date_from": "2026-07-14 09:05:11"}, [voicemail]),
        ({"date_to": "2026-07-14 09:05:10"}, [call]),
        ({"duration_min": 2}, [call]),
        ({"duration_min": 3}, []),
        ({"hash": call}, [call]),
        ({"hash": "ZZZZZZZZ"}, []),
        ({"read": False}, [voicemail, call]),
        ({"read": True}, []),
        ({"read_at_from": "2026-01-01 00:00:00"}, []),
        ({"status": "READY"}, [call]),
        ({"status": "PROCESSING", "type": "VOICEMAIL"}, [voicemail]),
        ({"status": "PENDING"}, []),
        ({"type": "CALL"}, [call]),
        ({"type": "RECORDING"}, []),
    ):
        found = await rpc("media/recording.search", filters, {})
        assert list(found) == ["items", "total_items"]
        assert ([item["hash"] for item in found["items"]], found["total_items"]) == (expected, len(expected)), filters


async def test_pages_of_recordings_follow_one_another(rpc: Rpc, world: World) -> None:
    await _save_two(world)
    for offset, expected in ((0, ["V01CEMA1"]), (1, ["REC0RD1N"]), (2, [])):
        page = await rpc("media/recording.search", {}, {"offset": offset, "quantity": 1, "order": "date"})
        assert ([item["hash"] for item in page["items"]], page["total_items"]) == (expected, 2)


async def test_the_overview_and_the_read_status_sum_up_by_type(rpc: Rpc, client: Client, world: World) -> None:
    await _save_two(world)
    overview = await rpc("media/recording.overview")
    nothing = {
        "count": {"ERROR": 0, "PROCESSING": 0, "READY": 0, "RECORDING": 0},
        "ready": {"count": 0, "read": 0, "size": 0, "unread": 0},
    }
    assert list(overview) == ["CALL", "CONFERENCE", "RECORDING", "VOICEMAIL"]
    assert overview["CALL"] == {
        "count": {"ERROR": 0, "PROCESSING": 0, "READY": 1, "RECORDING": 0},
        "ready": {"count": 1, "read": 0, "size": 41_000, "unread": 1},
    }
    assert overview["VOICEMAIL"] == {**nothing, "count": {"ERROR": 0, "PROCESSING": 1, "READY": 0, "RECORDING": 0}}
    assert (overview["CONFERENCE"], overview["RECORDING"]) == (nothing, nothing)
    none = {"count": 0, "read": 0, "unread": 0}
    assert await rpc("media/recording.read_status") == {
        "CALL": {"count": 1, "read": 0, "unread": 1},
        "CONFERENCE": none,
        "RECORDING": none,
        "VOICEMAIL": {"count": 1, "read": 0, "unread": 1},
    }


async def test_the_sound_is_fetched_with_the_credentials_of_the_api_and_is_then_read(
    rpc: Rpc, client: Client, world: World, tmp_path: Path
) -> None:
    await _save_two(world)
    recording = await rpc("media/recording.get", "REC0RD1N")
    for extension in ("mp3", "wav"):
        (tmp_path / f"{recording['callid']}.{extension}").write_bytes(SOUND)
    by_key = {"authorization": f"Api-Key {TOKENS['callr']}"}
    mp3 = await client.get(recording["url_mp3"], headers=by_key)
    assert (mp3.status_code, mp3.content, mp3.headers["content-type"]) == (200, SOUND, "audio/mpeg")
    wav = await client.get(recording["url"] + ".wav", auth=CALLR_LOGIN, headers={"range": "bytes=0-3"})
    assert (wav.status_code, wav.content, wav.headers["content-type"]) == (206, b"RIFF", "audio/wav")
    read = await rpc("media/recording.get", "REC0RD1N")
    assert (read["read"], read["date_read"] is not None) == (True, True)
    assert (await rpc("media/recording.read_status"))["CALL"] == {"count": 1, "read": 1, "unread": 0}
    assert (await rpc("media/recording.overview"))["CALL"]["ready"]["unread"] == 0


async def test_a_sound_that_is_not_there_is_404_and_not_marked_read(
    rpc: Rpc, client: Client, world: World, tmp_path: Path
) -> None:
    await _save_two(world)
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    foreign = with_recording(stranger.golden(), "F0RE1GN1")
    await stranger.save(replace(foreign, recordings=(replace(foreign.recordings[0], path="foreign"),)))
    (tmp_path / "foreign.mp3").write_bytes(SOUND)
    for name in ("REC0RD1N.mp3", "REC0RD1N", "REC0RD1N.ogg", "ZZZZZZZZ.mp3", "F0RE1GN1.mp3", "..%2F..%2Fetc.wav", "x"):
        reply = await client.get(f"/callr/recordings/{name}", auth=CALLR_LOGIN)
        assert reply.status_code == 404, name
        if name != "..%2F..%2Fetc.wav":
            assert reply.json() == {"status": "error", "data": {"code": -32601, "message": "Not Found"}}
    assert not (await rpc("media/recording.get", "REC0RD1N"))["read"]


async def test_a_sound_without_credentials_is_401(client: Client, world: World) -> None:
    await _save_two(world)
    reply = await client.get("/callr/recordings/REC0RD1N.mp3")
    assert (reply.status_code, reply.json()["data"]["code"]) == (401, 401)
    assert reply.headers["www-authenticate"].startswith("Basic")


async def test_recordings_are_marked_in_bulk(rpc: Rpc, world: World) -> None:
    await _save_two(world)
    result = await rpc("media/recording.set_read", ["REC0RD1N", "V01CEMA1", "N0TH1NG0"], True)
    assert result == {
        "errors": [{"code": 151, "hash": "N0TH1NG0", "message": "PROPERTY_VALUE_ERROR [hash]"}], "success": 2,
    }  # fmt: skip
    assert (await rpc("media/recording.search", {"read": True}, None))["total_items"] == 2
    assert (await rpc("media/recording.set_read", ["REC0RD1N"], False))["success"] == 1
    assert (await rpc("media/recording.get", "REC0RD1N"))["date_read"] is None


async def test_deleted_recordings_are_gone_with_their_files(rpc: Rpc, fault: Rpc, world: World, tmp_path: Path) -> None:
    await _save_two(world)
    path = (await world.services.recordings.find(world.account.id, hashes=["REC0RD1N"]))[0][0].path
    files = [tmp_path / f"{path}{end}" for end in (".wav", ".mp3", "-caller.wav")]
    for file in files:
        file.write_bytes(SOUND)
    result = await rpc("media/recording.delete", ["REC0RD1N", "V01CEMA1"])
    assert (result["success"], [error["hash"] for error in result["errors"]]) == (
        1,
        ["V01CEMA1"],
    )  # it is in the making
    assert await fault("media/recording.get", "REC0RD1N") == (151, "PROPERTY_VALUE_ERROR [hash]")
    assert not any(file.exists() for file in files)
    async with world.database.reading() as connection:
        rows = await (
            await connection.execute("SELECT recording_hash, recording_ready FROM calls ORDER BY started_at")
        ).fetchall()
    assert rows == [(None, False), ("V01CEMA1", False)]


async def test_another_account_s_recordings_are_not_touched(rpc: Rpc, world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    await other.save(with_recording(other.golden(), "0THERREC"))
    for method, more in (("delete", ()), ("set_read", (True,))):
        assert (await rpc(f"media/recording.{method}", ["0THERREC"], *more))["success"] == 0
    assert await other.services.recordings.by_hash(other.account.id, "0THERREC") is not None


async def test_hashes_are_an_array_of_hashes(fault: Rpc) -> None:
    for value in (None, [], "REC0RD1N", [1], ["short"], ["REC0RD1N"] * 1001):
        assert await fault("media/recording.delete", value) == (-32602, "INVALID_PARAM_FORMAT [hashes]")
