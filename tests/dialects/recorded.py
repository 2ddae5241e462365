"""A recorded call: what most examples of the references show."""

from __future__ import annotations

from pathlib import Path

from ringtrail.model.call import Call
from tests.fixtures import World, with_recording


async def recorded_call(world: World, folder: Path) -> Call:
    """The golden call, saved, with its sound. folder: of the world's recordings."""
    call = with_recording(world.golden())
    for extension in ("wav", "mp3"):
        (folder / f"{call.id}.{extension}").write_bytes(b"sound")
    await world.save(call)
    return call
