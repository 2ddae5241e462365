"""One running ringtrail for the tests of this folder that do not break it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.e2e.stack import Stack, private_folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    folder = private_folder("ringtrail-e2e-")
    stack = Stack(folder)
    try:
        await stack.up()
        yield stack
    finally:
        await stack.down()
        shutil.rmtree(folder, ignore_errors=True)
