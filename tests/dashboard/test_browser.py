"""The first page in a real browser."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from ringtrail.dashboard import assets
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from tests.dashboard.conftest import open_page
from tests.dashboard.demo import save_day
from tests.fixtures import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.postgres,
    pytest.mark.skipif(
        not assets.load().built and not os.environ.get("CI"), reason=f"assets are not built: {assets.BUILD_COMMAND}"
    ),
]


async def test_a_call_shows_up_rings_ends_and_moves_without_a_reload(
    world: World, browser: Browser, address: str
) -> None:
    page = await open_page(browser, address)
    await page.evaluate("window.untouched = true")
    live, latest = page.get_by_role("region", name="Live"), page.get_by_role("region", name="Latest calls")
    await expect(live).to_contain_text("Nobody is on the line")
    ended = world.golden(started_at=datetime.now(UTC) - timedelta(seconds=210))
    await world.save(
        replace(ended, ended_at=None, answered_at=None, state=State.RINGING, stage=Stage.RINGING,
                disposition=Disposition.IN_PROGRESS)
    )  # fmt: skip
    await expect(live).to_contain_text("Ringing")
    await expect(live).to_contain_text("Alice")
    await expect(live.locator(".timer")).to_have_text(re.compile(r"^3:\d\d$"))
    await world.save(ended)
    await expect(live).to_contain_text("Nobody is on the line")
    await expect(latest).to_contain_text("Alice")
    await expect(latest).to_contain_text("Answered")
    assert await page.evaluate("window.untouched")
    assert page.faults == []  # type: ignore[attr-defined]


async def test_a_hostile_caller_name_runs_nothing(world: World, browser: Browser, address: str) -> None:
    page = await open_page(browser, address)
    hostile = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"
    await world.save(world.golden(caller_name=hostile))
    await expect(page.get_by_text(hostile)).to_be_visible()
    assert await page.evaluate("window.pwned") is None
    assert page.faults == []  # type: ignore[attr-defined]


async def test_a_recording_plays_on_while_calls_arrive(
    world: World, browser: Browser, address: str, tmp_path: Path
) -> None:
    await save_day(world, tmp_path)
    page = await open_page(browser, address)
    await page.get_by_role("link", name="Play the recording of Camille Laurent").first.click()
    player = page.get_by_role("region", name="Player")
    await expect(player).to_be_visible()
    await page.evaluate(PLAYED)
    await world.save(world.golden(started_at=datetime.now(UTC), caller_name="Newcomer"))
    await expect(page.get_by_text("Newcomer")).to_be_visible()
    assert await page.evaluate("document.querySelector('#player audio').currentTime > 0.2")
    await player.get_by_role("button", name="Close").click()
    await expect(player).to_be_hidden()
    assert page.faults == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_no_width_scrolls_sideways(
    world: World, browser: Browser, address: str, tmp_path: Path, width: int
) -> None:
    await save_day(world, tmp_path)
    await world.save(world.golden(caller_name="W" * 80, started_at=datetime.now(UTC)))
    page = await open_page(browser, address, width=width, height=844)
    await fits(page)
    await page.locator("a[data-play]").first.click()
    await fits(page)
    await page.goto(address + str(await page.locator("a[data-play]").first.get_attribute("href")))
    await expect(page.locator("audio").first).to_be_visible()
    await fits(page)


async def fits(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_enough_contrast(
    world: World, browser: Browser, address: str, tmp_path: Path, scheme: str
) -> None:
    await save_day(world, tmp_path)
    page = await open_page(browser, address, scheme=scheme)
    assert await page.evaluate(WORST_CONTRAST) >= 4.5


PLAYED = """() => new Promise((resolve) => {
  const audio = document.querySelector("#player audio");
  audio.addEventListener("timeupdate", () => { if (audio.currentTime > 0.2) resolve(); });
})"""

WORST_CONTRAST = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const opaque = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.startsWith("rgba(") && colour !== "transparent") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let worst = 21;
  for (const element of document.querySelectorAll("body *")) {
    const has = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!has || element.getClientRects().length === 0) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(opaque(element))];
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return worst;
}"""


async def test_the_keyboard_reaches_everything_and_starts_with_the_skip_link(
    world: World, browser: Browser, address: str, tmp_path: Path
) -> None:
    await save_day(world, tmp_path)
    page = await open_page(browser, address)
    seen = []
    for _ in range(7):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate("document.activeElement.innerText"))
    assert seen[0] == "Skip to content"
    assert {"Webhooks", "API", "Log out"} <= set(seen)
    assert any(text.startswith("Play") for text in seen)
