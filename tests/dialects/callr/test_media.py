"""Media: made, filled, found, told, kept within the quota. Sounds are really decoded and really spoken."""

from __future__ import annotations

import array
import asyncio
import base64
import math
import os
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import lameenc
import pytest
from aiohttp import web

from ringtrail.app import job_runners
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.services.egress import Egress, Policy, networks_of
from ringtrail.services.jobs import JobWorker
from ringtrail.services.media import MOST_UPLOAD_BYTES
from ringtrail.services.phone_in import PhoneInRecordings
from ringtrail.sound.studio import LocalStudio
from ringtrail.supervisor import speech
from tests.dialects.callr.conftest import Client, Rpc
from tests.dialects.callr.shapes import JOB, MEDIA
from tests.dialects.conftest import BASE_URL
from tests.engines.asterisk.conftest import CACHE
from tests.fixtures import CALLR_LOGIN, World, build_world, with_recording
from tests.receiver import LOCAL, Receiver, Reply

QUOTA = ["count", "duration", "quota", "status"]
HOSTILE = [b"x", b"RIFF\xff\xff\xff\xffWAVE", b"\xff\xfb" * 5_000, b"OggS" + bytes(200), b"fLaC" + b"\xff" * 3_000]


@pytest.fixture
async def world(world: World, tmp_path: Path) -> World:
    """Its account can convert and speak, and has one built-in medium."""
    services = build_services(
        world.database, SystemClock(), recordings_folder=str(tmp_path), media_folder=str(tmp_path / "media"),
        studio=LocalStudio(CACHE), egress_allowed_networks=LOCAL,
    )  # fmt: skip
    await services.numbers.add_built_in_media([(1, "Ring", "RINGTONE", "1")])
    return replace(world, services=services)


def tone(seconds: float, *, rate: int = 44_100, channels: int = 2) -> bytes:
    """A WAV file."""
    samples = array.array("h")
    for n in range(int(seconds * rate)):
        samples.extend([int(9_000 * math.sin(2 * math.pi * 440 * n / rate))] * channels)
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def mp3(seconds: float) -> bytes:
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(64)
    encoder.set_in_sample_rate(44_100)
    encoder.set_channels(2)
    encoder.silence()
    return bytes(encoder.encode(tone(seconds)[44:])) + bytes(encoder.flush())


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def file_of(world: World, id_: int) -> Path:
    medium = await world.services.media.by_id(world.account.id, id_)
    path = world.services.media.file(medium, "wav") if medium else None
    assert path is not None
    return path


@asynccontextmanager
async def working(world: World, allowed: str = LOCAL) -> AsyncIterator[None]:
    async with Egress(Policy(networks_of(allowed)), limit_s=5).opened() as egress:
        worker = JobWorker(world.database, SystemClock(), job_runners(world.services, egress))
        running = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def over(rpc: Rpc, job: str) -> dict[str, Any]:
    async with asyncio.timeout(15):
        while True:
            found: dict[str, Any] = await rpc("jobs.get", job)
            if found["status"] in ("DONE", "CANCELED"):
                return found
            await asyncio.sleep(0.05)


def answering(status: int, body: bytes = b"") -> Reply:
    return lambda _request: web.Response(status=status, body=body)


async def phone_in_number(world: World, number_e164: str) -> None:
    """An operator's number takes recordings."""
    operator = await world.services.accounts.create(
        name="Operator", timezone="Europe/Paris", country="FR", currency="EUR", outbound_prefixes=()
    )
    site = await world.services.accounts.add_property(operator.id, "operator.example")
    await world.services.numbers.add(account_id=operator.id, property_id=site.id, number_e164=number_e164)
    await world.services.phone_in.add_number(number_e164)


async def told(world: World, type_: str) -> list[int]:
    async with world.database.reading() as connection:
        rows = await connection.execute("SELECT about FROM events WHERE type = %s ORDER BY id", (type_,))
        return [row[0] for row in await rows.fetchall()]


# --- library --------------------------------------------------------------------------------------------------------


async def test_a_medium_is_a_name_until_it_is_given_a_sound(rpc: Rpc) -> None:
    id_ = await rpc("media/library.create", "Accueil été (1)")
    shown = await rpc("media/library.get", id_)
    assert list(shown) == MEDIA
    assert shown == {
        "category": [], "content": None, "duration": 0, "hash": shown["hash"], "id": id_, "is_editable": True,
        "language": [], "name": "Accueil été (1)", "status": "PENDING_CONTENT", "tags": {}, "url": None, "voice": None,
    }  # fmt: skip


