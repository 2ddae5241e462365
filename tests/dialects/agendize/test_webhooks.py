"""Watches: what an address is sent when a call is shown, changes or is deleted."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from ringtrail.dialects.agendize.webhooks import EVENT_TYPES, check_watch
from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError
from ringtrail.model.webhook import AttemptRecord, DeliveryRecord, DeliveryState, Endpoint, LogQuery
from ringtrail.services.entered_calls import CallEntry
from tests.dialects.agendize.conftest import Ask
from tests.dialects.delivering import delivering, hurry, settled
from tests.fixtures import World
from tests.receiver import Received, Receiver, receiving

pytestmark = pytest.mark.postgres


@pytest.fixture
async def issuer() -> AsyncIterator[Receiver]:
    """A token endpoint: the n-th token is `token-n`."""
    async with receiving() as receiver:
        receiver.reply = lambda _: web.json_response(
            {"access_token": f"token-{len(receiver.received)}", "token_type": "bearer", "expires_in": 3600}
        )
        yield receiver


async def watch(world: World, receiver: Receiver, **changes: Any) -> Endpoint:
    given = {"address": f"{receiver.url}/calls", "event_types": tuple(EVENT_TYPES.values())} | changes
    check_watch(world.services, given["address"], given.get("settings", {}), given.get("secrets", {}))
    return await world.services.webhooks.add(world.account.id, "agendize", **given)


async def attempts_of(world: World, endpoint: Endpoint) -> list[AttemptRecord]:
    query = LogQuery(account_id=world.account.id, endpoint_hashes=[endpoint.hash])
    return (await world.services.webhooks.attempts(query))[0]


async def deliveries_of(world: World, endpoint: Endpoint) -> list[DeliveryRecord]:
    query = LogQuery(account_id=world.account.id, endpoint_hashes=[endpoint.hash])
    return (await world.services.webhooks.deliveries(query))[0]


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


async def test_client_credentials_fetch_one_token_for_many_calls(
    world: World, receiver: Receiver, issuer: Receiver
) -> None:
    settings = {"oauth2Auth": {"grantType": "client_credentials", "clientId": "id:1", "accessTokenUrl": f"{issuer.url}/token", "scope": "a b"}}  # fmt: skip
    await watch(world, receiver, settings=settings, secrets={"oauth2Auth": {"clientSecret": "s&1"}})
    await world.save(*(world.golden() for _ in range(6)))
    async with delivering(world):
        await receiver.wait_for(6)
        await settled(world)
    assert {request.headers["authorization"] for request in receiver.received} == {"Bearer token-1"}
    (asked,) = issuer.received
    assert (asked.method, asked.path) == ("POST", "/token")
    assert asked.headers["authorization"] == "Basic " + b64encode(b"id%3A1:s%261").decode()
    assert dict(parse_qsl(asked.body.decode())) == {"grant_type": "client_credentials", "scope": "a b"}


async def test_a_refresh_token_that_is_replaced_is_used_from_then_on(
    world: World, receiver: Receiver, issuer: Receiver
) -> None:
    issuer.reply = lambda _: web.json_response(
        {"access_token": "short", "expires_in": 1, "refresh_token": f"r{len(issuer.received) + 1}"}
    )
    settings = {"oauth2Auth": {"clientId": "c", "accessTokenUrl": issuer.url}}
    await watch(world, receiver, settings=settings, secrets={"oauth2Auth": {"refreshToken": "r1"}})
    async with delivering(world):
        for number in (1, 2, 3):
            await world.save(world.golden())
            await receiver.wait_for(number)
    forms = [dict(parse_qsl(asked.body.decode())) for asked in issuer.received]
    assert [form["refresh_token"] for form in forms] == ["r1", "r2", "r3"]
    assert all(form["client_id"] == "c" and "authorization" not in form for form in forms)


async def test_a_token_that_is_refused_is_told_and_tried_again(
    world: World, receiver: Receiver, issuer: Receiver
) -> None:
    good = issuer.reply
    issuer.reply = lambda _: web.json_response({"error": "invalid_client"}, status=401)
    settings = {"oauth2Auth": {"grantType": "client_credentials", "clientId": "c", "accessTokenUrl": issuer.url}}
    endpoint = await watch(world, receiver, settings=settings, secrets={"oauth2Auth": {"clientSecret": "s"}})
    await world.save(world.golden())
    async with delivering(world):
        await issuer.wait_for(1)
        await settled(world)
        (attempt,) = await attempts_of(world, endpoint)
        assert attempt.error == "no access token: HTTP status 401, invalid_client"
        issuer.reply = good
        await hurry(world)
        await receiver.wait_for(1)


async def test_a_token_endpoint_is_not_asked_where_we_do_not_send(world: World, receiver: Receiver) -> None:
    settings = {"oauth2Auth": {"grantType": "client_credentials", "clientId": "c", "accessTokenUrl": "http://169.254.169.254/token"}}  # fmt: skip
    with pytest.raises(DomainError) as refused:
        await watch(world, receiver, settings=settings, secrets={"oauth2Auth": {"clientSecret": "s"}})
    assert refused.value.field == "oauth2Auth.accessTokenUrl"
    endpoint = await world.services.webhooks.add(
        world.account.id, "agendize", address=receiver.url, event_types=tuple(EVENT_TYPES.values()), settings=settings,
        secrets={"oauth2Auth": {"clientSecret": "s"}},
    )  # fmt: skip
    await world.save(world.golden())
    async with delivering(world):
        await settled(world)
    assert (await attempts_of(world, endpoint))[0].error == "the address is not on the public internet"
    assert receiver.received == []


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
