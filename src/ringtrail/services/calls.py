"""Reading the canonical record: calls, legs, traces, day totals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from ringtrail.model.call import CallRecord, LegRecord
from ringtrail.model.query import CallPage, CallQuery, DayTotals, LegQuery
from ringtrail.model.view import View
from ringtrail.storage import legs
from ringtrail.storage import reporting as store
from ringtrail.storage.database import LIVE_CHANNEL, Database

T = TypeVar("T")


class Calls:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        query: CallQuery,
        *,
        offset: int = 0,
        limit: int | None = None,
        with_total: bool = False,
        show: View[Any] | None = None,
        fields: Iterable[str] | None = None,
    ) -> CallPage:
        """A slice of the matching calls in query.order; limit None: all. The connection is given back before return.

        show: what the asker makes of a call; only what it reads is fetched, and what `fields` names besides.
        fields: without `show`, those of CallRecord that the asker reads; None: all.
        """
        wanted = tuple(fields or ()) if show or fields else CallRecord._fields
        async with self._database.reading() as connection:
            found = await store.find_calls(
                connection, query, offset=offset, limit=None if limit is None else limit + 1, fields=wanted, show=show,
                with_total=with_total,
            )  # fmt: skip
            rows = found.rows
            whole = limit is None or len(rows) <= limit
            if not with_total:
                total = None
            elif whole and (rows or not offset):
                total = offset + len(rows)
            else:
                total = found.total or await store.count_calls(connection, query)
        has_more = limit is not None and len(rows) > limit
        return CallPage(found.fields, rows[:limit], total, has_more, found.shown[:limit])

    async def by_id(self, account_id: int, call_id: int) -> CallRecord | None:
        """One call, live or ended."""
        query = CallQuery(account_id=account_id, ids=(call_id,), include_in_progress=True)
        page = await self.page(query, limit=1)
        return page.records[0] if page.records else None

    async def by_creation_seq(self, account_id: int, creation_seq: int) -> CallRecord | None:
        query = CallQuery(account_id=account_id, creation_seqs=(creation_seq,), include_in_progress=True)
        page = await self.page(query, limit=1)
        return page.records[0] if page.records else None

    async def legs(self, account_id: int, call_ids: list[int]) -> list[LegRecord]:
        """All legs of these calls, in dialling order."""
        async with self._database.reading() as connection:
            found = await legs.find_legs(connection, LegQuery(account_id=account_id, call_ids=call_ids))
        return [LegRecord._make(row) for row in found.rows]

    async def legs_page(
        self, query: LegQuery, show: View[T], *, offset: int = 0, limit: int | None = None
    ) -> tuple[list[T], int]:
        """(page, total) of legs, each as `show` makes it; limit None: all."""
        async with self._database.reading() as connection:
            found = await legs.find_legs(connection, query, fields=(), show=show, offset=offset, limit=limit)
            total = await legs.count_legs(connection, query)
        return found.shown, total

    async def portions(self, query: CallQuery, show: View[T], size: int) -> AsyncIterator[list[T]]:
        """All matching calls by their start, `size` at a time: each time those behind the last."""
        more = True
        while more:
            page = await self.page(query, limit=size, show=show, fields=("started_at", "id"))
            more = page.has_more
            if page.shown:
                query = replace(query, past=(page.last.started_at, page.last.id))
                yield page.shown

    async def leg_portions(self, query: LegQuery, show: View[T], size: int) -> AsyncIterator[list[T]]:
        """As `portions`, of legs."""
        more, key = True, ("started_at", "call_id", "position")
        while more:
            async with self._database.reading() as connection:
                found = await legs.find_legs(connection, query, fields=key, show=show, limit=size)
            more = len(found.rows) == size
            if found.rows:
                last = dict(zip(found.fields, found.rows[-1], strict=True))
                query = replace(query, past=(last["started_at"], last["call_id"], last["position"]))
                yield found.shown

    async def trace(self, account_id: int, call_id: int) -> list[dict[str, Any]]:
        """[{"at", "what", "detail"}], oldest first; empty while the call is live."""
        async with self._database.reading() as connection:
            return await store.trace_of(connection, account_id, call_id)

    async def day_totals(self, query: CallQuery, timezone: str) -> list[DayTotals]:
        """Sums per local day of an IANA zone; only days that have calls."""
        async with self._database.reading() as connection:
            return await store.day_totals(connection, query, timezone)

    async def newest_change(self, account_id: int) -> int:
        """The change counter now: take it before reading, and nothing is missed by asking for what comes after it."""
        async with self._database.reading() as connection:
            return await store.newest_change(connection, account_id)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[str]]:
        """Account ids (as text) whose calls have just changed, as it happens."""
        async with self._database.notifications(LIVE_CHANNEL) as payloads:
            yield payloads