@pytest.mark.parametrize("content", [tone(1.2), tone(1.2, rate=8_000, channels=1), mp3(1.2)], ids=["wav", "8k", "mp3"])
async def test_what_is_uploaded_becomes_what_telephones_play(
    rpc: Rpc, world: World, client: Client, content: bytes
) -> None:
    id_ = await rpc("media/library.create", "Hello")
    assert await rpc("media/library.set_content", id_, "Hello there", in_base64(content)) is True
    shown = await rpc("media/library.get", id_)
    assert (shown["status"], shown["duration"], shown["content"]) == ("READY", 2, "Hello there")
    with wave.open(str(await file_of(world, id_))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8_000, 1, 2)
        assert abs(file.getnframes() / 8_000 - 1.2) < 0.1
        samples = array.array("h", file.readframes(8_000))
    assert 7_000 < max(samples[800:]) < 11_000
    assert shown["url"] == f"{BASE_URL}/callr/media/{shown['hash']}.mp3"
    reply = await client.get(shown["url"], auth=CALLR_LOGIN)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "audio/mpeg")
    assert len(reply.content) > 1_000
    assert (await client.get(shown["url"])).status_code == 401
    assert await told(world, "media.changed") == [id_]


@pytest.mark.parametrize("content", HOSTILE)
async def test_what_is_no_sound_leaves_the_medium_in_error(rpc: Rpc, world: World, content: bytes) -> None:
    id_ = await rpc("media/library.create", "Bad")
    await rpc("media/library.set_content", id_, None, in_base64(tone(0.3, rate=8_000, channels=1)))
    assert await rpc("media/library.set_content", id_, None, in_base64(content)) is True
    shown = await rpc("media/library.get", id_)
    assert (shown["status"], shown["url"], shown["duration"]) == ("ERROR", None, 0)
    assert await told(world, "media.changed") == [id_, id_]


async def test_a_sound_that_never_ends_is_an_error(rpc: Rpc, world: World, tmp_path: Path) -> None:
    id_ = await rpc("media/library.create", "Long")
    medium = await world.services.media.by_id(world.account.id, id_)
    assert medium is not None
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(2 * 8_000 * 601))
    await world.services.media.fill(medium, tmp_path / "long.wav")
    assert (await rpc("media/library.get", id_))["status"] == "ERROR"


async def test_names_and_tags_are_changed(rpc: Rpc) -> None:
    id_ = await rpc("media/library.create", "One")
    assert await rpc("media/library.set_name", id_, "Two") is True
    tags = {"CATEGORY": ["WELCOME", "IVR"], "LANGUAGE": ["fr_FR"], "campaign": ["summer"]}
    assert await rpc("media/library.set_tags", id_, tags) is True
    shown = await rpc("media/library.get", id_)
    assert (shown["name"], shown["category"], shown["language"], shown["tags"]) == (
        "Two", ["WELCOME", "IVR"], ["fr_FR"], tags,
    )  # fmt: skip
    assert await rpc("media/library.set_tags", id_, []) is True
    assert (await rpc("media/library.get", id_))["tags"] == {}


async def test_lists_have_the_account_s_own_and_what_is_built_in(rpc: Rpc) -> None:
    id_ = await rpc("media/library.create", "Mine")
    await rpc("media/library.set_tags", id_, {"CATEGORY": ["IVR"]})
    listed = await rpc("media/library.get_list", None)
    assert list(listed) == ["1", str(id_)]
    built_in = listed["1"]
    assert (built_in["is_editable"], built_in["category"], built_in["hash"]) == (False, ["RINGTONE"], "MEDIA001")
    assert list(await rpc("media/library.get_list", ["IVR", "MISC"])) == [str(id_)]
    assert list(await rpc("media/library.get_list", ["RINGTONE"])) == ["1"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "needle"}, {"category": "IVR"}, {"language": ["de_DE", "fr_FR"]}, {"tags_type": "shelf"},
        {"tags_value": "upper"}, {"tags_type": "shelf", "tags_value": "upper"}, {"voice": "TTS_IT-IT_PAOLO"},
        {"created_at_from": "2020-01-01 00:00:00", "status": "READY", "voice": "TTS_IT-IT_PAOLO"},
    ],
    ids=str,
)  # fmt: skip
async def test_each_filter_finds_its_medium_alone(rpc: Rpc, wanted: dict[str, Any]) -> None:
    speech.find_or_fetch(CACHE, print)
    await rpc("media/library.create", "Hay")
    id_ = await rpc("media/library.create", "A NEEDLE")
    await rpc("media/library.set_tags", id_, {"CATEGORY": ["IVR"], "LANGUAGE": ["fr_FR"], "shelf": ["upper"]})
    await rpc("media/tts.set_content", id_, "Ciao", "TTS_IT-IT_PAOLO", None)
    found = await rpc("media/library.search", wanted, None)
    assert (found["total"], [hit["id"] for hit in found["hits"]], found["has_more"]) == (1, [id_], False)
    nothing = await rpc("media/library.search", wanted | {"created_at_to": "2020-01-02 00:00:00"}, None)
    assert nothing["total"] == 0


