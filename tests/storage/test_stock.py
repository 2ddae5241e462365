"""Numbers for sale, and numbers set up by several at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ringtrail.model.app import App
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import DID
from ringtrail.services.numbers import Endpoint
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world, own_route

pytestmark = pytest.mark.postgres

SALE = ("+33199005001", "+33199005002")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def test_what_is_for_sale_or_somebodys_already_is_passed_over(world: World) -> None:
    stock = world.services.stock
    await stock.add(SALE, capabilities=("voice", "sms"))
    await stock.add([SALE[0], world.did.number_e164])
    assert [(item.number_e164, item.country, item.capabilities) for item in await stock.find()] == [
        (number, "FR", ("voice", "sms")) for number in SALE
    ]


async def test_a_number_that_is_given_back_is_for_sale_again_without_its_endpoint(world: World) -> None:
    numbers, stock = world.services.numbers, world.services.stock
    await stock.add(list(SALE[:1]))
    did = await stock.buy(world.account.id, world.property.id, number_e164=SALE[0])
    await numbers.route_to(did, "+33199000010", record=False)
    await stock.release(did)
    assert [item.number_e164 for item in await stock.find()] == list(SALE[:1])
    assert [app.hash for app in await world.services.apps.list(world.account.id)] == [world.app.hash]


async def test_an_endpoint_that_another_number_uses_outlives_its_own(world: World) -> None:
    numbers, stock = world.services.numbers, world.services.stock
    await stock.add(list(SALE[:1]))
    did = await stock.buy(world.account.id, world.property.id, number_e164=SALE[0])
    await numbers.route_to(did, "+33199000010", record=False)
    routed = await numbers.by_hash(world.account.id, did.hash)
    assert routed is not None
    own = await own_route(world, routed)
    assert own is not None
    await numbers.assign(world.account.id, world.did.hash, own.hash)
    await stock.release(did)
    kept = await numbers.by_hash(world.account.id, world.did.hash)
    assert kept is not None
    assert kept.app_hash == own.hash


async def test_routes_that_are_set_at_once_make_one_app_and_the_last_one_holds(world: World) -> None:
    numbers = world.services.numbers
    targets = [f"+3319900001{n}" for n in range(8)]
    await asyncio.gather(*(numbers.route_to(world.did, target, record=False) for target in targets))
    apps = await world.services.apps.list(world.account.id)
    assert [app.did_hash for app in apps] == [None, world.did.hash]
    assert apps[1].params["targets"][0]["number"] in targets


async def test_a_change_that_fails_writes_nothing_of_itself(world: World) -> None:
    def to_nowhere(did: DID, app: App | None) -> tuple[DID, str]:
        return replace(did, friendly_name="renamed"), "NOTTHERE"

    with pytest.raises(DomainError) as refused:
        await world.services.numbers.configure(world.account.id, world.did.hash, to_nowhere)
    assert (refused.value.code, refused.value.field) == (ErrorCode.UNKNOWN_VALUE, "app")
    found = await world.services.numbers.by_hash(world.account.id, world.did.hash)
    assert found == world.did
    with pytest.raises(DomainError):
        await world.services.numbers.configure(
            world.account.id, "NOTTHERE", lambda did, app: (did, Endpoint(number_e164="+33199000010", records=False))
        )


async def test_a_number_that_cannot_be_set_up_is_not_bought(world: World) -> None:
    def to_nowhere(did: DID, app: App | None) -> tuple[DID, str]:
        return did, "NOTTHERE"

    numbers, stock = world.services.numbers, world.services.stock
    await stock.add([SALE[0]])
    for wanted in ({"number_e164": SALE[0]}, {"country": "FR"}):
        with pytest.raises(DomainError):
            await stock.buy(world.account.id, world.property.id, change=to_nowhere, **wanted)
    assert [item.number_e164 for item in await stock.find()] == [SALE[0]]
    assert await numbers.by_number(world.account.id, SALE[0]) is None
