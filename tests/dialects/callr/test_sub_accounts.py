"""Accounts below an account: their whole life as CALLR tells it, and who may do what to whom."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.account import Account
from ringtrail.model.message import MessageStatus
from ringtrail.model.query import MessageQuery
from ringtrail.services.messages import NewMessage
from ringtrail.services.routing import Routing
from tests.dialects.agendize.oauth_stage import staged
from tests.dialects.callr.conftest import ENDPOINT, Client, Rpc
from tests.dialects.callr.happenings import MOBILE, opened_post, sms_number
from tests.dialects.surfaces import Surfaces, keys_of, lists, signed
from tests.fixtures import CALLR_LOGIN, World, add_credentials, build_world

ADDRESS = {"city": "Lyon", "country": "FR", "state": "", "street": "1, rue Mercière", "zip": "69002"}
PROPERTIES: dict[str, Any] = {
    "account": {"company": "Branch", "firstname": "Zoé", "lastname": "Martin"},
    "contact": {"addresses": [ADDRESS], "emails": ["zoe@example.org"], "phones": ["06 12 34 56 78"]},
    "params": {"billing": {"emails": ["bills@example.org"]}},
}
LEAST = {"account": {}, "contact": {"emails": ["zoe@example.org"]}}
MANUAL = {"password": {"method": "MANUAL", "value": "correct horse"}}

Asking = Callable[..., Awaitable[Any]]


@pytest.fixture
def sub_asks(client: Client) -> Asking:
    """`await sub_asks(SubAccount with its password, method, *params)`: (HTTP status, result or error message)."""

    async def ask(account: Any, method: str, *params: Any) -> tuple[int, Any]:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        login = account["credentials"]["login"], account["credentials"]["password"]
        reply = await client.post(ENDPOINT, json=asked, auth=login)
        body = reply.json()
        return reply.status_code, body["result"] if "result" in body else body["error"]["message"]

    return ask


def login_of(account: Any) -> str:
    return str(account["credentials"]["login"])


async def account_of(world: World, shown: Any) -> Account:
    found = await world.services.sub_accounts.reached(world.account, "callr", login=login_of(shown))
    assert found is not None
    return found


# --- made and shown -------------------------------------------------------------------------------------------------


async def test_a_sub_account_is_made_and_its_password_is_shown_once(rpc: Rpc, sub_asks: Asking) -> None:
    made = await rpc("account/sub.create", PROPERTIES, {})
    login, password = made["credentials"]["login"], made["credentials"]["password"]
    assert re.fullmatch(r"sub-[0-9a-z]{8}", login)
    assert re.fullmatch(r"[A-Za-z0-9]{20}", password)
    assert made == {
        "account": {"company": "Branch", "firstname": "Zoé", "lastname": "Martin"},
        "contact": {
            "addresses": [ADDRESS], "emails": ["zoe@example.org"], "phones": ["+33612345678"], "tech_emails": [],
        },
        "credentials": {"login": login, "password": password},
        "params": {
            "billing": {"addresses": [], "currency_code": "EUR", "emails": ["bills@example.org"]},
            "default": {"locale": "en_US", "timezone": "Europe/Paris"},
        },
        "state": {
            "allow_calls_in": True, "allow_calls_out": True, "allow_sms_in": True, "allow_sms_out": True,
            "archived": False, "credit": "0.00", "disabled": False,
        },
    }  # fmt: skip
    for id_ in (login, login.removeprefix("sub-"), login.removeprefix("sub-").upper()):
        shown = await rpc("account/sub.get", id_)
        assert list(shown["contact"]["addresses"][0]) == sorted(ADDRESS)
        assert shown["credentials"] == {"login": login, "password": None}
        assert {**shown, "credentials": made["credentials"]} == made
    assert await sub_asks(made, "apps.get_list", True) == (200, [])


async def test_a_password_may_be_chosen(rpc: Rpc, sub_asks: Asking) -> None:
    made = await rpc("account/sub.create", LEAST, MANUAL)
    assert made["credentials"]["password"] == "correct horse"
    assert (await sub_asks(made, "system.get_timestamp"))[0] == 200


async def test_edition_changes_what_is_given_and_nothing_else(rpc: Rpc) -> None:
    made = await rpc("account/sub.create", PROPERTIES, {})
    changed = {"contact": {"phones": [], "tech_emails": ["ops@example.org"]}, "params": {"billing": {"addresses": [ADDRESS]}}}  # fmt: skip
    edited = await rpc("account/sub.edit", login_of(made), changed, None)
    assert edited["contact"] == {**made["contact"], **changed["contact"]}
    assert edited["params"]["billing"] == {**made["params"]["billing"], "addresses": [ADDRESS]}
    assert edited["account"] == made["account"]
    assert await rpc("account/sub.get", login_of(made)) == edited
    assert await rpc("account/sub.edit", login_of(made), {}) == edited


async def test_the_list_is_oldest_first_and_pages(rpc: Rpc) -> None:
    made = [login_of(await rpc("account/sub.create", LEAST, {})) for _ in range(3)]
    found = await rpc("account/sub.search", {}, {"quantity": 2})
    assert [login_of(item) for item in found["hits"]] == made[:2]
    assert (found["has_more"], found["offset"], found["total"]) == (True, 0, 3)
    found = await rpc("account/sub.search", None, {"offset": 2, "order": "created_at"})
    assert ([login_of(item) for item in found["hits"]], found["has_more"]) == (made[2:], False)


async def test_the_quota_counts_those_that_are_not_archived(rpc: Rpc, fault: Rpc, world: World) -> None:
    assert await rpc("account/sub.get_quota") == {"actual": 0, "max": 100}
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE accounts SET most_sub_accounts = 1 WHERE id = %s", (world.account.id,))
    first = login_of(await rpc("account/sub.create", LEAST, {}))
    refused = (100, "FORBIDDEN: the account has 1 sub accounts at most")
    assert await fault("account/sub.create", LEAST, {}) == refused
    await rpc("account/sub.disable", first)
    await rpc("account/sub.archive", first, None)
    assert await rpc("account/sub.get_quota") == {"actual": 0, "max": 1}
    await rpc("account/sub.create", LEAST, {})
    assert await fault("account/sub.unarchive", first) == refused


# --- faults ---------------------------------------------------------------------------------------------------------


def _contact(**changes: Any) -> dict[str, Any]:
    return {"account": {}, "contact": {"emails": ["zoe@example.org"], **changes}}


CREATE_FAULTS: list[tuple[Any, Any, str]] = [
    (None, {}, "INVALID_PARAM_FORMAT [properties]"),
    ("x", {}, "INVALID_PARAM_FORMAT [properties]"),
    ({}, {}, "PROPERTY_VALUE_ERROR [properties.account]"),
    ({"account": {}}, {}, "PROPERTY_VALUE_ERROR [properties.contact]"),
    ({"account": 7, "contact": {}}, {}, "PROPERTY_TYPE_ERROR [properties.account]"),
    ({"account": {"firstname": 7}, "contact": {}}, {}, "PROPERTY_TYPE_ERROR [properties.account.firstname]"),
    ({"account": {"company": "x" * 65}, "contact": {}}, {}, "PROPERTY_VALUE_ERROR [properties.account.company]"),
    ({"account": {"company": "a\0b"}, "contact": {}}, {}, "PROPERTY_VALUE_ERROR [properties.account.company]"),
    ({"account": {"colour": "red"}, "contact": {}}, {}, "PROPERTY_VALUE_ERROR [properties.account.colour]"),
    ({"account": {}, "contact": {}}, {}, "PROPERTY_VALUE_ERROR [properties.contact.emails]"),
    (_contact(emails=[]), {}, "PROPERTY_VALUE_ERROR [properties.contact.emails]"),
    (_contact(emails=["a@example.org", "b@example.org"]), {}, "PROPERTY_VALUE_ERROR [properties.contact.emails]"),
    (_contact(emails="a@example.org"), {}, "PROPERTY_TYPE_ERROR [properties.contact.emails]"),
    (_contact(emails=[7]), {}, "PROPERTY_TYPE_ERROR [properties.contact.emails]"),
    (_contact(emails=["nobody"]), {}, "PROPERTY_VALUE_ERROR [properties.contact.emails]"),
    (_contact(emails=["a\r\nBcc: b@example.org"]), {}, "PROPERTY_VALUE_ERROR [properties.contact.emails]"),
    (_contact(tech_emails=["a@example.org"] * 21), {}, "PROPERTY_VALUE_ERROR [properties.contact.tech_emails]"),
    (_contact(phones=["+33612345678"] * 2), {}, "PROPERTY_VALUE_ERROR [properties.contact.phones]"),
    (_contact(phones=["12"]), {}, "PROPERTY_VALUE_ERROR [properties.contact.phones]"),
    (_contact(addresses=[ADDRESS, ADDRESS]), {}, "PROPERTY_VALUE_ERROR [properties.contact.addresses]"),
    (_contact(addresses=["Lyon"]), {}, "PROPERTY_TYPE_ERROR [properties.contact.addresses]"),
    (_contact(addresses=[{**ADDRESS, "country": "XX"}]), {}, "PROPERTY_VALUE_ERROR [properties.contact.addresses.country]"),
    (_contact(addresses=[{**ADDRESS, "zip": 69002}]), {}, "PROPERTY_TYPE_ERROR [properties.contact.addresses.zip]"),
    ({**LEAST, "params": {"billing": []}}, None, "INVALID_PARAM_FORMAT [options]"),
    ({**LEAST, "params": {"billing": {"currency_code": "USD"}}}, {}, "PROPERTY_VALUE_ERROR [properties.params.billing.currency_code]"),
    (LEAST, None, "INVALID_PARAM_FORMAT [options]"),
    (LEAST, {"password": "x"}, "PROPERTY_TYPE_ERROR [options.password]"),
    (LEAST, {"password": {"method": "GUESS"}}, "PROPERTY_VALUE_ERROR [options.password.method]"),
    (LEAST, {"password": {"method": "MANUAL"}}, "PROPERTY_VALUE_ERROR [options.password.value]"),
    (LEAST, {"password": {"method": "MANUAL", "value": "short"}}, "PROPERTY_VALUE_ERROR [options.password.value]"),
    (LEAST, {"password": {"method": "MANUAL", "value": 12345678}}, "PROPERTY_TYPE_ERROR [options.password.value]"),
    (LEAST, {"password": {"method": "AUTO", "value": "correct horse"}}, "PROPERTY_VALUE_ERROR [options.password.value]"),
]  # fmt: skip


async def test_what_a_sub_account_cannot_be_made_of_is_named(fault: Rpc, rpc: Rpc) -> None:
    told = [(given, options, (await fault("account/sub.create", given, options))[1]) for given, options, _ in CREATE_FAULTS]  # fmt: skip
    assert told == CREATE_FAULTS
    assert (await rpc("account/sub.get_quota"))["actual"] == 0


SUB = object()  # stands for a sub account's login
ID_METHODS = ("get", "edit", "disable", "enable", "archive", "unarchive")
FAULTS: list[tuple[str, tuple[Any, ...], str]] = [
    ("edit", (SUB, None), "INVALID_PARAM_FORMAT [properties]"),
    ("edit", (SUB, {"account": {"company": "New"}}), "PROPERTY_VALUE_ERROR [properties.account]"),
    ("edit", (SUB, {"contact": {"emails": []}}), "PROPERTY_VALUE_ERROR [properties.contact.emails]"),
    ("edit", (SUB, {}, {"anything": 1}), "PROPERTY_VALUE_ERROR [options.anything]"),
    ("search", ({"archived": "no"}, None), "PROPERTY_TYPE_ERROR [filters.archived]"),
    ("search", ({"name": "x"}, None), "PROPERTY_VALUE_ERROR [filters.name]"),
    ("search", ({}, {"order": "name"}), "PROPERTY_VALUE_ERROR [options.order]"),
    ("enable", (SUB,), "PROPERTY_VALUE_ERROR [id]"),
    ("archive", (SUB, None), "PROPERTY_VALUE_ERROR [id]"),
    ("archive", (SUB, "x"), "INVALID_PARAM_FORMAT [options]"),
    ("unarchive", (SUB,), "PROPERTY_VALUE_ERROR [id]"),
    ("get", (CALLR_LOGIN[0],), "PROPERTY_VALUE_ERROR [id]"),
    ("disable", (CALLR_LOGIN[0],), "PROPERTY_VALUE_ERROR [id]"),
    ("transfer_credit", (None, SUB, "1.00", None), "INVALID_PARAM_FORMAT [from]"),
    ("transfer_credit", ("nobody", SUB, "1.00", None), "PROPERTY_VALUE_ERROR [from]"),
    ("transfer_credit", (SUB, SUB, "1.00", None), "PROPERTY_VALUE_ERROR [to]"),
    ("transfer_credit", (SUB, "nobody", "1.00", None), "PROPERTY_VALUE_ERROR [to]"),
    ("transfer_credit", (SUB, CALLR_LOGIN[0], "much", None), "INVALID_PARAM_FORMAT [amount]"),
    ("transfer_credit", (SUB, CALLR_LOGIN[0], "1.001", None), "INVALID_PARAM_FORMAT [amount]"),
    ("transfer_credit", (SUB, CALLR_LOGIN[0], "-1.00", None), "INVALID_PARAM_FORMAT [amount]"),
    ("transfer_credit", (SUB, CALLR_LOGIN[0], 1e300, None), "INVALID_PARAM_FORMAT [amount]"),
    ("transfer_credit", (SUB, CALLR_LOGIN[0], True, None), "INVALID_PARAM_FORMAT [amount]"),
    ("transfer_credit", (SUB, CALLR_LOGIN[0], "0.00", None), "PROPERTY_VALUE_ERROR [amount]"),
    ("transfer_credit", (SUB, CALLR_LOGIN[0], "1.00", None), "PROPERTY_VALUE_ERROR [amount]"),
    ("transfer_dids", (CALLR_LOGIN[0], SUB, [], None), "INVALID_PARAM_FORMAT [dids]"),
    ("transfer_dids", (CALLR_LOGIN[0], SUB, "ZZZZZZZZ", None), "INVALID_PARAM_FORMAT [dids]"),
    ("transfer_dids", (CALLR_LOGIN[0], SUB, [7], None), "INVALID_PARAM_FORMAT [dids]"),
    ("transfer_dids", (CALLR_LOGIN[0], SUB, ["short"], None), "PROPERTY_VALUE_ERROR [dids]"),
    ("transfer_dids", (CALLR_LOGIN[0], SUB, ["ZZZZZZZZ"], None), "PROPERTY_VALUE_ERROR [dids]"),
]


async def test_each_fault_of_the_other_methods_is_named(fault: Rpc, rpc: Rpc) -> None:
    login = login_of(await rpc("account/sub.create", LEAST, {}))
    told = []
    for method, params, _ in FAULTS:
        given = [login if item is SUB else item for item in params]
        told.append((method, params, (await fault(f"account/sub.{method}", *given))[1]))
    assert told == FAULTS


async def test_an_id_that_names_nothing_is_the_same_error_everywhere(fault: Rpc) -> None:
    for method in ID_METHODS:
        assert (await fault(f"account/sub.{method}", None))[1] == "INVALID_PARAM_FORMAT [id]"
        for id_ in ("", "nobody", "ZZZZZZZZ", "x" * 3_000, "a\0b"):
            assert (await fault(f"account/sub.{method}", id_, {}))[1] == "PROPERTY_VALUE_ERROR [id]"


# --- its life -------------------------------------------------------------------------------------------------------


async def test_a_life_disabled_enabled_archived_and_back(rpc: Rpc, fault: Rpc, sub_asks: Asking) -> None:
    made = await rpc("account/sub.create", LEAST, {})
    login = login_of(made)
    assert await rpc("account/sub.disable", login) is True
    assert (await fault("account/sub.disable", login))[1] == "PROPERTY_VALUE_ERROR [id]"
    state = (await rpc("account/sub.get", login))["state"]
    assert state == {**dict.fromkeys(state, False), "credit": "0.00", "disabled": True}
    assert await sub_asks(made, "system.get_timestamp") == (401, "Authentication failed")
    assert await rpc("account/sub.enable", login) is True
    assert (await sub_asks(made, "system.get_timestamp"))[0] == 200
    await rpc("account/sub.disable", login)
    assert re.fullmatch(r"[0-9a-z]{30}", await rpc("account/sub.archive", login, None))
    assert (await fault("account/sub.archive", login, None))[1] == "PROPERTY_VALUE_ERROR [id]"
    assert (await fault("account/sub.enable", login))[1] == "PROPERTY_VALUE_ERROR [id]"
    state = (await rpc("account/sub.unarchive", login))["state"]
    assert (state["archived"], state["disabled"]) == (False, True)
    assert (await sub_asks(made, "system.get_timestamp"))[0] == 401
    await rpc("account/sub.enable", login)
    assert (await sub_asks(made, "system.get_timestamp"))[0] == 200


async def test_archiving_is_a_job_of_the_master_that_is_over(rpc: Rpc, world: World) -> None:
    made = await rpc("account/sub.create", LEAST, {})
    await rpc("account/sub.disable", login_of(made))
    job = await world.services.jobs.by_id(world.account.id, await rpc("account/sub.archive", login_of(made), {}))
    sub = await account_of(world, made)
    assert (job.status, job.percent, job.error, job.result) == ("done", 100, None, {"hash": sub.hash})


async def test_archived_accounts_are_found_by_those_who_ask_for_them(rpc: Rpc) -> None:
    kept, gone = [login_of(await rpc("account/sub.create", LEAST, {})) for _ in range(2)]
    await rpc("account/sub.disable", gone)
    await rpc("account/sub.archive", gone, None)
    for filters, expected in (
        (None, [kept]), ({}, [kept]), ({"archived": False}, [kept]), ({"archived": True}, [gone]),
        ({"archived": None}, [kept, gone]),
    ):  # fmt: skip
        assert [login_of(item) for item in (await rpc("account/sub.search", filters, None))["hits"]] == expected
    assert (await rpc("account/sub.get", gone))["state"]["archived"] is True


# --- credit and numbers ---------------------------------------------------------------------------------------------


async def test_credit_moves_between_accounts_and_is_never_made(rpc: Rpc, fault: Rpc, world: World) -> None:
    one, two = [login_of(await rpc("account/sub.create", LEAST, {})) for _ in range(2)]
    await world.services.money.top_up(world.account.id, 10_000_000)  # 1000 cents
    assert await rpc("account/sub.transfer_credit", CALLR_LOGIN[0], one, "600.50", None) is True
    assert await rpc("account/sub.transfer_credit", one, two, 100) is True
    assert await rpc("account/sub.transfer_credit", two, world.account.hash, 0.5, {}) is True
    assert (await fault("account/sub.transfer_credit", two, one, "99.51", None))[1] == "PROPERTY_VALUE_ERROR [amount]"
    credits = [(await rpc("account/sub.get", login))["state"]["credit"] for login in (one, two)]
    assert credits == ["500.50", "99.50"]
    assert (await world.services.money.balance(world.account.id)).balance_micro == 4_000_000


async def test_credit_goes_out_of_an_archived_account_and_not_into_it(rpc: Rpc, fault: Rpc, world: World) -> None:
    made = await rpc("account/sub.create", LEAST, {})
    login = login_of(made)
    await world.services.money.top_up((await account_of(world, made)).id, 10_000_000)
    await rpc("account/sub.disable", login)
    await rpc("account/sub.archive", login)
    assert await rpc("account/sub.transfer_credit", login, CALLR_LOGIN[0], "1000.00", None) is True
    told = await fault("account/sub.transfer_credit", CALLR_LOGIN[0], login, "1.00", None)
    assert told[1] == "PROPERTY_VALUE_ERROR [to]"


async def test_crossing_transfers_lose_nothing(rpc: Rpc, world: World) -> None:
    login = login_of(await rpc("account/sub.create", LEAST, {}))
    await world.services.money.top_up(world.account.id, 10_000_000)
    await rpc("account/sub.transfer_credit", CALLR_LOGIN[0], login, "500", None)
    there = [rpc("account/sub.transfer_credit", CALLR_LOGIN[0], login, "1", None) for _ in range(10)]
    back = [rpc("account/sub.transfer_credit", login, CALLR_LOGIN[0], "1", None) for _ in range(10)]
    assert await asyncio.gather(*there, *back) == [True] * 20
    assert (await rpc("account/sub.get", login))["state"]["credit"] == "500.00"


async def test_numbers_move_without_their_app_and_their_calls_stay(rpc: Rpc, sub_asks: Asking, world: World) -> None:
    made = await rpc("account/sub.create", LEAST, {})
    await world.save(world.golden())
    assert await rpc("account/sub.transfer_dids", CALLR_LOGIN[0], login_of(made), [world.did.hash], None) is True
    assert (await rpc("cdr.search", {"type": "IN"}, {}))["total"] == 1
    assert (await sub_asks(made, "cdr.search", {"type": "IN"}, {}))[1]["total"] == 0
    assert (await rpc("did.search", {}, {}))["total"] == 0
    _, found = await sub_asks(made, "did.search", {}, {})
    assert [(did["hash"], did["app"]) for did in found["hits"]] == [(world.did.hash, None)]
    assert await rpc("account/sub.transfer_dids", login_of(made), CALLR_LOGIN[0], [world.did.hash], None) is True
    assert (await rpc("did.search", {}, {}))["total"] == 1


async def test_numbers_do_not_move_beyond_the_quota_of_who_gets_them(rpc: Rpc, fault: Rpc, world: World) -> None:
    made = await rpc("account/sub.create", LEAST, {})
    sub = await account_of(world, made)
    await world.services.stock.set_quota(sub.id, most_owned=0)
    told = await fault("account/sub.transfer_dids", CALLR_LOGIN[0], login_of(made), [world.did.hash], None)
    assert told == (100, "FORBIDDEN: the account may have 0 numbers at most")
    assert (await rpc("did.search", {}, {}))["total"] == 1


async def test_numbers_move_all_or_none(rpc: Rpc, fault: Rpc, world: World) -> None:
    login = login_of(await rpc("account/sub.create", LEAST, {}))
    told = await fault("account/sub.transfer_dids", CALLR_LOGIN[0], login, [world.did.hash, "ZZZZZZZZ"], None)
    assert told == (151, "PROPERTY_VALUE_ERROR [dids]")
    (did,) = (await rpc("did.search", {}, {}))["hits"]
    assert did["app"]["hash"] == world.app.hash


# --- who may do what ------------------------------------------------------------------------------------------------


async def test_a_sub_account_sees_itself_and_no_other(rpc: Rpc, sub_asks: Asking, world: World) -> None:
    one, two = [await rpc("account/sub.create", LEAST, {}) for _ in range(2)]
    shown = {**one, "credentials": {**one["credentials"], "password": None}}
    assert await sub_asks(one, "account/sub.get", login_of(one)) == (200, shown)
    assert await sub_asks(one, "account/sub.search", None, None) == (200, {"has_more": False, "hits": [], "offset": 0, "total": 0})  # fmt: skip
    assert await sub_asks(one, "account/sub.get_quota") == (200, {"actual": 0, "max": 0})
    refused = "FORBIDDEN: a sub account has no sub accounts"
    assert await sub_asks(one, "account/sub.create", LEAST, {}) == (200, refused)
    for id_ in (login_of(two), CALLR_LOGIN[0], world.account.hash):
        for method in ID_METHODS:
            assert await sub_asks(one, f"account/sub.{method}", id_, {}) == (200, "PROPERTY_VALUE_ERROR [id]")
    for method in ID_METHODS[1:]:
        assert await sub_asks(one, f"account/sub.{method}", login_of(one), {}) == (200, "PROPERTY_VALUE_ERROR [id]")


async def test_a_sub_account_moves_nothing(rpc: Rpc, sub_asks: Asking, world: World) -> None:
    one, two = [await rpc("account/sub.create", LEAST, {}) for _ in range(2)]
    await world.services.money.top_up((await account_of(world, one)).id, 10_000_000)
    for giver, taker, named in (
        (login_of(one), login_of(two), "to"), (login_of(two), login_of(one), "from"),
        (CALLR_LOGIN[0], login_of(one), "from"), (login_of(one), CALLR_LOGIN[0], "to"),
    ):  # fmt: skip
        told = 200, f"PROPERTY_VALUE_ERROR [{named}]"
        assert await sub_asks(one, "account/sub.transfer_credit", giver, taker, "1.00", None) == told
        assert await sub_asks(one, "account/sub.transfer_dids", giver, taker, [world.did.hash], None) == told


async def test_a_stranger_is_nobody(rpc: Rpc, fault: Rpc, world: World, tmp_path: Path) -> None:
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    await add_credentials(stranger, "-other")
    theirs = await world.services.sub_accounts.create(stranger.account, "callr", {"emails": ["x@example.org"]})
    mine = login_of(await rpc("account/sub.create", LEAST, {}))
    for id_ in (theirs.login, theirs.account.hash, stranger.account.hash, f"{CALLR_LOGIN[0]}-other"):
        for method in ID_METHODS:
            assert (await fault(f"account/sub.{method}", id_, {}))[1] == "PROPERTY_VALUE_ERROR [id]"
        for giver, taker, named in ((id_, mine, "from"), (mine, id_, "to")):
            told = await fault("account/sub.transfer_credit", giver, taker, "1.00", None)
            assert told[1] == f"PROPERTY_VALUE_ERROR [{named}]"
            told = await fault("account/sub.transfer_dids", giver, taker, [stranger.did.hash], None)
            assert told[1] == f"PROPERTY_VALUE_ERROR [{named}]"
    assert (await fault("account/sub.transfer_dids", CALLR_LOGIN[0], mine, [stranger.did.hash], None))[1] == "PROPERTY_VALUE_ERROR [dids]"  # fmt: skip
    assert [login_of(item) for item in (await rpc("account/sub.search", {}, {}))["hits"]] == [mine]
    assert (await world.services.sub_accounts.by_hash(stranger.account.id, theirs.account.hash)).disabled is False


async def test_what_a_sub_account_has_its_master_and_siblings_do_not_see(rpc: Rpc, sub_asks: Asking) -> None:
    one, two = [await rpc("account/sub.create", LEAST, {}) for _ in range(2)]
    _, app = await sub_asks(one, "apps.create", "CALLTRACKING10", "Ours", None)
    assert (await sub_asks(one, "apps.get", app["hash"]))[1]["name"] == "Ours"
    assert await sub_asks(two, "apps.get", app["hash"]) == (200, "PROPERTY_VALUE_ERROR [app]")
    assert app["hash"] not in [item["hash"] for item in await rpc("apps.get_list", False)]


# --- a disabled account ---------------------------------------------------------------------------------------------


@pytest.fixture
async def disabled(world: World, tmp_path: Path) -> tuple[World, Callable[[], Awaitable[None]]]:
    """An account below the world's that has all that an account can have, and what disables it."""
    sub = await build_world(world.database, tmp_path, name="Branch")
    await add_credentials(sub, "-sub")
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE accounts SET parent_id = %s WHERE id = %s", (world.account.id, sub.account.id))

    async def disable() -> None:
        await world.services.sub_accounts.disable(world.account.id, sub.account.hash)

    return sub, disable


