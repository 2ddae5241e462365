"""The ledger: what was told to whom, and how each try went."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from ringtrail.dashboard.webhook_words import body_text, took_text, visible
from ringtrail.model.ids import call_sid
from ringtrail.model.webhook import DisabledBy, LogQuery
from tests.dashboard import webhooks_demo
from tests.dashboard.conftest import log_in
from tests.dashboard.test_webhooks import own_login
from tests.dashboard.webhooks_demo import Shop, delivering, endpoint_of, execute, furnish, settled
from tests.fixtures import World, add_credentials, build_world
from tests.receiver import Receiver

pytestmark = pytest.mark.postgres
Client = AsyncTestClient[Any]
LEDGER = "/webhooks/ledger"


@pytest.fixture
async def shop(world: World, receiver: Receiver) -> Shop:
    return await furnish(world, receiver, 3)


def rows_of(text: str) -> list[str]:
    return re.findall(r'<tr id="delivery-.*?</tr>', text, re.DOTALL)


def keys_of(text: str) -> list[str]:
    return re.findall(r'<tr id="delivery-([\w-]+)"', text)


async def event_of(world: World, hash_: str) -> int:
    """The newest event that this endpoint was, or is to be, told."""
    found, _ = await world.services.webhook_ledger.deliveries(
        LogQuery(account_id=world.account.id, endpoint_hashes=[hash_]), limit=1
    )
    return found[0].event_id


async def test_the_ledger_says_what_was_told_to_whom(world: World, client: Client, shop: Shop) -> None:
    text = (await client.get(LEDGER)).text
    rows = rows_of(text)
    assert "Test" in rows[0]
    for words in (
        ("Call ended", "Call from Camille Laurent", "Data hub", "Delivered", "200 OK"),
        (
            "Call ended",
            "Call from 06 12 34 56 78",
            "CRM of the sales team",
            "Retrying",
            "next",
            "500 Internal Server Error",
        ),
        ("Call ended", f"{shop.old.address}", "Given up", "410 Gone"),
        ("Endpoint disabled", "Data hub", "Delivered"),
        ("Target&#39;s leg ended", "Data hub"),
    ):
        assert any(all(word in row for word in words) for row in rows), words
    assert "Europe/Paris" in text


async def test_the_fragment_is_a_part_of_the_page_and_only_the_newest_refreshes(client: Client, shop: Shop) -> None:
    page = (await client.get(LEDGER)).text
    assert 'data-fragment="/fragments/webhooks/ledger" data-every="5"' in page
    fragment = (await client.get("/fragments/webhooks/ledger")).text
    assert fragment in page
    assert "data-fragment" not in (await client.get(f"{LEDGER}?before=5")).text


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("type=endpoint.test", r"Test<"),
        ("type=endpoint.disabled", r"Endpoint disabled<"),
        ("state=delivered", r"> Delivered<"),
        ("state=waiting", r"> (Retrying|Held back)<"),
        ("state=given_up", r"> Given up<"),
        ("state=failed", r"> (Retrying|Given up)<"),
        ("status=500", r">500 Internal Server Error<"),
        ("status=410", r">410 Gone<"),
        ("endpoint=CRM", r"CRM of the sales team"),
        ("endpoint=CRM&state=waiting&status=500&type=call.ended", r"CRM of the sales team"),
    ],
)
async def test_every_filter_leaves_what_it_says(client: Client, shop: Shop, query: str, wanted: str) -> None:
    everything = rows_of((await client.get(LEDGER)).text)
    text = (await client.get(f"{LEDGER}?{query.replace('CRM', shop.crm.hash)}")).text
    rows = rows_of(text)
    assert rows
    assert all(re.search(wanted, row) for row in rows)
    assert len(rows) == sum(bool(re.search(wanted, row)) for row in everything)
    assert "Clear" in text


async def test_filters_by_event_call_and_time(world: World, client: Client, shop: Shop) -> None:
    call = world.golden(caller_name="Newcomer", started_at=datetime(2026, 7, 14, 9, 5, 10, tzinfo=UTC))
    await world.save(call)
    for by in (str(call.id), call_sid(call.id)):
        rows = rows_of((await client.get(f"{LEDGER}?call={by}")).text)
        assert len(rows) == 4
        assert all("Newcomer" in row for row in rows)
    event_id = await event_of(world, shop.crm.hash)
    assert len(rows_of((await client.get(f"{LEDGER}?event={event_id}")).text)) == 3
    of_then = rows_of((await client.get(f"{LEDGER}?from=2026-07-14T11:00&to=2026-07-14T12:00")).text)  # of Paris
    assert of_then
    assert all("Newcomer" in row for row in of_then)
    assert not rows_of((await client.get(f"{LEDGER}?from=2026-07-14T09:00&to=2026-07-14T10:00")).text)


@pytest.mark.parametrize(
    "query",
    ["type=call.sung", "state=odd", "from=soon", "to=0001-01-01", "status=20", "status=%D9%A2%D9%A0%D9%A0", "event=x",
     "event=99999999999999999999", "call=-1"],
)  # fmt: skip
async def test_a_filter_that_cannot_be_is_pointed_at(client: Client, query: str) -> None:
    answer = await client.get(f"{LEDGER}?{query}")
    assert answer.status_code == 400
    assert 'role="alert" id="problems"' in answer.text
    assert (
        f'name="{query.partition("=")[0]}"' in re.findall(r"<(?:input|select)[^>]*aria-invalid[^>]*>", answer.text)[0]
    )
    assert "Correct the filter" in answer.text


async def test_a_filter_for_no_endpoint_is_not_found(client: Client) -> None:
    for hash_ in ("NOSUCH", "%F0%9F%98%80", "a%27b"):
        assert (await client.get(f"{LEDGER}?endpoint={hash_}")).status_code == 404


async def test_pages_follow_each_other_without_gap_or_repetition(world: World, client: Client) -> None:
    for number in range(3):
        await endpoint_of(world, f"http://127.0.0.1:1/{number}")
    for _ in range(40):
        await world.save(world.golden())
    text, seen = (await client.get(f"{LEDGER}?type=call.ended")).text, []
    while True:
        keys = keys_of(text)
        per_event: dict[str, int] = {}
        for key in keys:
            per_event[key.split("-")[1]] = per_event.get(key.split("-")[1], 0) + 1
        assert set(per_event.values()) == {3}, "an event is cut in two"
        seen += keys
        older = re.search(r'id="older"[^>]*href="([^"]+)"', text)
        if older is None:
            break
        assert "type=call.ended" in older[1]
        text = (await client.get(older[1].replace("&amp;", "&"))).text
    assert len(seen) == len(set(seen)) == 120
    assert 'id="newest"' in text


async def test_a_position_that_is_none_is_the_beginning(client: Client, shop: Shop) -> None:
    everything = keys_of((await client.get(LEDGER)).text)
    for before in ("x", "-1", "99999999999999999999", ""):
        assert keys_of((await client.get(f"{LEDGER}?before={before}")).text) == everything


async def test_an_empty_ledger_says_so(client: Client) -> None:
    assert "Nothing was told yet." in (await client.get(LEDGER)).text
    assert "Nothing in the ledger fits." in (await client.get(f"{LEDGER}?state=waiting")).text


async def test_a_delivery_shows_every_try_with_what_was_sent_and_answered(
    world: World, client: Client, shop: Shop
) -> None:
    await execute(
        world, "UPDATE deliveries SET due_at = now() WHERE endpoint_hash = %s AND due_at IS NOT NULL", shop.crm.hash
    )
    async with delivering(world):
        await settled(world)
    path = f"/webhooks/{shop.crm.hash}/events/{await event_of(world, shop.crm.hash)}"
    page, fragment = (await client.get(path)).text, (await client.get(f"/fragments{path}")).text
    assert fragment in page
    tries = re.findall(r"<article.*?</article>", fragment, re.DOTALL)
    assert ["Try 2 at" in item for item in tries] == [True, False]
    for words in ("Failed", "500 Internal Server Error", f"POST {shop.crm.address}", "Authorization: ***",
                  "Content-Type: application/json", "&#34;type&#34;: &#34;call.ended&#34;", "database is locked"):  # fmt: skip
        assert all(words in item for item in tries), words
    assert "Next try at" in fragment
    assert "A call has ended, or was entered by an API client" in page
    assert "Bearer" not in page


async def test_an_event_without_a_try_says_when_one_is_due(world: World, client: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    await world.save(world.golden())
    path = f"/webhooks/{endpoint.hash}/events/{await event_of(world, endpoint.hash)}"
    text = (await client.get(path)).text
    assert "Not tried yet." in text
    assert "Next try at" in text
    await world.services.webhooks.disable(endpoint, DisabledBy.OWNER)
    text = (await client.get(path)).text
    assert "Held back" in text
    assert "Next try at" not in text
    assert f"{path}/again" not in text


async def test_a_connection_that_fails_is_told_as_such(world: World, client: Client) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    await world.save(world.golden())
    async with delivering(world):
        await settled(world)
    text = (await client.get(f"/webhooks/{endpoint.hash}/events/{await event_of(world, endpoint.hash)}")).text
    assert "no connection could be made" in text
    assert "No answer." in text


async def test_it_is_sent_again(world: World, client: Client, receiver: Receiver, shop: Shop) -> None:
    before = len(receiver.received)
    path = f"/webhooks/{shop.off.hash}/events/{await event_of(world, shop.off.hash)}"
    answer = await client.post(f"{path}/again")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?done=again")
    assert "It is on its way again." in (await client.get(answer.headers["location"])).text
    again = await client.post(f"{path}/again")
    assert again.status_code == 409
    assert "It is being sent there now." in again.text
    async with delivering(world):
        await receiver.wait_for(before + 1)
        await settled(world)
    text = (await client.get(path)).text
    assert text.count("<article") == 2
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert (await client.post(f"{path}/again", headers=headers)).status_code == 403
    await world.services.webhooks.disable(shop.off, DisabledBy.OWNER)
    refused = await client.post(f"{path}/again")
    assert refused.status_code == 409
    assert "enable it first" in refused.text


async def test_another_accounts_deliveries_are_not_there(
    world: World, stranger: Client, tmp_path: Path, shop: Shop
) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    await add_credentials(other, "x")
    await log_in(stranger, "demox")
    assert not rows_of((await stranger.get(LEDGER)).text)
    await _not_there(stranger, shop.hub.hash, await event_of(world, shop.hub.hash))


async def test_a_login_of_a_property_sees_what_its_endpoints_were_told_of_it(
    world: World, stranger: Client, receiver: Receiver
) -> None:
    clinic = await world.services.accounts.add_property(world.account.id, "clinic")
    whole = await endpoint_of(world, receiver.url, name="Data hub")
    moved = await endpoint_of(world, receiver.url, name="Moved", property_id=world.property.id)
    own = await endpoint_of(world, receiver.url, name="Ours", property_id=clinic.id)
    await world.save(world.golden(caller_name="Shopper"))
    foreign = await event_of(world, moved.hash)
    await world.services.webhooks.change(replace(moved, property_id=clinic.id))
    await world.save(world.golden(caller_name="Patient", property_id=clinic.id))
    await log_in(stranger, await own_login(world, "nurse", clinic.id))
    rows = rows_of((await stranger.get(LEDGER)).text)
    assert len(rows) == 2
    assert all("Patient" in row for row in rows)
    assert any("Moved" in row for row in rows)
    await _not_there(stranger, whole.hash, foreign)
    await _not_there(stranger, moved.hash, foreign)
    event_id = await event_of(world, own.hash)
    assert (await stranger.get(f"/webhooks/{own.hash}/events/{event_id}")).status_code == 200


async def _not_there(client: Client, hash_: str, event_id: int) -> None:
    path = f"/webhooks/{hash_}/events/{event_id}"
    assert (await client.get(path)).status_code == 404
    assert (await client.get(f"/fragments{path}")).status_code == 404
    assert (await client.post(f"{path}/again")).status_code == 404


@pytest.mark.parametrize("event_id", ["0", "99", "99999999999999999999", "x", "-1"])
async def test_a_delivery_that_is_none_is_not_found(world: World, client: Client, event_id: str) -> None:
    endpoint = await endpoint_of(world, "http://127.0.0.1:1/")
    assert (await client.get(f"/webhooks/{endpoint.hash}/events/{event_id}")).status_code == 404


async def test_masked_callers_stay_masked(world: World, client: Client) -> None:
    clinic = await world.services.accounts.add_property(world.account.id, "clinic", masks_callers=True)
    await endpoint_of(world, "http://127.0.0.1:1/")
    await world.save(world.golden(property_id=clinic.id, caller_name=None))
    text = (await client.get(LEDGER)).text
    assert "Call from +3361234XXXX" in text
    assert "5678" not in text


async def test_an_address_of_a_request_is_looked_up_too(world: World, client: Client) -> None:
    endpoint = await world.services.webhooks.dynamic(world.account.id, "callr", "http://127.0.0.1:1/one-off")
    await world.services.webhooks.test(endpoint)
    (row,) = rows_of((await client.get(LEDGER)).text)
    assert "http://127.0.0.1:1/one-off" in row
    page = (await client.get(f"{LEDGER}?endpoint={endpoint.hash}")).text
    assert f'<option value="{endpoint.hash}" selected>' in page
    assert "What a request named this address for" in (await client.get(f"/webhooks/{endpoint.hash}")).text
    assert "one-off" not in (await client.get("/webhooks")).text


async def test_a_hostile_answer_is_shown_as_text(world: World, client: Client, receiver: Receiver) -> None:
    receiver.reply = webhooks_demo.answer
    endpoint = await endpoint_of(world, f"{receiver.url}/hostile")
    await world.save(world.golden(caller_name=webhooks_demo.HOSTILE))
    async with delivering(world):
        await settled(world)
    path = f"/webhooks/{endpoint.hash}/events/{await event_of(world, endpoint.hash)}"
    for shown in (path, LEDGER, f"/webhooks/{endpoint.hash}"):
        text = (await client.get(shown)).text
        assert not re.search(r"<script(?! src=)|<img|\u202e|</pre><h1", text)
    text = (await client.get(path)).text
    assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in text
    assert "\\u202etxt.exe" in text
    assert "X-Hostile: &lt;img" in text


async def test_no_page_has_inline_script_or_style(world: World, client: Client, shop: Shop) -> None:
    delivery = f"/webhooks/{shop.crm.hash}/events/{await event_of(world, shop.crm.hash)}"
    for path in ("/webhooks", f"/webhooks/{shop.hub.hash}", f"/webhooks/{shop.hub.hash}/remove", LEDGER, delivery):
        answer = await client.get(path)
        assert "default-src 'none'; script-src 'self'" in answer.headers["content-security-policy"]
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", answer.text)
        ids = re.findall(r' id="([^"]+)"', answer.text)
        assert len(ids) == len(set(ids)), "an id is there twice"
        assert len(re.findall(r"<h1[ >]", answer.text)) == 1


async def test_an_event_that_was_told_of_a_deleted_call_names_no_caller(
    world: World, client: Client, shop: Shop
) -> None:
    await execute(world, "DELETE FROM calls")
    assert "A call that was deleted" in (await client.get(LEDGER)).text


def test_bodies_read_well() -> None:
    assert body_text('{"a":1e5,"a":[1.0]}', "text/plain") == '{\n  "a": 1e5,\n  "a": [\n    1.0\n  ]\n}', "as it is"
    assert body_text("a=1&b=2", "application/x-www-form-urlencoded; charset=utf-8") == "a=1\n&b=2"
    assert body_text('{"cut', "application/json") == '{"cut'
    assert body_text("[" * 100_000, "application/json") == "[" * 100_000
    assert body_text(None, "") == ""
    assert visible("a\u202eb\x07\n\tc\u2066") == "a\\u202eb\\u0007\n\tc\\u2066"
    assert [took_text(ms) for ms in (None, 0, 999, 2_350)] == ["", "0 ms", "999 ms", "2.4 s"]
