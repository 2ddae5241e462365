"""CDRs move in: both sides say the same of every call, once, however often it is tried and whenever it is killed."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringtrail.dialects.callr import cdr
from ringtrail.dialects.callr.migration.calls import Waiting
from ringtrail.dialects.callr.migration.plan import Verdict
from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.history import Mark, PastCall
from ringtrail.model.query import CallQuery, Order
from ringtrail.storage.rollups import rebuild
from tests.dialects.callr.happenings import in_progress
from tests.dialects.callr.migration.conftest import Moved, Side
from tests.dialects.callr.migration.lives import (
    Lives,
    asked,
    cdrs,
    check_books,
    dispositions,
    expected,
    in_a_process,
    same_ground,
)
from tests.dialects.callr.migration.test_past_calls import cdr_in, cdr_out
from tests.fixtures import CALLR_LOGIN, GOLDEN_START, World

pytestmark = pytest.mark.postgres

ONLY = frozenset({"calls"})
DAY = datetime(2026, 7, 14, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def ground(world: World, new: Side) -> None:
    await same_ground(world, new)
    await new.services.accounts.add_password(new.account.id, "callr", *CALLR_LOGIN)


async def same(old: Side, new: Side) -> int:
    """How many calls came in, on both sides, which say the same of all."""
    for type_ in ("OUT", "IN"):
        assert await cdrs(new, type_) == await cdrs(old, type_)
    await check_books(new)
    return len(await cdrs(new, "IN"))


async def test_calls_of_all_shapes_read_the_same_on_both_sides(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    calls = Lives(world).of_all_shapes()
    await world.save(*calls)
    [step], report = await moved(only=ONLY)
    assert (step.quantity, report.quantities, report.notes, report.failures) == (10, {"calls": 12}, [], [])
    assert await same(old, new) == 10
    ended, spoke = await dispositions(new), next(call for call in calls if call.disposition is Disposition.VOICEMAIL)
    assert ended.pop(spoke.id) == ("no_answer", "ringing")  # its recording will say more
    assert ended == {id_: end for id_, end in expected(calls).items() if id_ != spoke.id}


async def test_what_calls_cost_there_is_shown_here_and_charged_to_nobody(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    await world.save(*Lives(world).of_all_shapes())
    async with old.database.transaction() as connection:
        await connection.execute(
            "UPDATE calls SET debit_micro = 123400 * (id % 3), cost_label = 'France mobile', revenue_minor = 7 * (id % 2)"
        )
        await connection.execute(
            "UPDATE legs SET debit_micro = 5600 * (id % 4), cost_label = 'France' WHERE role = 'target'"
        )
        await connection.execute(
            "UPDATE legs l SET debit_micro = c.debit_micro, cost_label = c.cost_label FROM calls c WHERE c.id = l.id"
        )
        await rebuild(connection)
    _, report = await moved(only=ONLY)
    assert (report.notes, report.failures) == ([], [])
    await same(old, new)
    shown = [record["billing_customer_debit_eur"] for record in await cdrs(new, "IN")]
    assert {"0.00", "12.34", "24.68"} >= set(shown) != {"0.00"}
    for method in ("analytics/calls.summary", "analytics/calls.history"):
        days = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")
        assert await asked(new, method, *days) == await asked(old, method, *days)


async def test_a_second_run_adds_nothing_and_says_so(old: Side, new: Side, world: World, moved: Moved) -> None:
    await world.save(*Lives(world).of_all_shapes())
    await moved(only=ONLY)
    before = await new.services.calls.page(CallQuery(account_id=new.account.id, order=Order.CREATION))
    [step], report = await moved(only=ONLY)
    assert (step.verdict, step.quantity, step.do, report.quantities) == (Verdict.HERE, 0, None, {})
    [step], report = await moved(only=ONLY, from_at=DAY - timedelta(days=9_000))  # from further back: all of it again
    assert step.verdict is Verdict.HERE
    after = await new.services.calls.page(CallQuery(account_id=new.account.id, order=Order.CREATION))
    assert after.records == before.records
    assert [record.creation_seq for record in after.records] == list(range(1, 13))


async def test_a_second_run_takes_what_has_ended_since_then(old: Side, new: Side, world: World, moved: Moved) -> None:
    lives = Lives(world, datetime.now(UTC) - timedelta(hours=3))
    done, live = lives.golden(), lives.golden()
    await world.save(done, in_progress(live))
    assert (await moved(only=ONLY))[1].quantities == {"calls": 1}
    await world.save(live, lives.golden())
    assert (await moved(only=ONLY))[1].quantities == {"calls": 2}
    assert await same(old, new) == 3


async def test_history_from_a_day_on_and_later_from_further_back(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    await world.save(*(world.golden(started_at=DAY + timedelta(days=day, hours=1)) for day in range(-2, 3)))
    assert (await moved(only=ONLY, from_at=DAY))[1].quantities == {"calls": 3}
    assert (await moved(only=ONLY, from_at=DAY))[1].quantities == {}
    assert (await moved(only=ONLY, from_at=DAY - timedelta(days=1)))[1].quantities == {"calls": 1}
    assert (await moved(only=ONLY))[1].quantities == {"calls": 1}
    assert await same(old, new) == 5


async def test_what_was_read_before_is_read_once_more_if_that_is_wished_for(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    await world.save(world.golden(started_at=DAY))
    assert (await moved(only=ONLY))[1].quantities == {"calls": 1}
    await world.save(world.golden(started_at=DAY + timedelta(days=1)))  # as one that could not be taken then
    assert (await moved(only=ONLY))[1].quantities == {}
    assert (await moved(only=ONLY, again=True))[1].quantities == {"calls": 1}
    assert await same(old, new) == 2


async def test_a_target_that_was_tried_after_the_window_of_its_call_comes_with_it(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    """The first window is a day."""
    call = world.golden(started_at=DAY + timedelta(days=1, seconds=-2))
    late = [replace(call.legs[1], started_at=call.started_at + timedelta(seconds=5))]
    early = world.golden(started_at=DAY + timedelta(hours=12))
    await world.save(replace(call, legs=(call.legs[0], *late)), early)
    _, report = await moved(only=ONLY, from_at=DAY)
    assert (report.quantities, report.notes) == ({"calls": 2}, [])
    assert await same(old, new) == 2


async def test_windows_that_are_refused_as_too_large_are_halved(
    old: Side, new: Side, world: World, moved: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.save(*Lives(world).of_all_shapes())
    monkeypatch.setattr(cdr, "MAX_RECORDS", 2)
    _, report = await moved(only=ONLY, from_at=DAY - timedelta(days=40))
    monkeypatch.undo()
    assert (report.quantities, report.failures) == ({"calls": 12}, [])
    assert await same(old, new) == 10


async def test_calls_of_long_ago_have_a_place(old: Side, new: Side, world: World, moved: Moved) -> None:
    await world.save(world.golden(started_at=datetime(2011, 2, 3, tzinfo=UTC)))
    await moved(only=ONLY)
    assert await same(old, new) == 1


async def test_a_callid_that_cannot_be_kept_is_told_and_the_others_come(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    lives = Lives(world)
    good, wide = lives.golden(), lives.golden()
    wide = replace(wide, id=2**53 + 1, legs=(replace(wide.legs[0], id=2**53 + 1), *wide.legs[1:]))
    await world.save(good, wide)
    _, report = await moved(only=ONLY)
    assert [note.text for note in report.notes] == [
        f"CDR {2**53 + 1}: its callid is none that can be kept: from 1 to 2^53 - 1"
    ]
    assert [record["callid"] for record in await cdrs(new, "IN")] == [good.id]
    await check_books(new)


async def test_what_is_here_already_stays_and_a_callid_of_another_call_is_told(
    old: Side, new: Side, world: World, moved: Moved
) -> None:
    lives = Lives(world)
    call, other = lives.golden(), lives.golden()
    await world.save(call, other)
    mine = replace(call, account_id=new.account.id, caller_name="Mine")
    await World(new.database, new.services, new.account, world.property, world.app, world.did, world.ids).save(mine)
    async with new.database.transaction() as connection:
        await connection.execute("TRUNCATE events CASCADE")
    _, report = await moved(only=ONLY)
    assert (report.quantities, [note.text for note in report.notes]) == (
        {"calls": 1},
        [f"CDR {call.id}: another call has this callid here"],
    )
    assert [record["cli_name"] for record in await cdrs(new, "IN")] == ["Mine", "Alice"]
    await check_books(new)


async def test_who_called_first_is_told_by_the_oldest_call(new: Side, world: World, moved: Moved) -> None:
    """A call here, later than one that moves in, is that caller's first no longer."""
    lives = Lives(world)
    first, again = lives.golden(), lives.golden()
    await world.save(first, again)
    [item] = await new.services.accounts.properties(new.account.id)
    here = lives.golden(account_id=new.account.id, property_id=item.id)
    await World(new.database, new.services, new.account, item, world.app, world.did, world.ids).save(here)
    await moved(only=ONLY)
    page = await new.services.calls.page(CallQuery(account_id=new.account.id, order=Order.CHANGE))
    assert {record.id: record.caller_is_new for record in page.records} == {
        first.id: True,
        again.id: False,
        here.id: False,
    }
    assert [record.id for record in page.records] == [here.id, first.id, again.id]  # pullers see it changed


