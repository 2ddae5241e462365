"""Calls that clients enter, correct and delete."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest
from httpx import AsyncClient, Response

from ringtrail.model.account import Property
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage
from ringtrail.storage.rollups import differences
from tests.dialects.agendize.client import STATUSES, Agendize, AgendizeError
from tests.dialects.agendize.conftest import HEADERS, Ask
from tests.dialects.agendize.test_calls import live
from tests.fixtures import World, with_recording

pytestmark = pytest.mark.postgres

START = {"dateTime": "2026-07-14T05:05:10", "timeZone": "US/Eastern"}
CALL: dict[str, Any] = {"callerNumber": "+33612345678", "calledNumber": "+33987654321", "start": START}


async def send(client: AsyncClient, method: str, path: str, body: Any = None, **extra: Any) -> Response:
    return await client.request(method, f"/api/2.0{path}", headers=HEADERS, json=body, **extra)


async def rollups_are_right(world: World) -> bool:
    async with world.database.reading() as connection:
        return await differences(connection) == 0


async def test_an_entered_call_in_the_vendors_fields(client: AsyncClient) -> None:
    answer = await send(client, "POST", "/calls", {**CALL, "duration": 65, "clientId": "crm-7", "externalId": "mine-1"})
    expected = {
        "id": "1", "buttonId": None, "clientId": "crm-7", "callerNumber": "+33612345678",
        "calledNumber": "+33987654321", "trackingNumber": None, "start": START, "duration": 65, "status": "completed",
        "externalId": "mine-1", "type": None,
    }  # fmt: skip
    assert (answer.status_code, answer.json()) == (200, expected)
    assert list(answer.json()) == list(expected)
    assert (await send(client, "GET", "/calls/1")).json() == expected


async def test_numbers_are_read_as_the_country_writes_them(api: Agendize) -> None:
    call = await api.enter(**{**CALL, "callerNumber": "06 12 34 56 78", "calledNumber": "0033.987.65.43.21"})
    assert (call.caller, call.called) == ("+33612345678", "+33987654321")


DURATIONS: list[tuple[Any, int]] = [
    (65, 65), ("65", 65), ([65], 65), (["65"], 65), ({"integer": 65}, 65), ({"integer": "065"}, 65), (0, 0), ("0", 0),
    (86_400, 86_400), (None, 0), ({}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "seconds"), DURATIONS)
async def test_a_duration_comes_in_every_form_of_the_vendors_pages_and_leaves_as_an_integer(
    client: AsyncClient, sent: Any, seconds: int
) -> None:
    answer = (await send(client, "POST", "/calls", {**CALL, "duration": sent})).json()
    assert (answer["duration"], answer["status"]) == (seconds, "completed" if seconds else "noAnswered")


async def test_every_status_is_kept_and_a_call_that_reached_nobody_lasts_0_seconds(api: Agendize) -> None:
    for status in STATUSES:
        call = await api.enter(**CALL, duration=30, status=status)
        heard = status in ("completed", "message")
        assert (call.status, call.duration) == (status, timedelta(seconds=30 if heard else 0))


async def test_the_status_that_nobody_said_follows_the_duration_also_later(api: Agendize) -> None:
    call = await api.enter(**CALL)
    assert call.status == "noAnswered"
    assert (await api.correct(call.id, duration=120)).status == "completed"
    assert (await api.correct(call.id, duration=0)).status == "noAnswered"
    assert (await api.correct(call.id, status="busy")).status == "busy"
    assert (await api.correct(call.id, duration=120)).status == "busy"


async def test_type_tracking_number_and_external_id_may_be_said(world: World, api: Agendize) -> None:
    for type_ in ("callTracking", "clickToCall"):
        call = await api.enter(**CALL, type=type_, trackingNumber=world.did.number_e164, externalId="e", clientId="c")
        assert (call.type, call.tracking, call.external_id, call.client_id) == (type_, world.did.number_e164, "e", "c")
    assert (await api.correct(call.id, type="callTracking", externalId="", clientId="")).type == "callTracking"
    emptied = await api.call(call.id)
    assert emptied.client_id is None
    assert emptied.external_id not in ("e", "", None)


STARTS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    ({"dateTime": "2026-07-14T05:05"}, "2026-07-14T09:05:00", {"dateTime": "2026-07-14T05:05:00", "timeZone": "America/Toronto"}),
    ({"dateTime": "2026-07-14t05:05:10.75", "timeZone": None}, "2026-07-14T09:05:10", {"dateTime": "2026-07-14T05:05:10", "timeZone": "America/Toronto"}),
    ({"dateTime": "2026-07-14T11:05:10+02:00", "timeZone": "US/Eastern"}, "2026-07-14T09:05:10", START),
    ({"dateTime": "2026-07-14T09:05:10Z"}, "2026-07-14T09:05:10", {"dateTime": "2026-07-14T05:05:10", "timeZone": "America/Toronto"}),
    ({"dateTime": "2026-11-01T01:30:00", "timeZone": "US/Eastern"}, "2026-11-01T05:30:00", {"dateTime": "2026-11-01T01:30:00", "timeZone": "US/Eastern"}),
    ({"dateTime": "2026-03-08T02:30:00", "timeZone": "US/Eastern"}, "2026-03-08T07:30:00", {"dateTime": "2026-03-08T03:30:00", "timeZone": "US/Eastern"}),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "instant", "shown"), STARTS)
async def test_a_start_is_an_instant_and_a_zone(
    world: World, client: AsyncClient, sent: dict[str, Any], instant: str, shown: dict[str, str]
) -> None:
    answer = await send(client, "POST", "/calls", {**CALL, "start": sent})
    assert answer.json()["start"] == shown
    kept = await world.services.calls.by_creation_seq(world.account.id, 1)
    assert kept is not None
    assert kept.started_at.replace(microsecond=0) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


async def test_every_name_and_link_of_the_time_zone_database_is_taken_and_echoed(api: Agendize) -> None:
    for zone in sorted(available_timezones() - {"localtime"})[::7]:
        call = await api.enter(**{**CALL, "start": {"dateTime": "2026-07-14T05:05:10", "timeZone": zone}})
        assert (call.zone, call.local) == (zone, datetime(2026, 7, 14, 5, 5, 10))


async def test_the_companys_zone_is_that_of_the_keys_property(bound: tuple[Property, Agendize], world: World) -> None:
    item, api = bound
    await world.services.accounts.change_property(
        world.account.id, item.sid, lambda known: replace(known, timezone="Asia/Kolkata")
    )
    call = await api.enter(**{**CALL, "start": {"dateTime": "2026-07-14T05:05:10"}})
    assert (call.zone, call.instants) == ("Asia/Kolkata", {datetime(2026, 7, 13, 23, 35, 10, tzinfo=UTC)})


BAD: list[tuple[dict[str, Any], str]] = [
    ({"callerNumber": ""}, "callerNumber"),
    ({"callerNumber": "+"}, "callerNumber"),
    ({"callerNumber": "+3361234XXXX"}, "callerNumber"),
    ({"callerNumber": 33612345678}, "callerNumber"),
    ({"callerNumber": "1" * 41}, "callerNumber"),
    ({"calledNumber": ["+33987654321"]}, "calledNumber"),
    ({"calledNumber": "12"}, "calledNumber"),
    ({"calledNumber": "112"}, "calledNumber"),
    ({"trackingNumber": "anything"}, "trackingNumber"),
    ({"start": "2026-07-14T05:05:10"}, "start"),
    ({"start": {"dateTime": "2026-07-14"}}, "start.dateTime"),
    ({"start": {"dateTime": "2026-02-30T00:00:00"}}, "start.dateTime"),
    ({"start": {"dateTime": "2026-07-14T25:00:00"}}, "start.dateTime"),
    ({"start": {"dateTime": "2026-07-14 05:05:10"}}, "start.dateTime"),
    ({"start": {"dateTime": "1999-12-31T00:00:00"}}, "start.dateTime"),
    ({"start": {"dateTime": "0001-01-01T00:00:00", "timeZone": "Asia/Tokyo"}}, "start.dateTime"),
    ({"start": {"dateTime": "9999-12-31T23:59:59"}}, "start.dateTime"),
    ({"start": {"dateTime": "2026-07-14T05:05:10" + "0" * 40}}, "start.dateTime"),
    ({"start": {**START, "timeZone": "Mars/Olympus"}}, "start.timeZone"),
    ({"start": {**START, "timeZone": "../../etc/passwd"}}, "start.timeZone"),
    ({"start": {**START, "timeZone": "America"}}, "start.timeZone"),
    ({"start": {**START, "timeZone": "us/eastern"}}, "start.timeZone"),
    ({"start": {**START, "timeZone": "x" * 65}}, "start.timeZone"),
    ({"start": {**START, "timeZone": 5}}, "start.timeZone"),
    ({"duration": -1}, "duration"),
    ({"duration": 86_401}, "duration"),
    ({"duration": 1.5}, "duration"),
    ({"duration": True}, "duration"),
    ({"duration": "1m"}, "duration"),
    ({"duration": "99999"}, "duration"),
    ({"duration": "٣"}, "duration"),
    ({"duration": []}, "duration"),
    ({"duration": [1, 2]}, "duration"),
    ({"duration": {"seconds": 5}}, "duration"),
    ({"status": "answered"}, "status"),
    ({"status": ""}, "status"),
    ({"type": "manual"}, "type"),
    ({"buttonId": "NOSUCH01"}, "buttonId"),
    ({"buttonId": "x" * 65}, "buttonId"),
    ({"clientId": "x" * 256}, "clientId"),
    ({"externalId": "x" * 256}, "externalId"),
    ({"externalId": {"a": 1}}, "externalId"),
]  # fmt: skip


async def test_what_is_wrong_is_named_and_nothing_is_written(world: World, client: AsyncClient) -> None:
    await send(client, "POST", "/calls", CALL)
    before = (await send(client, "GET", "/calls")).json()["items"]
    for (changes, field), method in product(BAD, ("POST", "PUT")):
        path, body = ("/calls", {**CALL, **changes}) if method == "POST" else ("/calls/1", changes)
        answer = await send(client, method, path, body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, 400), (method, changes)
        assert error["message"].startswith(field), (method, changes, error)
    assert (await send(client, "GET", "/calls")).json()["items"] == before
    assert await rollups_are_right(world)


async def test_what_has_to_be_said_is_asked_for_by_name(client: AsyncClient) -> None:
    for name in CALL:
        body = {key: value for key, value in CALL.items() if key != name}
        error = (await send(client, "POST", "/calls", body)).json()["error"]
        assert (error["code"], error["reason"], error["message"]) == (400, "required", f"{name}: A value is missing")
        error = (await send(client, "POST", "/calls", {**CALL, name: None})).json()["error"]
        assert (error["code"], error["reason"], error["message"].partition(":")[0]) == (400, "invalid", name)
    error = (await send(client, "POST", "/calls", {**CALL, "start": {"timeZone": "US/Eastern"}})).json()["error"]
    assert error["message"] == "start.dateTime: A value is missing"


UNREADABLE: list[tuple[bytes, int]] = [
    (b"", 400), (b"{", 400), (b"null", 400), (b"[]", 400), (b'"x"', 400), (b"1", 400), (b"\xff\xfe", 400),
    (b'{"callerNumber": "\xff"}', 400), (b'{"externalId": "\\u0000"}', 400), (b'{"\\u0000": 1}', 400),
    (b'{"a": ' * 100 + b"1" + b"}" * 100, 400), (b"[" * 60_000, 400), (b'{"a": 1e400}', 400), (b'{"a": 1e30}', 400),
    (b'{"a": "' + b"x" * 70_000 + b'"}', 413),
]  # fmt: skip


async def test_a_body_that_is_not_an_object_that_can_be_kept_is_refused_everywhere(client: AsyncClient) -> None:
    await send(client, "POST", "/calls", CALL)
    button = (await send(client, "POST", "/calls/buttons", {"name": "B", "phoneNumber": "+33987654321"})).json()["id"]
    paths = [("POST", "/calls"), ("PUT", "/calls/1"), ("POST", "/calls/buttons"), ("PUT", f"/calls/buttons/{button}"),
             ("POST", "/calls/calltrackings"), ("POST", "/actions/call")]  # fmt: skip
    for (method, path), (body, status) in product(paths, UNREADABLE):
        answer = await client.request(method, f"/api/2.0{path}", headers=HEADERS, content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, status), (method, path, body[:40])


async def test_a_body_that_says_it_is_no_json_is_a_415(client: AsyncClient) -> None:
    for media_type in (
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "image/png",
        "json",
    ):
        headers = {**HEADERS, "Content-Type": media_type}
        answer = await client.post("/api/2.0/calls", headers=headers, content=b"{}")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["reason"]) == (415, 415, "unsupportedMediaType"), media_type
    for media_type in (
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.api+json",
        "text/json",
        "",
    ):
        headers = {**HEADERS, "Content-Type": media_type}
        assert (await client.post("/api/2.0/calls", headers=headers, content=b"{}")).status_code == 400, media_type


async def test_unknown_and_read_only_fields_are_ignored(api: Agendize) -> None:
    call = await api.enter(**CALL, id="99", record={"url": "http://x"}, colour="blue")
    assert (call.id, call.record_url) == (1, None)


async def test_a_call_sent_back_as_it_was_read_changes_nothing(world: World, client: AsyncClient) -> None:
    await world.services.accounts.change_property(
        world.account.id, world.property.sid, lambda known: replace(known, masks_callers=True)
    )
    real = world.golden(started_at=datetime(2026, 11, 1, 6, 30, 0, 750_000, tzinfo=UTC))  # the second 01:30 of Toronto
    silent = replace(
        real, id=world.ids.next(), answered_at=None, bridged_at=None, disposition=Disposition.FAILED, stage=Stage.RINGING, legs=()
    )  # fmt: skip
    await world.save(real, silent)
    await send(client, "POST", "/calls", {**CALL, "duration": 5})
    for call_id in ("1", "2", "3"):
        before = await world.services.calls.by_creation_seq(world.account.id, int(call_id))
        shown = (await send(client, "GET", f"/calls/{call_id}")).json()
        assert (await send(client, "PUT", f"/calls/{call_id}", shown)).json() == shown
        assert await world.services.calls.by_creation_seq(world.account.id, int(call_id)) == before
    assert (await send(client, "GET", "/calls/1")).json()["callerNumber"] == "+3361234XXXX"


async def test_a_zone_alone_shows_the_same_instant_on_another_clock(api: Agendize) -> None:
    call = await api.enter(**CALL)
    moved = await api.correct(call.id, start={"timeZone": "Europe/Paris"})
    assert (moved.local, moved.instants) == (datetime(2026, 7, 14, 11, 5, 10), call.instants)
    later = await api.correct(call.id, start={"dateTime": "2026-07-14T12:00:00"})
    assert (later.zone, later.instants) == ("Europe/Paris", {datetime(2026, 7, 14, 10, tzinfo=UTC)})
    both = await api.correct(call.id, start={"dateTime": "2026-07-14T12:00:00", "timeZone": "UTC"})
    assert both.instants == {datetime(2026, 7, 14, 12, tzinfo=UTC)}


async def test_every_field_of_an_entered_call_can_be_corrected_alone(world: World, api: Agendize) -> None:
    call = await api.enter(**CALL, duration=60)
    changes: list[tuple[str, Any, str, Any]] = [
        ("callerNumber", "+33600000001", "caller", "+33600000001"),
        ("calledNumber", "+33900000002", "called", "+33900000002"),
        ("trackingNumber", world.did.number_e164, "tracking", world.did.number_e164),
        ("duration", "61", "duration", timedelta(seconds=61)),
        ("status", "abandoned", "status", "abandoned"),
        ("clientId", "c-1", "client_id", "c-1"),
        ("externalId", "e-1", "external_id", "e-1"),
        ("type", "clickToCall", "type", "clickToCall"),
    ]
    for name, value, attribute, expected in changes:
        changed = await api.correct(call.id, **{name: value})
        others = {a for *_, a, _ in changes} - {attribute} - ({"duration"} if attribute == "status" else set())
        assert getattr(changed, attribute) == expected
        assert {a: getattr(changed, a) for a in others} == {a: getattr(call, a) for a in others}
        assert await rollups_are_right(world), name
        call = changed


async def test_a_call_that_went_through_us_can_be_corrected_but_what_happened_cannot(
    world: World, api: Agendize
) -> None:
    await world.save(world.golden())
    changed = await api.correct(1, status="busy", clientId="crm")
    assert (changed.status, changed.duration, changed.client_id) == ("busy", timedelta(), "crm")
    with pytest.raises(AgendizeError, match="409 conflict: type"):
        await api.correct(1, type="clickToCall", clientId="other")
    assert (await api.call(1)).client_id == "crm"
    await api.correct(1, status="message")
    with pytest.raises(AgendizeError, match="409 conflict: duration"):
        await api.correct(1, duration=3)
    assert await rollups_are_right(world)


async def test_a_deleted_call_is_gone_from_every_list_and_is_not_told_in_a_sync(
    world: World, api: Agendize, tmp_path: Path
) -> None:
    call = with_recording(world.golden())
    await world.save(call)
    sounds = [tmp_path / f"{call.id}{end}" for end in (".wav", ".mp3", "-caller.wav")]
    foreign = tmp_path / f"{call.id}7.wav"
    for sound in (*sounds, foreign):
        sound.write_bytes(b"RIFF")
    await api.sync()
    await api.delete(1)
    assert await api.sync() == []
    assert await api.calls() == []
    for gone in (api.call(1), api.delete(1), api.correct(1, clientId="x")):
        with pytest.raises(AgendizeError, match="404 notFound"):
            await gone
    assert [sound.exists() for sound in (*sounds, foreign)] == [False, False, False, True]
    assert await rollups_are_right(world)
    assert (await api.enter(**CALL)).id == 2


async def test_entered_and_corrected_calls_come_with_the_next_sync(api: Agendize) -> None:
    await api.sync()
    call = await api.enter(**CALL)
    assert [item.id for item in await api.sync()] == [call.id]
    await api.correct(call.id, duration=9)
    assert [item.duration for item in await api.sync()] == [timedelta(seconds=9)]
    await api.correct(call.id, duration=9)
    assert await api.sync() == []


async def test_a_call_in_progress_can_be_neither_corrected_nor_deleted(world: World, api: Agendize) -> None:
    await world.save(live(world.golden()))
    for attempt in (api.correct(1, clientId="x"), api.delete(1)):
        with pytest.raises(AgendizeError, match="404"):
            await attempt


async def test_a_key_of_one_property_writes_there_alone(
    world: World, bound: tuple[Property, Agendize], api: Agendize
) -> None:
    item, mine = bound
    theirs = await api.enter(**CALL)
    own = await mine.enter(**CALL, trackingNumber=world.did.number_e164)
    assert [call.id for call in await api.calls(toolId=item.sid)] == [own.id]
    assert [call.id for call in await mine.calls()] == [own.id]
    for attempt in (mine.correct(theirs.id, clientId="x"), mine.delete(theirs.id), mine.call(theirs.id)):
        with pytest.raises(AgendizeError, match="404"):
            await attempt
    button = await api.buttons.add(name="Theirs", phoneNumber="+33987654321")
    with pytest.raises(AgendizeError, match="400 invalid: buttonId"):
        await mine.enter(**CALL, buttonId=button["id"])
    assert await mine.calls(toolId=world.did.hash) == []
    assert await mine.calls(toolId=button["id"]) == []


async def test_another_accounts_calls_cannot_be_touched(other: World, api: Agendize) -> None:
    await other.save(other.golden())
    for attempt in (api.correct(1, clientId="x"), api.delete(1)):
        with pytest.raises(AgendizeError, match="404"):
            await attempt


async def test_tool_id_is_also_a_button_or_a_tracking_number(world: World, api: Agendize) -> None:
    button = await api.buttons.add(name="Ask us", phoneNumber="+33987654321")
    pressed = await api.enter(**CALL, buttonId=button["id"].lower())
    tracked = await api.enter(**CALL, trackingNumber=world.did.number_e164)
    assert pressed.button_id == button["id"]
    assert [call.id for call in await api.calls(toolId=button["id"])] == [pressed.id]
    assert [call.id for call in await api.calls(toolId=world.did.hash.lower())] == [tracked.id]
    assert [call.id for call in await api.calls(toolId=world.property.sid)] == [pressed.id, tracked.id]
    await api.buttons.delete(button["id"])
    assert [call.id for call in await api.calls(toolId=button["id"])] == [pressed.id]


async def test_entering_for_an_account_without_a_property_is_refused(
    world: World, ask: Ask, client: AsyncClient
) -> None:
    empty = await world.services.accounts.create(
        name="Empty", timezone="UTC", country="FR", currency="EUR", outbound_prefixes=("+33",)
    )
    await world.services.accounts.add_token(empty.id, "agendize", "key-of-nothing\ntoken-of-nothing")
    api = Agendize(client, "key-of-nothing", "token-of-nothing")
    for attempt in (api.enter(**CALL), api.buttons.add(name="B", phoneNumber="+33987654321")):
        with pytest.raises(AgendizeError, match="has no property yet"):
            await attempt
