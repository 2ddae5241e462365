"""CDRs: one IN for a call that ended, one OUT for each target that it tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ringtrail.dialects.callr import cdr
from ringtrail.dialects.callr.vocabulary import DIAL_STATUSES, dial_status
from ringtrail.model.call import Call, Leg, Trigger
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.lifecycle import Stage, State
from tests.dialects.callr.conftest import Rpc
from tests.fixtures import GOLDEN_START, World, build_world

DAY = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")


def _abandoned(world: World) -> Call:
    """A withheld caller who gave up while the target was ringing."""
    call = world.golden(started_at=GOLDEN_START + timedelta(hours=1))
    ended = call.started_at + timedelta(seconds=9)
    caller, target = call.legs
    return replace(
        call, caller_number_e164=None, caller_withheld=True, caller_name=None, caller_country=None,
        caller_line_type=None, answered_at=None, bridged_at=None, ended_at=ended, stage=Stage.RINGING,
        disposition=Disposition.ABANDONED,
        legs=(
            replace(caller, answered_at=None, ended_at=ended, disposition=Disposition.ABANDONED),
            replace(target, answered_at=None, ended_at=ended, disposition=Disposition.ABANDONED, cause=16, sip_status=487),
        ),
    )  # fmt: skip


def _live(world: World) -> Call:
    call = world.golden(started_at=GOLDEN_START + timedelta(hours=2))
    legs = tuple(replace(leg, ended_at=None, disposition=Disposition.IN_PROGRESS) for leg in call.legs)
    return replace(
        call, ended_at=None, state=State.BRIDGED, disposition=Disposition.IN_PROGRESS, hangup_cause=None,
        hangup_by=None, legs=legs,
    )  # fmt: skip


async def test_the_golden_call_as_cdr_in(rpc: Rpc, world: World) -> None:
    call = world.golden()
    await world.save(call)
    [record] = await rpc("cdr.get", "IN", *DAY, None, None)
    expected = {
        "answer": "2026-07-14 09:05:21",
        "billing_customer_cost_label": None,
        "billing_customer_credit_eur": "0.00",
        "billing_customer_debit_eur": "0.00",
        "callid": call.id,
        "cli_country_code": "FR",
        "cli_name": "Alice",
        "cli_number": "+33612345678",
        "cli_number_type": "MOBILE",
        "cli_pres": "allowed_passed_screen",
        "customer_field": None,
        "did_hash": world.did.hash,
        "did_intl_number": world.did.number_e164,
        "duration": 210,
        "duration_answered": 199,
        "duration_billed": 240,
        "hangup": "2026-07-14 09:08:40",
        "hangupcause": 16,
        "hangupsource": "CALLER",
        "package_name": "CALLTRACKING10",
        "scenario_hash": world.app.hash,
        "scenario_name": "Main line",
        "start": "2026-07-14 09:05:10",
    }
    assert list(record.items()) == list(expected.items())


async def test_the_golden_call_as_cdr_out(rpc: Rpc, world: World) -> None:
    call = world.golden()
    await world.save(call)
    [record] = await rpc("cdr.get", "OUT", *DAY, None, None)
    expected = {
        "answer": "2026-07-14 09:05:21",
        "billing_customer_cost_label": None,
        "billing_customer_credit_eur": "0.00",
        "billing_customer_debit_eur": "0.00",
        "callid": call.legs[1].id,
        "callid_in": call.id,
        "cli_name": "Alice",
        "cli_number": "+33612345678",
        "cli_pres": "allowed_passed_screen",
        "customer_field": None,
        "dialstatus": "ANSWER",
        "duration": 209,
        "duration_answered": 199,
        "duration_billed": 240,
        "hangup": "2026-07-14 09:08:40",
        "hangupcause": 16,
        "hangupsource": "CALLER",
        "number": "+33987654321",
        "number_country_code": "FR",
        "number_type": "FIXED",
        "package_name": "CALLTRACKING10",
        "scenario_hash": world.app.hash,
        "scenario_name": "Main line",
        "start": "2026-07-14 09:05:11",
    }
    assert list(record.items()) == list(expected.items())


def _placed(world: World, **changes: Any) -> Call:
    """A click-to-call: Alice's phone rings first, her hang-up ends the call."""
    return world.golden(trigger=Trigger.API, tracking_number_e164="", did_hash="", external_id="order42", **changes)


async def test_both_legs_of_a_call_that_we_placed_are_outbound_calls(rpc: Rpc, world: World) -> None:
    call = _placed(world)
    await world.save(call)
    assert await rpc("cdr.get", "IN", *DAY, None, None) == []
    first, second = await rpc("cdr.get", "OUT", *DAY, None, None)
    expected = {
        "answer": "2026-07-14 09:05:21",
        "billing_customer_cost_label": None,
        "billing_customer_credit_eur": "0.00",
        "billing_customer_debit_eur": "0.00",
        "callid": call.id,
        "callid_in": None,
        "cli_name": None,
        "cli_number": None,
        "cli_pres": "allowed_passed_screen",
        "customer_field": "order42",
        "dialstatus": "ANSWER",
        "duration": 210,
        "duration_answered": 199,
        "duration_billed": 240,
        "hangup": "2026-07-14 09:08:40",
        "hangupcause": 16,
        "hangupsource": "CALLEE",
        "number": "+33612345678",
        "number_country_code": "FR",
        "number_type": "MOBILE",
        "package_name": "CALLTRACKING10",
        "scenario_hash": world.app.hash,
        "scenario_name": "Main line",
        "start": "2026-07-14 09:05:10",
    }
    assert list(first.items()) == list(expected.items())
    assert (second["callid"], second["callid_in"]) == (call.legs[1].id, call.id)
    assert (second["cli_number"], second["hangupsource"]) == ("+33612345678", "CALLER")


