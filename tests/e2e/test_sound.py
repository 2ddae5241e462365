"""What each party hears, with real phones and real audio: prompts, whisper, ringtone, the other party, recordings."""

from __future__ import annotations

import asyncio
import shutil
import socket
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import miniaudio
import pytest
import pytest_asyncio

from demo.melody import write_melody
from demo.phone import Phone
from ringtrail.seeding import BRIDGE, RINGTONE, VOICEMAIL_INTRO, WELCOME, WHISPER, write_tone
from tests.e2e.audio import duration_s, heard
from tests.e2e.phones import phone_of, registers, subscriber
from tests.e2e.stack import Stack, eventually, free_port, private_folder
from tests.postoffice import PostOffice, post_office
from tests.sip import answers

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

HEARD, NOT_HEARD = 0.8, 0.5
PHONE_HOST = "127.0.0.1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office() -> AsyncIterator[PostOffice]:
    async with post_office() as office:
        yield office


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(office: PostOffice) -> AsyncIterator[Stack]:
    """A ringtrail whose trunk leads to a phone, and that can send mails."""
    folder = private_folder("ringtrail-sound-")
    stack = Stack(folder)
    try:
        phone = f"{PHONE_HOST}:{free_port(socket.SOCK_DGRAM)}"
        await stack.up(trunk_peer=phone, smtp_url=office.url, mail_from="Calls <calls@example.org>")
        for media, pitch_hz in ((WELCOME, 520), (WHISPER, 700), (BRIDGE, 930), (RINGTONE, 410), (VOICEMAIL_INTRO, 610)):
            write_tone(stack.settings.media_dir / f"{media}.wav", pitch_hz, seconds=1.5)
        stack.start_worker()
        yield stack
    finally:
        await stack.down()
        shutil.rmtree(folder, ignore_errors=True)


def target_phone(stack: Stack, tmp_path: Path, **options: object) -> Phone:
    port = int(stack.settings.trunk_peer.rpartition(":")[2])
    return Phone(host=PHONE_HOST, port=port, record=tmp_path / "target-heard.wav", **options)  # type: ignore[arg-type]


def media(stack: Stack, id_: int) -> Path:
    return stack.settings.media_dir / f"{id_}.wav"


async def ready_recording(stack: Stack, call_id: int) -> Path:
    async def ready() -> Path | None:
        found, _ = await stack.services.recordings.find(stack.account.id, call_ids=[call_id], statuses=["ready"])
        return stack.services.recordings.file(found[0], "wav") if found else None

    path: Path = await eventually(ready, 15)
    return path


