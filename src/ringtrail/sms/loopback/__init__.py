"""The transport without a carrier: whatever is sent is delivered, and arrives back at the recipient's number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from ringtrail.model.message import Message
from ringtrail.ports.clock import Clock
from ringtrail.ports.sms import MessageReceived, ReceiptArrived, SmsFact


class Loopback:
    name = "loopback"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def submit(self, message: Message) -> Sequence[SmsFact]:
        at = self._clock.now()
        received = MessageReceived(
            at=at, transport_id=f"{self.name}:{message.sid}", sender=message.sender, recipient=message.recipient_e164,
            body=message.body, flash=message.flash,
        )  # fmt: skip
        receipt = ReceiptArrived(at=at, sid=message.sid, delivered=True)
        return (received, receipt) if message.receipt_wanted else (received,)

    async def facts(self) -> AsyncIterator[SmsFact]:
        await asyncio.Event().wait()
        yield  # type: ignore[misc]  # never: everything is known at once
