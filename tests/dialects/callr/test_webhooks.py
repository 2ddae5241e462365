"""What a receiver is sent: every type, signatures that hold in Python and in JavaScript, tries, dynamic webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ringtrail.dialects.callr.webhook_types import TYPES
from ringtrail.model.call import Trigger
from ringtrail.model.events import EventType
from ringtrail.model.webhook import LogQuery
from tests.dialects.callr import shapes
from tests.dialects.callr.conformity import check_object
from tests.dialects.callr.conftest import Rpc
from tests.dialects.callr.happenings import MOBILE, SMS_NUMBER, Post, credit, in_progress, recording_is_ready
from tests.dialects.callr.node import Signed, needs_node, verdicts
from tests.dialects.delivering import delivering, hurry, settled
from tests.fixtures import World, build_world, with_recording
from tests.receiver import Received, Receiver

pytestmark = pytest.mark.postgres

DAY = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")
NASTY = 'Zoë "O\'Neil" \\ a/b </script> 😀 \u2028 \u2029 \x7f 1e400 9007199254740993 0.10'
SECRET = "s3cret-é-0123456789"
ALGORITHMS = {"MD5": hashlib.md5, "SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}


async def told(world: World, receiver: Receiver, number: int) -> list[Received]:
    """Everything that is due, delivered: so many requests and no more."""
    async with delivering(world):
        await receiver.wait_for(number)
        await settled(world)
    assert len(receiver.received) == number
    return receiver.received


def by_type(received: list[Received]) -> dict[str, Any]:
    return {request.json["type"]: request.json["data"] for request in received}


# --- every type -----------------------------------------------------------------------------------------------------


async def test_every_type_that_something_raises_is_told_as_the_api_shows_the_thing(
    world: World, receiver: Receiver, rpc: Rpc, carrier_post: Post
) -> None:
    hooks = {
        type_: (await rpc("webhooks.subscribe", type_, f"{receiver.url}/{type_}", None))["hash"] for type_ in TYPES
    }
    call = with_recording(world.golden(caller_name=NASTY))
    await world.save(in_progress(call))
    await world.save(call)
    await recording_is_ready(world)
    did = await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164="+33170000001"
    )
    did_found = (await rpc("did.search", {"hash": did.hash}, None))["hits"][0]
    did_shown = {key: did_found[key] for key in shapes.DID}
    hash_ = await rpc("sms.send", SMS_NUMBER, MOBILE, NASTY.replace("\x7f", ""), {"user_data": "abc123"})
    await carrier_post.hand_on()
    await carrier_post.receive(NASTY)
    for type_ in (EventType.CREDIT_CHANGED, EventType.CREDIT_WARNING, EventType.CREDIT_SHUTDOWN):
        await credit(world, type_)
    job = await rpc("media.import_file_from_base64_async", "eA==", None)
    await rpc("jobs.cancel", job)
    medium = await rpc("media/library.create", "No sound")
    await rpc("media/library.set_content", medium, None, "eA==")
    await told(world, receiver, 14)
    await world.services.stock.release(did)
    requests = await told(world, receiver, 15)
    shown = by_type(requests)
    assert sorted(shown) == sorted(TYPES)
    assert {type_: list(data) for type_, data in shown.items()} == {type_: shapes.DATA[type_] for type_ in shown}
    for request in requests:
        body = request.json
        assert (request.method, request.path) == ("POST", f"/{body['type']}")
        assert list(body) == shapes.EVENT
        check_object("Webhook.Event", body)
        check_object(shapes.object_of(body["type"]), body["data"])
        assert (body["hook_hash"], body["try"]) == (hooks[body["type"]], 0)
        assert request.headers["content-type"] == "application/json"
        assert request.headers["x-callr-eventid"] == body["event_id"] == request.event_id
        assert datetime.strptime(body["event_at"], "%Y-%m-%dT%H:%M:%S.%fZ")
        assert "x-callr-hmacsignature" not in request.headers
    (inbound,) = await rpc("cdr.get", "IN", *DAY, None, None)
    (outbound,) = await rpc("cdr.get", "OUT", *DAY, None, None)
    assert shown["call.inbound_hangup"] == inbound
    assert shown["call.outbound_hangup"] == outbound
    assert shown["media.recording.status_update"] == await rpc("media/recording.get", "REC0RD1N")
    assert list(shown["media.recording.new"]["options"]) == [
        "feeds", "locale", "ner", "pii", "sentiment", "transcription", "webhook",
    ]  # fmt: skip
    assert shown["job.status_update"] == await rpc("jobs.get", job)
    assert shown["media.library.status_update"] == await rpc("media/library.get", medium)
    assert shown["sms.mt.status_update"] == await rpc("sms.get", hash_)
    assert list(shown["sms.mo"]["options"]) == shapes.SMS_OPTIONS
    assert (shown["sms.mo"]["from"], shown["sms.mo"]["to"], shown["sms.mo"]["type"]) == (MOBILE, SMS_NUMBER, "IN")
    assert shown["did.assigned"] == did_shown
    assert shown["did.unassigned"] == did_shown
    assert shown["billing.credit_warning"] == {
        "balance": "1234.56", "currency_code": "EUR", "last_transaction_amount": "-5.00", "shutdown_limit": None,
        "warning_limit": "500.00",
    }  # fmt: skip


async def test_a_start_that_is_told_late_shows_nothing_of_what_came_later(
    world: World, receiver: Receiver, rpc: Rpc
) -> None:
    for type_ in ("call.inbound_start", "call.outbound_start"):
        await rpc("webhooks.subscribe", type_, receiver.url, None)
    call = world.golden()
    await world.save(in_progress(call))
    in_time = by_type(await told(world, receiver, 2))
    await world.save(call)
    other = world.golden()
    await world.save(in_progress(other))
    await world.save(other)
    late = by_type((await told(world, receiver, 4))[2:])
    later = {"answer": None, "hangup": None, "hangupcause": None, "hangupsource": None}
    for data in (*in_time.values(), *late.values()):
        assert {key: data[key] for key in later} == later
        assert data["duration"] == data["duration_answered"] == data["duration_billed"] == 0
        assert data["start"].startswith("2026-07-14 09:05:1")
    assert late["call.outbound_start"]["dialstatus"] is None
    for type_, data in late.items():
        changed = {key for key in data if data[key] != in_time[type_][key]}
        assert changed == {"callid", "callid_in"} & set(data)


async def test_a_call_that_was_entered_whole_has_only_an_end(world: World, receiver: Receiver, rpc: Rpc) -> None:
    for type_ in ("call.inbound_start", "call.inbound_hangup"):
        await rpc("webhooks.subscribe", type_, receiver.url, None)
    await world.save(world.golden())
    assert [request.json["type"] for request in await told(world, receiver, 1)] == ["call.inbound_hangup"]


async def test_both_legs_of_a_call_that_we_placed_are_told_as_outbound_calls(
    world: World, receiver: Receiver, rpc: Rpc
) -> None:
    for type_ in ("call.inbound_start", "call.inbound_hangup", "call.outbound_start", "call.outbound_hangup"):
        await rpc("webhooks.subscribe", type_, receiver.url, None)
    call, came_in = world.golden(trigger=Trigger.WEB), world.golden()
    await world.save(in_progress(call), in_progress(came_in))
    await world.save(call, came_in)
    requests = await told(world, receiver, 8)
    ids = sorted((request.json["type"], request.json["data"]["callid"]) for request in requests)
    outbound = sorted([call.id, call.legs[1].id, came_in.legs[1].id])
    assert ids == [
        ("call.inbound_hangup", came_in.id), ("call.inbound_start", came_in.id),
        *(("call.outbound_hangup", id_) for id_ in outbound), *(("call.outbound_start", id_) for id_ in outbound),
    ]  # fmt: skip
    records = {record["callid"]: record for record in await rpc("cdr.get", "OUT", *DAY, None, None)}
    for request in requests:
        if request.json["type"] == "call.outbound_hangup":
            assert request.json["data"] == records[request.json["data"]["callid"]]
    for type_, number in (("call.outbound_hangup", 3), ("call.inbound_hangup", 1)):
        log = await rpc("webhooks/log.search", {"type": type_}, None)
        assert (log["total"], {entry["type"] for entry in log["hits"]}) == (number, {type_})


async def test_many_events_of_one_endpoint_are_told_each_with_its_own_thing(
    world: World, receiver: Receiver, rpc: Rpc
) -> None:
    for type_ in ("call.inbound_hangup", "call.outbound_hangup"):
        await rpc("webhooks.subscribe", type_, f"{receiver.url}/{type_}", None)
    calls = [world.golden(caller_name=f"caller {number}") for number in range(40)]
    await world.save(*calls)
    requests = await told(world, receiver, 80)
    names = {(data := request.json["data"]).get("callid_in", data["callid"]): data["cli_name"] for request in requests}
    assert names == {call.id: call.caller_name for call in calls}
    assert len({request.event_id for request in requests}) == 80


async def test_a_property_that_masks_its_callers_masks_them_here_too(
    world: World, receiver: Receiver, rpc: Rpc, carrier_post: Post
) -> None:
    await world.services.accounts.change_property(
        world.account.id, world.property.sid, lambda item: replace(item, masks_callers=True)
    )
    for type_ in ("call.inbound_hangup", "call.outbound_hangup", "sms.mo"):
        await rpc("webhooks.subscribe", type_, receiver.url, None)
    await world.save(world.golden())
    await carrier_post.receive("Hello")
    shown = by_type(await told(world, receiver, 3))
    assert shown["call.inbound_hangup"]["cli_number"] == shown["call.outbound_hangup"]["cli_number"] == "+3361234XXXX"
    assert shown["sms.mo"]["from"] == "+3361234XXXX"


async def test_nothing_is_told_of_what_is_gone(world: World, receiver: Receiver, rpc: Rpc) -> None:
    for type_ in ("did.assigned", "did.unassigned"):
        await rpc("webhooks.subscribe", type_, receiver.url, None)
    did = await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164="+33170000001"
    )
    await world.services.stock.release(did)
    (request,) = await told(world, receiver, 1)
    assert (request.json["type"], request.json["data"]["hash"]) == ("did.unassigned", did.hash)


async def test_a_test_sends_the_example_of_the_type_and_nothing_real(
    world: World, receiver: Receiver, rpc: Rpc
) -> None:
    await world.save(world.golden())
    for type_ in TYPES:
        assert await rpc("webhooks.test", (await rpc("webhooks.subscribe", type_, receiver.url, None))["hash"]) is True
    shown = by_type(await told(world, receiver, len(TYPES)))
    assert {type_: list(data) for type_, data in shown.items()} == shapes.DATA
    assert shown["call.inbound_hangup"]["callid"] == 0
    assert shown["sms.mo"]["hash"] == "UNIQUEID"


# --- signatures and tries -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_the_signature_is_the_base64_of_the_binary_hmac_of_the_body(
    world: World, receiver: Receiver, rpc: Rpc, algorithm: str
) -> None:
    options = {"format": "JSON", "hmac_algo": algorithm, "hmac_secret": SECRET}
    await rpc("webhooks.subscribe", "call.inbound_hangup", receiver.url, options)
    await world.save(world.golden(caller_name=NASTY))
    (request,) = await told(world, receiver, 1)
    expected = base64.b64encode(hmac.new(SECRET.encode(), request.body, ALGORITHMS[algorithm]).digest()).decode()
    assert request.headers["x-callr-hmacsignature"] == expected
    assert request.json["data"]["cli_name"] == NASTY


async def test_the_algorithm_is_sha256_unless_another_is_asked_for(world: World, receiver: Receiver, rpc: Rpc) -> None:
    await rpc("webhooks.subscribe", "call.inbound_hangup", receiver.url, {"hmac_secret": SECRET})
    await world.save(world.golden())
    (request,) = await told(world, receiver, 1)
    assert len(base64.b64decode(request.headers["x-callr-hmacsignature"])) == 32


@needs_node
async def test_signatures_hold_in_node_over_the_body_and_over_the_body_written_again(
    world: World, receiver: Receiver, rpc: Rpc, carrier_post: Post
) -> None:
    for algorithm in ALGORITHMS:
        options = {"hmac_algo": algorithm, "hmac_secret": SECRET}
        for type_ in ("call.inbound_hangup", "call.outbound_hangup", "media.recording.new", "sms.mo"):
            await rpc("webhooks.subscribe", type_, f"{receiver.url}/{algorithm}", options)
    await rpc("apps.edit", world.app.hash, 'Réception "1" / 😀', None)
    await world.save(with_recording(world.golden(caller_name=NASTY, external_id="\u2028")))
    for text in (NASTY, "\t\r\n\f\b\x01\x1f", '{"10":1.0,"9":1e3}', "\ufeff\ufffe\U0010ffff" * 20):
        await carrier_post.receive(text)
    requests = await told(world, receiver, len(ALGORITHMS) * 7)
    signed = [
        Signed(
            body=request.body, signature=request.headers["x-callr-hmacsignature"], secret=SECRET,
            algorithm=request.path.removeprefix("/"),
        )
        for request in requests
    ]  # fmt: skip
    found = await verdicts(signed)
    assert [(verdict.raw, verdict.again) for verdict in found] == [(True, True)] * len(signed)
    assert [verdict.text for verdict in found] == [request.body for request in requests]


async def test_tries_count_from_zero_and_keep_the_event_id(world: World, receiver: Receiver, rpc: Rpc) -> None:
    options = {"hmac_secret": SECRET}
    await rpc("webhooks.subscribe", "call.inbound_hangup", receiver.url, options)
    receiver.reply = lambda _request: web.Response(status=500 if len(receiver.received) < 3 else 200)
    await world.save(world.golden())
    async with delivering(world):
        for number in (1, 2, 3):
            await receiver.wait_for(number)
            await settled(world)
            await hurry(world)
    tries = [request.json["try"] for request in receiver.received]
    assert tries == [0, 1, 2]
    assert len({request.event_id for request in receiver.received}) == 1
    assert len({request.headers["x-callr-hmacsignature"] for request in receiver.received}) == 3
    log = await rpc("webhooks/log.search", {}, None)
    assert [(entry["try"], entry["http_code"], entry["status"]) for entry in log["hits"]] == [
        (2, 200, "SUCCESS"), (1, 500, "FAILURE"), (0, 500, "FAILURE"),
    ]  # fmt: skip


# --- dynamic webhooks -----------------------------------------------------------------------------------------------


async def test_a_dynamic_webhook_of_an_sms_is_told_its_status_and_its_replies_beside_the_subscriptions(
    world: World, receiver: Receiver, rpc: Rpc, carrier_post: Post
) -> None:
    await rpc("webhooks.subscribe", "sms.mt.status_update", f"{receiver.url}/mt", None)
    await rpc("webhooks.subscribe", "sms.mo", f"{receiver.url}/mo", None)
    webhook = {"endpoint": f"{receiver.url}/mine", "options": {"hmac_secret": SECRET, "hmac_algo": "SHA1"}}
    hash_ = await rpc("sms.send", SMS_NUMBER, MOBILE, "Hello", {"webhook": webhook})
    await carrier_post.hand_on()
    await carrier_post.receive("Yes")
    await carrier_post.receive("No", sender="+33699999999")
    requests = await told(world, receiver, 5)
    assert sorted((request.path, request.json["type"], request.json["data"]["text"]) for request in requests) == [
        ("/mine", "sms.mo", "Yes"), ("/mine", "sms.mt.status_update", "Hello"), ("/mo", "sms.mo", "No"),
        ("/mo", "sms.mo", "Yes"), ("/mt", "sms.mt.status_update", "Hello"),
    ]  # fmt: skip
    for request in requests:
        assert (request.json["hook_hash"] is None) == (request.path == "/mine")
        assert ("x-callr-hmacsignature" in request.headers) == (request.path == "/mine")
    shown = (await rpc("sms.get", hash_))["options"]["webhook"]
    assert {key: value for key, value in shown.items() if value is not None} == {
        "endpoint": f"{receiver.url}/mine",
        "options": {"format": "JSON", "hmac_algo": "SHA1", "hmac_secret": "********"},
    }
    assert [hook["type"] for hook in await rpc("webhooks.get_list")] == ["sms.mt.status_update", "sms.mo"]
    log = await rpc("webhooks/log.search", {"endpoint": f"{receiver.url}/mine"}, None)
    assert [(entry["hook_hash"], entry["type"]) for entry in log["hits"]] == [
        (None, "sms.mo"), (None, "sms.mt.status_update"),
    ]  # fmt: skip


async def test_a_reply_after_a_week_answers_nothing(
    world: World, receiver: Receiver, rpc: Rpc, carrier_post: Post
) -> None:
    await rpc("sms.send", SMS_NUMBER, MOBILE, "Hello", {"webhook": {"endpoint": receiver.url}})
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE messages SET created_at = created_at - %s", (timedelta(days=7, seconds=1),))
    await carrier_post.receive("Too late")
    assert await world.services.webhook_ledger.deliveries(LogQuery(account_id=world.account.id)) == ([], None)


async def test_of_several_messages_the_newest_with_a_webhook_gets_the_reply(
    world: World, receiver: Receiver, rpc: Rpc, carrier_post: Post
) -> None:
    for name in ("first", "second"):
        await rpc("sms.send", SMS_NUMBER, MOBILE, name, {"webhook": {"endpoint": f"{receiver.url}/{name}"}})
    await rpc("sms.send", SMS_NUMBER, MOBILE, "third", None)
    await carrier_post.receive("Yes")
    (request,) = await told(world, receiver, 1)
    assert (request.path, request.json["data"]["text"]) == ("/second", "Yes")


# --- what stays where it belongs ------------------------------------------------------------------------------------


async def test_an_account_hears_nothing_of_another(world: World, receiver: Receiver, rpc: Rpc, tmp_path: Path) -> None:
    await rpc("webhooks.subscribe", "call.inbound_hangup", receiver.url, None)
    other = await build_world(world.database, tmp_path, name="Other Ltd")
    await other.save(other.golden())
    await world.save(world.golden(caller_name="ours"))
    (request,) = await told(world, receiver, 1)
    assert request.json["data"]["cli_name"] == "ours"


async def test_no_secret_can_be_read_in_the_database_in_the_log_or_in_the_api(
    world: World, receiver: Receiver, rpc: Rpc, carrier_post: Post
) -> None:
    secret = "not-to-be-found-0123456789"
    await rpc("webhooks.subscribe", "sms.mt.status_update", receiver.url, {"hmac_secret": secret})
    webhook = {"endpoint": receiver.url, "options": {"hmac_secret": secret}}
    hash_ = await rpc("sms.send", SMS_NUMBER, MOBILE, "Hello", {"webhook": webhook})
    await carrier_post.hand_on()
    requests = await told(world, receiver, 2)
    assert all("x-callr-hmacsignature" in request.headers for request in requests)
    shown = [
        await rpc("webhooks.get_list"), await rpc("webhooks/log.search", None, None), await rpc("sms.get", hash_),
    ]  # fmt: skip
    assert secret not in repr(shown)
    async with world.database.reading() as connection:
        tables = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in await tables.fetchall():
            rows = await connection.execute(f'SELECT t::text FROM "{table}" t'.encode())
            kept = " ".join(row[0] for row in await rows.fetchall())
            assert secret not in kept, table
            assert secret.encode().hex() not in kept, table
