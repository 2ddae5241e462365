"""OAuth 2.0: the token endpoint, asked by hand where no client would ask like that."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta

import pytest
from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from ringtrail.dialects.agendize.oauth import WORDINGS
from ringtrail.model.errors import ErrorCode
from tests.dialects.agendize.oauth_stage import (
    BACK,
    REVOKE,
    TOKEN,
    Stage,
    refusal,
)

pytestmark = pytest.mark.postgres


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
