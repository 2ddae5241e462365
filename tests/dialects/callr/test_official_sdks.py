"""The vendor's own SDKs, unchanged, over real sockets: PyPI `callr` 2.1.0 and npm `callr` 1.2.0."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import callr
import pytest
import uvicorn

from ringtrail.dialects.callr import DIALECT
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.model.money import BillingMode, Rate, RateKind
from ringtrail.services.stock_file import items_of
from tests.dialects.callr.test_media import in_base64, mp3, over, working
from tests.dialects.delivering import delivering, settled
from tests.fixtures import CALLR_LOGIN, TOKENS, World
from tests.receiver import Receiver

HERE = Path(__file__).parent
DAY = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")

needs_node_sdk = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules" / "callr").is_dir(),
    reason="the vendor's Node SDK is not installed: run `npm ci` in tests/dialects/callr (needs Node.js)",
)


@pytest.fixture
async def port(world: World) -> AsyncIterator[int]:
    """A served CALLR dialect on a free port of 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    number: int = listener.getsockname()[1]
    app = build_server(world.services, [DIALECT], DialectOptions(base_url=f"http://127.0.0.1:{number}"))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield number
    server.should_exit = True
    await asyncio.wait_for(serving, 10)


def _python_sdk(port: int, login: tuple[str, str] = CALLR_LOGIN) -> callr.Api:
    api = callr.Api(*login)
    api.set_api_url(f"http://127.0.0.1:{port}/json-rpc/v1.1/")
    return api


async def _refused(api: callr.Api, method: str, *params: Any) -> tuple[str, int]:
    with pytest.raises(callr.CallrException) as caught:
        await asyncio.to_thread(api.call, method, *params)
    return caught.value.msg, caught.value.code


async def test_the_python_sdk_makes_an_app_gives_it_a_number_and_reads_its_calls(port: int, world: World) -> None:
    api = _python_sdk(port)
    call = world.golden()
    await world.save(call)
    assert isinstance(await asyncio.to_thread(api.call, "system.get_timestamp"), int)
    params = {"targets": [{"number": "09 87 65 43 21", "timeout": 20}], "vms": {"active": True}}
    app = await asyncio.to_thread(api.call, "apps.create", "CALLTRACKING10", "Héllo €", params)
    assert (app["name"], app["p"]["targets"]) == ("Héllo €", [{"number": "+33987654321", "timeout": 20}])
    assert await asyncio.to_thread(api.call, "apps.assign_did", app["hash"], world.did.hash) is True
    found = await asyncio.to_thread(api.call, "did.search", {}, {})
    assert [did["app"]["hash"] for did in found["hits"]] == [app["hash"]]
    records = await asyncio.to_thread(api.call, "cdr.get", "IN", *DAY, None, None)
    assert [(record["callid"], record["duration_billed"]) for record in records] == [(call.id, 240)]
    assert await asyncio.to_thread(api.call, "cdr.get", "OUT", *DAY, app["hash"], None) == []


async def test_the_python_sdk_maps_errors_as_it_does_with_the_vendor(port: int) -> None:
    api = _python_sdk(port)
    assert await _refused(api, "apps.get", "INVALID") == ("PROPERTY_VALUE_ERROR [app]", 151)
    assert await _refused(api, "cdr.get", "IN", DAY[1], DAY[0], None, None) == ("TO_BEFORE_FROM", 151)
    assert await _refused(api, "apps.create", "INVALID_TYPE", "x", None) == (
        "Oops, Internal Error. ¯\\_(ツ)_/¯",
        -32603,
    )
    assert await _refused(api, "no.such_method") == ("Method not found", -32601)


