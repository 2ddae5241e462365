"""E-mail endpoints: what a person reads of each event, and who hears that an endpoint was disabled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ringtrail.mail import webhooks as mail_webhooks
from ringtrail.mail.smtp import MESSAGE_ID, SUBJECT
from ringtrail.model.call import Call
from ringtrail.model.events import UNASKED, Event, EventType
from ringtrail.model.ids import number_of_hash
from ringtrail.model.webhook import Endpoint
from ringtrail.ports.clock import SystemClock
from ringtrail.services.messages import Messenger, NewMessage
from ringtrail.services.webhooks import Attempt, WebhookRequest
from ringtrail.sms.loopback import Loopback
from tests.fixtures import World, with_recording
from tests.postoffice import PostOffice
from tests.receiver import Receiver, receiving
from tests.unit.mailing import attempts_of, hurry, said, working

pytestmark = pytest.mark.postgres
EVERYTHING = tuple(type_ for type_ in EventType if type_ not in UNASKED)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def mail_endpoint(world: World, *event_types: EventType, **changes: Any) -> Endpoint:
    given: dict[str, Any] = {"address": "mailto:ops@example.org", "event_types": event_types} | changes
    return await world.services.webhooks.add(world.account.id, "mail", **given)


async def failing_for(world: World, days: float) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE endpoints SET failing_since = now() - %s", (timedelta(days=days),))


# --- what a person reads ----------------------------------------------------------------------------------------------


async def rendered(world: World, endpoint: Endpoint, event: Event) -> WebhookRequest | None:
    render = mail_webhooks.renderer(world.services, base_url="https://calls.example.org", domain="example.org")
    ((request),) = await render([Attempt(event, endpoint, {}, None, 0)])
    assert request is None or isinstance(request, WebhookRequest), request
    return request


def about(world: World, call: Call, type_: EventType, **detail: Any) -> Event:
    at = call.ended_at or call.started_at
    return Event(
        id=7, account_id=world.account.id, type=type_, property_id=call.property_id, about=call.id, at=at, detail=detail
    )


async def test_an_ended_call_is_told_in_the_time_of_the_account(world: World) -> None:
    call = world.golden()
    await world.save(call)
    endpoint = await mail_endpoint(world, EventType.CALL_ENDED)
    request = await rendered(world, endpoint, about(world, call, EventType.CALL_ENDED))
    assert request is not None
    assert request.headers[SUBJECT] == "Call from +33612345678 to Front desk: answered, 3 min 19 s"
    assert request.headers[MESSAGE_ID] == f"<7.{endpoint.hash}@example.org>"
    assert (request.body or b"").decode().splitlines()[:4] == [
        f"+33612345678 (Alice) called Front desk ({world.did.number_e164}) on Tuesday 14 July 2026, 11:05 (Europe/Paris).",
        "Outcome: answered, 3 min 19 s. The caller waited 11 s.",
        "It went on to +33987654321.",
        "The number stands for: Google Ads / cpc / summer / Leaflet 7.",
    ]


async def test_a_property_that_masks_its_callers_masks_them_in_mails(world: World) -> None:
    await world.services.accounts.change_property(
        world.account.id, world.property.sid, lambda item: replace(item, masks_callers=True)
    )
    call = world.golden()
    await world.save(call)
    request = await rendered(world, await mail_endpoint(world), about(world, call, EventType.CALL_ENDED))
    assert request is not None
    assert "+3361234XXXX" in request.headers[SUBJECT]
    assert "+33612345678" not in f"{request}"


async def test_a_callers_name_cannot_write_headers_or_lines_of_its_own(world: World) -> None:
    call = world.golden(caller_name="Eve\r\nBcc: all@example.org\r\n\r\n-- \r\nPay here")
    await world.save(call)
    request = await rendered(world, await mail_endpoint(world), about(world, call, EventType.CALL_ENDED))
    assert request is not None
    lines = (request.body or b"").decode().splitlines()
    assert lines[0].startswith("+33612345678 (Eve  Bcc: all@example.org")
    assert lines.count("-- ") == 1


@pytest.mark.parametrize("type_", EventType)
async def test_every_type_of_event_has_its_words(world: World, type_: EventType, tmp_path: Path) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / f"{call.id}.mp3").write_bytes(b"sound")
    endpoint = await mail_endpoint(world, *EVERYTHING)
    message_id = await a_message(world)
    event = replace(
        about(
            world,
            call,
            type_,
            hash="REC0RD1N",
            leg_id=call.legs[1].id,
            creation_seq=1,
            number="+33391239999",
            file_format="mp3",
            file_name="x",
            locale=None,
            timezone=None,
        ),
        about=message_id if type_.startswith("message.") else call.id,
    )
    if type_.startswith("number."):
        event = replace(event, about=int(world.did.hash, 36))
    if type_ is EventType.ENDPOINT_DISABLED:
        detail = {"hash": endpoint.hash, "name": "CRM", "address": "https://x", "dialect": "native", "why": "it broke"}
        event = replace(event, detail=detail)
    request = await rendered(world, endpoint, event)
    assert request is not None
    assert len(request.headers[SUBJECT]) > 10
    assert len((request.body or b"").decode().splitlines()) >= 4


async def a_message(world: World) -> int:
    message = await world.services.messages.send(
        world.account,
        NewMessage(property_id=world.property.id, sender="Shop", recipient="+33612345678", body="Your order is here"),
    )
    return message.id


async def test_a_call_that_is_gone_or_moved_is_told_to_nobody(world: World) -> None:
    call = world.golden()
    endpoint = await mail_endpoint(world)
    assert await rendered(world, endpoint, about(world, call, EventType.CALL_ENDED)) is None
    await world.save(call)
    other = await world.services.accounts.add_property(world.account.id, "Elsewhere")
    elsewhere = await mail_endpoint(world, property_id=other.id)
    assert await rendered(world, elsewhere, about(world, call, EventType.CALL_ENDED)) is None


async def test_a_message_and_a_number_that_moved_are_told_to_nobody(world: World) -> None:
    other = await world.services.accounts.add_property(world.account.id, "Elsewhere")
    here, elsewhere = [await mail_endpoint(world, property_id=id_) for id_ in (world.property.id, other.id)]
    message = replace(about(world, world.golden(), EventType.MESSAGE_RECEIVED), about=await a_message(world))
    number = replace(about(world, world.golden(), EventType.NUMBER_ASSIGNED), about=number_of_hash(world.did.hash))
    for event in (message, number):
        assert await rendered(world, here, event) is not None
        assert await rendered(world, elsewhere, event) is None


# --- delivered --------------------------------------------------------------------------------------------------------


async def test_a_call_is_told_by_mail_once_the_greylisting_is_over(
    world: World, office: PostOffice, tmp_path: Path
) -> None:
    endpoint = await mail_endpoint(world, EventType.CALL_ENDED)
    office.to_recipient = ["451 4.7.1 greylisted, come back later"]
    async with working(world, office, tmp_path):
        await world.save(world.golden())
        async with asyncio.timeout(20):
            while not await attempts_of(world, endpoint):  # noqa: ASYNC110 - only the database knows
                await asyncio.sleep(0.05)
        await hurry(world)
        (mail,) = await office.wait_for(1)
        async with asyncio.timeout(20):
            while len(await attempts_of(world, endpoint)) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    refused, taken = await attempts_of(world, endpoint)
    assert refused.error == "the mail server answered 451 4.7.1 greylisted, come back later"
    assert (taken.status, taken.error, taken.response_body) == (200, None, "2.0.0 kept as 1")
    assert refused.request_headers[MESSAGE_ID] == taken.request_headers[MESSAGE_ID] == mail[MESSAGE_ID]
    assert mail["Subject"] == "Call from +33612345678 to Front desk: answered, 3 min 19 s"


async def test_a_recipient_that_is_refused_for_good_costs_one_mail_and_not_the_endpoint(
    world: World, office: PostOffice, tmp_path: Path
) -> None:
    endpoint = await mail_endpoint(world, EventType.CALL_ENDED)
    office.to_recipient = ["550 5.7.1 relaying denied"]
    async with working(world, office, tmp_path):
        await failing_for(world, 100)
        await world.save(world.golden())
        async with asyncio.timeout(20):
            while not (tried := await attempts_of(world, endpoint)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert tried[0].error == "the mail server answered 550 5.7.1 relaying denied"
        await world.save(world.golden())
        await office.wait_for(1)
    after = await world.services.webhooks.by_hash(world.account.id, endpoint.hash)
    assert after is not None
    assert after.enabled


async def test_a_mail_server_that_is_away_disables_nobody(world: World, office: PostOffice, tmp_path: Path) -> None:
    endpoint = await mail_endpoint(world, EventType.CALL_ENDED)
    async with working(world, replace(office, port=9), tmp_path):
        await failing_for(world, 100)
        await world.save(world.golden())
        async with asyncio.timeout(20):
            while not (tried := await attempts_of(world, endpoint)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert "mail server" in (tried[0].error or "")
    after = await world.services.webhooks.by_hash(world.account.id, endpoint.hash)
    assert after is not None
    assert after.enabled


# --- who hears of a disabled endpoint ---------------------------------------------------------------------------------


async def broken(world: World, receiver: Receiver, name: str) -> Endpoint:
    receiver.reply = lambda _: web.Response(status=500)
    return await world.services.webhooks.add(
        world.account.id, "invox", address=f"{receiver.url}/{name}?key=s3cret", event_types=(EventType.CALL_ENDED,),
        name=name,
    )  # fmt: skip


async def test_the_operator_is_told_of_endpoints_that_are_disabled_what_to_do(
    world: World, office: PostOffice, receiver: Receiver, tmp_path: Path
) -> None:
    """Two of one account in the same moment: neither waits for the other."""
    endpoints = [await broken(world, receiver, name) for name in ("one", "two")]
    options = {"notice_email": "Operator <operator@example.org>", "webhook_disable_after_days": 0.5}
    async with working(world, office, tmp_path, **options):
        await failing_for(world, 0.6)
        await world.save(world.golden())
        mails = await office.wait_for(2)
    assert office.recipients == ["operator@example.org"] * 2
    assert {mail["Subject"] for mail in mails} == {'Webhooks to "one" have stopped', 'Webhooks to "two" have stopped'}
    text = said(next(mail for mail in mails if "one" in mail["Subject"]))
    assert "it has done nothing but fail for 0.5 days." in text
    assert "It had been failing since " in text
    assert f"    ringtrail webhooks enable {endpoints[0].hash} --account {world.account.sid}\n" in text
    assert "http://127.0.0.1:8000/webhooks" in text
    assert "s3cret" not in text
    for endpoint in endpoints:
        after = await world.services.webhooks.by_hash(world.account.id, endpoint.hash)
        assert after is not None
        assert not after.enabled


async def test_an_account_that_has_a_mail_endpoint_for_it_is_told_instead_of_the_operator(
    world: World, office: PostOffice, receiver: Receiver, tmp_path: Path
) -> None:
    await broken(world, receiver, "one")
    async with working(world, office, tmp_path, notice_email="operator@example.org"):
        await failing_for(world, 6)
        await mail_endpoint(world, EventType.ENDPOINT_DISABLED, address="mailto:owner@example.org")
        await world.save(world.golden())
        await office.wait_for(1)
    assert office.recipients == ["owner@example.org"]


async def test_without_a_mail_server_a_mail_is_given_up_with_the_reason(
    world: World, office: PostOffice, tmp_path: Path
) -> None:
    endpoint = await mail_endpoint(world, EventType.CALL_ENDED)
    async with working(world, replace(office, port=0), tmp_path):
        await world.save(world.golden())
        async with asyncio.timeout(20):
            while not (tried := await attempts_of(world, endpoint)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert tried[0].error == "no mail server is set up"


async def test_a_message_is_quoted(world: World, office: PostOffice, tmp_path: Path) -> None:
    await mail_endpoint(world, EventType.MESSAGE_CHANGED)
    messenger = Messenger(world.database, SystemClock(), Loopback(SystemClock()), default_country="FR")
    async with working(world, office, tmp_path):
        await a_message(world)
        await messenger.dispatch_all()
        mails = await office.wait_for(1)
    assert mails[-1]["Subject"] == "Message to +33612345678: delivered"
    assert "> Your order is here\n" in said(mails[-1])
