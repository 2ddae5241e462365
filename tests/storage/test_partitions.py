"""Partitions are made while the tables are read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from ringtrail.storage.database import Database
from ringtrail.storage.schema import ensure_partitions

pytestmark = pytest.mark.postgres
JOINED = b"SELECT count(*) FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id"


async def test_months_are_added_under_readers_that_join_the_tables(database: Database) -> None:
    """Readers take legs before calls; whoever held calls while waiting for legs would be in a deadlock with them."""
    done = False

    async def read() -> None:
        while not done:
            async with database.reading() as connection:
                await connection.execute(JOINED)

    readers = [asyncio.create_task(read()) for _ in range(4)]
    for month in range(60):
        await ensure_partitions(database, [datetime(1990 + month // 12, month % 12 + 1, 1, tzinfo=UTC)])
    done = True
    await asyncio.gather(*readers)
