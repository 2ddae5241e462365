"""The calls list and one call: golden exchange, filters, keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Call, Trigger
from ringtrail.model.cause import Disposition
from ringtrail.model.ids import new_sid
from ringtrail.model.lifecycle import Stage, State
from tests.dialects.agendize.conftest import HEADERS, Ask
from tests.fixtures import GOLDEN_START, World, with_recording

pytestmark = pytest.mark.postgres


def later(world: World, seconds: float, **changes: object) -> Call:
    return world.golden(started_at=GOLDEN_START + timedelta(seconds=seconds), **changes)


def live(call: Call) -> Call:
    return replace(
        call, ended_at=None, answered_at=None, state=State.RINGING, stage=Stage.RINGING, disposition=Disposition.IN_PROGRESS
    )  # fmt: skip


async def ids(ask: Ask, raw: str | None = None, **params: str) -> list[str]:
    response = await ask(raw=raw, **params)
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def test_the_golden_call_in_the_vendors_fields_and_order(world: World, ask: Ask) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    answer = (await ask()).json()
    assert list(answer) == ["items", "nextSyncToken"]
    expected: dict[str, Any] = {
        "id": "1",
        "buttonId": None,
        "clientId": None,
        "callerNumber": "+33612345678",
        "calledNumber": "+33987654321",
        "trackingNumber": world.did.number_e164,
        "start": {"dateTime": "2026-07-14T05:05:10", "timeZone": "America/Toronto"},
        "duration": 199,
        "status": "completed",
        "externalId": str(call.id),
        "type": "callTracking",
        "record": {"mimeType": "audio/mpeg", "url": "http://testserver.local/api/2.0/calls/1/record.mp3"},
    }
    assert answer["items"] == [expected]
    assert list(answer["items"][0]) == list(expected)
    one = await ask("/calls/1")
    assert (one.status_code, one.json()) == (200, expected)
    assert one.headers["content-type"].startswith("application/json")


async def test_a_call_without_a_finished_recording_has_no_record_key(world: World, ask: Ask) -> None:
    unfinished = with_recording(later(world, 1), "REC0RD2N")
    broken = replace(unfinished.recordings[0], status="error")
    await world.save(world.golden(), replace(unfinished, recordings=(broken,)))
    assert ["record" in item for item in (await ask()).json()["items"]] == [False, False]


async def test_the_start_is_told_in_the_propertys_own_zone_even_a_link_name(world: World, ask: Ask) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET timezone = 'US/Eastern'")
    await world.save(later(world, 0), world.golden(started_at=GOLDEN_START.replace(month=1)))
    starts = [item["start"] for item in (await ask()).json()["items"]]
    assert {"dateTime": "2026-07-14T05:05:10", "timeZone": "US/Eastern"} in starts
    assert {"dateTime": "2026-01-14T04:05:10", "timeZone": "US/Eastern"} in starts


async def test_a_call_names_its_button_and_its_type(world: World, ask: Ask) -> None:
    await world.save(*[later(world, at, trigger=trigger, button_hash="BUTT0N01") for at, trigger in enumerate(Trigger)])
    tracking, button = ("callTracking", "BUTT0N01"), ("clickToCall", "BUTT0N01")
    expected = {Trigger.NORMAL: tracking, Trigger.WEB: button, Trigger.RULE: tracking, Trigger.API: button}
    expected[Trigger.MANUAL] = expected[Trigger.PHONE] = (None, "BUTT0N01")
    items = (await ask()).json()["items"]
    assert [(item["type"], item["buttonId"]) for item in items] == [expected[trigger] for trigger in Trigger]


async def test_a_withheld_caller_is_null_and_cannot_be_searched(world: World, ask: Ask) -> None:
    await world.save(world.golden(caller_withheld=True))
    assert (await ask("/calls/1")).json()["callerNumber"] is None
    assert await ids(ask, search="612345678") == []


async def test_masked_digits_are_neither_shown_nor_found(world: World, ask: Ask) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET masks_callers = true")
    await world.save(world.golden())
    assert (await ask("/calls/1")).json()["callerNumber"] == "+3361234XXXX"
    assert await ids(ask, search="3361234") == ["1"]
    assert await ids(ask, search="5678") == []
    assert await ids(ask, search="7654321") == ["1"]


async def test_a_call_in_progress_is_left_out_until_it_ends(world: World, ask: Ask) -> None:
    call = world.golden()
    await world.save(live(call))
    assert await ids(ask) == []
    assert (await ask("/calls/1")).status_code == 404
    await world.save(call)
    assert await ids(ask) == ["1"]


async def test_both_bounds_are_exclusive_to_the_second_that_is_shown(world: World, ask: Ask) -> None:
    await world.save(*[later(world, seconds) for seconds in (0, 1, 1.5, 2)])
    assert await ids(ask, startDate="2026-07-14T09:05:10Z") == ["2", "3", "4"]
    assert await ids(ask, startDate="2026-07-14T09:05:11Z") == ["4"]
    assert await ids(ask, endDate="2026-07-14T09:05:11Z") == ["1"]
    assert await ids(ask, endDate="2026-07-14T09:05:11.2Z") == ["1", "2", "3"]
    assert await ids(ask, startDate="2026-07-14T09:05:10Z", endDate="2026-07-14T09:05:12Z") == ["2", "3"]
    assert await ids(ask, startDate="2026-07-14T09:05:11Z", endDate="2026-07-14T09:05:11Z") == []


async def test_a_client_that_reads_the_swapped_description_gets_the_same_calls(world: World, ask: Ask) -> None:
    await world.save(*[later(world, seconds) for seconds in (0, 10, 20)])
    early, late = "2026-07-14T09:05:10Z", "2026-07-14T09:05:30Z"
    assert await ids(ask, startDate=early, endDate=late) == await ids(ask, startDate=late, endDate=early) == ["2"]


async def test_offsets_are_honoured_also_when_their_plus_was_not_encoded(world: World, ask: Ask) -> None:
    await world.save(later(world, 0), later(world, 60))
    for raw in (
        "startDate=2026-07-14T11:05:10%2B02:00",
        "startDate=2026-07-14T11:05:10+02:00",
        "startDate=2026-07-14t05:05:10.000-04:00",
        "startDate=2026-07-14T09:05:10-00:00",
    ):
        assert await ids(ask, raw=raw) == ["2"], raw


BAD_DATES = [
    "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z", "2026-07-14T25:00:00Z",
    "2026-07-14", "2026-07-14T09:05:10", "2026-07-14T09:05Z", "2026-07-14 09:05:10Z", "1784019910", "yesterday",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-07-14T09:05:10+24:00", "٢٠٢٦-07-14T09:05:10Z",
    "9" * 400, "2026-07-14T09:05:10Z'; --",
]  # fmt: skip


async def test_a_date_that_is_not_one_is_named_in_a_400(ask: Ask) -> None:
    for name, text in product(["startDate", "endDate"], BAD_DATES):
        response = await ask(**{name: text})
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["reason"]) == (400, 400, "invalid"), text
        assert error["message"].startswith(f"{name}: ")


async def test_dates_at_the_end_of_the_calendar_are_dates(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    assert await ids(ask, startDate="9999-12-31T23:59:59Z") == []
    assert await ids(ask, endDate="9999-12-31T23:59:59.9Z") == ["1"]
    assert await ids(ask, startDate="0001-01-01T00:00:00Z") == ["1"]


async def test_search_looks_into_the_three_numbers_and_takes_no_wildcards(world: World, ask: Ask) -> None:
    await world.save(world.golden(), later(world, 1, caller_number_e164="+15551230000"))
    assert await ids(ask, search="555123") == ["2"]
    assert await ids(ask, search="987654") == ["1", "2"]
    assert await ids(ask, search=world.did.number_e164) == ["1", "2"]
    assert await ids(ask, raw="search=+1555") == ["2"]
    for nothing in ("%", "_", "\\", "+49", "' OR 1=1 --"):
        assert await ids(ask, search=nothing) == [], nothing


async def test_tool_id_is_a_property_and_an_unknown_or_foreign_one_finds_nothing(
    world: World, other: World, ask: Ask
) -> None:
    second = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    await world.save(world.golden(), later(world, 1, property_id=second.id))
    await other.save(other.golden())
    assert await ids(ask, toolId=world.property.sid) == ["1"]
    assert await ids(ask, toolId=second.sid.lower()) == ["2"]
    for unknown in (other.property.sid, new_sid(), "1", "é", "x" * 5_000):
        assert await ids(ask, toolId=unknown) == []


async def test_empty_and_unknown_parameters_filter_nothing(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    assert await ids(ask, raw="startDate=&endDate=&search=&syncToken=&pageToken=&toolId=&maxResults=1&&=") == ["1"]


async def test_a_parameter_given_twice_is_refused(ask: Ask) -> None:
    for name in ("startDate", "endDate", "search", "syncToken", "pageToken", "toolId"):
        assert (await ask(raw=f"{name}=a&{name}=b")).status_code == 400, name


async def test_an_id_that_is_not_there_is_a_404(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    for call_id in ("0", "2", "01", "-1", "1.0", "٣", "9" * 18, "9" * 40, "x", "%00", "%ff", "1%2F2"):
        for path in (f"/calls/{call_id}", f"/calls/{call_id}/record.mp3"):
            response = await ask(path)
            assert (response.status_code, response.json()["error"]["code"]) == (404, 404), path


async def test_another_accounts_calls_are_never_shown(world: World, other: World, ask: Ask) -> None:
    await other.save(other.golden(), other.golden())
    await world.save(world.golden(attribution=StaticAttribution()))
    assert await ids(ask) == ["1"]
    assert (await ask("/calls/2")).status_code == 404


async def test_a_key_of_one_property_sees_that_property_only(world: World, client: AsyncClient) -> None:
    second = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    key = "k" * 32
    await world.services.accounts.add_token(world.account.id, "agendize", f"{key}\n{key}", property_id=second.id)
    await world.save(world.golden(), later(world, 1, property_id=second.id))
    headers = {"apiKey": key, "token": key}
    listed = [
        (await client.get("/api/2.0/calls", headers=headers, params=params)).json()["items"]
        for params in ({}, {"toolId": second.sid}, {"toolId": world.property.sid})
    ]
    assert [[item["id"] for item in items] for items in listed] == [["2"], ["2"], []]
    assert (await client.get("/api/2.0/calls/1", headers=headers)).status_code == 404
    assert (await client.get("/api/2.0/calls/2", headers=headers)).status_code == 200


async def test_the_recording_is_served_as_mp3_in_ranges_behind_the_same_key(
    world: World, other: World, client: AsyncClient, ask: Ask, tmp_path: Path
) -> None:
    call = with_recording(world.golden())
    await world.save(call, later(world, 1))
    (tmp_path / f"{call.id}.wav").write_bytes(b"RIFFwave")
    wave = await ask("/calls/1/record.mp3")
    assert (wave.status_code, wave.content, wave.headers["content-type"]) == (200, b"RIFFwave", "audio/wav")
    (tmp_path / f"{call.id}.mp3").write_bytes(b"ID3sound")
    url = (await ask("/calls/1")).json()["record"]["url"]
    sound = await client.get(url, headers=HEADERS)
    assert (sound.status_code, sound.content, sound.headers["content-type"]) == (200, b"ID3sound", "audio/mpeg")
    part = await client.get(url, headers={**HEADERS, "Range": "bytes=3-"})
    assert (part.status_code, part.content) == (206, b"sound")
    assert (await client.get(url)).status_code == 401
    theirs = {"apiKey": HEADERS["apiKey"] + "-other", "token": HEADERS["token"] + "-other"}
    assert (await client.get(url, headers=theirs)).status_code == 404
    assert (await ask("/calls/2/record.mp3")).status_code == 404


async def test_a_fault_of_ours_is_a_500_in_the_vendors_shape_that_tells_nothing(world: World, ask: Ask) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("ALTER TABLE calls RENAME TO calls_gone")
    error = (await ask()).json()["error"]
    assert (error["code"], error["reason"]) == (500, "internalError")
    assert "calls_gone" not in error["message"]
