"""The export: which calls, in which order, in which words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringtrail.dialects.invox import DIALECT, routes
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.storage.database import Database
from tests.dialects.conftest import BASE_URL, Serve
from tests.dialects.invox.conftest import KEY, PATH, Ask
from tests.fixtures import GOLDEN_START, TOKENS, World, add_credentials, build_world, with_recording

pytestmark = pytest.mark.postgres


def live(world: World, **changes: object) -> Call:
    return world.golden(
        answered_at=None, ended_at=None, state=State.RINGING, stage=Stage.RINGING,
        disposition=Disposition.IN_PROGRESS, **changes,
    )  # fmt: skip


async def execute(world: World, statement: str, *values: object) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode(), values)


async def test_the_golden_call_reads_as_the_vendor_would_show_it_in_the_vendors_order(world: World, ask: Ask) -> None:
    await world.save(with_recording(world.golden()))
    [call] = await ask()
    player = f"{BASE_URL}/recordings/REC0RD1N?key="
    assert call["recording_uri"].startswith(player)
    expected = {
        "call_id": 1,
        "id": 1,
        "date": "2026-07-14 12:05:10",
        "duration": 199,
        "status": "Answered",
        "caller": "+33612345678",
        "receivingnumber": world.did.number_e164,
        "destinationnumber": "+33987654321",
        "source": "Google Ads",
        "keyword": "",
        "referrer": "",
        "medium": "cpc",
        "campaign": "summer",
        "page": "",
        "campaignid": "",
        "adgroupid": "",
        "network": "",
        "matchtype": "",
        "creative": "",
        "adposition": "",
        "device": "",
        "day": "Tuesday",
        "hour": 12,
        "recording_uri": call["recording_uri"],
        "gclid": "",
        "fbclid": "",
        "gacid": "",
        "ttclid": "",
        "reason": "",
        "summary": "",
        "client_sentiment": "",
        "operator_sentiment": "",
        "utm_content": "banner-3",
        "utm_term": "",
        "utm_source": "",
        "account": "www.mysite.com",
    }
    assert call == expected
    assert list(call) == list(expected)


async def test_an_account_without_calls_is_an_empty_array(ask: Ask) -> None:
    assert await ask() == []


async def test_what_is_not_known_of_a_call_is_an_empty_string(world: World, ask: Ask) -> None:
    await world.save(world.golden(caller_number_e164=None, caller_withheld=True, destination_number_e164=None))
    [call] = await ask()
    assert (call["caller"], call["destinationnumber"], call["recording_uri"]) == ("", "", "")


async def test_last_call_id_returns_strictly_later_calls(world: World, ask: Ask) -> None:
    await world.save(*[world.golden() for _ in range(3)])
    assert [call["id"] for call in await ask()] == [1, 2, 3]
    for last, ids in (("0", [1, 2, 3]), ("1", [2, 3]), ("3", []), ("999999999999999999", [])):
        assert [call["id"] for call in await ask(last_call_id=last)] == ids


async def test_calls_come_in_the_order_of_their_id_whenever_they_began(world: World, ask: Ask) -> None:
    await world.save(world.golden())
    await world.save(world.golden(started_at=GOLDEN_START - timedelta(days=60)))
    assert [call["date"][:10] for call in await ask()] == ["2026-07-14", "2026-05-15"]


async def test_an_unfinished_call_is_calling_and_later_has_its_ending_under_the_same_id(world: World, ask: Ask) -> None:
    ringing = live(world)
    await world.save(ringing)
    assert [(call["id"], call["status"], call["duration"]) for call in await ask()] == [(1, "Calling", 0)]
    ended = world.golden(id=ringing.id, legs=ringing.legs)
    await world.save(ended)
    assert [(call["id"], call["status"], call["duration"]) for call in await ask()] == [(1, "Answered", 199)]
    assert await ask(last_call_id=1) == []


async def test_the_headers_name_has_no_letter_case_and_no_other_place_holds_a_key(world: World, serve: Serve) -> None:
    await world.save(world.golden())
    client, token = await serve(DIALECT), TOKENS["invox"]
    for name in ("X-API-Key", "x-api-key", "X-Api-KEY"):
        assert len((await client.get(PATH, headers={name: token})).json()) == 1
    for query in (f"token={token}", f"X-API-Key={token}", f"api_key={token}"):
        assert (await client.get(f"{PATH}?{query}")).status_code == 401


async def test_three_parameters_combine(world: World, ask: Ask) -> None:
    await world.save(*[world.golden(started_at=GOLDEN_START + timedelta(minutes=index)) for index in range(10)])
    window = {"from_date": "2026-07-14 12:07:10", "to_date": "2026-07-14 12:11:10"}
    assert [call["id"] for call in await ask(**window)] == [3, 4, 5, 6, 7]
    assert [call["id"] for call in await ask(**window, last_call_id=5)] == [6, 7]
    assert await ask(**window, last_call_id=7) == []


async def test_a_live_call_that_is_answered_is_still_calling_and_lasts_0_seconds(world: World, ask: Ask) -> None:
    answered_at = GOLDEN_START + timedelta(seconds=11)
    await world.save(replace(live(world), state=State.BRIDGED, stage=Stage.BRIDGED, answered_at=answered_at))
    [call] = await ask()
    assert (call["status"], call["duration"], call["recording_uri"]) == ("Calling", 0, "")


async def test_unfinished_calls_and_all_after_them_can_be_held_back(world: World, serve: Serve) -> None:
    await world.save(world.golden())
    ringing = live(world)
    await world.save(ringing)
    await world.save(world.golden())
    client = await serve(DIALECT, invox_holds_unfinished=True)
    assert [call["id"] for call in (await client.get(PATH, headers=KEY)).json()] == [1]
    await world.save(world.golden(id=ringing.id, legs=ringing.legs))
    assert [call["id"] for call in (await client.get(PATH, headers=KEY)).json()] == [1, 2, 3]


DAY_START = datetime(2026, 7, 13, 21, tzinfo=UTC)  # 14 July, 00:00 in Bucharest
DAY_END = DAY_START + timedelta(days=1)
SECOND = timedelta(seconds=1)


RANGES: list[tuple[dict[str, str], list[int]]] = [
    ({"from_date": "2026-07-14"}, [2, 3, 4]),
    ({"to_date": "2026-07-14"}, [1, 2, 3]),
    ({"from_date": "2026-07-14", "to_date": "2026-07-14"}, [2, 3]),
    ({"from_date": "2026-07-14 00:00:00", "to_date": "2026-07-14 23:59:59"}, [2, 3]),
    ({"from_date": "2026-07-14T00:00:01", "to_date": "2026-07-14T23:59:58"}, []),
    ({"from_date": "2026-07-14", "last_call_id": "2"}, [3, 4]),
    ({"from_date": "2026-07-15", "to_date": "2026-07-14"}, []),
    ({"from_date": "0001-01-01", "to_date": "9999-12-31"}, [1, 2, 3, 4]),
    ({"from_date": "0001-01-01 00:00:00", "to_date": "9999-12-31 23:59:59"}, [1, 2, 3, 4]),
    ({"from_date": "", "to_date": "", "last_call_id": ""}, [1, 2, 3, 4]),
    ({"unheard": "of"}, [1, 2, 3, 4]),
]


async def test_dates_include_both_ends_in_bucharest(world: World, ask: Ask) -> None:
    late = DAY_END - timedelta(milliseconds=1)
    for started_at in (DAY_START - SECOND, DAY_START, late, DAY_END):
        await world.save(world.golden(started_at=started_at))
    for parameters, ids in RANGES:
        assert [call["id"] for call in await ask(**parameters)] == ids, parameters


async def test_a_space_in_a_date_may_be_sent_as_plus(world: World, serve: Serve) -> None:
    await world.save(world.golden())
    client = await serve(DIALECT)
    for edge, found in (("2026-07-14+12:05:10", 1), ("2026-07-14+12:05:11", 0)):
        assert len((await client.get(f"{PATH}?from_date={edge}", headers=KEY)).json()) == found


@pytest.mark.parametrize(("day", "first_utc", "hours"), [
    ("2026-03-29", datetime(2026, 3, 28, 22, tzinfo=UTC), 23),
    ("2026-10-25", datetime(2026, 10, 24, 21, tzinfo=UTC), 25),
])  # fmt: skip
async def test_a_day_of_clock_change_has_its_own_number_of_hours(
    world: World, ask: Ask, day: str, first_utc: datetime, hours: int
) -> None:
    await world.save(*[world.golden(started_at=first_utc + timedelta(hours=hour)) for hour in range(-1, hours + 1)])
    found = await ask(from_date=day, to_date=day)
    assert len(found) == hours
    assert {call["date"][:10] for call in found} == {day}
    assert all(call["hour"] == int(call["date"][11:13]) and call["day"] == "Sunday" for call in found)


async def test_both_passes_of_the_repeated_hour_are_found(world: World, ask: Ask) -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 03:30 in Bucharest, and an hour later again
    await world.save(*[world.golden(started_at=first + timedelta(hours=hour)) for hour in range(-1, 3)])
    found = await ask(from_date="2026-10-25 03:00:00", to_date="2026-10-25 03:59:59")
    assert [call["date"] for call in found] == ["2026-10-25 03:30:00", "2026-10-25 03:30:00"]


async def test_an_edge_in_the_skipped_hour_loses_no_call(world: World, ask: Ask) -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)  # 03:00 in Bucharest becomes 04:00
    await world.save(*[world.golden(started_at=change + timedelta(minutes=minutes)) for minutes in (-61, 0, 61)])
    assert [call["date"][11:] for call in await ask(from_date="2026-03-29 03:30:00")] == ["04:00:00", "05:01:00"]
    assert [call["date"][11:] for call in await ask(to_date="2026-03-29 03:30:00")] == ["01:59:00", "04:00:00"]


async def test_a_token_of_one_property_sees_that_property_in_its_own_time_zone(world: World, ask: Ask) -> None:
    sibling = await world.services.accounts.add_property(world.account.id, "other.example")
    await world.services.accounts.add_token(world.account.id, "invox", "sibling-token", property_id=sibling.id)
    await execute(world, "UPDATE properties SET timezone = 'Asia/Kolkata' WHERE id = %s", sibling.id)
    await world.save(world.golden(), world.golden(property_id=sibling.id))
    found = [(call["account"], call["date"]) for call in await ask("sibling-token")]
    assert found == [("other.example", "2026-07-14 14:35:10")]
    assert [call["account"] for call in await ask()] == ["www.mysite.com", "other.example"]


async def test_another_account_is_never_shown(world: World, ask: Ask, database: Database, tmp_path: Path) -> None:
    await world.save(world.golden())
    stranger = await build_world(database, tmp_path, name="Strangers")
    await add_credentials(stranger, "-2")
    await stranger.save(stranger.golden(caller_number_e164="+33699999999"))
    assert [call["caller"] for call in await ask()] == ["+33612345678"]
    assert [call["caller"] for call in await ask(TOKENS["invox"] + "-2")] == ["+33699999999"]


async def test_a_property_that_masks_callers_masks_them_here_too(world: World, ask: Ask) -> None:
    await world.save(world.golden(), world.golden(caller_number_e164=None, caller_withheld=True))
    await execute(world, "UPDATE properties SET masks_callers = true")
    assert [call["caller"] for call in await ask()] == ["+3361234XXXX", ""]


async def test_numbers_of_the_accounts_country_can_be_shown_nationally(world: World, serve: Serve) -> None:
    await world.save(world.golden(destination_number_e164="+40712345678"))
    client = await serve(DIALECT, invox_national_numbers=True)
    [call] = (await client.get(PATH, headers=KEY)).json()
    assert (call["caller"], call["destinationnumber"]) == ("0612345678", "+40712345678")


async def test_pages_behind_the_array_lose_and_repeat_nothing(
    world: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.save(*[world.golden() for _ in range(7)])
    for size in (1, 3, 7, 8):
        monkeypatch.setattr(routes, "PAGE_CALLS", size)
        assert [call["id"] for call in await ask()] == [1, 2, 3, 4, 5, 6, 7]
        assert [call["id"] for call in await ask(last_call_id=5)] == [6, 7]


async def get_raw(app: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    """One request straight into the application, with our own `send`."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": PATH, "raw_path": PATH.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "headers": [(b"x-api-key", TOKENS["invox"].encode())],
    }  # fmt: skip
    complete = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await complete.wait()
        return {"type": "http.disconnect"}

    async def sent(message: dict[str, Any]) -> None:
        await send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            complete.set()

    await app(scope, receive, sent)


