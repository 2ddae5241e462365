"""What is written through Agendize, read through the other dialects."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ringtrail.dialects import callr, fonedynamics, invox, native, optico
from tests.dialects.agendize.client import Agendize
from tests.dialects.agendize.test_entered import CALL
from tests.dialects.callr.client import Callr
from tests.dialects.conftest import Serve
from tests.dialects.fonedynamics.client import FoneDynamics
from tests.dialects.invox.client import Invox
from tests.dialects.optico.client import Optico
from tests.fixtures import CALLR_LOGIN, FONE_TOKEN, TOKENS, World

pytestmark = pytest.mark.postgres

STARTED_AT = datetime(2026, 7, 14, 9, 5, 10, tzinfo=UTC)
DAY = date(2026, 7, 14)
CALLER, TARGET = CALL["callerNumber"], CALL["calledNumber"]

WORDS: list[tuple[str, str, str, str, str]] = [
    ("completed", "SUCCESS", "Answered", "Answered", "answered"),
    ("message", "NORESPONSE", "Voice Mail", "IVR", "voicemail"),
    ("busy", "BUSY", "User busy", "Busy", "busy"),
    ("abandoned", "INTERRUPTED", "No answer", "NoAnswer", "abandoned"),
    ("noAnswered", "NORESPONSE", "No answer", "NoAnswer", "no_answer"),
    ("wrongNumber", "ANOMALY", "Unallocated (unassigned) number", "Failed", "invalid_number"),
]
"""(as it was entered, Optico's word, INVOX's, Fone Dynamics', ours)"""


class Readers:
    """The other five, by their own clients."""

    def __init__(self, world: World, serve: Serve) -> None:
        self._world, self._serve = world, serve

    async def optico(self) -> Optico:
        return Optico(await self._serve(optico.DIALECT), TOKENS["optico"])

    async def invox(self) -> Invox:
        return Invox(await self._serve(invox.DIALECT), TOKENS["invox"])

    async def fonedynamics(self) -> FoneDynamics:
        return FoneDynamics(await self._serve(fonedynamics.DIALECT), self._world.account.sid, FONE_TOKEN)

    async def callr(self) -> Callr:
        return Callr(await self._serve(callr.DIALECT), *CALLR_LOGIN)

    async def native(self) -> list[dict[str, Any]]:
        http = await self._serve(native.DIALECT)
        reply = await http.get("/api/v1/calls", headers={"Authorization": f"Bearer {TOKENS['native']}"})
        calls: list[dict[str, Any]] = reply.json()["calls"]
        return calls


@pytest.fixture
def readers(world: World, serve: Serve) -> Readers:
    return Readers(world, serve)


@pytest.mark.parametrize(("status", "in_optico", "in_invox", "in_fone", "ours"), WORDS)
async def test_an_entered_call_is_the_same_call_in_every_dialect(
    world: World, api: Agendize, readers: Readers, status: str, in_optico: str, in_invox: str, in_fone: str, ours: str
) -> None:
    entered = await api.enter(
        **CALL, duration=65, status=status, trackingNumber=world.did.number_e164, externalId="x-1"
    )
    seconds = timedelta(seconds=65 if status in ("completed", "message") else 0)
    assert (entered.status, entered.duration) == (status, seconds)

    (optico_call,) = await (await readers.optico()).calls(DAY, DAY)
    assert (STARTED_AT in optico_call.instants, optico_call.caller, optico_call.phone) == (True, CALLER, TARGET)
    assert (optico_call.tracking_number, optico_call.status) == (world.did.number_e164, in_optico)
    assert (optico_call.duration, optico_call.source) == (seconds, "Google Ads")

    (invox_call,) = await (await readers.invox()).pull()
    assert (invox_call.id, STARTED_AT in invox_call.instants) == (entered.id, True)
    assert (invox_call.caller, invox_call.receiving, invox_call.destination) == (CALLER, world.did.number_e164, TARGET)
    assert (invox_call.status, invox_call.duration, invox_call.campaign) == (in_invox, seconds, "summer")

    (fone_call,) = await (await readers.fonedynamics()).calls()
    assert (fone_call.started_at, fone_call.caller, fone_call.endpoint) == (STARTED_AT, CALLER, TARGET)
    assert (fone_call.disposition, fone_call.duration, fone_call.medium) == (in_fone, seconds, "cpc")

    (callr_call,) = await (await readers.callr()).calls()
    assert (callr_call.started_at, callr_call.caller, callr_call.dialled) == (STARTED_AT, CALLER, world.did.number_e164)
    assert callr_call.answered == seconds

    (native_call,) = await readers.native()
    assert (native_call["disposition"], native_call["caller"]["number"]) == (ours, CALLER)
    assert native_call["tracking_number"]["number"] == world.did.number_e164


async def test_a_correction_and_a_deletion_are_seen_in_every_dialect(
    world: World, api: Agendize, readers: Readers
) -> None:
    await world.save(world.golden())
    entered = await api.enter(**CALL, duration=65)
    await api.correct(1, status="busy", callerNumber="+33600000001", trackingNumber="+33912399999")
    await api.delete(entered.id)
    optico_call, invox_call, fone_call, callr_call = (
        (await (await readers.optico()).calls(DAY, DAY)), await (await readers.invox()).pull(),
        await (await readers.fonedynamics()).calls(), await (await readers.callr()).calls(),
    )  # fmt: skip
    assert [(call.caller, call.status, call.tracking_number) for call in optico_call] == [
        ("+33600000001", "BUSY", "+33912399999")
    ]
    assert [(call.id, call.caller, call.status, call.source) for call in invox_call] == [
        (1, "+33600000001", "User busy", "")
    ]
    assert [(call.caller, call.disposition) for call in fone_call] == [("+33600000001", "Busy")]
    assert [(call.caller, call.dialled) for call in callr_call] == [("+33600000001", "+33912399999")]
    assert [call["disposition"] for call in await readers.native()] == ["busy"]
    (day,) = await (await readers.optico()).days(DAY, DAY)
    assert (day.calls, day.duration) == (1, 0)


async def test_a_call_moved_to_another_day_moves_in_the_day_totals(api: Agendize, readers: Readers) -> None:
    call = await api.enter(**CALL, duration=65)
    await api.correct(call.id, start={"dateTime": "2026-07-12T05:05:10"})
    days = await (await readers.optico()).days(date(2026, 7, 11), DAY)
    assert [(day.date.day, day.calls, day.duration) for day in days] == [
        (11, 0, 0),
        (12, 1, 65),
        (13, 0, 0),
        (14, 0, 0),
    ]


async def test_the_support_of_a_tracking_number_is_opticos_offline_description_and_the_other_way_round(
    world: World, api: Agendize, readers: Readers
) -> None:
    assert (await api.call_trackings.get(world.did.hash))["support"] == "Leaflet 7"
    await api.call_trackings.change(world.did.hash, support="Bus 12")
    await api.enter(**CALL, trackingNumber=world.did.number_e164)
    reader = await readers.optico()
    assert len(await reader.calls(DAY, DAY, offline_phone_description="Bus 12")) == 1
    assert await reader.calls(DAY, DAY, offline_phone_description="Leaflet 7") == []
    (call,) = await readers.native()
    assert call["attribution"]["offline_description"] == "Bus 12"
