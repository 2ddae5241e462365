"""Endpoints: how each of them does, and what can be done to it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from litestar.testing import AsyncTestClient

from ringtrail.dashboard import assets, webhook_words
from ringtrail.model.events import MEANING, EventType
from ringtrail.model.webhook import DeliveryState, DisabledBy, Endpoint
from tests.dashboard.conftest import LOGIN, PASSWORD, log_in
from tests.dashboard.webhooks_demo import delivering, endpoint_of, execute, furnish, settled
from tests.fixtures import World, add_credentials, build_world
from tests.receiver import Receiver

pytestmark = pytest.mark.postgres
Client = AsyncTestClient[Any]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"
ACTIONS = ("test", "disable", "enable", "remove", "replay")


async def now_of(world: World, endpoint: Endpoint) -> Endpoint:
    found = await world.services.webhooks.by_hash(world.account.id, endpoint.hash)
    assert found is not None
    return found


async def act(client: Client, endpoint: Endpoint, action: str, **form: str) -> str:
    """Post the form, follow where it leads; the page's text."""
    answer = await client.post(f"/webhooks/{endpoint.hash}/{action}", data=form)
    assert answer.status_code == 303, answer.text
    return str((await client.get(answer.headers["location"])).text)


async def own_login(world: World, name: str, property_id: int) -> str:
    """A login that is bound to a property."""
    await world.services.accounts.add_password(world.account.id, "dashboard", name, PASSWORD)
    await execute(world, "UPDATE credentials SET property_id = %s WHERE login = %s", property_id, name)
    return name


def test_every_event_and_state_has_a_word_and_an_icon_that_is_drawn() -> None:
    drawn = set(re.findall(r'id="i-(\w+)"', (Path(assets.__file__).parent / "templates/icons.html").read_text()))
    assert set(webhook_words.EVENTS) == set(EventType) == set(MEANING)
    assert len(set(webhook_words.EVENTS.values())) == len(EventType)
    assert set(webhook_words.STATES) == set(DeliveryState)
    labels = [item for item in vars(webhook_words).values() if isinstance(item, webhook_words.Label)]
    assert len(labels) >= 7
    for label in (*labels, *webhook_words.STATES.values()):
        assert label.icon in drawn


async def test_an_account_without_endpoints_is_told_where_they_are_made(client: Client) -> None:
    text = (await client.get("/webhooks")).text
    assert "Nobody is told anything yet" in text
    assert "webhooks.subscribe" in text
    assert 'href="/webhooks"' in (await client.get("/")).text


async def test_the_list_says_how_each_endpoint_does(world: World, client: Client, receiver: Receiver) -> None:
    shop = await furnish(world, receiver, 3)
    await world.services.webhooks.disable(shop.off, DisabledBy.OWNER)
    text = (await client.get("/fragments/webhooks")).text
    assert "<html" not in text
    assert text in (await client.get("/webhooks")).text
    rows = dict(re.findall(r'<li id="endpoint-(\w+)"(.*?)</li>', text, re.DOTALL))
    expected = {
        shop.hub.hash: (
            "Data hub",
            "Working",
            "ringtrail (Standard Webhooks)",
            "whole account",
            "Call started, Call ended",
        ),
        shop.crm.hash: (
            "CRM of the sales team",
            "Failing since",
            "CALLR webhook",
            "3 waiting",
            "Nothing delivered yet",
        ),
        shop.old.hash: ("Disabled by the system: it answered 410 Gone", "Agendize watch", "www.mysite.com"),
        shop.off.hash: ("Reporting export", "Disabled by you", "INVOX push", "Last delivered", "3 delivered, 0 failed"),
    }
    for hash_, words in expected.items():
        for word in words:
            assert word in rows[hash_], word


async def test_the_picture_has_a_bar_for_each_of_the_newest_tries(
    world: World, receiver: Receiver, client: Client
) -> None:
    shop = await furnish(world, receiver, 2)
    text = (await client.get(f"/fragments/webhooks/{shop.crm.hash}")).text
    assert (text.count('class="failed"'), text.count('class="delivered"'), text.count('class="none"')) == (2, 0, 48)
    assert 'aria-label="Newest 2 tries: 0 delivered, 2 failed"' in text
    assert "500 Internal Server Error</title>" in text


