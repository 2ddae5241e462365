"""The pool, where its surroundings are unkind."""

from __future__ import annotations

import os
import resource
import time

import pytest

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.storage.database import PATIENCE_S, QUEUE_S, Database


async def test_a_database_that_is_away_is_told_soon_and_every_time() -> None:
    database = Database("postgresql:///nothing?host=/nonexistent")
    await database.open()
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(DomainError) as told:
            await database.ping()
        assert told.value.code is ErrorCode.UNAVAILABLE
        assert time.monotonic() - began < (PATIENCE_S + QUEUE_S) / 2
    await database.close()


async def test_a_process_with_thousands_of_open_files_still_reaches_its_database(database_url: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    try:
        database = Database(database_url)
        await database.open()
        for _ in range(3):
            await database.ping()
        await database.close()
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
