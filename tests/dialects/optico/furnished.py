"""What the examples of the reference name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ringtrail.dialects.optico.reference import KEY
from tests.dialects.optico.sms import received_sms
from tests.dialects.recorded import recorded_call
from tests.fixtures import TOKENS, World


async def furnish(world: World, folder: Path) -> dict[str, str]:
    """{as the examples show it: as it is in this world}"""
    await recorded_call(world, folder)
    await received_sms(world, "Are you open on Saturday?", at=datetime(2026, 7, 14, 12, 30, 45, tzinfo=UTC))
    return {KEY: TOKENS["optico"]}
