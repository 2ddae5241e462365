"""The migration that tells calls that we placed from those that came in, over records that are there already."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from alembic import command

from ringtrail.model.call import Trigger
from ringtrail.model.events import EventType
from ringtrail.model.money import Rate, RateKind
from ringtrail.model.query import CallQuery, LegQuery
from ringtrail.model.sums import Group
from ringtrail.storage.database import Database
from ringtrail.storage.rollups import differences
from ringtrail.storage.schema import alembic_config, migrate
from tests.fixtures import GOLDEN_START, World, build_world

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def _there_and_back(world: World) -> None:
    """At 0006 a correction took from a caller's leg what it had cost."""
    await world.database.close()
    await asyncio.to_thread(command.downgrade, alembic_config(world.database.url), "0006")
    with psycopg.connect(world.database.url) as connection:
        connection.execute("UPDATE legs SET debit_micro = NULL, cost_label = NULL WHERE role = 'caller' AND id % 8 = 0")
    await asyncio.to_thread(migrate, world.database.url)


async def test_calls_of_before_are_counted_with_their_money_and_told_by_their_direction(
    world: World, database_url: str
) -> None:
    rates = [Rate(kind=kind, prefix="+33", price_micro=60_000, label="France") for kind in RateKind]
    await world.services.money.set_tariff("standard", rates)
    await world.services.money.set_terms(world.account.id, tariff="standard")
    triggers = [Trigger.NORMAL, Trigger.WEB, Trigger.RULE, Trigger.API]
    starts = [GOLDEN_START + timedelta(hours=number) for number in range(8)]
    await world.save(*(world.golden(started_at=start, trigger=triggers[n % 4]) for n, start in enumerate(starts)))
    told = (EventType.LEG_ENDED, EventType.CALL_ENDED)
    endpoint = await world.services.webhooks.add(
        world.account.id, "callr", address="https://crm.example.com/", event_types=told, name="", settings={}
    )
    await _there_and_back(world)
    after = Database(database_url)
    await after.open()
    try:
        later = await build_world(after, Path("/nonexistent"), name="Later")
        calls, account_id = later.services.calls, world.account.id
        query = LegQuery(account_id=account_id, outbound=True, of_ended_calls=True)
        assert (await calls.legs_page(query, lambda id: id, limit=1))[1] == 12
        page = await calls.page(CallQuery(account_id=account_id, inbound=True), limit=1, with_total=True)
        assert page.total == 4
        kept = await later.services.webhooks.by_hash(account_id, endpoint.hash, dialect="callr")
        assert kept is not None
        assert kept.event_types == told
        sums = await later.services.analytics.by_group(account_id, Group.CALL_DID, GOLDEN_START, starts[-1])
        assert [(item.label, item.debit_micro) for item in sums] == [("France", 4 * 199_000)]
        async with after.reading() as connection:
            assert await differences(connection) == 0
    finally:
        await after.close()
