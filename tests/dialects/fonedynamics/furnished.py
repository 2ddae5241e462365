"""What the examples of the reference name."""

from __future__ import annotations

from pathlib import Path

from ringtrail.dialects.fonedynamics.reference import ACCOUNT_SID, CALL_SID, PROPERTY_SID
from ringtrail.model.ids import call_sid
from tests.dialects.recorded import recorded_call
from tests.fixtures import World


async def furnish(world: World, folder: Path) -> dict[str, str]:
    """{as the examples show it: as it is in this world}"""
    call = await recorded_call(world, folder)
    return {ACCOUNT_SID: world.account.sid, PROPERTY_SID: world.property.sid, CALL_SID: call_sid(call.id)}
