"""What a subscriber is really sent, as a consumer that we did not write sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ringtrail.dialects.native.event_ids import event_text
from ringtrail.model.account import Principal
from ringtrail.model.events import UNASKED, Event, EventType
from ringtrail.model.ids import number_of_job
from ringtrail.services.deliverer import PAUSES_S
from ringtrail.storage import counters
from ringtrail.storage.events import tell
from tests.dialects.delivering import delivering, hurry, settled
from tests.dialects.native.conftest import Api
from tests.dialects.native.happenings import (
    log_of,
    make_endpoint,
    receive_message,
    verifies,
    verifies_ed25519,
)
from tests.dialects.native.schema import faults
from tests.dialects.native.test_openapi import DOCUMENT
from tests.fixtures import World, with_recording
from tests.receiver import Received, Receiver, receiving

pytestmark = pytest.mark.postgres


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def schema_of(type_: str) -> Any:
    return DOCUMENT["webhooks"][type_]["post"]["requestBody"]["content"]["application/json"]["schema"]


async def everything(world: World) -> int:
    """Something of each kind happens; how many events that is."""
    before = await world.services.webhook_ledger.newest_event(world.account.id)
    call = with_recording(world.golden())
    live = replace(call, ended_at=None, recordings=(), legs=call.legs[:1])
    await world.save(live)
    await world.save(call)
    await receive_message(world, "Are you open?")
    did = await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164="+33170000001"
    )
    await world.services.stock.release(did)
    gone = world.golden()
    await world.save(gone)
    who = Principal(account=world.account, property=None, credential_id=1, login=None)
    await world.services.entered_calls.remove(who, gone.id)
    return len(await world.services.webhook_ledger.events(world.account.id, after=before))


async def test_the_standards_own_library_takes_every_event_and_the_schema_describes_it(
    world: World, api: Api, receiver: Receiver
) -> None:
    made = await make_endpoint(api, receiver, ed25519=True)
    number = await everything(world)
    async with delivering(world):
        received = await receiver.wait_for(number)
    assert len({request.headers["webhook-id"] for request in received}) == number
    for request in received:
        assert verifies(request, made["secret"])
        assert verifies_ed25519(request, made["public_keys"][0]["key"])
        assert request.headers["content-type"] == "application/json"
        assert request.json["id"] == request.headers["webhook-id"]
        assert faults(request.json, schema_of(request.json["type"]), DOCUMENT) == []
    told = {request.json["type"] for request in received}
    assert told >= {"call.started", "call.ended", "call.deleted", "leg.ended", "recording.created", "message.received", "number.assigned", "number.released"}  # fmt: skip


async def test_a_tampered_request_is_refused(world: World, api: Api, receiver: Receiver) -> None:
    made = await make_endpoint(api, receiver, ed25519=True)
    await world.save(world.golden())
    async with delivering(world):
        request, *_ = await receiver.wait_for(1)
    public_key = made["public_keys"][0]["key"]
    other_id = {**request.headers, "webhook-id": request.headers["webhook-id"][:-1] + "z"}
    for tampered in (
        replace(request, body=request.body.replace(b"call:", b"call:9")),
        replace(request, headers=other_id),
    ):
        assert tampered != request
        assert not verifies(tampered, made["secret"])
        assert not verifies_ed25519(tampered, public_key)
    assert not verifies(request, "whsec_" + "QUJD" * 8)


async def test_the_data_is_what_the_api_shows(world: World, api: Api, receiver: Receiver) -> None:
    await make_endpoint(api, receiver, event_types=["call.ended", "recording.created"])
    call = with_recording(world.golden())
    await world.save(call)
    async with delivering(world):
        received = await receiver.wait_for(2)
    shown = {request.json["type"]: request.json for request in received}
    listed = (await api("/calls")).json()["calls"][0]
    assert shown["call.ended"]["data"] == listed
    assert shown["recording.created"]["data"] == (await api("/recordings/REC0RD1N")).json()
    assert {body["subject"] for body in shown.values()} == {f"call:{call.id}"}
    assert (shown["call.ended"]["account"], shown["call.ended"]["property"]) == (world.account.sid, world.property.sid)
    assert shown["call.ended"]["timestamp"] == listed["ended_at"]


async def test_while_keys_change_over_both_are_good_and_then_only_the_new_one(
    world: World, api: Api, receiver: Receiver
) -> None:
    made = await make_endpoint(api, receiver, event_types=["call.ended"], ed25519=True)
    rotate = f"/endpoints/{made['hash']}/rotate-secret"
    new = (await api(rotate, method="POST")).json()
    pair = (await api(rotate, method="POST", json={"signature": "v1a"})).json()["public_keys"]
    await world.save(world.golden())
    async with delivering(world):
        request, *_ = await receiver.wait_for(1)
        assert verifies(request, made["secret"])
        assert verifies(request, new["secret"])
        assert all(verifies_ed25519(request, item["key"]) for item in pair)
        assert made["public_keys"][0]["key"] == pair[1]["key"]
        newest = (await api(rotate, method="POST", json={"overlap_s": 0})).json()
        await world.save(world.golden())
        request = (await receiver.wait_for(2))[1]
    assert [verifies(request, item["secret"]) for item in (made, new, newest)] == [False, False, True]


async def test_each_try_and_replay_has_the_same_id_and_a_signature_of_its_own_time(
    world: World, api: Api, receiver: Receiver
) -> None:
    made = await make_endpoint(api, receiver, event_types=["call.ended"])
    receiver.reply = lambda _: web.Response(status=500)
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
        receiver.reply = lambda _: web.Response(status=204)
        await hurry(world)
        await receiver.wait_for(2)
        await settled(world)
        (record,) = await log_of(world, made["hash"])
        event = receiver.received[0].headers["webhook-id"]
        answer = await api(f"/deliveries/{event}/{made['hash']}/replay", method="POST")
        assert (answer.status_code, answer.json()) == (202, {"due": 1})
        await receiver.wait_for(3)
        await settled(world)
    assert record.tries == 2 < len(PAUSES_S)
    assert {request.headers["webhook-id"] for request in receiver.received} == {event}
    assert len({request.body for request in receiver.received}) == 1
    assert all(verifies(request, made["secret"]) for request in receiver.received)
    stamps = [int(request.headers["webhook-timestamp"]) for request in receiver.received]
    assert stamps == sorted(stamps)


async def test_what_is_pushed_is_what_is_pulled(world: World, api: Api, receiver: Receiver) -> None:
    await make_endpoint(api, receiver)
    number = await everything(world)
    async with delivering(world):
        received = await receiver.wait_for(number)
    pulled = (await api("/events?limit=1000")).json()["events"][-number:]
    assert sorted((request.json for request in received), key=lambda body: body["id"]) == pulled


async def test_a_thing_that_is_gone_is_told_without_its_data(world: World, api: Api, receiver: Receiver) -> None:
    await make_endpoint(api, receiver, event_types=["call.ended", "call.deleted"])
    call = world.golden()
    await world.save(call)
    who = Principal(account=world.account, property=None, credential_id=1, login=None)
    await world.services.entered_calls.remove(who, call.id)
    async with delivering(world):
        ended, deleted = [request.json for request in await receiver.wait_for(2)]
    assert (ended["type"], ended["data"]) == ("call.ended", None)
    assert (deleted["type"], deleted["data"]) == (
        "call.deleted", {"id": str(call.id), "external_id": None, "client_id": None}
    )  # fmt: skip
    assert ended["subject"] == deleted["subject"] == f"call:{call.id}"


async def test_a_test_reaches_the_endpoint_that_is_tried_and_no_other(
    world: World, api: Api, receiver: Receiver
) -> None:
    made, _ = await make_endpoint(api, receiver, event_types=["call.ended"]), await make_endpoint(api, receiver)
    async with delivering(world):
        answer = await api(f"/endpoints/{made['hash']}/test", method="POST")
        assert (answer.status_code, answer.json()) == (202, {"due": 1})
        (request,) = await receiver.wait_for(1)
        await settled(world)
    assert (request.json["type"], request.json["data"]["endpoint"]) == ("endpoint.test", made["hash"])
    assert verifies(request, made["secret"])
    assert len(receiver.received) == 1
    assert "endpoint.test" not in (await api("/events")).text


async def test_an_endpoint_that_is_gone_is_told_to_the_others(world: World, api: Api, receiver: Receiver) -> None:
    gone = await make_endpoint(api, receiver, event_types=["call.ended"], name="Old CRM")
    await make_endpoint(api, receiver, event_types=["endpoint.disabled"], address=receiver.url + "/ops")
    receiver.reply = lambda request: web.Response(status=204 if request.path == "/ops" else 410)
    await world.save(world.golden())
    async with delivering(world):
        told = (await receiver.wait_for(2))[1].json
    assert (told["type"], told["property"], told["subject"]) == ("endpoint.disabled", None, f"endpoint:{gone['hash']}")
    assert told["data"] == {
        "hash": gone["hash"], "name": "Old CRM", "dialect": "native", "address": receiver.url + "/hook",
        "why": "it answered 410 Gone",
    }  # fmt: skip


async def test_a_property_that_masks_its_callers_masks_them_here_too(
    world: World, api: Api, receiver: Receiver
) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET masks_callers = true")
    await make_endpoint(api, receiver)
    number = await everything(world)
    async with delivering(world):
        received = await receiver.wait_for(number)
    texts = [request.body.decode() for request in received] + [(await api("/events?limit=1000")).text]
    assert not [text for text in texts if "+33612345678" in text]
    assert sum("+3361234XXXX" in text for text in texts) > 3


async def test_events_of_the_whole_account(world: World, api: Api) -> None:
    """Credit, jobs and media: what is not kept in the event is read, or null if it is gone."""
    account, at, after = (
        world.account,
        datetime.now(UTC),
        await world.services.webhook_ledger.newest_event(world.account.id),
    )
    job = await world.services.jobs.start(account.id, "export", {"since": "monday"})
    credit = {
        "balance_micro": 12_345_600, "amount_micro": -50_000, "currency": "EUR", "warning_micro": 5_000_000,
        "shutdown_micro": None,
    }  # fmt: skip
    told = (
        (EventType.CREDIT_WARNING, account.id, credit),
        (EventType.JOB_CHANGED, number_of_job(job.id), {"id": job.id}),
        (EventType.JOB_CHANGED, number_of_job("z" * 30), {"id": "z" * 30}),
        (EventType.MEDIA_CHANGED, 815, {}),
    )
    events = [
        Event(account_id=account.id, type=type_, property_id=None, about=about, at=at, detail=detail)
        for type_, about, detail in told
    ]
    async with world.database.transaction() as connection:
        await counters.lock(connection, account.id)
        await tell(connection, account.id, events)
    shown = (await api(f"/events?after={event_text(after)}")).json()["events"]
    for item in shown:
        assert faults(item, schema_of(item["type"]), DOCUMENT) == []
    by_credit, by_job, by_lost_job, by_medium = shown
    assert by_credit["subject"] == f"account:{account.sid}"
    assert by_credit["data"] == credit
    assert by_job["subject"] == f"job:{job.id[:8]}"
    assert (by_job["data"]["id"], by_job["data"]["status"]) == (job.id, "pending")
    assert by_lost_job["data"] is None
    assert (by_medium["subject"], by_medium["data"]) == ("medium:815", {"id": "815"})
    for item in shown:
        assert (await api(f"/deliveries?subject={item['subject']}")).json()["deliveries"] == []


# --- telling again --------------------------------------------------------------------------------------------------


def ids(received: list[Received]) -> list[str]:
    return [request.headers["webhook-id"] for request in received]


async def test_a_range_is_told_to_an_endpoint_that_was_made_later(world: World, api: Api, receiver: Receiver) -> None:
    for _ in range(5):
        await world.save(world.golden())
    events = [item["id"] for item in (await api("/events?type=call.ended")).json()["events"]]
    made = await make_endpoint(api, receiver, event_types=["call.ended"])
    replay = f"/endpoints/{made['hash']}/replay"
    async with delivering(world):
        answer = await api(replay, method="POST", json={"after": events[0], "until": events[3]})
        assert (answer.status_code, answer.json()) == (202, {"due": 3})
        assert sorted(ids(await receiver.wait_for(3))) == events[1:4]
        await settled(world)
        answer = await api(replay, method="POST", json={"delivered_too": False})
        assert answer.json() == {"due": 2}
        assert sorted(ids(await receiver.wait_for(5))[3:]) == [events[0], events[4]]
        await settled(world)
        assert (await api(replay, method="POST")).json() == {"due": 5}
        assert sorted(ids(await receiver.wait_for(10))[5:]) == events
        await settled(world)
    assert all(verifies(request, made["secret"]) for request in receiver.received)


async def test_a_range_of_instants(world: World, api: Api, receiver: Receiver) -> None:
    for _ in range(4):
        await world.save(world.golden())
    async with world.database.transaction() as connection:
        await connection.execute(
            "UPDATE events SET written_at = '2026-07-01T00:00:00Z'::timestamptz + id * interval '1 day'"
        )
        row = await (await connection.execute("SELECT id, written_at FROM events WHERE type = 'call.ended' ORDER BY id LIMIT 1 OFFSET 1")).fetchone()  # fmt: skip
    assert row is not None
    second = row[1].isoformat()
    made = await make_endpoint(api, receiver, event_types=["call.ended"])
    replay = f"/endpoints/{made['hash']}/replay"
    for body, due in (
        ({"from": second}, 3),
        ({"to": second}, 1),
        ({"from": second, "to": second}, 0),
        ({"to": "2001-01-01T00:00:00Z"}, 0),
        ({"from": "2001-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}, 4),
    ):
        assert (await api(replay, method="POST", json=body)).json() == {"due": due}, body
        async with world.database.transaction() as connection:
            await connection.execute("DELETE FROM deliveries")
    for body, field in (({"from": second, "after": "evt_0000000000001"}, "from"), ({"to": second, "until": "evt_0000000000001"}, "to")):  # fmt: skip
        answer = await api(replay, method="POST", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


async def test_one_event_is_told_again_only_to_who_wants_its_type(world: World, api: Api, receiver: Receiver) -> None:
    await world.save(world.golden())
    event = (await api("/events?type=call.ended")).json()["events"][0]["id"]
    wants = await make_endpoint(api, receiver, event_types=["call.ended"])
    other = await make_endpoint(api, receiver, event_types=["message.received"])
    assert (await api(f"/deliveries/{event}/{wants['hash']}/replay", method="POST")).status_code == 202
    again = await api(f"/deliveries/{event}/{wants['hash']}/replay", method="POST")
    assert (again.status_code, again.json()["detail"]) == (409, "it is being sent there now")
    for path in (f"{event}/{other['hash']}", f"evt_0000000zzzzzz/{wants['hash']}", f"nonsense/{wants['hash']}"):
        assert (await api(f"/deliveries/{path}/replay", method="POST")).status_code == 404, path


@pytest.mark.parametrize("replay", [True, False])
async def test_an_endpoint_that_is_enabled_again_is_told_what_it_missed_or_not(
    world: World, api: Api, receiver: Receiver, replay: bool
) -> None:
    made = await make_endpoint(api, receiver, event_types=["call.ended"])
    path = f"/endpoints/{made['hash']}"
    await api(f"{path}/disable", method="POST")
    for _ in range(3):
        await world.save(world.golden())
    answer = await api(f"{path}/enable", method="POST", json={"replay": replay})
    assert answer.json()["due"] == (3 if replay else 0)
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(4 if replay else 1)
        await settled(world)
    events = [item["id"] for item in (await api("/events?type=call.ended")).json()["events"]]
    assert sorted(ids(receiver.received)) == events[0 if replay else 3 :]


async def test_a_secret_is_nowhere_but_in_its_one_answer(world: World, api: Api, receiver: Receiver) -> None:
    made = await make_endpoint(api, receiver, ed25519=True)
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(2)
        await settled(world)
    event = receiver.received[0].headers["webhook-id"]
    texts = [
        (await api(path)).text
        for path in ("/endpoints", f"/endpoints/{made['hash']}", "/deliveries", f"/deliveries/{event}/{made['hash']}/attempts", "/events")
    ]  # fmt: skip
    async with world.database.reading() as connection:
        for table in ("endpoints", "events", "deliveries", "attempts"):
            rows = await (await connection.execute(f"SELECT t::text FROM {table} t".encode())).fetchall()
            texts += [row[0] for row in rows]
    assert not [text for text in texts if made["secret"].removeprefix("whsec_") in text or "whsk_" in text]


async def test_a_token_of_one_property_is_told_of_that_property_only(
    world: World, api: Api, receiver: Receiver, tmp_path: Path
) -> None:
    item = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    await world.services.accounts.add_token(world.account.id, "native", "s" * 40, property_id=item.id)
    await make_endpoint(api, receiver, token="s" * 40)
    await everything(world)
    own = world.golden(property_id=item.id)
    await world.save(own)
    async with delivering(world):
        received = await receiver.wait_for(2)
        await settled(world)
    assert len(received) == 2
    assert {request.json["subject"] for request in received} == {f"call:{own.id}"}
    assert {request.json["property"] for request in received} == {item.sid}


def test_no_type_is_untold() -> None:
    assert set(EventType) - UNASKED == {EventType(name) for name in DOCUMENT["webhooks"]} - UNASKED