async def test_pages_of_a_search(rpc: Rpc) -> None:
    ids = [await rpc("media/library.create", f"Number {n}") for n in range(3)]
    page = await rpc("media/library.search", {"name": "number"}, {"offset": 1, "quantity": 1, "order": "id"})
    assert (page["total"], page["offset"], page["has_more"], page["hits"][0]["id"]) == (3, 1, True, ids[1])


async def test_the_overview_counts_the_account_s_own(rpc: Rpc) -> None:
    ids = [await rpc("media/library.create", f"Number {n}") for n in range(3)]
    await rpc("media/library.set_content", ids[0], None, in_base64(tone(0.3, rate=8_000, channels=1)))
    await rpc("media/library.set_content", ids[1], None, in_base64(b"none"))
    overview = await rpc("media/library.overview")
    assert overview["count"] == {"ERROR": 1, "PROCESSING": 0, "READY": 1}
    assert overview["ready"]["count"] == 1
    assert overview["ready"]["size"] > 4_800


async def test_what_is_deleted_is_gone(rpc: Rpc, fault: Rpc) -> None:
    id_ = await rpc("media/library.create", "Gone")
    assert await rpc("media/library.delete", id_) is True
    assert await fault("media/library.get", id_) == (151, "PROPERTY_VALUE_ERROR [media_id]")


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("create", (None,), (-32602, "INVALID_PARAM_FORMAT [name]")),
        ("create", ("a/b",), (-32602, "INVALID_PARAM_FORMAT [name]")),
        ("create", ("x" * 65,), (-32602, "INVALID_PARAM_FORMAT [name]")),
        ("get", ("1",), (-32602, "INVALID_PARAM_FORMAT [media_id]")),
        ("get", (999_999,), (151, "PROPERTY_VALUE_ERROR [media_id]")),
        ("get", (2**63,), (151, "PROPERTY_VALUE_ERROR [media_id]")),
        ("get_list", (["INVALID_CATEGORY"],), (-32602, "INVALID_PARAM_FORMAT [categories]")),
        ("get_list", ([["IVR"]],), (-32602, "INVALID_PARAM_FORMAT [categories]")),
        ("delete", (1,), (100, "FORBIDDEN")),
        ("set_name", (1, "x"), (100, "FORBIDDEN")),
        ("get_phone_id", (1, "FR"), (100, "FORBIDDEN")),
        ("search", ({"category": "NONE"}, None), (151, "PROPERTY_VALUE_ERROR [filters.category]")),
        ("search", ({"language": "fr_FR"}, None), (151, "PROPERTY_TYPE_ERROR [filters.language]")),
        ("search", ({"name": "a\0"}, None), (151, "PROPERTY_VALUE_ERROR [filters.name]")),
        ("search", ({"size": 1}, None), (151, "PROPERTY_VALUE_ERROR [filters.size]")),
    ],
)
async def test_errors_of_the_library(fault: Rpc, method: str, params: tuple[Any, ...], expected: object) -> None:
    assert await fault(f"media/library.{method}", *params) == expected


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("library.set_name", (None,), (-32602, "INVALID_PARAM_FORMAT [name]")),
        ("library.set_tags", (None,), (-32602, "INVALID_PARAM_FORMAT [tags]")),
        ("library.set_tags", ({"a": "b"},), (151, "PROPERTY_TYPE_ERROR [tags.a]")),
        ("library.set_tags", ({"CATEGORY": ["NONE"]},), (151, "PROPERTY_VALUE_ERROR [tags.CATEGORY]")),
        ("library.set_tags", ({"LANGUAGE": ["French"]},), (151, "PROPERTY_VALUE_ERROR [tags.LANGUAGE]")),
        ("library.set_content", (None, "%%%"), (-32602, "INVALID_PARAM_FORMAT [audio]")),
        ("library.set_content", (None, ""), (-32602, "INVALID_PARAM_FORMAT [audio]")),
        ("library.set_content_from_file", ("nothing",), (151, "PROPERTY_VALUE_ERROR [filename]")),
        ("library.set_content_from_file", ("../1.wav",), (151, "PROPERTY_VALUE_ERROR [filename]")),
        ("library.set_content_from_recording", ("N0TH1NG0",), (151, "PROPERTY_VALUE_ERROR [media_file]")),
        ("library.get_phone_id", ("INVALID_CODE",), (-32602, "INVALID_PARAM_FORMAT [country_code]")),
        ("library.get_phone_id", (None,), (-32602, "INVALID_PARAM_FORMAT [country_code]")),
        ("library.get_phone_id", ("fr",), (-32602, "INVALID_PARAM_FORMAT [country_code]")),
        ("library.get_phone_id", ("FR",), (100, "FORBIDDEN: no number of this country takes recordings by phone")),
        ("tts.set_content", (None, "TTS_FR-FR_AUDREY", None), (-32602, "INVALID_PARAM_FORMAT [text]")),
        ("tts.set_content", ("x", "NOBODY", None), (151, "PROPERTY_VALUE_ERROR [voice]")),
        ("tts.set_content", ("x", "TTS_FR-FR_AUDREY", {"rate": 101}), (151, "PROPERTY_VALUE_ERROR [rate]")),
        ("tts.set_content", ("x", "TTS_FR-FR_AUDREY", {"rate": 0}), (151, "PROPERTY_VALUE_ERROR [rate]")),
        ("tts.set_content", ("x", "TTS_FR-FR_AUDREY", {"rate": "50"}), (151, "PROPERTY_TYPE_ERROR [rate]")),
    ],
)
async def test_errors_of_one_medium(
    rpc: Rpc, fault: Rpc, method: str, params: tuple[Any, ...], expected: object
) -> None:
    id_ = await rpc("media/library.create", "One")
    assert await fault(f"media/{method}", id_, *params) == expected


