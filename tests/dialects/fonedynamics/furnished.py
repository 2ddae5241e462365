"""What the examples of the reference name."""

from __future__ import annotations

from pathlib import Path

from ringtrail.dialects.fonedynamics.reference_parts import (
    ACCOUNT_SID,
    CALL_SID,
    FLOW,
    MESSAGE_SID,
    PROPERTY_SID,
    SMS_NUMBER,
    STOCK_NUMBER,
)
from ringtrail.model.ids import call_sid
from ringtrail.services.messages import NewMessage
from tests.dialects.recorded import recorded_call
from tests.fixtures import World


async def furnish(world: World, folder: Path) -> dict[str, str]:
    """{as the examples show it: as it is in this world}"""
    call = await recorded_call(world, folder)
    await world.services.stock.add([STOCK_NUMBER])
    await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164=SMS_NUMBER,
        friendly_name="Text line", capabilities=("voice", "sms"),
    )  # fmt: skip
    message = await world.services.messages.send(
        world.account,
        NewMessage(
            property_id=world.property.id,
            recipient="+33612345678",
            body="Your table is booked.",
            external_id="booking 7",
        ),
    )
    return {
        ACCOUNT_SID: world.account.sid, PROPERTY_SID: world.property.sid, CALL_SID: call_sid(call.id),
        MESSAGE_SID: message.sid, FLOW: world.app.hash,
    }  # fmt: skip
