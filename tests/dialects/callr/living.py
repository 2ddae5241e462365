"""Leading the life of life.py: what there is at its beginning, and one step after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ringtrail.model.money import BillingMode, Rate, RateKind
from ringtrail.services.stock_file import items_of
from ringtrail.supervisor import speech
from tests.dialects.callr.happenings import recording_is_ready, with_sounds
from tests.dialects.callr.life import LIFE, Step
from tests.dialects.callr.test_media import phone_in_number, tone, working
from tests.dialects.delivering import delivering, settled
from tests.engines.asterisk.conftest import CACHE
from tests.fixtures import World, with_recording

PRICES = (
    Rate(kind=RateKind.CALL_IN, prefix="+33", price_micro=12_000),
    Rate(kind=RateKind.CALL_OUT, prefix="+33", price_micro=24_000, label="France"),
    Rate(kind=RateKind.MESSAGE_OUT, prefix="+33", price_micro=65_000, label="France"),
)

Ask = Callable[[Step, list[Any], str], Awaitable[Any]]
"""(step, its parameters, the token of the session that asks or '') -> the result, if it is not refused."""


async def furnished(world: World, folder: Path) -> World:
    """Sounds, prices, credit, a number for sale, one that takes recordings, a recorded call."""
    assert speech.find_or_fetch(CACHE, print) is not None
    world = with_sounds(world, folder)
    services = world.services
    await services.money.set_tariff("standard", PRICES)
    await services.money.set_terms(world.account.id, tariff="standard", mode=BillingMode.PREPAID)
    await services.money.top_up(world.account.id, 50_000_000)
    await services.stock.take_in(items_of(["number,area_label,month,setup", "+33140000001,Paris,3,1"]))
    await phone_in_number(world, "+33140000099")
    call = with_recording(world.golden())
    await world.save(call)
    await recording_is_ready(world)
    (folder / f"{call.id}.wav").write_bytes(tone(0.1, rate=8_000, channels=1))
    return world


async def lead(world: World, listening_at: str, ask: Ask) -> None:
    """listening_at: where a subscriber listens."""
    kept: dict[str, Any] = {"receiver": listening_at}
    for step in LIFE:
        if step.later:
            await _worked(world)
        params = [_filled(param, kept) for param in step.params]
        result = await ask(step, params, kept.get(step.token.removeprefix("$"), ""))
        if step.keep:
            kept[step.keep] = _picked(result, step)


async def _worked(world: World) -> None:
    """The worker has run the jobs and delivered what is to be told."""
    async with working(world), delivering(world), asyncio.timeout(20):
        await settled(world)
        while await _waiting_jobs(world):  # noqa: ASYNC110  # only the database knows
            await asyncio.sleep(0.02)


async def _waiting_jobs(world: World) -> int:
    async with world.database.reading() as connection:
        found = await connection.execute("SELECT count(*) FROM jobs WHERE status IN ('pending', 'running')")
        (count,) = await found.fetchone() or (0,)
    return int(count)


def _filled(param: Any, kept: dict[str, Any]) -> Any:
    if isinstance(param, list):
        return [_filled(item, kept) for item in param]
    return kept[param[1:]] if isinstance(param, str) and param.startswith("$") else param


def _picked(result: Any, step: Step) -> Any:
    for key in step.pick:
        result = result[key]
    return result
