"""CDRs move in: both sides say the same of every call."""

from __future__ import annotations

import pytest

from tests.dialects.callr.migration.conftest import Moved, Side
from tests.dialects.callr.migration.lives import Lives, cdrs, check_books, dispositions, expected, same_ground
from tests.fixtures import CALLR_LOGIN, World

pytestmark = pytest.mark.postgres

ONLY = frozenset({"calls"})


@pytest.fixture(autouse=True)
async def ground(world: World, new: Side) -> None:
    await same_ground(world, new)
    await new.services.accounts.add_password(new.account.id, "callr", *CALLR_LOGIN)


async def test_calls_of_all_shapes_read_the_same_on_both_sides(old: Side, new: Side, world: World, moved: Moved) -> None:
    calls = Lives(world).of_all_shapes()
    await world.save(*calls)
    [step], report = await moved(only=ONLY)
    assert (step.quantity, report.quantities, report.notes, report.failures) == (10, {"calls": 12}, [], [])
    for type_ in ("IN", "OUT"):
        assert await cdrs(new, type_) == await cdrs(old, type_)
    await check_books(new)
    print(await dispositions(new), expected(calls))
