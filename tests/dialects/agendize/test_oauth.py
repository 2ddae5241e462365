"""OAuth 2.0, asked by a client that somebody else wrote (Authlib), and by hand where no client would ask like that."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar

from ringtrail import cli, dashboard
from ringtrail.dashboard.consent import MAY
from ringtrail.dialects.agendize import DIALECT
from ringtrail.dialects.agendize.oauth import WORDINGS
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.oauth import Program
from ringtrail.services.oauth import OAuth
from ringtrail.services.oauth_rules import SCOPES
from tests.fixtures import World, add_credentials, build_world

pytestmark = pytest.mark.postgres

SITE = "https://calls.example.org"
BACK = "https://client.example/back?from=ringtrail"
TOKEN, REVOKE, CALLS = f"{SITE}/o/oauth2/token", f"{SITE}/o/oauth2/revoke", f"{SITE}/api/2.0/calls"


@dataclass
class Clock:
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.at


@dataclass
class Stage:
    """The server, a program registered with it, and the browser of an account's owner who is logged in."""

    world: World
    app: Litestar
    clock: Clock
    program: Program
    secret: str
    browser: AsyncClient

    @property
    def oauth(self) -> OAuth:
        return self.world.services.oauth

    def client(self, **options: Any) -> AsyncOAuth2Client:
        """Somebody else's OAuth client."""
        settings = {
            "client_id": self.program.client_id,
            "client_secret": self.secret,
            "redirect_uri": BACK,
            "scope": "agendize",
        }
        return AsyncOAuth2Client(**settings | options, transport=ASGITransport(app=self.app))  # type: ignore[arg-type]

    def asked(self, **changes: str | None) -> str:
        """The path that asks for consent; None leaves a parameter out."""
        parameters = {
            "response_type": "code", "client_id": self.program.client_id, "redirect_uri": BACK, "scope": "agendize", "state": "s t&te",
        } | changes  # fmt: skip
        return "/oauth/consent?" + urlencode({name: value for name, value in parameters.items() if value is not None})

    async def answered(self, path: str, choice: str = "allow") -> dict[str, str]:
        """Press a button of the consent page; what the program's own page is then given."""
        page = await self.browser.get(path)
        assert page.status_code == 200, page.text
        answer = await self.browser.post(action_of(page), data={"seal": seal_of(page), "choice": choice})
        assert answer.status_code == 303
        return given(answer)

    async def code(self, **changes: str | None) -> str:
        return (await self.answered(self.asked(**changes)))["code"]

    async def ask_token(self, **changes: str | None) -> Response:
        """A request to the token endpoint with the secret in its body; None leaves a parameter out."""
        parameters = {
            "grant_type": "authorization_code", "redirect_uri": BACK, "client_id": self.program.client_id,
            "client_secret": self.secret,
        } | changes  # fmt: skip
        return await self.post(TOKEN, {name: value for name, value in parameters.items() if value is not None})

    async def tokens(self) -> dict[str, Any]:
        answer = await self.ask_token(code=await self.code())
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def refresh(self, token: str, **changes: str | None) -> Response:
        return await self.ask_token(grant_type="refresh_token", redirect_uri=None, refresh_token=token, **changes)

    async def post(self, url: str, data: dict[str, str], **headers: str) -> Response:
        async with AsyncClient(transport=ASGITransport(app=self.app)) as client:  # type: ignore[arg-type]
            return await client.post(url, data=data, headers=headers)

    async def calls(self, token: str) -> Response:
        async with AsyncClient(transport=ASGITransport(app=self.app)) as client:  # type: ignore[arg-type]
            return await client.get(CALLS, headers={"Authorization": f"Bearer {token}"})

    async def works(self, token: str) -> bool:
        return (await self.calls(token)).status_code == 200


def action_of(page: Response) -> str:
    found = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert found
    return unescape(found[1])


def seal_of(page: Response) -> str:
    found = re.search(r'name="seal" value="([^"]+)"', page.text)
    assert found
    return found[1]


def given(answer: Response) -> dict[str, str]:
    """What a redirect to the program's page says, the page's own query left out."""
    location = answer.headers["location"]
    assert location.startswith(BACK)
    said = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert said.pop("from") == "ringtrail"
    return said


