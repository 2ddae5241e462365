"""What an account uploads, has spoken or imports is what its callers hear."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo.melody import write_melody
from demo.phone import Phone
from ringtrail.model.job import JobStatus
from ringtrail.model.media import Medium
from ringtrail.model.sound import USUAL_RATE, Voice
from ringtrail.ports.clock import SystemClock
from ringtrail.services import Services, build_services, media_imports
from ringtrail.sound.studio import LocalStudio
from ringtrail.supervisor import speech
from tests.e2e.audio import heard
from tests.e2e.stack import Stack, eventually, private_folder
from tests.sip import answers

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

HEARD, NOT_HEARD = 0.8, 0.5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    folder = private_folder("ringtrail-media-")
    stack = Stack(folder)
    try:
        await stack.up()
        stack.start_worker()
        yield stack
    finally:
        await stack.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def services(stack: Stack) -> Services:
    """As the web server has them."""
    return build_services(
        stack.database, SystemClock(), recordings_folder=str(stack.settings.recordings_dir),
        media_folder=str(stack.settings.media_dir), studio=LocalStudio(Path(stack.settings.cache_dir)),
    )  # fmt: skip


async def heard_by_a_caller(stack: Stack, services: Services, medium: Medium, tmp_path: Path) -> float:
    """How much of the medium a caller hears whose call it welcomes."""
    ready = await services.media.by_id(stack.account.id, medium.id)
    assert ready is not None
    sound = services.media.file(ready, "wav")
    assert sound is not None
    did, _ = await stack.number((stack.target(), 20, answers()), medias={"welcome": medium.id})
    async with Phone(record=tmp_path / "heard.wav") as caller:
        await caller.call(stack.sip_uri(did.number_e164))
        await asyncio.sleep(6)
        await caller.hangup()
    await stack.ended_call(did.number_e164)
    return heard(tmp_path / "heard.wav", sound)


async def test_an_imported_file_is_heard(stack: Stack, services: Services, tmp_path: Path) -> None:
    melody = write_melody(tmp_path / "melody.wav", "welcome", 2.5)
    name = await services.media.receive(melody.read_bytes())
    job = await services.jobs.start(stack.account.id, media_imports.IMPORT, {"name": name})

    async def done() -> bool:
        return (await services.jobs.by_id(stack.account.id, job.id)).status is JobStatus.DONE

    await eventually(done, 15)
    file = await services.media.upload(stack.account.id, name)
    assert file is not None
    medium = await services.media.create(stack.account.id, "Melody")
    await services.media.fill(medium, file)
    assert await heard_by_a_caller(stack, services, medium, tmp_path) > HEARD
    assert heard(tmp_path / "heard.wav", melody) > HEARD


async def test_a_spoken_text_is_heard(stack: Stack, services: Services, tmp_path: Path) -> None:
    assert speech.find_or_fetch(Path(stack.settings.cache_dir), print) is not None
    medium = await services.media.create(stack.account.id, "Spoken")
    other = await services.media.create(stack.account.id, "Other")
    voice = Voice(language="fr-FR", female=True)
    await services.media.speak(medium, "Bonjour, ne quittez pas, nous arrivons.", voice, "TTS_FR-FR_AUDREY", USUAL_RATE)
    await services.media.speak(other, "Cuatro perros comen mucho pan.", voice, "TTS_FR-FR_AUDREY", USUAL_RATE)
    assert await heard_by_a_caller(stack, services, medium, tmp_path) > HEARD
    unsaid = await services.media.by_id(stack.account.id, other.id)
    assert unsaid is not None
    assert heard(tmp_path / "heard.wav", services.media.file(unsaid, "wav") or Path()) < NOT_HEARD