async def test_a_medium_is_recorded_by_calling_a_number_and_typing_a_code(
    rpc: Rpc, fault: Rpc, world: World, tmp_path: Path
) -> None:
    await phone_in_number(world, "+33140000099")
    id_ = await rpc("media/library.create", "One")
    first, second = [await rpc("media/library.get_phone_id", id_, "FR") for _ in range(2)]
    assert list(second) == ["code", "number"]
    assert (second["number"], len(second["code"]), second["code"].isdigit()) == ("+33140000099", 8, True)
    assert await fault("media/library.get_phone_id", id_, "GB") == (
        100, "FORBIDDEN: no number of this country takes recordings by phone",
    )  # fmt: skip
    assert (await rpc("media/library.get", id_))["status"] == "PENDING_CONTENT"
    phone_in = world.services.phone_in
    assert await phone_in.take(first["code"], None) is None
    name = await phone_in.take(second["code"], None)
    assert name is not None
    (tmp_path / f"{name}.wav").write_bytes(tone(1.5, rate=8_000, channels=1))
    await phone_in.keep(name)
    await PhoneInRecordings(world.database, SystemClock(), world.services.media, tmp_path).settle()
    shown = await rpc("media/library.get", id_)
    assert (shown["status"], shown["duration"], shown["url"][-4:]) == ("READY", 2, ".mp3")
    assert await told(world, "media.changed") == [id_]


async def test_another_account_s_medium_cannot_be_recorded(rpc: Rpc, fault: Rpc, world: World, tmp_path: Path) -> None:
    await phone_in_number(world, "+33140000099")
    other = await build_world(world.database, tmp_path, name="Other")
    theirs = await world.services.media.create(other.account.id, "Theirs")
    expected = (151, "PROPERTY_VALUE_ERROR [media_id]")
    assert await fault("media/library.get_phone_id", theirs.id, "FR") == expected