async def test_the_python_sdk_subscribes_hears_of_a_call_and_unsubscribes(
    port: int, world: World, receiver: Receiver
) -> None:
    api = _python_sdk(port)
    options = {"hmac_secret": "0123456789é", "hmac_algo": "SHA512"}
    hook = await asyncio.to_thread(api.call, "webhooks.subscribe", "call.inbound_hangup", receiver.url, options)
    await world.save(world.golden())
    async with delivering(world):
        (request,) = await receiver.wait_for(1)
        await settled(world)
    assert request.json["hook_hash"] == hook["hash"]
    expected = hmac.new(options["hmac_secret"].encode(), request.body, "sha512").digest()
    assert base64.b64decode(request.headers["x-callr-hmacsignature"]) == expected
    assert await asyncio.to_thread(api.call, "webhooks.unsubscribe", hook["hash"]) is True
    assert await _refused(api, "webhooks.unsubscribe", hook["hash"]) == ("PROPERTY_VALUE_ERROR [hash]", 151)


async def test_the_python_sdk_sends_an_sms(port: int) -> None:
    api = _python_sdk(port)
    hash_ = await asyncio.to_thread(api.call, "sms.send", "SMS", "+33612345678", "Héllo €", None)
    sms = await asyncio.to_thread(api.call, "sms.get", hash_)
    assert (sms["hash"], sms["text"], sms["parts"], sms["status"]) == (hash_, "Héllo €", 1, "CREATED")
    assert await _refused(api, "sms.send", "SMS", "+33612345678", None) == ("INVALID_PARAM_FORMAT [body]", -32602)


async def test_the_python_sdk_reads_its_credit_and_what_things_cost(port: int, world: World) -> None:
    api, money = _python_sdk(port), world.services.money
    await money.set_tariff("standard", [Rate(kind=RateKind.MESSAGE_OUT, prefix="+33", price_micro=65_000)])
    await money.top_up(world.account.id, 12_345_600)
    await money.set_terms(world.account.id, tariff="standard", mode=BillingMode.PREPAID, shutdown_micro=0)
    assert await asyncio.to_thread(api.call, "billing.get_prepaid_credit") == 1234.56
    (destination,) = await asyncio.to_thread(api.call, "list.destinations")
    assert (destination["prefix"], destination["part"]) == ("+33", "6.5000")
    message = ("SMS", "+33612345678", "Hello", None)
    quote = await asyncio.to_thread(api.call, "sms.get_quote", *message)
    await asyncio.to_thread(api.call, "sms.send", *message)
    assert quote["amount"] == "6.50"
    assert await asyncio.to_thread(api.call, "billing.get_prepaid_credit") == 1228.06


async def test_the_python_sdk_leads_a_sub_account_through_its_life(port: int, world: World) -> None:
    api = _python_sdk(port)
    await world.services.money.top_up(world.account.id, 10_000_000)

    async def ask(method: str, *params: Any) -> Any:
        return await asyncio.to_thread(api.call, method, *params)

    asked = {"account": {"company": "Zoé & fils"}, "contact": {"emails": ["zoe@example.org"]}}
    made = await ask("account/sub.create", asked, {"password": {"method": "AUTO"}})
    login, password = made["credentials"]["login"], made["credentials"]["password"]
    branch = _python_sdk(port, (login, password))
    assert await asyncio.to_thread(branch.call, "apps.get_list", False) == []
    assert await ask("account/sub.transfer_credit", CALLR_LOGIN[0], login, "12.34", None) is True
    assert await ask("account/sub.transfer_dids", CALLR_LOGIN[0], login, [world.did.hash], None) is True
    assert (await ask("account/sub.get", login))["state"]["credit"] == "12.34"
    assert (await asyncio.to_thread(branch.call, "did.search", {}, {}))["total"] == 1
    assert await ask("account/sub.disable", login) is True
    assert await _refused(branch, "system.get_timestamp") == ("HTTP_CODE_ERROR", -1)
    assert len(await ask("account/sub.archive", login, None)) == 30
    assert (await ask("account/sub.search", {"archived": True}, {}))["total"] == 1
    assert (await ask("account/sub.unarchive", login, None))["state"]["archived"] is False


