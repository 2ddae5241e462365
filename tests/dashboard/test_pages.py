"""The pages as they are sent: complete, escaped, guarded by headers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from litestar.testing import AsyncTestClient

from ringtrail.dashboard import assets
from ringtrail.dashboard.feed import ChangeFeed
from ringtrail.dashboard.site import Site
from ringtrail.dashboard.words import OUTCOMES, STATES, clock_text, day_text, number_text
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import State
from tests.dashboard.conftest import log_in
from tests.dashboard.demo import save_day
from tests.fixtures import World, add_credentials, build_world, with_recording

pytestmark = pytest.mark.postgres
Client = AsyncTestClient[Any]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"


def test_every_outcome_and_state_has_a_word_and_an_icon_that_is_drawn() -> None:
    drawn = set(re.findall(r'id="i-(\w+)"', (Path(assets.__file__).parent / "templates/icons.html").read_text()))
    assert set(OUTCOMES) == set(Disposition)
    assert set(STATES) == set(State)
    for label in (*OUTCOMES.values(), *STATES.values()):
        assert label.icon in drawn
    assert len({label.word for label in OUTCOMES.values()}) == len(OUTCOMES)


async def test_the_first_page_shows_live_and_latest_calls(world: World, client: Client, tmp_path: Path) -> None:
    await save_day(world, tmp_path)
    text = (await client.get("/")).text
    for expected in (
        "Ringing", "Talking", "Sophie Petit", "Camille Laurent", "06 12 34 56 78", "+44 7400 123456", "Google Ads",
        "cpc · spring sale", "Front desk", "09 87 65 43 21", "Withheld number", "Gave up", "3:19", "First call",
        "Europe/Paris", 'id="player"',
    ):  # fmt: skip
        assert expected in text, expected


async def test_the_fragments_are_parts_of_the_first_page(world: World, client: Client, tmp_path: Path) -> None:
    await save_day(world, tmp_path)
    live, latest = (await client.get("/fragments/live")).text, (await client.get("/fragments/latest")).text
    assert "Sophie Petit" in live
    assert "Sophie Petit" not in latest
    assert "Harriet Cole" in latest
    assert "<html" not in live + latest


async def test_times_are_of_the_accounts_zone(world: World, client: Client) -> None:
    await world.save(world.golden())
    text = (await client.get("/")).text
    assert ">11:05</time>" in text
    assert "Tuesday 14 July 2026, 11:05:10 CEST" in text


async def test_a_hostile_caller_name_is_shown_as_text(world: World, client: Client) -> None:
    attribution = replace(world.did.attribution, source=HOSTILE, campaign=HOSTILE)
    call = with_recording(world.golden(caller_name=HOSTILE, attribution=attribution))
    live = world.golden(
        started_at=datetime.now(UTC), ended_at=None, state=State.RINGING, disposition=Disposition.IN_PROGRESS,
        caller_name=HOSTILE,
    )  # fmt: skip
    await world.save(call, live)
    for path in ("/", "/fragments/live", "/fragments/latest", "/recordings/REC0RD1N"):
        text = (await client.get(path)).text
        assert "&lt;script&gt;" in text
        assert not re.search(r"<script(?! src=)|<img|<bdi[^>]*>[^<]*</bdi>[^<]*\u202e", text)


async def test_an_empty_account_is_told_how_to_place_the_first_call(world: World, client: Client) -> None:
    text = (await client.get("/")).text
    assert "No calls yet. Place the first one" in text
    assert f"sip:{world.did.number_e164}@" in text
    await world.save(world.golden())
    assert "No calls yet" not in (await client.get("/")).text


async def test_masked_callers_stay_masked(world: World, client: Client) -> None:
    clinic = await world.services.accounts.add_property(world.account.id, "clinic", masks_callers=True)
    await world.save(with_recording(world.golden(property_id=clinic.id)))
    for path in ("/", "/recordings/REC0RD1N"):
        text = (await client.get(path)).text
        assert "+3361234XXXX" in text
        assert "5678" not in text


async def test_another_account_sees_and_hears_nothing_of_it(world: World, stranger: Client, tmp_path: Path) -> None:
    await world.save(with_recording(world.golden()))
    other = await build_world(world.database, tmp_path, name="Other")
    await add_credentials(other, "x")
    await log_in(stranger, "demox")
    assert "No calls yet" in (await stranger.get("/")).text
    for path in ("/recordings/REC0RD1N", "/recordings/REC0RD1N/audio.wav"):
        assert (await stranger.get(path)).status_code == 404


async def test_a_recording_is_heard_in_ranges_and_noted(world: World, client: Client, tmp_path: Path) -> None:
    call = with_recording(world.golden())
    (tmp_path / f"{call.id}.wav").write_bytes(b"RIFF0123456789")
    await world.save(call)
    page = (await client.get("/recordings/REC0RD1N")).text
    assert '<audio controls preload="metadata" src="/recordings/REC0RD1N/audio"' in page
    answer = await client.get("/recordings/REC0RD1N/audio.wav", headers={"range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, b"RIFF")
    found = await world.services.recordings.by_hash(world.account.id, "REC0RD1N")
    assert found is not None
    assert found.read_at is not None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("processing", "still being finished"),
        ("error", "The recording failed"),
        ("ready", "not there any more"),
    ],
)
async def test_a_recording_without_sound_says_why(world: World, client: Client, status: str, words: str) -> None:
    call = with_recording(world.golden())
    await world.save(replace(call, recordings=(replace(call.recordings[0], status=status),)))
    assert words in (await client.get("/recordings/REC0RD1N")).text
    assert (await client.get("/recordings/REC0RD1N/audio")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/recordings/NOSUCH", "/recordings/%00", "/recordings/x/audio?part=all", "/assets/../x", "/assets/no.css"]
)
async def test_what_is_not_there_is_a_page_and_no_fault(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize("path", ["/", "/login", "/fragments/live", "/recordings/NOSUCH", "/assets/nothing.js"])
async def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    headers = (await client.get(path)).headers
    assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_no_page_has_inline_script_or_style(world: World, client: Client, tmp_path: Path) -> None:
    calls = await save_day(world, tmp_path)
    hash_ = next(call.recordings[0].hash for call in calls if call.recordings)
    for path in ("/", f"/recordings/{hash_}"):
        text = (await client.get(path)).text
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", text)


async def test_without_built_assets_the_pages_are_plain_and_say_what_to_do(world: World, tmp_path: Path) -> None:
    unbuilt = assets.load(tmp_path)
    site = Site(services=world.services, base_url="", feed=ChangeFeed(world.services.calls), assets=unbuilt)
    text = site.page("login.html", login="", way="/", error=None).content
    assert "npm ci &amp;&amp; npm run build" in text
    assert '<input id="login"' in text
    assert "/assets/" not in text


def test_durations_days_and_numbers_read_well() -> None:
    assert [clock_text(seconds) for seconds in (0, 9, 199, 3_723)] == ["0:00", "0:09", "3:19", "1:02:03"]
    now = datetime(2026, 7, 14, 22, 30, tzinfo=UTC)
    paris = ZoneInfo("Europe/Paris")
    ages = [timedelta(), timedelta(hours=1), timedelta(days=2), timedelta(days=400)]
    assert [day_text(now - age, now, paris) for age in ages] == [
        "Today", "Yesterday", "Monday 13 July", "Tuesday 10 June 2025"
    ]  # fmt: skip
    assert number_text("+33612345678", "FR") == "06 12 34 56 78"
    assert number_text("+33612345678", "GB") == "+33 6 12 34 56 78"
    assert number_text("anonymous", "FR") == "anonymous"