async def test_a_client_that_reads_slowly_holds_no_database_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "PAGE_CALLS", 2)
    await world.save(*[world.golden() for _ in range(6)])
    narrow = Database(world.database.url, max_connections=1)
    await narrow.open()
    services = build_services(narrow, SystemClock(), recordings_folder="unused")
    app = build_server(services, [DIALECT], DialectOptions(base_url=BASE_URL))
    pieces: list[bytes] = []
    first_piece, go_on = asyncio.Event(), asyncio.Event()

    async def send_slowly(message: dict[str, Any]) -> None:
        pieces.append(message.get("body", b""))
        if pieces[-1]:
            first_piece.set()
            await go_on.wait()

    try:
        slow = asyncio.create_task(get_raw(app, send_slowly))
        await asyncio.wait_for(first_piece.wait(), 10)
        await asyncio.wait_for(narrow.ping(), 5)
        assert b'"id":3' not in b"".join(pieces), "the second page was read before it was wanted"
        go_on.set()
        await asyncio.wait_for(slow, 10)
    finally:
        await narrow.close()
    assert [b'"id":%d' % number in b"".join(pieces) for number in range(1, 8)] == [True] * 6 + [False]


async def test_a_client_that_always_resumes_after_its_last_id_misses_no_call_being_written(
    world: World, ask: Ask
) -> None:
    async def write() -> None:
        for _ in range(20):
            await world.save(world.golden())

    seen: list[int] = []
    done = False
    writing = asyncio.create_task(write())
    while not done:
        done = writing.done()
        seen += [call["id"] for call in await ask(last_call_id=seen[-1] if seen else 0)]
    await writing
    assert seen == list(range(1, 21))