async def test_the_python_sdk_uploads_a_sound(port: int, world: World) -> None:
    api = _python_sdk(port)

    async def ask(method: str, *params: Any) -> Any:
        return await asyncio.to_thread(api.call, method, *params)

    async with working(world):
        job = await ask("media.import_file_from_base64_async", in_base64(mp3(0.5)), None)
        done = await over(ask, job)
    medium = await ask("media/library.create", "Accueil")
    assert await ask("media/library.set_tags", medium, {"CATEGORY": ["WELCOME"], "LANGUAGE": ["fr_FR"]}) is True
    assert await ask("media/library.set_content_from_file", medium, done["result"]["filename"]) is True
    listed = (await ask("media/library.get_list", ["WELCOME"]))[str(medium)]
    assert (listed["status"], listed["duration"], listed["language"]) == ("READY", 1, ["fr_FR"])
    assert await _refused(api, "media/library.get_phone_id", medium, "INVALID_CODE") == (
        "INVALID_PARAM_FORMAT [country_code]", -32602,
    )  # fmt: skip
    assert await ask("media/library.delete", medium) is True


async def test_the_python_sdk_makes_a_key_and_a_session(port: int) -> None:
    api = _python_sdk(port)
    made = await asyncio.to_thread(api.call, "api-key.create", "nightly")
    assert len(made["token"]) == 100
    assert made["id"] in [key["id"] for key in await asyncio.to_thread(api.call, "api-key.all")]
    assert await asyncio.to_thread(api.call, "api-key.delete", made["id"]) is True
    session = await asyncio.to_thread(api.call, "session.create")
    assert await asyncio.to_thread(api.call, "session.all") == [session]
    refreshed = await asyncio.to_thread(api.call, "session.refresh", session["refresh_token"])
    assert await asyncio.to_thread(api.call, "session.all") == [refreshed]


async def test_the_python_sdk_sees_bad_credentials_as_an_http_error(port: int) -> None:
    with pytest.raises(callr.CallrException) as caught:
        await asyncio.to_thread(_python_sdk(port, ("demo", "wrong")).call, "system.get_timestamp")
    assert (caught.value.msg, caught.value.code, caught.value.data["http_code"]) == ("HTTP_CODE_ERROR", -1, 401)


async def _node_sdk(port: int, calls: list[tuple[str, list[Any]]], *, password: str, login_as: str = "") -> list[Any]:
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "official_sdk.js"), str(port), CALLR_LOGIN[0], password, login_as,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(json.dumps(calls).encode()), 60)
    assert process.returncode == 0, err.decode()
    answers: list[Any] = json.loads(out)
    return answers


@needs_node_sdk
async def test_the_node_sdk_reads_calls_and_maps_errors(port: int, world: World) -> None:
    call = world.golden()
    await world.save(call)
    await world.services.numbers.add_built_in_media([(84, "Welcome", "WELCOME", "welcome")])
    calls: list[tuple[str, list[Any]]] = [
        ("apps.get_list", [True]),
        ("cdr.get", ["OUT", *DAY, None, None]),
        ("apps.edit", [world.app.hash, "Réception", {"medias": {"welcome": 84}}]),
        ("apps.edit", [world.app.hash, None, {"vms": {"timeout": 29}}]),
    ]
    apps, records, edited, refused = await _node_sdk(port, calls, password=CALLR_LOGIN[1])
    assert [app["did"][0]["intl_number"] for app in apps["result"]] == [world.did.number_e164]
    assert [record["callid_in"] for record in records["result"]] == [call.id]
    assert (edited["result"]["name"], edited["result"]["p"]["medias"]["welcome"]) == ("Réception", 84)
    assert refused == {"error": {"message": "PROPERTY_VALUE_ERROR [params.vms.timeout]", "code": 151}}


