"""The ledger over the native API: every delivery of every dialect, found by anything, with each request and answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ringtrail.dialects.native.event_ids import event_text
from ringtrail.model.events import EventType
from ringtrail.model.webhook import Endpoint
from tests.dialects.delivering import delivering, hurry, settled
from tests.dialects.native.conftest import Api
from tests.dialects.native.happenings import make_endpoint, receive_message
from tests.dialects.native.schema import faults
from tests.dialects.native.test_openapi import DOCUMENT
from tests.fixtures import GOLDEN_START, TOKENS, World, add_credentials, build_world
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.postgres


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def quiet(world: World, dialect: str = "native", **changes: Any) -> Endpoint:
    """An endpoint that nobody delivers to."""
    given = {"address": "https://crm.example.org/", "event_types": (EventType.CALL_ENDED,)} | changes
    return await world.services.webhooks.add(world.account.id, dialect, **given)


async def listed(api: Api, query: str = "", token: str = TOKENS["native"]) -> list[dict[str, Any]]:
    answer = await api(f"/deliveries?{query}", token=token)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["deliveries"]
    return found


async def test_a_delivery_and_its_attempts(world: World, api: Api, receiver: Receiver) -> None:
    made = await make_endpoint(api, receiver, event_types=["call.ended"], name="CRM")
    receiver.reply = lambda _: web.Response(status=503, text="later", headers={"Retry-After": "1"})
    call = world.golden()
    await world.save(call)
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
        receiver.reply = lambda _: web.Response(text="thanks")
        await hurry(world)
        await receiver.wait_for(2)
        await settled(world)
    (delivery,) = await listed(api)
    assert (delivery["type"], delivery["endpoint"], delivery["state"]) == ("call.ended", made["hash"], "delivered")
    assert (delivery["tries"], delivery["status"], delivery["error"], delivery["due_at"]) == (2, 200, None, None)
    assert delivery["subject"] == f"call:{call.id}"
    assert delivery["event"] == receiver.received[0].headers["webhook-id"]
    path = f"/deliveries/{delivery['event']}/{made['hash']}/attempts"
    answer = await api(path)
    assert faults(answer.json(), {"$ref": "#/components/schemas/AttemptList"}, DOCUMENT) == []
    second, first = answer.json()["attempts"]
    assert (first["number"], first["delivered"], first["error"]) == (0, False, "HTTP status 503")
    assert (second["number"], second["delivered"], second["error"]) == (1, True, None)
    assert first["request"]["address"] == made["address"]
    assert json.loads(first["request"]["body"]) == receiver.received[0].json
    headers = {name.lower(): value for name, value in first["request"]["headers"].items()}
    assert headers["webhook-signature"] == receiver.received[0].headers["webhook-signature"]
    assert (first["response"]["status"], first["response"]["body"]) == (503, "later")
    assert first["response"]["headers"]["Retry-After"] == "1"
    assert second["response"]["body"] == "thanks"
    page = (await api(f"{path}?limit=1")).json()
    assert page["attempts"] == [second]
    assert (await api(f"{path}?cursor={page['next_cursor']}")).json() == {"attempts": [first], "next_cursor": None}


async def test_what_could_not_be_sent_has_an_error_and_no_answer(world: World, api: Api) -> None:
    endpoint = await quiet(world, address="http://127.0.0.2:9/", secrets={"v1": []})
    await world.save(world.golden())
    async with delivering(world):
        await settled(world)
    (delivery,) = await listed(api, "failed=true")
    (attempt,) = (await api(f"/deliveries/{delivery['event']}/{endpoint.hash}/attempts")).json()["attempts"]
    assert (attempt["response"], attempt["delivered"], delivery["status"]) == (None, False, None)
    assert attempt["error"] == delivery["error"]
    assert delivery["state"] == "waiting"


async def test_every_filter(world: World, api: Api, receiver: Receiver) -> None:
    receiver.reply = lambda request: web.Response(status=500 if "bad" in request.path else 200)
    good = await quiet(world, address=receiver.url + "/good", event_types=(EventType.CALL_ENDED, EventType.MESSAGE_RECEIVED))  # fmt: skip
    bad = await quiet(world, address=receiver.url + "/bad")
    other = await quiet(world, "invox", address=receiver.url + "/invox")
    early, late = world.golden(), world.golden(started_at=GOLDEN_START + timedelta(days=1))
    await world.save(early, late)
    message = await receive_message(world, "hello")
    async with delivering(world):
        await receiver.wait_for(7)
        await settled(world)
    everything = await listed(api)
    assert len(everything) == 7
    events = {item["subject"]: item["event"] for item in everything}
    to = {item["subject"] + "/" + item["endpoint"]: item for item in everything}
    mine = f"call:{early.id}"
    assert len(to) == 7
    for query, number in (
        (f"endpoint={good.hash}", 3),
        (f"endpoint={good.hash}&endpoint={bad.hash}", 5),
        ("endpoint=NOSUCH00", 0),
        ("dialect=invox", 2),
        (f"address={receiver.url}/bad", 2),
        (f"event={events[mine]}", 3),
        ("type=message.received", 1),
        ("type=message.received&type=call.ended", 7),
        (f"subject={mine}", 3),
        (f"subject=message:{message.id}", 1),
        (f"subject=number:{world.did.hash}", 0),
        ("from=2026-07-15T00:00:00Z", 4),
        ("to=2026-07-15T00:00:00Z", 3),
        ("status=500", 2),
        ("failed=true", 2),
        ("failed=false", 5),
        ("state=waiting", 2),
        ("state=delivered", 5),
        ("state=given_up", 0),
        (f"failed=true&subject={mine}", 1),
    ):
        assert len(await listed(api, query)) == number, query
    assert {item["endpoint"] for item in await listed(api, "dialect=invox")} == {other.hash}


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_give_each_delivery_once_while_events_arrive(world: World, api: Api, limit: int) -> None:
    """A page may end between the deliveries of one event."""
    for _ in range(3):
        await quiet(world)
    await world.save(*(world.golden() for _ in range(4)))
    whole = await listed(api)
    seen, cursor = [], ""
    for _ in range(20):
        body = (await api(f"/deliveries?limit={limit}{cursor}")).json()
        seen += body["deliveries"]
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"
        await world.save(world.golden())
    assert len(whole) == 12
    assert seen == whole
    only = (await api(f"/deliveries?limit=2&event={whole[0]['event']}")).json()
    rest = (await api(f"/deliveries?limit=2&event={whole[0]['event']}&cursor={only['next_cursor']}")).json()
    assert only["deliveries"] + rest["deliveries"] == whole[:3]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("limit=0", "limit", "out_of_range"),
        ("cursor=x", "cursor", "bad_format"),
        ("cursor=evt_0000000000001", "cursor", "bad_format"),
        ("endpoint=x", "endpoint", "bad_format"),
        ("dialect=%C3%A9", "dialect", "bad_format"),
        ("event=1", "event", "bad_format"),
        ("type=call.lost", "type", "unknown_value"),
        ("subject=call", "subject", "bad_format"),
        ("subject=call:ABC", "subject", "bad_format"),
        ("subject=call:" + "9" * 25, "subject", "bad_format"),
        ("subject=number:A", "subject", "bad_format"),
        ("subject=account:" + "A" * 32, "subject", "bad_format"),
        ("from=2026-07-15T00:00:00Z&to=2026-07-14T00:00:00Z", "to", "inverted_range"),
        ("status=99", "status", "out_of_range"),
        ("status=ok", "status", "wrong_type"),
        ("failed=yes", "failed", "unknown_value"),
        ("state=lost", "state", "unknown_value"),
        ("colour=red", "colour", "unknown_value"),
    ],
)
async def test_a_wrong_parameter_is_named(api: Api, query: str, field: str, code: str) -> None:
    answer = await api(f"/deliveries?{query}")
    assert answer.status_code == 400
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [(field, code)]


async def test_what_was_never_due_has_no_attempts(world: World, api: Api) -> None:
    endpoint = await quiet(world)
    await world.save(world.golden())
    (delivery,) = await listed(api)
    for path in (
        f"{event_text(1)}/{endpoint.hash}", f"{delivery['event']}/NOSUCH00", f"nonsense/{endpoint.hash}",
        f"evt_0zzzzzzzzzzzz/{endpoint.hash}", f"{delivery['event']}/%00",
    ):  # fmt: skip
        assert (await api(f"/deliveries/{path}/attempts")).status_code == 404, path
    assert (await api(f"/deliveries/{delivery['event']}/{endpoint.hash}/attempts?cursor=x")).status_code == 400
    assert (await api(f"/deliveries/{delivery['event']}/{endpoint.hash}/attempts")).json()["attempts"] == []


async def test_who_may_look(world: World, api: Api, tmp_path: Path) -> None:
    item = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    await world.services.accounts.add_token(world.account.id, "native", "s" * 40, property_id=item.id)
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    await add_credentials(stranger, "x")
    whole, own = await quiet(world), await quiet(world, property_id=item.id)
    await world.save(world.golden(), world.golden(property_id=item.id))
    assert len(await listed(api)) == 3
    (delivery,) = await listed(api, token="s" * 40)
    assert delivery["endpoint"] == own.hash
    assert await listed(api, f"endpoint={whole.hash}", token="s" * 40) == []
    assert await listed(api, token=TOKENS["native"] + "x") == []
    for hash_, token in ((whole.hash, "s" * 40), (whole.hash, TOKENS["native"] + "x"), (own.hash, TOKENS["native"] + "x")):  # fmt: skip
        path = f"/deliveries/{delivery['event']}/{hash_}"
        assert (await api(f"{path}/attempts", token=token)).status_code == 404
        assert (await api(f"{path}/replay", method="POST", token=token)).status_code == 404
    assert (await api(f"/deliveries/{delivery['event']}/{own.hash}/attempts", token="s" * 40)).status_code == 200


async def test_a_token_of_one_property_sees_nothing_of_what_its_endpoint_was_told_as_anothers(
    world: World, api: Api
) -> None:
    item = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    await world.services.accounts.add_token(world.account.id, "native", "s" * 40, property_id=item.id)
    endpoint = await quiet(world)
    await world.save(world.golden(), world.golden(property_id=item.id))
    await world.services.webhooks.change(replace(endpoint, property_id=item.id))
    foreign, own = sorted(await listed(api), key=lambda delivery: delivery["event"])
    assert await listed(api, token="s" * 40) == [own]
    for delivery, status in ((foreign, 404), (own, 200)):
        path = f"/deliveries/{delivery['event']}/{endpoint.hash}"
        assert (await api(f"{path}/attempts", token="s" * 40)).status_code == status
