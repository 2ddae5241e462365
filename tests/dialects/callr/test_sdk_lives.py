"""Lives of things, each led through the vendor's Python SDK and through its Node SDK."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringtrail.model.money import BillingMode, Rate, RateKind
from ringtrail.services.stock_file import items_of
from ringtrail.supervisor import speech
from tests.dialects.callr.happenings import MOBILE, SMS_NUMBER, Post, with_sounds
from tests.dialects.callr.sdks import Sdk
from tests.dialects.callr.test_media import in_base64, mp3, over, working
from tests.dialects.delivering import delivering, settled
from tests.engines.asterisk.conftest import CACHE
from tests.fixtures import CALLR_LOGIN, World
from tests.receiver import Receiver

DAY = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")
EVER = ("2020-01-01 00:00:00", "2099-12-31 23:59:59")
A, B = {"number": MOBILE, "timeout": 30}, {"number": "+33987654321", "timeout": 60}


@pytest.fixture
def world(world: World, tmp_path: Path) -> World:
    return with_sounds(world, tmp_path)


async def test_an_app_is_made_changed_given_a_number_found_and_deleted(sdk: Sdk, world: World) -> None:
    params = {"targets": [{"number": "09 87 65 43 21", "timeout": 20}], "vms": {"active": True}}
    app = await sdk("apps.create", "CALLTRACKING10", "Héllo €", params)
    assert (app["name"], app["p"]["targets"]) == ("Héllo €", [{"number": "+33987654321", "timeout": 20}])
    edited = await sdk("apps.edit", app["hash"], "Réception", {"options": {"record_calls": True}})
    assert (edited["name"], edited["p"]["options"]["record_calls"]) == ("Réception", True)
    assert edited["p"]["targets"] == app["p"]["targets"]
    assert await sdk.fault("apps.edit", app["hash"], None, {"vms": {"timeout": 29}}) == (
        "PROPERTY_VALUE_ERROR [params.vms.timeout]", 151,
    )  # fmt: skip
    assert [did["hash"] for did in await sdk("apps.get_dids", False)] == [world.did.hash]
    assert await sdk("apps.assign_did", app["hash"], world.did.hash) is True
    assert [item["hash"] for item in (await sdk("apps.get", app["hash"]))["did"]] == [world.did.hash]
    found = await sdk("did.search", {}, {})
    assert [did["app"]["hash"] for did in found["hits"]] == [app["hash"]]
    assert [item["cli"] for item in await sdk("apps.get_authorized_clis", "CALL")] == [world.did.number_e164]
    listed = {item["hash"]: item["did"] for item in await sdk("apps.get_list", True)}
    assert [did["intl_number"] for did in listed[app["hash"]]] == [world.did.number_e164]
    assert (await sdk("apps.search", {"name": "Récep"}, {}))["total"] == 1
    assert await sdk("apps.remove_did", world.did.hash) is True
    assert await sdk("apps.delete", app["hash"]) is True
    assert await sdk.fault("apps.get", app["hash"]) == ("PROPERTY_VALUE_ERROR [app]", 151)


async def test_numbers_are_found_quoted_held_bought_used_and_given_back(sdk: Sdk, world: World) -> None:
    lines = ["number,month,setup", *(f"+3314000000{n},2.50,1" for n in range(3))]
    await world.services.stock.take_in(items_of(lines))
    (france,) = await sdk("did/areacode.countries")
    assert [kind["code"] for kind in await sdk("did/areacode.types", france["code"])] == ["GEOGRAPHIC"]
    (paris,) = await sdk("did/areacode.get_list", france["code"], None)
    area = paris["id"]
    assert (paris["label"], paris["available"]) == ("Paris", {"CLASSIC": 3, "GOLD": 0})
    quote = await sdk("did/store.get_quote", area, "CLASSIC", 2)
    dropped = await sdk("did/store.reserve", str(area), "CLASSIC", 3, "RANDOM")
    assert await sdk.fault("did/store.reserve", area, "CLASSIC", 1, "RANDOM") == (
        "PROPERTY_VALUE_ERROR [quantity]", 151,
    )  # fmt: skip
    assert await sdk("did/store.cancel_order", dropped["token"]) is True
    order = await sdk("did/store.reserve", area, "CLASSIC", 2, "SEQUENTIAL")
    assert order["cost"] == quote["cost"]
    assert await sdk("did/store.view_order", order["token"]) == order
    bought = await sdk("did/store.buy_order", order["token"])
    assert (bought["success"], bought["errors"]) == (order["items"], [])
    assert await sdk.fault("did/store.buy_order", order["token"]) == ("PROPERTY_VALUE_ERROR [token]", 151)
    number = bought["success"][0]["hash"]
    app = await sdk("apps.create", "CALLTRACKING10", "Shop", None)
    assert await sdk("apps.assign_did", app["hash"], number) is True
    (found,) = (await sdk("did.search", {"hash": number}, None))["hits"]
    assert (found["app"]["hash"], found["pricing"]["mrc"]) == (app["hash"], "250.00")
    assert await sdk("apps.remove_did", number) is True
    assert await sdk("did/store.cancel_subscription", number) is True
    assert (await sdk("did.search", {"hash": number}, None))["total"] == 0
    status = await sdk("did/store.get_quota_status")
    assert (status["assigned_count"], status["quota_current_count"]) == (2, 2)


async def test_countries_time_zones_and_numbers_are_known(sdk: Sdk) -> None:
    assert (await sdk("list.countries"))["FR"]["country_dialcode"] == "33"
    assert "Europe/Paris" in {zone["iana"] for zone in (await sdk("list.timezones")).values()}
    assert (await sdk("list.number_infos", "01 40 00 00 00"))["location"] == "Paris"
    assert (await sdk("list.number_infos", "no number"))["is_valid"] is False
    assert isinstance(await sdk("system.get_timestamp"), int)
    assert await sdk("hlr.get", MOBILE) == {"mcc": None, "mnc": None, "state": "FAILURE"}


async def test_a_message_is_quoted_sent_delivered_answered_and_found(sdk: Sdk, carrier_post: Post) -> None:
    quote = await sdk("sms.get_quote", SMS_NUMBER, MOBILE, "Héllo €", None)
    assert (quote["count"], quote["length"], quote["encoding"]) == (1, 7, "GSM")
    options = {"user_data": "order42", "webhook": {"endpoint": "https://hooks.example.org/callr"}}
    hash_ = await sdk("sms.send", SMS_NUMBER, MOBILE, "Héllo €", options)
    sms = await sdk("sms.get", hash_)
    assert (sms["hash"], sms["text"], sms["parts"], sms["status"]) == (hash_, "Héllo €", 1, "CREATED")
    await carrier_post.hand_on()
    await carrier_post.receive("Thanks")
    assert [item["status"] for item in await sdk("sms.get_list", "OUT", *EVER)] == ["SENT"]
    assert [item["text"] for item in await sdk("sms.get_list", "IN", *EVER)] == ["Thanks"]
    assert [hit["hash"] for hit in (await sdk("sms.search", {"user_data": "order42"}, {}))["hits"]] == [hash_]
    assert await sdk("sms.get_count_for_body", "😀" * 71) == 3
    assert await sdk.fault("sms.send", "SMS", MOBILE, None, None) == ("INVALID_PARAM_FORMAT [body]", -32602)
    assert await sdk.fault("sms.send", "SMS", None, "x", None) == ("PROPERTY_TYPE_ERROR [to]", 151)
    assert await sdk.fault("sms.send", "+33123", MOBILE, "x", None) == ("PROPERTY_VALUE_ERROR [from]", 151)
    assert await sdk.fault("sms.get", "NOPE") == ("PROPERTY_VALUE_ERROR [id]", 151)


async def test_calls_are_read_by_range_app_and_number_and_page_by_page(sdk: Sdk, world: World) -> None:
    call, second = world.golden(), world.golden()
    await world.save(call, second)
    records = await sdk("cdr.get", "IN", *DAY, None, None)
    assert {record["callid"] for record in records} == {call.id, second.id}
    assert [record["duration_billed"] for record in records] == [240, 240]
    assert len(await sdk("cdr.get", "OUT", *DAY, world.app.hash, world.did.number_e164)) == 2
    other = await sdk("apps.create", "CALLTRACKING10", "Other", None)
    assert await sdk("cdr.get", "OUT", *DAY, other["hash"], None) == []
    page = await sdk("cdr.search", {"type": "OUT", "app": world.app.hash}, {"offset": 1, "quantity": 1})
    assert ([hit["callid_in"] in (call.id, second.id) for hit in page["hits"]], page["total"]) == ([True], 2)
    assert (page["offset"], page["has_more"]) == (1, False)
    assert (await sdk("analytics/calls.summary", *DAY))["IN"]["count"] == 2
    assert await sdk.fault("cdr.get", "IN", DAY[1], DAY[0], None, None) == ("TO_BEFORE_FROM", 151)


async def test_a_sub_account_is_made_used_funded_closed_and_opened_again(sdk: Sdk, world: World) -> None:
    await world.services.money.top_up(world.account.id, 10_000_000)
    asked = {"account": {"company": "Zoé & fils"}, "contact": {"emails": ["zoe@example.org"]}}
    made = await sdk("account/sub.create", asked, {"password": {"method": "AUTO"}})
    login, password = made["credentials"]["login"], made["credentials"]["password"]
    branch, acting = sdk.of(login, password), sdk.acting_as(login)
    app = await acting("apps.create", "CALLTRACKING10", "Theirs", None)
    assert [item["hash"] for item in await branch("apps.get_list", False)] == [app["hash"]]
    assert await sdk.fault("apps.get", app["hash"]) == ("PROPERTY_VALUE_ERROR [app]", 151)
    assert await acting("account/sub.get_quota") == {"actual": 0, "max": 0}
    assert await sdk("account/sub.transfer_credit", CALLR_LOGIN[0], login, "12.34", None) is True
    assert await sdk("account/sub.transfer_dids", CALLR_LOGIN[0], login, [world.did.hash], None) is True
    assert (await sdk("account/sub.get", login))["state"]["credit"] == "12.34"
    assert (await branch("did.search", {}, {}))["total"] == 1
    edited = await sdk("account/sub.edit", login, {"contact": {"emails": ["office@example.org"]}}, None)
    assert edited["contact"]["emails"] == ["office@example.org"]
    assert await sdk("account/sub.disable", login) is True
    assert await branch.fault("system.get_timestamp") == ("HTTP_CODE_ERROR", -1)
    job = await sdk("jobs.get", await sdk("account/sub.archive", login, None))
    assert (job["status"], job["percent"]) == ("DONE", "100.00")
    assert (await sdk("account/sub.search", {"archived": True}, {}))["total"] == 1
    assert (await sdk("account/sub.unarchive", login, None))["state"]["archived"] is False
    assert await sdk("account/sub.enable", login) is True
    assert isinstance(await branch("system.get_timestamp"), int)


async def test_nobody_acts_as_a_stranger_or_with_a_wrong_password(sdk: Sdk) -> None:
    forbidden = "FORBIDDEN: no such account that you may act as"
    assert await sdk.acting_as("bob").fault("system.get_timestamp") == (forbidden, 100)
    assert await sdk.of(CALLR_LOGIN[0], "wrong").fault("system.get_timestamp") == ("HTTP_CODE_ERROR", -1)


async def test_a_call_of_two_phones_is_ordered_followed_and_cancelled(sdk: Sdk, world: World) -> None:
    app = (await sdk("apps.create", "CLICKTOCALL10", "Call me back", None))["hash"]
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    options = {"schedule": tomorrow, "cli": world.did.number_e164, "cdr_field": "order42"}
    call = await sdk("clicktocall/calls.start_2", app, [A], [B], options)
    shown = await sdk("clicktocall/calls.get_status", call)
    assert (shown["a_targets"], shown["b_targets"], shown["cdr_field"]) == ([A], [B], "order42")
    assert (shown["date_scheduled"], shown["a_status"]["status"]) == (tomorrow, None)
    assert await sdk("clicktocall/calls.get_list", app, *EVER) == [shown]
    assert await sdk("clicktocall/calls.cancel", call) is True
    assert await sdk.fault("clicktocall/calls.cancel", call) == ("PROPERTY_VALUE_ERROR [call]", 151)
    tracking = world.app.hash
    assert await sdk.fault("clicktocall/calls.start_2", tracking, [A], [B], None) == ("BAD_APP_TYPE", 205)
    assert await sdk.fault("clicktocall/calls.start_2", "INVALID", None, None, None) == (
        "PROPERTY_VALUE_ERROR [app]", 151,
    )  # fmt: skip
    assert await sdk.fault("clicktocall/calls.start_2", app, [{"number": "x"}], [B], None) == (
        "PROPERTY_VALUE_ERROR [a_targets]", 151,
    )  # fmt: skip


async def test_a_phone_is_registered_found_changed_and_removed(sdk: Sdk) -> None:
    made = await sdk("sip/subscriber.create", {"username": "reception"}, None)
    assert (made["username"], len(made["password"])) == ("reception", 20)
    edited = await sdk("sip/subscriber.edit", made["id"], {"ring_timeout": 20, "codecs": ["PCMA"]}, None)
    assert (edited["ring_timeout"], edited["codecs"], edited["password"]) == (20, ["PCMA"], made["password"])
    assert (await sdk("sip/subscriber.search", {"username": "recep"}, {}))["hits"] == [edited]
    assert await sdk("sip/subscriber.delete", made["id"]) is True
    assert await sdk.fault("sip/subscriber.get", made["id"]) == ("PROPERTY_VALUE_ERROR [id]", 151)


async def test_the_credit_and_what_things_cost_are_told(sdk: Sdk, world: World) -> None:
    money = world.services.money
    await money.set_tariff("standard", [Rate(kind=RateKind.MESSAGE_OUT, prefix="+33", price_micro=65_000)])
    await money.top_up(world.account.id, 12_345_600)
    await money.set_terms(world.account.id, tariff="standard", mode=BillingMode.PREPAID, shutdown_micro=0)
    assert await sdk("billing.get_prepaid_credit") == 1234.56
    (destination,) = await sdk("list.destinations")
    assert (destination["prefix"], destination["part"]) == ("+33", "6.5000")
    message = ("SMS", MOBILE, "Hello", None)
    assert (await sdk("sms.get_quote", *message))["amount"] == "6.50"
    await sdk("sms.send", *message)
    assert await sdk("billing.get_prepaid_credit") == 1228.06


async def test_a_sound_is_uploaded_and_a_text_is_spoken(sdk: Sdk, world: World) -> None:
    assert speech.find_or_fetch(CACHE, print) is not None
    async with working(world):
        done = await over(sdk, await sdk("media.import_file_from_base64_async", in_base64(mp3(0.5)), None))
    medium = await sdk("media/library.create", "Accueil")
    assert await sdk("media/library.set_tags", medium, {"CATEGORY": ["WELCOME"], "LANGUAGE": ["fr_FR"]}) is True
    assert await sdk("media/library.set_content_from_file", medium, done["result"]["filename"]) is True
    listed = (await sdk("media/library.get_list", ["WELCOME"]))[str(medium)]
    assert (listed["status"], listed["duration"], listed["language"]) == ("READY", 1, ["fr_FR"])
    assert await sdk("media/tts.set_content", medium, "Bonjour", "TTS_FR-FR_AUDREY", {"rate": 50}) is True
    spoken = await sdk("media/library.get", medium)
    assert (spoken["content"], spoken["voice"], spoken["status"]) == ("Bonjour", "TTS_FR-FR_AUDREY", "READY")
    assert await sdk.fault("media/library.get_phone_id", medium, "INVALID_CODE") == (
        "INVALID_PARAM_FORMAT [country_code]", -32602,
    )  # fmt: skip
    app = await sdk("apps.create", "CALLTRACKING10", "Shop", {"medias": {"welcome": medium}})
    assert app["p"]["medias"]["welcome"] == medium
    assert await sdk("media/library.delete", medium) is True


async def test_a_subscription_hears_of_a_call_is_looked_up_and_ends(sdk: Sdk, world: World, receiver: Receiver) -> None:
    assert len(await sdk("webhooks.get_event_types")) >= 15
    secret = "0123456789é"
    hook = await sdk(
        "webhooks.subscribe", "call.inbound_hangup", receiver.url, {"hmac_secret": secret, "hmac_algo": "SHA512"}
    )
    assert hook["options"] == {"format": "JSON", "hmac_algo": "SHA512", "hmac_secret": "********"}
    await world.save(world.golden())
    async with delivering(world):
        (request,) = await receiver.wait_for(1)
        await settled(world)
    assert request.json["hook_hash"] == hook["hash"]
    expected = hmac.new(secret.encode(), request.body, "sha512").digest()
    assert base64.b64decode(request.headers["x-callr-hmacsignature"]) == expected
    (entry,) = (await sdk("webhooks/log.search", {"hook_hash": hook["hash"]}, None))["hits"]
    assert (entry["status"], entry["try"], entry["event_id"]) == ("SUCCESS", 0, request.json["event_id"])
    assert await sdk.fault("webhooks.edit", hook["hash"], None, {"hmac_algo": "CRC32"}) == (
        "PROPERTY_VALUE_ERROR [options.hmac_algo]", 151,
    )  # fmt: skip
    assert await sdk("webhooks.unsubscribe", hook["hash"]) is True
    assert await sdk.fault("webhooks.unsubscribe", hook["hash"]) == ("PROPERTY_VALUE_ERROR [hash]", 151)


async def test_keys_and_sessions_are_made_listed_refreshed_and_deleted(sdk: Sdk) -> None:
    made = await sdk("api-key.create", "nightly")
    assert len(made["token"]) == 100
    assert made["id"] in [key["id"] for key in await sdk("api-key.all")]
    assert await sdk("api-key.delete", made["id"]) is True
    session = await sdk("session.create")
    assert await sdk("session.all") == [session]
    refreshed = await sdk("session.refresh", session["refresh_token"])
    assert await sdk("session.all") == [refreshed]


async def test_what_cannot_act_yet_is_checked_and_refused(sdk: Sdk) -> None:
    live = (await sdk("apps.create", "REALTIME10", "Live", {"url": "https://you.example/realtime"}))["hash"]
    assert await sdk.fault("dialr/call.realtime", live, None, None) == ("INVALID_PARAM_FORMAT [target]", -32602)
    message, code = await sdk.fault("calls.realtime", live, A, None)
    assert (message.partition(":")[0], code) == ("FORBIDDEN", 100)
