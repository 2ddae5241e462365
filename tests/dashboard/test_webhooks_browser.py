"""Webhooks in a real browser: the way of somebody who looks why an endpoint fails, mends it, and sends again."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from ringtrail.dashboard import assets
from ringtrail.model.webhook import DisabledBy
from tests.dashboard import webhooks_demo
from tests.dashboard.conftest import open_page
from tests.dashboard.test_browser import WORST_CONTRAST, fits
from tests.dashboard.test_ledger import event_of
from tests.dashboard.webhooks_demo import Shop, delivering, endpoint_of, execute, furnish, settled
from tests.fixtures import World
from tests.receiver import Receiver

pytestmark = [
    pytest.mark.browser,
    pytest.mark.postgres,
    pytest.mark.skipif(
        not assets.load().built and not os.environ.get("CI"), reason=f"assets are not built: {assets.BUILD_COMMAND}"
    ),
]


async def paths_of(world: World, shop: Shop) -> list[str]:
    delivery = f"/webhooks/{shop.crm.hash}/events/{await event_of(world, shop.crm.hash)}"
    of_hub, of_off = f"/webhooks/{shop.hub.hash}", f"/webhooks/{shop.off.hash}"
    ledger = "/webhooks/ledger?status=999&from=soon"
    return ["/webhooks", of_hub, of_off, f"{of_hub}/remove", "/webhooks/ledger", ledger, delivery]


async def test_from_a_failing_endpoint_to_what_it_answered_and_back_to_working(
    world: World, browser: Browser, address: str, receiver: Receiver
) -> None:
    shop = await furnish(world, receiver, 3)
    page = await open_page(browser, address)
    await page.get_by_role("link", name="Webhooks").click()
    failing = page.locator("li", has_text="CRM of the sales team")
    await expect(failing).to_contain_text("Failing since")
    await expect(failing.get_by_role("img", name="Newest 3 tries: 0 delivered, 3 failed")).to_be_visible()
    await failing.get_by_role("link", name="CRM of the sales team").click()
    await page.get_by_role("region", name="Newest").get_by_role("link", name="Call ended").first.click()
    await expect(page.get_by_role("article")).to_contain_text("database is locked")
    receiver.reply = lambda _: web.json_response({"received": True})
    async with delivering(world):
        await page.get_by_role("button", name="Send it again").click()
        await expect(page.get_by_text("It is being sent there now.")).to_be_hidden()
        await page.evaluate("window.untouched = true")
        await execute(world, "UPDATE deliveries SET due_at = now() WHERE endpoint_hash = %s", shop.crm.hash)
        await expect(page.get_by_role("region", name="Tries")).to_contain_text("200 OK", timeout=10_000)
    assert await page.evaluate("window.untouched"), "it came without a reload"
    await page.get_by_role("link", name="The endpoint").click()
    await expect(page.get_by_text("Delivers what it is told")).to_be_visible()
    assert page.faults == []  # type: ignore[attr-defined]


async def test_disable_enable_with_what_it_missed_and_remove(
    world: World, browser: Browser, address: str, receiver: Receiver
) -> None:
    endpoint = await endpoint_of(world, receiver.url, name="Data hub")
    page = await open_page(browser, address)
    await page.goto(f"{address}/webhooks/{endpoint.hash}")
    await page.get_by_role("button", name="Disable").click()
    await expect(page.get_by_text("Disabled by you")).to_be_visible()
    await world.save(world.golden())
    await page.get_by_role("button", name="with what it missed").click()
    await expect(page.get_by_role("status")).to_contain_text("are on their way now: 1.")
    async with delivering(world):
        await settled(world)
        await expect(page.get_by_role("region", name="Newest")).to_contain_text("Delivered", timeout=10_000)
    local = datetime.now(UTC) - timedelta(days=2)
    await page.get_by_label("From").fill(f"{local:%Y-%m-%dT%H:%M}")
    await page.get_by_label("All").check()
    await page.get_by_role("button", name="Send again").click()
    await expect(page.get_by_role("status")).to_contain_text("on their way again: 1.")
    await page.get_by_role("link", name="Remove…").click()
    await page.get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("status")).to_contain_text("Removed, with its log.")
    await expect(page.get_by_text("Nobody is told anything yet")).to_be_visible()
    assert page.faults == []  # type: ignore[attr-defined]


async def test_the_ledger_is_filtered_by_an_address_without_empty_words_and_grows_by_itself(
    world: World, browser: Browser, address: str, receiver: Receiver
) -> None:
    shop = await furnish(world, receiver, 2)
    page = await open_page(browser, address)
    await page.goto(f"{address}/webhooks/ledger")
    await page.get_by_label("Endpoint").select_option(label="Data hub")
    await page.get_by_label("What happened").select_option(label="Call ended")
    await page.get_by_role("button", name="Show").click()
    await page.wait_for_url(f"{address}/webhooks/ledger?endpoint={shop.hub.hash}&type=call.ended")
    await expect(page.locator("tr[data-row]")).to_have_count(2)
    await page.evaluate("window.untouched = true")
    await world.save(world.golden(caller_name="Newcomer"))
    await expect(page.get_by_text("Call from Newcomer")).to_be_visible(timeout=10_000)
    assert await page.evaluate("window.untouched")
    await page.get_by_text("More filters").click()
    await page.get_by_label("HTTP status").fill("77")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("alert")).to_contain_text("HTTP status is a number from 100 to 599")
    await expect(page.get_by_label("HTTP status")).to_have_value("77")


async def test_a_hostile_answer_runs_nothing(world: World, browser: Browser, address: str, receiver: Receiver) -> None:
    receiver.reply = webhooks_demo.answer
    endpoint = await endpoint_of(world, f"{receiver.url}/hostile", name=webhooks_demo.HOSTILE)
    await world.save(world.golden())
    async with delivering(world):
        await settled(world)
    page = await open_page(browser, address)
    for path in (
        f"/webhooks/{endpoint.hash}/events/{await event_of(world, endpoint.hash)}",
        "/webhooks",
        "/webhooks/ledger",
    ):
        await page.goto(address + path)
        await expect(page.locator("main")).to_contain_text("<script>window.pwned=1</script>")
        assert await page.evaluate("window.pwned") is None
        assert await page.get_by_role("heading", name="pwned", exact=True).count() == 0
    assert page.faults == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_no_width_scrolls_sideways(
    world: World, browser: Browser, address: str, receiver: Receiver, width: int
) -> None:
    shop = await furnish(world, receiver, 2)
    await world.services.webhooks.disable(shop.off, DisabledBy.OWNER)
    await endpoint_of(world, f"http://127.0.0.1:1/{'w' * 1_500}", name="W" * 300)
    await world.save(world.golden(caller_name="W" * 80, started_at=datetime.now(UTC)))
    page = await open_page(browser, address, width=width, height=844)
    for path in await paths_of(world, shop):
        await page.goto(address + path)
        await fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_enough_contrast(
    world: World, browser: Browser, address: str, receiver: Receiver, scheme: str
) -> None:
    shop = await furnish(world, receiver, 2)
    page = await open_page(browser, address, scheme=scheme)
    for path in await paths_of(world, shop):
        await page.goto(address + path)
        assert await page.evaluate(WORST_CONTRAST) >= 4.5, path


async def test_every_field_link_and_picture_has_a_name_and_headings_follow_each_other(
    world: World, browser: Browser, address: str, receiver: Receiver
) -> None:
    shop = await furnish(world, receiver, 2)
    page = await open_page(browser, address)
    for path in await paths_of(world, shop):
        await page.goto(address + path)
        assert await page.evaluate(NAMELESS) == [], path
        levels = await page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((h) => +h.tagName[1])")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), (path, levels)


NAMELESS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, button, a, summary, [role=img], [tabindex]")]
  .filter((element) => !(element.labels?.length || element.innerText?.trim() || element.getAttribute("aria-label")
    || element.querySelector?.(".icon ~ *")))
  .filter((element) => element.getClientRects().length > 0)
  .map((element) => element.outerHTML.slice(0, 120))"""


