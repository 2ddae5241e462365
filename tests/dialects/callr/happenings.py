"""What there is to tell: calls in progress, messages in and out, numbers, credit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.events import Event, EventType
from ringtrail.model.lifecycle import Stage, State
from ringtrail.model.message import Message
from ringtrail.ports.clock import SystemClock
from ringtrail.ports.sms import MessageReceived, ReceiptArrived, SmsFact, SmsRefusedError
from ringtrail.services import build_services
from ringtrail.services.messages import Messenger
from ringtrail.sound.studio import LocalStudio
from ringtrail.storage import counters
from ringtrail.storage.events import tell
from ringtrail.storage.recordings import finish_recording
from tests.engines.asterisk.conftest import CACHE
from tests.fixtures import World
from tests.receiver import LOCAL

MOBILE, SMS_NUMBER = "+33612345678", "+33199001001"


def in_progress(call: Call) -> Call:
    """The call while its target's phone rings."""
    caller, target = call.legs
    ringing: dict[str, Any] = {"answered_at": None, "ended_at": None, "cause": None, "hangup_by": None}
    return replace(
        call, ended_at=None, answered_at=None, bridged_at=None, hangup_cause=None, hangup_by=None,
        state=State.RINGING, stage=Stage.RINGING, disposition=Disposition.IN_PROGRESS,
        legs=tuple(replace(leg, disposition=Disposition.IN_PROGRESS, **ringing) for leg in (caller, target)),
        recordings=tuple(replace(recording, status="recording") for recording in call.recordings),
    )  # fmt: skip


def with_sounds(world: World, folder: Path) -> World:
    """Its sounds are kept in the folder, converted, and spoken where there is a voice."""
    services = build_services(
        world.database, SystemClock(), recordings_folder=str(folder), studio=LocalStudio(CACHE),
        egress_allowed_networks=LOCAL,
    )  # fmt: skip
    return replace(world, services=services)


async def recording_is_ready(world: World, hash_: str = "REC0RD1N") -> None:
    async with world.database.transaction() as connection:
        await finish_recording(
            connection, world.account.id, hash_, status="ready", duration_ms=199_400, size_bytes=1_234
        )


async def credit(world: World, type_: EventType, **detail: Any) -> None:
    """An event of a prepaid account's balance."""
    event = Event(
        account_id=world.account.id, type=type_, property_id=None, about=world.account.id, at=datetime.now(UTC),
        detail={"balance_micro": 12_345_600, "amount_micro": -50_000, "currency": "EUR", "warning_micro": 5_000_000,
                "shutdown_micro": None} | detail,
    )  # fmt: skip
    async with world.database.transaction() as connection:
        await counters.lock(connection, world.account.id)
        await tell(connection, world.account.id, [event])


@dataclass
class Carrier:
    """A transport that takes everything but what it is told to refuse, and tells what the test puts into `told`."""

    refuses: dict[str, str] = field(default_factory=dict)  # text: why
    told: asyncio.Queue[SmsFact] = field(default_factory=asyncio.Queue)
    name: str = "test"

    async def submit(self, message: Message) -> Sequence[SmsFact]:
        if message.body in self.refuses:
            raise SmsRefusedError(self.refuses[message.body])
        return ()

    async def facts(self) -> AsyncIterator[SmsFact]:
        while True:
            yield await self.told.get()
            self.told.task_done()


@dataclass
class Post:
    """The worker that hands messages on and takes what the carrier tells."""

    world: World
    carrier: Carrier
    messenger: Messenger
    _serial: int = 0

    async def hand_on(self) -> None:
        await self.messenger.dispatch_all()

    async def deliver(self, message_hash_sid: str, *, error_code: str | None = None) -> None:
        await self._tell(
            ReceiptArrived(
                at=datetime.now(UTC), sid=message_hash_sid, delivered=error_code is None, error_code=error_code
            )
        )

    async def receive(self, body: str, *, sender: str = MOBILE, recipient: str = SMS_NUMBER) -> None:
        self._serial += 1
        await self._tell(
            MessageReceived(
                at=datetime.now(UTC), transport_id=f"x{self._serial}", sender=sender, recipient=recipient, body=body
            )
        )

    async def _tell(self, fact: SmsFact) -> None:
        self.carrier.told.put_nowait(fact)
        await self.carrier.told.join()


async def sms_number(world: World, number: str = SMS_NUMBER) -> None:
    """A number of the world's that can send."""
    await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164=number, capabilities=("voice", "sms")
    )


async def opened_post(world: World) -> tuple[Post, asyncio.Task[None]]:
    carrier = Carrier()
    messenger = Messenger(world.database, SystemClock(), carrier, default_country="FR")
    return Post(world, carrier, messenger), asyncio.create_task(messenger.listen())
