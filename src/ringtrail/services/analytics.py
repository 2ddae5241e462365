"""Sums over time and dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringtrail.model.sums import Group, GroupSums, MessageSums, Order
from ringtrail.storage import analytics as store
from ringtrail.storage.database import Database


class Analytics:
    """Ranges: from_at inclusive, to_at exclusive."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unique_callers(self, account_id: int, from_at: datetime, to_at: datetime) -> int:
        async with self._database.reading() as connection:
            return await store.unique_callers(connection, account_id, from_at, to_at)

    async def by_group(
        self,
        account_id: int,
        group: Group,
        from_at: datetime,
        to_at: datetime,
        *,
        order: Order = Order.KEY,
        limit: int | None = None,
    ) -> list[GroupSums]:
        async with self._database.reading() as connection:
            return await store.sums_by_group(connection, account_id, group, from_at, to_at, order=order, limit=limit)

    async def messages(
        self, account_id: int, from_at: datetime, to_at: datetime, refusals: Sequence[str]
    ) -> list[MessageSums]:
        async with self._database.reading() as connection:
            return await store.message_sums(connection, account_id, from_at, to_at, refusals)