@needs_node_sdk
async def test_the_node_sdk_subscribes_sends_an_sms_and_unsubscribes(port: int) -> None:
    hook = "https://hooks.example.org/callr"
    calls: list[tuple[str, list[Any]]] = [
        ("webhooks.get_event_types", []),
        ("webhooks.subscribe", ["sms.mo", hook, {"hmac_secret": "01234567"}]),
        ("sms.send", ["SMS", "+33612345678", "Héllo 😀", {"webhook": {"endpoint": hook}}]),
        ("webhooks.subscribe", ["sms.mo", hook, {"hmac_algo": "CRC32"}]),
    ]
    types, subscribed, sent, refused = await _node_sdk(port, calls, password=CALLR_LOGIN[1])
    assert len(types["result"]) == 15
    assert subscribed["result"]["options"] == {"format": "JSON", "hmac_algo": "SHA256", "hmac_secret": "********"}
    assert len(sent["result"]) == 8
    assert refused == {"error": {"message": "PROPERTY_VALUE_ERROR [options.hmac_algo]", "code": 151}}
    ended = await _node_sdk(port, [("webhooks.unsubscribe", [subscribed["result"]["hash"]])], password=CALLR_LOGIN[1])
    assert ended == [{"result": True}]


@needs_node_sdk
async def test_the_node_sdk_acts_as_a_sub_account_that_it_made(port: int) -> None:
    asked = {"account": {"company": "Zoé & fils"}, "contact": {"emails": ["zoe@example.org"]}}
    (made,) = await _node_sdk(port, [("account/sub.create", [asked, {}])], password=CALLR_LOGIN[1])
    login = made["result"]["credentials"]["login"]
    calls: list[tuple[str, list[Any]]] = [
        ("apps.create", ["CALLTRACKING10", "Theirs", None]), ("apps.get_list", [False]), ("account/sub.get_quota", []),
    ]  # fmt: skip
    app, apps, quota = await _node_sdk(port, calls, password=CALLR_LOGIN[1], login_as=login)
    assert [item["hash"] for item in apps["result"]] == [app["result"]["hash"]]
    assert quota == {"result": {"actual": 0, "max": 0}}
    (mine,) = await _node_sdk(port, [("apps.get", [app["result"]["hash"]])], password=CALLR_LOGIN[1])
    assert mine == {"error": {"message": "PROPERTY_VALUE_ERROR [app]", "code": 151}}


@needs_node_sdk
async def test_the_node_sdk_sees_bad_credentials_and_login_as_refused(port: int) -> None:
    ping: list[tuple[str, list[Any]]] = [("system.get_timestamp", [])]
    assert await _node_sdk(port, ping, password="wrong") == [{"error": {"message": "HTTP_CODE_ERROR", "code": -1}}]
    assert await _node_sdk(port, ping, password=CALLR_LOGIN[1], login_as="bob") == [
        {"error": {"message": "FORBIDDEN: no such account that you may act as", "code": 100}}
    ]


async def _raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


async def test_the_bytes_of_the_python_sdk_with_its_empty_expect_header_are_answered_in_full(port: int) -> None:
    body = b'{"id": 677, "jsonrpc": "2.0", "method": "system.get_timestamp", "params": []}'
    head = (
        "POST /json-rpc/v1.1/ HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: 127.0.0.1\r\nExpect: \r\n"
        f"Content-Type: application/json-rpc; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: Api-Key {TOKENS['callr']}\r\nConnection: close\r\n\r\n"
    )
    answer = await _raw(port, head.encode() + body)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'\r\n\r\n{"jsonrpc":"2.0","id":677,"result":' in answer


async def _for_sale(world: World) -> int:
    """Three numbers of Paris; their area code."""
    lines = ["number,month,setup", *(f"+3314000000{n},2.50,1" for n in range(3))]
    await world.services.stock.take_in(items_of(lines))
    ((area, _),) = await world.services.stock.areas()
    return area.id


