"""Numbers: bought, configured, read; and what a configured number does to a call."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from ringtrail.model.attribution import StaticAttribution
from ringtrail.services.routing import Route, Routing
from tests.dialects.fonedynamics.conftest import Ask, Tell, fault
from tests.fixtures import FONE_TOKEN, World

pytestmark = pytest.mark.postgres

BUY, OF_PROPERTY, OF_ACCOUNT = (
    "/Properties/{property}/Numbers",
    "/Properties/{property}/Numbers",
    "/Accounts/{account}/Numbers",
)
STOCK = "+33199005001"
SHOP = "+33199000010"


def path(number_e164: str) -> str:
    return f"/Numbers/{number_e164[1:]}"


async def route(world: World, number_e164: str) -> Route:
    """Where a call to the number would go now."""
    routing = Routing(world.database, default_country="FR", media_folder=Path("/nonexistent"))
    found = await routing.find(number_e164, "+33612345678", datetime.now(UTC))
    assert found is not None
    return found


async def shown(tell: Tell, number_e164: str) -> dict[str, Any]:
    response = await tell("GET", path(number_e164))
    assert response.status_code == 200, response.text
    return dict(response.json()["Number"])


async def configured(tell: Tell, number_e164: str, **given: Any) -> dict[str, Any]:
    response = await tell("POST", path(number_e164), given)
    assert response.status_code == 200, response.text
    assert response.json()["Number"] == await shown(tell, number_e164)
    return dict(response.json()["Number"])


# --- reading ------------------------------------------------------------------------------------------------------------


async def test_a_number_has_every_field_alone_and_in_both_lists(world: World, tell: Tell) -> None:
    expected = {
        "Number": world.did.number_e164,
        "PropertySid": world.property.sid,
        "Friendly": "Front desk",
        "Type": "National",
        "Status": "Active",
        "Capabilities": ["Voice"],
        "CountryCode": "FR",
        "Region": None,
        "City": None,
        "AddressRequirement": "None",
        "AddressSid": None,
        "Attribution_Source": "Google Ads",
        "Attribution_Medium": "cpc",
        "Attribution_Campaign": "summer",
        "Attribution_Content": "banner-3",
        "RoutingMethod": "Flow",
        "EndpointNumber": None,
        "Flow": world.app.hash,
        "Recording": "Off",
        "ForwardToSms": None,
        "ForwardFromSms": None,
        "ForwardToEmail": None,
        "ForwardFromEmail": None,
    }
    one = (await tell("GET", path(world.did.number_e164))).json()
    assert one == {"Number": expected}
    assert list(one["Number"]) == list(expected)
    assert (await tell("GET", f"/Numbers/{world.did.number_e164}")).json() == one
    for list_path in (OF_PROPERTY, OF_ACCOUNT):
        assert (await tell("GET", list_path)).json() == {"Numbers": [expected]}


async def test_lists_select_by_type_and_capability(world: World, tell: Tell) -> None:
    local, mobile, toll_free, desk = "+33145670001", "+33612000001", "+33800000001", world.did.number_e164
    for number, capabilities in (
        (local, ("voice", "sms", "mms")), (mobile, ("voice", "sms")), (toll_free, ("voice",)),
    ):  # fmt: skip
        await world.services.numbers.add(
            account_id=world.account.id, property_id=world.property.id, number_e164=number, capabilities=capabilities
        )
    for params, expected in (
        ({}, [local, mobile, toll_free, desk]),
        ({"Type": "Local"}, [local]),
        ({"Type": "Toll-Free"}, [toll_free]),
        ({"type": "national,toll-free"}, [mobile, toll_free, desk]),
        ({"Type": "Shared-Rate"}, []),
        ({"Capabilites": "SMS"}, [local, mobile]),
        ({"Capabilities": "sms"}, [local, mobile]),
        ({"Capabilities": "Voice,MMS"}, [local]),
        ({"Capabilites": "SMS", "Type": "National"}, [mobile]),
        ({"Results_Count": 1, "Results_Skip": 1}, [mobile]),
        ({"Results_Skip": 4}, []),
    ):
        for list_path in (OF_PROPERTY, OF_ACCOUNT):
            found = (await tell("GET", list_path, params=params)).json()["Numbers"]
            assert [item["Number"] for item in found] == expected, params


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"Type": "Premium"}, (400, "PARAMETER_INVALID", "Type: one of Local, Toll-Free, Shared-Rate, National")),
        ({"Capabilites": "Fax"}, (400, "PARAMETER_INVALID", "Capabilites: one of Voice, SMS, MMS")),
        ({"Results_Count": 201}, (400, "PARAMETER_OUT_OF_RANGE", "Results_Count: from 1 to 200")),
        ({"Results_Skip": "x"}, (400, "PARAMETER_INVALID", "Results_Skip: not a whole number")),
    ],
)
async def test_what_is_wrong_with_a_list_is_told(tell: Tell, params: Any, expected: tuple[int, str, str]) -> None:
    assert fault(await tell("GET", OF_PROPERTY, params=params)) == expected


async def test_an_expired_number_is_inactive(world: World, tell: Tell) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE dids SET expires_at = now() - interval '1 s'")
    assert (await shown(tell, world.did.number_e164))["Status"] == "Inactive"


# --- buying -------------------------------------------------------------------------------------------------------------


async def test_a_number_of_the_stock_is_bought_and_belongs_to_the_property(world: World, tell: Tell) -> None:
    await world.services.stock.add([STOCK], capabilities=("voice", "sms"))
    response = await tell("POST", BUY, {"number": STOCK[1:], "AddressSid": "ADDRESS7"})
    assert response.status_code == 200, response.text
    assert response.json() == {"Number": STOCK, "Status": "Active"}
    number = await shown(tell, STOCK)
    names = ("PropertySid", "Capabilities", "AddressSid", "RoutingMethod", "Recording", "Status")
    assert [number[name] for name in names] == [world.property.sid, ["Voice", "SMS"], "ADDRESS7", None, "Off", "Active"]
    assert await world.services.stock.find() == []


async def test_a_number_that_is_not_for_sale_is_refused(world: World, tell: Tell) -> None:
    told = (400, "PARAMETER_INVALID", "Number: there is no such number for sale")
    for number in (STOCK, world.did.number_e164):
        assert fault(await tell("POST", BUY, {"Number": number})) == told
    assert fault(await tell("POST", BUY, {})) == (400, "PARAMETER_REQUIRED", "Number: A parameter is missing.")
    assert fault(await tell("POST", BUY, {"Number": "x"})) == (400, "PARAMETER_INVALID", "Number: not an E.164 number")
    assert fault(await tell("POST", BUY, {"Number": 33}))[:2] == (400, "PARAMETER_INVALID")


async def test_of_two_buyers_of_one_number_one_wins(
    world: World, client: AsyncClient, tell: Tell, other: World
) -> None:
    numbers = [f"+3319900{n}" for n in range(6001, 6011)]
    await world.services.stock.add(numbers)
    buyers = [
        client.post(
            f"/v2/Properties/{buyer.property.sid}/Numbers", auth=(buyer.account.sid, token), json={"Number": number}
        )
        for number in numbers
        for buyer, token in ((world, FONE_TOKEN), (other, FONE_TOKEN + "-other")) * 2
    ]
    answers = await asyncio.gather(*buyers)
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [400] * 30
    assert [answer.json()["Number"] for answer in answers if answer.status_code == 200] == numbers
    owned = [
        did.number_e164 for party in (world, other) for did in (await party.services.numbers.find(party.account.id))[0]
    ]
    assert sorted(set(owned) & set(numbers)) == numbers
    assert len(owned) == len(set(owned))


async def test_an_inactive_property_buys_nothing(world: World, tell: Tell) -> None:
    await world.services.stock.add([STOCK])
    await tell("PATCH", "/Properties/{property}", {"Active": False})
    assert fault(await tell("POST", BUY, {"Number": STOCK})) == (
        403,
        "FORBIDDEN",
        "PropertySid: the property is not active",
    )
    assert [item.number_e164 for item in await world.services.stock.find()] == [STOCK]


# --- configuring --------------------------------------------------------------------------------------------------------


async def test_an_endpoint_makes_the_number_ring_there(world: World, tell: Tell) -> None:
    number = world.did.number_e164
    told = await configured(tell, number, RoutingMethod="Endpoint", EndpointNumber=SHOP, Recording="Call")
    names = ("RoutingMethod", "EndpointNumber", "Flow", "Recording")
    assert [told[name] for name in names] == ["Endpoint", SHOP, None, "Call"]
    found = await route(world, number)
    assert ([target.number_e164 for target in found.settings.targets], found.settings.record_calls) == ([SHOP], True)
    told = await configured(tell, number, EndpointNumber="33199000011")
    assert (told["EndpointNumber"], told["Recording"]) == ("+33199000011", "Call")
    told = await configured(tell, number, recording="off")
    assert (told["EndpointNumber"], told["Recording"]) == ("+33199000011", "Off")
    assert (await route(world, number)).settings.record_calls is False


async def test_a_flow_makes_the_app_answer(world: World, tell: Tell) -> None:
    number = world.did.number_e164
    params = {"targets": [{"number": SHOP, "timeout": 7}], "options": {"record_calls": True}}
    app = await world.services.apps.create(world.account.id, "CALLTRACKING10", "Reception", params)
    told = await configured(tell, number, RoutingMethod="Flow", Flow=app.hash)
    assert [told[name] for name in ("RoutingMethod", "EndpointNumber", "Flow", "Recording")] == [
        "Flow",
        None,
        app.hash,
        "Call",
    ]
    assert (await route(world, number)).settings.targets[0].ring_timeout_s == 7
    assert (await configured(tell, number, Recording="Call"))["Flow"] == app.hash
    told = await configured(tell, number, Flow=world.app.hash)
    assert (told["Flow"], told["Recording"]) == (world.app.hash, "Off")
    told = await configured(tell, number, RoutingMethod="Endpoint", EndpointNumber=SHOP)
    told = await configured(tell, number, RoutingMethod="Flow", Flow=app.hash)
    assert (told["RoutingMethod"], told["Flow"]) == ("Flow", app.hash)


async def test_what_is_absent_stays_and_null_or_empty_clears(world: World, tell: Tell) -> None:
    number = world.did.number_e164
    forwarding = {
        "ForwardToSms": "+33612345679", "ForwardFromSms": "+33199001001", "ForwardToEmail": "desk@example.org",
        "ForwardFromEmail": "sms@example.org", "AddressSid": "ADDRESS7",
    }  # fmt: skip
    attribution = {f"Attribution_{name}": name.lower() for name in ("Source", "Medium", "Campaign", "Content")}
    told = await configured(tell, number, Friendly="Desk 2", **forwarding, **attribution)
    wanted = {"Friendly": "Desk 2", "RoutingMethod": "Flow"} | forwarding | attribution
    assert {name: told[name] for name in wanted} == wanted
    assert await configured(tell, number) == told
    found = await world.services.numbers.by_number(world.account.id, number)
    assert found is not None
    assert found.attribution == StaticAttribution(
        source="source", medium="medium", campaign="campaign", content="content", offline_description="Leaflet 7"
    )
    told = await configured(
        tell, number, **dict.fromkeys(wanted.keys() - {"RoutingMethod"}) | {"Attribution_Medium": ""}
    )
    assert {told[name] for name in wanted.keys() - {"RoutingMethod"}} == {None}
    assert told["RoutingMethod"] == "Flow"


REFUSED = [
    ({"EndpointNumber": "+61412345678"}, (403, "FORBIDDEN", "EndpointNumber: the account may not dial this number")),
    ({"EndpointNumber": "x"}, (400, "PARAMETER_INVALID", "EndpointNumber: not an E.164 number")),
    ({"EndpointNumber": "+1"}, (400, "PARAMETER_INVALID", "EndpointNumber: not an E.164 number")),
    ({"EndpointNumber": "+33199001001"}, (400, "PARAMETER_CONFLICT", "EndpointNumber: a number cannot be its own endpoint")),
    ({"EndpointNumber": None}, (400, "PARAMETER_INVALID", "EndpointNumber: Expected `str`, got `null`")),
    ({"Flow": "NOTTHERE"}, (400, "PARAMETER_INVALID", "Flow: no such flow")),
    ({"RoutingMethod": "Flow", "EndpointNumber": None}, (400, "PARAMETER_INVALID", "EndpointNumber: Expected `str`, got `null`")),
    ({"RoutingMethod": "Flow"}, (400, "PARAMETER_REQUIRED", "Flow: A parameter is missing.")),
    ({"RoutingMethod": "Pigeon"}, (400, "PARAMETER_INVALID", "RoutingMethod: one of Endpoint, Flow")),
    ({"Recording": "Both"}, (400, "PARAMETER_INVALID", "Recording: one of Off, Call")),
    ({"Friendly": 7}, (400, "PARAMETER_INVALID", "Friendly: Expected `str | null`, got `int`")),
    ({"Friendly": "a\0b"}, (400, "PARAMETER_INVALID", "Friendly: holds a NUL")),
    ({"Friendly": "a" * 256}, (400, "PARAMETER_OUT_OF_RANGE", "Friendly: Expected `str` of length <= 255")),
    ({"ForwardToEmail": "x"}, (400, "PARAMETER_INVALID", "ForwardToEmail: not an e-mail address")),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), REFUSED)
async def test_what_cannot_be_configured_is_refused_and_changes_nothing(
    tell: Tell, sms_number: str, change: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    before = await configured(tell, sms_number, RoutingMethod="Endpoint", EndpointNumber=SHOP)
    assert (
        fault(await tell("POST", path(sms_number), {"Friendly": "new name", "Attribution_Source": "new"} | change))
        == expected
    )
    assert await shown(tell, sms_number) == before


async def test_settings_that_contradict_the_routing_are_refused(world: World, tell: Tell, sms_number: str) -> None:
    flow = {"RoutingMethod": "Flow", "Flow": world.app.hash}
    for number, change, message in (
        (sms_number, {"EndpointNumber": SHOP}, "RoutingMethod: needed with EndpointNumber"),
        (sms_number, {"Recording": "Call"}, "RoutingMethod: needed with Recording"),
        (sms_number, {"RoutingMethod": "Endpoint"}, "EndpointNumber: A parameter is missing."),
        (sms_number, flow | {"EndpointNumber": SHOP}, "EndpointNumber: not with RoutingMethod Flow"),
        (
            sms_number,
            flow | {"RoutingMethod": "Endpoint", "EndpointNumber": SHOP},
            "Flow: not with RoutingMethod Endpoint",
        ),
        (
            world.did.number_e164,
            {"Recording": "Call"},
            "Recording: with RoutingMethod Flow the flow says whether it records",
        ),
    ):
        before = await shown(tell, number)
        status, _, told = fault(await tell("POST", path(number), change))
        assert (status, told) == (400, message)
        assert await shown(tell, number) == before


async def test_an_endpoint_of_one_number_is_no_flow_of_others(world: World, tell: Tell, sms_number: str) -> None:
    await configured(tell, sms_number, RoutingMethod="Endpoint", EndpointNumber=SHOP)
    did = await world.services.numbers.by_number(world.account.id, sms_number)
    assert did is not None
    answer = fault(await tell("POST", path(world.did.number_e164), {"RoutingMethod": "Flow", "Flow": did.app_hash}))
    assert answer == (400, "PARAMETER_INVALID", "Flow: no such flow")


async def test_a_property_without_recording_does_not_record(world: World, tell: Tell) -> None:
    number = world.did.number_e164
    await configured(tell, number, RoutingMethod="Endpoint", EndpointNumber=SHOP, Recording="Call")
    await tell("PATCH", "/Properties/{property}", {"CallRecordingEnabled": False})
    assert (await shown(tell, number))["Recording"] == "Off"
    assert (await route(world, number)).settings.record_calls is False
    answer = fault(await tell("POST", path(number), {"Recording": "Call"}))
    assert answer == (403, "FORBIDDEN", "Recording: call recording is off for this property")
    await tell("PATCH", "/Properties/{property}", {"CallRecordingEnabled": True})
    assert (await shown(tell, number))["Recording"] == "Call"
    assert (await route(world, number)).settings.record_calls is True


async def test_changes_at_once_lose_nothing(world: World, tell: Tell, sms_number: str) -> None:
    changes: list[dict[str, Any]] = [
        {"Friendly": "Desk"}, {"Attribution_Source": "s"}, {"Attribution_Medium": "m"}, {"AddressSid": "A"},
        {"ForwardToEmail": "a@b"}, {"RoutingMethod": "Endpoint", "EndpointNumber": SHOP}, {"ForwardToSms": "+33612345679"},
    ]  # fmt: skip
    answers = await asyncio.gather(*(tell("POST", path(sms_number), change) for change in changes))
    assert [answer.status_code for answer in answers] == [200] * len(changes)
    number = await shown(tell, sms_number)
    assert all(number[name] == value for change in changes for name, value in change.items())


# --- whose, and what there is not ---------------------------------------------------------------------------------------


async def test_another_accounts_numbers_do_not_exist(
    world: World, client: AsyncClient, tell: Tell, other: World
) -> None:
    before = await shown(tell, world.did.number_e164)
    theirs = (other.account.sid, FONE_TOKEN + "-other")
    for method, where, body in (
        ("GET", path(world.did.number_e164), None),
        ("POST", path(world.did.number_e164), {"Friendly": "stolen"}),
        ("GET", f"/Properties/{world.property.sid}/Numbers", None),
        ("POST", f"/Properties/{world.property.sid}/Numbers", {"Number": STOCK}),
        ("GET", f"/Accounts/{world.account.sid}/Numbers", None),
    ):
        answer = await client.request(method, f"/v2{where}", auth=theirs, json=body)
        assert (answer.status_code, answer.json()["ResponseStatus"]["ErrorCode"]) == (404, "NOT_FOUND"), where
        assert (await client.request(method, f"/v2{where}", json=body)).status_code == 401
    assert await shown(tell, world.did.number_e164) == before


async def test_a_flow_of_another_account_cannot_be_used(world: World, tell: Tell, other: World) -> None:
    answer = fault(await tell("POST", path(world.did.number_e164), {"RoutingMethod": "Flow", "Flow": other.app.hash}))
    assert answer == (400, "PARAMETER_INVALID", "Flow: no such flow")


async def test_a_key_of_one_property_has_its_numbers_only(world: World, tell: Tell, bound: str) -> None:
    site = await world.services.accounts.add_property(world.account.id, "second")
    await world.services.numbers.add(account_id=world.account.id, property_id=site.id, number_e164="+33199007001")
    assert (await tell("GET", path("+33199007001"), token=bound)).status_code == 404
    assert (await tell("POST", path("+33199007001"), {"Friendly": "x"}, token=bound)).status_code == 404
    assert (await tell("POST", f"/Properties/{site.sid}/Numbers", {"Number": STOCK}, token=bound)).status_code == 404
    listed = (await tell("GET", OF_ACCOUNT, token=bound)).json()["Numbers"]
    assert [item["Number"] for item in listed] == [world.did.number_e164]
    assert len((await tell("GET", OF_ACCOUNT)).json()["Numbers"]) == 2


async def test_unknown_numbers_and_blocks_are_not_found(ask: Ask, tell: Tell) -> None:
    for text in ("33199009999", "x", "%2B", "٣٣", "33 199"):
        assert fault(await ask(f"/Numbers/{text}")) == (404, "NOT_FOUND", "Number: No such number.")
    answer = fault(await tell("POST", f"/numberblocks/{'A' * 32}", {"RoutingMethod": "Flow"}))
    assert answer[:2] == (404, "NOT_FOUND")
