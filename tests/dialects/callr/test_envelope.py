"""JSON-RPC over HTTP as the vendor speaks it, and a defined answer to everything else."""

from __future__ import annotations

import base64

import pytest

from tests.dialects.callr.conftest import ENDPOINT, Client
from tests.fixtures import CALLR_LOGIN, FONE_TOKEN, TOKENS, World

PING = b'{"id":1,"jsonrpc":"2.0","method":"system.get_timestamp","params":[]}'


async def _send(client: Client, body: bytes, **headers: str) -> tuple[int, str]:
    reply = await client.post(ENDPOINT, content=body, auth=CALLR_LOGIN, headers=headers)
    return reply.status_code, reply.text


@pytest.mark.parametrize("path", ["/json-rpc/v1.1", "/json-rpc/v1.1/"])
async def test_the_endpoint_answers_with_and_without_the_trailing_slash(client: Client, path: str) -> None:
    reply = await client.post(path, content=PING, auth=CALLR_LOGIN)
    assert reply.status_code == 200
    assert list(reply.json()) == ["jsonrpc", "id", "result"]
    assert reply.headers["content-type"] == "application/json-rpc; charset=utf-8"


@pytest.mark.parametrize(
    "id_", ["1", "0", "-7", "9223372036854775807", "18446744073709551615", '"abc"', '"\\u00e9"', "1.0", "null"]
)
async def test_an_id_is_echoed_letter_for_letter(client: Client, id_: str) -> None:
    for method in ("system.get_timestamp", "no.such_method"):
        body = f'{{"id":{id_},"jsonrpc":"2.0","method":"{method}","params":[]}}'
        status, text = await _send(client, body.encode())
        assert status == 200
        assert text.startswith(f'{{"jsonrpc":"2.0","id":{id_},')


@pytest.mark.parametrize("params", ["", ',"params":null', ',"params":[]'])
async def test_a_method_without_parameters_needs_no_params(client: Client, params: str) -> None:
    body = f'{{"id":1,"jsonrpc":"2.0","method":"system.get_timestamp"{params}}}'
    _, text = await _send(client, body.encode())
    assert '"result":' in text


async def test_an_empty_expect_header_is_tolerated(client: Client) -> None:
    status, text = await _send(client, PING, expect="")
    assert (status, '"result":' in text) == (200, True)


@pytest.mark.parametrize("content_type", ["application/json-rpc", "application/json", "text/plain", ""])
async def test_the_content_type_of_a_request_does_not_matter(client: Client, content_type: str) -> None:
    status, text = await _send(client, PING, **{"content-type": content_type})
    assert (status, '"result":' in text) == (200, True)


@pytest.mark.parametrize(
    ("body", "code", "id_"),
    [
        pytest.param(b"", -32700, "null", id="empty"),
        pytest.param(b"hello", -32700, "null", id="not JSON"),
        pytest.param(b'{"id":1,', -32700, "null", id="cut short"),
        pytest.param(b'{"id":1,"jsonrpc":"2.0","method":"\xff"}', -32700, "null", id="not UTF-8"),
        pytest.param(b'{"id":"\xff","jsonrpc":"2.0","method":"x"}', -32700, "null", id="id not UTF-8"),
        pytest.param(b'{"id":1,"params":' + b"[" * 50_000, -32700, "null", id="nested without end"),
        pytest.param(b'{"id":1,"params":["\\ud800"]}', -32700, "null", id="half a surrogate pair"),
        pytest.param(b"[" + PING + b"]", -32600, "null", id="batch"),
        pytest.param(b"[]", -32600, "null", id="empty batch"),
        pytest.param(b'"text"', -32600, "null", id="a string"),
        pytest.param(b"null", -32600, "null", id="a null"),
        pytest.param(b"{}", -32600, "null", id="empty object"),
        pytest.param(b'{"jsonrpc":"2.0","method":"system.get_timestamp"}', -32600, "null", id="notification"),
        pytest.param(b'{"id":[1],"jsonrpc":"2.0","method":"system.get_timestamp"}', -32600, "null", id="id an array"),
        pytest.param(b'{"id":{},"jsonrpc":"2.0","method":"system.get_timestamp"}', -32600, "null", id="id an object"),
        pytest.param(b'{"id":true,"jsonrpc":"2.0","method":"system.get_timestamp"}', -32600, "null", id="id a boolean"),
        pytest.param(b'{"id":5,"method":"system.get_timestamp"}', -32600, "5", id="no version"),
        pytest.param(b'{"id":5,"jsonrpc":"1.0","method":"system.get_timestamp"}', -32600, "5", id="other version"),
        pytest.param(b'{"id":5,"jsonrpc":2.0,"method":"system.get_timestamp"}', -32600, "5", id="version a number"),
        pytest.param(b'{"id":5,"jsonrpc":"2.0"}', -32600, "5", id="no method"),
        pytest.param(b'{"id":5,"jsonrpc":"2.0","method":7}', -32600, "5", id="method a number"),
        pytest.param(b'{"id":5,"jsonrpc":"2.0","method":"apps.get","params":{"app":"X"}}', -32602, "5", id="named"),
        pytest.param(b'{"id":5,"jsonrpc":"2.0","method":"apps.get","params":"X"}', -32602, "5", id="params a string"),
        pytest.param(b'{"id":5,"jsonrpc":"2.0","method":"apps.frobnicate"}', -32601, "5", id="unknown method"),
        pytest.param(b'{"id":5,"jsonrpc":"2.0","method":"APPS.GET"}', -32601, "5", id="method in other case"),
        pytest.param(b'{"id":5,"jsonrpc":"2.0","method":"sms.send","params":[]}', -32601, "5", id="not in this slice"),
        pytest.param(
            b'{"id":5,"jsonrpc":"2.0","method":"system.get_timestamp","params":[1]}', -32602, "5", id="too many params"
        ),
    ],
)
async def test_what_is_no_call_gets_its_reserved_code_and_http_200(
    client: Client, body: bytes, code: int, id_: str
) -> None:
    status, text = await _send(client, body)
    assert status == 200
    assert text.startswith(f'{{"jsonrpc":"2.0","id":{id_},"error":{{"code":{code},"message":"')


