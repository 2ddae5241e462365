"""Voicemails by e-mail: who is sent one, what it says, and the sound that comes with it."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import miniaudio
import pytest

from ringtrail.mail import voicemail, wording
from ringtrail.model.app import VoicemailMail, voicemail_mail
from ringtrail.model.call import Call, Recording, RecordingKind, RecordingRecord
from ringtrail.model.cause import Disposition
from ringtrail.model.events import UNASKED, EventType
from ringtrail.model.webhook import AttemptRecord, DisabledBy, Endpoint, LogQuery
from ringtrail.ports.clock import SystemClock
from ringtrail.seeding import write_tone
from ringtrail.services.upkeep import Upkeep
from ringtrail.services.voicemails import Voicemails
from tests.e2e.audio import heard
from tests.fixtures import World
from tests.postoffice import PostOffice
from tests.unit.mailing import hurry, said, working

postgres = pytest.mark.postgres
HASH = "V01CEMA1"
PITCH_HZ = 700


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the worker's recordings."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    return folder


async def asks_for(world: World, package: str = "CALLTRACKING10", **vms: Any) -> World:
    """The world with an app that mails its voicemails."""
    given = {"emails": ["ann@example.org"], "timezone": "Europe/Paris"} | vms
    app = await world.services.apps.create(world.account.id, package, "Reception", {"vms": given})
    return replace(world, app=app)


def left(world: World, folder: Path, *, kind: RecordingKind = RecordingKind.VOICEMAIL, **changes: Any) -> Call:
    """A call that ended with a voicemail whose sound the worker has not seen yet."""
    call = world.golden(disposition=Disposition.VOICEMAIL, answered_at=None, bridged_at=None, **changes)
    one = Recording(
        hash=HASH, call_id=call.id, kind=kind, path=f"{call.id}", started_at=call.started_at, status="recording"
    )  # fmt: skip
    write_tone(folder / f"{call.id}.wav", PITCH_HZ, seconds=3.0)
    return replace(call, recordings=(one,))


async def finish(world: World, folder: Path) -> int:
    upkeep = Upkeep(world.database, SystemClock(), folder, Voicemails(world.services.webhooks, SystemClock()))
    return await upkeep.finish_recordings()


async def mailed(world: World, office: PostOffice, folder: Path, number: int = 1) -> Sequence[EmailMessage]:
    await finish(world, folder)
    async with working(world, office, folder.parent):
        await tries(world, number)
    return office.mails


async def mailboxes(world: World) -> list[Endpoint]:
    async with world.database.reading() as connection:
        found = await connection.execute("SELECT hash FROM endpoints WHERE dynamic ORDER BY address")
        hashes = [row[0] for row in await found.fetchall()]
    endpoints = [await world.services.webhooks.by_hash(world.account.id, hash_) for hash_ in hashes]
    return [endpoint for endpoint in endpoints if endpoint]


async def tries(world: World, number: int = 1) -> list[AttemptRecord]:
    async with asyncio.timeout(20):
        while True:
            found, _ = await world.services.webhook_ledger.attempts(
                LogQuery(account_id=world.account.id, event_types=[EventType.VOICEMAIL_LEFT]), oldest_first=True
            )
            if len(found) >= number:
                return found
            await asyncio.sleep(0.05)


def sound(mail: EmailMessage) -> tuple[str | None, str, bytes]:
    """(name, type, bytes) of the one file that came with it."""
    (part,) = mail.iter_attachments()
    return part.get_filename(), part.get_content_type(), part.get_content()


def body(mail: EmailMessage) -> str:
    part = mail.get_body()
    assert isinstance(part, EmailMessage)
    return said(part)


# --- what is sent -----------------------------------------------------------------------------------------------------


@postgres
@pytest.mark.parametrize("package", ["CALLTRACKING10", "CLICKTOCALL10"])
async def test_each_address_is_sent_one_mail_that_says_who_called_whom_when_and_how_long(
    world: World, office: PostOffice, folder: Path, package: str
) -> None:
    world = await asks_for(
        world, package, emails=["ann@example.org", "bob@example.org", "ann@example.org"], locale="fr_FR",
        file_name="{CALLID}-{MEDIA_HASH} {DATETIME}",
    )  # fmt: skip
    call = left(world, folder)
    await world.save(call)
    mails = await mailed(world, office, folder, 2)
    assert sorted(office.recipients) == ["ann@example.org", "bob@example.org"]
    name = f"{call.id}-{HASH} 20260714-110510.mp3"
    for mail in mails:
        assert mail["Subject"] == "Voicemail from +33612345678 to Front desk: 3 s"
        assert mail["X-Ringtrail-Event-Type"] == "voicemail.left"
        assert body(mail).splitlines()[:8] == [
            f"+33612345678 (Alice) called Front desk ({world.did.number_e164}) and left a voicemail.",
            "",
            "    When:      mardi 14 juillet 2026, 11:05 (Europe/Paris)",
            "    Length:    3 s",
            "    App:       Reception",
            f"    Attached:  {name}, 13 kB",
            f"    Online:    http://127.0.0.1:8000/recordings/{HASH}",
            "",
        ]
        assert "An app of Optimists Ltd mails its voicemails to this address." in body(mail)
        assert sound(mail) == (name, "audio/mpeg", (folder / f"{call.id}.mp3").read_bytes())


@postgres
async def test_the_ledger_shows_the_words_and_not_the_bytes(world: World, office: PostOffice, folder: Path) -> None:
    world = await asks_for(world, file_format="wav", file_name="message")
    await world.save(left(world, folder))
    (mail,) = await mailed(world, office, folder)
    (attempt,) = await tries(world)
    assert (attempt.method, attempt.address, attempt.error) == ("MAIL", "mailto:ann@example.org", None)
    assert attempt.request_body == body(mail)
    assert "    Attached:  message.wav, 49 kB\n" in attempt.request_body


@postgres
@pytest.mark.parametrize(
    ("file_format", "content_type"),
    [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("sln", "application/octet-stream")],
)
async def test_the_sound_that_is_attached_is_what_the_caller_said(
    world: World, office: PostOffice, folder: Path, file_format: str, content_type: str
) -> None:
    world = await asks_for(world, file_format=file_format)
    call = left(world, folder)
    await world.save(call)
    (mail,) = await mailed(world, office, folder)
    name, type_, content = sound(mail)
    assert (name, type_) == (f"20260714-110510.{file_format}", content_type)
    played = folder / "played.wav"
    with wave.open(str(played), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples_of(content, file_format))
    assert heard(played, folder / f"{call.id}.wav") > 0.9


def samples_of(content: bytes, file_format: str) -> bytes:
    if file_format == "sln":
        return content
    return miniaudio.decode(content, nchannels=1, sample_rate=8000).samples.tobytes()


@postgres
async def test_a_property_that_masks_its_callers_masks_them_here(
    world: World, office: PostOffice, folder: Path
) -> None:
    await world.services.accounts.change_property(
        world.account.id, world.property.sid, lambda item: replace(item, masks_callers=True)
    )
    world = await asks_for(world)
    await world.save(left(world, folder))
    (mail,) = await mailed(world, office, folder)
    assert mail["Subject"] == "Voicemail from +3361234XXXX to Front desk: 3 s"
    assert "+33612345678" not in body(mail)


@postgres
async def test_what_is_not_known_any_more_or_never_was_is_said(world: World, office: PostOffice, folder: Path) -> None:
    world = await asks_for(world)
    await world.save(left(world, folder, caller_number_e164=None, caller_withheld=True, caller_name=None))
    await finish(world, folder)
    await world.services.apps.delete(world.account.id, world.app.hash)
    (mail,) = await mailed(world, office, folder)
    assert mail["Subject"] == "Voicemail from a withheld number to Front desk: 3 s"
    lines = body(mail).splitlines()
    assert lines[0] == f"A withheld number called Front desk ({world.did.number_e164}) and left a voicemail."
    assert "    App:       was deleted since" in lines


@postgres
async def test_a_later_change_of_the_app_changes_no_mail_that_is_on_its_way(
    world: World, office: PostOffice, folder: Path
) -> None:
    world = await asks_for(world, file_format="wav")
    await world.save(left(world, folder))
    await finish(world, folder)
    elsewhere = {"vms": {"emails": ["bob@example.org"], "file_format": "mp3"}}
    await world.services.apps.edit(world.account.id, world.app.hash, name="Office", params=elsewhere)
    async with working(world, office, folder.parent):
        await tries(world)
    (mail,) = office.mails
    assert (mail["To"], sound(mail)[0]) == ("ann@example.org", "20260714-110510.wav")


# --- what is not ------------------------------------------------------------------------------------------------------


async def told(world: World) -> int:
    async with world.database.reading() as connection:
        row = await (await connection.execute("SELECT count(*) FROM events WHERE type = 'voicemail.left'")).fetchone()
    return row[0] if row else 0


@postgres
async def test_only_a_voicemail_that_can_be_heard_is_mailed_and_only_where_the_app_names_somebody(
    world: World, folder: Path
) -> None:
    nobody = await asks_for(world, emails=[])
    await nobody.save(left(nobody, folder))
    assert (await finish(world, folder), await told(world)) == (1, 0)
    somebody = await asks_for(world)
    conversation = left(somebody, folder, kind=RecordingKind.CALL)
    silent = left(somebody, folder)
    (folder / f"{silent.id}.wav").unlink()
    for number, call in enumerate((conversation, silent)):
        one = replace(call.recordings[0], hash=f"0THERS0{number}")
        await somebody.save(replace(call, recordings=(one,)))
    assert (await finish(world, folder), await told(world)) == (2, 0)
    gone = left(somebody, folder)
    await somebody.save(replace(gone, recordings=(replace(gone.recordings[0], hash="0THERS02"),)))
    await somebody.services.apps.delete(world.account.id, somebody.app.hash)
    assert (await finish(world, folder), await told(world)) == (1, 0)


@postgres
async def test_a_voicemail_that_is_deleted_before_it_could_be_mailed_is_not(
    world: World, office: PostOffice, folder: Path
) -> None:
    world = await asks_for(world)
    await world.save(left(world, folder))
    await finish(world, folder)
    assert await world.services.recordings.delete(world.account.id, HASH)
    async with working(world, office, folder.parent), asyncio.timeout(20):
        while await waiting(world):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.05)
    assert (office.tries, await tries(world, 0)) == (0, [])


async def waiting(world: World) -> bool:
    async with world.database.reading() as connection:
        found = await connection.execute("SELECT 1 FROM deliveries WHERE due_at IS NOT NULL")
        return await found.fetchone() is not None


@postgres
async def test_nobody_else_is_told_that_a_voicemail_was_mailed(world: World, office: PostOffice, folder: Path) -> None:
    world = await asks_for(world)
    everything = [type_ for type_ in EventType if type_ not in UNASKED]
    await world.services.webhooks.add(
        world.account.id, "mail", address="mailto:ops@example.org", event_types=everything
    )
    await world.save(left(world, folder))
    await finish(world, folder)
    told, _ = await world.services.webhook_ledger.deliveries(
        LogQuery(account_id=world.account.id, event_types=[EventType.VOICEMAIL_LEFT])
    )
    (mailbox,) = await mailboxes(world)
    assert [delivery.endpoint_hash for delivery in told] == [mailbox.hash]
    assert EventType.VOICEMAIL_LEFT not in {
        event.type for event in await world.services.webhook_ledger.events(world.account.id)
    }
    assert mailbox.hash not in {endpoint.hash for endpoint in await world.services.webhooks.list(world.account.id)}


# --- failures ---------------------------------------------------------------------------------------------------------


@postgres
async def test_without_a_mail_server_the_ledger_says_so_once_and_it_can_be_sent_when_there_is_one(
    world: World, office: PostOffice, folder: Path
) -> None:
    world = await asks_for(world)
    await world.save(left(world, folder))
    await finish(world, folder)
    async with working(world, replace(office, port=0), folder.parent):
        (attempt,) = await tries(world)
    assert attempt.error == "no mail server is set up"
    assert not await waiting(world)
    (mailbox,) = await mailboxes(world)
    assert (mailbox.enabled, mailbox.failing_since) == (True, None)
    async with working(world, office, folder.parent):
        assert await world.services.webhooks.replay(mailbox, delivered_too=False) == 1
        await office.wait_for(1)


@postgres
async def test_a_full_mailbox_is_tried_again_with_the_same_mail(world: World, office: PostOffice, folder: Path) -> None:
    world = await asks_for(world)
    await world.save(left(world, folder))
    await finish(world, folder)
    office.to_mail = ["452 4.2.2 mailbox full"]
    async with working(world, office, folder.parent):
        (refused,) = await tries(world)
        assert refused.error == "the mail server answered 452 4.2.2 mailbox full"
        await hurry(world)
        (mail,) = await office.wait_for(1)
        _, taken = await tries(world, 2)
    assert taken.request_headers["Message-ID"] == refused.request_headers["Message-ID"] == mail["Message-ID"]
    assert taken.request_body == refused.request_body


@postgres
async def test_a_sound_that_cannot_be_read_is_tried_again_and_one_that_is_too_long_is_not(
    world: World, office: PostOffice, folder: Path
) -> None:
    world = await asks_for(world)
    call = left(world, folder)
    await world.save(call)
    await finish(world, folder)
    mp3 = folder / f"{call.id}.mp3"
    aside = mp3.rename(folder / "aside")
    async with working(world, office, folder.parent):
        (away,) = await tries(world)
        assert "its sound cannot be read" in (away.error or "")
        assert str(folder) not in (away.error or "")
        assert await waiting(world)
        with aside.open("ab") as file:
            file.truncate(6_000_000)
        aside.rename(mp3)
        await hurry(world)
        _, long = await tries(world, 2)
    assert long.error == "the recording is longer than a voicemail can be"
    assert (office.tries, await waiting(world)) == (0, False)


@postgres
async def test_an_address_that_the_system_had_disabled_is_tried_again_with_the_next_voicemail_unless_its_owner_did(
    world: World, folder: Path
) -> None:
    world = await asks_for(world)
    await world.save(left(world, folder))
    await finish(world, folder)
    (mailbox,) = await mailboxes(world)
    for by, enabled in ((DisabledBy.SYSTEM, True), (DisabledBy.OWNER, False)):
        await world.services.webhooks.disable(mailbox, by)
        call = left(world, folder)
        await world.save(replace(call, recordings=(replace(call.recordings[0], hash=f"V01CEM{by[:2].upper()}"),)))
        await finish(world, folder)
        (mailbox,) = await mailboxes(world)
        assert mailbox.enabled is enabled


# --- words ------------------------------------------------------------------------------------------------------------

AT = datetime(2026, 7, 14, 9, 5, 10, tzinfo=UTC).astimezone(ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("fr_FR", "mardi 14 juillet 2026, 11:05 (Europe/Paris)"),
        ("fr-FR", "mardi 14 juillet 2026, 11:05 (Europe/Paris)"),
        ("de", "Dienstag, 14. Juli 2026, 11:05 (Europe/Paris)"),
        ("de_ZZ", "Dienstag, 14. Juli 2026, 11:05 (Europe/Paris)"),
        ("en_GB", "Tuesday, 14 July 2026, 11:05 (Europe/Paris)"),
        ("xx_YY", "Tuesday, 14 July 2026, 11:05 (Europe/Paris)"),
        ("", "Tuesday, 14 July 2026, 11:05 (Europe/Paris)"),
        (None, "Tuesday, 14 July 2026, 11:05 (Europe/Paris)"),
    ],
)
def test_the_date_follows_the_locale(locale: str | None, words: str) -> None:
    assert voicemail.spoken(AT, locale) == words


def recording(**changes: Any) -> RecordingRecord:
    facts = dict.fromkeys(RecordingRecord._fields, None) | {"hash": HASH, "call_id": 4711, "started_at": AT} | changes
    return RecordingRecord(**facts)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{DATETIME}", "20260714-110510"),
        ("{CALLID}-{MEDIA_HASH}", f"4711-{HASH}"),
        ("{DATETIME}-{CALLID}", "20260714-110510-4711"),
        ("message", "message"),
        (" .. ", HASH),
        ("{DATETIME}" * 100, ("20260714-110510" * 14)[:200]),
    ],
)
def test_a_file_is_named_as_the_app_says(pattern: str, name: str) -> None:
    assert voicemail.file_name(pattern, recording(), AT) == name


@pytest.mark.parametrize(
    ("count_bytes", "words"), [(1, "1 kB"), (999, "1 kB"), (12_960, "13 kB"), (999_001, "1000 kB"), (4_800_044, "4.8 MB")]
)  # fmt: skip
def test_sizes_read_as_people_say_them(count_bytes: int, words: str) -> None:
    assert wording.size(count_bytes) == words


@pytest.mark.parametrize(
    "params",
    [{}, {"vms": None}, {"vms": []}, {"vms": {"emails": "a@b", "file_format": "ogg", "file_name": 7, "timezone": ""}}],
)
def test_whatever_is_stored_of_voicemails_can_be_read(params: dict[str, Any]) -> None:
    assert voicemail_mail(params) == VoicemailMail()
