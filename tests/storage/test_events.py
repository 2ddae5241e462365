"""The outbox: what is written beside a call, for whom, and when nothing is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ringtrail.model.account import Principal
from ringtrail.model.call import Call, Recording, RecordingKind
from ringtrail.model.cause import Disposition
from ringtrail.model.events import MEANING, EventType
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.webhook import Endpoint
from ringtrail.services.entered_calls import CallEntry
from ringtrail.storage.calls import save_account
from ringtrail.storage.database import Database
from ringtrail.storage.recordings import finish_recording
from ringtrail.storage.schema import ensure_partitions
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres
ALL = tuple(EventType)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def endpoint_of(world: World, **changes: Any) -> Endpoint:
    given = {"address": "https://receiver.example/", "event_types": ALL} | changes
    return await world.services.webhooks.add(world.account.id, "invox", **given)


async def rows(world: World, what: str) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(what.encode())).fetchall()


async def told(world: World) -> list[tuple[str, int]]:
    """[(type, call id)] in the order of the outbox."""
    return [(row[0], row[1]) for row in await rows(world, "SELECT type, about FROM events ORDER BY id")]


def ringing(call: Call) -> Call:
    return replace(
        call, ended_at=None, answered_at=None, bridged_at=None, state=State.RINGING, stage=Stage.RINGING,
        disposition=Disposition.IN_PROGRESS,
    )  # fmt: skip


def principal(world: World) -> Principal:
    return Principal(account=world.account, property=None, credential_id=0, login=None)


async def test_a_call_is_told_when_it_starts_and_when_it_ends_and_never_in_between(world: World) -> None:
    await endpoint_of(world)
    call = world.golden()
    await world.save(ringing(call))
    await world.save(replace(ringing(call), answered_at=call.answered_at, state=State.BRIDGED))
    await world.save(call)
    assert await told(world) == [("call.started", call.id), ("call.ended", call.id)]


async def test_saving_an_ended_call_again_tells_nothing(world: World) -> None:
    await endpoint_of(world)
    call = world.golden()
    await world.save(call)
    await world.save(call)
    assert await told(world) == [("call.ended", call.id)]


async def test_what_its_owner_does_to_a_call_is_told(world: World) -> None:
    await endpoint_of(world)
    calls, who = world.services.entered_calls, principal(world)
    entry = CallEntry(caller="+33612345678", called="+33987654321", started_at=datetime(2026, 7, 1, tzinfo=UTC), external_id="x-1")  # fmt: skip
    call_id = await calls.enter(who, entry)
    await calls.correct(who, call_id, CallEntry(duration_s=7))
    await calls.remove(who, call_id)
    assert await told(world) == [("call.ended", call_id), ("call.changed", call_id), ("call.deleted", call_id)]
    detail = (await rows(world, "SELECT detail FROM events WHERE type = 'call.deleted'"))[0][0]
    assert detail == {"creation_seq": 1, "external_id": "x-1", "client_id": None, "button_hash": None}


@pytest.mark.parametrize(("status", "changes"), [("ready", 1), ("error", 0)])
async def test_a_recording_that_is_ready_changes_its_call(world: World, status: str, changes: int) -> None:
    await endpoint_of(world)
    call = world.golden()
    recording = Recording(
        hash="R1", call_id=call.id, kind=RecordingKind.CALL, path="r1", started_at=call.started_at, status="processing"
    )
    await world.save(replace(call, recordings=(recording,)))
    async with world.database.transaction() as connection:
        await finish_recording(connection, world.account.id, "R1", status=status, duration_ms=1, size_bytes=1)
    assert await told(world) == [("call.ended", call.id)] + changes * [("call.changed", call.id)]


async def test_each_endpoint_has_a_delivery_of_what_it_wants_and_no_other(world: World) -> None:
    site = await world.services.accounts.add_property(world.account.id, "other.example")
    everything = await endpoint_of(world)
    endings = await endpoint_of(world, event_types=(EventType.CALL_ENDED,))
    here = await endpoint_of(world, property_id=world.property.id)
    await endpoint_of(world, property_id=site.id)
    await endpoint_of(world, enabled=False)
    call = world.golden()
    await world.save(ringing(call))
    await world.save(call)
    found = await rows(
        world, "SELECT v.type, d.endpoint_hash FROM deliveries d JOIN events v ON v.id = d.event_id ORDER BY 1, 2"
    )
    started = [("call.started", item.hash) for item in (everything, here)]
    ended = [("call.ended", item.hash) for item in (everything, endings, here)]
    assert sorted(found) == sorted(started + ended)


async def test_nothing_is_written_for_an_account_that_nobody_listens_to(world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await endpoint_of(other)
    await world.save(world.golden())
    assert await told(world) == []


async def test_what_no_endpoint_wants_is_not_written(world: World) -> None:
    await endpoint_of(world, event_types=(EventType.CALL_DELETED,))
    await world.save(world.golden())
    assert await told(world) == []


async def test_a_transaction_that_fails_tells_nothing(world: World) -> None:
    await endpoint_of(world)
    call = world.golden()
    await ensure_partitions(world.database, [call.started_at])

    async def save_and_fail() -> None:
        async with world.database.transaction() as connection:
            await save_account(connection, world.account.id, [call])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await save_and_fail()
    assert await told(world) == []


async def test_event_ids_of_an_account_grow_in_the_order_of_its_commits(world: World) -> None:
    """Whoever has read up to an id never meets a smaller one later."""
    await endpoint_of(world)
    calls = [world.golden() for _ in range(60)]
    seen: list[int] = []

    async def watch() -> None:
        while len(seen) < len(calls):
            new = await rows(world, f"SELECT id FROM events WHERE id > {max(seen, default=0)} ORDER BY id")
            seen.extend(row[0] for row in new)

    async def write(some: list[Call]) -> None:
        for call in some:
            await world.save(call)

    await asyncio.wait_for(asyncio.gather(watch(), *(write(calls[part::6]) for part in range(6))), 30)
    assert len(set(seen)) == len(calls)


async def test_a_call_is_saved_while_an_endpoint_of_its_account_is_being_deleted(
    world: World, database_url: str
) -> None:
    """The delivery's foreign key must not undo the call."""
    endpoint = await endpoint_of(world)
    with psycopg.connect(database_url) as deleting:
        deleting.execute("DELETE FROM endpoints WHERE hash = %s", (endpoint.hash,))
        saving = asyncio.create_task(world.save(world.golden()))
        await asyncio.sleep(0.2)
        assert not saving.done()
    await asyncio.wait_for(saving, 10)
    assert await told(world) == []
    assert len(await rows(world, "SELECT 1 FROM calls")) == 1


def test_every_event_type_is_explained() -> None:
    assert set(MEANING) == set(EventType)