async def test_a_call_that_we_placed_is_found_and_paged_among_the_others_by_its_start(rpc: Rpc, world: World) -> None:
    minutes = [GOLDEN_START + timedelta(minutes=minute) for minute in range(4)]
    placed = [_placed(world, started_at=start) for start in minutes[::2]]
    came_in = [world.golden(started_at=start) for start in minutes[1::2]]
    await world.save(*placed, *came_in)
    legs = sorted(
        (leg for call in [*placed, *came_in] for leg in call.legs if call in placed or leg.position), key=_start
    )
    for type_, ids in (("IN", [call.id for call in came_in]), ("OUT", [leg.id for leg in legs])):
        for offset in range(len(ids)):
            page = await rpc("cdr.search", {"type": type_}, {"offset": offset, "quantity": 1})
            assert ([item["callid"] for item in page["hits"]], page["total"]) == ([ids[offset]], len(ids))
        for id_ in (placed[0].id, came_in[0].id):
            assert (await rpc("cdr.search", {"type": type_, "hash": str(id_)}, None))["total"] == (id_ in ids)


def _start(leg: Leg) -> datetime:
    return leg.started_at


async def test_a_property_that_masks_its_callers_masks_the_phone_that_we_made_ring_first(
    rpc: Rpc, world: World
) -> None:
    await world.services.accounts.change_property(
        world.account.id, world.property.sid, lambda item: replace(item, masks_callers=True)
    )
    await world.save(_placed(world))
    first, second = await rpc("cdr.get", "OUT", *DAY, None, None)
    assert (first["number"], second["cli_number"], second["number"]) == ("+3361234XXXX", "+3361234XXXX", "+33987654321")


async def test_a_withheld_caller_who_gave_up_is_hidden_and_the_target_leg_is_cancelled(rpc: Rpc, world: World) -> None:
    await world.save(_abandoned(world))
    [inbound] = await rpc("cdr.get", "IN", *DAY, None, None)
    hidden = ("cli_country_code", "cli_name", "cli_number", "cli_number_type", "answer")
    assert [inbound[key] for key in hidden] == [None] * 5
    assert (inbound["cli_pres"], inbound["hangupsource"]) == ("prohib_passed_screen", "CALLER")
    assert (inbound["duration"], inbound["duration_answered"], inbound["duration_billed"]) == (9, 0, 0)
    [outbound] = await rpc("cdr.get", "OUT", *DAY, None, None)
    assert (outbound["dialstatus"], outbound["answer"], outbound["duration_answered"]) == ("CANCEL", None, 0)
    assert (outbound["cli_number"], outbound["cli_pres"]) == (None, "prohib_passed_screen")


async def test_a_call_in_progress_has_no_record_of_either_type_yet(rpc: Rpc, world: World) -> None:
    await world.save(_live(world))
    for type_ in ("IN", "OUT"):
        assert await rpc("cdr.get", type_, *DAY, None, None) == []
        assert (await rpc("cdr.search", {"type": type_}, None))["total"] == 0


async def test_each_target_that_was_tried_has_its_own_record_in_dialling_order(rpc: Rpc, world: World) -> None:
    call = world.golden()
    caller, target = call.legs
    busy = replace(
        target, id=world.ids.next(), engine_leg_id="busy", number_e164="+33111111111", answered_at=None,
        ended_at=target.started_at + timedelta(seconds=2), disposition=Disposition.BUSY, cause=17, sip_status=486,
        hangup_by=HangupBy.CALLEE,
    )  # fmt: skip
    second = replace(target, position=2, started_at=target.started_at + timedelta(seconds=3))
    await world.save(replace(call, legs=(caller, busy, second)))
    records = await rpc("cdr.get", "OUT", *DAY, None, None)
    assert [(record["number"], record["dialstatus"], record["hangupsource"]) for record in records] == [
        ("+33111111111", "BUSY", "CALLEE"),
        ("+33987654321", "ANSWER", "CALLER"),
    ]
    assert {record["callid_in"] for record in records} == {call.id}


async def test_both_ends_of_a_range_belong_to_it(rpc: Rpc, world: World) -> None:
    late = world.golden(started_at=GOLDEN_START + timedelta(milliseconds=999))
    await world.save(world.golden(), late)
    for start, end, expected in (
        ("2026-07-14 09:05:10", "2026-07-14 09:05:10", 2),
        ("2026-07-14 09:05:11", "2026-07-14 09:05:12", 0),
        ("2026-07-14 09:05:00", "2026-07-14 09:05:09", 0),
        ("0001-01-01 00:00:00", "9999-12-31 23:59:59", 2),
    ):
        assert len(await rpc("cdr.get", "IN", start, end, None, None)) == expected


