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
from ringtrail.model.call import Call, LegRole, Recording, RecordingKind
from ringtrail.model.cause import Disposition
from ringtrail.model.events import MEANING, UNASKED, Event, EventType
from ringtrail.model.ids import number_of_hash
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.webhook import Endpoint
from ringtrail.services.entered_calls import CallEntry
from ringtrail.storage import counters
from ringtrail.storage.calls import save_account
from ringtrail.storage.database import Database
from ringtrail.storage.events import tell
from ringtrail.storage.recordings import finish_recording
from ringtrail.storage.schema import ensure_partitions
from tests.fixtures import World, build_world

NOW = datetime(2026, 7, 14, 9, tzinfo=UTC)
pytestmark = pytest.mark.postgres
ALL = tuple(type_ for type_ in EventType if type_ not in UNASKED)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def endpoint_of(world: World, **changes: Any) -> Endpoint:
    given = {"address": "https://receiver.example/", "event_types": ALL} | changes
    return await world.services.webhooks.add(world.account.id, "invox", **given)


async def rows(world: World, what: str) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(what.encode())).fetchall()


async def told(world: World, of: str = "call.") -> list[tuple[str, int]]:
    """[(type, what it is about)] of such types, in the order of the outbox."""
    found = await rows(world, "SELECT type, about FROM events ORDER BY id")
    return [(row[0], row[1]) for row in found if row[0].startswith(of)]


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
        world,
        "SELECT v.type, d.endpoint_hash FROM deliveries d JOIN events v ON v.id = d.event_id WHERE v.type LIKE 'call.%'",
    )
    started = [("call.started", item.hash) for item in (everything, here)]
    ended = [("call.ended", item.hash) for item in (everything, endings, here)]
    assert sorted(found) == sorted(started + ended)


async def test_of_many_endpoints_those_that_ask_and_the_one_that_is_named_are_told_once_each(world: World) -> None:
    asks, webhooks = await endpoint_of(world), world.services.webhooks
    named, *_ = [await webhooks.dynamic(world.account.id, "invox", f"https://x.example/{n}") for n in range(3)]
    happened = Event(
        account_id=world.account.id, type=EventType.JOB_CHANGED, property_id=None, about=1, at=NOW, detail={}
    )  # fmt: skip
    async with world.database.transaction() as connection:
        await counters.lock(connection, world.account.id)
        for hash_ in (named.hash, asks.hash, "NOBODY00", None):
            await tell(connection, world.account.id, [replace(happened, endpoint_hash=hash_)])
    found = await rows(world, "SELECT endpoint_hash FROM deliveries ORDER BY event_id, endpoint_hash")
    assert [row[0] for row in found] == [*sorted([named.hash, asks.hash]), asks.hash, asks.hash, asks.hash]


async def test_events_are_kept_where_nobody_listens_and_told_to_nobody_else(world: World, tmp_path: Path) -> None:
    """They can be pulled, and replayed to an endpoint that is made later."""
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await endpoint_of(other)
    call = world.golden()
    await world.save(call)
    assert await told(world) == [("call.ended", call.id)]
    assert await rows(world, f"SELECT 1 FROM deliveries WHERE account_id = {world.account.id}") == []


async def test_an_event_without_a_property_is_not_told_to_an_endpoint_of_one(world: World) -> None:
    everything, here = await endpoint_of(world), await endpoint_of(world, property_id=world.property.id)
    event = Event(account_id=world.account.id, type=EventType.ENDPOINT_DISABLED, property_id=None, about=1, at=NOW)
    async with world.database.transaction() as connection:
        await counters.lock(connection, world.account.id)
        await tell(connection, world.account.id, [event])
    assert await rows(world, "SELECT endpoint_hash FROM deliveries") == [(everything.hash,)]
    assert here.hash != everything.hash


async def test_legs_and_recordings_are_told_once_each_in_their_calls_order(world: World) -> None:
    call = world.golden()
    target = next(leg for leg in call.legs if leg.role is LegRole.TARGET)
    recording = Recording(
        hash="R1", call_id=call.id, kind=RecordingKind.CALL, path="r1", started_at=call.started_at, status="recording"
    )
    live = tuple(replace(leg, ended_at=None) for leg in call.legs)
    await world.save(replace(ringing(call), legs=live[:1]))
    for _ in range(2):
        await world.save(replace(ringing(call), legs=live))
        await world.save(replace(ringing(call), legs=live, recordings=(recording,)))
    for _ in range(2):
        await world.save(replace(call, recordings=(recording,)))
    found = await rows(world, f"SELECT type, detail FROM events WHERE about = {call.id} ORDER BY id")
    assert found == [
        ("call.started", {}),
        ("leg.started", {"leg_id": target.id}),
        ("recording.created", {"hash": "R1"}),
        ("leg.ended", {"leg_id": target.id}),
        ("call.ended", {}),
    ]


async def test_numbers_are_told_when_they_come_and_when_they_go(world: World) -> None:
    stock = world.services.stock
    await stock.add(["+33987650001"])
    did = await stock.buy(world.account.id, world.property.id, number_e164="+33987650001")
    await stock.release(did)
    about = number_of_hash(did.hash)
    found = await rows(world, f"SELECT type, detail ->> 'number' FROM events WHERE about = {about} ORDER BY id")
    assert found == [("number.assigned", None), ("number.released", "+33987650001")]


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
            new = await rows(
                world, f"SELECT id FROM events WHERE id > {max(seen, default=0)} AND type = 'call.ended' ORDER BY id"
            )
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
    assert await rows(world, "SELECT 1 FROM deliveries") == []
    assert len(await rows(world, "SELECT 1 FROM calls")) == 1


def test_every_event_type_is_explained() -> None:
    assert set(MEANING) == set(EventType)