async def test_a_body_of_more_than_a_mebibyte_is_refused_with_413_in_json_rpc(client: Client) -> None:
    status, text = await _send(client, PING + b" " * 1_048_576)
    assert (status, '"error":{"code":-32600,' in text) == (413, True)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_post_is_allowed(client: Client, method: str) -> None:
    reply = await client.request(method, ENDPOINT, auth=CALLR_LOGIN)
    assert reply.status_code == 405
    assert reply.json()["error"]["code"] == -32600


def _basic(login: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param(_basic("demo", "wrong"), id="wrong password"),
        pytest.param(_basic("nobody", CALLR_LOGIN[1]), id="unknown login"),
        pytest.param(_basic("", ""), id="empty login"),
        pytest.param(_basic("demo", "x" * 5000), id="endless password"),
        pytest.param("Basic !!!", id="not base64"),
        pytest.param("Basic " + base64.b64encode(b"\xff:\xff").decode(), id="not UTF-8"),
        pytest.param("Basic " + base64.b64encode(b"demo").decode(), id="no colon"),
        pytest.param("Api-Key " + "d" * 100, id="unknown key"),
        pytest.param("Api-Key", id="empty key"),
        pytest.param(f"Api-Key {FONE_TOKEN}", id="another dialect's key"),
        pytest.param("Session " + "a" * 40, id="session token"),
        pytest.param(f"Session {TOKENS['callr']}", id="a valid key as a session"),
        pytest.param(f"Bearer {TOKENS['callr']}", id="a valid key as a bearer"),
    ],
)
async def test_bad_credentials_are_http_401_with_a_json_rpc_error(client: Client, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    reply = await client.post(ENDPOINT, content=PING, headers=headers)
    assert reply.status_code == 401
    assert reply.headers["content-type"] == "application/json-rpc; charset=utf-8"
    assert reply.json() == {"jsonrpc": "2.0", "id": 1, "error": {"code": 401, "message": "Authentication failed"}}


@pytest.mark.parametrize("scheme", ["Api-Key", "api-key"])
async def test_an_api_key_opens_the_same_account_as_the_login(client: Client, scheme: str) -> None:
    headers = {"authorization": f"{scheme} {TOKENS['callr']}"}
    reply = await client.post(ENDPOINT, content=PING, headers=headers)
    assert reply.status_code == 200


async def test_login_as_is_refused_clearly_but_only_to_whoever_has_a_valid_key(client: Client) -> None:
    headers = {"callr-login-as": "User.login bob"}
    reply = await client.post(ENDPOINT, content=PING, headers=headers, auth=CALLR_LOGIN)
    assert (reply.status_code, reply.json()["error"]) == (
        200,
        {"code": 100, "message": "FORBIDDEN: CALLR-Login-As is not supported"},
    )
    assert (await client.post(ENDPOINT, content=PING, headers=headers, auth=("demo", "no"))).status_code == 401


async def test_a_key_of_one_property_cannot_see_the_whole_account(client: Client, world: World) -> None:
    await world.services.accounts.add_token(world.account.id, "callr", "p" * 100, property_id=world.property.id)
    reply = await client.post(ENDPOINT, content=PING, headers={"authorization": "Api-Key " + "p" * 100})
    assert reply.json()["error"]["code"] == 100
