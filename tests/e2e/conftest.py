"""One running ringtrail for the tests of this folder that do not break it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.stack import Stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="ringtrail-e2e-"))
    folder.chmod(0o711)  # the database runs as a user of its own
    stack = Stack(folder)
    try:
        await stack.up()
        yield stack
    finally:
        await stack.down()
        shutil.rmtree(folder, ignore_errors=True)
