"""Heartbeats: which controllers are alive, and whether the rollups tell the truth."""

from __future__ import annotations

from datetime import datetime

from ringtrail.ports.clock import Clock
from ringtrail.storage import live, rollups
from ringtrail.storage.database import Database


class Health:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def beat(self, node: str) -> None:
        """This node's controller has its engine."""
        async with self._database.transaction() as connection:
            await live.beat(connection, node, self._clock.now())

    async def controller_seen_at(self) -> datetime | None:
        """When any controller beat last. Raises DomainError UNAVAILABLE while the database is away."""
        async with self._database.reading() as connection:
            return await live.newest_beat(connection)

    async def rollup_differences(self, *, rebuild: bool) -> int:
        """Rollup rows that differ from a recount of the calls; counted before they are rebuilt."""
        async with self._database.transaction() as connection:
            await connection.execute("SET LOCAL statement_timeout = 0")
            found = await rollups.differences(connection)
            if rebuild and found:
                await rollups.rebuild(connection)
        return found
