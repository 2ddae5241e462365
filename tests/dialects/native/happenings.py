"""What there is to tell besides calls, and where it is told: messages, numbers, endpoints made over the API."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from ringtrail.model.ids import new_sid
from ringtrail.model.message import Direction, Encoding, Message, MessageStatus
from ringtrail.model.webhook import DeliveryRecord, LogQuery
from ringtrail.storage import messages
from ringtrail.storage.database import Database
from tests.dialects.native.conftest import Api
from tests.fixtures import TOKENS, World
from tests.receiver import Received, Receiver


async def receive_message(world: World, body: str, database: Database | None = None) -> Message:
    """database: whose connection writes it."""
    now = datetime.now(UTC)
    message = Message(
        id=0, sid=new_sid(), account_id=world.account.id, property_id=world.property.id, direction=Direction.IN,
        sender="+33612345678", recipient_e164=world.did.number_e164, body=body, encoding=Encoding.GSM, segments=1,
        status=MessageStatus.RECEIVED, created_at=now, received_at=now,
    )  # fmt: skip
    async with (database or world.database).transaction() as connection:
        stored = await messages.add(connection, message)
    assert stored is not None
    return stored


async def make_endpoint(
    api: Api, receiver: Receiver, *, token: str = TOKENS["native"], **fields: Any
) -> dict[str, Any]:
    answer = await api("/endpoints", method="POST", json={"address": receiver.url + "/hook"} | fields, token=token)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def verifies(request: Received, secret: str) -> bool:
    """Whether the Standard Webhooks project's own library takes a request for ours."""
    try:
        Webhook(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


def verifies_ed25519(request: Received, public_key: str) -> bool:
    """Whether one of its `v1a` signatures is by the key's other half."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    head = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}."
    for item in request.headers["webhook-signature"].split(" "):
        scheme, _, signature = item.partition(",")
        if scheme == "v1a":
            try:
                key.verify(base64.b64decode(signature), head.encode() + request.body)
            except InvalidSignature:
                continue
            return True
    return False


async def log_of(world: World, hash_: str) -> list[DeliveryRecord]:
    query = LogQuery(account_id=world.account.id, endpoint_hashes=[hash_])
    return (await world.services.webhook_ledger.deliveries(query, limit=1000))[0]