async def test_disabling_ends_every_way_in_of_every_dialect_at_once(
    disabled: tuple[World, Callable[[], Awaitable[None]]], world: World
) -> None:
    sub, disable = disabled
    principal = await world.services.accounts.by_password("dashboard", "demo-sub", "correct horse")
    assert principal is not None
    session = await world.services.accounts.open_session(principal)
    keys, surfaces = keys_of(sub.account.sid, session, "-sub"), Surfaces(world.services)
    first = {asked.surface: asked for asked in lists()}
    assert first.keys() == {"optico", "invox", "agendize", "fonedynamics", "native", "pages", "callr", "rest"}
    answers = {name: await surfaces.ask(signed(asked, keys)) for name, asked in first.items()}
    assert {answer.status for answer in answers.values()} == {200}
    await disable()
    refused = {name: await surfaces.ask(signed(asked, keys)) for name, asked in first.items()}
    assert b"Invalid api key" in refused.pop("optico").body  # which says so with HTTP 200
    assert {name: answer.status for name, answer in refused.items()} == {
        "invox": 401, "agendize": 401, "fonedynamics": 401, "native": 401, "pages": 401, "callr": 401, "rest": 401,
    }  # fmt: skip
    assert await world.services.accounts.by_password("dashboard", "demo-sub", "correct horse") is None


