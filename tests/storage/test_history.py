"""What an account lived through elsewhere: taken in whole or not at all, once, without a word to anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringtrail.model.call import Call, Recording, RecordingKind
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.history import IMPORTED_NODE, Mark, PastCall, Taken
from ringtrail.model.ids import new_sid
from ringtrail.model.message import Direction, Encoding, Message, MessageStatus
from ringtrail.model.query import CallQuery, Order
from ringtrail.services.messages import NewMessage
from ringtrail.storage.database import Database
from ringtrail.storage.rollups import differences
from tests.fixtures import GOLDEN_START, World, build_world

pytestmark = pytest.mark.postgres

MARK = Mark("there", "calls", GOLDEN_START, GOLDEN_START + timedelta(days=1))


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    world = await build_world(database, tmp_path)
    yield world
    async with database.reading() as connection:
        assert await differences(connection) == 0


def past(world: World, minutes: int = 0, **changes: object) -> PastCall:
    call = world.golden(started_at=GOLDEN_START + timedelta(minutes=minutes), node=IMPORTED_NODE, **changes)
    return PastCall(call=call, billed_s={leg.id: 240 for leg in call.legs}, revenue_minor=35)


async def take_in(world: World, *calls: PastCall, mark: Mark = MARK) -> Taken:
    return await world.services.history.take_in_calls(world.account.id, calls, mark)


async def count(world: World, table: str) -> int:
    async with world.database.reading() as connection:
        row = await (await connection.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()
    assert row is not None
    return int(row[0])


async def test_calls_are_counted_summed_and_told_to_nobody(world: World) -> None:
    assert await take_in(world, past(world, 2), past(world, 1), past(world)) == Taken(new=3)
    page = await world.services.calls.page(CallQuery(account_id=world.account.id, order=Order.CREATION))
    assert [(record.creation_seq, record.change_seq, record.caller_is_new) for record in page.records] == [
        (1, 1, True),
        (2, 2, False),
        (3, 3, False),
    ]
    assert [record.started_at for record in page.records] == [GOLDEN_START + timedelta(minutes=n) for n in range(3)]
    assert [record.revenue_minor for record in page.records] == [35] * 3
    for table in ("events", "deliveries", "ledger_entries", "call_traces"):
        assert await count(world, table) == (1 if table == "events" else 0)  # that the number was assigned
    assert await world.services.history.reached(world.account.id, "there", "calls") == MARK
    assert await world.services.history.reached(world.account.id, "elsewhere", "calls") is None


async def test_a_batch_that_comes_again_changes_nothing_but_its_mark(world: World) -> None:
    batch = [past(world), past(world, 1)]
    await take_in(world, *batch)
    later = MARK._replace(until_at=MARK.until_at + timedelta(days=1))
    assert await take_in(world, *batch, past(world, 2), mark=later) == Taken(new=1)
    assert (await count(world, "calls"), await count(world, "legs")) == (3, 6)
    assert await world.services.history.reached(world.account.id, "there", "calls") == later
    counted = await world.services.history.count_calls(
        world.account.id, GOLDEN_START, GOLDEN_START + timedelta(minutes=2)
    )
    assert counted == (2, 2)


async def test_ids_of_other_calls_and_legs_are_clashes_and_the_others_come(world: World) -> None:
    """A leg is another one's by its id and its start."""
    ours = world.golden()
    await world.save(ours)
    again = PastCall(call=replace(ours, node=IMPORTED_NODE), billed_s={leg.id: 0 for leg in ours.legs})
    fresh = past(world, 1)
    stolen = replace(fresh.call.legs[1], id=ours.legs[1].id, started_at=ours.legs[1].started_at)
    crossed = PastCall(
        call=replace(fresh.call, legs=(fresh.call.legs[0], stolen)), billed_s={fresh.call.id: 0, stolen.id: 0}
    )
    taken = await take_in(world, again, crossed, past(world, 2))
    assert (taken.new, sorted(taken.clashes)) == (1, sorted([ours.id, fresh.call.id]))
    assert await count(world, "legs") == 4


@pytest.mark.parametrize("start", [datetime(1999, 12, 31, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)])
async def test_what_cannot_have_happened_is_refused_whole(world: World, start: datetime) -> None:
    wrong = past(world, 1)
    wrong = replace(wrong, call=replace(wrong.call, started_at=start))
    with pytest.raises(DomainError) as caught:
        await take_in(world, past(world), wrong)
    assert (caught.value.code, caught.value.field) == (ErrorCode.OUT_OF_RANGE, "started_at")
    assert await count(world, "calls") == 0


# --- recordings -------------------------------------------------------------------------------------------------------


def unanswered(world: World) -> PastCall:
    item = past(world)
    caller, target = item.call.legs
    call: Call = replace(
        item.call, answered_at=None, bridged_at=None, disposition=Disposition.NO_ANSWER,
        legs=(caller, replace(target, answered_at=None, disposition=Disposition.NO_ANSWER)),
    )  # fmt: skip
    return replace(item, call=call)