async def test_an_endpoint_that_asked_for_a_rest_is_paused(world: World, client: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    until = datetime.now(UTC) + timedelta(hours=1)
    await execute(world, "UPDATE endpoints SET paused_until = %s, failing_since = now()", until)
    text = (await client.get(f"/webhooks/{endpoint.hash}")).text
    assert "Paused" in text
    assert f"asked for a rest until {until.astimezone(ZoneInfo('Europe/Paris')):%H:%M}" in re.sub(
        r"Tomorrow, |[A-Z]\w+day \d+ \w+, ", "", text
    )
    assert "failing since" in text


async def test_what_waits_is_not_counted_for_ever(world: World, client: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    await execute(
        world,
        "WITH told AS (INSERT INTO events (account_id, type, about, at) SELECT %s, 'call.ended', n, now()"
        " FROM generate_series(1, 1001) n RETURNING account_id, id, about)"
        " INSERT INTO deliveries (account_id, event_id, endpoint_hash, about, due_at)"
        " SELECT account_id, id, %s, about, now() FROM told",
        world.account.id, endpoint.hash,
    )  # fmt: skip
    assert "1000 or more waiting" in (await client.get("/webhooks")).text


async def test_a_test_is_sent_and_its_delivery_seen(world: World, client: Client, receiver: Receiver) -> None:
    endpoint = await endpoint_of(world, f"{receiver.url}/hook", name="Data hub")
    assert "A test is on its way." in await act(client, endpoint, "test")
    async with delivering(world):
        await settled(world)
    assert receiver.received[0].json["type"] == "endpoint.test"
    text = (await client.get(f"/webhooks/{endpoint.hash}")).text
    for expected in (">Test</a>", "Delivered", "200 OK"):
        assert expected in text


async def test_disabled_and_enabled_with_what_it_missed(world: World, client: Client, receiver: Receiver) -> None:
    endpoint = await endpoint_of(world, receiver.url)
    assert "Disabled. What happens from now on" in await act(client, endpoint, "disable")
    assert (await now_of(world, endpoint)).disabled_by is DisabledBy.OWNER
    await world.save(world.golden(), world.golden())
    text = await act(client, endpoint, "enable", missed="send")
    assert "Events that it missed and that are on their way now: 2." in text
    assert (await now_of(world, endpoint)).enabled
    async with delivering(world):
        await receiver.wait_for(2)


async def test_enabled_with_only_what_comes(world: World, client: Client, receiver: Receiver) -> None:
    endpoint = await endpoint_of(world, receiver.url)
    await act(client, endpoint, "disable")
    await world.save(world.golden())
    assert "It is told what happens from now on." in await act(client, endpoint, "enable", missed="skip")
    await world.save(world.golden())
    async with delivering(world):
        await settled(world)
    assert len(receiver.received) == 1


async def test_what_the_operator_disabled_is_not_the_owners_to_enable(world: World, client: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    await world.services.webhooks.disable(endpoint, DisabledBy.ADMIN, "it floods our network")
    text = (await client.get(f"/webhooks/{endpoint.hash}")).text
    assert "Disabled by the operator: it floods our network" in text
    assert f"{endpoint.hash}/enable" not in text
    for action in ("enable", "disable"):
        answer = await client.post(f"/webhooks/{endpoint.hash}/{action}", data={"missed": "send"})
        assert answer.status_code == 403
        assert "The operator has disabled this endpoint." in answer.text
    assert (await now_of(world, endpoint)).disabled_by is DisabledBy.ADMIN


async def test_a_disabled_endpoint_is_neither_tested_nor_replayed_to(world: World, client: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    await act(client, endpoint, "disable")
    for action, form in (("test", {}), ("replay", {"from": "2026-01-01T00:00"})):
        answer = await client.post(f"/webhooks/{endpoint.hash}/{action}", data=form)
        assert answer.status_code == 409
        assert "The endpoint is disabled: enable it first." in answer.text


async def test_removing_asks_first(world: World, client: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/", name="Data hub")
    asked = (await client.get(f"/webhooks/{endpoint.hash}/remove")).text
    assert "Remove <bdi>Data hub</bdi>?" in asked
    assert await world.services.webhooks.list(world.account.id)
    assert "Removed, with its log." in await act(client, endpoint, "remove")
    assert await world.services.webhooks.list(world.account.id) == []
    assert (await client.get(f"/webhooks/{endpoint.hash}")).status_code == 404


async def test_a_span_of_time_is_sent_again_and_says_how_many(world: World, client: Client, receiver: Receiver) -> None:
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden(), world.golden(), world.golden())
    async with delivering(world):
        await settled(world)
    await execute(world, "UPDATE events SET written_at = '2026-07-14 09:30Z' WHERE id = (SELECT max(id) FROM events)")
    await execute(world, "UPDATE events SET written_at = '2026-07-14 08:30Z' WHERE written_at > '2026-07-14 10:00Z'")
    span = {"from": "2026-07-14T11:00", "to": "2026-07-14T12:00"}  # of Paris
    again = "Events that are on their way again:"
    assert f"{again} 0." in await act(client, endpoint, "replay", **span, which="undelivered")
    assert f"{again} 1." in await act(client, endpoint, "replay", **span, which="all")
    async with delivering(world):
        await settled(world)
    assert f"{again} 3." in await act(client, endpoint, "replay", **{"from": "2026-07-14T10:00", "which": "all"})


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "is a day and a time"),
        ({"from": "soon"}, "is a day and a time"),
        ({"from": "0001-01-01T00:00"}, "is a day and a time"),
        ({"from": "2026-07-14T11:00", "to": "9999-12-31T23:59"}, "is a day and a time"),
        ({"from": "2026-07-14T11:00", "to": "2026-07-14T11:00"}, "The end is not after the beginning"),
    ],
)
async def test_a_span_that_is_none_is_refused_in_words(
    world: World, client: Client, form: dict[str, str], words: str
) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    answer = await client.post(f"/webhooks/{endpoint.hash}/replay", data=form)
    assert answer.status_code == 400
    assert words in answer.text


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_form_of_another_site_changes_nothing(world: World, client: Client, action: str) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = await client.post(f"/webhooks/{endpoint.hash}/{action}", headers=headers)
        assert answer.status_code == 403
    assert (await now_of(world, endpoint)).enabled


async def test_another_accounts_endpoints_are_not_there(world: World, stranger: Client, tmp_path: Path) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/", name="Data hub")
    other = await build_world(world.database, tmp_path, name="Other")
    await add_credentials(other, "x")
    await log_in(stranger, "demox")
    await _sees_nothing(stranger, endpoint)


async def test_a_login_of_a_property_sees_its_endpoints_only(world: World, stranger: Client) -> None:
    clinic = await world.services.accounts.add_property(world.account.id, "clinic")
    whole = await endpoint_of(world, "http://127.0.0.1:1/", name="Data hub")
    shop = await endpoint_of(world, "http://127.0.0.1:1/", name="Shop", property_id=world.property.id)
    own = await endpoint_of(world, "http://127.0.0.1:1/", name="Ours", property_id=clinic.id)
    await log_in(stranger, await own_login(world, "nurse", clinic.id))
    text = (await stranger.get("/webhooks")).text
    assert "Ours" in text
    assert "Shop" not in text
    for endpoint in (whole, shop):
        await _sees_nothing(stranger, endpoint)
    assert "A test is on its way." in await act(stranger, own, "test")


async def _sees_nothing(client: Client, endpoint: Endpoint) -> None:
    assert "Data hub" not in (await client.get("/webhooks")).text
    of_it = f"/webhooks/{endpoint.hash}"
    for path in (
        of_it,
        f"{of_it}/remove",
        f"/fragments{of_it}",
        f"/fragments{of_it}/newest",
        f"/webhooks/ledger?endpoint={endpoint.hash}",
    ):
        assert (await client.get(path)).status_code == 404, path
    for action in ACTIONS:
        assert (await client.post(f"{of_it}/{action}")).status_code == 404, action


async def test_without_a_session_the_way_leads_over_the_login_and_back(world: World, stranger: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    for path in ("/webhooks", f"/webhooks/{endpoint.hash}", "/webhooks/ledger?state=failed&type=call.ended"):
        answer = await stranger.get(path)
        assert answer.status_code == 303
        login = (await stranger.get(answer.headers["location"])).text
        way = re.search(r'name="next" value="([^"]*)"', login)
        assert way is not None
        assert way[1].replace("&amp;", "&") == path
    for action in ACTIONS:
        assert (await stranger.post(f"/webhooks/{endpoint.hash}/{action}")).status_code == 401
    assert (await log_in(stranger, LOGIN, PASSWORD, "/webhookshop")).headers["location"] == "/"


async def test_a_hostile_name_and_address_are_shown_as_text(world: World, client: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/?<script>alert(1)</script>", name=HOSTILE + "n" * 5_000)
    await world.services.webhooks.disable(endpoint, DisabledBy.ADMIN, HOSTILE)
    await world.save(world.golden())
    await world.services.webhooks.enable(endpoint, by=DisabledBy.ADMIN)
    for path in ("/webhooks", "/webhooks/ledger", f"/webhooks/{endpoint.hash}", f"/webhooks/{endpoint.hash}/remove"):
        text = (await client.get(path)).text
        assert "&lt;script&gt;" in text
        assert not re.search(r"<script(?! src=)|<img|\u202e", text)


@pytest.mark.parametrize("path", ["/webhooks/NOSUCH", "/webhooks/%00", "/webhooks/%F0%9F%98%80/remove"])
async def test_what_is_not_there_is_a_page_and_no_fault(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text


async def test_what_was_done_is_told_in_our_own_words_only(world: World, client: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    for query in ("done=Pay+here", "done=replay&count=<b>call+us</b>"):
        text = (await client.get(f"/webhooks/{endpoint.hash}?{query}")).text
        assert "Pay here" not in text
        assert "call us" not in text
