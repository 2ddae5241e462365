"""The services `webhooks` and `webhooks/log`: golden exchanges, states, secrets that are not shown, other accounts' hooks."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ringtrail.dialects.callr import DIALECT
from ringtrail.dialects.callr.webhook_types import TYPES
from ringtrail.model.webhook import DisabledBy
from tests.dialects.callr import shapes
from tests.dialects.callr.conftest import Client, Rpc, post
from tests.dialects.conftest import Serve
from tests.dialects.delivering import delivering, settled
from tests.fixtures import CALLR_LOGIN, World, add_credentials, build_world
from tests.receiver import Receiver

pytestmark = pytest.mark.postgres

HOOK = "https://hooks.example.org/callr"
UNSIGNED = {"format": "JSON", "hmac_algo": "SHA256", "hmac_secret": None}
EVENT_TYPES = [
    "billing.credit", "billing.credit_shutdown", "billing.credit_warning", "call.inbound_hangup", "call.inbound_start",
    "call.outbound_hangup", "call.outbound_start", "did.assigned", "did.unassigned", "job.status_update",
    "media.library.status_update", "media.recording.new", "media.recording.status_update", "sms.mo",
    "sms.mt.status_update",
]  # fmt: skip


async def test_there_are_fifteen_event_types(rpc: Rpc) -> None:
    assert await rpc("webhooks.get_event_types") == EVENT_TYPES


async def test_a_subscription_has_the_vendors_properties_in_its_order(rpc: Rpc) -> None:
    hook = await rpc("webhooks.subscribe", "sms.mo", HOOK, None)
    assert list(hook) == shapes.WEBHOOK
    assert list(hook["options"]) == shapes.WEBHOOK_OPTIONS
    assert re.fullmatch(r"[A-Z0-9]{8}", hook["hash"])
    at = datetime.strptime(hook["created_at"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert len(hook["created_at"]) == len("2024-04-24 00:42:42.123")
    assert hook == {
        "created_at": hook["created_at"], "endpoint": HOOK, "hash": hook["hash"], "options": UNSIGNED,
        "status": "ENABLED", "type": "sms.mo", "updated_at": hook["created_at"],
    }  # fmt: skip
    assert await rpc("webhooks.get", hook["hash"]) == hook
    assert await rpc("webhooks.get_list") == [hook]


async def test_every_type_can_be_subscribed_to_listed_edited_and_ended(rpc: Rpc) -> None:
    made = [await rpc("webhooks.subscribe", type_, HOOK, {}) for type_ in EVENT_TYPES]
    assert await rpc("webhooks.get_list") == made
    for hook in made:
        edited = await rpc("webhooks.edit", hook["hash"], f"{HOOK}/{hook['type']}", None)
        assert (edited["endpoint"], edited["type"]) == (f"{HOOK}/{hook['type']}", hook["type"])
        assert await rpc("webhooks.unsubscribe", hook["hash"]) is True
    assert await rpc("webhooks.get_list") == []


async def test_php_writes_empty_options_as_an_array(rpc: Rpc) -> None:
    assert (await rpc("webhooks.subscribe", "sms.mo", HOOK, []))["options"] == UNSIGNED


async def test_a_secret_is_masked_and_what_was_read_can_be_written_back(rpc: Rpc, world: World) -> None:
    options = {"format": "JSON", "hmac_algo": "SHA512", "hmac_secret": "12345678"}
    hook = await rpc("webhooks.subscribe", "sms.mo", HOOK, options)
    shown = options | {"hmac_secret": "********"}
    assert hook["options"] == shown

    async def secrets() -> dict[str, Any]:
        stored = await world.services.webhooks.by_hash(world.account.id, hook["hash"])
        assert stored is not None
        return await world.services.webhooks.secrets(stored)

    for given, algorithm in (
        (shown, "SHA512"), (None, "SHA512"), ({"hmac_algo": "MD5"}, "MD5"), ({"hmac_secret": None}, "MD5"),
    ):  # fmt: skip
        edited = await rpc("webhooks.edit", hook["hash"], None, given)
        assert edited["options"] == shown | {"hmac_algo": algorithm}
        assert await secrets() == {"hmac_secret": "12345678"}
    await rpc("webhooks.edit", hook["hash"], None, {"hmac_secret": "x" * 1024})
    assert await secrets() == {"hmac_secret": "x" * 1024}
    unsigned = await rpc("webhooks.edit", hook["hash"], None, {"hmac_secret": ""})
    assert unsigned["options"] == UNSIGNED | {"hmac_algo": "MD5"}
    assert await secrets() == {}


async def test_the_status_says_who_disabled_a_subscription(rpc: Rpc, fault: Rpc, world: World) -> None:
    hash_ = (await rpc("webhooks.subscribe", "sms.mo", HOOK, None))["hash"]

    async def status() -> str:
        return str((await rpc("webhooks.get", hash_))["status"])

    async def disabled(by: DisabledBy) -> None:
        endpoint = await world.services.webhooks.by_hash(world.account.id, hash_)
        assert endpoint is not None
        await world.services.webhooks.disable(endpoint, by, "why")

    assert await rpc("webhooks.disable", hash_) is True
    assert await status() == "DISABLED"
    assert await fault("webhooks.test", hash_) == (151, "PROPERTY_VALUE_ERROR [hash]")
    assert await fault("webhooks/log.replay", hash_, "1") == (151, "PROPERTY_VALUE_ERROR [hash]")
    assert await rpc("webhooks.enable", hash_) is True
    assert await status() == "ENABLED"
    await disabled(DisabledBy.SYSTEM)
    assert await status() == "DISABLED_SYSTEM"
    await rpc("webhooks.disable", hash_)
    assert await status() == "DISABLED_SYSTEM"
    await rpc("webhooks.enable", hash_)
    assert await status() == "ENABLED"
    await disabled(DisabledBy.ADMIN)
    assert await status() == "DISABLED_ADMIN"
    assert await fault("webhooks.enable", hash_) == (100, "FORBIDDEN: the operator has disabled this endpoint")
    assert await status() == "DISABLED_ADMIN"


async def test_an_account_has_so_many_subscriptions_and_no_more(rpc: Rpc, fault: Rpc) -> None:
    for number in range(100):
        await rpc("webhooks.subscribe", "sms.mo", f"{HOOK}/{number}", None)
    assert await fault("webhooks.subscribe", "sms.mo", HOOK, None) == (
        100, "FORBIDDEN: an account has 100 endpoints at most",
    )  # fmt: skip


@pytest.fixture
async def stranger(serve: Serve, world: World, tmp_path: Path) -> Client:
    other = await build_world(world.database, tmp_path, name="Other Ltd")
    await add_credentials(other, "2")
    client = await serve(DIALECT)
    client.auth = (CALLR_LOGIN[0] + "2", CALLR_LOGIN[1])
    return client


async def test_a_hook_of_another_account_is_as_unknown_as_none(
    rpc: Rpc, stranger: Client, world: World, receiver: Receiver
) -> None:
    hash_ = (await rpc("webhooks.subscribe", "call.inbound_hangup", receiver.url, None))["hash"]
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    event_id = receiver.received[0].event_id
    for method, params in (
        ("webhooks.get", [hash_]), ("webhooks.unsubscribe", [hash_]), ("webhooks.edit", [hash_, HOOK, None]),
        ("webhooks.enable", [hash_]), ("webhooks.disable", [hash_]), ("webhooks.test", [hash_]),
        ("webhooks/log.replay", [hash_, event_id]),
    ):  # fmt: skip
        call = {"id": 1, "jsonrpc": "2.0", "method": method, "params": params}
        reply = (await stranger.post("/json-rpc/v1.1/", json=call)).json()
        assert reply["error"] == {"code": 151, "message": "PROPERTY_VALUE_ERROR [hash]"}, method
    for method, params in (("webhooks.get_list", []), ("webhooks/log.search", [{"hook_hash": hash_}, None])):
        call = {"id": 1, "jsonrpc": "2.0", "method": method, "params": params}
        result = (await stranger.post("/json-rpc/v1.1/", json=call)).json()["result"]
        assert result in ([], {"has_more": False, "hits": [], "offset": 0, "total": 0})
    assert (await rpc("webhooks.get", hash_))["status"] == "ENABLED"


async def test_hooks_of_other_dialects_and_dynamic_ones_are_not_subscriptions(
    rpc: Rpc, fault: Rpc, world: World
) -> None:
    invox = await world.services.webhooks.add(world.account.id, "invox", address=HOOK, event_types=())
    dynamic = await world.services.webhooks.dynamic(world.account.id, "callr", HOOK)
    assert await rpc("webhooks.get_list") == []
    for endpoint in (invox, dynamic):
        assert await fault("webhooks.get", endpoint.hash) == (151, "PROPERTY_VALUE_ERROR [hash]")


# --- webhooks/log ---------------------------------------------------------------------------------------------------


ENTRY = [
    "date", "duration_ms", "endpoint", "error", "event_date", "event_id", "hook_hash", "http_code", "request",
    "response", "status", "try", "type",
]  # fmt: skip


async def test_the_log_shows_what_was_sent_and_what_was_answered(rpc: Rpc, world: World, receiver: Receiver) -> None:
    hook = await rpc("webhooks.subscribe", "call.inbound_hangup", f"{receiver.url}/calls", None)
    receiver.reply = lambda _request: web.Response(status=503, text="later", headers={"X-Busy": "yes"})
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    (request,) = receiver.received
    found = await rpc("webhooks/log.search", None, None)
    (entry,) = found["hits"]
    assert (found["total"], found["has_more"], list(entry)) == (1, False, ENTRY)
    assert entry | {"request": None, "response": None, "date": "", "duration_ms": 0, "error": ""} == {
        "date": "", "duration_ms": 0, "endpoint": f"{receiver.url}/calls", "error": "",
        "event_date": "2026-07-14 09:08:40.000", "event_id": request.event_id, "hook_hash": hook["hash"],
        "http_code": 503, "request": None, "response": None, "status": "FAILURE", "try": 0,
        "type": "call.inbound_hangup",
    }  # fmt: skip
    assert "503" in entry["error"]
    assert entry["request"]["method"] == "POST"
    assert entry["request"]["body"] == request.body.decode()
    assert entry["request"]["headers"]["X-CALLR-EventId"] == request.event_id
    assert entry["response"]["body"] == "later"
    assert entry["response"]["headers"]["X-Busy"] == "yes"


async def test_each_filter_narrows_the_log(rpc: Rpc, world: World, receiver: Receiver) -> None:
    ins = (await rpc("webhooks.subscribe", "call.inbound_hangup", f"{receiver.url}/in", None))["hash"]
    outs = (await rpc("webhooks.subscribe", "call.outbound_hangup", f"{receiver.url}/out", None))["hash"]
    receiver.reply = lambda request: web.Response(status=200 if request.path == "/in" else 404)
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(2)
        await settled(world)
    ids = {request.path: request.event_id for request in receiver.received}
    both = {ins, outs}
    for filters, expected in (
        ({}, both), (None, both), ({"hook_hash": ins}, {ins}), ({"hook_hash": "ZZZZZZZZ"}, set()),
        ({"endpoint": f"{receiver.url}/out"}, {outs}), ({"endpoint": receiver.url}, set()), ({"endpoint": "\0"}, set()),
        ({"event_id": ids["/in"]}, {ins}), ({"event_id": int(ids["/out"])}, {outs}), ({"event_id": "99999999"}, set()),
        ({"event_date": "2026-07-14"}, both), ({"event_date": "2026-07-13"}, set()),
        ({"event_date": "2026-07-14 09:08:40"}, both), ({"event_date": "2026-07-14 09:08:41"}, set()),
        ({"http_code": "404"}, {outs}), ({"http_code": 200}, {ins}), ({"http_code": "9999999999"}, set()),
        ({"status": "SUCCESS"}, {ins}), ({"status": "FAILURE"}, {outs}), ({"try": 0}, both), ({"try": 9}, set()),
        ({"type": "call.inbound_hangup"}, {ins}), ({"type": "job.status_update"}, set()),
        ({"status": "SUCCESS", "type": "call.outbound_hangup"}, set()),
    ):  # fmt: skip
        found = await rpc("webhooks/log.search", filters, None)
        assert {entry["hook_hash"] for entry in found["hits"]} == expected, filters
        assert found["total"] == len(expected), filters
    pages = [await rpc("webhooks/log.search", None, {"offset": offset, "quantity": 1}) for offset in (0, 1)]
    assert [(len(page["hits"]), page["has_more"], page["total"]) for page in pages] == [(1, True, 2), (1, False, 2)]


async def test_one_event_is_replayed_to_one_subscription_from_try_zero(
    rpc: Rpc, fault: Rpc, world: World, receiver: Receiver
) -> None:
    await world.save(world.golden())
    hook = (await rpc("webhooks.subscribe", "call.inbound_hangup", receiver.url, None))["hash"]
    (event,) = [
        event
        for event in await world.services.webhook_ledger.events(world.account.id)
        if event.type.value == "call.ended"
    ]
    async with delivering(world):
        for number in (1, 2):
            assert await rpc("webhooks/log.replay", hook, str(event.id)) is True
            await receiver.wait_for(number)
            await settled(world)
    assert [(request.event_id, request.json["try"]) for request in receiver.received] == [(str(event.id), 0)] * 2
    assert await fault("webhooks/log.replay", hook, str(event.id + 1000)) == (151, "PROPERTY_VALUE_ERROR [event_id]")


async def test_a_test_is_logged_under_the_subscriptions_type(rpc: Rpc, world: World, receiver: Receiver) -> None:
    hook = (await rpc("webhooks.subscribe", "job.status_update", receiver.url, None))["hash"]
    await rpc("webhooks.test", hook)
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    (entry,) = (await rpc("webhooks/log.search", {}, {}))["hits"]
    assert (entry["type"], entry["status"], entry["error"]) == ("job.status_update", "SUCCESS", None)


# --- faults ---------------------------------------------------------------------------------------------------------


def options(**given: Any) -> tuple[str, str, dict[str, Any]]:
    return ("sms.mo", HOOK, given)


FAULTS: list[tuple[str, tuple[Any, ...], str]] = [
    ("webhooks.subscribe", ("call.ended", HOOK, None), "INVALID_PARAM_FORMAT [type]"),
    ("webhooks.subscribe", (None, HOOK, None), "INVALID_PARAM_FORMAT [type]"),
    ("webhooks.subscribe", ("SMS.MO", None, None), "INVALID_PARAM_FORMAT [type]"),
    ("webhooks.subscribe", ("sms.mo", None, None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", 7, None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", "", None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", "hooks.example.org", None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", "ftp://hooks.example.org", None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", "mailto:a@example.org", None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", "http://10.0.0.1/", None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", "http://169.254.169.254/", None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", "https://a:b@hooks.example.org/", None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", HOOK + "/" + "x" * 3000, None), "INVALID_PARAM_FORMAT [endpoint]"),
    ("webhooks.subscribe", ("sms.mo", HOOK, "SHA1"), "INVALID_PARAM_FORMAT [options]"),
    ("webhooks.subscribe", ("sms.mo", HOOK), "INVALID_PARAM_FORMAT [options]"),
    ("webhooks.subscribe", options(hmac_algo="SHA3"), "PROPERTY_VALUE_ERROR [options.hmac_algo]"),
    ("webhooks.subscribe", options(hmac_algo="sha256"), "PROPERTY_VALUE_ERROR [options.hmac_algo]"),
    ("webhooks.subscribe", options(hmac_algo=256), "PROPERTY_TYPE_ERROR [options.hmac_algo]"),
    ("webhooks.subscribe", options(format="XML"), "PROPERTY_VALUE_ERROR [options.format]"),
    ("webhooks.subscribe", options(format=True), "PROPERTY_TYPE_ERROR [options.format]"),
    ("webhooks.subscribe", options(hmac_secret="1234567"), "PROPERTY_VALUE_ERROR [options.hmac_secret]"),
    ("webhooks.subscribe", options(hmac_secret="x" * 1025), "PROPERTY_VALUE_ERROR [options.hmac_secret]"),
    ("webhooks.subscribe", options(hmac_secret="********"), "PROPERTY_VALUE_ERROR [options.hmac_secret]"),
    ("webhooks.subscribe", options(hmac_secret="with\0a nul"), "PROPERTY_VALUE_ERROR [options.hmac_secret]"),
    ("webhooks.subscribe", options(hmac_secret=12345678), "PROPERTY_TYPE_ERROR [options.hmac_secret]"),
    ("webhooks.subscribe", options(colour="red"), "PROPERTY_VALUE_ERROR [options.colour]"),
    ("webhooks.unsubscribe", ("ZZZZZZZZ",), "PROPERTY_VALUE_ERROR [hash]"),
    ("webhooks.unsubscribe", ("nope",), "PROPERTY_VALUE_ERROR [hash]"),
    ("webhooks.unsubscribe", (7,), "INVALID_PARAM_FORMAT [hash]"),
    ("webhooks.get", ("ZZZZZZZZ",), "PROPERTY_VALUE_ERROR [hash]"),
    ("webhooks.enable", ("ZZZZZZZZ",), "PROPERTY_VALUE_ERROR [hash]"),
    ("webhooks.disable", ("ZZZZZZZZ",), "PROPERTY_VALUE_ERROR [hash]"),
    ("webhooks.test", ("ZZZZZZZZ",), "PROPERTY_VALUE_ERROR [hash]"),
    ("webhooks.edit", ("ZZZZZZZZ", None, None), "PROPERTY_VALUE_ERROR [hash]"),
    ("webhooks/log.search", ({"try": 10}, None), "PROPERTY_VALUE_ERROR [filters.try]"),
    ("webhooks/log.search", ({"try": "0"}, None), "PROPERTY_TYPE_ERROR [filters.try]"),
    ("webhooks/log.search", ({"status": "OK"}, None), "PROPERTY_VALUE_ERROR [filters.status]"),
    ("webhooks/log.search", ({"type": "call.ended"}, None), "PROPERTY_VALUE_ERROR [filters.type]"),
    ("webhooks/log.search", ({"http_code": "2xx"}, None), "PROPERTY_VALUE_ERROR [filters.http_code]"),
    ("webhooks/log.search", ({"http_code": True}, None), "PROPERTY_TYPE_ERROR [filters.http_code]"),
    ("webhooks/log.search", ({"event_id": "-1"}, None), "PROPERTY_VALUE_ERROR [filters.event_id]"),
    ("webhooks/log.search", ({"event_id": "9223372036854775808"}, None), "PROPERTY_VALUE_ERROR [filters.event_id]"),
    ("webhooks/log.search", ({"event_date": "yesterday"}, None), "PROPERTY_VALUE_ERROR [filters.event_date]"),
    ("webhooks/log.search", ({"event_date": "2026-02-30"}, None), "PROPERTY_VALUE_ERROR [filters.event_date]"),
    ("webhooks/log.search", ({"hook_hash": "x"}, None), "PROPERTY_VALUE_ERROR [filters.hook_hash]"),
    ("webhooks/log.search", ("x", None), "INVALID_PARAM_FORMAT [filters]"),
    ("webhooks/log.search", ({}, {"order": "try"}), "PROPERTY_VALUE_ERROR [options.order]"),
]


async def test_a_fault_is_worded_as_the_vendor_words_it(fault: Rpc) -> None:
    told = [(method, params, (await fault(method, *params))[1]) for method, params, _ in FAULTS]
    assert told == FAULTS


async def test_faults_of_an_edit_and_of_a_replay(rpc: Rpc, fault: Rpc) -> None:
    hash_ = (await rpc("webhooks.subscribe", "sms.mo", HOOK, None))["hash"]
    for params, message in (
        ((hash_, "nonsense", None), "INVALID_PARAM_FORMAT [endpoint]"),
        ((hash_, None, "SHA1"), "INVALID_PARAM_FORMAT [options]"),
        ((hash_, None, {"hmac_secret": "short"}), "PROPERTY_VALUE_ERROR [options.hmac_secret]"),
    ):
        assert (await fault("webhooks.edit", *params))[1] == message
    for event_id, message in (
        (7, "INVALID_PARAM_FORMAT [event_id]"), ("x", "PROPERTY_VALUE_ERROR [event_id]"),
        ("1", "PROPERTY_VALUE_ERROR [event_id]"), ("9" * 19, "PROPERTY_VALUE_ERROR [event_id]"),
    ):  # fmt: skip
        assert (await fault("webhooks/log.replay", hash_, event_id))[1] == message


async def test_a_golden_exchange(client: Client, world: World) -> None:
    reply = await post(client, "webhooks.subscribe", "sms.mo", HOOK, {"hmac_secret": "12345678", "hmac_algo": "SHA1"})
    (stored,) = await world.services.webhooks.list(world.account.id)
    at = stored.created_at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    assert reply.text == (
        f'{{"jsonrpc":"2.0","id":677,"result":{{"created_at":"{at}","endpoint":"{HOOK}","hash":"{stored.hash}",'
        '"options":{"format":"JSON","hmac_algo":"SHA1","hmac_secret":"********"},"status":"ENABLED","type":"sms.mo",'
        f'"updated_at":"{at}"}}}}'
    )
    assert list(TYPES) == EVENT_TYPES
