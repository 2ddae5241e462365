"""Properties and flows: made, changed, read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient
from tzlocal.windows_tz import win_tz

from ringtrail.dialects.fonedynamics.vocabulary import iana_zone, windows_zone
from tests.dialects.fonedynamics.conftest import Tell, fault
from tests.fixtures import FONE_TOKEN, World

pytestmark = pytest.mark.postgres

NEW = {"Name": "Bakery", "MainDomain": "www.bakery.example", "TimeZone": "AUS Eastern Standard Time"}


async def made(tell: Tell, **given: Any) -> dict[str, Any]:
    response = await tell("POST", "/Properties", NEW | given)
    assert response.status_code == 200, response.text
    assert list(response.json()) == ["Project"]
    return dict(response.json()["Project"])


async def shown(tell: Tell, sid: str) -> dict[str, Any]:
    return dict((await tell("GET", f"/Properties/{sid}")).json()["Project"])


def test_every_windows_zone_goes_there_and_back() -> None:
    assert [name for name in win_tz if windows_zone(iana_zone("TimeZone", name)) != name] == []
    assert iana_zone("TimeZone", "aus eastern standard time") == "Australia/Sydney"


async def test_a_property_is_made_with_the_vendors_defaults(world: World, tell: Tell) -> None:
    project = await made(tell)
    expected = {
        "PropertySid": project["PropertySid"],
        "AccountSid": world.account.sid,
        "Name": "Bakery",
        "MainDomain": "www.bakery.example",
        "TimeZone": "AUS Eastern Standard Time",
        "SmsEnabled": False,
        "CallRecordingEnabled": False,
        "IntegrationsEnabled": False,
        "Active": True,
    }
    assert (project, list(project)) == (expected, list(expected))
    assert len(project["PropertySid"]) == 32
    assert await shown(tell, project["PropertySid"]) == expected
    stored = await world.services.accounts.property_by_sid(world.account.id, project["PropertySid"])
    assert stored is not None
    assert stored.timezone == "Australia/Sydney"


async def test_every_switch_can_be_given(tell: Tell) -> None:
    switches = {"SmsEnabled": True, "CallRecordingEnabled": True, "IntegrationsEnabled": True, "Active": False}
    project = await made(tell, **switches)
    assert {name: project[name] for name in switches} == switches


BAD = [
    ({"Name": None}, (400, "PARAMETER_REQUIRED", "Name: A parameter is missing.")),
    ({"MainDomain": None}, (400, "PARAMETER_REQUIRED", "MainDomain: A parameter is missing.")),
    ({"TimeZone": None}, (400, "PARAMETER_REQUIRED", "TimeZone: A parameter is missing.")),
    ({"TimeZone": "Australia/Sydney"}, (400, "UNKNOWN_TIME_ZONE", "TimeZone: not a Windows time zone id")),
    ({"Name": ""}, (400, "PARAMETER_OUT_OF_RANGE", "Name: Expected `str` of length >= 1")),
    ({"Name": "a" * 256}, (400, "PARAMETER_OUT_OF_RANGE", "Name: Expected `str` of length <= 255")),
    ({"Name": "a\0"}, (400, "PARAMETER_INVALID", "Name: holds a NUL")),
    ({"MainDomain": "https://x/y"}, (400, "PARAMETER_INVALID", None)),
    ({"Active": "true"}, (400, "PARAMETER_INVALID", "Active: Expected `bool`, got `str`")),
    ({"SmsEnabled": 1}, (400, "PARAMETER_INVALID", "SmsEnabled: Expected `bool`, got `int`")),
]


@pytest.mark.parametrize(("change", "expected"), BAD)
async def test_what_is_wrong_with_a_property_is_told_and_nothing_is_made(
    world: World, tell: Tell, change: dict[str, Any], expected: tuple[int, str, str | None]
) -> None:
    status, code, message = fault(await tell("POST", "/Properties", NEW | change))
    assert (status, code) == expected[:2]
    assert expected[2] in (None, message)
    assert len(await world.services.accounts.properties(world.account.id)) == 1


async def test_a_patch_changes_what_it_names_and_is_answered_with_nothing(tell: Tell) -> None:
    project = await made(tell)
    sid = project["PropertySid"]
    for change in (
        {"Name": "Bakery & Sons"}, {"TimeZone": "Romance Standard Time", "SmsEnabled": True}, {"active": False}, {},
        {"MainDomain": "bakery.example", "CallRecordingEnabled": True, "IntegrationsEnabled": True, "Colour": "red"},
    ):  # fmt: skip
        answer = await tell(
            "PATCH", f"/Properties/{sid}", change, headers={"content-type": "application/merge-patch+json"}
        )
        assert (answer.status_code, answer.content) == (204, b"")
    assert await shown(tell, sid) == project | {
        "Name": "Bakery & Sons", "TimeZone": "Romance Standard Time", "SmsEnabled": True, "Active": False,
        "MainDomain": "bakery.example", "CallRecordingEnabled": True, "IntegrationsEnabled": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"TimeZone": "Mars"}, (400, "UNKNOWN_TIME_ZONE", "TimeZone: not a Windows time zone id")),
        ({"Name": None}, (400, "PARAMETER_INVALID", "Name: Expected `str`, got `null`")),
        ({"Active": None}, (400, "PARAMETER_INVALID", "Active: Expected `bool`, got `null`")),
        ({"name": "a", "NAME": "b"}, (400, "PARAMETER_INVALID", "Name: given more than once")),
        ([], (400, "REQUEST_INVALID", "a JSON object is expected")),
    ],
)
async def test_a_bad_patch_changes_nothing(
    world: World, tell: Tell, change: Any, expected: tuple[int, str, str]
) -> None:
    before = await shown(tell, world.property.sid)
    body = {"MainDomain": "new.example"} | change if isinstance(change, dict) else change
    assert fault(await tell("PATCH", "/Properties/{property}", body)) == expected
    assert await shown(tell, world.property.sid) == before


async def test_patches_at_once_lose_nothing(tell: Tell) -> None:
    sid = (await made(tell))["PropertySid"]
    changes: list[dict[str, Any]] = [
        {"Name": "N"}, {"MainDomain": "m"}, {"SmsEnabled": True}, {"CallRecordingEnabled": True}, {"IntegrationsEnabled": True},
    ]  # fmt: skip
    await asyncio.gather(*(tell("PATCH", f"/Properties/{sid}", change) for change in changes))
    project = await shown(tell, sid)
    assert all(project[name] == value for change in changes for name, value in change.items())


async def test_the_list_is_paged_by_count_skip_or_token(world: World, tell: Tell) -> None:
    sids = [world.property.sid, *[(await made(tell, Name=f"P{n}"))["PropertySid"] for n in range(4)]]

    async def page(**params: Any) -> tuple[list[str], int, str | None]:
        answer = (await tell("GET", "/Properties", params=params)).json()
        assert list(answer) == ["Projects", "TotalCount", "NextPageToken"]
        return [item["PropertySid"] for item in answer["Projects"]], answer["TotalCount"], answer["NextPageToken"]

    assert await page() == (sids, 5, None)
    assert await page(Results_Count=2) == (sids[:2], 5, sids[1])
    assert await page(Results_Count=2, PageToken=sids[1]) == (sids[2:4], 5, sids[3])
    assert await page(results_count=2, pagetoken=sids[3].lower()) == (sids[4:], 5, None)
    assert await page(Results_Skip=4) == (sids[4:], 5, None)
    assert await page(Results_Skip=9) == ([], 5, None)
    told = fault(await tell("GET", "/Properties", params={"PageToken": "x"}))
    assert told == (400, "TOKEN_INVALID", "PageToken: The token is not valid.")
    assert fault(await tell("GET", "/Properties", params={"Results_Count": "x"}))[1] == "PARAMETER_INVALID"


async def test_fifty_properties_are_a_page(world: World, tell: Tell) -> None:
    for n in range(50):
        await world.services.accounts.add_property(world.account.id, f"P{n}")
    answer = (await tell("GET", "/Properties")).json()
    assert (len(answer["Projects"]), answer["TotalCount"]) == (50, 51)
    assert answer["NextPageToken"] == answer["Projects"][-1]["PropertySid"]


async def test_a_property_without_a_zone_has_the_accounts(world: World, tell: Tell) -> None:
    assert world.property.timezone is None
    assert (
        (await shown(tell, world.property.sid))["TimeZone"] == windows_zone("Europe/Paris") == "Romance Standard Time"
    )


async def test_another_accounts_properties_do_not_exist(world: World, client: AsyncClient, other: World) -> None:
    theirs = (other.account.sid, FONE_TOKEN + "-other")
    for method, where in (("GET", ""), ("PATCH", ""), ("GET", "/Flows")):
        url = f"/v2/Properties/{world.property.sid}{where}"
        answer = await client.request(method, url, auth=theirs, json={"Name": "stolen"} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["ResponseStatus"]["ErrorCode"]) == (404, "NOT_FOUND")
        assert (await client.request(method, url, json={})).status_code == 401
    listed = (await client.get("/v2/Properties", auth=theirs)).json()
    assert [item["PropertySid"] for item in listed["Projects"]] == [other.property.sid]
    for method in ("GET", "POST"):
        assert (await client.request(method, "/v2/Properties")).status_code == 401


async def test_a_key_of_one_property_sees_and_changes_it_alone(world: World, tell: Tell, bound: str) -> None:
    sid = (await made(tell))["PropertySid"]
    assert fault(await tell("POST", "/Properties", NEW, token=bound)) == (
        403,
        "FORBIDDEN",
        "the key belongs to one property",
    )
    for method in ("GET", "PATCH"):
        assert (await tell(method, f"/Properties/{sid}", {}, token=bound)).status_code == 404
    answer = (await tell("GET", "/Properties", token=bound)).json()
    assert ([item["PropertySid"] for item in answer["Projects"]], answer["TotalCount"]) == ([world.property.sid], 1)
    assert (await tell("PATCH", "/Properties/{property}", {"Name": "Mine"}, token=bound)).status_code == 204
    assert (await shown(tell, world.property.sid))["Name"] == "Mine"


# --- flows --------------------------------------------------------------------------------------------------------------


async def test_flows_are_the_accounts_apps_but_not_what_belongs_to_one_number(
    world: World, tell: Tell, sms_number: str
) -> None:
    await tell("POST", f"/Numbers/{sms_number[1:]}", {"RoutingMethod": "Endpoint", "EndpointNumber": "+33199000010"})
    second = await world.services.apps.create(world.account.id, "CALLTRACKING10", "Second", {})
    flows = (await tell("GET", "/Properties/{property}/Flows")).json()
    assert list(flows) == ["Flows"]
    changed = int(world.app.updated_at.timestamp())
    assert flows["Flows"][0] == {
        "PropertySid": world.property.sid, "ConfigId": world.app.hash, "Revision": changed, "Name": "Main line",
        "Type": "Voice", "LastUpdated": changed,
    }  # fmt: skip
    assert [flow["ConfigId"] for flow in flows["Flows"]] == [world.app.hash, second.hash]
    answer = await tell("GET", "/Properties/{property}/Flows", params={"Results_Count": 1, "Results_Skip": 1})
    assert [flow["ConfigId"] for flow in answer.json()["Flows"]] == [second.hash]
    bad = fault(await tell("GET", "/Properties/{property}/Flows", params={"Results_Count": 0}))
    assert bad[:2] == (400, "PARAMETER_OUT_OF_RANGE")


async def test_fifty_flows_are_a_page(world: World, tell: Tell) -> None:
    for n in range(50):
        await world.services.apps.create(world.account.id, "CALLTRACKING10", f"F{n}", {})
    assert len((await tell("GET", "/Properties/{property}/Flows")).json()["Flows"]) == 50


async def test_logins_are_not_served(tell: Tell) -> None:
    for method, path in (("GET", "/OnlineLogins"), ("POST", "/Properties/{property}/OnlineLogins")):
        assert fault(await tell(method, path, {}))[:2] == (404, "NOT_FOUND")
