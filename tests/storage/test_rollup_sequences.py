"""Whatever is done to calls in whatever order: the sums by hour are those of a recount, and the ledger gives the balance."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ringtrail.model.account import Principal
from ringtrail.model.call import Call, Trigger
from ringtrail.services.entered_calls import CallEntry
from ringtrail.storage.database import Database
from ringtrail.storage.rollups import differences, rebuild
from tests.fixtures import World, build_world
from tests.storage.test_money import balanced
from tests.storage.test_sums import RATES, a_call

pytestmark = pytest.mark.postgres
STEPS = 60


class History:
    """What happens to an account's calls, by the throw of dice."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self._world, self._dice = world, dice
        self._live: list[Call] = []
        self._ended: list[Call] = []
        self._owner = Principal(account=world.account, property=None, credential_id=0, login=None)

    async def goes_on(self) -> None:
        steps = [self._priced, self._begun, self._over, self._whole, self._corrected, self._removed, self._revenues]
        await self._dice.choice(steps)()

    async def _priced(self) -> None:
        tariff = self._dice.choice(["standard", None])
        await self._world.services.money.set_terms(self._world.account.id, tariff=tariff)

    async def _call(self) -> Call:
        return replace(
            await a_call(self._world, self._dice), trigger=self._dice.choice(list(Trigger)),
            app_hash=self._dice.choice([None, self._world.app.hash]), did_hash=self._dice.choice(["", self._world.did.hash]),
        )  # fmt: skip

    async def _begun(self) -> None:
        self._live.append(await self._call())
        await self._world.save(replace(self._live[-1], ended_at=None))

    async def _over(self) -> None:
        if self._live:
            self._ended.append(self._live.pop())
            await self._world.save(self._ended[-1])
            await self._world.save(self._ended[-1])  # as one whose answer was lost

    async def _whole(self) -> None:
        self._ended.append(await self._call())
        await self._world.save(self._ended[-1])

    async def _corrected(self) -> None:
        if self._ended:
            call = self._dice.choice(self._ended)
            start = call.started_at + timedelta(minutes=self._dice.randrange(-2_000, 2_000))
            entry = CallEntry(started_at=start, duration_s=self._dice.randrange(500))
            await self._world.services.entered_calls.correct(self._owner, call.id, entry)

    async def _removed(self) -> None:
        if self._ended:
            call = self._ended.pop(self._dice.randrange(len(self._ended)))
            await self._world.services.entered_calls.remove(self._owner, call.id)

    async def _revenues(self) -> None:
        """As an import notes them, counted again as the operator does."""
        async with self._world.database.transaction() as connection:
            await connection.execute(
                "UPDATE calls SET revenue_minor = %s WHERE id %% 3 = 0 AND ended_at IS NOT NULL",
                (self._dice.randrange(-500, 500),),
            )
            await rebuild(connection)


@pytest.mark.parametrize("seed", range(8))
async def test_sums_and_balance_hold_after_every_step(database: Database, tmp_path: Path, seed: int) -> None:
    world = await build_world(database, tmp_path)
    await world.services.money.set_tariff("standard", RATES)
    history = History(world, random.Random(seed))
    for step in range(STEPS):
        await history.goes_on()
        async with database.reading() as connection:
            assert await differences(connection) == 0, step
        assert await balanced(world), step
