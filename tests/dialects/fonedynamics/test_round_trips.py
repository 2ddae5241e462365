"""What is written here is seen in the other APIs; the writing client is one that was made from the vendor's pages alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from ringtrail.dialects import callr, fonedynamics, native, optico
from ringtrail.ports.clock import SystemClock
from ringtrail.services.messages import Messenger
from ringtrail.sms.loopback import Loopback
from tests.dialects.conftest import Serve
from tests.dialects.fonedynamics.client import FoneDynamics, FoneDynamicsError
from tests.dialects.optico.client import Optico
from tests.fixtures import CALLR_LOGIN, FONE_TOKEN, GOLDEN_START, TOKENS, World

pytestmark = pytest.mark.postgres

STOCK, SHOP = "+33199005001", "+33199000010"


@pytest.fixture
async def fone(world: World, serve: Serve) -> FoneDynamics:
    return FoneDynamics(await serve(fonedynamics.DIALECT), world.account.sid, FONE_TOKEN, page=3)


async def rpc(client: AsyncClient, method: str, *params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer = (await client.post("/json-rpc/v1.1/", json=body, auth=CALLR_LOGIN)).json()
    assert "error" not in answer, answer
    return answer["result"]


async def test_a_number_configured_here_is_callrs_did_and_app(world: World, serve: Serve, fone: FoneDynamics) -> None:
    await world.services.stock.add([STOCK])
    assert await fone.buy(world.property.sid, STOCK) == "Active"
    await fone.configure(STOCK, Friendly="Desk", RoutingMethod="Endpoint", EndpointNumber=SHOP, Recording="Call")
    client = await serve(callr.DIALECT)
    (did,) = (await rpc(client, "did.search", {"KEYWORDS": STOCK}, None))["hits"]
    assert (did["intl_number"], did["app"]["name"]) == (STOCK, "Desk")
    app = await rpc(client, "apps.get", did["app"]["hash"])
    assert app["p"]["targets"] == [{"number": SHOP, "timeout": 30}]
    assert app["p"]["options"]["record_calls"] is True
    await rpc(client, "apps.edit", did["app"]["hash"], None, {"targets": [{"number": "+33199000011", "timeout": 50}]})
    assert (await fone.number(STOCK)).endpoint == "+33199000011"
    await fone.configure(STOCK, Recording="Off")
    app = await rpc(client, "apps.get", did["app"]["hash"])
    assert (app["p"]["targets"], app["p"]["options"]["record_calls"]) == (
        [{"number": "+33199000011", "timeout": 50}],
        False,
    )


async def test_an_app_made_in_callr_is_a_flow_here(world: World, serve: Serve, fone: FoneDynamics) -> None:
    client = await serve(callr.DIALECT)
    params = {"targets": [{"number": SHOP, "timeout": 20}], "options": {"record_calls": True}}
    app = await rpc(client, "apps.create", "CALLTRACKING10", "Reception", params)
    assert (await fone.flows(world.property.sid))[app["hash"]] == "Reception"
    await fone.configure(world.did.number_e164, RoutingMethod="Flow", Flow=app["hash"])
    number = await fone.number(world.did.number_e164)
    assert (number.flow, number.endpoint, number.records) == (app["hash"], None, True)
    found = await rpc(client, "apps.get", app["hash"])
    assert [did["intl_number"] for did in found["did"]] == [world.did.number_e164]


async def test_the_attribution_of_a_number_is_that_of_its_later_calls_everywhere(
    world: World, serve: Serve, fone: FoneDynamics
) -> None:
    await fone.configure(world.did.number_e164, Attribution_Source="Radio", Attribution_Campaign="drive-time")
    did = await world.services.numbers.by_number(world.account.id, world.did.number_e164)
    assert did is not None
    await world.save(world.golden(attribution=did.attribution))
    (call,) = await fone.calls()
    assert (call.source, call.campaign, call.content) == ("Radio", "drive-time", "banner-3")
    day = GOLDEN_START.date()
    (shown,) = await Optico(await serve(optico.DIALECT), TOKENS["optico"]).calls(day, day)
    assert shown.source == "Radio"
    bearer = {"Authorization": f"Bearer {TOKENS['native']}"}
    listed = (await (await serve(native.DIALECT)).get("/api/v1/calls", headers=bearer)).json()
    assert "Radio" in str(listed)


async def test_a_message_to_a_number_of_ours_is_received_and_shown_by_optico(
    world: World, serve: Serve, fone: FoneDynamics
) -> None:
    await world.services.stock.add([STOCK], capabilities=("voice", "sms"))
    await fone.buy(world.property.sid, STOCK)
    texts = ["bonjour", "привет", "long " * 40]
    answers = await fone.send_batch(
        world.property.sid, [{"To": world.did.number_e164, "Text": text} for text in [*texts, ""]]
    )
    assert isinstance(answers[3], FoneDynamicsError)
    clock = SystemClock()
    await Messenger(world.database, clock, Loopback(clock), default_country="FR").dispatch_all()
    received = await fone.messages(world.property.sid, Direction="Receive")
    assert [(message.sender, message.text, message.segments) for message in received] == [
        (STOCK, "bonjour", 1), (STOCK, "привет", 1), (STOCK, "long " * 40, 2),
    ]  # fmt: skip
    assert [message.status for message in await fone.messages(world.property.sid, Direction="Transmit")] == [
        "Delivered"
    ] * 3
    today = datetime.now(UTC).date()
    reader = Optico(await serve(optico.DIALECT), TOKENS["optico"])
    shown = await reader.sms(today - timedelta(days=1), today + timedelta(days=1), tracking_phone=world.did.number_e164)
    assert [(sms.caller, sms.text) for sms in shown] == [(STOCK, text) for text in texts]


async def test_a_property_made_here_is_one_everywhere(world: World, fone: FoneDynamics) -> None:
    sids = [
        await fone.create_property(f"Site {n}", f"{n}.example", "AUS Eastern Standard Time", SmsEnabled=True)
        for n in range(4)
    ]
    await fone.change_property(sids[0], TimeZone="Romance Standard Time", Active=False)
    projects = await fone.properties()
    assert [item["PropertySid"] for item in projects] == [world.property.sid, *sids]
    stored = await world.services.accounts.properties(world.account.id)
    assert [(item.sid, item.name, item.timezone, item.active) for item in stored[1:3]] == [
        (sids[0], "Site 0", "Europe/Paris", False), (sids[1], "Site 1", "Australia/Sydney", True),
    ]  # fmt: skip
