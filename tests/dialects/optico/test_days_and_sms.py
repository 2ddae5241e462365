"""group_by_day and type=sms."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ringtrail.dialects.optico import DIALECT
from ringtrail.dialects.optico.responses import day_listing
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage
from ringtrail.model.query import DayTotals
from tests.dialects.conftest import Serve
from tests.dialects.optico.conftest import GOOD, Ask
from tests.fixtures import GOLDEN_START, World

pytestmark = pytest.mark.postgres

WEEK = {"start_date": "2026-07-13", "end_date": "2026-07-17", "group_by_day": "true"}


async def test_every_day_of_the_range_has_a_row_and_there_is_no_paging(world: World, ask: Ask) -> None:
    await world.save(*[world.golden(started_at=GOLDEN_START + timedelta(days=days)) for days in (0, 0, 2)])
    zeros = {"calls": 0, "duration": 0.0, "revenue": 0.0}
    assert await ask(**WEEK, page="7") == {
        "status": "OK",
        "results": [
            {"date": "2026-07-13", **zeros},
            {"date": "2026-07-14", "calls": 2, "duration": 398.0, "revenue": 0.0},
            {"date": "2026-07-15", **zeros},
            {"date": "2026-07-16", "calls": 1, "duration": 199.0, "revenue": 0.0},
            {"date": "2026-07-17", **zeros},
        ],
    }


async def test_numbers_that_are_fractions_are_written_as_such(world: World, serve: Serve) -> None:
    await world.save(world.golden())
    response = await (await serve(DIALECT)).get("/data-api", params={**GOOD, **WEEK})
    assert '{"date":"2026-07-14","calls":1,"duration":199.0,"revenue":0.0}' in response.text


async def test_filters_apply_to_day_rows(world: World, ask: Ask) -> None:
    await world.save(world.golden(), world.golden(disposition=Disposition.BUSY, answered_at=None))
    for change, calls in (({}, 2), ({"status": "BUSY"}, 1), ({"caller_phone": "+33600000000"}, 0)):
        rows = (await ask(**WEEK, **change))["results"]
        assert [row["calls"] for row in rows] == [0, calls, 0, 0, 0]


async def test_the_days_of_both_clock_changes_and_a_leap_day_are_one_row_each(world: World, ask: Ask) -> None:
    for start, end, days in (
        ("2026-03-28", "2026-03-30", ["2026-03-28", "2026-03-29", "2026-03-30"]),
        ("2026-10-24", "2026-10-26", ["2026-10-24", "2026-10-25", "2026-10-26"]),
        ("2028-02-28", "2028-03-01", ["2028-02-28", "2028-02-29", "2028-03-01"]),
        ("2026-12-31", "2027-01-01", ["2026-12-31", "2027-01-01"]),
    ):
        rows = (await ask(start_date=start, end_date=end, group_by_day="true"))["results"]
        assert [row["date"] for row in rows] == days


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
async def test_day_rows_are_the_records_of_each_local_day_with_and_without_filters(
    world: World, ask: Ask, day: str
) -> None:
    """Every half hour of the day of a change of the clock, of its neighbours, and beyond."""
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    await world.save(*[world.golden(started_at=noon + timedelta(minutes=30 * half)) for half in range(-80, 80)])
    before, after = (str((noon + timedelta(days=days)).date()) for days in (-1, 1))
    span = {"start_date": before, "end_date": after, "limit": "5000"}
    counted = Counter(call["start_date"][:10] for call in (await ask(**span))["results"])
    for change in ({}, {"status": "SUCCESS"}, {"phone": "+33987654321"}):
        rows = (await ask(**span, **change, group_by_day="true"))["results"]
        told = {"/".join(reversed(row["date"].split("-"))): row["calls"] for row in rows}
        assert told == counted
    assert sorted(counted.values()) == sorted([48, 48, 46 if day == "2026-03-29" else 50])


async def test_revenue_of_filtered_days_is_the_sum_of_the_records(world: World, ask: Ask) -> None:
    await world.save(world.golden(), world.golden(), world.golden(started_at=GOLDEN_START + timedelta(days=1)))
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE calls SET revenue_minor = 125")
    rows = (await ask(**WEEK, status="SUCCESS"))["results"]
    assert [row["revenue"] for row in rows] == [0.0, 2.5, 1.25, 0.0, 0.0]


async def test_true_is_true_or_1(ask: Ask) -> None:
    for word, grouped in (("true", True), ("TRUE", True), ("1", True), ("false", False), ("0", False), ("yes", False)):
        assert ("total_results" not in await ask(group_by_day=word)) is grouped, word


async def test_page_and_limit_are_required_when_grouped_although_unused(ask: Ask) -> None:
    assert (await ask(**WEEK, page=None, limit="9"))["errors"] == [
        "Missing parameter `page`",
        "Limit must be between 10 and 5000",
    ]


def test_all_of_the_calendar_is_written_in_pieces() -> None:
    days = range(1, 3_652_060)
    pieces = day_listing(days, [DayTotals("0001-01-02", 3, 4, 4, 250)])
    first = next(pieces)
    assert first.startswith(b'{"status":"OK","results":[{"date":"0001-01-01","calls":0,"duration":0.0,"revenue":0.0},')
    assert b'{"date":"0001-01-02","calls":3,"duration":4.0,"revenue":2.5}' in first
    assert len(first) < 100_000


async def test_sms_are_an_honest_empty_list(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    for change in ({}, {"group_by_day": "true"}, {"page": "9"}, {"status": "SUCCESS"}):
        assert await ask(type="sms", **change) == {"status": "OK", "total_results": 0, "results": []}


async def test_sms_queries_are_checked_like_any_other(ask: Ask) -> None:
    answer = await ask(type="sms", start_date="2026-02-30", limit="5001")
    assert answer["errors"] == ["Invalid date 2026-02-30", "Limit must be between 10 and 5000"]


async def test_a_days_duration_is_the_sum_of_its_records_durations(world: World, ask: Ask) -> None:
    mailbox = replace(
        world.golden(), answered_at=None, bridged_at=None, disposition=Disposition.VOICEMAIL, stage=Stage.VOICEMAIL
    )
    busy = replace(world.golden(), answered_at=None, bridged_at=None, disposition=Disposition.BUSY, stage=Stage.RINGING)
    await world.save(world.golden(), mailbox, busy)
    day = {"start_date": "2026-07-14", "end_date": "2026-07-14"}
    records = (await ask(**day))["results"]
    grouped = (await ask(**day, group_by_day="true"))["results"]
    assert sum(record["duration"] for record in records) == grouped[0]["duration"] == 398.0
