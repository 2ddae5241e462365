"""OAuth 2.0: what a token shows, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.dialects.agendize.oauth_stage import (
    BACK,
    CALLS,
    REVOKE,
    Stage,
    logged_in,
    refusal,
)
from tests.fixtures import add_credentials, build_world

pytestmark = pytest.mark.postgres


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
