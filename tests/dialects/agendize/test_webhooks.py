"""Watches: what an address is sent when a call is shown, changes or is deleted."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from ringtrail.dialects.agendize.webhooks import EVENT_TYPES, WORDS, check_watch
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError
from ringtrail.model.events import EventType
from ringtrail.model.webhook import AttemptRecord, DeliveryRecord, DeliveryState, Endpoint, LogQuery
from ringtrail.services.entered_calls import CallEntry
from tests.dialects.agendize.conftest import Ask
from tests.dialects.delivering import calling, delivering, settled, tell
from tests.fixtures import GOLDEN_START, World
from tests.receiver import Received, Receiver

pytestmark = pytest.mark.postgres


async def watch(world: World, receiver: Receiver, **changes: Any) -> Endpoint:
    given = {"address": f"{receiver.url}/calls", "event_types": tuple(EVENT_TYPES.values())} | changes
    check_watch(world.services, given["address"], given.get("settings", {}), given.get("secrets", {}))
    return await world.services.webhooks.add(world.account.id, "agendize", **given)


async def attempts_of(world: World, endpoint: Endpoint) -> list[AttemptRecord]:
    query = LogQuery(account_id=world.account.id, endpoint_hashes=[endpoint.hash])
    return (await world.services.webhook_ledger.attempts(query))[0]


async def deliveries_of(world: World, endpoint: Endpoint) -> list[DeliveryRecord]:
    query = LogQuery(account_id=world.account.id, endpoint_hashes=[endpoint.hash])
    return (await world.services.webhook_ledger.deliveries(query))[0]


async def told_once(world: World, receiver: Receiver) -> Received:
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    (request,) = receiver.received
    return request


def owner(world: World) -> Principal:
    return Principal(account=world.account, property=None, credential_id=0, login=None)


async def test_created_updated_and_deleted_are_told_in_order(world: World, receiver: Receiver, ask: Ask) -> None:
    await watch(world, receiver)
    call = world.golden()
    async with delivering(world):
        await world.save(call)
        created = (await receiver.wait_for(1))[0]
        assert created.json == (await ask("/calls")).json()["items"][0]
        await world.services.entered_calls.correct(owner(world), call.id, CallEntry(duration_s=7))
        updated = (await receiver.wait_for(2))[1]
        assert updated.json == (await ask("/calls")).json()["items"][0]
        await world.services.entered_calls.remove(owner(world), call.id)
        deleted = (await receiver.wait_for(3))[2]
    assert [request.headers["x-agendize-event"] for request in receiver.received] == list(EVENT_TYPES)
    assert (created.json["duration"], updated.json["duration"]) == (199, 7)
    assert deleted.json == {"id": "1", "buttonId": None, "clientId": None, "externalId": str(call.id)}
    assert {request.method for request in receiver.received} == {"POST"}
    assert {request.headers["content-type"] for request in receiver.received} == {"application/json"}


async def test_a_watch_is_told_only_of_the_events_that_it_names(world: World, receiver: Receiver) -> None:
    await watch(world, receiver, event_types=(EVENT_TYPES["deleted"],))
    call = world.golden()
    await world.save(call)
    await world.services.entered_calls.remove(owner(world), call.id)
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    assert [request.headers["x-agendize-event"] for request in receiver.received] == ["deleted"]


async def test_a_disabled_watch_is_told_nothing(world: World, receiver: Receiver) -> None:
    await watch(world, receiver, enabled=False)
    await world.save(world.golden())
    async with delivering(world):
        await settled(world)
        await asyncio.sleep(0.2)
    assert receiver.received == []


async def test_a_call_that_moves_to_another_property_is_not_shown_to_a_watch_of_the_first(
    world: World, receiver: Receiver
) -> None:
    """What happened there is still to be told when the call moves; the watch of the new one is told of the move."""
    site = await world.services.accounts.add_property(world.account.id, "Toronto")
    button = await world.services.buttons.create(world.account, site.id, name="Call me", target="+33987654321")
    first = await watch(world, receiver, property_id=world.property.id, name="first")
    second = await watch(world, receiver, property_id=site.id, name="second")
    await world.save(call := world.golden())
    await world.services.entered_calls.correct(owner(world), call.id, CallEntry(button_hash=button.hash))
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    assert [request.json["buttonId"] for request in receiver.received] == [button.hash]
    assert (len(await deliveries_of(world, first)), len(await deliveries_of(world, second))) == (0, 1)


async def test_a_schema_shapes_the_body(world: World, receiver: Receiver) -> None:
    await watch(world, receiver, settings={"schema": '{"secs":${$.duration},"who":"${$.callerNumber}"}'})
    assert (await told_once(world, receiver)).json == {"secs": 199, "who": "+33612345678"}


async def test_a_rendering_that_is_no_json_is_logged_and_not_sent(world: World, receiver: Receiver) -> None:
    endpoint = await watch(world, receiver, settings={"schema": '{"secs":${$.duration}'})
    await world.save(world.golden())
    async with delivering(world):
        await settled(world)
    assert receiver.received == []
    (entry,), (attempt,) = await deliveries_of(world, endpoint), await attempts_of(world, endpoint)
    assert entry.state is DeliveryState.GIVEN_UP
    assert (attempt.method, attempt.request_body, attempt.status) == (None, None, None)
    assert (attempt.error or "").startswith("the result is not JSON")


@pytest.mark.parametrize("method", ["DELETE", "GET"])
async def test_some_methods_have_no_body_and_name_the_call_in_the_address(
    world: World, receiver: Receiver, method: str
) -> None:
    await watch(world, receiver, address=f"{receiver.url}/calls/${{$.id}}", settings={"method": method})
    request = await told_once(world, receiver)
    assert (request.method, request.path, request.body) == (method, "/calls/1", b"")
    assert "content-type" not in request.headers


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_other_methods_have_one(world: World, receiver: Receiver, method: str) -> None:
    await watch(world, receiver, settings={"method": method})
    request = await told_once(world, receiver)
    assert (request.method, request.json["id"]) == (method, "1")


async def test_basic_credentials_and_headers_of_its_own_are_sent(world: World, receiver: Receiver) -> None:
    secrets = {"basicAuth": {"username": "crm", "password": "s:é"}, "httpRequestHeader": {"X-Team": "sales", "content-type": "application/vnd.x+json"}}  # fmt: skip
    await watch(world, receiver, secrets=secrets)
    headers = (await told_once(world, receiver)).headers
    assert headers["authorization"] == "Basic " + b64encode("crm:s:é".encode()).decode()
    assert (headers["x-team"], headers["content-type"]) == ("sales", "application/vnd.x+json")


async def test_a_signature_is_made_of_the_raw_body_for_each_key(world: World, receiver: Receiver) -> None:
    await watch(world, receiver, settings={"signature": {"enabled": True, "cryptoKeyIds": ["k1", "k2"]}})
    request = await told_once(world, receiver)
    keys = {name: world.services.webhooks.signing_key(world.account.sid, name) for name in ("k1", "k2")}
    assert len(set(keys.values())) == 2
    for name, key in keys.items():
        assert (
            request.headers[f"x-agendize-signature-{name}"] == hmac.new(key, request.body, hashlib.sha256).hexdigest()
        )


async def test_a_signature_that_is_not_enabled_is_not_made(world: World, receiver: Receiver) -> None:
    await watch(world, receiver, settings={"signature": {"enabled": False, "cryptoKeyIds": ["k1"]}})
    assert not [name for name in (await told_once(world, receiver)).headers if "signature" in name]


async def test_a_test_tells_the_newest_ended_call_as_if_it_had_just_been_entered(
    world: World, receiver: Receiver, ask: Ask
) -> None:
    endpoint = await watch(world, receiver, event_types=(EVENT_TYPES["deleted"],))
    newest = world.golden(started_at=GOLDEN_START + timedelta(days=1))
    await world.save(newest, world.golden(), calling(world.golden(started_at=GOLDEN_START + timedelta(days=2))))
    await world.services.webhooks.test(endpoint)
    async with delivering(world):
        (told,) = await receiver.wait_for(1)
        await settled(world)
    assert (told.headers["x-agendize-event"], told.json["externalId"]) == ("created", str(newest.id))
    assert told.json in (await ask("/calls")).json()["items"]


async def test_a_test_before_the_first_call_says_that_there_is_none(world: World, receiver: Receiver) -> None:
    site = await world.services.accounts.add_property(world.account.id, "Toronto")
    endpoint = await watch(world, receiver, property_id=site.id)
    await world.save(world.golden())
    await world.services.webhooks.test(endpoint)
    async with delivering(world):
        await settled(world)
    (attempt,) = await attempts_of(world, endpoint)
    assert (attempt.error, attempt.method, receiver.received) == ("there is no call yet", None, [])


async def test_what_a_watch_has_no_word_for_is_logged_and_holds_nothing_up(world: World, receiver: Receiver) -> None:
    """No watch subscribes to it; an event may name its endpoint."""
    endpoint = await watch(world, receiver)
    unknown = set(EventType) - set(WORDS)
    await tell(world, endpoint, unknown)
    await world.save(world.golden())
    async with delivering(world):
        await receiver.wait_for(1)
        await settled(world)
    failed = [attempt for attempt in await attempts_of(world, endpoint) if attempt.error]
    assert {attempt.error for attempt in failed} == {f"a watch is told nothing of {type_}" for type_ in unknown}
    assert [request.headers["x-agendize-event"] for request in receiver.received] == ["created"]
    again = await world.services.webhooks.by_hash(world.account.id, endpoint.hash)
    assert again is not None
    assert (again.enabled, again.failing_since) == (True, None)


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("address", {"address": "ftp://x/"}),
    ("address", {"address": "https://${$.id}.example/"}),
    ("address", {"address": "http://10.0.0.1/"}),
    ("method", {"settings": {"method": "TRACE"}}),
    ("schema", {"settings": {"schema": {"a": "${$.["}}}),
    ("schema", {"settings": {"schema": 7}}),
    ("httpRequestHeader", {"secrets": {"httpRequestHeader": {"X": "a\r\nHost: b"}}}),
    ("httpRequestHeader", {"secrets": {"httpRequestHeader": {"X Y": "a"}}}),
    ("httpRequestHeader", {"secrets": {"httpRequestHeader": {"Host": "a"}}}),
    ("httpRequestHeader", {"secrets": {"httpRequestHeader": {f"X-{n}": "a" for n in range(21)}}}),
    ("basicAuth.username", {"secrets": {"basicAuth": {"username": "a:b", "password": "c"}}}),
    ("oauth2Auth.grantType", {"settings": {"oauth2Auth": {"grantType": "password"}}}),
    ("oauth2Auth.clientId", {"settings": {"oauth2Auth": {"accessTokenUrl": "https://x/"}}}),
    ("oauth2Auth.refreshToken", {"settings": {"oauth2Auth": {"accessTokenUrl": "https://x/", "clientId": "c"}}}),
    ("signature.cryptoKeyIds", {"settings": {"signature": {"enabled": True, "cryptoKeyIds": ["a b"]}}}),
]


@pytest.mark.parametrize(("field", "changes"), FAULTS, ids=[f"{row[0]}-{n}" for n, row in enumerate(FAULTS)])
async def test_a_watch_that_cannot_work_is_refused_by_the_vendors_name_of_the_fault(
    world: World, receiver: Receiver, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(DomainError) as refused:
        await watch(world, receiver, **changes)
    assert refused.value.field == field
