"""Calls as a busy installation writes them: several recorders, each with connections of its own, that begin, update and
end calls in small transactions, while a worker finishes recordings. Transactions stay open for a while before their
commit, so that they run into each other and readers into them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from ringtrail.ports.clock import SystemClock
from ringtrail.services.upkeep import Upkeep
from ringtrail.storage.calls import save_calls
from ringtrail.storage.database import Connection, Database
from tests.fixtures import GOLDEN_START, World, with_recording

ENDS = (
    (Disposition.ANSWERED, Stage.BRIDGED),
    (Disposition.BUSY, Stage.RINGING),
    (Disposition.ABANDONED, Stage.RINGING),
)
RECORDERS, CALLS_AT_ONCE = 5, 6
_HOLD_S = (0.0, 0.0, 0.001, 0.004, 0.015)


class SlowCommits(Database):
    """A transaction waits between its last statement and its commit, each for another time."""

    def __init__(self, url: str, chance: random.Random) -> None:
        super().__init__(url, max_connections=3)
        self._chance = chance

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with super().transaction() as connection:
            yield connection
            await asyncio.sleep(self._chance.choice(_HOLD_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One call: how it is saved, time after time. The caller's number tells it from all others in every dialect."""

    saved_as: tuple[Call, ...]

    @property
    def final(self) -> Call:
        return self.saved_as[-1]

    @property
    def caller(self) -> str:
        return self.final.caller_number_e164 or ""


class Traffic:
    """`await write()` writes all lives; `written` says how many savings were committed so far.

    live: many calls are saved while they last, too; else each is saved once, when it has ended.
    """

    def __init__(self, world: World, folder: Path, *, seed: int, calls: int = 100, live: bool = True) -> None:
        self._world, self._folder, self._chance, self._live = world, folder, random.Random(seed), live
        self.lives = [self._life(number) for number in range(calls)]
        self.written = 0
        self.done = asyncio.Event()

    async def write(self) -> None:
        """Everything, from the first offer to the last finished recording."""
        async with contextlib.AsyncExitStack() as stack:
            databases = [await self._connected(stack) for _ in range(RECORDERS + 1)]
            worker = asyncio.create_task(self._finish_recordings(databases.pop()))
            parts = [self.lives[part::RECORDERS] for part in range(RECORDERS)]
            await asyncio.gather(*[self._record(base, part) for base, part in zip(databases, parts, strict=True)])
            self.done.set()
            await worker

    async def read_meanwhile(self, read: Callable[[], Awaitable[object]], *, after: int = 0) -> None:
        """Read again and again while calls are written, from the moment when `after` savings are, and once at the end."""
        while not self.done.is_set():
            if self.written >= after:
                await read()
            await asyncio.sleep(0)

    async def _connected(self, stack: contextlib.AsyncExitStack) -> Database:
        database = SlowCommits(self._world.database.url, self._chance)
        await database.open()
        stack.push_async_callback(database.close)
        return database

    async def _record(self, database: Database, lives: Sequence[Life]) -> None:
        """Some calls at a time, in any order among them, each in the order of its life; now and then a commit is repeated,
        as it is when its answer was lost."""
        waiting = [list(life.saved_as) for life in lives]
        while waiting:
            busy = waiting[:CALLS_AT_ONCE]
            turn = self._chance.sample(busy, min(len(busy), self._chance.randint(1, 4)))
            batch = [saved_as.pop(0) for saved_as in turn]
            for _ in range(self._chance.choice((1, 1, 1, 2))):
                await save_calls(database, batch)
            self.written += len(batch)
            waiting = [saved_as for saved_as in waiting if saved_as]

    async def _finish_recordings(self, database: Database) -> None:
        upkeep = Upkeep(database, SystemClock(), self._folder)
        while not self.done.is_set():
            await upkeep.finish_recordings()
            await asyncio.sleep(0.002)
        await upkeep.finish_recordings()

    def _life(self, number: int) -> Life:
        start = GOLDEN_START + timedelta(seconds=self._chance.randrange(0, 6 * 3600))
        disposition, stage = self._chance.choice(ENDS)
        answered = {} if disposition is Disposition.ANSWERED else {"answered_at": None, "bridged_at": None}
        final = self._world.golden(
            started_at=start,
            caller_number_e164=f"+3361200{number:04}",
            disposition=disposition,
            stage=stage,
            **answered,
        )
        if disposition is Disposition.ANSWERED and self._chance.random() < 0.6:
            final = self._recorded(final, f"REC{number:05}")
        live = replace(
            final, ended_at=None, answered_at=None, bridged_at=None, state=State.RINGING, stage=Stage.RINGING,
            disposition=Disposition.IN_PROGRESS, recordings=(),
        )  # fmt: skip
        talking = replace(live, state=State.BRIDGED, stage=Stage.BRIDGED, answered_at=final.answered_at)
        before: tuple[Call, ...] = self._chance.choice([(), (live,), (live, talking), (live, live, talking)])
        return Life(saved_as=(*(before if self._live else ()), final))

    def _recorded(self, call: Call, hash_: str) -> Call:
        """With a recording that the worker has yet to finish, and its sound."""
        with wave.open(str(self._folder / f"{call.id}.wav"), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(b"\0\0" * 800)
        call = with_recording(call, hash_)
        return replace(call, recordings=(replace(call.recordings[0], status="processing"),))
