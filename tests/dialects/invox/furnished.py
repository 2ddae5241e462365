"""What the examples of the reference name."""

from __future__ import annotations

from pathlib import Path

from ringtrail.dialects.invox.reference import RECORDING_KEY
from tests.dialects.recorded import recorded_call
from tests.fixtures import World


async def furnish(world: World, folder: Path) -> dict[str, str]:
    """{as the examples show it: as it is in this world}; the call is the account's first, with the id 1"""
    call = await recorded_call(world, folder)
    key = world.services.recording_links.key(world.account.id, call.recordings[0].hash)
    return {RECORDING_KEY: key}
