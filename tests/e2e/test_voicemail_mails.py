"""Voicemails mailed by real worker processes that are killed: none is lost, and none is told as two."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from ringtrail.model.call import Call, Recording, RecordingKind
from ringtrail.model.cause import Disposition
from ringtrail.seeding import write_tone
from ringtrail.storage.database import Database
from tests.e2e.workers import all_settled, environment, ringtrail, rows, worker
from tests.fixtures import World, build_world
from tests.postoffice import PostOffice, post_office

pytestmark = pytest.mark.postgres
HASH = "V01CEMA1"
EMAILS = ["ann@example.org", "bob@example.org"]


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    world = await build_world(database, tmp_path)
    params = {"vms": {"emails": EMAILS, "file_format": "wav", "file_name": "{MEDIA_HASH}"}}
    app = await world.services.apps.create(world.account.id, "CALLTRACKING10", "Reception", params)
    return replace(world, app=app)


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    async with post_office() as office:
        yield office


@pytest.fixture
def environ(database_url: str, tmp_path: Path, office: PostOffice) -> dict[str, str]:
    mail = {"RINGTRAIL_SMTP_URL": office.url, "RINGTRAIL_MAIL_FROM": "Calls <calls@example.org>"}
    return environment(database_url, tmp_path) | mail


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the worker's recordings."""
    folder = tmp_path / "var" / "recordings"
    folder.mkdir(parents=True)
    return folder


async def left(world: World, folder: Path) -> Call:
    """A call that ended with a voicemail; its sound is there."""
    call = world.golden(disposition=Disposition.VOICEMAIL, answered_at=None, bridged_at=None)
    one = Recording(
        hash=HASH, call_id=call.id, kind=RecordingKind.VOICEMAIL, path=f"{call.id}", started_at=call.started_at,
        status="recording",
    )  # fmt: skip
    write_tone(folder / f"{call.id}.wav", 700)
    call = replace(call, recordings=(one,))
    await world.save(call)
    return call


@asynccontextmanager
async def killed_at(database_url: str, environ: dict[str, str], lock: str) -> AsyncIterator[None]:
    """A worker that dies while it waits for this lock. The lock is held while the block runs."""
    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        await holder.execute(lock.encode())
        async with worker(environ) as process:
            async with asyncio.timeout(20):
                while not await blocked(database_url):  # noqa: ASYNC110 - only the database knows
                    await asyncio.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        yield
        await holder.rollback()


async def blocked(database_url: str) -> bool:
    waiting = b"SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        return await (await connection.execute(waiting)).fetchone() is not None


@pytest.mark.parametrize(
    "lock",
    [
        "SELECT 1 FROM call_counters FOR UPDATE",  # the sound is written, nothing is told
        "LOCK TABLE deliveries IN SHARE MODE",  # the events are written
    ],
)
async def test_a_worker_that_dies_while_it_finishes_a_voicemail_has_told_nobody_and_the_next_tells_each_once(
    world: World, office: PostOffice, environ: dict[str, str], database_url: str, folder: Path, lock: str
) -> None:
    call = await left(world, folder)
    async with killed_at(database_url, environ, lock):
        assert (folder / f"{call.id}.mp3").exists()
        assert await rows(world, "SELECT status FROM recordings") == [("recording",)]
        assert await rows(world, "SELECT 1 FROM events WHERE type IN ('voicemail.left', 'recording.changed')") == []
    async with worker(environ), worker(environ):
        await office.wait_for(2)
        await all_settled(world)
    assert sorted(office.recipients) == EMAILS
    told = await rows(world, "SELECT type, count(*) FROM events WHERE about = %s GROUP BY 1", call.id)
    assert (dict(told)["voicemail.left"], dict(told)["recording.changed"]) == (2, 1)
    assert await rows(world, "SELECT count(*), count(error) FROM attempts") == [(2, 0)]


async def test_a_mail_whose_worker_dies_before_it_could_note_it_comes_again_as_the_same_mail(
    world: World, office: PostOffice, environ: dict[str, str], database_url: str, folder: Path
) -> None:
    await left(world, folder)
    async with killed_at(database_url, environ, "LOCK TABLE attempts IN SHARE MODE"):
        await office.wait_for(1)
        taken = len(office.mails)
    async with worker(environ):
        await office.wait_for(taken + 2)
        await all_settled(world)
    by_id = {mail["Message-ID"]: mail for mail in office.mails}
    assert sorted(mail["To"] for mail in by_id.values()) == EMAILS
    for mail in office.mails:
        (sound,) = mail.iter_attachments()
        (again,) = by_id[mail["Message-ID"]].iter_attachments()
        assert (sound.get_filename(), sound.get_content()) == (f"{HASH}.wav", again.get_content())
    assert await rows(world, "SELECT count(*) FROM deliveries WHERE delivered_at IS NOT NULL") == [(2,)]


async def test_what_was_left_while_there_was_no_mail_server_is_sent_once_there_is_one(
    world: World, office: PostOffice, environ: dict[str, str], folder: Path
) -> None:
    """As the operator's guide says."""
    await left(world, folder)
    async with worker(environ | {"RINGTRAIL_SMTP_URL": "", "RINGTRAIL_MAIL_FROM": ""}):
        async with asyncio.timeout(20):
            while len(await rows(world, "SELECT 1 FROM attempts")) < 2:  # noqa: ASYNC110 - only the database knows
                await asyncio.sleep(0.05)
    log = await ringtrail(environ, "webhooks", "log", "--type", "voicemail.left", "--json")
    assert {(entry["last_error"], entry["due_at"]) for entry in log} == {("no mail server is set up", None)}
    async with worker(environ):
        for entry in log:
            await ringtrail(environ, "webhooks", "replay", entry["endpoint_hash"], "--all", "--undelivered")
        await office.wait_for(2)
    assert sorted(office.recipients) == EMAILS