async def test_each_party_hears_what_is_meant_for_it(stack: Stack, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "caller.wav", tmp_path / "target.wav"
    write_melody(mine, "caller", 2.0)
    write_melody(theirs, "target", 2.0)
    prompts = {"welcome": WELCOME, "whisper": WHISPER, "bridge": BRIDGE, "ringtone": RINGTONE}
    did, _ = await stack.number((stack.target(), 20, answers()), medias=prompts, record=True)
    async with (
        target_phone(stack, tmp_path, play=theirs, loop=True, answer_after_s=2.5) as target,
        Phone(play=mine, loop=True, record=tmp_path / "caller-heard.wav") as caller,
    ):
        await caller.call(stack.sip_uri(did.number_e164))
        await target.wait("answered", timeout_s=20)
        await asyncio.sleep(9)
        await caller.hangup()
        await target.wait("ended")
    record = await stack.ended_call(did.number_e164)
    recording = await ready_recording(stack, record.id)
    by_caller, by_target = tmp_path / "caller-heard.wav", tmp_path / "target-heard.wav"
    for who, what, expected in (
        (by_caller, media(stack, WELCOME), True),
        (by_caller, media(stack, RINGTONE), True),
        (by_caller, media(stack, BRIDGE), True),
        (by_caller, media(stack, WHISPER), False),
        (by_caller, theirs, True),
        (by_target, media(stack, WHISPER), True),
        (by_target, media(stack, BRIDGE), True),
        (by_target, media(stack, WELCOME), False),
        (by_target, mine, True),
        (recording.with_name(f"{recording.stem}-caller.wav"), mine, True),
        (recording.with_name(f"{recording.stem}-target.wav"), theirs, True),
    ):
        share = heard(who, what)
        assert (share > HEARD) if expected else (share < NOT_HEARD), f"{who.name} heard {what.name}: {share:.2f}"
    parts = [recording, *(recording.with_name(f"{recording.stem}-{side}.wav") for side in ("caller", "target"))]
    lengths = [duration_s(part) for part in parts]
    assert max(lengths) - min(lengths) < 0.25
    assert recording.with_suffix(".mp3").stat().st_size > 1000
    assert (record.disposition, record.recording_kind) == ("answered", "call")


@pytest.mark.parametrize("srtp", [False, True])
async def test_a_subscriber_s_phone_and_the_one_that_it_dials_hear_each_other(
    stack: Stack, tmp_path: Path, srtp: bool
) -> None:
    mine, theirs, by_mine = tmp_path / "mine.wav", tmp_path / "theirs.wav", tmp_path / "mine-heard.wav"
    write_melody(mine, "caller", 2.0)
    write_melody(theirs, "target", 2.0)
    who = await subscriber(stack, srtp=srtp)
    await registers(stack, who)
    async with (
        target_phone(stack, tmp_path, play=theirs, loop=True, answer_after_s=0.3) as target,
        phone_of(stack, who, srtp=srtp, play=mine, loop=True, record=by_mine) as phone,
    ):
        await phone.call(stack.sip_uri(stack.target()))
        await target.wait("answered", timeout_s=20)
        await asyncio.sleep(4)
        await phone.hangup()
        await target.wait("ended")
    assert heard(tmp_path / "target-heard.wav", mine) > HEARD
    assert heard(by_mine, theirs) > HEARD


@pytest.mark.parametrize("codec", ["alaw", "ulaw", "g722"])
async def test_both_sides_talk_in_each_codec(stack: Stack, tmp_path: Path, codec: str) -> None:
    mine = tmp_path / "caller.wav"
    write_melody(mine, "caller", 2.0)
    did, _ = await stack.number((stack.target(), 20, answers()))
    async with (
        target_phone(stack, tmp_path, codecs=(codec,), answer_after_s=0.3) as target,
        Phone(play=mine, loop=True, codecs=(codec,)) as caller,
    ):
        await caller.call(stack.sip_uri(did.number_e164))
        await target.wait("answered", timeout_s=20)
        await asyncio.sleep(5)
        await caller.hangup()
        await target.wait("ended")
    assert heard(tmp_path / "target-heard.wav", mine) > HEARD
    record = await stack.ended_call(did.number_e164)
    assert {leg.codec for leg in await stack.legs(record)} == {codec}


async def test_a_message_is_what_the_caller_said(stack: Stack, tmp_path: Path) -> None:
    mine = tmp_path / "caller.wav"
    write_melody(mine, "caller", 2.0)
    did, _ = await stack.number(voicemail={"intro": VOICEMAIL_INTRO})
    async with Phone(play=mine, loop=True, record=tmp_path / "caller-heard.wav") as caller:
        await caller.call(stack.sip_uri(did.number_e164))
        await caller.wait("answered")
        await asyncio.sleep(8)
        await caller.hangup()
        await caller.wait("ended")
    record = await stack.ended_call(did.number_e164)
    recording = await ready_recording(stack, record.id)
    assert (record.disposition, record.recording_kind) == ("voicemail", "voicemail")
    assert heard(tmp_path / "caller-heard.wav", media(stack, VOICEMAIL_INTRO)) > HEARD
    assert heard(recording, mine) > HEARD


@pytest.mark.parametrize("file_format", ["mp3", "wav", "sln"])
async def test_a_message_is_mailed_with_what_the_caller_said(
    stack: Stack, office: PostOffice, tmp_path: Path, file_format: str
) -> None:
    mine, attached = tmp_path / "caller.wav", tmp_path / "attached.wav"
    write_melody(mine, "caller", 2.0)
    voicemail = {
        "emails": [f"{file_format}@example.org"], "file_format": file_format, "file_name": "{CALLID}", "locale": "fr_FR",
        "timezone": "Europe/Paris",
    }  # fmt: skip
    did, _ = await stack.number(voicemail=voicemail)
    sent = len(office.mails)
    async with Phone(play=mine, loop=True) as caller:
        await caller.call(stack.sip_uri(did.number_e164))
        await caller.wait("answered")
        await asyncio.sleep(6)
        await caller.hangup()
        await caller.wait("ended")
    record = await stack.ended_call(did.number_e164)
    mail = (await office.wait_for(sent + 1))[-1]
    assert mail["To"] == f"{file_format}@example.org"
    assert mail["Subject"].startswith(
        f"Voicemail from {record.caller_number or 'a withheld number'} to {did.number_e164}"
    )
    (part,) = mail.iter_attachments()
    assert part.get_filename() == f"{record.id}.{file_format}"
    write_samples(attached, part.get_content(), file_format)
    assert heard(attached, mine) > HEARD


def write_samples(path: Path, content: bytes, file_format: str) -> None:
    """What a player makes of it: sln has no header that says how it is to be played."""
    if file_format != "sln":
        content = miniaudio.decode(content, nchannels=1, sample_rate=8000).samples.tobytes()
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(content)