def test_targets_find_their_call_over_others_and_the_lost_are_told() -> None:
    placed = cdr_out(1, callid_in=None)
    put_through = cdr_out(2, callid_in=101)
    onwards = cdr_out(3, callid_in=102)
    of_inbound = cdr_out(4, callid_in=100)
    lost = cdr_out(5, callid_in=4711)
    around, about = cdr_out(6, callid_in=107), cdr_out(7, callid_in=106)
    later = cdr_out(8, callid_in=4712, start="2026-07-15 09:05:10")
    records = [placed, put_through, onwards, of_inbound, lost, around, about, later]
    waiting = Waiting()
    waiting.add([cdr_in(), *records])
    calls, gone = waiting.take(DAY + timedelta(days=1))
    assert {call.own.callid: [target.callid for target in call.targets] for call in calls} == {
        100: [104],
        101: [102, 103],
    }
    assert [record.callid for record in gone] == [105, 106, 107]
    assert (list(waiting.inbound), list(waiting.outbound)) == ([], [108])


def test_a_target_that_was_tried_later_goes_with_its_call_and_a_later_call_waits() -> None:
    later = "2026-07-15 00:00:01"
    waiting = Waiting()
    waiting.add([cdr_in(), cdr_in(callid=200, start=later), cdr_out(1, callid_in=100, start=later)])
    [call], lost = waiting.take(DAY + timedelta(days=1))
    assert ([target.callid for target in call.targets], lost, list(waiting.inbound)) == ([101], [], [200])


