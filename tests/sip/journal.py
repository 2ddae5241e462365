"""Every message that a peer sent or received, with the instant at which it did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Direction = Literal["in", "out"]
Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`method` of a response is that of its request; `status` is None for requests. Unparsed bytes have method ''."""

    at: datetime  # aware, UTC
    direction: Direction
    method: str
    status: int | None
    call_id: str
    address: Address  # the other side
    raw: bytes


class Journal:
    """A list of entries that can be searched and waited on."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._waiting: list[tuple[Callable[[Entry], bool], asyncio.Future[Entry]]] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        for wanted, future in self._waiting:
            if not future.done() and wanted(entry):
                future.set_result(entry)
        self._waiting = [pair for pair in self._waiting if not pair[1].done()]

    def find(
        self,
        method: str,
        status: int | None = None,
        *,
        direction: Direction | None = None,
        call_id: str | None = None,
    ) -> list[Entry]:
        """Requests of `method` (status None) or responses to it, oldest first; retransmissions are entries too."""
        wanted = _filter(method, status, direction, call_id)
        return [entry for entry in self.entries if wanted(entry)]

    async def wait(
        self,
        method: str,
        status: int | None = None,
        *,
        direction: Direction | None = None,
        call_id: str | None = None,
        timeout_s: float = 5.0,
    ) -> Entry:
        """The first such entry, past or future. Raises TimeoutError."""
        wanted = _filter(method, status, direction, call_id)
        past = next((entry for entry in self.entries if wanted(entry)), None)
        if past is not None:
            return past
        future: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, future))
        return await asyncio.wait_for(future, timeout_s)


def _filter(
    method: str, status: int | None, direction: Direction | None, call_id: str | None
) -> Callable[[Entry], bool]:
    def wanted(entry: Entry) -> bool:
        same = (entry.method, entry.status) == (method, status)
        return same and direction in (None, entry.direction) and call_id in (None, entry.call_id)

    return wanted
