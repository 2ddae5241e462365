"""type=calls, one object a call."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringtrail.dialects.optico import DIALECT
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Trigger
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from ringtrail.storage.database import Database
from tests.dialects.conftest import Serve
from tests.dialects.optico.conftest import GOOD, Ask
from tests.fixtures import GOLDEN_START, TOKENS, World, add_credentials, build_world

pytestmark = pytest.mark.postgres

FIELDS = [
    "start_date", "caller", "tracking_number", "phone", "trigger_type", "source", "url", "referer", "keyword",
    "call_path", "status", "duration", "billing_duration", "revenue", "postcode", "keypad", "is_redirect",
    "expired_redirect", "answer_time",
]  # fmt: skip
"""As the vendor's example shows them, in its order."""


async def execute(world: World, statement: str, *values: object) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode(), values)


async def test_the_golden_call_reads_as_the_vendor_would_show_it(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    await execute(world, "UPDATE calls SET revenue_minor = 240")
    assert await ask() == {
        "status": "OK",
        "total_results": 1,
        "results": [
            {
                "start_date": "14/07/2026 11:05:10",
                "caller": "+33612345678",
                "tracking_number": world.did.number_e164,
                "phone": "+33987654321",
                "trigger_type": 1,
                "source": "Google Ads",
                "url": "",
                "referer": "",
                "keyword": "",
                "call_path": "",
                "status": "SUCCESS",
                "duration": 199,
                "billing_duration": 240,
                "revenue": 2.4,
                "postcode": "",
                "keypad": "",
                "is_redirect": False,
                "expired_redirect": False,
                "answer_time": 11,
            }
        ],
    }


async def test_fields_come_in_the_vendors_order_and_unknown_visit_fields_are_left_out(
    world: World, serve: Serve
) -> None:
    await world.save(world.golden())
    response = await (await serve(DIALECT)).get("/data-api", params=GOOD)
    assert list(response.json()) == ["status", "total_results", "results"]
    assert list(response.json()["results"][0]) == FIELDS
    assert '"revenue":0.0' in response.text


async def test_days_are_included_from_their_first_to_their_last_second_in_paris(world: World, ask: Ask) -> None:
    midnight = datetime(2026, 7, 13, 22, tzinfo=UTC)  # 14 July, 00:00 in Paris
    edges = [
        midnight - timedelta(seconds=1),
        midnight,
        midnight + timedelta(hours=24, seconds=-1),
        midnight + timedelta(hours=24),
    ]
    await world.save(*[world.golden(started_at=edge) for edge in edges])
    found = await ask(start_date="2026-07-14", end_date="2026-07-14")
    assert [call["start_date"] for call in found["results"]] == ["14/07/2026 00:00:00", "14/07/2026 23:59:59"]
    assert found["total_results"] == 2


async def test_a_propertys_own_time_zone_moves_days_and_clock_times(world: World, ask: Ask) -> None:
    await world.save(world.golden(started_at=datetime(2026, 7, 14, 20, tzinfo=UTC)))
    await execute(world, "UPDATE properties SET timezone = 'Asia/Kolkata'")
    assert (await ask(start_date="2026-07-14", end_date="2026-07-14"))["total_results"] == 0
    found = await ask(start_date="2026-07-15", end_date="2026-07-15")
    assert [call["start_date"] for call in found["results"]] == ["15/07/2026 01:30:00"]


@pytest.mark.parametrize(
    ("day", "first_utc", "hours"),
    [
        ("2026-03-29", datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        ("2026-10-25", datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
    ],
)
async def test_a_day_of_clock_change_has_its_own_number_of_hours(
    world: World, ask: Ask, day: str, first_utc: datetime, hours: int
) -> None:
    await world.save(*[world.golden(started_at=first_utc + timedelta(hours=hour)) for hour in range(-1, hours + 1)])
    found = await ask(start_date=day, end_date=day, limit="100")
    assert found["total_results"] == hours
    grouped = await ask(start_date=day, end_date=day, group_by_day="true")
    assert [row["calls"] for row in grouped["results"]] == [hours]
    filtered = await ask(start_date=day, end_date=day, group_by_day="true", status="SUCCESS")
    assert filtered == grouped


async def test_pages_follow_next_page_until_it_is_absent_and_hold_each_call_once_oldest_first(
    world: World, ask: Ask
) -> None:
    await world.save(*[world.golden(started_at=GOLDEN_START + timedelta(minutes=index)) for index in range(25)])
    seen: list[str] = []
    page: int | None = 1
    while page is not None:
        answer = await ask(page=str(page))
        assert answer["total_results"] == 25
        seen += [call["start_date"] for call in answer["results"]]
        page = answer.get("next_page")
    assert seen == [f"14/07/2026 11:{minute:02}:10" for minute in range(5, 30)]


async def test_a_full_last_page_names_no_next_page(world: World, ask: Ask) -> None:
    await world.save(*[world.golden(started_at=GOLDEN_START + timedelta(minutes=index)) for index in range(20)])
    assert (await ask(page="1"))["next_page"] == 2
    assert "next_page" not in await ask(page="2")


@pytest.mark.parametrize("limit", [10, 11])
async def test_a_next_page_is_named_exactly_when_records_are_left(world: World, ask: Ask, limit: int) -> None:
    """Also where the total is a multiple of the limit, and one more or less."""
    await world.save(*[world.golden(started_at=GOLDEN_START + timedelta(seconds=index)) for index in range(33)])
    for total in (0, 1, 9, 10, 11, 12, 20, 21, 22, 23, 30, 33):
        await execute(world, "UPDATE calls SET offline_description = CASE WHEN creation_seq <= %s THEN 'in' END", total)
        pages = -(-total // limit)
        for page in range(1, pages + 2):
            answer = await ask(page=str(page), limit=str(limit), offline_phone_description="in")
            assert answer["total_results"] == total
            assert len(answer["results"]) == max(0, min(limit, total - (page - 1) * limit))
            assert answer.get("next_page") == (page + 1 if page < pages else None), (total, page)


async def test_a_page_beyond_the_end_is_empty_and_still_tells_the_total(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    for page in ("2", "3", "999999999999999999"):
        for change in ({}, {"status": "SUCCESS"}):
            assert await ask(page=page, **change) == {"status": "OK", "total_results": 1, "results": []}


async def test_a_range_that_ends_before_it_starts_holds_nothing(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    backwards = {"start_date": "2026-07-15", "end_date": "2026-07-14"}
    assert await ask(**backwards) == {"status": "OK", "total_results": 0, "results": []}
    assert await ask(**backwards, group_by_day="true") == {"status": "OK", "results": []}


async def test_the_whole_calendar_is_a_valid_range(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    for zone in ("Europe/Paris", "America/St_Johns", "Pacific/Kiritimati"):
        await execute(world, "UPDATE properties SET timezone = %s", zone)
        assert (await ask(start_date="0001-01-01", end_date="9999-12-31"))["total_results"] == 1


async def test_a_call_in_progress_is_left_out(world: World, ask: Ask) -> None:
    await world.save(world.golden(ended_at=None, state=State.BRIDGED, disposition=Disposition.IN_PROGRESS))
    assert (await ask())["total_results"] == 0
    assert (await ask(status="SUCCESS"))["total_results"] == 0


async def test_the_trigger_is_told_by_number(world: World, ask: Ask) -> None:
    for index, trigger in enumerate((Trigger.NORMAL, Trigger.WEB, Trigger.RULE, Trigger.API)):
        await world.save(world.golden(trigger=trigger, started_at=GOLDEN_START + timedelta(minutes=index)))
    assert [call["trigger_type"] for call in (await ask())["results"]] == [1, 2, 3, 4]


DURATIONS = [
    (Disposition.VOICEMAIL, Stage.VOICEMAIL, 199),
    (Disposition.IVR, Stage.MESSAGE, 199),
    (Disposition.ABANDONED, Stage.MESSAGE, 199),
    (Disposition.ABANDONED, Stage.IVR, 199),
    (Disposition.ABANDONED, Stage.RINGING, 0),
    (Disposition.NO_ANSWER, Stage.RINGING, 0),
]


async def test_a_call_that_spoke_only_with_the_platform_lasts_as_long_as_that(world: World, ask: Ask) -> None:
    for index, (disposition, stage, _) in enumerate(DURATIONS):
        start = GOLDEN_START + timedelta(minutes=index)
        await world.save(world.golden(started_at=start, answered_at=None, disposition=disposition, stage=stage))
    found = [(call["duration"], call["answer_time"]) for call in (await ask())["results"]]
    assert found == [(duration, 210) for _, _, duration in DURATIONS]


async def test_numbers_are_found_in_every_usual_spelling(world: World, serve: Serve) -> None:
    await world.save(world.golden())
    client = await serve(DIALECT)
    base = "&".join(f"{name}={value}" for name, value in GOOD.items())
    for spelling in (
        "%2B33612345678",
        "+33612345678",
        "33612345678",
        "0033612345678",
        "0612345678",
        "06%2012%2034%2056%2078",
    ):
        found = (await client.get(f"/data-api?{base}&caller_phone={spelling}")).json()
        assert found["total_results"] == 1, spelling
    for name, value in (("phone", "+33987654321"), ("tracking_phone", world.did.number_e164)):
        assert (await client.get(f"/data-api?{base}&{name}={value}")).json()["total_results"] == 1
        assert (await client.get(f"/data-api?{base}&{name}=+33111111111")).json()["total_results"] == 0


async def test_what_is_no_number_finds_nothing(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    for name in ("phone", "tracking_phone", "caller_phone"):
        for value in ("nonsense", "%", "é" * 200, "9" * 300, "' OR 1=1 --"):
            assert (await ask(**{name: value}))["total_results"] == 0, (name, value)


async def test_a_masked_domain_shows_and_compares_callers_without_their_last_four_digits(
    world: World, ask: Ask
) -> None:
    await world.save(world.golden(), world.golden(caller_number_e164=None, caller_withheld=True))
    await execute(world, "UPDATE properties SET masks_callers = true")
    assert sorted(call["caller"] for call in (await ask())["results"]) == ["", "+3361234XXXX"]
    for text, expected in (("+3361234XXXX", 1), (" 3361234XXXX", 1), ("+33612345678", 0), ("0612345678", 0)):
        assert (await ask(caller_phone=text))["total_results"] == expected, text


async def test_the_filters_of_a_masked_domain_see_the_mask_in_day_rows_too(world: World, ask: Ask) -> None:
    """Or counting would tell what showing hides. Two callers who differ in the hidden digits only are one."""
    await world.save(world.golden(), world.golden(caller_number_e164="+33612349999"))
    await execute(world, "UPDATE properties SET masks_callers = true")
    day = {"start_date": "2026-07-14", "end_date": "2026-07-14", "group_by_day": "true"}
    for text, calls in (("+3361234XXXX", 2), ("+33612345678", 0), ("+33612349999", 0), ("+336123XXXXX", 0)):
        assert (await ask(**day, caller_phone=text))["results"][0]["calls"] == calls, text
        assert (await ask(caller_phone=text, status="SUCCESS"))["total_results"] == calls, text


async def test_an_unencoded_plus_is_restored_in_every_number(world: World, serve: Serve) -> None:
    await world.save(world.golden())
    client = await serve(DIALECT)
    base = "&".join(f"{name}={value}" for name, value in GOOD.items())
    numbers = {"phone": "33987654321", "tracking_phone": world.did.number_e164[1:], "caller_phone": "33612345678"}
    for name, number in numbers.items():
        for plus in ("+", "%2B", "%20", ""):
            assert (await client.get(f"/data-api?{base}&{name}={plus}{number}")).json()["total_results"] == 1, (
                name,
                plus,
            )
        assert (await client.get(f"/data-api?{base}&{name}=+{number[:-1]}0")).json()["total_results"] == 0, name


async def test_offline_description_selects_by_the_number_that_was_dialled(world: World, ask: Ask) -> None:
    other = StaticAttribution(source="Print", offline_description="Poster")
    await world.save(world.golden(), world.golden(attribution=other))
    found = await ask(offline_phone_description="Poster")
    assert [call["source"] for call in found["results"]] == ["Print"]
    assert (await ask(offline_phone_description="poste"))["total_results"] == 0


async def test_status_takes_several_words_and_an_unknown_one_matches_nothing(world: World, ask: Ask) -> None:
    await world.save(
        world.golden(),
        world.golden(disposition=Disposition.BUSY, stage=Stage.RINGING, answered_at=None),
        world.golden(disposition=Disposition.ABANDONED, stage=Stage.MESSAGE, answered_at=None),
        world.golden(disposition=Disposition.ABANDONED, stage=Stage.RINGING, answered_at=None),
    )
    for words, expected in (
        ("SUCCESS", ["SUCCESS"]),
        ("BUSY,ERR_CALLER_MSG", ["BUSY", "ERR_CALLER_MSG"]),
        ("INTERRUPTED, SUCCESS", ["INTERRUPTED", "SUCCESS"]),
        ("SUCCESS,WHATEVER", ["SUCCESS"]),
        ("WHATEVER", []),
        (",", []),
        ("", ["BUSY", "ERR_CALLER_MSG", "INTERRUPTED", "SUCCESS"]),
    ):
        found = await ask(status=words)
        assert sorted(call["status"] for call in found["results"]) == expected, words
        assert found["total_results"] == len(expected)


async def test_a_call_that_an_expired_number_sent_on_is_expired_and_found_as_such(world: World, ask: Ask) -> None:
    await world.save(world.golden(redirected=True, redirected_expired=True))
    [call] = (await ask(status="EXPIRED"))["results"]
    assert (call["status"], call["is_redirect"], call["expired_redirect"], call["duration"]) == (
        "EXPIRED",
        True,
        True,
        199,
    )
    assert (await ask(status="SUCCESS"))["total_results"] == 0


async def test_filters_combine(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    both = {"caller_phone": "+33612345678", "phone": "+33987654321", "status": "SUCCESS"}
    assert (await ask(**both))["total_results"] == 1
    assert (await ask(**both, tracking_phone="+33111111111"))["total_results"] == 0


async def test_another_property_or_account_is_never_shown(
    world: World, ask: Ask, database: Database, tmp_path: Path
) -> None:
    await world.save(world.golden())
    sibling = await world.services.accounts.add_property(world.account.id, "other.example")
    await world.services.accounts.add_token(world.account.id, "optico", "sibling-key", property_id=sibling.id)
    stranger = await build_world(database, tmp_path, name="Strangers")
    await add_credentials(stranger, "-2")
    await stranger.save(replace(stranger.golden(), caller_number_e164="+33699999999"))
    assert (await ask(api_key="sibling-key"))["total_results"] == 0
    assert [call["caller"] for call in (await ask())["results"]] == ["+33612345678"]
    assert [call["caller"] for call in (await ask(api_key=TOKENS["optico"] + "-2"))["results"]] == ["+33699999999"]


async def test_large_answers_are_compressed_for_those_who_ask(world: World, serve: Serve) -> None:
    await world.save(*[world.golden(started_at=GOLDEN_START + timedelta(minutes=index)) for index in range(10)])
    client = await serve(DIALECT)
    packed = await client.get("/data-api", params=GOOD, headers={"accept-encoding": "gzip"})
    plain = await client.get("/data-api", params=GOOD, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
