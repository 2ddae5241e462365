"""A dialect names the fields of a call that it reads; the others are not fetched, so a forgotten name would be an error."""

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
from ringtrail.dialects.optico import responses as optico
from ringtrail.model.account import Account, Property
from ringtrail.model.call import CallRecord
from ringtrail.model.query import CallQuery
from tests.fixtures import World, with_recording

_PARIS = ZoneInfo("Europe/Paris")
_INVOX = invox.Presentation(
    zone=_PARIS, country="FR", base_url="http://x", national_numbers=True, masked_properties=frozenset(),
    recording_key=lambda hash_: "key",
)  # fmt: skip

Show = Callable[[CallRecord, Account, Property], Any]

SHOWN: dict[str, tuple[frozenset[str], Show]] = {
    "optico": (optico.FIELDS, lambda call, _account, _item: optico.call_item(call, _PARIS, masks_callers=False)),
    "invox": (invox.FIELDS, lambda call, _account, _item: _INVOX.call(call)),
    "agendize": (agendize.FIELDS, lambda call, _account, item: agendize.call_resource(call, item, "http://x")),
    "fonedynamics": (
        fonedynamics.FIELDS,
        lambda call, _account, item: fonedynamics.call_resource(call, item, "http://x"),
    ),
    "callr": (callr.CDR_IN_FIELDS, lambda call, account, item: callr.cdr_in(call, account, frozenset({item.id}))),
}


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", SHOWN)
async def test_a_call_reads_the_same_whether_all_fields_are_fetched_or_only_those_asked_for(
    world: World, dialect: str
) -> None:
    fields, show = SHOWN[dialect]
    await world.save(with_recording(world.golden(keypad="1,2", caller_region="Paris", redirected=True)))
    query = CallQuery(account_id=world.account.id)
    whole = (await world.services.calls.page(query)).records[0]
    narrow = (await world.services.calls.page(query, fields=fields)).records[0]
    assert narrow._asdict() == {name: value for name, value in whole._asdict().items() if name in fields}
    shown = [msgspec.to_builtins(show(call, world.account, world.property)) for call in (whole, narrow)]
    assert shown[0] == shown[1]
