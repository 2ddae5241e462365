"""The log of watches: what was really sent and answered, for ten days, page by page."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from aiohttp import web
from httpx import AsyncClient, Response

from ringtrail.model.account import Property
from ringtrail.model.webhook import DisabledBy
from tests.dialects.agendize.client import Agendize, AgendizeError
from tests.dialects.agendize.conftest import HEADERS
from tests.dialects.agendize.test_entered import CALL
from tests.dialects.delivering import delivering, hurry, settled
from tests.fixtures import World
from tests.receiver import Received, Receiver

pytestmark = pytest.mark.postgres

HOOK = "https://crm.example.com/hook"
PREFIXES = ("/api/2.0", "/api/2.3")


async def send(client: AsyncClient, method: str, path: str, body: Any = None, prefix: str = "/api/2.3") -> Response:
    return await client.request(method, prefix + path, headers=HEADERS, json=body)


async def logged(client: AsyncClient) -> list[dict[str, Any]]:
    answer = await send(client, "GET", "/watchers/requests")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def refusing(status: int, text: str) -> Any:
    return lambda _request: web.Response(status=status, text=text)


async def test_a_request_that_was_sent_is_shown_as_it_was_sent_and_answered(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver
) -> None:
    watch = await api.watch(
        receiver.url + "/${$.id}", name="CRM", method="PUT", schema={"who": "${$.callerNumber}"},
        basicAuth={"username": "ann", "password": "p4ss"}, httpRequestHeader={"X-Tenant": "t-secret"},
    )  # fmt: skip
    async with delivering(world):
        await api.enter(**CALL)
        (told,) = await receiver.wait_for(1)
        await settled(world)
    (item,) = await logged(client)
    assert item["request"]["body"] == told.body.decode() == '{"who":"+33612345678"}'
    assert item["request"]["address"] == f"{receiver.url}/1"
    assert item["request"]["headers"] == {
        "Content-Type": "application/json", "X-Agendize-Event": "created", "X-Tenant": "***", "Authorization": "***",
    }  # fmt: skip
    assert item["response"] == {"body": "ok", "statusCode": 200, "errorMessage": None}
    assert item["watcher"] == {
        "id": watch["id"], "name": "CRM", "address": watch["address"], "objectType": "call", "selfLink": watch["selfLink"],
    }  # fmt: skip
    assert (item["status"], item["objectEvent"]) == ("success", "created")
    assert item["owner"] == {"type": "account", "id": world.account.sid}
    assert item["created"] <= item["sent"]
    assert item["duration"] >= 0
    told_secrets = ("p4ss", "t-secret", b64encode(b"ann:p4ss").decode())
    assert not [secret for secret in told_secrets if secret in json.dumps(item)]


async def test_a_request_that_waits_shows_where_it_will_go(client: AsyncClient, api: Agendize) -> None:
    await api.watch(HOOK + "/${$.id}")
    await api.enter(**CALL)
    (item,) = await logged(client)
    assert item["request"] == {"body": None, "address": HOOK + "/${$.id}", "headers": None}
    assert item["response"] == {"body": None, "statusCode": None, "errorMessage": None}
    assert (item["status"], item["sent"], item["duration"]) == ("pending", None, None)


async def test_what_could_not_be_sent_says_why(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver
) -> None:
    await api.watch(receiver.url, schema='{"secs":${$.duration}')
    await api.enter(**CALL)
    async with delivering(world):
        await settled(world)
    (item,) = await logged(client)
    assert item["request"] == {"body": None, "address": receiver.url, "headers": None}
    assert item["response"]["statusCode"] is None
    assert item["response"]["errorMessage"].startswith("the result is not JSON")
    assert (item["status"], receiver.received) == ("failed", [])


async def test_the_newest_try_is_the_one_that_is_shown(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver
) -> None:
    await api.watch(receiver.url)
    receiver.reply = refusing(500, "first")
    async with delivering(world):
        await api.enter(**CALL)
        await settled(world)
        (item,) = await logged(client)
        assert (item["status"], item["response"]["body"]) == ("retrying", "first")
        receiver.reply = refusing(201, "second")
        await hurry(world)
        await receiver.wait_for(2)
        await settled(world)
    (item,) = await logged(client)
    assert (item["status"], item["response"]) == (
        "success", {"body": "second", "statusCode": 201, "errorMessage": None},
    )  # fmt: skip


async def test_an_error_is_read_and_forgotten_and_then_not_tried_again(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver
) -> None:
    receiver.reply = refusing(500, "broken")
    bad = await api.watch(receiver.url, name="Bad")
    async with delivering(world):
        await api.enter(**CALL)
        await settled(world)
        (failed,) = await logged(client)
        assert failed["response"] == {"body": "broken", "statusCode": 500, "errorMessage": "HTTP status 500"}
        for prefix in PREFIXES:
            assert (await send(client, "GET", f"/watchers/errors/{failed['id']}", prefix=prefix)).json() == failed
        assert (await send(client, "DELETE", f"/watchers/errors/{failed['id']}")).content == b""
        assert (await send(client, "GET", f"/watchers/errors/{failed['id']}")).status_code == 404
        await hurry(world)
        await settled(world)
    assert (await logged(client), len(receiver.received)) == ([], 1)
    assert [watch["id"] for watch in await api.watchers.list()] == [bad["id"]]


async def test_what_was_delivered_is_no_error(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver
) -> None:
    await api.watch(receiver.url)
    async with delivering(world):
        await api.enter(**CALL)
        await settled(world)
    (item,) = await logged(client)
    assert (await send(client, "GET", f"/watchers/errors/{item['id']}")).status_code == 404


async def test_what_is_older_than_ten_days_is_not_shown(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver
) -> None:
    receiver.reply = refusing(500, "broken")
    await api.watch(receiver.url)
    async with delivering(world):
        await api.enter(**CALL)
        await api.enter(**CALL)
        await settled(world)
    newer, older = await logged(client)
    async with world.database.transaction() as connection:
        days = b"UPDATE events SET written_at = now() - CASE id WHEN %s THEN interval '9 days 23 hours' ELSE interval '10 days 1 hour' END"  # fmt: skip
        await connection.execute(days, (int(newer["id"].split("-")[0]),))
    assert await logged(client) == [newer]
    assert (await send(client, "GET", f"/watchers/errors/{newer['id']}")).status_code == 200
    for method in ("GET", "DELETE"):
        assert (await send(client, method, f"/watchers/errors/{older['id']}")).status_code == 404


async def test_a_call_of_long_ago_that_is_entered_today_is_shown(client: AsyncClient, api: Agendize) -> None:
    await api.watch(HOOK)
    await api.enter(**CALL | {"start": {"dateTime": "2020-01-01T10:00:00", "timeZone": "Europe/Paris"}})
    assert len(await logged(client)) == 1


async def test_a_test_of_a_watch_is_in_the_log(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver
) -> None:
    watch = await api.watch(receiver.url)
    endpoint = await world.services.webhooks.by_hash(world.account.id, watch["id"])
    assert endpoint is not None
    await world.services.webhooks.test(endpoint)
    async with delivering(world):
        await settled(world)
    (item,) = await logged(client)
    assert (item["objectEvent"], item["status"]) == ("created", "failed")
    assert item["response"]["errorMessage"] == "there is no call yet"


async def test_a_key_of_one_property_reads_the_log_of_its_own_watches_only(
    client: AsyncClient, bound: tuple[Property, Agendize], api: Agendize
) -> None:
    _, mine = bound
    await api.watch(HOOK)
    await mine.watch(HOOK)
    await api.enter(**CALL)
    (theirs,) = await logged(client)
    assert await mine.watchers.get("requests") == {"items": []}
    with pytest.raises(AgendizeError, match="404"):
        await mine.watchers.get(f"errors/{theirs['id']}")


async def test_the_log_goes_on_page_by_page_without_loss_or_repetition(
    client: AsyncClient, api: Agendize, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringtrail.dialects.agendize.watch_routes.PAGE_SIZE", 4)
    for number in range(3):
        await api.watch(f"{HOOK}/{number}")
    for _ in range(5):
        await api.enter(**CALL)
    found: list[str] = []
    token = ""
    while token is not None:
        page = (await send(client, "GET", f"/watchers/requests?pageToken={token}")).json()
        found += [item["id"] for item in page["items"]]
        assert {item["status"] for item in page["items"]} == {"pending"}
        token = page.get("nextPageToken")
    assert len(found) == len(set(found)) == 15
    assert (await send(client, "GET", "/watchers/requests?pageToken=x")).status_code == 400


# --- disabled, and enabled again ------------------------------------------------------------------------------------------


def duration(request: Received) -> int:
    return int(request.json["duration"])


async def test_a_watch_that_we_disabled_is_told_what_it_missed_when_it_is_enabled(
    world: World, client: AsyncClient, api: Agendize, receiver: Receiver
) -> None:
    watch = await api.watch(receiver.url)
    async with delivering(world):
        await api.enter(**CALL | {"duration": 1})
        await receiver.wait_for(1)
        await settled(world)
        receiver.reply = refusing(410, "gone")
        await api.enter(**CALL | {"duration": 2})
        await receiver.wait_for(2)
        await settled(world)
        assert (await api.watchers.get(watch["id"]))["status"] == "disabled"
        await api.enter(**CALL | {"duration": 3})
        await settled(world)
        assert len(receiver.received) == 2
        receiver.reply = refusing(200, "back")
        enabled = await api.watchers.change(watch["id"], status="enabled")
        assert enabled == watch
        await receiver.wait_for(4)
        await settled(world)
    assert [duration(request) for request in receiver.received] == [1, 2, 2, 3]
    assert {item["status"] for item in await logged(client)} == {"success"}


async def test_a_watch_that_its_owner_disabled_is_not_told_what_was_meanwhile(
    world: World, api: Agendize, receiver: Receiver
) -> None:
    watch = await api.watch(receiver.url)
    async with delivering(world):
        await api.watchers.change(watch["id"], status="disabled")
        await api.enter(**CALL | {"duration": 1})
        await api.watchers.change(watch["id"], status="enabled")
        await api.enter(**CALL | {"duration": 2})
        await receiver.wait_for(1)
        await settled(world)
    assert [duration(request) for request in receiver.received] == [2]


async def test_what_the_operator_disabled_its_owner_cannot_enable(world: World, api: Agendize) -> None:
    watch = await api.watch(HOOK)
    endpoint = await world.services.webhooks.by_hash(world.account.id, watch["id"])
    assert endpoint is not None
    await world.services.webhooks.disable(endpoint, DisabledBy.ADMIN, "abuse")
    with pytest.raises(AgendizeError, match="403"):
        await api.watchers.change(watch["id"], status="enabled")
    assert (await api.watchers.get(watch["id"]))["status"] == "disabled"
