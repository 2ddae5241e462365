"""Somebody calls, types a code and speaks, with a real phone, over the API as a customer has it; and the controller that dies."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio

from demo.melody import write_melody
from demo.phone import Phone
from ringtrail.model.call import CallRecord
from ringtrail.ports.clock import SystemClock
from ringtrail.seeding import write_tone
from ringtrail.services.media import Media
from ringtrail.services.phone_in import PhoneInRecordings
from ringtrail.supervisor.parts import environ_of
from ringtrail.voice.phone_in import PROMPTS
from tests.e2e.audio import heard
from tests.e2e.stack import Stack, eventually, private_folder
from tests.fixtures import CALLR_LOGIN
from tests.sip import answers

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

HEARD, NOT_HEARD = 0.8, 0.5
NUMBER = "+33140000001"
EMPTY = {"status": "PENDING_CONTENT", "url": None, "duration": 0}
PROMPT_S = 1.0
TYPED_S = 2.5
"""How long a phone takes for a code."""


class Site(NamedTuple):
    stack: Stack
    http: httpx.AsyncClient

    async def rpc(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return (await self.http.post("/json-rpc/v1.1/", json=body, auth=CALLR_LOGIN)).json()["result"]

    async def medium(self) -> tuple[int, str]:
        """(media id, code)"""
        id_ = await self.rpc("media/library.create", "Welcome")
        asked = await self.rpc("media/library.get_phone_id", id_, "FR")
        assert asked["number"] == NUMBER
        return id_, asked["code"]

    async def state(self, id_: int) -> dict[str, Any]:
        shown = await self.rpc("media/library.get", id_)
        return {key: shown[key] for key in EMPTY}

    async def ready(self, id_: int) -> dict[str, Any]:
        async def shown() -> dict[str, Any] | None:
            found: dict[str, Any] = await self.rpc("media/library.get", id_)
            return found if found["status"] == "READY" else None

        ready: dict[str, Any] = await eventually(shown, 15)
        return ready

    async def call(self, phone: Phone, code: str) -> None:
        """Call, type the code, and stay until it is recorded."""
        await phone.call(self.stack.sip_uri(NUMBER))
        await phone.wait("answered")
        await asyncio.sleep(0.3)
        await phone.dtmf(f"{code}#")
        await eventually(self.recording, 15)

    def recording(self) -> list[Path]:
        """What is being recorded, or waits."""
        return list(self.stack.settings.recordings_dir.glob("phone-in-*.wav"))

    async def settled(self) -> None:
        async def nothing() -> bool:
            async with self.stack.database.reading() as connection:
                rows = await connection.execute("SELECT 1 FROM phone_recordings WHERE ended_at IS NOT NULL")
                return await rows.fetchone() is None

        await eventually(nothing, 15)

    async def record(self, since: datetime) -> CallRecord:
        """The call that was offered after `since`, once it is over."""

        async def found() -> CallRecord | None:
            async with self.stack.database.reading() as connection:
                rows = await connection.execute(
                    "SELECT id FROM calls WHERE account_id = %s AND tracking_number = %s AND started_at > %s"
                    " AND ended_at IS NOT NULL",
                    (self.stack.account.id, NUMBER, since),
                )
                ids = [row[0] for row in await rows.fetchall()]
            assert len(ids) < 2
            return await self.stack.services.calls.by_id(self.stack.account.id, ids[0]) if ids else None

        record: CallRecord = await eventually(found, 20)
        return record

    async def told(self, id_: int) -> int:
        async with self.stack.database.reading() as connection:
            rows = await connection.execute(
                "SELECT count(*) FROM events WHERE type = 'media.changed' AND about = %s", (id_,)
            )
            row = await rows.fetchone()
        return int(row[0]) if row else 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    folder = private_folder("ringtrail-phone-in-")
    stack = Stack(folder)
    try:
        await stack.up()
        stack.start_worker()
        stack.start("serve", [sys.executable, "-m", "ringtrail.cli", "serve"], env=environ_of(stack.settings))
        for position, id_ in enumerate(PROMPTS):
            write_tone(stack.settings.media_dir / f"{id_}.wav", 500 + 97 * position, seconds=PROMPT_S)
        await stack.services.accounts.add_password(stack.account.id, "callr", *CALLR_LOGIN)
        await stack.services.numbers.add(account_id=stack.account.id, property_id=stack.property.id, number_e164=NUMBER)
        await stack.services.phone_in.add_number(NUMBER)
        url = f"http://{stack.settings.http_host}:{stack.settings.http_port}"
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            site = Site(stack, http)
            await eventually(lambda: _serves(site), 30)
            yield site
    finally:
        await stack.down()
        shutil.rmtree(folder, ignore_errors=True)


async def _serves(site: Site) -> bool:
    try:
        return (await site.http.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    return write_melody(tmp_path / "tune.wav", "welcome", 2.0)


async def test_what_a_caller_says_is_heard_by_the_callers_that_it_welcomes(
    site: Site, tune: Path, tmp_path: Path
) -> None:
    began, (id_, code) = datetime.now(UTC), await site.medium()
    assert await site.state(id_) == EMPTY
    async with Phone(play=tune, loop=True, record=tmp_path / "asked.wav") as phone:
        await site.call(phone, code)
        await asyncio.sleep(5)
        await phone.dtmf("#")
        await phone.wait("ended")
    shown = await site.ready(id_)
    assert 4 <= shown["duration"] <= 7
    mp3 = await site.http.get(httpx.URL(shown["url"]).path, auth=CALLR_LOGIN)
    assert (mp3.status_code, mp3.headers["content-type"]) == (200, "audio/mpeg")
    assert len(mp3.content) > 10_000
    record = await site.record(began)
    assert (record.disposition, record.stage, record.hangup_by) == ("ivr", "message", "platform")
    assert (record.keypad, record.recording_hash, record.app_hash) == (None, None, None)
    assert (await site.told(id_), site.recording()) == (1, [])
    for id_of_prompt in (PROMPTS[0], PROMPTS[2], PROMPTS[3]):
        assert heard(tmp_path / "asked.wav", site.stack.settings.media_dir / f"{id_of_prompt}.wav") > HEARD
    assert heard(tmp_path / "asked.wav", site.stack.settings.media_dir / f"{PROMPTS[1]}.wav") < NOT_HEARD

    did, _ = await site.stack.number((site.stack.target(), 20, answers()), medias={"welcome": id_})
    async with Phone(record=tmp_path / "welcomed.wav") as caller:
        await caller.call(site.stack.sip_uri(did.number_e164))
        await asyncio.sleep(shown["duration"] + 2)
        await caller.hangup()
    await site.stack.ended_call(did.number_e164)
    assert heard(tmp_path / "welcomed.wav", tune) > HEARD


async def test_hanging_up_keeps_what_was_said(site: Site, tune: Path) -> None:
    began, (id_, code) = datetime.now(UTC), await site.medium()
    async with Phone(play=tune, loop=True) as phone:
        await site.call(phone, code)
        await asyncio.sleep(3)
        await phone.hangup()
        await phone.wait("ended")
    assert 2 <= (await site.ready(id_))["duration"] <= 5
    record = await site.record(began)
    assert (record.disposition, record.hangup_by) == ("ivr", "caller")


async def test_who_says_nothing_changes_nothing(site: Site, tune: Path) -> None:
    id_, code = await site.medium()
    async with Phone(play=tune) as phone:
        await phone.call(site.stack.sip_uri(NUMBER))
        await phone.wait("answered")
        await phone.dtmf(code)
        await phone.wait("ended", timeout_s=20)
    assert await site.state(id_) == EMPTY
    await site.settled()
    assert (await site.state(id_), site.recording()) == (EMPTY, [])


async def test_a_star_and_hanging_up_at_once_keep_nothing(site: Site, tune: Path) -> None:
    for key in ("*", ""):
        id_, code = await site.medium()
        async with Phone(play=tune, loop=True) as phone:
            await site.call(phone, code)
            if key:
                await asyncio.sleep(3)
                await phone.dtmf(key)
            else:
                await phone.hangup()
            await phone.wait("ended")
        await site.settled()
        assert (await site.state(id_), await site.told(id_)) == (EMPTY, 0)
        await _swept(site)
        assert site.recording() == []


async def test_three_wrong_codes_end_the_call_and_a_used_one_is_wrong(site: Site, tmp_path: Path) -> None:
    began, (id_, code) = datetime.now(UTC), await site.medium()
    assert await site.stack.services.phone_in.take(code, None) is not None
    async with Phone(record=tmp_path / "asked.wav") as phone:
        await phone.call(site.stack.sip_uri(NUMBER))
        await phone.wait("answered")
        for _ in range(3):
            await asyncio.sleep(PROMPT_S + 0.7)
            await phone.dtmf(code)
            await asyncio.sleep(TYPED_S)
        await phone.wait("ended", timeout_s=20)
    record = await site.record(began)
    assert (record.disposition, record.hangup_by, record.keypad) == ("ivr", "platform", None)
    assert heard(tmp_path / "asked.wav", site.stack.settings.media_dir / f"{PROMPTS[1]}.wav") > HEARD
    assert await site.state(id_) == EMPTY


@pytest.mark.parametrize("moment", ["asked", "recording"])
async def test_a_controller_that_is_killed_leaves_the_medium_as_it_was_and_ends_the_call(
    site: Site, tune: Path, moment: str
) -> None:
    began, (id_, code) = datetime.now(UTC), await site.medium()
    async with Phone(play=tune, loop=True) as phone:
        if moment == "recording":
            await site.call(phone, code)
            await asyncio.sleep(2)
        else:
            await phone.call(site.stack.sip_uri(NUMBER))
            await phone.wait("answered")
            await asyncio.sleep(0.5)
        site.stack.kill("control")
        await asyncio.sleep(1)
        await site.stack.start_controller()
        await phone.wait("ended", timeout_s=20)
    record = await site.record(began)
    assert (record.disposition, record.hangup_by) == ("ivr", "platform")
    await site.settled()
    assert (await site.state(id_), await site.told(id_)) == (EMPTY, 0)
    await _swept(site)
    assert site.recording() == []

    again = await site.rpc("media/library.get_phone_id", id_, "FR")
    assert again["code"] != code
    async with Phone(play=tune, loop=True) as phone:
        await site.call(phone, again["code"])
        await asyncio.sleep(2.5)
        await phone.dtmf("#")
        await phone.wait("ended")
    assert (await site.ready(id_))["duration"] >= 2
    assert await site.told(id_) == 1


async def test_a_worker_that_is_killed_fills_the_medium_once_when_it_is_back(site: Site, tune: Path) -> None:
    id_, code = await site.medium()
    site.stack.kill("work")
    async with Phone(play=tune, loop=True) as phone:
        await site.call(phone, code)
        await asyncio.sleep(2.5)
        await phone.dtmf("#")
        await phone.wait("ended")
    assert await site.state(id_) == EMPTY
    site.stack.start_worker()
    await site.ready(id_)
    await site.settled()
    assert (await site.told(id_), site.recording()) == (1, [])


async def _swept(site: Site) -> None:
    """What the worker does each hour, two hours later."""

    class Later(SystemClock):
        def now(self) -> datetime:
            return super().now() + timedelta(hours=2)

    folder = site.stack.settings.recordings_dir
    media = Media(site.stack.database, Later(), None, site.stack.settings.media_dir)
    for file in site.recording():
        os.utime(file, (0, 0))
    await PhoneInRecordings(site.stack.database, Later(), media, folder).sweep()
