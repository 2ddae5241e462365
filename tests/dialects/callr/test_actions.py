"""Actions: started by the API they are checked wholly, then refused, because they do not run yet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.callr.conftest import Rpc
from tests.fixtures import World

_NOT_YET = (100, "FORBIDDEN: feature not allowed, Actions is not supported")
_STARTS: list[tuple[list[Any], tuple[int, str]]] = [
    ([], _NOT_YET),
    ([None], _NOT_YET),
    ([{}], _NOT_YET),
    ([{"variables": {"$target": "+33987654321", "$n": 1}}], _NOT_YET),
    ([{"variables": []}], _NOT_YET),
    ([{"variables": {"target": 1}}], (151, "PROPERTY_VALUE_ERROR [options.variables.target]")),
    ([{"variables": "x"}], (151, "PROPERTY_TYPE_ERROR [options.variables]")),
    ([{"x": 1}], (151, "PROPERTY_VALUE_ERROR [options.x]")),
    (["x"], (-32602, "INVALID_PARAM_FORMAT [options]")),
]


@pytest.mark.parametrize(("params", "expected"), _STARTS)
async def test_a_start_is_checked_and_refused(
    rpc: Rpc, fault: Rpc, params: list[Any], expected: tuple[int, str]
) -> None:
    app = (await rpc("apps.create", "ACTIONS10", "a", {"script": "branches: {}"}))["hash"]
    assert await fault("actions.start", app, *params) == expected


async def test_only_an_app_of_the_package_can_be_started(fault: Rpc, world: World) -> None:
    assert await fault("actions.start", world.app.hash, None) == (205, "BAD_APP_TYPE")
    assert await fault("actions.start", None, None) == (-32602, "INVALID_PARAM_FORMAT [app]")
    assert await fault("actions.start", "ABCD1234", None) == (151, "PROPERTY_VALUE_ERROR [app]")
