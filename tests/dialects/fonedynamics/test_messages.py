"""Messages: sent alone and in batches, read alone and in lists, handed on by a worker and received."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from ringtrail.dialects.fonedynamics import DIALECT
from ringtrail.dialects.fonedynamics.vocabulary import STATUSES, status_word
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.model.message import MessageStatus
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.services.messages import Messenger
from ringtrail.sms.loopback import Loopback
from ringtrail.storage.database import Database
from tests.dialects.conftest import BASE_URL
from tests.dialects.fonedynamics.conftest import Ask, Tell, fault
from tests.fixtures import FONE_TOKEN, World

pytestmark = pytest.mark.postgres

SEND, BATCH, LIST = (
    "/Properties/{property}/Messages",
    "/Properties/{property}/BatchMessages",
    "/Properties/{property}/Messages",
)
HELLO = {"To": "+33612345678", "Text": "Hello"}


async def hand_on(world: World) -> None:
    """What the worker does about every fifth of a second."""
    clock = SystemClock()
    await Messenger(world.database, clock, Loopback(clock), default_country="FR").dispatch_all()


async def texts(tell: Tell, path: str = LIST, **params: Any) -> list[str]:
    response = await tell("GET", path, params=params)
    assert response.status_code == 200, response.text
    assert list(response.json()) == ["Messages"]
    return [message["Text"] for message in response.json()["Messages"]]


def test_every_status_has_one_word() -> None:
    assert [status_word(status) for status in MessageStatus]
    assert sum(len(statuses) for statuses in STATUSES.values()) == len(MessageStatus)


async def test_a_message_is_accepted_handed_on_and_delivered(world: World, tell: Tell, sms_number: str) -> None:
    before = int(time.time())
    response = await tell("POST", SEND, HELLO | {"ExternalId": "order 7"})
    assert response.status_code == 200, response.text
    message = response.json()["Message"]
    created = message["Created"]
    assert before <= created <= time.time()
    expected = {
        "MessageSid": message["MessageSid"],
        "AccountSid": world.account.sid,
        "PropertySid": world.property.sid,
        "From": sms_number,
        "To": "+33612345678",
        "Text": "Hello",
        "DeliveryReceipt": True,
        "NumSegments": 1,
        "Status": "Processing",
        "Direction": "Transmit",
        "Scheduled": None,
        "Created": created,
        "Submitted": None,
        "Delivered": None,
        "Received": None,
        "ErrorCode": None,
        "ExternalId": "order 7",
    }
    assert (list(response.json()), list(message), message) == (["Message"], list(expected), expected)
    one = f"/Messages/{message['MessageSid']}"
    assert (await tell("GET", one)).json() == {"Message": expected}
    assert (await tell("GET", one.lower().replace("messages", "Messages"))).json() == {"Message": expected}
    await hand_on(world)
    settled = (await tell("GET", one)).json()["Message"]
    assert settled["Submitted"] >= created
    assert settled["Delivered"] >= created
    assert settled == expected | {"Status": "Delivered"} | {name: settled[name] for name in ("Submitted", "Delivered")}
    assert (await tell("GET", LIST)).json() == {"Messages": [settled]}


async def test_a_message_to_a_number_of_ours_arrives_there(world: World, tell: Tell, sms_number: str) -> None:
    await tell("POST", SEND, {"To": world.did.number_e164, "Text": "à nous"})
    await hand_on(world)
    received = (await tell("GET", LIST, params={"Direction": "Receive"})).json()["Messages"]
    assert len(received) == 1
    wanted = {
        "From": sms_number,
        "To": world.did.number_e164,
        "Text": "à nous",
        "Status": "Received",
        "Direction": "Receive",
    }
    assert {name: received[0][name] for name in wanted} == wanted
    assert isinstance(received[0]["Received"], int)
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET masks_callers = true")
    masked = (await tell("GET", f"/Messages/{received[0]['MessageSid']}")).json()["Message"]
    assert masked["From"] == "+3319900XXXX"


async def test_a_message_without_receipt_stays_submitted(world: World, tell: Tell, sms_number: str) -> None:
    sent = (await tell("POST", SEND, HELLO | {"DeliveryReceipt": False})).json()["Message"]
    await hand_on(world)
    state = (await tell("GET", f"/Messages/{sent['MessageSid']}")).json()["Message"]
    assert (state["DeliveryReceipt"], state["Status"], state["Delivered"]) == (False, "Submitted", None)


async def test_from_may_be_a_number_of_the_property_a_name_or_blank(tell: Tell, sms_number: str) -> None:
    for given, shown in (
        (sms_number, sms_number), (sms_number[1:], sms_number), ("0199001001", sms_number), ("Bakery 24h", "Bakery 24h"),
        ("", sms_number), ("  ", sms_number), (None, sms_number),
    ):  # fmt: skip
        response = await tell("POST", SEND, HELLO | {"From": given})
        assert response.json()["Message"]["From"] == shown, given


async def test_names_have_no_letter_case_and_unknown_ones_are_ignored(tell: Tell, sms_number: str) -> None:
    response = await tell("POST", SEND, {"to": "+33612345678", "TEXT": "Hello", "Colour": "red", "externalid": "x"})
    assert response.json()["Message"]["ExternalId"] == "x"


async def test_segments_are_counted_as_the_carrier_counts_them(tell: Tell, sms_number: str) -> None:
    for text, segments in (
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("a" * 1530, 10),
    ):
        response = await tell("POST", SEND, HELLO | {"Text": text})
        assert response.json()["Message"]["NumSegments"] == segments


async def test_a_schedule_reaches_from_an_hour_ago_to_14_days_ahead(world: World, tell: Tell, sms_number: str) -> None:
    now = int(time.time())
    for seconds in (14 * 86_400 - 5, -3_590):
        message = (await tell("POST", SEND, HELLO | {"Schedule": now + seconds})).json()["Message"]
        assert (message["Scheduled"], message["Status"]) == (now + seconds, "Processing")
    for seconds in (14 * 86_400 + 5, -3_605):
        answer = fault(await tell("POST", SEND, HELLO | {"Schedule": now + seconds}))
        assert answer == (400, "PARAMETER_OUT_OF_RANGE", "Schedule: from an hour ago to 14 days ahead")
    await hand_on(world)
    states = [
        (message["Scheduled"] - now, message["Status"]) for message in (await tell("GET", LIST)).json()["Messages"]
    ]
    assert states == [(14 * 86_400 - 5, "Processing"), (-3_590, "Delivered")]


KEPT = {
    "DeliveryReceiptWebhookUri": "https://example.org/dlr?x=1",
    "DeliveryReceiptWebhookMethod": "GET",
    "WebhookUri": "http://example.org/in",
    "WebhookMethod": "POST",
    "ForwardToSms": "+33612345679",
    "ForwardFromSms": "+33199001001",
    "ForwardToEmail": "desk@example.org",
    "ForwardFromEmail": "sms@example.org",
}


async def test_webhooks_and_forwarding_are_checked_and_kept(world: World, tell: Tell, sms_number: str) -> None:
    sid = (await tell("POST", SEND, HELLO | KEPT)).json()["Message"]["MessageSid"]
    stored = await world.services.messages.by_sid(world.account.id, sid)
    assert stored is not None
    assert stored.settings == KEPT


LONG = "a" * 256
BAD = [
    ({"To": None}, (400, "PARAMETER_REQUIRED", "To: A parameter is missing.")),
    ({"Text": None}, (400, "PARAMETER_REQUIRED", "Text: A parameter is missing.")),
    ({"To": 33612345678}, (400, "PARAMETER_INVALID", "To: Expected `str`, got `int`")),
    ({"To": "nobody"}, (400, "PARAMETER_INVALID", "To: not a phone number")),
    ({"To": "+61412345678"}, (403, "FORBIDDEN", "To: the account may not send to this number")),
    ({"Text": ""}, (400, "PARAMETER_OUT_OF_RANGE", "Text: from 1 character to 10 segments")),
    ({"Text": "a" * 1531}, (400, "PARAMETER_OUT_OF_RANGE", "Text: from 1 character to 10 segments")),
    ({"Text": "a\0"}, (400, "PARAMETER_INVALID", "Text: holds a NUL")),
    ({"From": "Much too long a name"}, (400, "PARAMETER_INVALID", "From: a number, or 1 to 11 letters, digits, spaces, _ and -")),
    ({"From": "+33912349999"}, (400, "PARAMETER_INVALID", "From: not a number of this property")),
    ({"Schedule": "tomorrow"}, (400, "PARAMETER_INVALID", "Schedule: Expected `int | null`, got `str`")),
    ({"Schedule": -1}, (400, "PARAMETER_OUT_OF_RANGE", "Schedule: Expected `int` >= 0")),
    ({"Schedule": 10**13}, (400, "PARAMETER_OUT_OF_RANGE", "Schedule: Expected `int` <= 253402300799")),
    ({"DeliveryReceipt": "yes"}, (400, "PARAMETER_INVALID", "DeliveryReceipt: Expected `bool`, got `str`")),
    ({"WebhookUri": "ftp://x"}, (400, "PARAMETER_INVALID", "WebhookUri: not an http or https URI")),
    ({"WebhookMethod": "PUT"}, (400, "PARAMETER_INVALID", "WebhookMethod: one of POST, GET")),
    ({"DeliveryReceiptWebhookUri": "x"}, (400, "PARAMETER_INVALID", "DeliveryReceiptWebhookUri: not an http or https URI")),
    ({"DeliveryReceiptWebhookMethod": "x"}, (400, "PARAMETER_INVALID", "DeliveryReceiptWebhookMethod: one of POST, GET")),
    ({"ForwardToSms": "x"}, (400, "PARAMETER_INVALID", "ForwardToSms: not an E.164 number")),
    ({"ForwardFromSms": "x"}, (400, "PARAMETER_INVALID", "ForwardFromSms: not an E.164 number")),
    ({"ForwardToEmail": "x"}, (400, "PARAMETER_INVALID", "ForwardToEmail: not an e-mail address")),
    ({"ForwardFromEmail": "a@b@c"}, (400, "PARAMETER_INVALID", "ForwardFromEmail: not an e-mail address")),
    ({"ExternalId": LONG}, (400, "PARAMETER_OUT_OF_RANGE", "ExternalId: Expected `str` of length <= 255")),
    ({"externalID": "x", "ExternalId": "y"}, (400, "PARAMETER_INVALID", "ExternalId: given more than once")),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), BAD)
async def test_what_is_wrong_with_a_message_is_told_and_nothing_is_kept(
    tell: Tell, sms_number: str, change: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert fault(await tell("POST", SEND, HELLO | change)) == expected
    assert await texts(tell) == []


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "null", '{"To": "\\ud800"}', b"\xff", "[" * 100_000])
async def test_a_body_that_is_no_json_object_is_refused(tell: Tell, body: str | bytes) -> None:
    for path in (SEND, BATCH):
        assert fault(await tell("POST", path, body))[:2] == (400, "REQUEST_INVALID")


async def test_a_body_beyond_the_limit_is_refused(tell: Tell) -> None:
    assert fault(await tell("POST", SEND, HELLO | {"Text": "a" * 1_100_000}))[:2] == (413, "REQUEST_TOO_LARGE")


async def test_a_property_that_cannot_send_says_so(world: World, tell: Tell, sms_number: str) -> None:
    for change in ({"SmsEnabled": False}, {"SmsEnabled": True, "Active": False}):
        await tell("PATCH", "/Properties/{property}", change)
        assert fault(await tell("POST", SEND, HELLO)) == (403, "FORBIDDEN", "the property may not send messages")
    await tell("PATCH", "/Properties/{property}", {"Active": True})
    assert (await tell("POST", SEND, HELLO)).status_code == 200


async def test_without_a_number_that_can_send_a_sender_is_needed(tell: Tell) -> None:
    told = (400, "PARAMETER_REQUIRED", "From: the property has no number that can send messages")
    assert fault(await tell("POST", SEND, HELLO)) == told
    assert (await tell("POST", SEND, HELLO | {"From": "Bakery"})).status_code == 200


async def test_a_voice_number_cannot_be_the_sender(world: World, tell: Tell) -> None:
    answer = fault(await tell("POST", SEND, HELLO | {"From": world.did.number_e164}))
    assert answer == (400, "PARAMETER_INVALID", "From: this number cannot send messages")


# --- batches ------------------------------------------------------------------------------------------------------------


async def test_a_bad_message_of_a_batch_does_not_stop_the_others(tell: Tell, sms_number: str) -> None:
    given = [
        HELLO | {"Text": "one"},
        {"To": "nobody", "Text": "two"},
        "three",
        HELLO | {"Text": "four"},
        {"Text": "five"},
    ]
    response = await tell("POST", BATCH, {"messages": given})
    assert response.status_code == 200
    answers = response.json()
    assert [answer.get("Text") for answer in answers] == ["one", None, None, "four", None]
    assert [answers[index] for index in (1, 2, 4)] == [
        {"ErrorCode": "PARAMETER_INVALID", "Message": "To: not a phone number"},
        {"ErrorCode": "REQUEST_INVALID", "Message": "a JSON object is expected"},
        {"ErrorCode": "PARAMETER_REQUIRED", "Message": "To: A parameter is missing."},
    ]
    assert await texts(tell) == ["one", "four"]


async def test_an_empty_batch_is_answered_and_one_beyond_the_limit_refused_whole(tell: Tell, sms_number: str) -> None:
    assert (await tell("POST", BATCH, {"Messages": []})).json() == []
    assert fault(await tell("POST", BATCH, {})) == (400, "PARAMETER_REQUIRED", "Messages: A parameter is missing.")
    assert fault(await tell("POST", BATCH, {"Messages": {}}))[:2] == (400, "PARAMETER_INVALID")
    told = fault(await tell("POST", BATCH, {"Messages": [HELLO] * 1_001}))
    assert told == (400, "PARAMETER_OUT_OF_RANGE", "Messages: at most 1000")
    assert await texts(tell) == []
    assert len((await tell("POST", BATCH, {"Messages": [HELLO] * 1_000})).json()) == 1_000


async def test_while_the_database_does_not_answer_a_batch_is_not_tried_message_by_message(
    world: World, world_url: str, sms_number: str
) -> None:
    hurried = Database(world_url, statement_timeout_ms=300)
    await hurried.open()
    services = build_services(hurried, SystemClock(), recordings_folder="/nonexistent")
    app = build_server(services, [DIALECT], DialectOptions(base_url=BASE_URL))
    url, auth = f"/v2/Properties/{world.property.sid}/BatchMessages", (world.account.sid, FONE_TOKEN)
    async with AsyncClient(transport=ASGITransport(app=app), base_url=BASE_URL) as client:
        async with world.database.transaction() as connection:
            await connection.execute("LOCK TABLE messages")
            started = time.monotonic()
            answers = (await client.post(url, auth=auth, json={"Messages": [HELLO] * 50})).json()
        assert time.monotonic() - started < 5
    assert [answer["ErrorCode"] for answer in answers] == ["SERVICE_UNAVAILABLE"] * 50
    await hurried.close()


# --- lists --------------------------------------------------------------------------------------------------------------


async def some(world: World, tell: Tell) -> int:
    """Four messages, a second apart: failed, delivered, received, processing. Returns the first one's second."""
    await tell(
        "POST",
        BATCH,
        {"Messages": [HELLO | {"Text": text} for text in ("failed", "delivered", "received", "processing")]},
    )
    start = datetime(2026, 7, 14, 12, 0, 0, tzinfo=UTC)
    async with world.database.transaction() as connection:
        for n, (text, direction) in enumerate(
            (("failed", "out"), ("delivered", "out"), ("received", "in"), ("processing", "out"))
        ):
            await connection.execute(
                "UPDATE messages SET status = %s, direction = %s, created_at = %s WHERE body = %s",
                (text, direction, start + timedelta(seconds=n), text),
            )
    return int(start.timestamp())


