"""One call and the two lists: golden exchange, filters, paging, recordings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from httpx import AsyncClient

from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.ids import call_sid, new_sid
from ringtrail.model.lifecycle import Stage, State
from tests.dialects.fonedynamics.conftest import Ask
from tests.fixtures import FONE_TOKEN, GOLDEN_START, World, with_recording

pytestmark = pytest.mark.postgres

START = 1784019910


def later(world: World, seconds: float, **changes: object) -> Call:
    return world.golden(started_at=GOLDEN_START + timedelta(seconds=seconds), **changes)


def live(call: Call) -> Call:
    return replace(
        call, ended_at=None, answered_at=None, state=State.RINGING, stage=Stage.RINGING, disposition=Disposition.IN_PROGRESS
    )  # fmt: skip


async def starts(ask: Ask, path: str = "/Accounts/{account}/Calls", raw: str | None = None, **params: Any) -> list[int]:
    """When the calls that match began, in seconds after the golden call."""
    response = await ask(path, raw, **params)
    assert response.status_code == 200, response.text
    return [int(call["Date_Start"]) - START for call in response.json()["Calls"]]


def golden_record(world: World, call: Call) -> dict[str, Any]:
    sid = call_sid(call.id)
    return {
        "CallSid": sid,
        "PropertySid": world.property.sid,
        "Date_Start": "1784019910",
        "From": "+33612345678",
        "From_CountryCode": "FR",
        "From_Region": None,
        "From_City": None,
        "To": world.did.number_e164,
        "To_Friendly": "Front desk",
        "Duration": 199,
        "Disposition": "Answered",
        "Recording_Uri": f"http://testserver.local/v2/Calls/{sid}/Recording",
        "Endpoint": "+33987654321",
        "Attribution_Source": "Google Ads",
        "Attribution_Medium": "cpc",
        "Attribution_Campaign": "summer",
        "Attribution_Content": "banner-3",
        "Session_Traffic_Type": None,
        "Session_Keywords": None,
        "Session_ConversionUri": None,
        "Session_LandingUri": None,
        "Survey_Type": None,
        "Survey_Value": None,
        "Survey_Custom1": None,
        "Survey_Custom2": None,
        "Survey_Custom3": None,
        "Survey_UniqueCode": None,
        "Prompts_Keys": None,
        "Notes": None,
        "CallType": None,
        "Google_Analytics_ClientId": None,
        "Google_Adwords_ClickId": None,
    }


async def test_the_golden_call_alone_in_the_propertys_and_in_the_accounts_list(world: World, ask: Ask) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    expected = golden_record(world, call)
    one = (await ask(f"/Calls/{call_sid(call.id)}")).json()
    assert one == {"Call": expected}
    assert list(one["Call"]) == list(expected)
    for path in ("/Accounts/{account}/Calls", f"/Properties/{world.property.sid}/Calls"):
        response = await ask(path)
        answer = response.json()
        assert (list(answer), answer["Calls"]) == (["Calls", "Token"], [expected])
        assert response.headers["content-type"].startswith("application/json")


async def test_sids_have_no_letter_case(world: World, ask: Ask) -> None:
    call = world.golden()
    await world.save(call)
    assert (await ask(f"/Calls/{call_sid(call.id).lower()}")).status_code == 200
    assert await starts(ask, f"/Properties/{world.property.sid.lower()}/Calls") == [0]
    assert await starts(ask, f"/Accounts/{world.account.sid.lower()}/Calls") == [0]


async def test_a_withheld_caller_is_anonymous_and_a_masked_one_masked(world: World, ask: Ask) -> None:
    await world.save(world.golden(caller_withheld=True, caller_number_e164=None), later(world, 1, caller_withheld=True))
    assert [call["From"] for call in (await ask()).json()["Calls"]] == ["anonymous", "anonymous"]
    await world.save(later(world, 2))
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET masks_callers = true")
    assert [call["From"] for call in (await ask()).json()["Calls"]] == ["anonymous", "anonymous", "+3361234XXXX"]


async def test_a_call_in_progress_is_left_out_until_it_ends(world: World, ask: Ask) -> None:
    call = world.golden()
    await world.save(live(call))
    assert await starts(ask) == []
    assert (await ask(f"/Calls/{call_sid(call.id)}")).status_code == 404
    await world.save(call)
    assert await starts(ask) == [0]


async def test_calls_come_earliest_first_whenever_they_were_written(world: World, ask: Ask) -> None:
    for seconds in (5, 1, 9, 3):
        await world.save(later(world, seconds))
    assert await starts(ask) == [1, 3, 5, 9]


async def test_date_from_is_inclusive_and_date_to_exclusive(world: World, ask: Ask) -> None:
    await world.save(*[later(world, seconds) for seconds in (0, 1, 1.5, 2)])
    assert await starts(ask, Date_From=START + 1) == [1, 1, 2]
    assert await starts(ask, Date_To=START + 1) == [0]
    assert await starts(ask, Date_From=START, Date_To=START + 2) == [0, 1, 1]
    assert await starts(ask, Date_From=START + 2, Date_To=START) == []
    assert await starts(ask, Date_From=0, Date_To=253402300799) == [0, 1, 1, 2]


async def test_disposition_takes_words_in_any_case_as_a_list_or_repeated(world: World, ask: Ask) -> None:
    ends = [
        (Disposition.ANSWERED, Stage.BRIDGED), (Disposition.VOICEMAIL, Stage.VOICEMAIL),
        (Disposition.ABANDONED, Stage.IVR), (Disposition.ABANDONED, Stage.RINGING), (Disposition.REJECTED, Stage.RINGING),
        (Disposition.BLOCKED, Stage.NONE),
    ]  # fmt: skip
    await world.save(*[later(world, at, disposition=end, stage=stage) for at, (end, stage) in enumerate(ends)])
    words = [call["Disposition"] for call in (await ask()).json()["Calls"]]
    assert words == ["Answered", "IVR", "IVR", "NoAnswer", "Busy", "Failed"]
    assert await starts(ask, Disposition="IVR") == [1, 2]
    assert await starts(ask, Disposition="noanswer, BUSY,") == [3, 4]
    assert await starts(ask, raw="Disposition=Answered&disposition=Failed,Busy") == [0, 4, 5]


async def test_numbers_match_with_without_and_with_an_unencoded_plus(world: World, ask: Ask) -> None:
    await world.save(
        world.golden(),
        later(world, 1, destination_number_e164="+33111"),
        later(world, 2, tracking_number_e164="+33222"),
    )
    assert await starts(ask, raw="Endpoint=+33987654321") == [0, 2]
    assert await starts(ask, raw="Endpoint=33111,+33987654321") == [0, 1, 2]
    assert await starts(ask, raw="To=%2B33222") == [2]
    assert await starts(ask, raw=f"To={world.did.number_e164}&To=%2B33222&Endpoint=%2B33987654321") == [0, 2]
    assert await starts(ask, To="+4900000") == []


async def test_attribution_filters_are_lists_that_combine(world: World, ask: Ask) -> None:
    def of(seconds: int, source: str, medium: str, campaign: str | None, content: str | None) -> Call:
        item = StaticAttribution(source=source, medium=medium, campaign=campaign, content=content)
        return later(world, seconds, attribution=item)

    await world.save(
        of(0, "Google Ads", "cpc", "summer", "a"), of(1, "Bing", "cpc", "winter", "b"), of(2, "Leaflet", "print", None, None)
    )  # fmt: skip
    assert await starts(ask, Attribution_Source="Bing, Google Ads") == [0, 1]
    assert await starts(ask, raw="Attribution_Source=Bing&Attribution_Source=Leaflet") == [1, 2]
    assert await starts(ask, Attribution_Source="Bing,Leaflet", Attribution_Medium="print") == [2]
    assert await starts(ask, ATTRIBUTION_campaign="summer,winter", attribution_content="b") == [1]
    assert await starts(ask, Attribution_Source="google ads") == []


async def test_a_comma_in_a_list_separates_even_when_it_is_percent_encoded(world: World, ask: Ask) -> None:
    for seconds, source in enumerate(("a", "b", "a,b")):
        await world.save(later(world, seconds, attribution=StaticAttribution(source=source)))
    for query in ("Attribution_Source=a,b", "Attribution_Source=a%2Cb", "Attribution_Source=a&attribution_source=b"):
        assert await starts(ask, raw=query) == [0, 1], query


async def test_all_filters_at_once_must_all_hold(world: World, ask: Ask) -> None:
    await world.save(later(world, 0, keypad="1,2"), later(world, 1), later(world, 2, keypad="1,2"))
    every: dict[str, Any] = {
        "Date_From": START, "Date_To": START + 1, "Disposition": "Answered", "To": world.did.number_e164,
        "Endpoint": "+33987654321", "Attribution_Source": "Google Ads", "Attribution_Medium": "cpc",
        "Attribution_Campaign": "summer", "Attribution_Content": "banner-3", "Prompts_keys": "3;1,2", "Unique": "Unique",
        "Results_Count": 5, "Results_Skip": 0,
    }  # fmt: skip
    misses: dict[str, Any] = {
        "Date_From": START + 1, "Date_To": START, "Disposition": "Busy,IVR", "To": "+331", "Endpoint": "+331",
        "Attribution_Source": "Bing", "Attribution_Medium": "print", "Attribution_Campaign": "winter",
        "Attribution_Content": "a", "Prompts_keys": "1;2", "Unique": "Repeat", "Results_Skip": 1,
    }  # fmt: skip
    for path in ("/Accounts/{account}/Calls", f"/Properties/{world.property.sid}/Calls"):
        assert await starts(ask, path, **every) == [0]
        for name, value in misses.items():
            assert await starts(ask, path, **{**every, name: value}) == [], name


async def test_names_of_parameters_have_no_letter_case(world: World, ask: Ask) -> None:
    await world.save(later(world, 0), later(world, 5))
    _, token = (await ask()).json().values()
    for name, value, found in (
        ("Date_From", START + 1, [5]), ("Date_To", START + 1, [0]), ("Disposition", "Busy", []), ("To", "+331", []),
        ("Endpoint", "+331", []), ("Attribution_Source", "x", []), ("Attribution_Medium", "x", []),
        ("Attribution_Campaign", "x", []), ("Attribution_Content", "x", []), ("Prompts_keys", "1", []),
        ("Unique", "Repeat", [5]), ("Results_Count", 1, [0]), ("Results_Skip", 1, [5]), ("Token", token, []),
    ):  # fmt: skip
        for spelling in (name, name.lower(), name.upper(), name.swapcase()):
            assert await starts(ask, raw=f"{spelling}={quote(str(value))}") == found, spelling


async def test_prompt_keys_match_whole_paths(world: World, ask: Ask) -> None:
    paths = ["1", "1,2", "3,5", "1,2,3", "*", "12"]
    await world.save(*[later(world, at, keypad=path) for at, path in enumerate(paths)])
    assert [call["Prompts_Keys"] for call in (await ask()).json()["Calls"]] == paths
    assert await starts(ask, Prompts_keys="1,2;3,5") == [1, 2]
    assert await starts(ask, Prompts_Keys="1; *;") == [0, 4]
    assert await starts(ask, raw="prompts_keys=12&PROMPTS_KEYS=1") == [0, 5]
    assert await starts(ask, Prompts_keys="2") == []


async def test_unique_is_the_first_call_ever_of_a_caller_to_a_property(world: World, ask: Ask) -> None:
    second = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    hidden = {"caller_number_e164": None, "caller_withheld": True}
    for call in (
        world.golden(), later(world, 1), later(world, 2, property_id=second.id), later(world, 3, **hidden),
        later(world, 4, **hidden),
    ):  # fmt: skip
        await world.save(call)
    assert await starts(ask, Unique="Unique") == [0, 2, 3, 4]
    assert await starts(ask, unique="repeat") == [1]
    assert await starts(ask, Unique="All") == [0, 1, 2, 3, 4]
    assert await starts(ask, Unique="Unique", Date_From=START + 1) == [2, 3, 4]


async def test_pages_are_cut_by_count_and_skip_and_end_empty(world: World, ask: Ask) -> None:
    await world.save(*[later(world, seconds) for seconds in range(201)])
    assert await starts(ask) == list(range(200))
    assert await starts(ask, Results_Count=5000) == list(range(201))
    assert await starts(ask, Results_Skip=199) == [199, 200]
    assert await starts(ask, Results_Skip=3, Results_Count=2, Date_From=START + 10) == [13, 14]
    assert await starts(ask, results_skip=201) == []
    assert await starts(ask, Results_Skip=2_147_483_647) == []


async def test_another_accounts_data_is_never_shown(world: World, other: World, ask: Ask) -> None:
    theirs = other.golden()
    await other.save(theirs)
    await world.save(later(world, 1))
    assert await starts(ask) == [1]
    for path in (
        f"/Calls/{call_sid(theirs.id)}",
        f"/Calls/{call_sid(theirs.id)}/Recording",
        f"/Properties/{other.property.sid}/Calls",
        f"/Accounts/{other.account.sid}/Calls",
    ):
        assert (await ask(path)).status_code == 404, path


async def test_a_sid_that_is_not_there_is_a_404(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    strange = (
        "x",
        "0",
        "%00",
        "%ff",
        "9" * 32,
        "%00" * 32,
        "é" * 32,
        "a" * 5_000,
        new_sid(),
        call_sid(2**64 - 1),
        call_sid(0),
    )
    for sid in strange:
        for path in (f"/Calls/{sid}", f"/Calls/{sid}/Recording", f"/Properties/{sid}/Calls", f"/Accounts/{sid}/Calls"):
            response = await ask(path)
            assert (response.status_code, response.json()["ResponseStatus"]["ErrorCode"]) == (404, "NOT_FOUND"), path


async def test_a_key_of_one_property_sees_that_property_only(world: World, client: AsyncClient) -> None:
    second = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    secret = f"{world.account.sid}\n{'k' * 32}"
    await world.services.accounts.add_token(world.account.id, "fonedynamics", secret, property_id=second.id)
    first, shop = world.golden(), later(world, 1, property_id=second.id)
    await world.save(first, shop)
    auth = (world.account.sid, "k" * 32)
    listed = (await client.get(f"/v2/Accounts/{world.account.sid}/Calls", auth=auth)).json()["Calls"]
    assert [call["CallSid"] for call in listed] == [call_sid(shop.id)]
    statuses = [
        (await client.get(f"/v2/{path}", auth=auth)).status_code
        for path in (
            f"Calls/{call_sid(shop.id)}", f"Calls/{call_sid(first.id)}", f"Properties/{second.sid}/Calls",
            f"Properties/{world.property.sid}/Calls",
        )
    ]  # fmt: skip
    assert statuses == [200, 404, 200, 404]


async def test_the_recording_is_served_in_ranges_behind_the_same_key(
    world: World, other: World, client: AsyncClient, ask: Ask, tmp_path: Path
) -> None:
    call, silent = with_recording(world.golden()), later(world, 1)
    await world.save(call, silent)
    uri = (await ask(f"/Calls/{call_sid(call.id)}")).json()["Call"]["Recording_Uri"]
    auth = (world.account.sid, FONE_TOKEN)
    assert (await client.get(uri, auth=auth)).status_code == 404
    (tmp_path / f"{call.id}.wav").write_bytes(b"RIFFwave")
    assert (await client.get(uri, auth=auth)).headers["content-type"] == "audio/wav"
    (tmp_path / f"{call.id}.mp3").write_bytes(b"ID3sound")
    sound = await client.get(uri, auth=auth)
    assert (sound.status_code, sound.content, sound.headers["content-type"]) == (200, b"ID3sound", "audio/mpeg")
    part = await client.get(uri, auth=auth, headers={"Range": "bytes=0-2"})
    assert (part.status_code, part.content) == (206, b"ID3")
    assert (await client.get(uri)).status_code == 401
    assert (await client.get(uri, auth=(other.account.sid, FONE_TOKEN + "-other"))).status_code == 404
    assert (await ask(f"/Calls/{call_sid(silent.id)}/Recording")).status_code == 404


async def test_a_recording_that_is_not_finished_or_failed_has_no_uri(world: World, ask: Ask) -> None:
    calls = [with_recording(later(world, at), f"REC0RD{at}N") for at in range(3)]
    statuses = ["processing", "error", "ready"]
    await world.save(
        *[
            replace(call, recordings=(replace(call.recordings[0], status=status),))
            for call, status in zip(calls, statuses, strict=True)
        ]
    )
    assert [bool(call["Recording_Uri"]) for call in (await ask()).json()["Calls"]] == [False, False, True]
