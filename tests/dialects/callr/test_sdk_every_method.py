"""Every method, asked through each of the vendor's SDKs: what the SDK hands over is what the vendor's page says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringtrail.dialects.callr.registry import METHODS
from ringtrail.dialects.callr.state import State
from tests.dialects.callr.conformity import check_result
from tests.dialects.callr.happenings import Post
from tests.dialects.callr.life import Step
from tests.dialects.callr.living import furnished, lead
from tests.dialects.callr.sdks import Sdk
from tests.fixtures import World
from tests.receiver import Receiver


@pytest.fixture
async def world(world: World, tmp_path: Path) -> World:
    return await furnished(world, tmp_path)


async def test_every_method_answers_the_sdk(sdk: Sdk, world: World, carrier_post: Post, receiver: Receiver) -> None:
    async def ask(step: Step, params: list[Any], token: str) -> Any:
        if token or METHODS[step.method].state is State.REFUSED:  # with a password there is no session to end
            message, code = await sdk.fault(step.method, *params)
            assert (message.split()[0].rstrip(":"), code) in {("FORBIDDEN", 100), ("PROPERTY_VALUE_ERROR", 151)}
            return None
        result = await sdk(step.method, *params)
        check_result(step.method, result)
        return result

    await lead(world, f"{receiver.url}/hook", ask)
