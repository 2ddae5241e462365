"""Saving calls on a real PostgreSQL: idempotent, counted once, in order."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.query import CallerNovelty, CallQuery, Order
from ringtrail.storage import rollups
from ringtrail.storage.database import Database
from tests.fixtures import GOLDEN_START, World, build_world

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def recount_differs(world: World) -> int:
    async with world.database.reading() as connection:
        return await rollups.differences(connection)


async def test_a_saved_call_reads_back_with_its_names_and_seconds(world: World) -> None:
    call = world.golden()
    await world.save(call)
    record = await world.services.calls.by_id(world.account.id, call.id)
    assert record is not None
    assert (record.ring_s, record.talk_s, record.total_s, record.billed_s) == (11, 199, 210, 240)
    assert (record.app_name, record.did_name, record.property_name) == ("Main line", "Front desk", "www.mysite.com")
    assert (record.creation_seq, record.change_seq, record.caller_is_new) == (1, 1, True)


async def test_saving_an_ended_call_again_changes_nothing(world: World) -> None:
    call = world.golden()
    await world.save(call)
    await world.save(call, replace(call, keypad="9"))
    page = await world.services.calls.page(CallQuery(account_id=world.account.id), with_total=True)
    assert (page.total, len(page.records), page.records[0].keypad) == (1, 1, None)
    assert page.records[0].change_seq == 1
    assert await recount_differs(world) == 0


async def test_a_live_call_is_counted_only_when_it_ends(world: World) -> None:
    ended = world.golden()
    live = replace(
        ended, ended_at=None, answered_at=None, state=State.RINGING, stage=Stage.RINGING, disposition=Disposition.IN_PROGRESS
    )  # fmt: skip
    await world.save(live)
    assert (await world.services.calls.page(CallQuery(account_id=world.account.id), with_total=True)).total == 0
    await world.save(ended)
    page = await world.services.calls.page(CallQuery(account_id=world.account.id), with_total=True)
    assert (page.total, page.records[0].creation_seq, page.records[0].change_seq) == (1, 1, 2)
    assert await recount_differs(world) == 0


async def test_a_second_call_of_the_same_caller_is_a_repeat_and_withheld_callers_never_are(world: World) -> None:
    first, again = world.golden(), world.golden(started_at=GOLDEN_START + timedelta(days=40))
    hidden = [world.golden(caller_number_e164=None, caller_withheld=True) for _ in range(2)]
    await world.save(first, *hidden)
    await world.save(again)
    for novelty, expected in ((CallerNovelty.UNIQUE, 3), (CallerNovelty.REPEAT, 1), (CallerNovelty.ALL, 4)):
        query = CallQuery(account_id=world.account.id, novelty=novelty)
        assert (await world.services.calls.page(query, with_total=True)).total == expected


async def test_counters_never_show_a_larger_value_before_a_smaller_one(world: World) -> None:
    seen: list[int] = []
    stop = asyncio.Event()

    async def read() -> None:
        while not stop.is_set():
            query = CallQuery(account_id=world.account.id, changed_after=seen[-1] if seen else 0, order=Order.CHANGE)
            seen.extend(record.change_seq for record in (await world.services.calls.page(query)).records)

    async def write(times: int) -> None:
        for _ in range(times):
            await world.save(*(world.golden() for _ in range(3)))

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(8) for _ in range(5)))
    stop.set()
    await reader
    await asyncio.sleep(0)
    query = CallQuery(account_id=world.account.id, changed_after=seen[-1], order=Order.CHANGE)
    seen.extend(record.change_seq for record in (await world.services.calls.page(query)).records)
    assert seen == list(range(1, 121))
    assert await recount_differs(world) == 0


@pytest.mark.parametrize("offset", [0, 1, 9, 10, 25, 59, 60, 61])
async def test_a_page_found_through_the_rollups_is_the_page_that_counting_rows_finds(world: World, offset: int) -> None:
    starts = [GOLDEN_START + timedelta(minutes=17 * n) for n in range(61)]
    await world.save(*(world.golden(started_at=start) for start in starts))
    query = CallQuery(account_id=world.account.id, from_at=starts[0], to_at=starts[-1] + timedelta(seconds=1))
    page = await world.services.calls.page(query, offset=offset, limit=7, with_total=True)
    assert [record.started_at for record in page.records] == starts[offset : offset + 7]
    assert (page.total, page.has_more) == (61, offset + 7 < 61)


async def test_totals_and_jumps_by_days_and_hours_are_those_that_counting_gives(world: World) -> None:
    """Random ranges and offsets over six days, with edges within hours, at hours and at midnights, and open ones."""
    dice = random.Random(7)
    starts = sorted(GOLDEN_START + timedelta(minutes=dice.randrange(6 * 24 * 60)) for _ in range(160))
    await world.save(*[world.golden(started_at=start) for start in starts])
    midnight = GOLDEN_START.replace(hour=0, minute=0, second=0)
    edges = [None, midnight, midnight + timedelta(days=2), midnight + timedelta(hours=31), *starts[::16]]
    edges += [midnight + timedelta(minutes=dice.randrange(7 * 24 * 60)) for _ in range(12)]
    for _ in range(150):
        from_at, to_at = dice.choice(edges), dice.choice(edges)
        offset = dice.randrange(170)
        inside = [at for at in starts if (from_at is None or at >= from_at) and (to_at is None or at < to_at)]
        query = CallQuery(account_id=world.account.id, from_at=from_at, to_at=to_at)
        page = await world.services.calls.page(query, offset=offset, limit=5, with_total=True)
        assert page.total == len(inside), (from_at, to_at)
        assert [record.started_at for record in page.records] == inside[offset : offset + 5], (from_at, to_at, offset)
    assert await recount_differs(world) == 0


@pytest.mark.parametrize("zone", ["Europe/Paris", "Asia/Kolkata", "UTC", "America/Toronto"])
async def test_day_totals_follow_the_local_day_in_any_zone(world: World, zone: str) -> None:
    starts = [GOLDEN_START + timedelta(hours=n, minutes=7 * n) for n in range(60)]
    await world.save(*(world.golden(started_at=start) for start in starts))
    from zoneinfo import ZoneInfo

    days: dict[str, int] = {}
    for start in starts:
        day = start.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d")
        days[day] = days.get(day, 0) + 1
    totals = await world.services.calls.day_totals(CallQuery(account_id=world.account.id), zone)
    assert {total.day: total.calls for total in totals} == days
    assert all(total.talk_s == total.handled_s == 199 * total.calls for total in totals)


async def test_another_account_sees_nothing(world: World, tmp_path: Path) -> None:
    call = world.golden()
    await world.save(call)
    other = await build_world(world.database, tmp_path, name="Other")
    assert await other.services.calls.by_id(other.account.id, call.id) is None
    assert (await other.services.calls.page(CallQuery(account_id=other.account.id), with_total=True)).total == 0
    assert await other.services.calls.legs(other.account.id, [call.id]) == []


async def test_rebuilding_the_rollups_gives_the_same_rows(world: World) -> None:
    await world.save(*(world.golden() for _ in range(5)))
    async with world.database.transaction() as connection:
        await rollups.rebuild(connection)
        assert await rollups.differences(connection) == 0


async def test_a_call_of_a_month_without_partition_makes_its_own(world: World) -> None:
    call = world.golden(started_at=GOLDEN_START - timedelta(days=900))
    await world.save(call)
    assert await world.services.calls.by_id(world.account.id, call.id) is not None