async def test_a_list_selects_by_time_status_and_direction(world: World, tell: Tell, sms_number: str) -> None:
    start = await some(world, tell)
    everything = ["failed", "delivered", "received", "processing"]
    for params, expected in (
        ({}, everything),
        ({"Date_From": start + 1}, everything[1:]),
        ({"date_from": start + 1, "DATE_TO": start + 3}, everything[1:3]),
        ({"Date_To": start}, []),
        ({"Status": "Failed"}, ["failed"]),
        ({"Status": "Processing,failed"}, ["failed", "processing"]),
        ({"Status": "Submitted"}, []),
        ({"Direction": "receive"}, ["received"]),
        ({"Direction": "Transmit", "Status": "Delivered"}, ["delivered"]),
        ({"Results_Count": 2}, everything[:2]),
        ({"Results_Count": 2, "Results_Skip": 3}, everything[3:]),
        ({"Results_Skip": 4}, []),
        ({"Colour": "red", "Status": ""}, everything),
    ):
        for path in (LIST, "/Accounts/{account}/Messages"):
            assert await texts(tell, path, **params) == expected, params


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"Date_From": "x"}, (400, "PARAMETER_INVALID", "Date_From: not an unsigned integer of Unix seconds")),
        ({"Date_To": 10**12}, (400, "PARAMETER_OUT_OF_RANGE", "Date_To: Unix seconds go up to 253402300799")),
        (
            {"Status": "Lost"},
            (400, "PARAMETER_INVALID", "Status: one of Processing, Submitted, Delivered, Failed, Received"),
        ),
        ({"Direction": "Up"}, (400, "PARAMETER_INVALID", "Direction: one of Transmit, Receive")),
        ({"Direction": ["Transmit", "Receive"]}, (400, "PARAMETER_INVALID", "Direction: given more than once")),
        ({"Results_Count": 0}, (400, "PARAMETER_OUT_OF_RANGE", "Results_Count: from 1 to 5000")),
        ({"Results_Count": 5001}, (400, "PARAMETER_OUT_OF_RANGE", "Results_Count: from 1 to 5000")),
        ({"Results_Skip": -1}, (400, "PARAMETER_INVALID", "Results_Skip: not a whole number")),
    ],
)
async def test_what_is_wrong_with_a_list_is_told(tell: Tell, params: Any, expected: tuple[int, str, str]) -> None:
    assert fault(await tell("GET", LIST, params=params)) == expected