async def test_disabling_ends_sessions_and_acting_as_it(
    disabled: tuple[World, Callable[[], Awaitable[None]]], client: Client, world: World
) -> None:
    sub, disable = disabled
    ping = {"jsonrpc": "2.0", "id": 1, "method": "system.get_timestamp", "params": []}
    login = f"{CALLR_LOGIN[0]}-sub", CALLR_LOGIN[1]
    opened = await client.post(ENDPOINT, json={**ping, "method": "session.create"}, auth=login)
    session = {"authorization": f"Session {opened.json()['result']['token']}"}
    as_ = {"callr-login-as": f"Account.hash {sub.account.hash}"}
    assert "result" in (await client.post(ENDPOINT, json=ping, headers=session)).json()
    assert "result" in (await client.post(ENDPOINT, json=ping, headers=as_, auth=CALLR_LOGIN)).json()
    await disable()
    assert (await client.post(ENDPOINT, json=ping, headers=session)).status_code == 401
    refused = await client.post(ENDPOINT, json=ping, headers=as_, auth=CALLR_LOGIN)
    assert refused.json()["error"]["message"] == "FORBIDDEN: no such account that you may act as"


async def test_disabling_ends_what_a_program_was_allowed(world: World, tmp_path: Path) -> None:
    master = await build_world(world.database, tmp_path, name="Master")
    async with staged(world) as stage:
        token = (await stage.tokens())["access_token"]
        assert await stage.works(token)
        async with world.database.transaction() as connection:
            below = "UPDATE accounts SET parent_id = %s WHERE id = %s"
            await connection.execute(below, (master.account.id, world.account.id))
        await world.services.sub_accounts.disable(master.account.id, world.account.hash)
        assert not await stage.works(token)
        assert (await stage.browser.get("/programs")).status_code == 303  # to the login
        await world.services.sub_accounts.enable(master.account.id, world.account.hash)
        assert await stage.works(token)


