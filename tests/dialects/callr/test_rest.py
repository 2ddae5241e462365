"""REST v1.1: messages in the vendor's other envelope."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import Response

from tests.dialects.callr import shapes
from tests.dialects.callr.conftest import Client, Rpc
from tests.dialects.callr.happenings import MOBILE, SMS_NUMBER, sms_number
from tests.fixtures import CALLR_LOGIN, TOKENS, World

SMS = "/rest/v1.1/sms"
YEAR = {"from": "2020-01-01 00:00:00", "to": "2099-01-01 00:00:00"}
WANTED = {"from": SMS_NUMBER, "to": MOBILE, "body": "Héllo & co"}


@pytest.fixture(autouse=True)
async def _number(world: World) -> None:
    await sms_number(world)


def data(reply: Response) -> Any:
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json"), reply.text
    assert list(reply.json()) == ["status", "data"]
    assert reply.json()["status"] == "success"
    return reply.json()["data"]


def error(reply: Response) -> tuple[int, int, str]:
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert (list(body), body["status"], list(body["data"])) == (["status", "data"], "error", ["code", "message"])
    return reply.status_code, body["data"]["code"], body["data"]["message"]


async def test_a_message_is_sent_in_each_way_and_read_back(client: Client, rpc: Rpc) -> None:
    options = '{"nature":"ALERTING","user_data":"order42"}'
    sent = [
        data(await client.post(SMS, data=WANTED | {"options": options}, auth=CALLR_LOGIN)),
        data(await client.post(SMS, json=WANTED | {"options": {"nature": "ALERTING", "user_data": "order42"}}, auth=CALLR_LOGIN)),
        data(await client.get(f"{SMS}/send", params=WANTED | {"options": options}, auth=CALLR_LOGIN)),
    ]  # fmt: skip
    for hash_ in sent:
        shown = data(await client.get(f"{SMS}/{hash_}", auth=CALLR_LOGIN))
        assert list(shown) == shapes.SMS
        assert shown == await rpc("sms.get", hash_)
        assert (shown["text"], shown["to"], shown["from"], shown["user_data"]) == (
            "Héllo & co", MOBILE, SMS_NUMBER, "order42",
        )  # fmt: skip
    assert len(set(sent)) == 3
    listed = data(await client.get(SMS, params={"type": "OUT", **YEAR}, auth=CALLR_LOGIN))
    assert listed == await rpc("sms.get_list", "OUT", YEAR["from"], YEAR["to"])
    assert [item["hash"] for item in listed] == sent
    assert data(await client.get(SMS, params={"type": "IN", **YEAR}, auth=CALLR_LOGIN)) == []


async def test_options_may_be_missing_empty_or_null_and_from_may_be_empty(client: Client) -> None:
    wanted = {"from": "", "to": MOBILE, "body": "x"}
    for options in ({}, {"options": ""}, {"options": "null"}, {"options": "{}"}):
        data(await client.post(SMS, data=wanted | options, auth=CALLR_LOGIN))
    data(await client.post(SMS, json=wanted, auth=CALLR_LOGIN))


async def test_a_plus_that_was_not_encoded_is_a_plus(client: Client) -> None:
    query = f"from={SMS_NUMBER}&to={MOBILE}&body=1%2B1+is+2"
    hash_ = data(await client.get(f"{SMS}/send?{query}", auth=CALLR_LOGIN))
    shown = data(await client.get(f"{SMS}/{hash_}", auth=CALLR_LOGIN))
    assert (shown["to"], shown["text"]) == (MOBILE, "1+1 is 2")


async def test_credentials_in_the_address_and_a_key_are_good_too(client: Client) -> None:
    key = {"authorization": f"Api-Key {TOKENS['callr']}"}
    assert data(await client.get(SMS, params={"type": "IN", **YEAR}, headers=key)) == []
    address = f"http://{CALLR_LOGIN[0]}:s3cret%3A%C3%A9@testserver.local{SMS}"
    assert data(await client.get(address, params={"type": "IN", **YEAR})) == []


async def test_bad_credentials_come_before_all_else(client: Client) -> None:
    for reply in (
        await client.get(SMS, params={"x": "y"}), await client.post(SMS, content=b"\xff"),
        await client.get(f"{SMS}/send", auth=("demo", "wrong")), await client.get(f"{SMS}/ZZZZZZZZ"),
    ):  # fmt: skip
        assert error(reply) == (401, 401, "Authentication failed")
        assert reply.headers["www-authenticate"].startswith("Basic ")


LIST_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({}, "INVALID_PARAM_FORMAT [type]"),
    ({"type": "SIDEWAYS", **YEAR}, "INVALID_PARAM_FORMAT [type]"),
    ({"type": "IN"}, "INVALID_PARAM_FORMAT [from]"),
    ({"type": "IN", "from": "yesterday"}, "INVALID_PARAM_FORMAT [from]"),
    ({"type": "IN", "from": YEAR["to"], "to": YEAR["from"]}, "TO_BEFORE_FROM"),
    ({"type": "IN", **YEAR, "app": "x"}, "PROPERTY_VALUE_ERROR [app]"),
    ({"type": ["IN", "OUT"], **YEAR}, "PROPERTY_VALUE_ERROR [type]"),
]
SEND_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({}, "PROPERTY_TYPE_ERROR [from]"),
    ({"from": ""}, "PROPERTY_TYPE_ERROR [to]"),
    ({"from": "+33123", "to": MOBILE, "body": "x"}, "PROPERTY_VALUE_ERROR [from]"),
    ({"from": "", "to": "12", "body": "x"}, "PROPERTY_VALUE_ERROR [to]"),
    ({"from": "", "to": MOBILE}, "INVALID_PARAM_FORMAT [body]"),
    ({"from": "", "to": MOBILE, "body": "x", "options": "{"}, "INVALID_PARAM_FORMAT [options]"),
    ({"from": "", "to": MOBILE, "body": "x", "options": '{"nature":"X"}'}, "PROPERTY_VALUE_ERROR [options.nature]"),
    ({"from": "", "to": MOBILE, "body": "x", "colour": "red"}, "PROPERTY_VALUE_ERROR [colour]"),
]


async def test_faults_are_http_400_in_the_words_of_json_rpc(client: Client, world: World) -> None:
    told = [(given, error(await client.get(SMS, params=given, auth=CALLR_LOGIN))) for given, _ in LIST_FAULTS]
    assert [(given, message) for given, (_, _, message) in told] == LIST_FAULTS
    sent = [(given, error(await client.get(f"{SMS}/send", params=given, auth=CALLR_LOGIN))) for given, _ in SEND_FAULTS]
    assert [(given, message) for given, (_, _, message) in sent] == SEND_FAULTS
    posted = [(given, error(await client.post(SMS, data=given, auth=CALLR_LOGIN))) for given, _ in SEND_FAULTS]
    assert posted == sent
    assert {status for _, (status, _, _) in told + sent} == {400}


async def test_a_message_that_is_not_there_is_404(client: Client) -> None:
    for hash_ in ("ZZZZZZZZ", "nothing", "%00"):
        assert error(await client.get(f"{SMS}/{hash_}", auth=CALLR_LOGIN)) == (404, 151, "PROPERTY_VALUE_ERROR [id]")


async def test_what_is_forbidden_is_403(client: Client, world: World) -> None:
    abroad = error(await client.post(SMS, data=WANTED | {"to": "+15551234567"}, auth=CALLR_LOGIN))
    assert abroad == (403, 100, "FORBIDDEN: the account may not send to this number")
    nobody = await client.get(
        SMS, params={"type": "IN", **YEAR}, headers={"callr-login-as": "User.login x"}, auth=CALLR_LOGIN
    )
    assert error(nobody) == (403, 100, "FORBIDDEN: no such account that you may act as")
    await world.services.accounts.add_token(world.account.id, "callr", "p" * 100, property_id=world.property.id)
    of_a_property = await client.get(f"{SMS}/ZZZZZZZZ", headers={"authorization": "Api-Key " + "p" * 100})
    assert error(of_a_property)[:2] == (403, 100)


async def test_a_body_that_cannot_be_read_is_an_error_in_the_same_envelope(client: Client) -> None:
    as_json = {"content-type": "application/json"}
    for body, headers in ((b"{", as_json), (b"[]", as_json), (b"\xff", as_json), (b"a=%ff", {}), (b"a=%00", {})):
        assert error(await client.post(SMS, content=body, headers=headers, auth=CALLR_LOGIN))[0] == 400, body
    assert error(await client.post(SMS, content=b"x" * 1_048_577, auth=CALLR_LOGIN))[0] == 413


async def test_other_paths_and_methods_are_404_and_405(client: Client) -> None:
    assert error(await client.get("/rest/v1.1/calls", auth=CALLR_LOGIN))[0] == 404
    assert error(await client.delete(SMS, auth=CALLR_LOGIN))[0] == 405
    assert error(await client.post(f"{SMS}/ZZZZZZZZ", auth=CALLR_LOGIN))[0] == 405


async def test_a_master_acts_as_its_sub_account_here_too(client: Client, world: World) -> None:
    sub = await world.services.sub_accounts.create(world.account, "callr", {"emails": ["a@example.org"]})
    sent = data(await client.post(SMS, data=WANTED, auth=CALLR_LOGIN))
    headers = {"callr-login-as": f"User.login {sub.login}"}
    assert data(await client.get(SMS, params={"type": "OUT", **YEAR}, headers=headers, auth=CALLR_LOGIN)) == []
    assert error(await client.get(f"{SMS}/{sent}", headers=headers, auth=CALLR_LOGIN))[0] == 404
