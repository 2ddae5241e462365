"""Buttons, call-tracking numbers and the click-to-call action."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from httpx import AsyncClient

from ringtrail.dialects import callr
from ringtrail.dialects.agendize.opening_hours import DAYS, OpeningDay, Span, is_open
from ringtrail.model.account import Property
from ringtrail.model.button import CallOrder
from ringtrail.services.buttons import Orders
from ringtrail.services.routing import Routing
from tests.dialects.agendize.client import Agendize, AgendizeError
from tests.dialects.agendize.conftest import HEADERS
from tests.dialects.conftest import Serve
from tests.fixtures import TOKENS, World, own_route

pytestmark = pytest.mark.postgres

TARGET = "+33987654321"
VISITOR = "+33612345678"
NOBODY = "NOSUCH01"
ALWAYS = [{"day": day, "hours": [{"start": "00:00", "end": "24:00"}]} for day in DAYS]


async def orders(world: World, count: int) -> list[CallOrder | None]:
    """What a controller is given to dial, up to a year ahead."""
    waiting = Orders(world.database, "test")
    return [await waiting.claim(number, datetime.now(UTC) + timedelta(days=365)) for number in range(1, count + 1)]


# --- buttons ---


async def test_a_button_in_the_vendors_fields_with_what_we_do_not_know_kept_behind_them(
    client: AsyncClient, api: Agendize
) -> None:
    sent = {
        "name": "Ask us", "phoneNumber": "09 87 65 43 21", "countries": ["FR", "BE"], "openingHours": ALWAYS,
        "openingHoursEnabled": True, "maxDuration": 30, "colour": {"text": "#fff", "width": 1.5}, "id": "MINE0001",
    }  # fmt: skip
    made = await api.buttons.add(**sent)
    expected = {
        "id": made["id"], "name": "Ask us", "phoneNumber": TARGET, "countries": ["FR", "BE"], "openingHours": ALWAYS,
        "openingHoursEnabled": True, "maxDuration": 30, "colour": {"text": "#fff", "width": 1.5},
    }  # fmt: skip
    assert (made, list(made), len(made["id"])) == (expected, list(expected), 8)
    assert made["id"] != "MINE0001"
    assert await api.buttons.get(made["id"].lower()) == expected
    assert await api.buttons.list() == [expected]


async def test_a_button_needs_a_name_and_a_number_and_has_defaults_for_the_rest(api: Agendize) -> None:
    made = await api.buttons.add(name="", phoneNumber=TARGET)
    assert {name: value for name, value in made.items() if name not in ("id", "name", "phoneNumber")} == {
        "countries": [], "openingHours": [], "openingHoursEnabled": False, "maxDuration": None,
    }  # fmt: skip


async def test_each_field_of_a_button_changes_alone(api: Agendize) -> None:
    known = await api.buttons.add(name="Ask us", phoneNumber=TARGET, maxDuration=5, colour="blue")
    changes: list[tuple[str, Any, Any]] = [
        ("name", "Call us", "Call us"), ("phoneNumber", "0900000001", "+33900000001"), ("countries", ["GB"], ["GB"]),
        ("openingHours", ALWAYS[:1], ALWAYS[:1]), ("openingHoursEnabled", True, True), ("maxDuration", 7, 7),
        ("colour", "red", "red"), ("shape", ["round"], ["round"]), ("maxDuration", 0, None), ("countries", [], []),
    ]  # fmt: skip
    for name, value, expected in changes:
        changed = await api.buttons.change(known["id"], **{name: value})
        assert changed == {**known, name: expected}
        assert await api.buttons.get(known["id"]) == changed
        known = changed
    assert await api.buttons.change(known["id"], **known) == known
    assert await api.buttons.change(known["id"], name=None, colour=None) == {
        name: value for name, value in known.items() if name != "colour"
    }


BAD_BUTTONS: list[tuple[dict[str, Any], str, int]] = [
    ({"name": "x" * 129}, "name", 400),
    ({"name": 5}, "name", 400),
    ({"phoneNumber": "anybody"}, "phoneNumber", 400),
    ({"phoneNumber": "12"}, "phoneNumber", 400),
    ({"phoneNumber": "+4420123456"}, "phoneNumber", 403),
    ({"countries": "FR"}, "countries", 400),
    ({"countries": ["France"]}, "countries[0]", 400),
    ({"countries": ["fr"]}, "countries[0]", 400),
    ({"countries": ["FR"] * 301}, "countries", 400),
    ({"maxDuration": -1}, "maxDuration", 400),
    ({"maxDuration": 1_441}, "maxDuration", 400),
    ({"maxDuration": "5"}, "maxDuration", 400),
    ({"openingHoursEnabled": "yes"}, "openingHoursEnabled", 400),
    ({"openingHours": {}}, "openingHours", 400),
    ({"openingHours": [{"day": "Monday", "hours": []}]}, "openingHours[0].day", 400),
    ({"openingHours": [{"hours": []}]}, "openingHours[0].day", 400),
    ({"openingHours": [{"day": "monday"}]}, "openingHours[0].hours", 400),
    ({"openingHours": [{"day": "monday", "hours": [{"start": "9:00", "end": "12:00"}]}]}, "openingHours[0].hours[0].start", 400),
    ({"openingHours": [{"day": "monday", "hours": [{"start": "09:00", "end": "25:00"}]}]}, "openingHours[0].hours[0].end", 400),
    ({"openingHours": [{"day": "monday", "hours": [{"start": "22:00", "end": "06:00"}]}]}, "openingHours[0].hours[0].end", 400),
    ({"openingHours": [{"day": "monday", "hours": []}] * 32}, "openingHours", 400),
    ({"mine": "x" * 17_000}, "more than", 400),
]  # fmt: skip


async def test_what_is_wrong_with_a_button_is_named_and_nothing_is_written(client: AsyncClient, api: Agendize) -> None:
    button = await api.buttons.add(name="Ask us", phoneNumber=TARGET)
    for (changes, field, status), method in product(BAD_BUTTONS, ("POST", "PUT")):
        path = "/calls/buttons" + (f"/{button['id']}" if method == "PUT" else "")
        body = changes if method == "PUT" else {"name": "B", "phoneNumber": TARGET, **changes}
        answer = await client.request(method, f"/api/2.0{path}", headers=HEADERS, json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, status), (method, changes)
        assert error["message"].startswith(field), (method, changes, error)
    assert await api.buttons.list() == [button]
    for missing in ("name", "phoneNumber"):
        body = {name: value for name, value in {"name": "B", "phoneNumber": TARGET}.items() if name != missing}
        with pytest.raises(AgendizeError, match=f"400 required: {missing}"):
            await api.buttons.add(**body)


async def test_fields_of_ones_own_cannot_grow_without_end(api: Agendize) -> None:
    button = await api.buttons.add(name="B", phoneNumber=TARGET)
    for number in range(2):
        await api.buttons.change(button["id"], **{f"mine{number}": "x" * 8_000})
    with pytest.raises(AgendizeError, match="400 invalid: more than"):
        await api.buttons.change(button["id"], one="x" * 8_000)


async def test_a_deleted_button_is_gone_and_its_calls_go_on_naming_it(api: Agendize) -> None:
    button = await api.buttons.add(name="B", phoneNumber=TARGET)
    start = {"dateTime": "2026-07-14T05:05:10"}
    call = await api.enter(callerNumber=VISITOR, calledNumber=TARGET, start=start, buttonId=button["id"])
    await api.buttons.delete(button["id"])
    assert await api.buttons.list() == []
    assert (await api.call(call.id)).button_id == button["id"]
    for attempt in (
        api.buttons.get(button["id"]), api.buttons.change(button["id"], name="x"), api.buttons.delete(button["id"]),
        api.buttons.get("x" * 300),
    ):  # fmt: skip
        with pytest.raises(AgendizeError, match="404 notFound"):
            await attempt


# --- the action ---


async def test_pressing_a_button_orders_one_call_from_the_visitor_to_the_buttons_number(
    world: World, api: Agendize
) -> None:
    button = await api.buttons.add(name="B", phoneNumber=TARGET, maxDuration=2)
    before = datetime.now(UTC)
    done = await api.press(button["id"], "06 12 34 56 78", delay=90)
    assert done == {
        "buttonId": button["id"], "status": "done", "called": {"phoneNumber": VISITOR}, "caller": {"phoneNumber": TARGET},
    }  # fmt: skip
    ordered, none = await orders(world, 2)
    assert ordered is not None
    assert none is None
    assert (ordered.visitor_e164, ordered.target_e164, ordered.max_talk_s) == (VISITOR, TARGET, 120)
    assert (ordered.button_hash, ordered.property_id) == (button["id"], world.property.id)
    assert timedelta(minutes=90) <= ordered.due_at - before < timedelta(minutes=91)


async def test_the_visitor_may_be_called_or_caller_and_the_answer_uses_the_same_name(
    world: World, client: AsyncClient, api: Agendize
) -> None:
    button = await api.buttons.add(name="B", phoneNumber=TARGET)
    visitor = {"phoneNumber": VISITOR}
    for body in ({"caller": visitor}, {"caller": visitor, "called": visitor}, {"called": visitor, "delay": "0"}):
        answer = await client.post("/api/2.0/actions/call", headers=HEADERS, json={"buttonId": button["id"], **body})
        name = "called" if "called" in body else "caller"
        assert (answer.status_code, answer.json()[name]) == (200, visitor), body
    assert [order.visitor_e164 for order in await orders(world, 3) if order] == [VISITOR] * 3


BAD_ACTIONS: list[tuple[dict[str, Any], str, int]] = [
    ({"buttonId": None}, "buttonId", 400),
    ({"buttonId": NOBODY}, "buttonId", 400),
    ({"buttonId": "x" * 65}, "buttonId", 400),
    ({"buttonId": 5}, "buttonId", 400),
    ({"called": None}, "called.phoneNumber", 400),
    ({"called": {}}, "called.phoneNumber", 400),
    ({"called": VISITOR}, "called", 400),
    ({"called": {"phoneNumber": "anybody"}}, "called.phoneNumber", 400),
    ({"called": {"phoneNumber": "12"}}, "called.phoneNumber", 400),
    ({"called": {"phoneNumber": "+4420123456"}}, "called.phoneNumber", 403),
    ({"caller": {"phoneNumber": TARGET}}, "caller.phoneNumber", 400),
    ({"delay": -1}, "delay", 400),
    ({"delay": 10_081}, "delay", 400),
    ({"delay": "10081"}, "delay", 400),
    ({"delay": 0.5}, "delay", 400),
    ({"delay": None}, "delay", 400),
]


async def test_what_is_wrong_with_an_order_is_named_and_nobody_is_called(
    world: World, client: AsyncClient, api: Agendize
) -> None:
    button = await api.buttons.add(name="B", phoneNumber=TARGET)
    for changes, field, status in BAD_ACTIONS:
        body = {"buttonId": button["id"], "called": {"phoneNumber": VISITOR}, **changes}
        answer = await client.post("/api/2.0/actions/call", headers=HEADERS, json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, status), changes
        assert error["message"].startswith(field), (changes, error)
    assert await orders(world, 1) == [None]


async def test_a_button_calls_only_the_countries_that_it_names(world: World, api: Agendize) -> None:
    await world.services.accounts.allow_outbound(world.account.id, ("+",))
    button = await api.buttons.add(name="B", phoneNumber=TARGET, countries=["FR", "BE"])
    await api.press(button["id"], "+32470123456")
    with pytest.raises(
        AgendizeError, match=r"403 forbidden: called\.phoneNumber: the button does not call that country"
    ):
        await api.press(button["id"], "+442079460000")
    assert [order.visitor_e164 for order in await orders(world, 2) if order] == ["+32470123456"]


async def test_a_closed_button_calls_nobody_and_a_delay_may_reach_its_opening(world: World, api: Agendize) -> None:
    now = datetime.now(ZoneInfo("Europe/Paris"))
    tomorrow = [{"day": DAYS[(now.weekday() + 1) % 7], "hours": [{"start": "00:00", "end": "24:00"}]}]
    button = await api.buttons.add(name="B", phoneNumber=TARGET, openingHours=tomorrow, openingHoursEnabled=True)
    with pytest.raises(AgendizeError, match="409 conflict: buttonId: the button is closed"):
        await api.press(button["id"], VISITOR)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    await api.press(button["id"], VISITOR, delay=int((midnight - now).total_seconds()) // 60 + 61)
    await api.buttons.change(button["id"], openingHoursEnabled=False)
    await api.press(button["id"], VISITOR)
    assert None not in await orders(world, 2)


async def test_opening_hours_are_those_of_the_propertys_clock(world: World, api: Agendize) -> None:
    """Half a day from the account's zone, so that never both are open."""
    far = "Pacific/Auckland"
    await world.services.accounts.change_property(
        world.account.id, world.property.sid, lambda item: replace(item, timezone=far)
    )
    local = datetime.now(ZoneInfo(far))
    clock = (local.replace(hour=local.hour // 6 * 6, minute=0), f"{local.hour // 6 * 6 + 6:02d}:00")
    hours = [{"day": DAYS[local.weekday()], "hours": [{"start": f"{clock[0]:%H:%M}", "end": clock[1]}]}]
    button = await api.buttons.add(name="B", phoneNumber=TARGET, openingHours=hours, openingHoursEnabled=True)
    await api.press(button["id"], VISITOR)


OPEN = [OpeningDay(day="monday", hours=[Span(start="09:00", end="12:00"), Span(start="14:00", end="24:00")])]


@pytest.mark.parametrize(
    ("local", "open_"),
    [
        ("2026-07-13T08:59:59", False), ("2026-07-13T09:00:00", True), ("2026-07-13T11:59:59", True),
        ("2026-07-13T12:00:00", False), ("2026-07-13T23:59:59", True), ("2026-07-14T00:00:00", False),
        ("2026-07-14T10:00:00", False), ("2026-07-20T10:00:00", True),
    ],
)  # fmt: skip
def test_a_span_begins_at_its_start_and_is_over_at_its_end(local: str, open_: bool) -> None:
    assert is_open(OPEN, datetime.fromisoformat(local)) is open_


# --- call-tracking numbers ---


@pytest.fixture
async def stock(world: World) -> list[str]:
    numbers = [f"+3391239999{last}" for last in range(3)]
    await world.services.stock.add([*numbers, "+442079460001"])
    return numbers


async def test_a_number_of_the_accounts_country_is_bought_and_routes(
    world: World, serve: Serve, api: Agendize, stock: list[str], tmp_path: Path
) -> None:
    extras = {"misc1": "a", "misc10": "j", "notes": "on buses", "costAmount": 2.5, "publicationDates": ["2026-07-14"]}
    made = await api.call_trackings.add(
        name="Buses",
        phoneNumber="09 87 65 43 21",
        support="Bus 7",
        trackingPhoneNumber="+1",
        owner={"id": "x"},
        **extras,
    )
    expected = {
        "id": made["id"], "name": "Buses", "phoneNumber": TARGET, "trackingPhoneNumber": stock[0],
        "owner": {"id": world.account.sid, "userName": world.account.name}, "support": "Bus 7", **extras,
    }  # fmt: skip
    assert (made, list(made)[:6]) == (expected, list(expected)[:6])
    assert await api.call_trackings.get(made["id"]) == expected
    assert expected in await api.call_trackings.list()
    route = await Routing(world.database, default_country="FR", media_folder=tmp_path).find(
        stock[0], VISITOR, datetime.now(UTC)
    )
    assert route is not None
    assert ([target.number_e164 for target in route.settings.targets], route.refused) == ([TARGET], None)
    assert (route.attribution.offline_description, route.property_id) == ("Bus 7", world.property.id)
    app = await as_callr(await serve(callr.DIALECT), made["id"])
    assert [target["number"] for target in app["p"]["targets"]] == [TARGET]
    assert [item.number_e164 for item in await world.services.stock.find(country="FR")] == stock[1:]


async def as_callr(http: httpx.AsyncClient, did_hash: str) -> dict[str, Any]:
    """The voice app that CALLR's API shows behind a DID."""

    async def call(method: str, *params: object) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"Authorization": f"Api-Key {TOKENS['callr']}"}
        reply = (await http.post("/json-rpc/v1.1/", json=request, headers=headers)).json()
        assert "result" in reply, reply
        return reply["result"]

    did = next(item for item in await call("apps.get_dids", False) if item["hash"] == did_hash)
    app: dict[str, Any] = await call("apps.get", did["app"])
    return app


async def test_each_field_of_a_tracking_number_changes_alone(world: World, api: Agendize, stock: list[str]) -> None:
    known = await api.call_trackings.add(name="Buses", phoneNumber=TARGET, support="Bus 7", misc1="a")
    changes: list[tuple[str, Any, Any]] = [
        ("name", "Trams", "Trams"), ("phoneNumber", "0900000001", "+33900000001"), ("support", "Tram 1", "Tram 1"),
        ("misc1", "b", "b"), ("misc2", {"deep": [1]}, {"deep": [1]}), ("support", "", None),
    ]  # fmt: skip
    for name, value, expected in changes:
        changed = await api.call_trackings.change(known["id"], **{name: value})
        assert changed == {**known, name: expected}
        assert await api.call_trackings.get(known["id"]) == changed
        known = changed
    assert await api.call_trackings.change(known["id"], **known) == known
    did = await world.services.numbers.by_hash(world.account.id, known["id"])
    assert did is not None
    assert list(did.settings) == ["agendize"]


async def test_a_number_with_an_app_of_several_shows_its_first_target_and_leaves_it_only_for_another(
    world: World, api: Agendize
) -> None:
    params = {"targets": [{"number": TARGET, "timeout": 20}], "options": {"record_calls": True}}
    await world.services.apps.edit(world.account.id, world.app.hash, name=None, params=params)
    shown = await api.call_trackings.get(world.did.hash)
    assert (shown["phoneNumber"], shown["support"]) == (TARGET, "Leaflet 7")
    await api.call_trackings.change(world.did.hash, phoneNumber=TARGET)
    did = await world.services.numbers.by_hash(world.account.id, world.did.hash)
    assert did is not None
    assert did.app_hash == world.app.hash
    changed = await api.call_trackings.change(world.did.hash, phoneNumber="+33900000001")
    assert changed["phoneNumber"] == "+33900000001"
    own = await own_route(world, did := replace(did, app_hash=None))
    moved = await world.services.numbers.by_hash(world.account.id, did.hash)
    assert own is None
    assert moved is not None
    route = await own_route(world, moved)
    assert route is not None
    assert route.params["options"]["record_calls"] is True
    assert (await world.services.apps.by_hash(world.account.id, world.app.hash)).params == params


BAD_TRACKINGS: list[tuple[dict[str, Any], str, int]] = [
    ({"name": "x" * 129}, "name", 400),
    ({"phoneNumber": "anybody"}, "phoneNumber", 400),
    ({"phoneNumber": "12"}, "phoneNumber", 400),
    ({"phoneNumber": "+4420123456"}, "phoneNumber", 403),
    ({"support": "x" * 256}, "support", 400),
    ({"support": 7}, "support", 400),
    ({"notes": "x" * 17_000}, "more than", 400),
]


async def test_what_is_wrong_with_a_tracking_number_is_named_and_none_is_bought(
    world: World, client: AsyncClient, api: Agendize, stock: list[str]
) -> None:
    before = await api.call_trackings.list()
    for (changes, field, status), method in product(BAD_TRACKINGS, ("POST", "PUT")):
        path = "/calls/calltrackings" + (f"/{world.did.hash}" if method == "PUT" else "")
        body = changes if method == "PUT" else {"phoneNumber": TARGET, **changes}
        answer = await client.request(method, f"/api/2.0{path}", headers=HEADERS, json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, status), (method, changes)
        assert error["message"].startswith(field), (method, changes, error)
    with pytest.raises(AgendizeError, match="400 required: phoneNumber"):
        await api.call_trackings.add(name="Buses")
    assert await api.call_trackings.list() == before
    assert len(await world.services.stock.find(country="FR")) == len(stock)


async def test_without_a_number_for_sale_nothing_is_bought(world: World, api: Agendize) -> None:
    with pytest.raises(AgendizeError, match="400 invalid: trackingPhoneNumber: there is no such number for sale"):
        await api.call_trackings.add(phoneNumber=TARGET)


async def test_two_buyers_never_get_the_same_number(api: Agendize, stock: list[str]) -> None:
    bought = await asyncio.gather(
        *[api.call_trackings.add(phoneNumber=TARGET) for _ in range(5)], return_exceptions=True
    )
    numbers = [item["trackingPhoneNumber"] for item in bought if isinstance(item, dict)]
    assert sorted(numbers) == stock
    assert {item.reason for item in bought if isinstance(item, AgendizeError)} == {"invalid"}


async def test_a_deleted_tracking_number_goes_back_on_sale_and_routes_no_more(
    world: World, api: Agendize, stock: list[str], tmp_path: Path
) -> None:
    made = await api.call_trackings.add(phoneNumber=TARGET)
    await api.call_trackings.delete(made["id"])
    routing = Routing(world.database, default_country="FR", media_folder=tmp_path)
    assert await routing.find(stock[0], VISITOR, datetime.now(UTC)) is None
    assert len(await world.services.stock.find(country="FR")) == len(stock)
    for attempt in (
        api.call_trackings.get(made["id"]), api.call_trackings.delete(made["id"]),
        api.call_trackings.change(made["id"], name="x"),
    ):  # fmt: skip
        with pytest.raises(AgendizeError, match="404 notFound"):
            await attempt


# --- whose they are ---


async def test_a_key_of_one_property_sees_and_makes_tools_there_alone(
    world: World, bound: tuple[Property, Agendize], api: Agendize, stock: list[str]
) -> None:
    item, mine = bound
    theirs = await api.buttons.add(name="Theirs", phoneNumber=TARGET)
    own = await mine.buttons.add(name="Mine", phoneNumber=TARGET)
    line = await mine.call_trackings.add(phoneNumber=TARGET)
    assert await mine.buttons.list() == [own]
    assert await mine.call_trackings.list() == [line]
    assert [button["name"] for button in await api.buttons.list()] == ["Theirs", "Mine"]
    did = await world.services.numbers.by_hash(world.account.id, line["id"])
    assert did is not None
    assert did.property_id == item.id
    for attempt in (
        mine.buttons.get(theirs["id"]), mine.buttons.change(theirs["id"], name="x"), mine.buttons.delete(theirs["id"]),
        mine.call_trackings.get(world.did.hash), mine.call_trackings.change(world.did.hash, name="x"),
        mine.call_trackings.delete(world.did.hash),
    ):  # fmt: skip
        with pytest.raises(AgendizeError, match="404 notFound"):
            await attempt
    with pytest.raises(AgendizeError, match="400 invalid: buttonId"):
        await mine.press(theirs["id"], VISITOR)


async def test_another_accounts_tools_are_not_there(other: World, client: AsyncClient, api: Agendize) -> None:
    button = await other.services.buttons.create(other.account, other.property.id, name="B", target=TARGET)
    for attempt in (
        api.buttons.get(button.hash), api.buttons.delete(button.hash), api.call_trackings.get(other.did.hash),
        api.call_trackings.delete(other.did.hash),
    ):  # fmt: skip
        with pytest.raises(AgendizeError, match="404 notFound"):
            await attempt
    assert await api.buttons.list() == []
    with pytest.raises(AgendizeError, match="400 invalid: buttonId"):
        await api.press(button.hash, VISITOR)


async def test_methods_that_a_resource_does_not_have_are_a_405_that_names_those_it_has(client: AsyncClient) -> None:
    for method, path, allowed in (
        ("PATCH", "/calls", {"GET", "POST"}), ("POST", "/calls/1", {"GET", "PUT", "DELETE"}),
        ("DELETE", "/calls/buttons", {"GET", "POST"}), ("PATCH", "/calls/buttons/1", {"GET", "PUT", "DELETE"}),
        ("PUT", "/calls/calltrackings", {"GET", "POST"}), ("GET", "/actions/call", {"POST"}),
    ):  # fmt: skip
        answer = await client.request(method, f"/api/2.0{path}", headers=HEADERS)
        assert (answer.status_code, answer.json()["error"]["reason"]) == (405, "methodNotAllowed"), path
        assert set(answer.headers["allow"].split(", ")) - {"OPTIONS", "HEAD"} == allowed
