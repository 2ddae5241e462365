"""group_by_day and type=sms."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ringtrail.dialects.optico import DIALECT
from ringtrail.dialects.optico.responses import day_listing
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage
from ringtrail.model.message import Direction, MessageStatus
from ringtrail.model.query import DayTotals
from tests.dialects.conftest import Serve
from tests.dialects.optico.client import Optico
from tests.dialects.optico.conftest import GOOD, Ask
from tests.dialects.optico.sms import received_sms
from tests.fixtures import GOLDEN_START, TOKENS, World

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


async def test_an_sms_reads_as_the_vendor_would_show_it(world: World, serve: Serve) -> None:
    message = await received_sms(world, "Hello, I'd like more information")
    response = await (await serve(DIALECT)).get("/data-api", params={**GOOD, "type": "sms"})
    expected = {
        "sent_date": "2026-07-14 11:05:10",
        "caller_phone": "+33612345678",
        "tracking_phone": world.did.number_e164,
        "id": message.id,
        "message_content": "Hello, I'd like more information",
    }
    assert response.json() == {"status": "OK", "total_results": 1, "results": [expected]}
    assert list(response.json()["results"][0]) == list(expected)


async def test_unicode_and_several_parts_are_an_array_that_joins_to_the_text(world: World, ask: Ask) -> None:
    texts = ["é" * 160, "€" * 81, "ж", "🙂" * 70, "a" * 161, "x\n" * 200]
    for index, text in enumerate(texts):
        await received_sms(world, text, at=GOLDEN_START + timedelta(seconds=index))
    contents = [sms["message_content"] for sms in (await ask(type="sms"))["results"]]
    assert [isinstance(content, str) for content in contents] == [True, False, False, False, False, False]
    assert ["".join(content) for content in contents] == texts
    assert [len(content) for content in contents[1:]] == [2, 1, 3, 2, 3]


async def test_sms_are_paged_like_calls_oldest_first(world: World, ask: Ask) -> None:
    for index in range(21):
        await received_sms(world, str(index), at=GOLDEN_START + timedelta(seconds=index % 7))
    seen: list[str] = []
    page: int | None = 1
    while page is not None:
        answer = await ask(type="sms", page=str(page), group_by_day="true")
        assert answer["total_results"] == 21
        seen += [sms["sent_date"] for sms in answer["results"]]
        page = answer.get("next_page")
    assert (len(seen), seen) == (21, sorted(seen))
    assert await ask(type="sms", page="9") == {"status": "OK", "total_results": 21, "results": []}


async def test_sms_are_filtered_by_local_day_and_by_both_numbers(world: World, ask: Ask) -> None:
    midnight = datetime(2026, 7, 13, 22, tzinfo=UTC)  # 14 July, 00:00 in Paris
    for seconds in (-1, 0, 86_399, 86_400):
        await received_sms(world, str(seconds), at=midnight + timedelta(seconds=seconds))
    day = {"type": "sms", "start_date": "2026-07-14", "end_date": "2026-07-14"}
    assert [sms["message_content"] for sms in (await ask(**day))["results"]] == ["0", "86399"]
    for name, value, found in (
        ("caller_phone", "06 12 34 56 78", 2), ("caller_phone", " 33612345678", 2), ("caller_phone", "+33600000000", 0),
        ("tracking_phone", world.did.number_e164, 2), ("tracking_phone", "+33600000000", 0),
        ("phone", "+33987654321", 0), ("status", "SUCCESS", 0), ("offline_phone_description", "Leaflet 7", 0),
    ):  # fmt: skip
        assert (await ask(**day, **{name: value}))["total_results"] == found, (name, value)


async def test_only_what_the_domain_received_is_shown(world: World, ask: Ask) -> None:
    sibling = await world.services.accounts.add_property(world.account.id, "other.example")
    await received_sms(world, "of another domain", property_id=sibling.id)
    await received_sms(world, "sent", direction=Direction.OUT, status=MessageStatus.SENT)
    assert (await ask(type="sms"))["total_results"] == 0


async def test_a_masked_domain_shows_and_compares_the_senders_of_sms_masked(world: World, ask: Ask) -> None:
    await received_sms(world, "hello")
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET masks_callers = true")
    assert [sms["caller_phone"] for sms in (await ask(type="sms"))["results"]] == ["+3361234XXXX"]
    for text, found in (("+3361234XXXX", 1), (" 3361234XXXX", 1), ("+33612345678", 0)):
        assert (await ask(type="sms", caller_phone=text))["total_results"] == found, text


async def test_a_client_reads_every_sms_as_its_text(world: World, serve: Serve) -> None:
    texts = ["plain", "ж" * 200]
    for text in texts:
        await received_sms(world, text)
    reader = Optico(await serve(DIALECT), TOKENS["optico"], limit=10)
    found = await reader.sms(date(2026, 7, 14), date(2026, 7, 14))
    assert [(sms.text, sms.caller) for sms in found] == [(text, "+33612345678") for text in texts]


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
