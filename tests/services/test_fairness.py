"""What a claim takes, from whom, and at what cost: nobody's queue is in another's way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringtrail.storage import webhooks as store
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres
NOW = datetime(2026, 7, 14, 9, 0, tzinfo=UTC)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def endpoints_of(world: World, hashes: str, count: int) -> None:
    await execute(
        world,
        "INSERT INTO endpoints (account_id, hash, dialect, address, event_types, created_at, updated_at)"
        " SELECT %s, %s || lpad(n::text, 7, '0'), 'plain', 'http://127.0.0.1:1/', '{}', now(), now()"
        " FROM generate_series(1, %s) n",
        world.account.id, hashes, count,
    )  # fmt: skip


async def waiting_of(world: World, hashes: str, each: int, *, due_at: datetime = NOW, per_call: int = 1) -> None:
    """So many deliveries for each endpoint whose hash begins so, all due at once."""
    await execute(
        world,
        "WITH e AS (INSERT INTO events (account_id, type, property_id, about, at) OVERRIDING USER VALUE"
        " SELECT %s, 'call.ended', %s, n / %s, now() FROM generate_series(1, %s) n RETURNING account_id, id, about)"
        " INSERT INTO deliveries (account_id, event_id, endpoint_hash, about, due_at)"
        " SELECT e.account_id, e.id, p.hash, e.about, %s FROM e JOIN endpoints p"
        " ON p.account_id = e.account_id AND p.hash LIKE %s",
        world.account.id, world.property.id, per_call, each, due_at, hashes + "%",
    )  # fmt: skip


async def execute(world: World, statement: str, *values: Any) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode(), values)


async def claim_cost(world: World, **changes: Any) -> tuple[int, int]:
    """(deliveries claimed, blocks of 8 KiB looked at), planned with what autovacuum would know."""
    given = {
        "now": NOW, "lease_until": NOW + timedelta(seconds=45), "after_account": 0, "after_hash": "", "endpoints": 200,
        "each": 4, "room": "{}", "account": 192, "account_room": "{}", "total": 768,
    } | changes  # fmt: skip
    async with world.database.transaction() as connection:
        cursor = await connection.execute(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + store._CLAIM, given)
        plan = (await cursor.fetchone())[0][0]["Plan"]
    print(json.dumps(plan, indent=1)[:100000])
    return plan["Actual Rows"], plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("analyzed", [True, False])
@pytest.mark.parametrize("per_call", [1, 3])
async def test_a_claim_reads_no_long_queue_through(world: World, analyzed: bool, per_call: int) -> None:
    await endpoints_of(world, "A", 1)
    await waiting_of(world, "A", 100_000, per_call=per_call)
    if analyzed:
        await execute(world, "ANALYZE deliveries, events, endpoints")
    claimed, blocks = await claim_cost(world)
    assert claimed == 4
    assert blocks < 300
