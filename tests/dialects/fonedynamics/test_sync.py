"""Tokens: a client that only follows them loses nothing and meets again only what changed."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from ringtrail.dialects.fonedynamics.sync import Position, Walk, encode
from ringtrail.model.account import Principal
from ringtrail.model.ids import call_sid
from ringtrail.services.entered_calls import CallEntry
from ringtrail.storage.recordings import finish_recording
from tests.dialects.fonedynamics.conftest import Ask
from tests.dialects.fonedynamics.test_calls import START, later, live
from tests.fixtures import GOLDEN_START, World, with_recording

pytestmark = pytest.mark.postgres


async def read(ask: Ask, **params: Any) -> tuple[list[str], str]:
    """(sids, token) of one reply."""
    response = await ask(**params)
    assert response.status_code == 200, response.text
    answer = response.json()
    return [call["CallSid"] for call in answer["Calls"]], answer["Token"]


async def follow(ask: Ask, token: str, **params: Any) -> tuple[list[str], str]:
    """Everything that following tokens brings until a reply leaves the token where it was."""
    found: list[str] = []
    while True:
        sids, after = await read(ask, Token=token, **params)
        found += sids
        if after == token:
            return found, token
        token = after


async def starts(ask: Ask, **params: Any) -> tuple[list[int], str]:
    answer = (await ask(**params)).json()
    return [int(call["Date_Start"]) - START for call in answer["Calls"]], answer["Token"]


async def test_a_token_brings_what_was_written_since_in_the_order_of_writing(world: World, ask: Ask) -> None:
    await world.save(later(world, 100))
    found, token = await starts(ask)
    assert found == [100]
    for seconds in (50, 10, 200):
        await world.save(later(world, seconds))
    found, token = await starts(ask, Token=token)
    assert found == [50, 10, 200]
    assert await starts(ask, Token=token) == ([], token)


async def test_a_reply_cut_by_results_count_has_the_position_of_its_last_row(world: World, ask: Ask) -> None:
    await world.save(*[later(world, seconds) for seconds in range(5)])
    found, token = await starts(ask, Results_Count=2)
    assert found == [0, 1]
    found, token = await starts(ask, Token=token, Results_Count=2)
    assert found == [2, 3]
    found, token = await starts(ask, Token=token, Results_Count=2)
    assert found == [4]
    for seconds in (9, 8, 7):
        await world.save(later(world, seconds))
    found, token = await starts(ask, Token=token, Results_Count=2)
    assert found == [9, 8]
    found, token = await starts(ask, Token=token, Results_Count=2)
    assert found == [7]
    assert (await starts(ask, Token=token))[0] == []


async def test_what_was_written_out_of_order_is_not_lost_at_the_cut(world: World, ask: Ask) -> None:
    """The last row of the first reply is the one that was written last: its position alone would pass over the rest."""
    for seconds in (2, 3, 1, 0):
        await world.save(later(world, seconds))
    found, token = await starts(ask, Results_Count=1)
    assert found == [0]
    assert len((await follow(ask, token, Results_Count=2))[0]) == 3


async def test_calls_that_began_at_one_instant_are_told_apart(world: World, ask: Ask) -> None:
    await world.save(*[later(world, 0) for _ in range(7)], later(world, 1))
    first, token = await read(ask, Results_Count=2)
    rest, _ = await follow(ask, token, Results_Count=2)
    assert len(set(first + rest)) == len(first + rest) == 8
    skipped, token = await read(ask, Results_Count=2, Results_Skip=3)
    rest, _ = await follow(ask, token, Results_Count=1)
    assert len(set(skipped + rest)) == len(skipped + rest) == 5


@pytest.mark.parametrize("going", ["moved", "removed"])
async def test_a_call_that_goes_away_from_behind_a_walk_takes_no_other_with_it(
    world: World, ask: Ask, going: str
) -> None:
    """Six calls of one instant: the place in the list is a call, not a number of calls passed."""
    calls = [later(world, 0) for _ in range(6)]
    await world.save(*calls)
    found, token = await read(ask, Results_Count=3)
    who = Principal(account=world.account, property=None, credential_id=1, login=None)
    if going == "moved":
        await world.services.entered_calls.correct(
            who, calls[0].id, CallEntry(started_at=GOLDEN_START - timedelta(hours=1))
        )
    else:
        await world.services.entered_calls.remove(who, calls[0].id)
    more, _ = await follow(ask, token, Results_Count=3)
    assert set(found + more) == {call_sid(call.id) for call in calls}


async def test_the_dates_of_a_cut_reply_bound_its_rest_but_not_what_is_written_later(world: World, ask: Ask) -> None:
    await world.save(*[later(world, seconds) for seconds in range(6)])
    found, token = await starts(ask, Date_From=START + 1, Date_To=START + 4, Results_Count=2)
    assert found == [1, 2]
    found, token = await starts(ask, Token=token)
    assert found == [3]
    await world.save(later(world, 60))
    assert (await starts(ask, Token=token))[0] == [60]


async def test_a_call_comes_again_when_its_recording_is_finished(world: World, ask: Ask) -> None:
    await world.save(with_recording(world.golden()))
    first, token = await read(ask)
    async with world.database.transaction() as connection:
        await finish_recording(connection, world.account.id, "REC0RD1N", status="ready", duration_ms=1, size_bytes=1)
    assert (await read(ask, Token=token))[0] == first


async def test_filters_and_paths_narrow_a_token_too(world: World, ask: Ask) -> None:
    _, token = await read(ask)
    await world.save(later(world, 0), later(world, 1, keypad="1"))
    assert (await starts(ask, Token=token, Prompts_keys="1"))[0] == [1]
    path = f"/Properties/{world.property.sid}/Calls"
    assert (await starts(ask, path=path, Token=token, Results_Skip=1))[0] == [1]


async def test_token_and_dates_exclude_each_other(world: World, ask: Ask) -> None:
    _, token = await read(ask)
    for dates in ({"Date_From": 0}, {"Date_To": 1}, {"date_from": START, "DATE_TO": START}):
        response = await ask(Token=token, **dates)
        assert (response.status_code, response.json()["ResponseStatus"]["ErrorCode"]) == (400, "PARAMETER_CONFLICT")


async def test_a_token_that_is_not_ours_or_lies_ahead_is_a_400(world: World, other: World, ask: Ask) -> None:
    await world.save(*[later(world, seconds) for seconds in range(3)])
    await other.save(*[later(other, seconds) for seconds in range(3)])
    _, whole = await read(ask)
    _, walking = await read(ask, Results_Count=1)
    forged = [
        token[:at] + ("B" if token[at] == "A" else "A") + token[at + 1 :]
        for token in (whole, walking)
        for at in range(0, len(token), 3)
    ]
    ahead = encode(Position(change=4), world.account.id)
    theirs = encode(Position(change=1), other.account.id)
    for bad in ("x", "0", "é", "====", whole + "A", walking[:-4], "9" * 5_000, ahead, theirs, *forged):
        response = await ask(Token=bad)
        assert (response.status_code, response.json()["ResponseStatus"]["ErrorCode"]) == (400, "TOKEN_INVALID"), bad


async def test_a_token_made_by_somebody_who_knows_the_format_is_harmless(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    for walk in (
        Walk(started_at=GOLDEN_START, call_id=2**63 - 1, to_at=None),
        Walk(started_at=GOLDEN_START.replace(year=1), call_id=0, to_at=GOLDEN_START.replace(year=9999)),
    ):
        assert (await ask(Token=encode(Position(change=1, walk=walk), world.account.id))).status_code == 200
    assert (await ask(Token=encode(Position(change=2**64 - 1), world.account.id))).status_code == 400


@pytest.mark.parametrize("seed", range(4))
async def test_token_loops_under_concurrent_writers_lose_and_repeat_nothing(world: World, ask: Ask, seed: int) -> None:
    chance = random.Random(seed)
    calls = [later(world, chance.randrange(0, 86_400, 1_800)) for _ in range(150)]
    await world.save(*calls[:30])

    async def write(part: int) -> None:
        mine = calls[30 + part :: 3]
        while mine:
            size = chance.randint(1, 4)
            batch, mine = mine[:size], mine[size:]
            await world.save(*[live(call) for call in batch])
            await world.save(*batch)

    writers = asyncio.gather(*[write(part) for part in range(3)])
    found, token = await read(ask, Results_Count=4)
    while not writers.done():
        more, token = await read(ask, Token=token, Results_Count=4)
        found += more
        await asyncio.sleep(0)
    await writers
    found += (await follow(ask, token, Results_Count=7))[0]
    stored, _ = await read(ask, Results_Count=5000)
    assert len(stored) == 150
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(stored)
