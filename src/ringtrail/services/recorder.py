"""From live calls to the database: nothing is lost while PostgreSQL is away, nothing is written twice.

The newest snapshot of each call waits in memory until a transaction that holds it has committed. A commit whose answer
was lost is repeated; storage treats the repetition as done. What memory cannot save (the controller is killed too) the
engine's flight recorder gives back: see recovery.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from ringtrail.model.call import Call
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.storage.calls import save_calls
from ringtrail.storage.database import Database

log = structlog.get_logger("ringtrail.recorder")

BATCH = 200
PACE_S = 0.1
"""Pause between batches: what happens to a call meanwhile is one write instead of several. The flight recorder covers it."""

_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class Recorder:
    """One writer. `saved` is told the calls and the seconds of each committed batch."""

    def __init__(
        self, database: Database, saved: Callable[[list[Call], float], None] = lambda _calls, _s: None
    ) -> None:
        self._database = database
        self._saved = saved
        self._pending: dict[int, Call] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def depth(self) -> int:
        """Calls that wait to be written."""
        return len(self._pending)

    def put(self, call: Call) -> None:
        """Note the newest state of a call."""
        self._pending[call.id] = call
        self._idle.clear()
        self._wake.set()

    async def flushed(self) -> None:
        """Return when nothing waits."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        failures = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                if await self._write_batch():
                    failures = 0
                else:
                    await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                    failures += 1
            self._idle.set()
            await asyncio.sleep(PACE_S)

    async def _write_batch(self) -> bool:
        """False: the database is away, try again later."""
        batch = list(self._pending.values())[:BATCH]
        try:
            await self._write_or_part(batch)
        except DomainError as exc:
            if exc.code is not ErrorCode.UNAVAILABLE:
                raise
            log.warning("calls_wait_for_database", waiting=self.depth, reason=exc.detail)
            return False
        return True

    async def _write_or_part(self, batch: list[Call]) -> None:
        """Write a batch; if one call cannot be stored, the others must not wait behind it."""
        try:
            await self._write(batch)
        except DomainError:
            raise
        except Exception:
            if len(batch) > 1:
                for call in batch:
                    await self._write_or_part([call])
                return
            log.exception("call_unwritable", call_id=batch[0].id, account_id=batch[0].account_id, call=repr(batch[0]))
            self._forget(batch)

    async def _write(self, batch: list[Call]) -> None:
        started = time.perf_counter()
        await save_calls(self._database, batch)
        self._forget(batch)
        self._saved(batch, time.perf_counter() - started)

    def _forget(self, batch: list[Call]) -> None:
        """Take written calls out, unless something newer is known of them by now."""
        for call in batch:
            if self._pending.get(call.id) is call:
                del self._pending[call.id]
