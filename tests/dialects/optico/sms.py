"""SMS that a tracking number received."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ringtrail.model.ids import new_sid
from ringtrail.model.message import Direction, Message, MessageStatus, encoding_of, parts_of
from ringtrail.storage import messages
from tests.fixtures import GOLDEN_START, World


async def received_sms(world: World, body: str, *, at: datetime = GOLDEN_START, **changes: Any) -> Message:
    """One SMS to the world's DID, as it is stored. changes: other fields of the Message."""
    fields: dict[str, Any] = {
        "id": 0, "sid": new_sid(), "account_id": world.account.id, "property_id": world.property.id,
        "direction": Direction.IN, "sender": "+33612345678", "recipient_e164": world.did.number_e164, "body": body,
        "encoding": encoding_of(body), "segments": len(parts_of(body)), "status": MessageStatus.RECEIVED,
        "created_at": at, "received_at": at,
    }  # fmt: skip
    async with world.database.transaction() as connection:
        stored = await messages.add(connection, Message(**fields | changes))
    assert stored is not None
    return stored
