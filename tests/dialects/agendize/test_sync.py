"""Sync and page tokens: nothing lost, nothing repeated, nothing trusted."""

from __future__ import annotations

import asyncio
import base64
import random
from datetime import timedelta

import pytest

from ringtrail.dialects.agendize import sync
from ringtrail.storage.recordings import finish_recording
from tests.dialects.agendize.conftest import Ask
from tests.dialects.agendize.test_calls import later, live
from tests.fixtures import GOLDEN_START, World, with_recording

pytestmark = pytest.mark.postgres


async def walk(ask: Ask, token: str = "", **filters: str) -> tuple[list[str], str]:
    """(ids, next sync token) of a whole list, page by page."""
    found: list[str] = []
    params = {**filters, **({"syncToken": token} if token else {})}
    while True:
        response = await ask(**params)
        assert response.status_code == 200, response.text
        answer = response.json()
        found += [item["id"] for item in answer["items"]]
        if "nextSyncToken" in answer:
            assert "nextPageToken" not in answer
            return found, answer["nextSyncToken"]
        params["pageToken"] = answer["nextPageToken"]


async def test_a_sync_brings_what_changed_since_and_only_that(world: World, ask: Ask) -> None:
    await world.save(world.golden(), later(world, 1))
    first, token = await walk(ask)
    assert first == ["1", "2"]
    assert await walk(ask, token) == ([], token)
    await world.save(later(world, -3600))
    changed, token = await walk(ask, token)
    assert changed == ["3"]
    assert (await walk(ask, token))[0] == []


async def test_an_empty_account_gives_a_token_to_begin_with(world: World, ask: Ask) -> None:
    found, token = await walk(ask)
    assert found == []
    await world.save(world.golden())
    assert (await walk(ask, token))[0] == ["1"]


async def test_a_call_comes_again_when_its_recording_is_finished(world: World, ask: Ask) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    _, token = await walk(ask)
    async with world.database.transaction() as connection:
        await finish_recording(
            connection, world.account.id, "REC0RD1N", status="ready", duration_ms=199_000, size_bytes=1
        )
    assert (await walk(ask, token))[0] == ["1"]


async def test_the_other_filters_must_be_those_of_the_first_request(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    filters = {"startDate": "2026-07-14T00:00:00Z", "search": "+336"}
    _, token = await walk(ask, **filters)
    assert (await ask(syncToken=token, startDate="2026-07-14T02:00:00+02:00", search="+336")).status_code == 200
    for other in ({}, {"search": "+336"}, {**filters, "search": "+337"}, {**filters, "toolId": world.property.sid}):
        response = await ask(syncToken=token, **other)
        assert (response.status_code, response.json()["error"]["code"]) == (400, 400), other


async def test_a_token_that_never_was_or_is_no_longer_good_is_a_410(world: World, other: World, ask: Ask) -> None:
    await world.save(*[later(world, seconds) for seconds in range(3)])
    await other.save(*[later(other, seconds) for seconds in range(3)])
    _, token = await walk(ask)
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE call_counters SET change = 2 WHERE account_id = %s", (world.account.id,))
    assert (await ask(syncToken=token)).status_code == 410, "a restored database is behind the token"
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE call_counters SET change = 3 WHERE account_id = %s", (world.account.id,))
    assert (await ask(syncToken=token)).status_code == 200
    page = sync._encode(b"p", world.account.id, 1, base64.urlsafe_b64decode(token)[9:17])
    theirs = sync._encode(b"s", other.account.id, 1, base64.urlsafe_b64decode(token)[9:17])
    forged = [token[:at] + ("B" if token[at] == "A" else "A") + token[at + 1 :] for at in range(len(token))]
    for bad in ("x", "1", "é", "=", token + "A", token[:-1], page, theirs, "9" * 5_000, *forged):
        response = await ask(syncToken=bad)
        assert (response.status_code, response.json()["error"]["reason"]) == (410, "gone"), bad
    assert (await ask(pageToken=token)).status_code == 410


async def test_a_list_past_the_cap_goes_on_page_by_page_and_only_the_last_page_has_the_sync_token(
    world: World, ask: Ask
) -> None:
    total = sync.PAGE_SIZE + 1
    await world.save(*[later(world, seconds) for seconds in range(total)])
    first = (await ask()).json()
    assert (len(first["items"]), list(first)) == (sync.PAGE_SIZE, ["items", "nextPageToken"])
    rest = (await ask(pageToken=first["nextPageToken"])).json()
    assert (len(rest["items"]), list(rest)) == (1, ["items", "nextSyncToken"])
    assert len({item["id"] for item in first["items"] + rest["items"]}) == total


@pytest.mark.parametrize("seed", range(3))
async def test_sync_loops_under_concurrent_writers_lose_and_repeat_nothing(
    world: World, ask: Ask, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(sync, "PAGE_SIZE", 4)
    chance = random.Random(seed)
    calls = [later(world, chance.randrange(0, 86_400, 30)) for _ in range(120)]

    async def write(part: int) -> None:
        mine = calls[part::3]
        while mine:
            size = chance.randint(1, 4)
            batch, mine = mine[:size], mine[size:]
            await world.save(*[live(call) for call in batch])
            await world.save(*batch)

    writers = asyncio.gather(*[write(part) for part in range(3)])
    found, token = await walk(ask)
    while not writers.done():
        more, token = await walk(ask, token)
        found += more
        await asyncio.sleep(0)
    await writers
    more, token = await walk(ask, token)
    found += more
    stored, _ = await walk(ask)
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(stored)
    assert len(found) == len(calls)


async def test_calls_that_end_while_a_client_pages_are_met_on_a_later_page(
    world: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "PAGE_SIZE", 2)
    await world.save(*[later(world, seconds) for seconds in range(4)])
    first = (await ask()).json()
    await world.save(world.golden(started_at=GOLDEN_START - timedelta(days=1)))
    second = (await ask(pageToken=first["nextPageToken"])).json()
    third = (await ask(pageToken=second["nextPageToken"])).json()
    assert [[item["id"] for item in page["items"]] for page in (first, second, third)] == [
        ["1", "2"],
        ["3", "4"],
        ["5"],
    ]
