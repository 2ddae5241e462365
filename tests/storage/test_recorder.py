"""The recorder on a real PostgreSQL: the newest snapshot wins, and one bad record does not hold up the others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import State
from ringtrail.model.query import CallQuery
from ringtrail.services.recorder import Recorder
from ringtrail.storage.database import Database
from tests.fixtures import build_world

pytestmark = pytest.mark.postgres


async def test_a_record_that_cannot_be_stored_does_not_hold_up_the_others(database: Database, tmp_path: Path) -> None:
    world = await build_world(database, tmp_path)
    recorder = Recorder(database)
    running = asyncio.create_task(recorder.run())
    bad = replace(world.golden(), caller_name="nul \0 byte")
    for call in (world.golden(), bad, world.golden()):
        recorder.put(call)
    await asyncio.wait_for(recorder.flushed(), 10)
    running.cancel()
    page = await world.services.calls.page(CallQuery(account_id=world.account.id), with_total=True)
    assert page.total == 2


async def test_only_the_newest_snapshot_of_a_waiting_call_is_written(database: Database, tmp_path: Path) -> None:
    world = await build_world(database, tmp_path)
    recorder = Recorder(database)
    ended = world.golden()
    recorder.put(replace(ended, ended_at=None, state=State.RINGING, disposition=Disposition.IN_PROGRESS))
    recorder.put(ended)
    running = asyncio.create_task(recorder.run())
    await asyncio.wait_for(recorder.flushed(), 10)
    running.cancel()
    record = await world.services.calls.by_id(world.account.id, ended.id)
    assert record is not None
    assert (record.disposition, record.change_seq) == ("answered", 1)