# --- whose --------------------------------------------------------------------------------------------------------------


async def test_another_accounts_messages_do_not_exist(
    world: World, client: AsyncClient, tell: Tell, other: World, sms_number: str
) -> None:
    sid = (await tell("POST", SEND, HELLO)).json()["Message"]["MessageSid"]
    theirs = (other.account.sid, FONE_TOKEN + "-other")
    for method, path, body in (
        ("GET", f"/Messages/{sid}", None),
        ("GET", f"/Properties/{world.property.sid}/Messages", None),
        ("GET", f"/Accounts/{world.account.sid}/Messages", None),
        ("POST", f"/Properties/{world.property.sid}/Messages", HELLO),
        ("POST", f"/Properties/{world.property.sid}/BatchMessages", {"Messages": [HELLO]}),
    ):
        answer = await client.request(method, f"/v2{path}", auth=theirs, json=body)
        assert (answer.status_code, answer.json()["ResponseStatus"]["ErrorCode"]) == (404, "NOT_FOUND"), path
        assert (await client.request(method, f"/v2{path}", json=body)).status_code == 401
    assert await texts(tell) == ["Hello"]


async def test_a_number_of_another_account_or_property_cannot_be_the_sender(
    world: World, tell: Tell, other: World, sms_number: str
) -> None:
    site = await world.services.accounts.add_property(world.account.id, "second")
    answer = fault(await tell("POST", f"/Properties/{site.sid}/Messages", HELLO | {"From": sms_number}))
    assert answer == (400, "PARAMETER_INVALID", "From: not a number of this property")
    assert fault(await tell("POST", SEND, HELLO | {"From": other.did.number_e164}))[2] == answer[2]


