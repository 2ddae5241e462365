"""Logging in and out, and what keeps others from doing it."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from ringtrail import dashboard
from ringtrail.dashboard.throttle import Throttle
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from tests.dashboard.conftest import LOGIN, PASSWORD, log_in
from tests.fixtures import World, with_recording

pytestmark = pytest.mark.postgres
Client = AsyncTestClient[Any]


@pytest.mark.parametrize("path", ["/", "/recordings/REC0RD1N"])
async def test_a_page_without_a_session_leads_to_the_login_and_back(world: World, stranger: Client, path: str) -> None:
    await world.save(with_recording(world.golden()))
    answer = await stranger.get(path)
    assert answer.status_code == 303
    page = await stranger.get(answer.headers["location"])
    way = "/" if path == "/" else path
    assert f'name="next" value="{way}"' in page.text
    answer = await log_in(stranger, way=way)
    assert (answer.status_code, answer.headers["location"]) == (303, way)
    assert (await stranger.get(way)).status_code == 200


@pytest.mark.parametrize("path", ["/fragments/live", "/fragments/latest", "/live", "/recordings/REC0RD1N/audio.wav"])
async def test_what_scripts_and_players_fetch_is_refused_without_a_session(stranger: Client, path: str) -> None:
    assert (await stranger.get(path)).status_code == 401


@pytest.mark.parametrize(
    "way", ["https://evil.example/", "//evil.example", "/\\evil.example", "/recordings/../x", "x\r\ny"]
)
async def test_a_login_never_leads_elsewhere(stranger: Client, way: str) -> None:
    assert (await log_in(stranger, way=way)).headers["location"] == "/"


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(world: World, stranger: Client) -> None:
    cookie = (await log_in(stranger)).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    pages = dashboard.pages(world.services, "https://calls.example.org")
    app = build_server(world.services, [], DialectOptions(base_url="https://calls.example.org"), pages=pages)
    async with AsyncTestClient(app, base_url="https://calls.example.org") as client:
        client.follow_redirects = False
        assert "secure" in (await log_in(client)).headers["set-cookie"].lower()


async def test_logging_out_ends_the_session_on_the_server(client: Client) -> None:
    token = client.cookies["ringtrail_session"]
    assert (await client.post("/logout")).headers["location"] == "/login"
    client.cookies.set("ringtrail_session", token)
    assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize(
    ("login", "password"), [("demo", "wrong"), ("nobody", PASSWORD), ("", ""), ("demo", "x" * 600)]
)
async def test_a_wrong_login_is_told_without_saying_which_part(stranger: Client, login: str, password: str) -> None:
    answer = await log_in(stranger, login, password)
    assert answer.status_code == 401
    assert "Login or password is wrong." in answer.text


async def test_five_wrong_passwords_lock_the_login_with_a_clear_message(stranger: Client) -> None:
    for _ in range(5):
        assert (await log_in(stranger, LOGIN, "wrong")).status_code == 401
    answer = await log_in(stranger)
    assert answer.status_code == 429
    assert "Too many attempts. Try again in 15 minutes." in answer.text
    assert 0 < int(answer.headers["retry-after"]) <= 900
    assert (await log_in(stranger, "other", "wrong")).status_code == 401


async def test_many_logins_from_one_address_lock_the_address(stranger: Client) -> None:
    statuses = [(await log_in(stranger, f"user{n}", "wrong")).status_code for n in range(31)]
    assert statuses == [401] * 30 + [429]


async def test_a_login_that_succeeds_clears_its_count(stranger: Client) -> None:
    for _ in range(3):
        for _ in range(4):
            await log_in(stranger, LOGIN, "wrong")
        assert (await log_in(stranger)).status_code == 303


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://testserver.local"}, False),
        ({}, False),
    ],
)
async def test_forms_of_other_sites_are_refused(
    stranger: Client, path: str, headers: dict[str, str], refused: bool
) -> None:
    answer = await stranger.post(path, data={"login": "demo", "password": "x"}, headers=headers)
    assert (answer.status_code == 403) is refused


@pytest.mark.parametrize("body", [b"login=%FF", b"\xff\xfe", b"login=a" + b"&x=1" * 300, b"x" * 9_000])
async def test_a_form_that_cannot_be_read_is_a_clear_refusal(stranger: Client, body: bytes) -> None:
    answer = await stranger.post("/login", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (400, 401, 413)
    assert answer.headers["content-type"].startswith("text/html")


def test_a_throttle_opens_again_when_its_window_has_passed() -> None:
    now = 0.0
    throttle = Throttle(limit=2, window_s=60, clock=lambda: now)
    throttle.count("a")
    now = 30
    throttle.count("a")
    assert throttle.wait_s("a") == 30
    assert throttle.wait_s("b") == 0
    now = 60
    assert throttle.wait_s("a") == 0
    throttle.count("a")
    throttle.take_back("a")
    assert throttle.wait_s("a") == 0
