"""The service `sms`: sending, looking up, what a text becomes, faults in the vendor's words."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from ringtrail.dialects.callr.sms_object import message_hash, message_id_of_hash
from ringtrail.dialects.callr.sms_text import GSM_CONVERSIONS, as_gsm
from ringtrail.model.message import Encoding, Message, encoding_of
from ringtrail.model.query import MessageQuery
from ringtrail.ports.clock import SystemClock
from ringtrail.services import webhooks
from ringtrail.services.messages import Messenger
from ringtrail.sms.loopback import Loopback
from tests.dialects.callr import shapes
from tests.dialects.callr.conftest import Rpc
from tests.dialects.callr.happenings import MOBILE, SMS_NUMBER, Post, sms_number
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres

YEAR = ("2020-01-01 00:00:00", "2099-01-01 00:00:00")


async def only_message(world: World) -> Message:
    found, _ = await world.services.messages.page(MessageQuery(account_id=world.account.id))
    (message,) = found
    return message


async def test_a_sent_message_is_shown_with_every_property_of_the_vendor(
    rpc: Rpc, world: World, carrier_post: Post
) -> None:
    said = {"flash_message": True, "force_encoding": None, "nature": "ALERTING", "user_data": "order42"}
    hash_ = await rpc("sms.send", SMS_NUMBER, "06 12 34 56 78", "Héllo", said)
    sms = await rpc("sms.get", hash_)
    assert list(sms) == shapes.SMS
    assert list(sms["options"]) == shapes.SMS_OPTIONS
    created = sms["date_creation"]
    assert datetime.strptime(created, "%Y-%m-%d %H:%M:%S")
    assert sms == {
        "b_customer_debit": "0.00", "b_customer_mode": "POSTPAID", "date_creation": created, "date_received": None,
        "date_sent": None, "date_update": created, "encoding": "GSM", "from": SMS_NUMBER, "hash": hash_,
        "nature": "ALERTING", "options": said | {"webhook": None}, "parts": 1, "status": "CREATED",
        "status_error": None, "text": "Héllo", "to": MOBILE, "type": "OUT", "user_data": "order42",
    }  # fmt: skip
    await carrier_post.hand_on()
    sent = await rpc("sms.get", hash_)
    assert (sent["status"], sent["date_sent"] is not None, sent["date_received"]) == ("SENT", True, None)
    await carrier_post.deliver((await only_message(world)).sid)
    received = await rpc("sms.get", hash_)
    assert (received["status"], received["date_received"] is not None) == ("RECEIVED", True)


async def test_what_the_carrier_refuses_has_failed_and_what_we_refuse_is_an_error(
    rpc: Rpc, world: World, carrier_post: Post
) -> None:
    carrier_post.carrier.refuses["refused"] = "spam"
    refused = await rpc("sms.send", SMS_NUMBER, MOBILE, "refused", None)
    lost = await rpc("sms.send", SMS_NUMBER, MOBILE, "lost", None)
    await carrier_post.hand_on()
    found, _ = await world.services.messages.page(MessageQuery(account_id=world.account.id))
    await carrier_post.deliver(next(item.sid for item in found if item.body == "lost"), error_code="absent")
    barred = await rpc("sms.send", SMS_NUMBER, MOBILE, "barred", None)
    await world.services.accounts.change_property(
        world.account.id, world.property.sid, lambda item: replace(item, sms_enabled=False)
    )
    await carrier_post.hand_on()
    shown = [await rpc("sms.get", hash_) for hash_ in (refused, lost, barred)]
    assert [(sms["status"], sms["status_error"]) for sms in shown] == [
        ("FAILED", "spam"), ("FAILED", "absent"), ("ERROR", "sms_disabled"),
    ]  # fmt: skip
    for status, expected in (("FAILED", {refused, lost}), ("ERROR", {barred}), ("EXPIRED", set())):
        assert {sms["hash"] for sms in (await rpc("sms.search", {"status": status}, None))["hits"]} == expected


async def test_an_empty_sender_is_the_first_number_that_can_send_and_a_name_stays(rpc: Rpc, carrier_post: Post) -> None:
    for given, shown in (
        ("", SMS_NUMBER), ("SMS", "SMS"), ("My Shop 24", "My Shop 24"), ("My-Shop_24", "My-Shop_24"), ("_-a", "_-a"),
        ("01 99 00 10 01", SMS_NUMBER),
    ):  # fmt: skip
        assert (await rpc("sms.get", await rpc("sms.send", given, MOBILE, "Hello", None)))["from"] == shown


@pytest.mark.parametrize("sender", [SMS_NUMBER, "", "My-Shop"])
async def test_the_placeholder_of_stop_becomes_a_number_before_anything_is_counted(
    rpc: Rpc, carrier_post: Post, sender: str
) -> None:
    for body, parts in (
        ("Sale! STOP: %STOPNUM%, %STOPNUM%", 1),
        ("x" * 148 + "%STOPNUM%", 1),
        ("x" * 149 + "%STOPNUM%", 2),
    ):
        text = body.replace("%STOPNUM%", SMS_NUMBER)
        sms = await rpc("sms.get", await rpc("sms.send", sender, MOBILE, body, {"nature": "MARKETING"}))
        assert (sms["text"], sms["parts"]) == (text, parts)
        assert await rpc("sms.get_count_for_body", body) == parts
        quote = await rpc("sms.get_quote", sender, MOBILE, body, None)
        assert (quote["count"], quote["length"]) == (parts, len(text))


async def test_the_placeholder_of_stop_is_never_sent_as_it_stands(rpc: Rpc, fault: Rpc, world: World) -> None:
    told = (151, "PROPERTY_VALUE_ERROR [body]")
    assert await fault("sms.send", "My Shop", MOBILE, "STOP: %STOPNUM%", None) == told
    assert await fault("sms.get_count_for_body", "STOP: %STOPNUM%") == told
    assert (await rpc("sms.search", None, None))["total"] == 0
    assert (await rpc("sms.get", await rpc("sms.send", "My Shop", MOBILE, "STOPNUM %stopnum%", None)))["parts"] == 1


@pytest.mark.parametrize("flash", [True, False])
async def test_a_flash_message_arrives_as_one(rpc: Rpc, world: World, flash: bool) -> None:
    await sms_number(world)
    messenger = Messenger(world.database, SystemClock(), Loopback(SystemClock()), default_country="FR")
    sent = await rpc("sms.send", SMS_NUMBER, SMS_NUMBER, "Look!", {"flash_message": flash})
    await messenger.dispatch_all()
    (received,) = (await rpc("sms.search", {"type": "IN"}, None))["hits"]
    assert (await rpc("sms.get", sent))["options"]["flash_message"] is flash
    assert (received["text"], received["options"]["flash_message"]) == ("Look!", flash)


async def test_more_webhooks_than_an_account_may_name_are_error_100(
    rpc: Rpc, fault: Rpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MOST_DYNAMIC", 1)
    hooks = [{"webhook": {"endpoint": f"https://hooks.example.org/{number}"}} for number in range(2)]
    await rpc("sms.send", "SMS", MOBILE, "Hello", hooks[0])
    code, message = await fault("sms.send", "SMS", MOBILE, "Hello", hooks[1])
    assert (code, message) == (100, "FORBIDDEN: 1 webhooks were named lately, an account can have no more")
    await rpc("sms.send", "SMS", MOBILE, "Hello", hooks[0])


@pytest.mark.parametrize("method", ["sms.get_settings", "sms.set_settings"])
async def test_what_the_vendor_gave_up_is_no_method(fault: Rpc, method: str) -> None:
    assert await fault(method, {}) == (-32601, "Method not found")


TEXTS: list[tuple[str, str | None, str, str, int]] = [
    ("Hello", None, "Hello", "GSM", 1),
    ("x" * 161, None, "x" * 161, "GSM", 2),
    ("Hello 😀", None, "Hello 😀", "UNICODE", 1),
    ("я" * 71, None, "я" * 71, "UNICODE", 2),
    ("«Être» à 5 €", None, "«Être» à 5 €", "UNICODE", 1),
    ("«Être» à 5 €", "GSM", '"Etre" à 5 e', "GSM", 1),
    ("x" * 100, "UNICODE", "x" * 100, "UNICODE", 2),
    ("a\tb\nc", None, "ab\nc", "GSM", 1),
]


@pytest.mark.parametrize(("text", "forced", "shown", "encoding", "parts"), TEXTS)
async def test_a_text_is_sent_in_the_encoding_that_it_needs_or_that_is_forced(
    rpc: Rpc, carrier_post: Post, text: str, forced: str | None, shown: str, encoding: str, parts: int
) -> None:
    sms = await rpc("sms.get", await rpc("sms.send", SMS_NUMBER, MOBILE, text, {"force_encoding": forced}))
    assert (sms["text"], sms["encoding"], sms["parts"]) == (shown, encoding, parts)


async def test_parts_are_counted_as_they_are_sent(rpc: Rpc) -> None:
    for text, _, _, _, parts in TEXTS[:4]:
        assert await rpc("sms.get_count_for_body", text) == parts


async def test_the_conversion_map_leads_from_what_gsm_lacks_to_what_it_has(rpc: Rpc) -> None:
    mapping = await rpc("sms.get_gsm_charset_mapping")
    assert mapping == GSM_CONVERSIONS
    assert {"«": '"', "€": "e", "ê": "e"}.items() <= mapping.items()
    assert all(encoding_of(text) is Encoding.GSM for text in mapping.values())
    lacking = [character for character in mapping if encoding_of(character) is Encoding.UNICODE]
    assert set(mapping) - set(lacking) == {"€"}
    assert (as_gsm("Ștefan ō œuf"), as_gsm("中")) == ("Stefan o oeuf", None)


async def test_lists_and_searches_find_messages_by_each_filter(rpc: Rpc, world: World, carrier_post: Post) -> None:
    first = await rpc("sms.send", SMS_NUMBER, MOBILE, "100% one", {"nature": "MARKETING", "user_data": "a1"})
    second = await rpc("sms.send", "SMS", "+33699999999", "two", {"nature": "ALERTING"})
    await carrier_post.receive("three")
    (third,) = (await rpc("sms.search", {"type": "IN"}, None))["hits"]
    every = {first, second, third["hash"]}
    for filters, expected in (
        ({}, every), (None, every), ({"hash": second}, {second}), ({"hash": "00000000"}, set()),
        ({"type": "OUT"}, {first, second}), ({"from": SMS_NUMBER}, {first}), ({"from": "SMS"}, {second}),
        ({"from": "06 12 34 56 78"}, {third["hash"]}), ({"to": MOBILE}, {first}), ({"to": SMS_NUMBER}, {third["hash"]}),
        ({"nature": "MARKETING"}, {first}), ({"status": "CREATED"}, {first, second}),
        ({"status": "RECEIVED"}, {third["hash"]}), ({"status": "REMOTE_QUEUED"}, set()), ({"text": "0% o"}, {first}),
        ({"text": "%"}, {first}), ({"text": "\0"}, set()), ({"user_data": "a1"}, {first}), ({"user_data": "a"}, set()),
        ({"created_at_from": YEAR[0], "created_at_to": YEAR[1]}, every), ({"created_at_to": YEAR[0]}, set()),
        ({"type": "IN", "text": "three"}, {third["hash"]}),
    ):  # fmt: skip
        found = await rpc("sms.search", filters, None)
        assert {sms["hash"] for sms in found["hits"]} == expected, filters
        assert found["total"] == len(expected), filters
    pages = [await rpc("sms.search", None, {"offset": offset, "quantity": 2}) for offset in (0, 2)]
    assert [(len(page["hits"]), page["has_more"]) for page in pages] == [(2, True), (1, False)]
    assert [sms["hash"] for sms in await rpc("sms.get_list", "OUT", *YEAR)] == [first, second]
    assert await rpc("sms.get_list", "IN", *YEAR) == [third]


async def test_a_masked_sender_is_not_found_by_trying_numbers(rpc: Rpc, world: World, carrier_post: Post) -> None:
    await world.services.accounts.change_property(
        world.account.id, world.property.sid, lambda item: replace(item, masks_callers=True)
    )
    sent = await rpc("sms.send", SMS_NUMBER, MOBILE, "Hello", None)
    await carrier_post.receive("Yes")
    assert [sms["from"] for sms in await rpc("sms.get_list", "IN", *YEAR)] == ["+3361234XXXX"]
    assert (await rpc("sms.search", {"from": MOBILE}, None))["total"] == 0
    assert [sms["hash"] for sms in (await rpc("sms.search", {"from": SMS_NUMBER}, None))["hits"]] == [sent]


async def test_a_message_of_another_account_is_as_unknown_as_none(
    rpc: Rpc, fault: Rpc, world: World, carrier_post: Post, tmp_path: Any
) -> None:
    other = await build_world(world.database, tmp_path, name="Other Ltd")
    await carrier_post.receive("for another", recipient=other.did.number_e164)
    found, _ = await world.services.messages.page(MessageQuery(account_id=other.account.id))
    assert await fault("sms.get", message_hash(found[0].id)) == (151, "PROPERTY_VALUE_ERROR [id]")
    assert (await rpc("sms.search", {"hash": message_hash(found[0].id)}, None))["total"] == 0


def test_a_hash_leads_back_to_its_message() -> None:
    ids = [*range(1, 2_000), 10**9, 36**8 - 1]
    hashes = [message_hash(id_) for id_ in ids]
    assert len(set(hashes)) == len(ids)
    assert [message_id_of_hash(hash_) for hash_ in hashes] == ids
    assert message_id_of_hash("nope") is None


FAULTS: list[tuple[str, tuple[Any, ...], str]] = [
    ("sms.send", ("SMS", MOBILE, None, None), "INVALID_PARAM_FORMAT [body]"),
    ("sms.send", ("SMS", MOBILE, None), "INVALID_PARAM_FORMAT [body]"),
    ("sms.send", ("SMS", None, "x", None), "PROPERTY_TYPE_ERROR [to]"),
    ("sms.send", ("+33123", MOBILE, "x", None), "PROPERTY_VALUE_ERROR [from]"),
    ("sms.send", ("12345", MOBILE, "x", None), "PROPERTY_VALUE_ERROR [from]"),
    ("sms.send", ("12-34_5", MOBILE, "x", None), "PROPERTY_VALUE_ERROR [from]"),
    ("sms.send", ("Sh@p", MOBILE, "x", None), "PROPERTY_VALUE_ERROR [from]"),
    ("sms.send", ("Much too long a name", MOBILE, "x", None), "PROPERTY_VALUE_ERROR [from]"),
    ("sms.send", (MOBILE, MOBILE, "x", None), "PROPERTY_VALUE_ERROR [from]"),
    ("sms.send", (None, MOBILE, "x", None), "PROPERTY_TYPE_ERROR [from]"),
    ("sms.send", ("SMS", "abc", "x", None), "PROPERTY_VALUE_ERROR [to]"),
    ("sms.send", ("SMS", "", "x", None), "PROPERTY_VALUE_ERROR [to]"),
    ("sms.send", ("SMS", "+15551234567", "x", None), "FORBIDDEN: the account may not send to this number"),
    ("sms.send", ("SMS", MOBILE, "", None), "INVALID_PARAM_FORMAT [body]"),
    ("sms.send", ("SMS", MOBILE, "a\0b", None), "INVALID_PARAM_FORMAT [body]"),
    ("sms.send", ("SMS", MOBILE, "x" * 1531, None), "PROPERTY_VALUE_ERROR [body]"),
    ("sms.send", ("SMS", MOBILE, "x", "none"), "INVALID_PARAM_FORMAT [options]"),
    ("sms.send", ("SMS", MOBILE, "x"), "INVALID_PARAM_FORMAT [options]"),
    ("sms.send", ("SMS", MOBILE, "x", {"nature": "SPAM"}), "PROPERTY_VALUE_ERROR [options.nature]"),
    ("sms.send", ("SMS", MOBILE, "x", {"flash_message": 1}), "PROPERTY_TYPE_ERROR [options.flash_message]"),
    ("sms.send", ("SMS", MOBILE, "x", {"force_encoding": "UTF8"}), "PROPERTY_VALUE_ERROR [options.force_encoding]"),
    ("sms.send", ("SMS", MOBILE, "中", {"force_encoding": "GSM"}), "PROPERTY_VALUE_ERROR [options.force_encoding]"),
    ("sms.send", ("SMS", MOBILE, "x", {"user_data": "a-b"}), "PROPERTY_VALUE_ERROR [options.user_data]"),
    ("sms.send", ("SMS", MOBILE, "x", {"user_data": "x" * 33}), "PROPERTY_VALUE_ERROR [options.user_data]"),
    ("sms.send", ("SMS", MOBILE, "x", {"webhook": "https://a.example"}), "PROPERTY_TYPE_ERROR [options.webhook]"),
    ("sms.send", ("SMS", MOBILE, "x", {"webhook": {}}), "PROPERTY_VALUE_ERROR [options.webhook.endpoint]"),
    (
        "sms.send", ("SMS", MOBILE, "x", {"webhook": {"endpoint": "http://10.0.0.1"}}),
        "PROPERTY_VALUE_ERROR [options.webhook.endpoint]",
    ),
    (
        "sms.send", ("SMS", MOBILE, "x", {"webhook": {"endpoint": "https://a.example", "options": {"hmac_algo": "X"}}}),
        "PROPERTY_VALUE_ERROR [options.webhook.options.hmac_algo]",
    ),
    (
        "sms.send", ("SMS", MOBILE, "x", {"webhook": {"endpoint": "https://a.example", "options": 7}}),
        "PROPERTY_TYPE_ERROR [options.webhook.options]",
    ),
    ("sms.send", ("SMS", MOBILE, "x", {"webhook": {"url": "x"}}), "PROPERTY_VALUE_ERROR [options.webhook.url]"),
    ("sms.get", ("ZZZZZZZZ",), "PROPERTY_VALUE_ERROR [id]"),
    ("sms.get", ("nope",), "PROPERTY_VALUE_ERROR [id]"),
    ("sms.get", (None,), "INVALID_PARAM_FORMAT [id]"),
    ("sms.get_list", ("SIDEWAYS", *YEAR), "INVALID_PARAM_FORMAT [type]"),
    ("sms.get_list", ("IN", YEAR[1], YEAR[0]), "TO_BEFORE_FROM"),
    ("sms.search", ({"status": "LOST"}, None), "PROPERTY_VALUE_ERROR [filters.status]"),
    ("sms.search", ({"type": "in"}, None), "PROPERTY_VALUE_ERROR [filters.type]"),
    ("sms.search", ({"text": 7}, None), "PROPERTY_TYPE_ERROR [filters.text]"),
    ("sms.search", ({"hash": "x"}, None), "PROPERTY_VALUE_ERROR [filters.hash]"),
    ("sms.search", ({"created_at_from": YEAR[1], "created_at_to": YEAR[0]}, None), "TO_BEFORE_FROM"),
    ("sms.get_count_for_body", ("",), "INVALID_PARAM_FORMAT [body]"),
]  # fmt: skip


async def test_a_fault_is_worded_as_the_vendor_words_it(fault: Rpc, world: World) -> None:
    told = [(method, params, (await fault(method, *params))[1]) for method, params, _ in FAULTS]
    assert told == FAULTS
    found, _ = await world.services.messages.page(MessageQuery(account_id=world.account.id))
    assert found == []


async def test_without_a_number_that_can_send_there_is_no_sender(fault: Rpc, world: World) -> None:
    assert await fault("sms.send", "", MOBILE, "x", None) == (151, "PROPERTY_VALUE_ERROR [from]")
    assert await fault("sms.send", world.did.number_e164, MOBILE, "x", None) == (151, "PROPERTY_VALUE_ERROR [from]")


async def test_two_messages_with_the_same_webhook_share_its_endpoint(rpc: Rpc, world: World) -> None:
    said = {"webhook": {"endpoint": "https://hooks.example.org", "options": {"hmac_secret": "12345678"}}}
    other = {"webhook": {"endpoint": "https://hooks.example.org", "options": {"hmac_secret": "87654321"}}}
    for options in (said, said, other):
        await rpc("sms.send", "SMS", MOBILE, "x", options)
    found, _ = await world.services.messages.page(MessageQuery(account_id=world.account.id))
    first, second, third = (message.settings["endpoint"] for message in found)
    assert first == second != third


async def test_a_worker_of_another_process_hands_on_what_was_sent(rpc: Rpc, world: World, carrier_post: Post) -> None:
    hash_ = await rpc("sms.send", "SMS", MOBILE, "x" * 100, {"force_encoding": "UNICODE"})
    carried: list[Message] = []

    class Watching:
        name = "watching"
        facts = carrier_post.carrier.facts

        async def submit(self, message: Message) -> tuple[()]:
            carried.append(message)
            return ()

    await Messenger(world.database, SystemClock(), Watching(), default_country="FR").dispatch_all()
    assert [(message.encoding, message.segments) for message in carried] == [(Encoding.UNICODE, 2)]
    assert (await rpc("sms.get", hash_))["status"] == "SENT"
