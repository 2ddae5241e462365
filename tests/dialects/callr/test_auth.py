"""Keys, sessions, and acting as another account."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services.sub_accounts import NewSubAccount
from tests.dialects.callr.conftest import ENDPOINT, Client
from tests.fixtures import CALLR_LOGIN, TOKENS, World, add_credentials, build_world

PROFILE = {"company": "Branch", "emails": ["branch@example.org"]}
FORBIDDEN = "FORBIDDEN: no such account that you may act as"


class Reply(NamedTuple):
    status: int
    result: Any = None
    error: str | None = None


As = Callable[..., Awaitable[Reply]]


@pytest.fixture
def ask(client: Client) -> As:
    """`await ask(method, *params, with_=Authorization, as_=CALLR-Login-As)`; without them the world's login."""

    async def call(method: str, *params: Any, with_: str | None = None, as_: str | None = None) -> Reply:
        headers = {} if with_ is None else {"authorization": with_}
        headers |= {} if as_ is None else {"callr-login-as": as_}
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        reply = await client.post(ENDPOINT, json=asked, headers=headers, auth=None if with_ else CALLR_LOGIN)
        body = reply.json()
        return Reply(reply.status_code, body.get("result"), body.get("error", {}).get("message"))

    return call


async def below(world: World, master: Any = None) -> NewSubAccount:
    return await world.services.sub_accounts.create(master or world.account, "callr", PROFILE)


def _now() -> datetime:
    return datetime.now(UTC)


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


# --- keys -----------------------------------------------------------------------------------------------------------


async def test_a_key_is_shown_once_and_opens_the_account_until_it_is_deleted(ask: As) -> None:
    made = (await ask("api-key.create", "Back office")).result
    assert list(made) == ["created_at", "id", "last_used_at", "name", "updated_at", "token"]
    assert re.fullmatch(r"[0-9a-f]{100}", made["token"])
    assert (made["name"], made["last_used_at"]) == ("Back office", None)
    key = f"Api-Key {made.pop('token')}"
    assert (await ask("system.get_timestamp", with_=key)).status == 200
    assert (await ask("api-key.delete", made["id"], with_=key)).result is True
    assert await ask("system.get_timestamp", with_=key) == Reply(401, None, "Authentication failed")
    assert made["id"] not in [item["id"] for item in (await ask("api-key.all")).result]


async def test_when_a_key_was_last_used_is_kept(ask: As) -> None:
    made = (await ask("api-key.create", "Nightly job")).result
    await ask("system.get_timestamp", with_=f"Api-Key {made['token']}")
    (shown,) = [item for item in (await ask("api-key.all")).result if item["id"] == made["id"]]
    assert list(shown) == ["created_at", "id", "last_used_at", "name", "updated_at"]
    assert abs(_instant(shown["last_used_at"]) - _now()) < timedelta(seconds=10)


KEY_FAULTS: list[tuple[str, tuple[Any, ...], str]] = [
    ("api-key.create", (None,), "INVALID_PARAM_FORMAT [name]"),
    ("api-key.create", ("",), "INVALID_PARAM_FORMAT [name]"),
    ("api-key.create", ("x" * 65,), "INVALID_PARAM_FORMAT [name]"),
    ("api-key.delete", (None,), "INVALID_PARAM_FORMAT [id]"),
    ("api-key.delete", ("1",), "INVALID_PARAM_FORMAT [id]"),
    ("api-key.delete", (True,), "INVALID_PARAM_FORMAT [id]"),
    ("api-key.delete", (0,), "PROPERTY_VALUE_ERROR [id]"),
    ("api-key.delete", (2**70,), "PROPERTY_VALUE_ERROR [id]"),
    ("api-key.delete", (123_456_789,), "PROPERTY_VALUE_ERROR [id]"),
    ("session.refresh", (None,), "INVALID_PARAM_FORMAT [refresh_token]"),
    ("session.refresh", ("",), "INVALID_PARAM_FORMAT [refresh_token]"),
    ("session.refresh", ("0" * 40,), "PROPERTY_VALUE_ERROR [refresh_token]"),
    ("session.delete", (), "FORBIDDEN: there is no session to end: these credentials are not one"),
]


async def test_faults_of_keys_and_sessions(ask: As) -> None:
    told = [(method, params, (await ask(method, *params)).error) for method, params, _ in KEY_FAULTS]
    assert told == KEY_FAULTS


async def test_more_keys_than_an_account_may_have_are_error_100_not_http_429(ask: As, world: World) -> None:
    keys = world.services.api_keys
    for number in range(100 - len(await keys.list(world.account.id, "callr"))):
        await keys.create(world.account.id, "callr", f"key {number}")
    assert await ask("api-key.create", "one more") == Reply(200, None, "FORBIDDEN: an account has 100 keys at most")