async def test_the_keyboard_alone_disables_an_endpoint(
    world: World, browser: Browser, address: str, receiver: Receiver
) -> None:
    await endpoint_of(world, receiver.url, name="Data hub")
    page = await open_page(browser, address)
    await page.goto(f"{address}/webhooks")
    await _tab_to(page, "Data hub")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/webhooks/\w{8}$"))
    await _tab_to(page, "Disable")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Disabled by you")).to_be_visible()


async def _tab_to(page: Page, text: str) -> None:
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.innerText") == text:
            return
    raise AssertionError(f"no Tab leads to {text}")


async def test_a_refresh_keeps_the_focus_and_what_was_folded_away(
    world: World, browser: Browser, address: str, receiver: Receiver
) -> None:
    shop = await furnish(world, receiver, 1)
    page = await open_page(browser, address)
    await page.goto(f"{address}/webhooks/{shop.crm.hash}/events/{await event_of(world, shop.crm.hash)}")
    await page.get_by_text("Request", exact=True).click()
    await expect(page.get_by_label("Request: body")).to_be_hidden()
    async with delivering(world):
        await execute(world, "UPDATE deliveries SET due_at = now() WHERE endpoint_hash = %s", shop.crm.hash)
        await expect(page.get_by_role("article")).to_have_count(2, timeout=10_000)
    await expect(page.get_by_label("Request: body")).to_have_count(2)
    await expect(page.get_by_label("Request: body").last).to_be_hidden()
    await expect(page.get_by_label("Request: body").first).to_be_visible()
