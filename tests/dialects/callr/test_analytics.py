"""Sums over time, exact to the second although whole hours come from the kept sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ringtrail.model.call import Trigger
from ringtrail.model.cause import Disposition
from ringtrail.model.money import Rate, RateKind
from tests.dialects.callr.conftest import Rpc
from tests.dialects.callr.happenings import MOBILE, SMS_NUMBER, Post
from tests.fixtures import GOLDEN_START, World, build_world

EVER = ("0001-01-01 00:00:00", "9999-12-31 23:59:59")


async def _save_three(world: World) -> None:
    """Two answered calls of one caller on 14 July (09:05:10, 11:35:10), a missed one of another on 16 July."""
    missed = world.golden(started_at=GOLDEN_START + timedelta(days=2), caller_number_e164="+33700000000")
    caller, target = missed.legs
    legs = (
        replace(caller, answered_at=None),
        replace(target, answered_at=None, disposition=Disposition.NO_ANSWER),
    )
    await world.save(
        world.golden(),
        world.golden(started_at=GOLDEN_START + timedelta(hours=2, minutes=30)),
        replace(missed, answered_at=None, disposition=Disposition.NO_ANSWER, legs=legs),
    )


async def test_a_summary_counts_calls_seconds_and_callers_of_both_directions(rpc: Rpc, world: World) -> None:
    await _save_three(world)
    result = await rpc("analytics/calls.summary", *EVER)
    expected = {
        "IN": {"aloc": 199, "count": 3, "credit": "0.0000", "debit": "0.0000", "duration": 398, "unique_callers": 2},
        "OUT": {"aloc": 199, "count": 3, "credit": "0.0000", "debit": "0.0000", "duration": 398},
    }
    assert [(side, list(sums.items())) for side, sums in result.items()] == [
        (side, list(sums.items())) for side, sums in expected.items()
    ]


async def test_a_history_has_one_entry_for_each_day_with_calls(rpc: Rpc, world: World) -> None:
    await _save_three(world)
    result = await rpc("analytics/calls.history", *EVER)
    assert list(result) == ["IN", "OUT"]
    assert list(result["IN"][0]) == ["aloc", "count", "credit", "date", "debit", "duration"]
    for side in ("IN", "OUT"):
        assert [(day["date"], day["count"], day["duration"], day["aloc"]) for day in result[side]] == [
            ("2026-07-14 00:00:00", 2, 398, 199),
            ("2026-07-16 00:00:00", 1, 0, 0),
        ]


async def test_a_range_is_exact_to_the_second_at_both_ends(rpc: Rpc, world: World) -> None:
    await _save_three(world)
    for start, end, inbound, outbound in (
        ("2026-07-14 09:05:10", "2026-07-14 11:35:10", 2, 1),  # the target is called one second after the caller
        ("2026-07-14 09:05:10", "2026-07-14 11:35:11", 2, 2),
        ("2026-07-14 09:05:11", "2026-07-14 11:35:09", 0, 1),
        ("2026-07-14 09:05:10", "2026-07-14 09:05:10", 1, 0),
        ("2026-07-14 09:00:00", "2026-07-14 09:59:59", 1, 1),
        ("2026-07-14 10:00:00", "2026-07-14 10:59:59", 0, 0),
        ("2026-07-14 08:59:59", "2026-07-14 12:00:00", 2, 2),
        ("2026-07-14 00:00:00", "2026-07-16 23:59:59", 3, 3),
    ):
        result = await rpc("analytics/calls.summary", start, end)
        assert (result["IN"]["count"], result["OUT"]["count"]) == (inbound, outbound), (start, end)
        history = await rpc("analytics/calls.history", start, end)
        counts = tuple(sum(day["count"] for day in history[side]) for side in ("IN", "OUT"))
        assert counts == (inbound, outbound), (start, end)


async def test_both_legs_of_a_call_that_we_placed_are_counted_as_outbound(rpc: Rpc, world: World) -> None:
    await _priced(world)
    await world.save(world.golden(trigger=Trigger.API), world.golden(started_at=GOLDEN_START + timedelta(hours=3)))
    for end in (EVER[1], "2026-07-14 12:30:00"):
        result = await rpc("analytics/calls.summary", EVER[0], end)
        assert (result["IN"]["count"], result["IN"]["unique_callers"], result["IN"]["debit"]) == (1, 1, "2.4000")
        assert (result["OUT"]["count"], result["OUT"]["duration"], result["OUT"]["debit"]) == (3, 597, "59.7000")
    (app,) = await rpc("analytics/calls.top_apps", "OUT", "COUNT", *EVER, 10)
    assert (app["hash"], app["count"], app["debit"]) == (world.app.hash, 3, "59.7000")
    (did,) = await rpc("analytics/calls.inbound_did", "COUNT", *EVER, 10)
    assert (did["hash"], did["count"]) == (world.did.hash, 1)


async def test_a_period_without_calls_is_all_zeros(rpc: Rpc) -> None:
    result = await rpc("analytics/calls.summary", *EVER)
    assert result["IN"] == {
        "aloc": 0, "count": 0, "credit": "0.0000", "debit": "0.0000", "duration": 0, "unique_callers": 0,
    }  # fmt: skip
    assert await rpc("analytics/calls.history", *EVER) == {"IN": [], "OUT": []}


# --- the most ---------------------------------------------------------------------------------------------------------

ASKED = {
    "top_apps": ("IN",),
    "inbound_did": (),
    "outbound_countries": (),
    "cli_countries": (),
    "outbound_destinations": (),
}


async def _priced(world: World) -> None:
    """A minute in costs 0.6 cents for each begun one, a minute out 6 cents."""
    rates = [
        Rate(kind=RateKind.CALL_IN, prefix="+33", price_micro=6_000, increment_s=60, label="France, inbound"),
        Rate(kind=RateKind.CALL_OUT, prefix="+33", price_micro=60_000, label="France"),
    ]
    await world.services.money.set_tariff("standard", rates)
    await world.services.money.set_terms(world.account.id, tariff="standard")


async def test_the_most_called_app_number_and_country_come_with_their_sums(rpc: Rpc, world: World) -> None:
    await _priced(world)
    await _save_three(world)
    inbound = {"aloc": 199, "count": 3, "credit": "0.0000", "debit": "4.8000", "duration": 398}
    outbound = inbound | {"debit": "39.8000"}
    country, label = {"country_code": "FR"}, {"billing_label": "France"}
    number = {"billing_label": "France, inbound", "hash": world.did.hash, "intl": world.did.number_e164}
    for method, params, expected in (
        ("top_apps", ("IN",), inbound | {"hash": world.app.hash}),
        ("top_apps", ("OUT",), outbound | {"hash": world.app.hash}),
        ("inbound_did", (), inbound | number),
        ("cli_countries", (), inbound | country),
        ("outbound_countries", (), outbound | country),
        ("outbound_destinations", (), outbound | label),
    ):
        assert await rpc(f"analytics/calls.{method}", *params, "DURATION", *EVER, 100) == [expected], method


async def test_the_sums_of_a_summary_are_those_of_the_records(rpc: Rpc, world: World) -> None:
    await _priced(world)
    await _save_three(world)
    result = await rpc("analytics/calls.summary", *EVER)
    history = await rpc("analytics/calls.history", *EVER)
    for side in ("IN", "OUT"):
        records = await rpc("cdr.get", side, *EVER, None, None)
        for amount in ("credit", "debit"):
            total = sum(Decimal(record[f"billing_customer_{amount}_eur"]) for record in records)
            assert Decimal(result[side][amount]) == total
            assert sum(Decimal(day[amount]) for day in history[side]) == total


async def test_the_greatest_comes_first_in_every_order_and_the_rest_is_cut_off(rpc: Rpc, world: World) -> None:
    await _priced(world)
    await _save_three(world)  # France: 3 calls, 199 s each of those answered
    long = world.golden(started_at=GOLDEN_START + timedelta(hours=5), caller_country="BE")
    caller, target = long.legs
    ended = GOLDEN_START + timedelta(hours=5, seconds=1011)
    await world.save(
        replace(long, ended_at=ended, legs=(replace(caller, ended_at=ended), replace(target, ended_at=ended)))
    )
    for sort, first in (("COUNT", "FR"), ("DURATION", "BE"), ("ALOC", "BE"), ("CREDIT", "BE"), ("DEBIT", "BE")):
        found = await rpc("analytics/calls.cli_countries", sort, *EVER, 10)
        assert {item["country_code"] for item in found} == {"FR", "BE"}
        assert found[0]["country_code"] == first, sort
        assert await rpc("analytics/calls.cli_countries", sort, *EVER, 1) == found[:1]


async def test_a_caller_who_hides_has_no_country(rpc: Rpc, world: World) -> None:
    await world.save(world.golden(caller_withheld=True))
    (item,) = await rpc("analytics/calls.cli_countries", "COUNT", *EVER, 10)
    assert (item["country_code"], item["count"]) == (None, 1)


async def test_another_accounts_calls_are_not_among_them(rpc: Rpc, world: World) -> None:
    other = await build_world(world.database, Path("/nonexistent"), name="Other")
    await other.save(other.golden())
    for method, params in ASKED.items():
        assert await rpc(f"analytics/calls.{method}", *params, "COUNT", *EVER, 10) == [], method


@pytest.mark.parametrize("method", ASKED)
async def test_what_cannot_be_ordered_or_counted_is_refused(fault: Rpc, method: str) -> None:
    name, front = f"analytics/calls.{method}", ASKED[method]
    for params, message in (
        (("BEAUTY", *EVER, 10), "INVALID_PARAM_FORMAT [sort]"),
        (("COUNT", "today", EVER[1], 10), "INVALID_PARAM_FORMAT [from]"),
        (("COUNT", *reversed(EVER), 10), "TO_BEFORE_FROM"),
        (("COUNT", *EVER, 0), "INVALID_PARAM_FORMAT [limit]"),
        (("COUNT", *EVER, 1001), "INVALID_PARAM_FORMAT [limit]"),
        (("COUNT", *EVER, True), "INVALID_PARAM_FORMAT [limit]"),
        (("COUNT", *EVER), "INVALID_PARAM_FORMAT [limit]"),
    ):
        assert (await fault(name, *front, *params))[1] == message
    if front:
        assert (await fault(name, "BOTH", "COUNT", *EVER, 10))[1] == "INVALID_PARAM_FORMAT [type]"


# --- messages ---------------------------------------------------------------------------------------------------------


async def _three_messages(rpc: Rpc, world: World, carrier_post: Post) -> None:
    """Two were sent, one of them in two parts; one came in. A part sent costs 6.5 cents."""
    await world.services.money.set_tariff("sms", [Rate(kind=RateKind.MESSAGE_OUT, prefix="+33", price_micro=65_000)])
    await world.services.money.set_terms(world.account.id, tariff="sms")
    await rpc("sms.send", SMS_NUMBER, MOBILE, "Hello", None)
    await carrier_post.hand_on()
    await rpc("sms.send", SMS_NUMBER, MOBILE, "x" * 161, None)
    await carrier_post.receive("Yes")


async def test_messages_are_counted_with_their_parts_and_cost(rpc: Rpc, world: World, carrier_post: Post) -> None:
    await _three_messages(rpc, world, carrier_post)
    sent = {"count": 2, "credit": "0.0000", "debit": "19.5000", "parts": 3}
    received = {"count": 1, "credit": "0.0000", "debit": "0.0000", "parts": 1}
    assert await rpc("analytics/sms.summary", *EVER) == {"IN": received, "OUT": sent}
    history = await rpc("analytics/sms.history", *EVER)
    for side, expected in (("IN", received), ("OUT", sent)):
        (day,) = history[side]
        assert day.pop("date").endswith(" 00:00:00")
        assert day == expected
    assert await rpc("analytics/sms.summary_out", *EVER, None) == sent
    assert await rpc("analytics/sms.summary_out", *EVER, ["parts", "count"]) == {"count": 2, "parts": 3}
    (day,) = await rpc("analytics/sms.history_out", *EVER, ["debit"])
    assert list(day) == ["date", "debit"]


async def test_what_was_sent_is_counted_by_its_status(rpc: Rpc, world: World, carrier_post: Post) -> None:
    await _three_messages(rpc, world, carrier_post)
    one = {"count": 1, "credit": "0.0000", "debit": "6.5000", "parts": 1}
    summary = await rpc("analytics/sms.summary_out_by_status", *EVER)
    assert {status: sums["count"] for status, sums in summary.items() if sums["count"]} == {"CREATED": 1, "SENT": 1}
    assert (len(summary), summary["SENT"]) == (8, one)
    history = await rpc("analytics/sms.history_out_by_status", *EVER)
    assert list(history) == ["CREATED", "SENT"]
    assert {key: value for key, value in history["SENT"][0].items() if key != "date"} == one


async def test_without_messages_all_is_zero(rpc: Rpc) -> None:
    nothing = {"count": 0, "credit": "0.0000", "debit": "0.0000", "parts": 0}
    assert await rpc("analytics/sms.summary", *EVER) == {"IN": nothing, "OUT": nothing}
    assert await rpc("analytics/sms.history", *EVER) == {"IN": [], "OUT": []}
    assert await rpc("analytics/sms.history_out_by_status", *EVER) == {}


async def test_fields_are_names_of_the_vendors(fault: Rpc) -> None:
    for method in ("summary_out", "history_out"):
        for fields, message in (
            ("count", "INVALID_PARAM_FORMAT [fields]"),
            ([], "PROPERTY_VALUE_ERROR [fields]"),
            (["count", "weight"], "PROPERTY_VALUE_ERROR [fields]"),
            ([["count"]], "PROPERTY_VALUE_ERROR [fields]"),
        ):
            assert (await fault(f"analytics/sms.{method}", *EVER, fields))[1] == message
