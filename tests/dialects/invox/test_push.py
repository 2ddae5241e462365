"""The push: what a receiver of INVOX's calls is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from ringtrail.dialects.invox.webhooks import EVENT_TYPES, renderer
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.model.account import Principal
from ringtrail.model.events import Event, EventType
from ringtrail.model.query import CallPage
from ringtrail.model.webhook import AttemptRecord, Endpoint, LogQuery
from ringtrail.services.calls import Calls
from ringtrail.services.entered_calls import CallEntry
from ringtrail.services.webhooks import Attempt, WebhookRequest
from tests.dialects.conftest import BASE_URL, Serve
from tests.dialects.delivering import calling, delivering, settled, tell
from tests.dialects.invox.conftest import Ask
from tests.fixtures import GOLDEN_START, World, with_recording
from tests.receiver import Receiver

pytestmark = pytest.mark.postgres


async def subscribe(world: World, receiver: Receiver, **changes: Any) -> Endpoint:
    given = {"address": f"{receiver.url}/invox", "event_types": EVENT_TYPES} | changes
    return await world.services.webhooks.add(world.account.id, "invox", **given)


async def test_a_call_is_posted_as_the_export_shows_it(world: World, receiver: Receiver, ask: Ask) -> None:
    await subscribe(world, receiver, secrets={"token": "crm-token"})
    await world.save(with_recording(world.golden()))
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    (request,) = receiver.received
    assert (request.method, request.path) == ("POST", "/invox")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-api-key"] == "crm-token"
    assert request.json == (await ask())[0]
    assert request.json["id"] == request.json["call_id"] == 1


async def test_an_unfinished_call_is_posted_as_calling_and_again_with_its_end(world: World, receiver: Receiver) -> None:
    await subscribe(world, receiver)
    call = world.golden()
    async with delivering(world):
        await world.save(calling(call))
        await receiver.wait_for(1)
        await world.save(call)
        await receiver.wait_for(2)
        await settled(world)
    shown = [(request.json["id"], request.json["status"], request.json["duration"]) for request in receiver.received]
    assert shown == [(1, "Calling", 0), (1, "Answered", 199)]
    assert len({request.event_id for request in receiver.received}) == 2


async def test_unfinished_calls_can_be_held_back(world: World, receiver: Receiver) -> None:
    await subscribe(world, receiver)
    call = world.golden()
    async with delivering(world, invox_holds_unfinished=True):
        await world.save(calling(call))
        await settled(world)
        await world.save(call)
        await receiver.wait_for(1)
        await settled(world)
    assert [request.json["status"] for request in receiver.received] == ["Answered"]
    log, _ = await world.services.webhook_ledger.deliveries(LogQuery(account_id=world.account.id))
    assert [entry.event_type for entry in log] == ["call.ended"]


async def test_form_encoding_has_the_same_fields(world: World, receiver: Receiver, ask: Ask) -> None:
    await subscribe(world, receiver, settings={"form": True})
    await world.save(replace(world.golden(), attribution=replace(world.did.attribution, campaign="a&b=é +")))
    async with delivering(world):
        await receiver.wait_for(1)
    (request,) = receiver.received
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "x-api-key" not in request.headers
    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))
    assert fields == {name: str(value) for name, value in (await ask())[0].items()}


async def test_a_correction_is_posted_again_and_a_deletion_is_not(world: World, receiver: Receiver) -> None:
    await subscribe(world, receiver)
    who = Principal(account=world.account, property=None, credential_id=0, login=None)
    call = world.golden()
    async with delivering(world):
        await world.save(call)
        await receiver.wait_for(1)
        await world.services.entered_calls.correct(who, call.id, CallEntry(duration_s=7))
        await receiver.wait_for(2)
        await world.services.entered_calls.remove(who, call.id)
        await settled(world)
    assert [request.json["duration"] for request in receiver.received] == [199, 7]


async def test_a_property_has_its_own_time_and_only_its_own_calls(world: World, receiver: Receiver) -> None:
    site = await world.services.accounts.add_property(world.account.id, "Toronto", timezone="America/Toronto")
    await subscribe(world, receiver, property_id=site.id)
    await world.save(world.golden(), world.golden(property_id=site.id))
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    assert [(request.json["date"], request.json["account"]) for request in receiver.received] == [
        ("2026-07-14 05:05:10", "Toronto")
    ]


async def test_a_call_that_moves_to_another_property_before_it_is_told_is_not_told(
    world: World, receiver: Receiver
) -> None:
    site = await world.services.accounts.add_property(world.account.id, "Toronto")
    button = await world.services.buttons.create(world.account, site.id, name="Call me", target="+33987654321")
    who = Principal(account=world.account, property=None, credential_id=0, login=None)
    await subscribe(world, receiver, property_id=world.property.id)
    moved, stays = world.golden(), world.golden()
    await world.save(moved, stays)
    await world.services.entered_calls.correct(who, moved.id, CallEntry(button_hash=button.hash))
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    assert [request.json["account"] for request in receiver.received] == [world.property.name]


async def test_a_push_never_shows_what_a_property_masks(world: World, receiver: Receiver) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET masks_callers = true")
    await subscribe(world, receiver)
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(1)
    assert receiver.received[0].json["caller"] == "+3361234XXXX"


async def test_a_test_posts_the_newest_ended_call(world: World, receiver: Receiver, ask: Ask) -> None:
    endpoint = await subscribe(world, receiver)
    later = GOLDEN_START + timedelta(days=1)
    newest = world.golden(started_at=later)
    await world.save(newest, world.golden(), calling(world.golden(started_at=later + timedelta(days=1))))
    async with delivering(world):
        await receiver.wait_for(3)
        await settled(world)
        await world.services.webhooks.test(endpoint)
        told = (await receiver.wait_for(4))[3]
        await settled(world)
    assert told.json["date"] == "2026-07-15 12:05:10"
    assert told.json in await ask()


async def test_a_test_before_the_first_call_says_that_there_is_none(world: World, receiver: Receiver) -> None:
    endpoint = await subscribe(world, receiver)
    await world.services.webhooks.test(endpoint)
    async with delivering(world):
        await settled(world)
    (attempt,) = await attempts_of(world)
    assert (attempt.error, attempt.method, receiver.received) == ("there is no call yet", None, [])


async def test_legs_and_recordings_and_whatever_else_has_no_word_are_not_posted(
    world: World, receiver: Receiver
) -> None:
    """No push subscribes to them; an event may name its endpoint."""
    endpoint = await subscribe(world, receiver)
    unknown = set(EventType) - {*EVENT_TYPES, EventType.ENDPOINT_TEST}
    await tell(world, endpoint, unknown)
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    failed = [attempt for attempt in await attempts_of(world) if attempt.error]
    assert {attempt.error for attempt in failed} == {f"INVOX has no word for {type_}" for type_ in unknown}
    assert len(receiver.received) == 1


class CountedCalls(Calls):
    pages = 0

    async def page(self, *arguments: Any, **options: Any) -> CallPage:
        self.pages += 1
        return await super().page(*arguments, **options)


async def test_what_is_due_together_is_read_together_and_each_gets_its_own(world: World, receiver: Receiver) -> None:
    endpoint = await subscribe(world, receiver)
    calls = CountedCalls(world.database)
    render = renderer(replace(world.services, calls=calls), DialectOptions(base_url=BASE_URL))
    saved = [world.golden() for _ in range(40)]
    await world.save(*saved)
    about = [saved[7].id, 1, *(call.id for call in reversed(saved))]
    events = [
        Event(account_id=world.account.id, type=EventType.CALL_ENDED, property_id=None, about=number, at=GOLDEN_START)
        for number in about
    ]
    rendered = await render([Attempt(event, endpoint, {}, None, 0) for event in events])
    ids = [json.loads(item.body or b"")["id"] if isinstance(item, WebhookRequest) else item for item in rendered]
    assert ids == [8, None, *range(40, 0, -1)]
    assert calls.pages == 1


async def attempts_of(world: World) -> list[AttemptRecord]:
    return (await world.services.webhook_ledger.attempts(LogQuery(account_id=world.account.id)))[0]


async def test_the_served_dialect_answers_beside_the_pushes(world: World, serve: Serve, receiver: Receiver) -> None:
    """Reading what was pushed, with the largest pushed id as last_call_id, gives what came after it."""
    from ringtrail.dialects.invox import DIALECT
    from tests.dialects.invox.conftest import KEY, PATH

    client = await serve(DIALECT)
    await subscribe(world, receiver)
    await world.save(world.golden(), world.golden())
    async with delivering(world):
        await receiver.wait_for(2)
        await settled(world)
    newest = max(request.json["id"] for request in receiver.received)
    await world.save(world.golden())
    answer = await client.get(PATH, params={"last_call_id": newest}, headers=KEY)
    assert [item["id"] for item in answer.json()] == [newest + 1]