async def test_a_key_of_one_property_sends_and_sees_there_only(
    world: World, tell: Tell, bound: str, sms_number: str
) -> None:
    site = await world.services.accounts.add_property(world.account.id, "second")
    elsewhere = f"/Properties/{site.sid}/Messages"
    sid = (await tell("POST", elsewhere, HELLO | {"From": "Bakery"})).json()["Message"]["MessageSid"]
    assert (await tell("POST", elsewhere, HELLO, token=bound)).status_code == 404
    assert (await tell("GET", elsewhere, token=bound)).status_code == 404
    assert (await tell("GET", f"/Messages/{sid}", token=bound)).status_code == 404
    assert (await tell("POST", SEND, HELLO | {"Text": "mine"}, token=bound)).status_code == 200
    shown = (await tell("GET", "/Accounts/{account}/Messages", token=bound)).json()["Messages"]
    assert [message["Text"] for message in shown] == ["mine"]
    assert await texts(tell, "/Accounts/{account}/Messages") == ["Hello", "mine"]


async def test_an_unknown_message_is_not_found(ask: Ask) -> None:
    for sid in ("A" * 32, "x", "%00" * 32, "A" * 33):
        assert fault(await ask(f"/Messages/{sid}")) == (404, "NOT_FOUND", "MessageSid: No such message.")
