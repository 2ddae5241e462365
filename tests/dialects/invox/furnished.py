"""What the examples of the reference name."""

from __future__ import annotations

from pathlib import Path

from tests.dialects.recorded import recorded_call
from tests.fixtures import World


async def furnish(world: World, folder: Path) -> dict[str, str]:
    """{as the examples show it: as it is in this world}; the call is the account's first, with the id 1"""
    await recorded_call(world, folder)
    return {}
