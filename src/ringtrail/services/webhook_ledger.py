"""What the ledger says: the events of an account, and what became of each at each endpoint. Only reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringtrail.model.events import Event, EventType
from ringtrail.model.webhook import AttemptRecord, DeliveryRecord, EndpointHealth, LogQuery
from ringtrail.storage import events as event_store
from ringtrail.storage import webhook_health, webhook_log
from ringtrail.storage.database import Database

MOST_EVENTS = 1_000
"""That one page of events holds."""


class WebhookLedger:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def deliveries(
        self, query: LogQuery, *, offset: int = 0, limit: int = 100, with_total: bool = False
    ) -> tuple[list[DeliveryRecord], int | None]:
        """(what was, or is to be, told, newest event first; total or None)."""
        async with self._database.reading() as connection:
            found = await webhook_log.deliveries(connection, query, offset=offset, limit=limit)
            return found, await webhook_log.count_deliveries(connection, query) if with_total else None

    async def attempts(
        self,
        query: LogQuery,
        *,
        offset: int = 0,
        limit: int = 100,
        with_total: bool = False,
        oldest_first: bool = False,
    ) -> tuple[list[AttemptRecord], int | None]:
        """(tries, newest first unless told; total or None)."""
        async with self._database.reading() as connection:
            found = await webhook_log.attempts(connection, query, offset=offset, limit=limit, oldest_first=oldest_first)
            return found, await webhook_log.count_attempts(connection, query) if with_total else None

    async def newest_attempts(
        self, account_id: int, deliveries: Sequence[DeliveryRecord]
    ) -> dict[tuple[int, str], AttemptRecord]:
        """{(event id, endpoint hash): the last try}, of those of these deliveries that were tried."""
        async with self._database.reading() as connection:
            found = await webhook_log.newest_attempts(connection, account_id, deliveries)
        return {(attempt.event_id, attempt.endpoint_hash): attempt for attempt in found}

    async def health(self, account_id: int, hashes: Sequence[str], *, attempts: int = 50) -> dict[str, EndpointHealth]:
        """{endpoint hash: how it does, with that many of its newest attempts}."""
        async with self._database.reading() as connection:
            return await webhook_health.of_endpoints(connection, account_id, hashes, attempts=attempts)

    async def events(
        self,
        account_id: int,
        *,
        after: int = 0,
        property_id: int | None = None,
        event_types: Sequence[EventType] | None = None,
        limit: int = 100,
    ) -> list[Event]:
        """What happened, oldest first, from the one after the id `after`; MOST_EVENTS at most. Nothing with a smaller id
        comes later."""
        async with self._database.reading() as connection:
            return await event_store.after(
                connection, account_id, after, property_id=property_id, event_types=event_types,
                limit=min(limit, MOST_EVENTS),
            )  # fmt: skip

    async def newest_event(self, account_id: int, *, before: datetime | None = None) -> int:
        """The id of the last event, or of the last that was written before an instant; 0: there is none."""
        async with self._database.reading() as connection:
            return await event_store.newest(connection, account_id, before=before)

    async def kept_events(self, account_id: int) -> tuple[int, int]:
        """The ids of the oldest and the newest event that are kept; 0: there are none. Who has read up to an id below the
        oldest has missed something, for of those that are forgotten the last one stays."""
        async with self._database.reading() as connection:
            return await event_store.kept(connection, account_id)
