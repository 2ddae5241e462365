"""The consent page in a real browser, up to the program that the browser is sent back to."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from ringtrail.dashboard import assets
from tests.dashboard.conftest import LOGIN, PASSWORD
from tests.dashboard.test_browser import WORST_CONTRAST, fits
from tests.fixtures import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.postgres,
    pytest.mark.skipif(
        not assets.load().built and not os.environ.get("CI"), reason=f"assets are not built: {assets.BUILD_COMMAND}"
    ),
]

NAME = "Carnet d'adresses"
BACK = "http://127.0.0.1:9/back"  # of another origin; the browser is kept from really going there


@asynccontextmanager
async def asked(
    world: World, browser: Browser, address: str, *, name: str = NAME, width: int = 1280, scheme: str = "light"
) -> AsyncIterator[Page]:
    """The page as somebody meets it who follows a program's link and logs in on the way."""
    program, _ = await world.services.oauth.register(name, [BACK])
    context = await browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    await page.route("http://127.0.0.1:9/**", lambda route: route.fulfill(body="Back at the program"))
    query = {"response_type": "code", "client_id": program.client_id, "redirect_uri": BACK, "state": "a b"}
    await page.goto(f"{address}/o/oauth2/authorize?{urlencode(query)}")
    await page.get_by_label("Login").fill(LOGIN)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/oauth/consent?**")  # with its style
    yield page
    assert faults == []


def given(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize(("button", "said"), [("Allow", "code"), ("Deny", "error")])
async def test_somebody_logs_in_reads_and_answers_and_is_back_at_the_program(
    world: World, browser: Browser, address: str, button: str, said: str
) -> None:
    async with asked(world, browser, address) as page:
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"Allow {NAME} to use your account?")
        await expect(page.get_by_role("main")).to_contain_text(world.account.name)
        await expect(page.get_by_role("region", name="It will be able to").get_by_role("listitem")).to_have_count(4)
        await page.get_by_role("button", name=button, exact=True).click()
        await expect(page.get_by_text("Back at the program")).to_be_visible()
        assert page.url.startswith(BACK)
        assert given(page).keys() == {said, "state"} | ({"error_description"} & given(page).keys())
        assert given(page)["state"] == ["a b"]


@pytest.mark.parametrize("width", [320, 1280])
async def test_consent_is_taken_back_on_the_page_of_programs(
    world: World, browser: Browser, address: str, width: int
) -> None:
    async with asked(world, browser, address, name="W" * 120, width=width) as page:
        await page.get_by_role("button", name="Allow").click()
        await expect(page.get_by_text("Back at the program")).to_be_visible()
        program = (await world.services.oauth.programs())[0]
        async with world.database.transaction() as connection:
            await connection.execute("UPDATE oauth_grants SET code_used_at = now()")
        await page.goto(address)
        await page.get_by_role("link", name="Programs").click()
        await page.wait_for_url("**/programs")
        await expect(page.get_by_text(program.name, exact=True)).to_be_visible()
        await fits(page)
        assert await page.evaluate(WORST_CONTRAST) >= 4.5
        await page.get_by_role("button", name="Withdraw access of WWW").click()
        await expect(page.get_by_text("No program has access.")).to_be_visible()


async def test_the_keyboard_meets_deny_before_allow(world: World, browser: Browser, address: str) -> None:
    async with asked(world, browser, address) as page:
        await expect(page.get_by_role("button", name="Allow")).to_be_visible()
        seen = []
        for _ in range(2):
            await page.keyboard.press("Tab")
            seen.append(await page.evaluate("document.activeElement.innerText"))
        assert seen == ["Deny", "Allow"]


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_no_name_is_too_long_for_the_page(world: World, browser: Browser, address: str, width: int) -> None:
    async with asked(world, browser, address, name="W" * 120, width=width) as page:
        await expect(page.get_by_role("button", name="Allow")).to_be_visible()
        await fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_has_enough_contrast(world: World, browser: Browser, address: str, scheme: str) -> None:
    async with asked(world, browser, address, scheme=scheme) as page:
        await expect(page.get_by_role("button", name="Allow")).to_be_visible()
        assert await page.evaluate(WORST_CONTRAST) >= 4.5


async def test_a_hostile_name_runs_nothing(world: World, browser: Browser, address: str) -> None:
    hostile = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"
    async with asked(world, browser, address, name=hostile) as page:
        await expect(page.get_by_role("heading", level=1)).to_contain_text(hostile)
        assert await page.evaluate("window.pwned") is None
