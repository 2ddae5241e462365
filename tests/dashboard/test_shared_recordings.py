"""The player page behind a link: no login, one recording, nothing else."""

from __future__ import annotations

import base64
import re
import wave
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import AsyncTestClient
from playwright.async_api import Browser, expect

from ringtrail.ports.clock import SystemClock
from ringtrail.services.recording_links import RecordingLinks
from ringtrail.services.vault import Vault
from tests.dashboard.conftest import BASE_URL, app_of
from tests.fixtures import GOLDEN_START, World, add_credentials, build_world, with_recording

pytestmark = pytest.mark.postgres
Client = AsyncTestClient[Any]
PAGE = "/recordings/REC0RD1N"


@pytest.fixture
async def key(world: World, tmp_path: Path) -> str:
    """To a recording that can be heard."""
    call = with_recording(world.golden())
    await world.save(call)
    sound(tmp_path / f"{call.id}.wav")
    return world.services.recording_links.key(world.account.id, "REC0RD1N")


def sound(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 8000)


async def test_a_link_plays_without_a_login(stranger: Client, key: str) -> None:
    page = await stranger.get(f"{PAGE}?key={key}")
    assert page.status_code == 200
    source = re.search(r'<audio [^>]*src="([^"]+)"', page.text)
    assert source is not None
    assert (await stranger.get(source[1])).content.startswith(b"RIFF")
    assert (await stranger.get(f"{PAGE}/audio.wav?key={key}", headers={"range": "bytes=0-3"})).content == b"RIFF"


async def test_a_link_ends_while_its_account_is_disabled(world: World, stranger: Client, key: str) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE accounts SET disabled_at = now()")
    for path in (PAGE, f"{PAGE}/audio"):
        assert (await stranger.get(f"{path}?key={key}")).status_code == 410


async def test_a_link_shows_no_caller_and_no_account(world: World, stranger: Client, key: str) -> None:
    page = (await stranger.get(f"{PAGE}?key={key}")).text
    assert not [word for word in ("Alice", "6 12 34 56 78", "+33612345678", world.account.name) if word in page]
    assert "Log out" not in page


async def test_without_a_key_a_stranger_is_sent_to_the_login(stranger: Client, key: str) -> None:
    for path in (PAGE, f"{PAGE}?key="):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={PAGE}")
    assert (await stranger.get(f"{PAGE}/audio")).status_code == 401


async def test_a_link_opens_its_own_recording_only(world: World, stranger: Client, key: str) -> None:
    await world.save(with_recording(world.golden(), "0THERREC"))
    for path in (f"/recordings/0THERREC?key={key}", f"/recordings/0THERREC/audio?key={key}", f"/?key={key}"):
        assert (await stranger.get(path)).status_code in (303, 404)


@pytest.mark.parametrize("place", range(0, 38, 5))
async def test_a_key_that_was_changed_opens_nothing(stranger: Client, key: str, place: int) -> None:
    changed = key[:place] + ("A" if key[place] != "A" else "B") + key[place + 1 :]
    for path in (PAGE, f"{PAGE}/audio"):
        assert (await stranger.get(f"{path}?key={changed}")).status_code == 404


@pytest.mark.parametrize("text", ["x", "%00", "=", "A" * 38, "A" * 5000, "é", "%FF", "AAAA====", "../.."])
async def test_what_is_no_key_opens_nothing(stranger: Client, key: str, text: str) -> None:
    assert (await stranger.get(f"{PAGE}?key={text}")).status_code in (400, 404)


async def test_a_key_made_for_another_account_opens_nothing(
    world: World, stranger: Client, key: str, tmp_path: Path
) -> None:
    """Neither its own, which has no such recording, nor with our account's number put into it."""
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await add_credentials(other, "-other")
    theirs = world.services.recording_links.key(other.account.id, "REC0RD1N")
    raw = base64.urlsafe_b64decode(theirs + "==")
    forged = base64.urlsafe_b64encode(world.account.id.to_bytes(8, "big") + raw[8:]).decode().rstrip("=")
    for attempt in (theirs, forged):
        assert (await stranger.get(f"{PAGE}?key={attempt}")).status_code == 404


async def test_a_key_signed_with_another_secret_opens_nothing(world: World, stranger: Client, key: str) -> None:
    elsewhere = RecordingLinks(Vault("k" * 32), SystemClock()).key(world.account.id, "REC0RD1N")
    assert (await stranger.get(f"{PAGE}?key={elsewhere}")).status_code == 404


async def test_links_end_when_the_operator_wants_it(world: World, key: str) -> None:
    age_days = (SystemClock().now() - GOLDEN_START) // timedelta(days=1)
    for days, status in ((age_days, 410), (age_days + 2, 200), (0, 200)):
        links = RecordingLinks(Vault("k" * 32), SystemClock(), valid_days=days)
        limited = replace(world, services=replace(world.services, recording_links=links))
        async with AsyncTestClient(app_of(limited, BASE_URL), base_url=BASE_URL) as client:
            answers = [
                await client.get(f"{path}?key={links.key(world.account.id, 'REC0RD1N')}")
                for path in (PAGE, f"{PAGE}/audio")
            ]
            assert [answer.status_code for answer in answers] == [status, status]


async def test_links_outlive_a_change_of_the_secret_key() -> None:
    old, new = "o" * 32, "n" * 32
    key = RecordingLinks(Vault(old), SystemClock()).key(7, "REC0RD1N")
    assert RecordingLinks(Vault(f"{new},{old}"), SystemClock()).account_of("REC0RD1N", key) == 7
    assert RecordingLinks(Vault(new), SystemClock()).account_of("REC0RD1N", key) is None


async def test_a_key_stays_between_the_reader_and_us(stranger: Client, key: str) -> None:
    for path in (PAGE, f"{PAGE}/audio"):
        headers = (await stranger.get(f"{path}?key={key}")).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert "noindex" in headers["x-robots-tag"]
        assert headers["cache-control"].startswith(("no-store", "private"))
        assert headers["x-frame-options"] == "DENY"


@pytest.mark.browser
async def test_a_browser_plays_a_link(browser: Browser, address: str, key: str) -> None:
    page = await browser.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    await page.goto(f"{address}{PAGE}?key={key}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Call to")
    await page.wait_for_function("document.querySelector('audio').readyState >= 1")
    assert await page.evaluate("document.querySelector('audio').duration") == pytest.approx(1.0, abs=0.1)
    assert faults == []
