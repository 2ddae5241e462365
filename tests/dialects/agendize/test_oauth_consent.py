"""OAuth 2.0: the whole way of a client that somebody else wrote (Authlib), and the consent page."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from authlib.common.security import generate_token

from ringtrail.dashboard.consent import MAY
from ringtrail.services.oauth_rules import SCOPES
from tests.dialects.agendize.oauth_stage import (
    BACK,
    CALLS,
    SITE,
    TOKEN,
    Stage,
    action_of,
    given,
    logged_in,
    seal_of,
)

pytestmark = pytest.mark.postgres


# --- the whole way --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("pkce", [True, False])
async def test_a_client_that_we_did_not_write_gets_consent_tokens_and_calls(
    stage: Stage, method: str, pkce: bool
) -> None:
    await stage.world.save(stage.world.golden())
    challenged = {"code_challenge_method": "S256"} if pkce else {}
    verifier = {"code_verifier": generate_token(64)} if pkce else {}
    async with stage.client(token_endpoint_auth_method=method, **challenged) as client:
        url, state = client.create_authorization_url(f"{SITE}/o/oauth2/authorize", **verifier)
        sent_on = await stage.browser.get(url)
        assert sent_on.status_code == 302
        said = await stage.answered(sent_on.headers["location"])
        assert said["state"] == state
        back = f"{BACK}&{urlencode(said)}"
        token = await client.fetch_token(TOKEN, authorization_response=back, **verifier)
        assert (token["token_type"], token["scope"], token["expires_in"]) == ("Bearer", "agendize", 3600)
        assert len((await client.get(CALLS)).json()["items"]) == 1
        fresh = await client.refresh_token(TOKEN)
        assert fresh["access_token"] != token["access_token"]
        assert fresh["refresh_token"] != token["refresh_token"]
        assert (await client.get(CALLS)).status_code == 200


async def test_a_client_renews_an_expired_token_by_itself(stage: Stage) -> None:
    token = await stage.tokens()
    stage.clock.at += timedelta(hours=1)
    assert not await stage.works(token["access_token"])
    async with stage.client(token=token | {"expires_at": 1}, token_endpoint=TOKEN) as client:
        assert (await client.get(CALLS)).status_code == 200


async def test_consent_is_asked_of_whoever_logs_in_and_nothing_of_the_question_is_lost(stage: Stage) -> None:
    stage.browser.cookies.clear()
    path = stage.asked(state="ü / + & ?")
    answer = await stage.browser.get(path)
    assert answer.status_code == 303
    page = await stage.browser.get(answer.headers["location"])
    way = unescape(re.search(r'name="next" value="([^"]*)"', page.text)[1])  # type: ignore[index]
    answer = await stage.browser.post("/login", data={"login": "demo", "password": "correct horse", "next": way})
    assert answer.headers["location"] == path
    assert (await stage.answered(path))["state"] == "ü / + & ?"


async def test_on_a_host_that_is_the_apis_alone_people_are_sent_to_where_they_log_in(stage: Stage) -> None:
    answer = await stage.browser.get(
        f"http://app.agendize.example/o/oauth2/authorize?client_id={stage.program.client_id}"
    )
    assert answer.headers["location"] == f"{SITE}/oauth/consent?client_id={stage.program.client_id}"


async def test_the_page_says_who_asks_for_what_and_where_the_browser_goes_next(stage: Stage) -> None:
    page = await stage.browser.get(stage.asked())
    text = unescape(page.text)
    for words in ("Léa's CRM", stage.world.account.name, "demo", "client.example", *MAY["agendize"]):
        assert words in text
    assert "form-action 'self' https://client.example;" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"


def test_every_scope_is_explained_to_the_owner() -> None:
    assert MAY.keys() == set(SCOPES)


# --- consent: errors of RFC 6749 section 4.1.2.1 --------------------------------------------------------------------------


NOBODY_TO_TELL: tuple[dict[str, str | None], ...] = (
    {"client_id": None},
    {"client_id": "nobody"},
    {"redirect_uri": "https://evil.example/"},
    {"redirect_uri": BACK + "&more"},
    {"redirect_uri": BACK.replace("https", "http")},
    {"redirect_uri": "not a URI"},
    {"state": "x" * 2_001},
)


async def test_a_request_that_may_come_from_anybody_is_told_to_the_person_and_leads_nowhere(stage: Stage) -> None:
    for changes in NOBODY_TO_TELL:
        page = await stage.browser.get(stage.asked(**changes))
        assert (page.status_code, page.headers.get("location")) == (400, None), changes
        assert "This link does not work" in page.text


async def test_a_parameter_given_twice_leads_nowhere(stage: Stage) -> None:
    for name in ("client_id", "redirect_uri", "state", "scope", "response_type", "code_challenge"):
        page = await stage.browser.get(f"{stage.asked()}&{name}=x&{name}=y")
        assert (page.status_code, page.headers.get("location")) == (400, None)


TOLD: tuple[tuple[dict[str, str | None], str], ...] = (
    ({"response_type": None}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code token"}, "unsupported_response_type"),
    ({"response_type": "none"}, "unsupported_response_type"),
    ({"scope": "everything"}, "invalid_scope"),
    ({"scope": "agendize everything"}, "invalid_scope"),
    ({"code_challenge": "c" * 43, "code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge": "c" * 43}, "invalid_request"),
    ({"code_challenge": "c" * 43, "code_challenge_method": "S512"}, "invalid_request"),
)


async def test_a_program_is_told_what_was_wrong_with_its_request(stage: Stage) -> None:
    for changes, error in TOLD:
        said = given(await stage.browser.get(stage.asked(**changes)))
        assert (said.get("code"), said["error"], said["state"]) == (None, error, "s t&te"), changes


async def test_a_program_is_told_of_a_denial(stage: Stage) -> None:
    said = await stage.answered(stage.asked(), choice="deny")
    assert (said["error"], said["state"]) == ("access_denied", "s t&te")


async def test_only_allow_allows(stage: Stage) -> None:
    for choice in ("", "ALLOW", "yes", "allow "):
        assert (await stage.answered(stage.asked(), choice=choice))["error"] == "access_denied"


async def test_what_is_left_out_has_a_default_where_there_is_no_choice(stage: Stage) -> None:
    said = await stage.answered(stage.asked(redirect_uri=None, scope=None, state=None))
    assert said.keys() == {"code"}
    answer = await stage.ask_token(code=said["code"], redirect_uri=None)
    assert answer.json()["scope"] == "agendize"


async def test_a_redirect_uri_is_required_where_there_are_two(stage: Stage) -> None:
    program, _ = await stage.oauth.register("Two ways", [BACK, "https://client.example/other"])
    page = await stage.browser.get(stage.asked(client_id=program.client_id, redirect_uri=None))
    assert page.status_code == 400


async def test_consent_needs_the_page_that_this_session_was_shown_for_this_request(stage: Stage) -> None:
    page = await stage.browser.get(stage.asked())
    action, seal = action_of(page), seal_of(page)
    other = await stage.oauth.register("Other", [BACK])
    foreign = action.replace(stage.program.client_id, other[0].client_id)
    wider = action.replace("client.example", "evil.example")
    session = await logged_in(stage.world, stage.app)
    attempts = [
        await stage.browser.post(action, data={"choice": "allow"}),
        await stage.browser.post(action, data={"choice": "allow", "seal": "é"}),
        await stage.browser.post(foreign, data={"choice": "allow", "seal": seal}),
        await stage.browser.post(wider, data={"choice": "allow", "seal": seal}),
        await session.post(action, data={"choice": "allow", "seal": seal}),
        await stage.browser.post(action, data={"choice": "allow", "seal": seal}, headers={"sec-fetch-site": "cross-site"}),
        await stage.browser.post(action, data={"choice": "allow", "seal": seal}, headers={"origin": "https://evil.example"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in attempts] == [403] * len(attempts)
