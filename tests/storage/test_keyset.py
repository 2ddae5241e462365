"""Walking the calls by (started_at, id): the same place in the list, whatever arrives meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import State
from ringtrail.model.query import CallQuery, Order
from ringtrail.storage.database import Database
from tests.fixtures import GOLDEN_START, World, build_world

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def walk(world: World, order: Order, step: int) -> list[int]:
    seen: list[int] = []
    past = None
    while True:
        query = CallQuery(account_id=world.account.id, order=order, past=past)
        page = await world.services.calls.page(query, limit=step)
        seen += [record.id for record in page.records]
        if not page.has_more:
            return seen
        past = (page.records[-1].started_at, page.records[-1].id)


@pytest.mark.parametrize("order", [Order.STARTED, Order.STARTED_DESC])
async def test_pages_by_keyset_give_every_call_once_even_in_one_microsecond_and_over_months(
    world: World, order: Order
) -> None:
    starts = [GOLDEN_START, GOLDEN_START, GOLDEN_START, GOLDEN_START + timedelta(microseconds=1)]
    starts += [GOLDEN_START + timedelta(days=20 * n) for n in range(1, 4)]
    calls = [world.golden(started_at=start) for start in starts]
    await world.save(*calls)
    in_order = [call.id for call in sorted(calls, key=lambda call: (call.started_at, call.id))]
    expected = in_order if order is Order.STARTED else in_order[::-1]
    for step in (1, 2, 3, 7):
        assert await walk(world, order, step) == expected


async def test_a_call_that_arrives_while_walking_down_does_not_shift_the_next_page(world: World) -> None:
    calls = [world.golden(started_at=GOLDEN_START + timedelta(minutes=n)) for n in range(4)]
    await world.save(*calls)
    await world.save(world.golden(started_at=GOLDEN_START + timedelta(minutes=9)))
    query = CallQuery(
        account_id=world.account.id, order=Order.STARTED_DESC, past=(calls[2].started_at, calls[2].id)
    )  # fmt: skip
    page = await world.services.calls.page(query, limit=10)
    assert [record.id for record in page.records] == [calls[1].id, calls[0].id]


async def test_only_in_progress_gives_the_live_calls(world: World) -> None:
    ended = world.golden()
    live = replace(
        world.golden(started_at=GOLDEN_START + timedelta(hours=1)),
        ended_at=None, state=State.BRIDGED, disposition=Disposition.IN_PROGRESS,
    )  # fmt: skip
    await world.save(ended, live)
    query = CallQuery(account_id=world.account.id, only_in_progress=True)
    page = await world.services.calls.page(query, with_total=True)
    assert ([record.id for record in page.records], page.total) == ([live.id], 1)
