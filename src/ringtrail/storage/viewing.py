"""Rows of calls and legs, and what a view makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any, NamedTuple

from ringtrail.model.view import View, fields_of
from ringtrail.storage.database import Connection

TOTAL = "total"


class Found(NamedTuple):
    """Rows, and what a view made of each (nothing without one)."""

    fields: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    shown: list[Any]

    @property
    def total(self) -> int | None:
        """The last field's value, if that is `total`: how many rows there are on all pages."""
        return self.rows[0][-1] if self.rows and self.fields[-1:] == (TOTAL,) else None


class Wanted:
    """What is read of each row: first what a view takes, in its order, then other fields."""

    def __init__(self, fields: Sequence[str], show: View[Any] | None) -> None:
        self._show = show
        viewed = fields_of(show) if show else ()
        self.fields = (*viewed, *(name for name in fields if name not in viewed))
        self._viewed = itemgetter(slice(len(viewed)))

    def nothing(self) -> Found:
        return Found(self.fields, [], [])

    async def read(self, connection: Connection, statement: str, values: Sequence[Any]) -> Found:
        """The rows of a statement that selects `fields`."""
        cursor = connection.cursor(binary=True)
        await cursor.execute(statement.encode(), values)
        rows = await cursor.fetchall()
        return Found(self.fields, rows, list(starmap(self._show, map(self._viewed, rows))) if self._show else [])
