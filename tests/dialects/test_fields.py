"""A dialect's view of a call names what it reads; the rest is not fetched, so a wrong name would be an error for every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ringtrail.dialects.agendize import responses as agendize
from ringtrail.dialects.callr import responses as callr
from ringtrail.dialects.fonedynamics import responses as fonedynamics
from ringtrail.dialects.invox import responses as invox
from ringtrail.dialects.native import responses as native
from ringtrail.dialects.optico import responses as optico
from ringtrail.model.query import CallQuery, LegQuery
from ringtrail.model.view import View, fields_of, seen
from tests.fixtures import World, with_recording

_PARIS = ZoneInfo("Europe/Paris")
_INVOX = invox.Presentation(
    zone=_PARIS, country="FR", base_url="http://x", national_numbers=True, masked_properties=frozenset(),
    recording_key=lambda hash_: "key",
)  # fmt: skip

VIEWS: dict[str, Callable[[World], View[Any]]] = {
    "optico": lambda _: optico.call_view(_PARIS, masks_callers=False),
    "invox": lambda _: _INVOX.view(),
    "agendize": lambda world: agendize.call_view({world.property.id: world.property}, "http://x"),
    "fonedynamics": lambda world: fonedynamics.call_view({world.property.id: world.property}, "http://x"),
    "callr": lambda world: callr.cdr_in_view(world.account, frozenset({world.property.id})),
    "native": lambda world: native.call_view(frozenset({world.property.id})),
}


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", VIEWS)
async def test_a_call_in_a_list_is_shown_as_the_call_by_itself(world: World, dialect: str) -> None:
    show = VIEWS[dialect](world)
    await world.save(with_recording(world.golden(keypad="1,2", caller_region="Paris", redirected=True)))
    query = CallQuery(account_id=world.account.id)
    whole = (await world.services.calls.page(query)).records[0]
    page = await world.services.calls.page(query, show=show, fields=["change_seq"])
    assert page.fields == tuple(dict.fromkeys((*fields_of(show), "change_seq")))
    assert page.last._asdict() == {name: getattr(whole, name) for name in page.fields}
    assert msgspec.to_builtins(page.shown) == [msgspec.to_builtins(seen(show, whole))]


@pytest.mark.postgres
async def test_a_leg_in_a_list_is_shown_as_the_leg_by_itself(world: World) -> None:
    call = world.golden()
    await world.save(call)
    show, query = callr.cdr_out_view(frozenset()), LegQuery(account_id=world.account.id, outbound=True)
    legs = [leg for leg in await world.services.calls.legs(world.account.id, [call.id]) if leg.outbound]
    assert legs
    shown, _ = await world.services.calls.legs_page(query, show)
    assert msgspec.to_builtins(shown) == [msgspec.to_builtins(seen(show, leg)) for leg in legs]
