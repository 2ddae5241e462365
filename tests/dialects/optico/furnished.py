"""What the examples of the reference name."""

from __future__ import annotations

from pathlib import Path

from ringtrail.dialects.optico.reference import KEY
from tests.dialects.recorded import recorded_call
from tests.fixtures import TOKENS, World


async def furnish(world: World, folder: Path) -> dict[str, str]:
    """{as the examples show it: as it is in this world}"""
    await recorded_call(world, folder)
    return {KEY: TOKENS["optico"]}