async def test_of_keys_that_are_made_at_once_no_more_than_the_most_are(world: World) -> None:
    keys = world.services.api_keys
    room = 100 - len(await keys.list(world.account.id, "callr"))
    wanted = (keys.create(world.account.id, "callr", f"key {number}") for number in range(room + 12))
    made = await asyncio.gather(*wanted, return_exceptions=True)
    refused = [item for item in made if isinstance(item, DomainError)]
    assert [item.code for item in refused] == [ErrorCode.TOO_MANY] * 12
    assert len(await keys.list(world.account.id, "callr")) == 100


async def test_keys_of_a_property_and_of_other_dialects_are_not_listed_nor_deleted(ask: As, world: World) -> None:
    await world.services.accounts.add_token(world.account.id, "callr", "p" * 100, property_id=world.property.id)
    shown = {item["id"] for item in (await ask("api-key.all")).result}
    principal = await world.services.accounts.by_token("callr", TOKENS["callr"])
    bound = await world.services.accounts.by_token("callr", "p" * 100)
    native = await world.services.accounts.by_token("native", TOKENS["native"])
    assert principal is not None
    assert bound is not None
    assert native is not None
    assert shown == {principal.credential_id}
    for hidden in (bound.credential_id, native.credential_id):
        assert (await ask("api-key.delete", hidden)).error == "PROPERTY_VALUE_ERROR [id]"