async def test_killed_between_batches_nothing_is_lost_or_doubled(old: Side, new: Side, world: World) -> None:
    await fill(old, world, 2_500, timedelta(minutes=10))
    for most, status in ((1, -signal.SIGKILL), (1_001, -signal.SIGKILL), (0, 0)):
        returned, _ = await in_a_process(old, new, "calls", most=most)
        assert returned == status
    assert await same(old, new) == 2_500
    page = await new.services.calls.page(CallQuery(account_id=new.account.id, order=Order.CREATION))
    assert [record.creation_seq for record in page.records] == list(range(1, 2_501))


async def test_memory_does_not_grow_with_the_history(old: Side, new: Side, world: World, moved: Moved) -> None:
    await fill(old, world, 2_000, timedelta(minutes=2))
    _, few = await in_a_process(old, new, "calls")
    await fill(old, world, 18_000, timedelta(minutes=2), start=GOLDEN_START + timedelta(days=20))
    async with new.database.transaction() as connection:
        await connection.execute("DELETE FROM import_progress")
    _, many = await in_a_process(old, new, "calls")
    assert (few["quantities"], many["quantities"]) == ({"calls": 2_000}, {"calls": 18_000})
    print(few["memory"], many["memory"])
    assert many["memory"] < few["memory"] + 60 * 1024
    await check_books(new)


async def fill(side: Side, world: World, quantity: int, apart: timedelta, start: datetime = GOLDEN_START) -> None:
    """Answered calls of many callers, written as fast as can be."""

    def call(n: int) -> Call:
        return world.golden(started_at=start + n * apart, caller_number_e164=f"+336{n % 997:08d}")

    for place in range(0, quantity, 1_000):
        calls = [call(n) for n in range(place, min(place + 1_000, quantity))]
        past = [PastCall(call=one, billed_s={leg.id: 240 for leg in one.legs}) for one in calls]
        mark = Mark("test", "calls", start, start)
        assert (await side.services.history.take_in_calls(side.account.id, past, mark)).new == len(past)
