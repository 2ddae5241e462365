"""Commands to live calls. A request waits for the controller's answer, but not for long."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from ringtrail.model.errors import DomainError
from ringtrail.ports.clock import Clock
from ringtrail.ports.engine import EngineError
from ringtrail.storage import commands as store
from ringtrail.storage.database import Database

log = structlog.get_logger("ringtrail.commands")

ANSWERED_WITHIN_S = 3.0
POLL_S = 1.0
_LOOK_EVERY_S = 0.1


class Commands:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def hang_up(self, account_id: int, leg_id: int) -> bool:
        """End one leg of a live call; with the caller's leg the whole call ends.

        False: no such leg is alive, or its controller did not answer; then the leg is left alone.
        """
        async with self._database.transaction() as connection:
            node = await store.node_of_live_leg(connection, account_id, leg_id)
            if node is None:
                return False
            command = await store.add(connection, account_id, node, leg_id, self._clock.now())
        for _ in range(round(ANSWERED_WITHIN_S / _LOOK_EVERY_S)):
            async with self._database.reading() as connection:
                if await store.outcome(connection, account_id, command) is not None:
                    break
            await asyncio.sleep(_LOOK_EVERY_S)
        async with self._database.transaction() as connection:
            return await store.take_back(connection, account_id, command)


async def carry_out(
    database: Database, clock: Clock, node: str, hang_up: Callable[[int, int], Awaitable[bool]]
) -> None:
    """The controller's side. hang_up: (account id, leg id) -> whether it worked."""
    async with database.transaction() as connection:
        for command in await store.waiting(connection, node):
            worked = await hang_up(command.account_id, command.leg_id)
            await store.done(connection, command.account_id, command.id, clock.now(), worked=worked)


class CommandTaker:
    """The controller's side, for as long as it runs: it hears of a command at once; without the listener the poll finds it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        node: str,
        hang_up: Callable[[int, int], Awaitable[bool]],
        *,
        ready: Callable[[], bool],
    ) -> None:
        """ready: whether the engine can be told anything; until then commands wait."""
        self._database = database
        self._clock = clock
        self._node = node
        self._hang_up = hang_up
        self._ready = ready
        self._wake = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            while True:
                self._wake.clear()
                if self._ready():
                    await self._carry_out()
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: Python 3.11's can swallow a cancellation.
                    async with asyncio.timeout(POLL_S):
                        await self._wake.wait()

    async def _carry_out(self) -> None:
        try:
            await carry_out(self._database, self._clock, self._node, self._hang_up)
        except (DomainError, EngineError) as exc:
            log.warning("commands_wait", reason=str(exc))

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(DomainError):
                async with self._database.notifications(store.COMMAND_CHANNEL) as payloads:
                    async for node in payloads:
                        if node == self._node:
                            self._wake.set()
            await asyncio.sleep(POLL_S)