async def test_a_disabled_account_takes_no_calls_and_dials_none(
    disabled: tuple[World, Callable[[], Awaitable[None]]], world: World, tmp_path: Path
) -> None:
    sub, disable = disabled
    routing = Routing(world.database, default_country="FR", media_folder=tmp_path)
    now = datetime.now(UTC)
    assert await routing.find(sub.did.number_e164, None, now) is not None
    button = await world.services.buttons.create(sub.account, sub.property.id, name="Call us", target="+33987654321")
    order = await world.services.buttons.press(sub.account, button, MOBILE)
    assert (await routing.of_order(order)).outbound_prefixes == ("+33",)
    await disable()
    assert await routing.find(sub.did.number_e164, None, now) is None
    assert (await routing.of_order(order)).outbound_prefixes == ()


async def test_a_disabled_account_sends_and_takes_no_messages(
    disabled: tuple[World, Callable[[], Awaitable[None]]], world: World
) -> None:
    sub, disable = disabled
    await sms_number(sub)
    post, listening = await opened_post(world)
    wanted = NewMessage(property_id=sub.property.id, recipient=MOBILE, body="Hello")
    message = await world.services.messages.send(sub.account, wanted)
    await disable()
    await post.hand_on()
    (kept,) = await world.services.messages.by_ids(sub.account.id, [message.id])
    assert (kept.status, kept.error_code) == (MessageStatus.FAILED, "sms_disabled")
    await post.receive("Hi")
    listening.cancel()
    found, _ = await world.services.messages.page(MessageQuery(account_id=sub.account.id))
    assert [item.id for item in found] == [message.id]