async def logged_in(world: World, app: Litestar, login: str = "demo") -> AsyncClient:
    """A browser with a session, without the slow way over the password."""
    async with world.database.reading() as connection:
        query = b"SELECT id FROM credentials WHERE dialect = 'dashboard' AND login = %s"
        row = await (await connection.execute(query, (login,))).fetchone()
    assert row
    principal = Principal(account=world.account, property=None, credential_id=row[0], login=login)
    session = await world.services.accounts.open_session(principal)
    browser = AsyncClient(transport=ASGITransport(app=app), base_url=SITE)  # type: ignore[arg-type]
    browser.cookies.set("ringtrail_session", session)
    return browser


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    clock = Clock()
    world = replace(world, services=replace(world.services, oauth=OAuth(world.database, clock)))
    options = DialectOptions(base_url=SITE)
    app = build_server(
        world.services, [DIALECT], options, pages=dashboard.pages(world.services, SITE),
        hosts={"app.agendize.example": "agendize"},
    )  # fmt: skip
    program, secret = await world.services.oauth.register("Léa's CRM", [BACK])
    async with await logged_in(world, app) as browser:
        yield Stage(world, app, clock, program, secret, browser)


def refusal(answer: Response) -> tuple[int, str]:
    """Status and error of RFC 6749 section 5.2, whose rules for the rest are checked."""
    body = answer.json()
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert body.keys() <= {"error", "error_description"}
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", body.get("error_description", ""))
    return answer.status_code, body["error"]


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


# --- tokens: errors of RFC 6749 section 5.2 -------------------------------------------------------------------------------


