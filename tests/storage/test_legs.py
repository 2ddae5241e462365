"""Calls and legs that go one way, over days: pages and totals through the kept sums are those that counting gives."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ringtrail.model.call import LegRole, Trigger
from ringtrail.model.query import CallQuery, LegQuery
from ringtrail.storage.database import Database
from ringtrail.storage.rollups import differences, rebuild
from tests.fixtures import GOLDEN_START, World, build_world

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


def start_of(id: int, started_at: datetime) -> tuple[int, datetime]:
    return id, started_at


async def test_any_page_of_what_came_in_and_of_what_we_dialled_in_any_range(world: World) -> None:
    """Over the end of a month, so that a leg's call may be in the month before. Some calls we placed ourselves."""
    dice = random.Random(5)
    first = GOLDEN_START.replace(day=30, hour=0, minute=0, second=0)
    calls = [
        world.golden(
            started_at=first + timedelta(minutes=dice.randrange(4 * 24 * 60)),
            trigger=dice.choice([Trigger.NORMAL, Trigger.NORMAL, Trigger.WEB, Trigger.API]),
        )
        for _ in range(80)
    ]
    last = world.golden(started_at=first.replace(day=31, hour=23, minute=59, second=59))
    legs = [replace(leg, started_at=leg.started_at + timedelta(minutes=2)) for leg in last.legs]
    live = replace(world.golden(started_at=first + timedelta(hours=5)), ended_at=None)
    calls.append(replace(last, legs=tuple(legs)))
    await world.save(*calls, live)
    placed = [call for call in calls if call.trigger in ("web", "api")]
    known = sorted(
        (leg.started_at, call.id, leg.position, leg.id)
        for call in calls for leg in call.legs if leg.role is LegRole.TARGET or call in placed
    )  # fmt: skip
    came_in = sorted((call.started_at, call.id) for call in calls if call not in placed)
    assert 20 < len(came_in) < 80 + 1 < len(known)
    edges = [
        None,
        first + timedelta(days=1),
        *(first + timedelta(minutes=dice.randrange(5 * 24 * 60)) for _ in range(9)),
    ]
    for _ in range(120):
        from_at, to_at, offset = dice.choice(edges), dice.choice(edges), dice.randrange(90)
        inside = [row for row in known if (from_at is None or row[0] >= from_at) and (to_at is None or row[0] < to_at)]
        query = LegQuery(account_id=world.account.id, outbound=True, of_ended_calls=True, from_at=from_at, to_at=to_at)
        page, total = await world.services.calls.legs_page(query, start_of, offset=offset, limit=5)
        assert total == len(inside), (from_at, to_at)
        assert page == [(row[3], row[0]) for row in inside[offset : offset + 5]], (from_at, to_at, offset)
        inside_in = [
            row for row in came_in if (from_at is None or row[0] >= from_at) and (to_at is None or row[0] < to_at)
        ]
        found = await world.services.calls.page(
            CallQuery(account_id=world.account.id, inbound=True, from_at=from_at, to_at=to_at),
            offset=offset, limit=5, with_total=True,
        )  # fmt: skip
        assert found.total == len(inside_in), (from_at, to_at)
        assert [(row.started_at, row.id) for row in found.records] == inside_in[offset : offset + 5]
    async with world.database.transaction() as connection:
        assert await differences(connection) == 0
        await rebuild(connection)
        assert await differences(connection) == 0


async def test_a_page_of_one_caller_tells_how_many_calls_there_are_on_all_pages(world: World) -> None:
    starts = [GOLDEN_START + timedelta(days=n) for n in range(9)]
    await world.save(*(world.golden(started_at=start) for start in starts))
    await world.save(world.golden(caller_number_e164="+33600000001"))
    caller = world.golden().caller_number_e164
    assert caller is not None
    for offset in (0, 4, 8, 9, 50):
        for query in (
            CallQuery(account_id=world.account.id, caller_numbers=(caller,)),
            CallQuery(account_id=world.account.id, search=caller[4:]),
        ):
            page = await world.services.calls.page(query, offset=offset, limit=3, with_total=True)
            assert (page.total, page.has_more) == (9, offset + 3 < 9)
            assert [record.started_at for record in page.records] == starts[offset : offset + 3]