async def test_nobody_deletes_the_key_of_another_account(ask: As, world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    made, token = await world.services.api_keys.create(other.account.id, "callr", "theirs")
    assert (await ask("api-key.delete", made.id)).error == "PROPERTY_VALUE_ERROR [id]"
    assert (await ask("system.get_timestamp", with_=f"Api-Key {token}")).status == 200


# --- sessions -------------------------------------------------------------------------------------------------------


async def test_a_session_speaks_for_the_login_until_it_is_deleted(ask: As) -> None:
    made = (await ask("session.create")).result
    assert list(made) == ["refresh_token", "refreshable_until", "token", "valid_until"]
    assert re.fullmatch(r"[0-9a-f]{40}", made["token"])
    session = f"Session {made['token']}"
    assert (await ask("system.get_timestamp", with_=session)).status == 200
    assert (await ask("session.all", with_=session)).result == [made]
    assert (await ask("session.delete", with_=session)).result is True
    assert await ask("system.get_timestamp", with_=session) == Reply(401, None, "Authentication failed")
    assert (await ask("session.all")).result == []


async def test_refreshing_gives_new_tokens_and_ends_the_old_ones(ask: As) -> None:
    old = (await ask("session.create")).result
    new = (await ask("session.refresh", old["refresh_token"], with_=f"Session {old['token']}")).result
    assert new["valid_until"] >= old["valid_until"]
    assert (await ask("system.get_timestamp", with_=f"Session {new['token']}")).status == 200
    assert (await ask("system.get_timestamp", with_=f"Session {old['token']}")).status == 401
    again = await ask("session.refresh", old["refresh_token"], with_=f"Session {new['token']}")
    assert again.error == "PROPERTY_VALUE_ERROR [refresh_token]"


async def test_a_session_that_is_over_can_be_refreshed_and_nothing_else(ask: As, world: World) -> None:
    made = (await ask("session.create")).result
    session = f"Session {made['token']}"
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE api_sessions SET valid_until = now() - interval '1 second'")
    assert (await ask("system.get_timestamp", with_=session)).status == 401
    assert (await ask("session.delete", with_=session)).status == 401
    assert (await ask("session.refresh", made["refresh_token"], with_=session)).result["token"] != made["token"]


async def test_a_session_beyond_refreshing_is_nothing(ask: As, world: World) -> None:
    made = (await ask("session.create")).result
    async with world.database.transaction() as connection:
        await connection.execute(
            "UPDATE api_sessions SET valid_until = now() - interval '1 hour', refreshable_until = now() - interval '1 s'"
        )
    refreshed = await ask("session.refresh", made["refresh_token"], with_=f"Session {made['token']}")
    assert refreshed.status == 401
    assert (await ask("session.refresh", made["refresh_token"])).error == "PROPERTY_VALUE_ERROR [refresh_token]"


async def test_sessions_are_those_of_one_credential_and_end_with_it(ask: As) -> None:
    made = (await ask("api-key.create", "phone app")).result
    key = f"Api-Key {made['token']}"
    opened = (await ask("session.create", with_=key)).result
    await ask("session.create")
    assert (await ask("session.all", with_=key)).result == [opened]
    stolen = await ask("session.refresh", opened["refresh_token"])
    assert stolen.error == "PROPERTY_VALUE_ERROR [refresh_token]"
    await ask("api-key.delete", made["id"])
    assert (await ask("system.get_timestamp", with_=f"Session {opened['token']}")).status == 401


async def test_only_digests_and_sealed_tokens_are_kept(ask: As, world: World) -> None:
    made = (await ask("session.create")).result
    async with world.database.reading() as connection:
        row = await (await connection.execute("SELECT api_sessions::text FROM api_sessions")).fetchone()
    assert row is not None
    for token in (made["token"], made["refresh_token"]):
        assert token not in row[0]
        assert token.encode().hex() not in row[0]


# --- acting as somebody ---------------------------------------------------------------------------------------------


async def test_a_master_acts_as_an_account_below_it_with_every_way_in(ask: As, world: World) -> None:
    sub = await below(world)
    session = (await ask("session.create")).result["token"]
    for way_in in (None, f"Api-Key {TOKENS['callr']}", f"Session {session}"):
        for as_ in (
            f"User.login {sub.login}", f"user.login {sub.login}", f"Account.hash {sub.account.hash}",
            f"account.hash {sub.account.hash.lower()}",
        ):  # fmt: skip
            assert (await ask("apps.get_list", False, with_=way_in, as_=as_)).result == []
    assert len((await ask("apps.get_list", False)).result) == 1


async def test_one_may_act_as_oneself(ask: As, world: World) -> None:
    for as_ in (f"User.login {CALLR_LOGIN[0]}", f"Account.hash {world.account.hash}"):
        assert len((await ask("apps.get_list", False, as_=as_)).result) == 1


async def test_nobody_acts_as_a_stranger_a_sibling_or_the_master(
    ask: As, client: Client, world: World, tmp_path: Path
) -> None:
    one, other = await below(world), await below(world)
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    await add_credentials(stranger, "-other")
    theirs = await below(world, stranger.account)
    for target in (
        f"Account.hash {stranger.account.hash}", f"User.login {CALLR_LOGIN[0]}-other", f"User.login {theirs.login}",
        f"Account.hash {theirs.account.hash}", "Account.hash", "User.login", "User.login nobody", "Account.hash ZZZZZZZZ",
    ):  # fmt: skip
        assert await ask("system.get_timestamp", as_=target) == Reply(200, None, FORBIDDEN), target
    ping = {"jsonrpc": "2.0", "id": 1, "method": "system.get_timestamp", "params": []}
    for target in (f"Account.hash {other.account.hash}", f"User.login {CALLR_LOGIN[0]}"):
        headers = {"callr-login-as": target}
        reply = await client.post(ENDPOINT, json=ping, headers=headers, auth=(one.login, one.password))
        assert reply.json()["error"] == {"code": 100, "message": FORBIDDEN}


async def test_a_header_that_cannot_be_read_is_refused_only_to_whoever_has_valid_credentials(ask: As) -> None:
    for as_ in ("bob", "Account.id 7", "Account.sid X", "login demo"):
        told = await ask("system.get_timestamp", as_=as_)
        assert told.error == "FORBIDDEN: CALLR-Login-As is `User.login <login>` or `Account.hash <hash>`"
        assert (await ask("system.get_timestamp", with_="Api-Key x", as_=as_)).status == 401


async def test_acting_as_somebody_leaves_a_line_in_the_log(
    ask: As, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    sub = await below(world)
    await ask("system.get_timestamp", as_=f"User.login {sub.login}")
    await ask("system.get_timestamp", as_="User.login somebody")
    log = capsys.readouterr().out
    assert re.search(rf"login_as .*account_id={world.account.id} acting_as={sub.account.id}.* target={sub.login}", log)
    assert re.search(r"login_as_refused .*target=somebody", log)
    assert CALLR_LOGIN[1] not in log


async def test_a_key_made_while_acting_as_somebody_is_that_ones(ask: As, world: World) -> None:
    sub = await below(world)
    as_ = f"Account.hash {sub.account.hash}"
    made = (await ask("api-key.create", "for the branch", as_=as_)).result
    assert (await ask("apps.get_list", False, with_=f"Api-Key {made['token']}")).result == []
    assert [item["name"] for item in (await ask("api-key.all", as_=as_)).result] == ["for the branch"]


async def test_a_session_made_while_acting_as_somebody_is_ones_own(ask: As, world: World) -> None:
    sub = await below(world)
    made = (await ask("session.create", as_=f"Account.hash {sub.account.hash}")).result
    assert len((await ask("apps.get_list", False, with_=f"Session {made['token']}")).result) == 1