async def test_another_account_s_medium_is_none(rpc: Rpc, fault: Rpc, world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    theirs = await world.services.media.create(other.account.id, "Theirs")
    for method in ("get", "delete"):
        assert await fault(f"media/library.{method}", theirs.id) == (151, "PROPERTY_VALUE_ERROR [media_id]")
    assert str(theirs.id) not in await rpc("media/library.get_list", None)


# --- speech ---------------------------------------------------------------------------------------------------------


async def test_every_voice_of_the_list_speaks(rpc: Rpc, world: World) -> None:
    assert speech.find_or_fetch(CACHE, print) is not None
    languages = await rpc("media/tts.get_voice_list")
    assert [item["language"] for item in languages] == ["de-DE", "en-GB", "fr-FR", "it-IT", "nl-BE", "nl-NL"]
    voices = [voice for item in languages for voice in item["voices"]]
    assert len(voices) == 13
    sounds = set()
    for voice in voices:
        id_ = await rpc("media/library.create", "Said")
        assert await rpc("media/tts.set_content", id_, "One, two, 3 [[x]] 'quoted' & <b>", voice, None) is True
        shown = await rpc("media/library.get", id_)
        assert (shown["status"], shown["voice"]) == ("READY", voice)
        assert shown["duration"] >= 1
        sounds.add((await file_of(world, id_)).read_bytes())
    assert len(sounds) == 13


async def test_a_higher_rate_is_faster(rpc: Rpc, world: World) -> None:
    speech.find_or_fetch(CACHE, print)
    sizes = []
    for rate in (1, 50, 100):
        id_ = await rpc("media/library.create", "Said")
        await rpc("media/tts.set_content", id_, "Un deux trois quatre cinq", "TTS_FR-FR_THOMAS", {"rate": rate})
        sizes.append((await file_of(world, id_)).stat().st_size)
    assert sizes[0] > 1.5 * sizes[1] > 2 * sizes[2]


async def test_without_a_speaker_nothing_is_said_to_be_spoken(rpc: Rpc, fault: Rpc, world: World) -> None:
    id_ = await rpc("media/library.create", "Silent")
    world.services.media._studio = None
    code, message = await fault("media/tts.set_content", id_, "Hello", "TTS_EN-GB_DANIEL", None)
    assert (code, message) == (100, "FORBIDDEN: there is nothing to speak with here")
    assert (await rpc("media/library.get", id_))["status"] == "PENDING_CONTENT"


# --- imports and jobs -----------------------------------------------------------------------------------------------


async def test_a_file_in_base64_becomes_a_medium_s_sound(rpc: Rpc, world: World) -> None:
    async with working(world):
        job = await rpc("media.import_file_from_base64_async", in_base64(mp3(0.5)), None)
        done = await over(rpc, job)
    assert list(done) == JOB
    assert (done["id"], done["status"], done["percent"], done["error"]) == (job, "DONE", "100.00", None)
    id_ = await rpc("media/library.create", "Imported")
    assert await rpc("media/library.set_content_from_file", id_, done["result"]["filename"]) is True
    assert (await rpc("media/library.get", id_))["status"] == "READY"


async def test_a_file_is_fetched_by_its_url_and_its_webhook_is_named(
    rpc: Rpc, world: World, receiver: Receiver
) -> None:
    receiver.reply = answering(200, b"not a sound, but a file")
    hook = {"endpoint": receiver.url + "/hook", "options": {"hmac_secret": "12345678"}}
    async with working(world):
        done = await over(rpc, await rpc("media.import_file_from_url_async", receiver.url, hook))
    assert (done["status"], done["error"]) == ("DONE", None)
    id_ = await rpc("media/library.create", "Fetched")
    await rpc("media/library.set_content_from_file", id_, done["result"]["filename"])
    assert (await rpc("media/library.get", id_))["status"] == "ERROR"
    async with world.database.reading() as connection:
        row = await (await connection.execute("SELECT endpoint_hash FROM events WHERE type = 'job.changed'")).fetchone()
    assert row is not None
    assert (await world.services.webhooks.by_hash(world.account.id, row[0])).address == hook["endpoint"]


async def test_what_cannot_be_fetched_says_why(rpc: Rpc, world: World, receiver: Receiver) -> None:
    receiver.reply = answering(404)
    async with working(world):
        missing = await over(rpc, await rpc("media.import_file_from_url_async", receiver.url, None))
        receiver.reply = answering(200, bytes(MOST_UPLOAD_BYTES + 1))
        large = await over(rpc, await rpc("media.import_file_from_url_async", receiver.url, None))
    async with working(world, allowed=""):
        inside = await over(rpc, await rpc("media.import_file_from_url_async", receiver.url, None))
    assert missing["error"] == {"code": "bad_status", "message": "the server answered with 404"}
    assert large["error"]["code"] == "too_large"
    assert inside["error"]["code"] == "refused"
    assert (missing["status"], missing["result"]) == ("DONE", None)


async def test_a_job_is_canceled_once(rpc: Rpc, fault: Rpc) -> None:
    job = await rpc("media.import_file_from_base64_async", in_base64(b"file"), None)
    assert (await rpc("jobs.get", job))["status"] == "PENDING"
    assert await rpc("jobs.cancel", job) is True
    assert (await rpc("jobs.get", job))["status"] == "CANCELED"
    assert await fault("jobs.cancel", job) == (151, "PROPERTY_VALUE_ERROR [id]")
    assert await fault("jobs.get", "nothing") == (151, "PROPERTY_VALUE_ERROR [id]")
    assert await fault("jobs.get", None) == (-32602, "INVALID_PARAM_FORMAT [id]")


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("base64", (None, None), (-32602, "INVALID_PARAM_FORMAT [base64]")),
        ("base64", ("%", None), (-32602, "INVALID_PARAM_FORMAT [base64]")),
        ("base64", ("eA==", {}), (150, "PROPERTY_VALUE_ERROR [webhook.endpoint]")),
        ("url", ("ftp://example.org/x", None), (-32602, "INVALID_PARAM_FORMAT [url]")),
        ("url", ("mailto:a@example.org", None), (-32602, "INVALID_PARAM_FORMAT [url]")),
        ("url", ("http://169.254.169.254/latest", None), (-32602, "INVALID_PARAM_FORMAT [url]")),
    ],
)
async def test_errors_of_imports(fault: Rpc, method: str, params: tuple[Any, ...], expected: object) -> None:
    assert await fault(f"media.import_file_from_{method}_async", *params) == expected