async def test_app_and_number_filters_select_the_calls_of_that_app_and_did(rpc: Rpc, world: World) -> None:
    await world.save(world.golden())
    other = await rpc("apps.create", "CALLTRACKING10", "other", None)
    national = "0" + world.did.number_e164[3:]
    for type_ in ("IN", "OUT"):
        for app, number, expected in (
            (world.app.hash, None, 1),
            (other["hash"], None, 0),
            (None, world.did.number_e164, 1),
            (None, national, 1),
            (None, "+33170000001", 0),
            (world.app.hash, world.did.number_e164, 1),
        ):
            assert len(await rpc("cdr.get", type_, *DAY, app, number)) == expected, (type_, app, number)


async def test_a_search_pages_oldest_first(rpc: Rpc, world: World) -> None:
    calls = [world.golden(started_at=GOLDEN_START + timedelta(minutes=minute)) for minute in range(5)]
    await world.save(*calls)
    for type_, ids in (("IN", [call.id for call in calls]), ("OUT", [call.legs[1].id for call in calls])):
        first = await rpc("cdr.search", {"type": type_}, {"quantity": 3, "order": "start"})
        last = await rpc("cdr.search", {"type": type_}, {"offset": 3, "quantity": 3})
        assert list(first) == ["has_more", "hits", "offset", "total"]
        assert [record["callid"] for page in (first, last) for record in page["hits"]] == ids
        assert (first["has_more"], last["has_more"], first["total"], last["offset"]) == (True, False, 5, 3)


async def test_each_filter_of_a_search_narrows_it(rpc: Rpc, world: World) -> None:
    call = world.golden()
    await world.save(call, world.golden(started_at=GOLDEN_START + timedelta(days=3)))
    hits: dict[str, int] = {"IN": call.id, "OUT": call.legs[1].id}
    cases: list[tuple[dict[str, Any], int]] = [
        ({}, 2),
        ({"app": world.app.hash, "did": world.did.hash}, 2),
        ({"from": "2026-07-15 00:00:00"}, 1),
        ({"to": DAY[1]}, 1),
        ({"from": DAY[0], "to": DAY[1], "app": None, "hash": None}, 1),
        ({"hash": "THISHASH"}, 0),
        ({"hash": "9" * 30}, 0),
        ({"hash": "\0"}, 0),
    ]
    for type_, id_ in hits.items():
        for filters, expected in [*cases, ({"hash": str(id_)}, 1)]:
            found = await rpc("cdr.search", {"type": type_, **filters}, None)
            assert (found["total"], len(found["hits"])) == (expected, expected), filters


async def test_revenue_is_a_credit_and_a_cost_is_a_debit_in_cents(rpc: Rpc, world: World) -> None:
    await world.save(world.golden())
    for revenue, credit, debit in ((240, "240.00", "0.00"), (-35, "0.00", "35.00")):
        async with world.database.transaction() as connection:
            await connection.execute("UPDATE calls SET revenue_minor = %s", (revenue,))
        [record] = await rpc("cdr.get", "IN", *DAY, None, None)
        assert record["billing_customer_credit_eur"] == credit
        assert record["billing_customer_debit_eur"] == debit


async def test_another_accounts_calls_are_not_seen(rpc: Rpc, world: World, tmp_path: Any) -> None:
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    await stranger.save(stranger.golden())
    for type_ in ("IN", "OUT"):
        assert await rpc("cdr.get", type_, *DAY, None, None) == []


async def test_a_range_with_too_many_records_is_refused_not_cut_short(
    rpc: Rpc, fault: Rpc, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdr, "MAX_RECORDS", 2)
    calls = [world.golden(started_at=GOLDEN_START + timedelta(minutes=minute)) for minute in range(3)]
    await world.save(*calls[:2])
    assert len(await rpc("cdr.get", "IN", *DAY, None, None)) == 2
    await world.save(calls[2])
    number, message = await fault("cdr.get", "IN", *DAY, None, None)
    assert (number, message.startswith("RANGE_TOO_LARGE: 3 records, at most 2")) == (-32000, True)


def test_every_disposition_has_a_dial_status_of_the_vendors_list() -> None:
    vendor = {"ANSWER", "BUSY", "CANCEL", "CHANUNAVAIL", "CONGESTION", "NOANSWER", "NODIAL"}
    assert {DIAL_STATUSES[disposition] for disposition in Disposition} == vendor


def test_a_leg_that_the_caller_took_down_before_the_answer_is_cancelled_whatever_it_was_called() -> None:
    for disposition in Disposition:
        assert dial_status(disposition, answered=False, hangup_by=HangupBy.CALLER) == "CANCEL"
    assert dial_status(Disposition.ANSWERED, answered=True, hangup_by=HangupBy.CALLER) == "ANSWER"
    assert dial_status(Disposition.NO_ANSWER, answered=False, hangup_by=HangupBy.PLATFORM) == "NOANSWER"