WRONG: tuple[tuple[dict[str, str | None], int, str], ...] = (
    ({"grant_type": None}, 400, "invalid_request"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
    ({"code": None}, 400, "invalid_request"),
    ({"code": ""}, 400, "invalid_request"),
    ({"code": "guessed"}, 400, "invalid_grant"),
    ({"code": "x" * 3_000}, 400, "invalid_request"),
    ({"client_secret": "wrong"}, 401, "invalid_client"),
    ({"client_secret": None}, 401, "invalid_client"),
    ({"client_id": "nobody"}, 401, "invalid_client"),
    ({"client_id": None}, 401, "invalid_client"),
    ({"redirect_uri": "https://client.example/other"}, 400, "invalid_grant"),
    ({"redirect_uri": None}, 400, "invalid_grant"),
    ({"code_verifier": "v" * 43}, 400, "invalid_grant"),
    ({"grant_type": "refresh_token"}, 400, "invalid_request"),
    ({"grant_type": "refresh_token", "refresh_token": "guessed"}, 400, "invalid_grant"),
)


async def test_a_token_request_that_is_wrong_says_how_and_leaves_the_code_good(stage: Stage) -> None:
    code = await stage.code()
    for changes, status, error in WRONG:
        answer = await stage.ask_token(**{"code": code} | changes)
        assert refusal(answer) == (status, error), changes
        assert answer.headers.get("www-authenticate", "").startswith("Basic ") is (status == 401)
    assert (await stage.ask_token(code=code)).status_code == 200


async def test_an_authorization_header_that_cannot_be_read_authenticates_nobody(stage: Stage) -> None:
    for header in (
        "Basic !",
        "Basic",
        "Bearer x",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Digest a=b",
        "Basic AGE6Yg==",
    ):
        answer = await stage.post(TOKEN, {"grant_type": "refresh_token", "refresh_token": "x"}, Authorization=header)
        assert refusal(answer) == (401, "invalid_client"), header


async def test_a_client_authenticates_in_one_way_only(stage: Stage) -> None:
    basic = "Basic " + base64.b64encode(f"{stage.program.client_id}:{stage.secret}".encode()).decode()
    form = {"grant_type": "authorization_code", "code": await stage.code(), "redirect_uri": BACK}
    both = await stage.post(TOKEN, form | {"client_secret": stage.secret}, Authorization=basic)
    assert refusal(both) == (400, "invalid_request")
    other = await stage.post(TOKEN, form | {"client_id": "another"}, Authorization=basic)
    assert refusal(other) == (401, "invalid_client")
    assert (
        await stage.post(TOKEN, form | {"client_id": stage.program.client_id}, Authorization=basic)
    ).status_code == 200


FORM = "application/x-www-form-urlencoded"
UNREADABLE = (
    (b'{"grant_type": "authorization_code"}', "application/json", 400),
    (b"grant_type=authorization_code", "", 400),
    (b"grant_type=%FF", FORM, 400),
    (b"grant_type=refresh_token&grant_type=refresh_token", FORM, 400),
    (b"code=a&code=b&grant_type=authorization_code&token=a&token=b", FORM, 400),
    (b"&&=&%&==", FORM, 400),
    (b"", FORM, 400),
    (b"x" * 9_000, FORM, 413),
    (b"&".join([b"a=b"] * 300), FORM, 413),
)


@pytest.mark.parametrize("path", [TOKEN, REVOKE])
async def test_a_form_that_cannot_be_read_is_an_invalid_request(stage: Stage, path: str) -> None:
    for body, content_type, status in UNREADABLE:
        answer = await stage.browser.post(path, content=body, headers={"content-type": content_type})
        assert refusal(answer) == (status, "invalid_request"), body


async def test_what_is_not_there_is_refused_in_the_same_shape(stage: Stage) -> None:
    for method, path, status in (("GET", "token", 405), ("PUT", "authorize", 405), ("GET", "nothing", 404)):
        answer = await stage.browser.request(method, f"/o/oauth2/{path}")
        assert refusal(answer) == (status, "invalid_request")
        assert ("allow" in answer.headers) is (status == 405)


def test_every_error_has_its_wording() -> None:
    assert WORDINGS.keys() == set(ErrorCode)


async def test_a_stranger_cannot_slip_in_what_only_the_library_knows(stage: Stage) -> None:
    """oauthlib keeps its own notes beside the parameters: they must not be settable from outside."""
    smuggled = {
        "scopes": "everything",
        "user": "1",
        "client": "x",
        "extra_credentials": "x",
        "response_mode": "fragment",
    }
    said = await stage.answered(stage.asked(**smuggled))
    answer = await stage.ask_token(code=said["code"], **smuggled)
    assert (answer.status_code, answer.json()["scope"]) == (200, "agendize")


async def test_a_code_is_only_for_the_program_that_the_owner_consented_to(stage: Stage) -> None:
    program, secret = await stage.oauth.register("Another", [BACK])
    code = await stage.code()
    foreign = await stage.ask_token(code=code, client_id=program.client_id, client_secret=secret)
    assert refusal(foreign) == (400, "invalid_grant")
    mine = (await stage.ask_token(code=code)).json()
    foreign = await stage.refresh(mine["refresh_token"], client_id=program.client_id, client_secret=secret)
    assert refusal(foreign) == (400, "invalid_grant")
    assert await stage.works(mine["access_token"])


async def test_a_code_lives_for_ten_minutes(stage: Stage) -> None:
    first, second = await stage.code(), await stage.code()
    stage.clock.at += timedelta(minutes=9, seconds=59)
    assert (await stage.ask_token(code=first)).status_code == 200
    stage.clock.at += timedelta(seconds=1)
    assert refusal(await stage.ask_token(code=second)) == (400, "invalid_grant")


async def test_a_refresh_token_that_nobody_used_for_half_a_year_is_over(stage: Stage) -> None:
    token = await stage.tokens()
    stage.clock.at += timedelta(days=179)
    token = (await stage.refresh(token["refresh_token"])).json()
    stage.clock.at += timedelta(days=180)
    assert refusal(await stage.refresh(token["refresh_token"])) == (400, "invalid_grant")


async def test_a_refresh_may_not_ask_for_more(stage: Stage) -> None:
    token = await stage.tokens()
    assert refusal(await stage.refresh(token["refresh_token"], scope="agendize more")) == (400, "invalid_scope")
    assert (await stage.refresh(token["refresh_token"], scope="agendize")).status_code == 200


@pytest.mark.parametrize(
    ("verifier", "status"), [("right", 200), ("wrong" * 10, 400), (None, 400)], ids=["right", "wrong", "none"]
)
async def test_a_code_that_was_asked_for_with_pkce_needs_its_verifier(
    stage: Stage, verifier: str | None, status: int
) -> None:
    secret = generate_token(64)
    code = await stage.code(code_challenge=create_s256_code_challenge(secret), code_challenge_method="S256")
    answer = await stage.ask_token(code=code, code_verifier=secret if verifier == "right" else verifier)
    assert answer.status_code == status


# --- what happens twice ---------------------------------------------------------------------------------------------------


async def test_a_code_that_comes_again_ends_all_that_began_with_it(stage: Stage) -> None:
    bystander = await stage.tokens()
    code = await stage.code()
    token = (await stage.ask_token(code=code)).json()
    fresh = (await stage.refresh(token["refresh_token"])).json()
    assert refusal(await stage.ask_token(code=code)) == (400, "invalid_grant")
    assert not await stage.works(token["access_token"])
    assert not await stage.works(fresh["access_token"])
    assert refusal(await stage.refresh(fresh["refresh_token"])) == (400, "invalid_grant")
    assert await stage.works(bystander["access_token"])


async def test_a_refresh_token_that_comes_again_ends_the_family(stage: Stage) -> None:
    bystander, first = await stage.tokens(), await stage.tokens()
    second = (await stage.refresh(first["refresh_token"])).json()
    assert await stage.works(first["access_token"])  # a refresh leaves requests under way alone
    assert refusal(await stage.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert not await stage.works(second["access_token"])
    assert refusal(await stage.refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert await stage.works(bystander["access_token"])


async def test_of_many_who_redeem_one_code_at_once_one_wins(stage: Stage) -> None:
    code = await stage.code()
    answers = await asyncio.gather(*(stage.ask_token(code=code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


async def test_of_many_who_redeem_one_refresh_token_at_once_one_wins_and_none_keeps_access(stage: Stage) -> None:
    token = await stage.tokens()
    answers = await asyncio.gather(*(stage.refresh(token["refresh_token"]) for _ in range(8)))
    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert not await stage.works(won[0]["access_token"])


async def test_a_replay_beside_a_refresh_leaves_no_token_behind(stage: Stage) -> None:
    first = await stage.tokens()
    second = (await stage.refresh(first["refresh_token"])).json()
    answers = await asyncio.gather(*(stage.refresh(item["refresh_token"]) for item in (first, second)))
    issued = [answer.json()["access_token"] for answer in answers if answer.status_code == 200]
    assert [await stage.works(token) for token in [second["access_token"], *issued]] == [False] * (1 + len(issued))


# --- what ends ------------------------------------------------------------------------------------------------------------


async def test_a_program_gives_its_access_back_with_either_token_and_any_hint(stage: Stage) -> None:
    for which in ("access_token", "refresh_token"):
        for hint in (None, "access_token", "refresh_token", "nonsense"):
            token = await stage.tokens()
            async with stage.client(token_endpoint_auth_method="client_secret_post") as client:
                answer = await client.revoke_token(REVOKE, token=token[which], token_type_hint=hint)
            assert answer.status_code == 200
            assert not await stage.works(token["access_token"])
            assert refusal(await stage.refresh(token["refresh_token"])) == (400, "invalid_grant")


async def test_a_program_can_only_give_back_what_is_its_own(stage: Stage) -> None:
    program, secret = await stage.oauth.register("Another", [BACK])
    token = await stage.tokens()
    form = {"token": token["access_token"], "client_id": program.client_id, "client_secret": secret}
    assert (await stage.post(REVOKE, form)).status_code == 200
    assert (await stage.post(REVOKE, form | {"token": "unknown"})).status_code == 200
    assert refusal(await stage.post(REVOKE, form | {"client_secret": "wrong"})) == (401, "invalid_client")
    form.pop("token")
    assert refusal(await stage.post(REVOKE, form)) == (400, "invalid_request")
    assert await stage.works(token["access_token"])


async def test_a_program_that_is_removed_has_no_access_any_more(stage: Stage) -> None:
    token, code = await stage.tokens(), await stage.code()
    removed = await stage.oauth.remove(stage.program.client_id)
    assert removed.disabled_at
    assert not await stage.works(token["access_token"])
    assert refusal(await stage.refresh(token["refresh_token"])) == (401, "invalid_client")
    assert refusal(await stage.ask_token(code=code)) == (401, "invalid_client")
    assert (await stage.browser.get(stage.asked())).status_code == 400


async def test_an_owner_takes_consent_back_and_other_owners_keep_theirs(stage: Stage, tmp_path: Path) -> None:
    other = await build_world(stage.world.database, tmp_path, name="Others")
    await add_credentials(other, "-2")
    mine, owner = await stage.tokens(), stage.browser
    stage.browser = await logged_in(other, stage.app, "demo-2")
    theirs = await stage.tokens()
    assert "Léa" in (await owner.get("/programs")).text
    form = {"client_id": stage.program.client_id}
    refused = await owner.post("/programs/withdraw", data=form, headers={"sec-fetch-site": "cross-site"})
    assert refused.status_code == 403
    assert (await owner.post("/programs/withdraw", data=form)).headers["location"] == "/programs"
    assert "No program has access" in (await owner.get("/programs")).text
    assert "Léa" in (await stage.browser.get("/programs")).text
    assert [await stage.works(token["access_token"]) for token in (mine, theirs)] == [False, True]


async def test_a_login_of_one_property_shows_and_takes_back_only_what_it_allowed(stage: Stage) -> None:
    token = await stage.tokens()
    accounts, account = stage.world.services.accounts, stage.world.account
    await accounts.add_password(account.id, "dashboard", "branch", "correct horse")
    async with stage.world.database.transaction() as connection:
        query = b"UPDATE credentials SET property_id = %s WHERE login = 'branch'"
        await connection.execute(query, (stage.world.property.id,))
    branch = await logged_in(stage.world, stage.app, "branch")
    assert "No program has access" in (await branch.get("/programs")).text
    await branch.post("/programs/withdraw", data={"client_id": stage.program.client_id})
    assert await stage.works(token["access_token"])


async def test_a_token_lives_no_longer_than_the_login_that_consented(stage: Stage) -> None:
    token = await stage.tokens()
    async with stage.world.database.transaction() as connection:
        await connection.execute("UPDATE credentials SET revoked_at = now() WHERE dialect = 'dashboard'")
    assert not await stage.works(token["access_token"])


async def test_a_bearer_that_is_not_valid_is_told_so(stage: Stage) -> None:
    for token in ("unknown", "x" * 5_000, "é"):
        answer = await stage.browser.get(CALLS, headers={"authorization": f"Bearer {token}".encode()})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401)
        assert answer.headers["www-authenticate"] == 'Bearer realm="ringtrail", error="invalid_token"'


async def test_a_request_without_credentials_is_challenged_without_an_error(stage: Stage) -> None:
    answer = await stage.browser.get(CALLS)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="ringtrail"')


async def test_a_token_shows_the_account_whose_owner_consented_and_no_other(stage: Stage, tmp_path: Path) -> None:
    other = await build_world(stage.world.database, tmp_path, name="Others")
    await add_credentials(other, "-2")
    await stage.world.save(stage.world.golden(), other.golden(), other.golden())
    mine = await stage.tokens()
    stage.browser = await logged_in(other, stage.app, "demo-2")
    theirs = await stage.tokens()
    assert len((await stage.calls(mine["access_token"])).json()["items"]) == 1
    assert len((await stage.calls(theirs["access_token"])).json()["items"]) == 2
    await stage.refresh(mine["refresh_token"])
    assert refusal(await stage.refresh(mine["refresh_token"])) == (400, "invalid_grant")
    assert await stage.works(theirs["access_token"])


async def test_a_token_of_one_propertys_login_sees_that_property_only(stage: Stage) -> None:
    other = await stage.world.services.accounts.add_property(stage.world.account.id, "second")
    await stage.world.save(stage.world.golden(), stage.world.golden(property_id=other.id))
    async with stage.world.database.transaction() as connection:
        await connection.execute("UPDATE credentials SET property_id = %s WHERE dialect = 'dashboard'", (other.id,))
    token = await stage.tokens()
    assert len((await stage.calls(token["access_token"])).json()["items"]) == 1


async def test_nothing_that_is_stored_could_be_used(stage: Stage) -> None:
    code = await stage.code()
    token = (await stage.ask_token(code=code)).json()
    async with stage.world.database.reading() as connection:
        stored = ""
        for table in ("oauth_clients", "oauth_grants", "oauth_tokens"):
            cursor = await connection.execute(f"SELECT t::text FROM {table} t".encode())
            stored += "".join(str(row[0]) for row in await cursor.fetchall())
    for secret in (code, token["access_token"], token["refresh_token"], stage.secret):
        assert secret not in stored
        assert secret.encode().hex() not in stored


async def test_what_has_long_ended_is_deleted(stage: Stage) -> None:
    token = await stage.tokens()
    await stage.code()
    for _ in range(4):
        stage.clock.at += timedelta(days=20)
        token = (await stage.refresh(token["refresh_token"])).json()
    async with stage.world.database.reading() as connection:
        cursor = await connection.execute(
            "SELECT (SELECT count(*) FROM oauth_tokens), (SELECT count(*) FROM oauth_grants)"
        )
        assert await cursor.fetchone() == (3, 1)
    assert await stage.works(token["access_token"])


# --- programs -------------------------------------------------------------------------------------------------------------


WAYS_BACK = (
    "https://client.example/back", "https://client.example:8443/b?x=1", "http://127.0.0.1:9999/cb", "http://localhost/cb",
    "http://[::1]:9999/cb", "org.example.app:/cb", "org.example.app://cb",
)  # fmt: skip
NO_WAYS_BACK = (
    "http://client.example/", "https://client.example/#part", "https://user:pw@client.example/", "javascript:alert(1)",
    "data:text/html,x", "//client.example/", "client.example", "", "https://", "https://a b/", "https://x;y/",
    "https://é.example/", "https://*.example/", "http://localhost.evil.example/", "https://[::1/", "https://x:99999999/",
    "https://client.example/\r\nx: y",
)  # fmt: skip


async def test_a_program_may_be_sent_back_to_its_site_to_this_machine_and_to_its_own_scheme(stage: Stage) -> None:
    for uri in WAYS_BACK:
        program, _ = await stage.oauth.register("Any", [uri])
        page = await stage.browser.get(stage.asked(client_id=program.client_id, redirect_uri=uri))
        answer = await stage.browser.post(action_of(page), data={"seal": seal_of(page), "choice": "allow"})
        assert answer.headers["location"].startswith(f"{uri}{'&' if '?' in uri else '?'}code=")


async def test_a_program_may_not_be_sent_back_to_what_is_unsafe_or_no_address(stage: Stage) -> None:
    for uri in NO_WAYS_BACK:
        with pytest.raises(DomainError) as caught:
            await stage.oauth.register("Any", [uri])
        assert caught.value.field == "redirect", uri


async def test_a_program_has_a_name_and_a_way_back(stage: Stage) -> None:
    for name, uris in ((" ", [BACK]), ("Any", [])):
        with pytest.raises(DomainError):
            await stage.oauth.register(name, uris)
    with pytest.raises(DomainError):
        await stage.oauth.remove("nobody")
    assert [program.name for program in await stage.oauth.programs()] == ["Léa's CRM"]


def test_the_operator_registers_lists_and_removes_programs_from_the_command_line(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGTRAIL_DATABASE_URL", database_url)

    def ringtrail(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["oauth", *arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    status, out, _ = ringtrail("add", "Example CRM", "--redirect", BACK, "--redirect", "http://localhost/cb")
    added = json.loads(out)
    assert (status, added["redirect_uris"]) == (0, [BACK, "http://localhost/cb"])
    _, out, _ = ringtrail("list")
    assert [item["client_id"] for item in json.loads(out)] == [added["client_id"]]
    assert added["client_secret"] not in out
    _, out, _ = ringtrail("remove", added["client_id"])
    assert json.loads(out)["disabled_at"]
    for wrong in (("remove", "nobody"), ("add", "Evil", "--redirect", "http://evil.example/")):
        status, _, err = ringtrail(*wrong)
        assert (status, err.startswith("ringtrail: ")) == (1, True)