def recording(call: Call, hash_: str = "V01CEMA1", kind: RecordingKind = RecordingKind.VOICEMAIL) -> Recording:
    return Recording(
        hash=hash_, call_id=call.id, kind=kind, path="", started_at=call.started_at, status="ready", duration_ms=2_000,
        size_bytes=99, read_at=GOLDEN_START,
    )  # fmt: skip


async def test_a_voicemail_says_how_its_call_ended_and_a_recorded_talk_does_not(world: World) -> None:
    silent, talked = unanswered(world), past(world, 1)
    await take_in(world, silent, talked)
    history, account_id = world.services.history, world.account.id
    for hash_, item in (("V01CEMA1", silent), ("V01CEMA2", talked)):
        assert await history.take_in_recording(account_id, recording(item.call, hash_), None) is True
        assert await history.take_in_recording(account_id, recording(item.call, hash_), None) is False
    page = await world.services.calls.page(CallQuery(account_id=account_id, order=Order.CHANGE))
    assert [(record.disposition, record.handled_s, record.recording_hash) for record in page.records] == [
        ("voicemail", 199, "V01CEMA1"),
        ("answered", 199, "V01CEMA2"),
    ]
    assert [record.change_seq for record in page.records] == [3, 4]  # pullers see them again
    assert await count(world, "events") == 1


async def test_a_recording_of_no_call_is_not_taken_in(world: World) -> None:
    nobody = past(world).call
    assert not await world.services.history.take_in_recording(world.account.id, recording(nobody), None)
    assert await count(world, "recordings") == 0


async def test_a_recording_comes_as_mp3_where_no_studio_makes_more_of_it(world: World, tmp_path: Path) -> None:
    item = past(world)
    await take_in(world, item)
    await world.services.history.take_in_recording(world.account.id, recording(item.call), b"ID3 sound")
    found = await world.services.recordings.by_hash(world.account.id, "V01CEMA1")
    assert found is not None
    mp3 = world.services.recordings.file(found, "mp3")
    assert mp3 is not None
    assert (mp3.read_bytes(), world.services.recordings.file(found, "wav")) == (b"ID3 sound", None)


async def test_two_accounts_that_took_in_the_same_recording_have_a_sound_each(world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Others Ltd")
    item, recordings = past(world), world.services.recordings
    theirs = replace(item, call=replace(item.call, account_id=other.account.id, property_id=other.property.id))
    for place, same, sound in ((world, item, b"ID3 ours"), (other, theirs, b"ID3 theirs")):
        await take_in(place, same)
        await place.services.history.take_in_recording(place.account.id, recording(same.call), sound)
    assert await recordings.delete(other.account.id, "V01CEMA1")
    found = await recordings.by_hash(world.account.id, "V01CEMA1")
    assert found is not None
    mp3 = recordings.file(found, "mp3")
    assert mp3 is not None
    assert mp3.read_bytes() == b"ID3 ours"


# --- messages ---------------------------------------------------------------------------------------------------------


def message(world: World, id_: int, status: MessageStatus = MessageStatus.SENT) -> Message:
    return Message(
        id=id_, sid=new_sid(), account_id=world.account.id, property_id=world.property.id, direction=Direction.OUT,
        sender="Shop", recipient_e164="+33612345678", body="Hello", encoding=Encoding.GSM, segments=1, status=status,
        created_at=GOLDEN_START,
    )  # fmt: skip


async def take_in_messages(world: World, *messages: Message) -> Taken:
    mark = MARK._replace(what="messages")
    return await world.services.history.take_in_messages(world.account.id, messages, mark)


async def test_messages_come_once_and_one_that_was_under_way_is_brought_on(world: World) -> None:
    assert await take_in_messages(world, message(world, 5), message(world, 6, MessageStatus.FAILED)) == Taken(new=2)
    again = message(world, 5, MessageStatus.DELIVERED), message(world, 6, MessageStatus.DELIVERED)
    assert await take_in_messages(world, *again) == Taken(new=0)
    kept = await world.services.messages.by_ids(world.account.id, [5, 6])
    assert {item.id: item.status for item in kept} == {5: MessageStatus.DELIVERED, 6: MessageStatus.FAILED}
    end = GOLDEN_START + timedelta(seconds=1)
    assert await world.services.history.count_messages(world.account.id, GOLDEN_START, end) == 2


async def test_messages_of_our_own_pass_over_ids_that_came_and_are_not_sent_far_off_by_one(world: World) -> None:
    await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164="+33199001001", capabilities=("sms",)
    )
    wanted = NewMessage(property_id=world.property.id, recipient="+33612345678", body="Ours")
    first = await world.services.messages.send(world.account, wanted)
    far = 36**8 - 1
    taken = await take_in_messages(
        world, message(world, first.id), *(message(world, first.id + n) for n in (1, 2, 9)), message(world, far)
    )
    assert (taken.new, taken.clashes) == (4, (first.id,))
    assert (await world.services.messages.send(world.account, wanted)).id == first.id + 10
