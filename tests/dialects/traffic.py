"""Calls as a busy installation writes them: several recorders, each with connections of its own, that begin, update and
end calls in small transactions, while a worker finishes recordings and a clerk enters calls and corrects ended ones.
Transactions stay open for a while before their commit, so that they run into each other and readers into them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from ringtrail.model.account import Principal
from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from ringtrail.ports.clock import SystemClock
from ringtrail.services.entered_calls import CallEntry, EnteredCalls
from ringtrail.services.upkeep import Upkeep
from ringtrail.services.voicemails import Voicemails
from ringtrail.storage.calls import save_calls
from ringtrail.storage.database import Connection, Database
from tests.fixtures import GOLDEN_START, World, with_recording

ENDS = (
    (Disposition.ANSWERED, Stage.BRIDGED),
    (Disposition.BUSY, Stage.RINGING),
    (Disposition.ABANDONED, Stage.RINGING),
)
RECORDERS, CALLS_AT_ONCE = 5, 6
CORRECTIONS = 30
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


class _InAugust:
    """A clock that goes, for the clerk, to whom these calls must not lie in the future."""

    def now(self) -> datetime:
        return GOLDEN_START + timedelta(days=30, seconds=time.monotonic() % 86_400)


class Traffic:
    """`await write()` writes everything; `written` says how many savings were committed so far, `finals` how each call
    must read in the end. The caller's number tells a call from all others in every dialect.

    live: many calls are saved while they last, too; else each is saved once, when it has ended.
    corrected: there is a clerk.
    """

    def __init__(
        self, world: World, folder: Path, *, seed: int, calls: int = 80, live: bool = True, corrected: bool = False
    ) -> None:
        self._world, self._folder, self._chance, self._live = world, folder, random.Random(seed), live
        self._lives = [self._life(number) for number in range(calls)]
        self._corrections = CORRECTIONS if corrected else 0
        self._ended: asyncio.Queue[Call] = asyncio.Queue()
        self.finals: dict[int, Call] = {}
        self.written = 0
        self.done = asyncio.Event()

    async def write(self) -> None:
        """Everything, from the first offer to the last finished recording."""
        async with contextlib.AsyncExitStack() as stack:
            databases = [await self._connected(stack) for _ in range(RECORDERS + 2)]
            worker = asyncio.create_task(self._finish_recordings(databases.pop()))
            clerk = self._correct(databases.pop())
            parts = [self._lives[part::RECORDERS] for part in range(RECORDERS)]
            recorders = [self._record(base, part) for base, part in zip(databases, parts, strict=True)]
            await asyncio.gather(clerk, *recorders)
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

    async def _record(self, database: Database, lives: Sequence[tuple[Call, ...]]) -> None:
        """Some calls at a time, in any order among them, each in the order of its life; now and then a commit is repeated,
        as it is when its answer was lost."""
        waiting = [list(life) for life in lives]
        while waiting:
            busy = waiting[:CALLS_AT_ONCE]
            turn = self._chance.sample(busy, min(len(busy), self._chance.randint(1, 4)))
            batch = [saved_as.pop(0) for saved_as in turn]
            for _ in range(self._chance.choice((1, 1, 1, 2))):
                await save_calls(database, batch)
            self.written += len(batch)
            for call in filter(lambda call: call.ended, batch):
                self.finals[call.id] = call
                self._ended.put_nowait(call)
            waiting = [saved_as for saved_as in waiting if saved_as]

    async def _correct(self, database: Database) -> None:
        """Enter calls, and give ended ones, each at most once, another target or another start, also in another month."""
        entered = EnteredCalls(database, _InAugust(), str(self._folder))
        who = Principal(account=self._world.account, property=None, credential_id=1, login=None)
        for number in range(self._corrections):
            call = await self._ended.get()
            other = f"+3398{number:07}"
            match number % 3:
                case 0:
                    await entered.correct(who, call.id, CallEntry(called=other))
                    self.finals[call.id] = replace(call, destination_number_e164=other)
                case 1:
                    later = timedelta(seconds=1800 * self._chance.randint(1, 6), days=self._chance.choice((0, 0, -40)))
                    await entered.correct(who, call.id, CallEntry(started_at=call.started_at + later))
                    self.finals[call.id] = moved(call, later)
                case _:
                    entry = CallEntry(caller=other, called=other, started_at=call.started_at, duration_s=60)
                    call_id = await entered.enter(who, entry)
                    self.finals[call_id] = self._entered(call, other)

    def _entered(self, like: Call, number: str) -> Call:
        until = like.started_at + timedelta(seconds=60)
        return replace(
            like, caller_number_e164=number, destination_number_e164=number, answered_at=like.started_at, ended_at=until,
            disposition=Disposition.ANSWERED, recordings=(),
        )  # fmt: skip

    async def _finish_recordings(self, database: Database) -> None:
        upkeep = Upkeep(database, SystemClock(), self._folder, Voicemails(self._world.services.webhooks, SystemClock()))
        while not self.done.is_set():
            await upkeep.finish_recordings()
            await asyncio.sleep(0.002)
        await upkeep.finish_recordings()

    def _life(self, number: int) -> tuple[Call, ...]:
        """One call: how it is saved, time after time. Many calls begin at the same instant."""
        start = GOLDEN_START + timedelta(seconds=self._chance.randrange(0, 6 * 3600, 1800))
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
        return (*(before if self._live else ()), final)

    def _recorded(self, call: Call, hash_: str) -> Call:
        """With a recording that the worker has yet to finish, and its sound."""
        with wave.open(str(self._folder / f"{call.id}.wav"), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(b"\0\0" * 800)
        call = with_recording(call, hash_)
        return replace(call, recordings=(replace(call.recordings[0], status="processing"),))


def moved(call: Call, later: timedelta) -> Call:
    answered_at = call.answered_at + later if call.answered_at else None
    ended_at = call.ended_at + later if call.ended_at else None
    return replace(call, started_at=call.started_at + later, answered_at=answered_at, ended_at=ended_at)
