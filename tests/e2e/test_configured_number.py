"""A number put up for sale, bought and configured over HTTP rings its endpoint, with real SIP on both ends; and a message
that is sent over HTTP arrives by the worker."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from subprocess import run

import httpx
import pytest
import pytest_asyncio

from ringtrail.supervisor.parts import environ_of
from tests.dialects.fonedynamics.client import FoneDynamics, FoneDynamicsError
from tests.dialects.optico.client import Optico
from tests.e2e.stack import Stack, eventually, private_folder
from tests.fixtures import FONE_TOKEN, TOKENS
from tests.sip import answers

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """With the web server and the worker."""
    folder = private_folder("ringtrail-configured-")
    stack = Stack(folder)
    try:
        await stack.up()
        stack.callers.silence = stack.targets.silence = True  # a recording needs something to record
        accounts, account = stack.services.accounts, stack.account
        await accounts.add_token(account.id, "fonedynamics", f"{account.sid}\n{FONE_TOKEN}")
        await accounts.add_token(account.id, "optico", TOKENS["optico"], property_id=stack.property.id)
        stack.start("serve", [sys.executable, "-m", "ringtrail.cli", "serve"], env=environ_of(stack.settings))
        stack.start_worker()
        yield stack
    finally:
        await stack.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(loop_scope="module")
async def fone(stack: Stack) -> AsyncIterator[FoneDynamics]:
    async with httpx.AsyncClient(base_url=stack.settings.base_url, timeout=20) as http:

        async def serves() -> bool:
            try:
                return (await http.get("/healthz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(serves, 30)
        yield FoneDynamics(http, stack.account.sid, FONE_TOKEN)


def put_up_for_sale(stack: Stack, capabilities: str = "voice") -> str:
    """A fresh number, from the command line."""
    number = f"+339{secrets.randbelow(10**8):08d}"
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write(f"number,capabilities\n{number},{capabilities}\n")
        file.flush()
        command = [sys.executable, "-m", "ringtrail.cli", "numbers", "import", file.name]
        run(command, env=environ_of(stack.settings), check=True, capture_output=True, timeout=60)
    return number


def endpoint(stack: Stack) -> str:
    """A fresh number of a phone that answers."""
    number = stack.target()
    stack.plan[number] = answers(0.1)
    return number


async def rung(stack: Stack, number: str) -> None:
    """A caller dials the number, is answered, stays for a second (nothing is recorded of less), and hangs up."""
    call = stack.callers.call(stack.sip_uri(number))
    assert (await call.final()).status == 200
    await asyncio.sleep(1)
    assert (await call.bye()).status == 200


async def test_a_bought_number_rings_the_endpoint_that_it_is_given(stack: Stack, fone: FoneDynamics) -> None:
    number, shop, other_shop = put_up_for_sale(stack), endpoint(stack), endpoint(stack)
    site = stack.property.sid
    assert await fone.buy(site, number) == "Active"
    unanswered = stack.callers.call(stack.sip_uri(number))
    assert (await unanswered.final()).status == 404
    await fone.configure(
        number, Friendly="Front desk", RoutingMethod="Endpoint", EndpointNumber=shop, Recording="Call",
        Attribution_Source="Leaflet",
    )  # fmt: skip
    await rung(stack, number)
    await fone.configure(number, EndpointNumber=other_shop, Recording="Off")
    await rung(stack, number)

    async def ended() -> bool:
        return len(await fone.calls(site, To=number)) == 3

    await eventually(ended, 15)
    calls = await fone.calls(site, To=number)
    assert [(call.disposition, call.endpoint) for call in calls] == [
        ("Failed", None), ("Answered", shop), ("Answered", other_shop),
    ]  # fmt: skip
    assert [call.source for call in calls] == [None, "Leaflet", "Leaflet"]

    async def recorded() -> bool:
        return (await fone.call(calls[1].sid)).recording_uri is not None

    await eventually(recorded, 15)
    assert (await fone.call(calls[2].sid)).recording_uri is None


async def test_a_flow_and_a_property_without_recording_are_heeded_by_the_next_call(
    stack: Stack, fone: FoneDynamics
) -> None:
    shop = endpoint(stack)
    _, app = await stack.number((shop, 20, answers(0.1)), record=True)
    site = await fone.create_property("Second site", "second.example", "Romance Standard Time")
    number = put_up_for_sale(stack)
    await fone.buy(site, number)
    await fone.configure(number, RoutingMethod="Flow", Flow=app.hash)
    assert app.hash in await fone.flows(site)
    await rung(stack, number)
    record = await stack.ended_call(number)
    assert (record.disposition, record.destination_number, record.property_sid) == ("answered", shop, site)
    assert await stack.services.recordings.find(stack.account.id, call_ids=[record.id]) == ([], 0)


async def test_an_endpoint_that_the_account_may_not_dial_is_refused_and_the_old_one_rings_on(
    stack: Stack, fone: FoneDynamics
) -> None:
    number, shop = put_up_for_sale(stack), endpoint(stack)
    await fone.buy(stack.property.sid, number)
    await fone.configure(number, RoutingMethod="Endpoint", EndpointNumber=shop)
    with pytest.raises(FoneDynamicsError, match="may not dial") as refused:
        await fone.configure(number, EndpointNumber="+61290000001", Friendly="elsewhere")
    assert (refused.value.status, refused.value.code) == (403, "FORBIDDEN")
    assert (await fone.number(number)).friendly is None
    await rung(stack, number)
    assert (await stack.ended_call(number)).destination_number == shop


async def test_a_message_goes_through_the_worker_and_arrives_where_optico_shows_it(
    stack: Stack, fone: FoneDynamics
) -> None:
    site = stack.property.sid
    await stack.services.accounts.allow_outbound(stack.account.id, ("+33199", "+339"))
    sender, recipient = put_up_for_sale(stack, "voice sms"), put_up_for_sale(stack, "voice sms")
    for number in (sender, recipient):
        await fone.buy(site, number)
    sent = await fone.send(site, recipient, "Votre table est réservée", From=sender)

    async def delivered() -> bool:
        return (await fone.message(sent.sid)).status == "Delivered"

    await eventually(delivered, 15)
    (received,) = await fone.messages(site, Direction="Receive")
    assert (received.sender, received.recipient, received.text) == (sender, recipient, "Votre table est réservée")
    today = datetime.now(UTC).date()
    shown = await Optico(fone.http, TOKENS["optico"]).sms(today - timedelta(days=1), today + timedelta(days=1))
    assert [(sms.caller, sms.tracking_number, sms.text) for sms in shown] == [(sender, recipient, received.text)]