async def test_a_recording_becomes_a_medium(rpc: Rpc, world: World, tmp_path: Path) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    (tmp_path / f"{call.recordings[0].path}.wav").write_bytes(tone(0.5, rate=8_000, channels=1))
    id_ = await rpc("media/library.create", "From a call")
    assert await rpc("media/library.set_content_from_recording", id_, "REC0RD1N") is True
    assert (await rpc("media/library.get", id_))["status"] == "READY"


# --- quota, upkeep --------------------------------------------------------------------------------------------------


async def test_the_quota_counts_seconds_and_holds(rpc: Rpc, fault: Rpc, world: World) -> None:
    first, second = [await rpc("media/library.create", name) for name in ("One", "Two")]
    await rpc("media/library.set_content", first, None, in_base64(tone(2, rate=8_000, channels=1)))
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE accounts SET media_free_s = 1, media_paid_s = 2")
    shown = await rpc("media.get_quota_status")
    assert list(shown) == QUOTA
    assert shown == {
        "count": {"library": 2, "recording": 0},
        "duration": {"library": 2, "recording": 0},
        "quota": {"free": 1, "paid": 2, "unit": "seconds"},
        "status": {
            "unit": "seconds", "unused": 1, "used": 2, "used_by_library": 2, "used_by_recording": 0, "used_free": 1,
            "used_paid": 1,
        },
    }  # fmt: skip
    refused = await fault("media/library.set_content", second, None, in_base64(tone(2, rate=8_000, channels=1)))
    assert refused == (100, "FORBIDDEN: the quota of stored sound is used up")
    assert (await rpc("media/library.get", second))["status"] == "PENDING_CONTENT"
    await rpc("media/library.delete", first)
    assert await rpc("media/library.set_content", second, None, in_base64(tone(2, rate=8_000, channels=1))) is True


async def test_old_files_that_nothing_needs_are_swept_away(rpc: Rpc, world: World, tmp_path: Path) -> None:
    id_ = await rpc("media/library.create", "Kept")
    sounds = []
    for _ in range(2):
        await rpc("media/library.set_content", id_, None, in_base64(tone(0.2, rate=8_000, channels=1)))
        sounds.append(await file_of(world, id_))
    built_in = tmp_path / "media" / "1.wav"
    built_in.write_bytes(b"ring")
    for path in (*sounds, built_in):
        os.utime(path, (1, 1))
    await world.services.media.sweep()
    assert [path.exists() for path in (*sounds, built_in)] == [False, True, True]
    assert sounds[0].with_suffix(".mp3").exists()  # it is not old


async def test_templates_of_e_mails(rpc: Rpc, fault: Rpc) -> None:
    assert await rpc("media/email.get_templates", "VMS") == {
        "THECALLR": {"hash": "THECALLR", "name": "Voicemail", "type": "VMS"}
    }
    assert await fault("media/email.get_templates", "INVALID") == (-32602, "INVALID_PARAM_FORMAT [type]")
