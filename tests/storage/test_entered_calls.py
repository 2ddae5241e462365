"""Calls entered, corrected and removed: the record, its counters and its rollups, also under many hands at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringtrail.model.account import Principal
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import CallRecord, LegRecord, Trigger
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.lifecycle import Stage
from ringtrail.model.query import CallQuery, Order
from ringtrail.services.buttons import Orders
from ringtrail.services.entered_calls import EARLIEST, CallEntry
from ringtrail.storage.database import Database
from ringtrail.storage.recordings import claim_unfinished, finish_recording
from ringtrail.storage.rollups import differences
from tests.fixtures import GOLDEN_START, World, build_world, with_recording

pytestmark = pytest.mark.postgres

ENTRY = CallEntry(caller="0612345678", called="0987654321", started_at=GOLDEN_START, duration_s=60)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    world = await build_world(database, tmp_path)
    yield world
    async with database.reading() as connection:
        assert await differences(connection) == 0


def key(world: World) -> Principal:
    return Principal(account=world.account, property=None, credential_id=1, login=None)


async def enter(world: World, entry: CallEntry = ENTRY, **changes: object) -> int:
    return await world.services.entered_calls.enter(key(world), replace(entry, **changes))  # type: ignore[arg-type]


async def correct(world: World, call_id: int, **changes: object) -> CallRecord:
    await world.services.entered_calls.correct(key(world), call_id, CallEntry(**changes))  # type: ignore[arg-type]
    return await stored(world, call_id)


async def stored(world: World, call_id: int) -> CallRecord:
    call = await world.services.calls.by_id(world.account.id, call_id)
    assert call is not None
    return call


async def legs(world: World, call_id: int) -> list[LegRecord]:
    return await world.services.calls.legs(world.account.id, [call_id])


async def test_an_entered_call_is_a_whole_record(world: World) -> None:
    call_id = await enter(world, external_id="e", client_id="c", timezone="US/Eastern", disposition_raw="completed")
    call = await stored(world, call_id)
    assert (call.caller_number, call.destination_number) == ("+33612345678", "+33987654321")
    assert (call.caller_country, call.caller_line_type, call.destination_line_type) == ("FR", "MOBILE", "VOIP")
    assert (call.started_at, call.answered_at, call.ended_at) == (
        GOLDEN_START, GOLDEN_START, GOLDEN_START + timedelta(minutes=1),
    )  # fmt: skip
    assert (call.talk_s, call.total_s, call.handled_s, call.billed_s, call.ring_s) == (60, 60, 60, 60, 0)
    assert (call.disposition, call.stage, call.trigger) == (Disposition.ANSWERED, Stage.BRIDGED, Trigger.MANUAL)
    assert (call.external_id, call.client_id, call.timezone) == ("e", "c", "US/Eastern")
    assert (call.creation_seq, call.change_seq, call.property_id) == (1, 1, world.property.id)
    only = await legs(world, call_id)
    assert [(leg.role, leg.number, leg.talk_s, leg.disposition) for leg in only] == [
        ("caller", "+33612345678", 60, Disposition.ANSWERED)
    ]
    assert [entry["what"] for entry in await world.services.calls.trace(world.account.id, call_id)] == ["entered"]


@pytest.mark.parametrize("disposition", [item for item in Disposition if item is not Disposition.IN_PROGRESS])
async def test_every_end_can_be_said_when_entering_and_later(world: World, disposition: Disposition) -> None:
    talked = disposition is Disposition.ANSWERED
    by_platform = disposition in (Disposition.VOICEMAIL, Disposition.IVR)
    entered = await stored(world, await enter(world, disposition=disposition, duration_s=40))
    corrected = await correct(world, await enter(world), disposition=disposition, duration_s=40)
    for call in (entered, corrected):
        assert call.disposition == disposition
        assert (call.talk_s, call.ring_s) == ((40, 0) if talked else (0, 40))
        assert call.handled_s == (40 if talked or by_platform else 0)
        assert call.total_s == 40
    assert entered.stage == corrected.stage


async def test_a_tracking_number_of_ours_brings_its_property_app_and_marketing(world: World) -> None:
    call = await stored(world, await enter(world, tracking=world.did.number_e164))
    assert (call.did_hash, call.app_hash, call.offline_description) == (world.did.hash, world.app.hash, "Leaflet 7")
    elsewhere = await correct(world, call.id, tracking="+33912399999")
    assert (elsewhere.tracking_number, elsewhere.did_hash, elsewhere.app_hash) == ("+33912399999", "", None)
    assert (elsewhere.source, elsewhere.offline_description) == (None, None)
    back = await correct(world, call.id, tracking=world.did.number_e164)
    assert (back.did_hash, back.source) == (world.did.hash, "Google Ads")


async def test_a_button_and_a_tracking_number_together_name_the_buttons_property_and_the_numbers_marketing(
    world: World,
) -> None:
    shop = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    button = await world.services.buttons.create(world.account, shop.id, name="B", target="+33987654321")
    for call_id in (
        await enter(world, button_hash=button.hash, tracking=world.did.number_e164),
        (await correct(world, await enter(world), button_hash=button.hash, tracking=world.did.number_e164)).id,
    ):
        call = await stored(world, call_id)
        assert (call.property_id, call.button_hash, call.did_hash) == (shop.id, button.hash, world.did.hash)
        assert call.campaign == "summer"


async def test_a_number_of_another_account_is_only_a_number(world: World, database: Database, tmp_path: Path) -> None:
    other = await build_world(database, tmp_path, name="Somebody Else")
    call = await stored(world, await enter(world, tracking=other.did.number_e164))
    assert (call.tracking_number, call.did_hash, call.source) == (other.did.number_e164, "", None)


REFUSED: list[tuple[dict[str, object], ErrorCode, str]] = [
    ({"caller": None}, ErrorCode.MISSING, "caller"),
    ({"called": None}, ErrorCode.MISSING, "called"),
    ({"started_at": None}, ErrorCode.MISSING, "started_at"),
    ({"caller": "nobody"}, ErrorCode.BAD_FORMAT, "caller"),
    ({"tracking": "nothing"}, ErrorCode.BAD_FORMAT, "tracking"),
    ({"started_at": EARLIEST - timedelta(seconds=1)}, ErrorCode.OUT_OF_RANGE, "started_at"),
    ({"started_at": datetime.now(UTC) + timedelta(days=2)}, ErrorCode.OUT_OF_RANGE, "started_at"),
    ({"duration_s": -1}, ErrorCode.OUT_OF_RANGE, "duration_s"),
    ({"duration_s": 86_401}, ErrorCode.OUT_OF_RANGE, "duration_s"),
    ({"timezone": "Mars/Olympus"}, ErrorCode.UNKNOWN_VALUE, "timezone"),
    ({"timezone": "localtime"}, ErrorCode.UNKNOWN_VALUE, "timezone"),
    ({"button_hash": "NOSUCH01"}, ErrorCode.UNKNOWN_VALUE, "button_hash"),
]


async def test_what_cannot_be_is_refused_and_leaves_nothing(world: World) -> None:
    for changes, code, field in REFUSED:
        with pytest.raises(DomainError) as refused:
            await enter(world, **changes)
        assert (refused.value.code, refused.value.field) == (code, field)
    call_id = await enter(world)
    for changes, code, field in REFUSED[3:]:
        with pytest.raises(DomainError) as refused:
            await correct(world, call_id, **{"external_id": "half", **changes})
        assert (refused.value.code, refused.value.field) == (code, field)
    assert (await stored(world, call_id)).external_id is None
    assert await world.services.calls.newest_change(world.account.id) == 1


async def test_a_call_that_went_through_us_keeps_its_legs(world: World) -> None:
    await world.save(call := world.golden())
    before = [leg[:19] for leg in await legs(world, call.id)]
    changed = await correct(world, call.id, duration_s=100, caller="+33600000001", called="+33600000002")
    assert (changed.talk_s, changed.caller_number, changed.destination_number) == (100, "+33600000001", "+33600000002")
    assert [leg[:19] for leg in await legs(world, call.id)] == before
    missed = await correct(world, call.id, disposition=Disposition.NO_ANSWER, disposition_raw="noAnswered")
    assert (missed.answered_at, missed.handled_s, missed.disposition_raw) == (None, 0, "noAnswered")
    with pytest.raises(DomainError, match="conflict: trigger"):
        await correct(world, call.id, trigger=Trigger.WEB)


async def test_a_call_moves_in_time_with_all_that_belongs_to_it(world: World) -> None:
    call = with_recording(world.golden(started_at=datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC)))
    await world.save(call)
    earlier = datetime(2026, 1, 31, 23, 59, 59, 500_000, tzinfo=UTC)  # its target leg falls into the next month
    moved = await correct(world, call.id, started_at=earlier)
    assert (moved.started_at, moved.answered_at) == (earlier, earlier + timedelta(seconds=11))
    assert (moved.ring_s, moved.talk_s, moved.recording_hash) == (11, 199, "REC0RD1N")
    assert [leg.started_at for leg in await legs(world, call.id)] == [earlier, earlier + timedelta(seconds=1)]
    assert [entry["what"] for entry in await world.services.calls.trace(world.account.id, call.id)] == ["offered"]
    found, _ = await world.services.recordings.find(world.account.id, call_ids=[call.id])
    assert [item.started_at for item in found] == [earlier]


async def test_a_removed_call_leaves_nothing_behind(world: World, database: Database, tmp_path: Path) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    sound = tmp_path / f"{call.id}.wav"
    sound.write_bytes(b"RIFF")
    await world.services.entered_calls.remove(key(world), call.id)
    async with database.reading() as connection:
        for table in ("calls", "legs", "recordings", "call_traces", "first_calls"):
            cursor = await connection.execute(f"SELECT count(*) FROM {table}".encode())
            assert await cursor.fetchone() == (0,), table
    assert not sound.exists()
    with pytest.raises(DomainError, match="not_found"):
        await world.services.entered_calls.remove(key(world), call.id)


async def test_a_removed_call_that_was_ordered_is_not_taken_for_one_that_a_controller_died_over(world: World) -> None:
    now = datetime.now(UTC)
    orders = Orders(world.database, "n1")
    button = await world.services.buttons.create(
        world.account, world.property.id, name="Call me", target="+33987654321"
    )
    await world.services.buttons.press(world.account, button, "+33612345678")
    call = world.golden(trigger=Trigger.WEB, button_hash=button.hash)
    assert await orders.claim(call.id, now + timedelta(minutes=1))
    await world.save(call)
    await world.services.entered_calls.remove(key(world), call.id)
    assert await orders.claimed_without_call(now) == []


async def test_writing_waits_for_whoever_finishes_the_recording_and_neither_gives_up(
    world: World, database: Database
) -> None:
    """The two take the same rows; in another order each would wait for the other."""
    call = with_recording(world.golden())
    recording = replace(call.recordings[0], status="processing")
    await world.save(replace(call, recordings=(recording,)))
    async with database.transaction() as connection:
        assert len(await claim_unfinished(connection, 1)) == 1
        correction = asyncio.create_task(correct(world, call.id, external_id="e"))
        removal = asyncio.create_task(world.services.entered_calls.remove(key(world), call.id))
        await asyncio.sleep(0.2)
        await finish_recording(
            connection, world.account.id, recording.hash, status="ready", duration_ms=1, size_bytes=1
        )
    outcomes = await asyncio.gather(correction, removal, return_exceptions=True)
    assert outcomes[1] is None
    assert await world.services.calls.by_id(world.account.id, call.id) is None


@pytest.mark.parametrize("seed", range(3))
async def test_many_hands_lose_nothing_and_the_rollups_stay_equal_to_a_recount(world: World, seed: int) -> None:
    """Entering, correcting (also into other months) and removing the same calls at once; the fixture recounts."""
    chance = random.Random(seed)
    known = [await enter(world, duration_s=number) for number in range(12)]
    removed: set[int] = set()

    async def hand(number: int) -> None:
        for _ in range(12):
            call_id, act = chance.choice(known), chance.random()
            try:
                if act < 0.2:
                    known.append(await enter(world, started_at=_some_time(chance), duration_s=chance.randrange(90)))
                elif act < 0.3:
                    await world.services.entered_calls.remove(key(world), call_id)
                    removed.add(call_id)
                else:
                    change = CallEntry(**_some_change(chance, world))  # type: ignore[arg-type]
                    await world.services.entered_calls.correct(key(world), call_id, change)
            except DomainError as exc:
                if exc.code is not ErrorCode.NOT_FOUND:
                    raise

    await asyncio.gather(*[hand(number) for number in range(6)])
    query = CallQuery(account_id=world.account.id, order=Order.CHANGE)
    left = (await world.services.calls.page(query)).records
    assert {call.id for call in left} == set(known) - removed
    assert len({call.change_seq for call in left}) == len({call.creation_seq for call in left}) == len(left)
    assert max(call.change_seq for call in left) <= await world.services.calls.newest_change(world.account.id)


def _some_time(chance: random.Random) -> datetime:
    return GOLDEN_START + timedelta(days=chance.randrange(-90, 90), seconds=chance.randrange(86_400))


def _some_change(chance: random.Random, world: World) -> dict[str, object]:
    changes: dict[str, object] = {
        "started_at": _some_time(chance),
        "duration_s": chance.randrange(500),
        "disposition": chance.choice([item for item in Disposition if item is not Disposition.IN_PROGRESS]),
        "caller": f"+3361234{chance.randrange(1000, 9999)}",
        "tracking": chance.choice([world.did.number_e164, "+33912399999"]),
    }
    return {name: changes[name] for name in chance.sample(sorted(changes), chance.randint(1, 3))}


async def test_attribution_of_a_call_without_a_tracking_number_is_empty(world: World) -> None:
    call = await stored(world, await enter(world))
    fields = (call.source, call.medium, call.campaign, call.content, call.offline_description)
    assert fields == tuple(
        getattr(StaticAttribution(), name)
        for name in ("source", "medium", "campaign", "content", "offline_description")
    )
    assert (call.tracking_number, call.did_hash, call.app_hash) == ("", "", None)