async def test_the_python_sdk_orders_numbers_uses_one_and_gives_it_back(port: int, world: World) -> None:
    api, area = _python_sdk(port), await _for_sale(world)

    async def call(method: str, *params: Any) -> Any:
        return await asyncio.to_thread(api.call, method, *params)

    (france,) = await call("did/areacode.countries")
    assert [kind["code"] for kind in await call("did/areacode.types", france["code"])] == ["GEOGRAPHIC"]
    (paris,) = await call("did/areacode.get_list", france["code"], None)
    assert (paris["id"], paris["available"]) == (area, {"CLASSIC": 3, "GOLD": 0})
    quote = await call("did/store.get_quote", area, "CLASSIC", 2)
    dropped = await call("did/store.reserve", area, "CLASSIC", 3, "RANDOM")
    assert await call("did/store.cancel_order", dropped["token"]) is True
    order = await call("did/store.reserve", area, "CLASSIC", 2, "SEQUENTIAL")
    assert order["cost"] == quote["cost"]
    assert await call("did/store.view_order", order["token"]) == order
    bought = await call("did/store.buy_order", order["token"])
    assert (bought["success"], bought["errors"]) == (order["items"], [])
    number = bought["success"][0]["hash"]
    app = await call("apps.create", "CALLTRACKING10", "Shop", None)
    assert await call("apps.assign_did", app["hash"], number) is True
    assert await call("apps.remove_did", number) is True
    assert await call("did/store.cancel_subscription", number) is True
    status = await call("did/store.get_quota_status")
    assert (status["assigned_count"], status["quota_current_count"]) == (2, 2)
    assert await _refused(api, "did/store.buy_order", order["token"]) == ("PROPERTY_VALUE_ERROR [token]", 151)
    assert (await call("list.number_infos", "01 40 00 00 00"))["location"] == "Paris"


@needs_node_sdk
async def test_the_node_sdk_orders_numbers_and_gives_one_back(port: int, world: World) -> None:
    area = await _for_sale(world)
    asked: list[tuple[str, list[Any]]] = [
        ("did/areacode.get_list", ["FR", "GEOGRAPHIC"]),
        ("did/store.get_quote", [area, "CLASSIC", 1]),
        ("did/store.reserve", [str(area), "CLASSIC", 1, "RANDOM"]),
        ("did/store.reserve", [area, "CLASSIC", 3, "RANDOM"]),
        ("list.countries", []),
        ("list.timezones", []),
    ]
    areas, quote, order, refused, countries, zones = await _node_sdk(port, asked, password=CALLR_LOGIN[1])
    assert (areas["result"][0]["label"], quote["result"]["available"]) == ("Paris", 3)
    assert refused == {"error": {"message": "PROPERTY_VALUE_ERROR [quantity]", "code": 151}}
    assert countries["result"]["FR"]["country_dialcode"] == "33"
    assert "Europe/Paris" in {zone["iana"] for zone in zones["result"].values()}
    token, number = order["result"]["token"], order["result"]["items"][0]["hash"]
    life: list[tuple[str, list[Any]]] = [
        ("did/store.view_order", [token]),
        ("did/store.buy_order", [token]),
        ("apps.assign_did", [world.app.hash, number]),
        ("did.search", [{"hash": number}, None]),
        ("did/store.cancel_subscription", [number]),
        ("did.search", [{"hash": number}, None]),
        ("did/store.cancel_order", [token]),
    ]
    viewed, bought, assigned, found, ended, gone, over = await _node_sdk(port, life, password=CALLR_LOGIN[1])
    assert viewed == order
    assert bought["result"]["success"] == order["result"]["items"]
    assert (assigned["result"], ended["result"], gone["result"]["total"]) == (True, True, 0)
    assert found["result"]["hits"][0]["pricing"]["mrc"] == "250.00"
    assert over == {"error": {"message": "PROPERTY_VALUE_ERROR [token]", "code": 151}}
