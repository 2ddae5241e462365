"""Messages on the wire: what is sent to us, and every field of the vendor's record in its order."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ringtrail.dialects.fonedynamics.parameters import Given, meaning, named
from ringtrail.dialects.fonedynamics.vocabulary import (
    DIRECTIONS,
    LAST_SECOND,
    METHODS,
    STATUSES,
    direction_word,
    is_email,
    parse_number,
    parse_unix,
    status_word,
    unix_seconds,
    unix_text,
)
from ringtrail.model.account import Account, Property
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.message import Direction, Message
from ringtrail.model.query import MessageQuery
from ringtrail.services.messages import NewMessage
from ringtrail.services.numbers import masked

MAX_BATCH = 1_000
"""[inferred] The vendor names no limit."""

FIELD_NAMES = {"recipient": "To", "body": "Text", "sender": "From", "scheduled_at": "Schedule"}
_URI = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)
_Text = Annotated[str, Meta(max_length=255)]
_Uri = Annotated[str, Meta(max_length=2_048)]


class SendMessage(msgspec.Struct, kw_only=True):
    """A message to be sent."""

    To: Annotated[str, Meta(max_length=64)]
    Text: str
    From: Annotated[str, Meta(max_length=64)] | None = None
    Schedule: Annotated[int, Meta(ge=0, le=LAST_SECOND)] | None = None
    DeliveryReceipt: bool = True
    DeliveryReceiptWebhookUri: _Uri | None = None
    DeliveryReceiptWebhookMethod: _Text | None = None
    WebhookUri: _Uri | None = None
    WebhookMethod: _Text | None = None
    ForwardToSms: _Text | None = None
    ForwardFromSms: _Text | None = None
    ForwardToEmail: _Text | None = None
    ForwardFromEmail: _Text | None = None
    ExternalId: _Text | None = None


class SendMessages(msgspec.Struct, kw_only=True):
    """Messages to be sent, each for itself."""

    Messages: list[Any]


class MessageResource(msgspec.Struct, kw_only=True):
    """A message, sent or received."""

    MessageSid: str
    AccountSid: str
    PropertySid: str
    From: str
    To: str
    Text: str
    DeliveryReceipt: bool
    NumSegments: int
    Status: str
    Direction: str
    Scheduled: int | None
    Created: int
    Submitted: int | None
    Delivered: int | None
    Received: int | None
    ErrorCode: str | None
    ExternalId: str | None


class OneMessage(msgspec.Struct, kw_only=True):
    Message: MessageResource


class MessageList(msgspec.Struct, kw_only=True):
    Messages: list[MessageResource]


def new_message(item: Property, asked: SendMessage) -> NewMessage:
    """DomainError with the vendor's field for what can be told without looking anything up."""
    return NewMessage(
        property_id=item.id,
        recipient=asked.To,
        body=asked.Text,
        sender=(asked.From or "").strip() or None,
        scheduled_at=None if asked.Schedule is None else datetime.fromtimestamp(asked.Schedule, UTC),
        receipt_wanted=asked.DeliveryReceipt,
        external_id=asked.ExternalId,
        settings=_kept(asked),
    )


def _kept(asked: SendMessage) -> dict[str, str]:
    """What is kept with the message under the vendor's names."""
    checks = {
        "DeliveryReceiptWebhookUri": _uri, "DeliveryReceiptWebhookMethod": _method, "WebhookUri": _uri,
        "WebhookMethod": _method, **FORWARDING,
    }  # fmt: skip
    return {name: check(name, value) for name, check in checks.items() if (value := getattr(asked, name))}


def _uri(field: str, text: str) -> str:
    if not _URI.fullmatch(text):
        raise DomainError(ErrorCode.BAD_FORMAT, field, "not an http or https URI")
    return text


def _method(field: str, word: str) -> str:
    return meaning(field, METHODS, word)


def _email(field: str, text: str) -> str:
    if not is_email(text):
        raise DomainError(ErrorCode.BAD_FORMAT, field, "not an e-mail address")
    return text


FORWARDING = {
    "ForwardToSms": parse_number, "ForwardFromSms": parse_number, "ForwardToEmail": _email, "ForwardFromEmail": _email,
}  # fmt: skip
"""{field: its check}, of messages and of numbers."""


def message_resource(account: Account, item: Property, message: Message) -> MessageResource:
    inbound = message.direction is Direction.IN
    return MessageResource(
        MessageSid=message.sid,
        AccountSid=account.sid,
        PropertySid=item.sid,
        From=masked(message.sender) if inbound and item.masks_callers else message.sender,
        To=message.recipient_e164,
        Text=message.body,
        DeliveryReceipt=message.receipt_wanted,
        NumSegments=message.segments,
        Status=status_word(message.status),
        Direction=direction_word(message.direction),
        Scheduled=unix_seconds(message.scheduled_at),
        Created=int(unix_text(message.created_at)),
        Submitted=unix_seconds(message.submitted_at),
        Delivered=unix_seconds(message.delivered_at),
        Received=unix_seconds(message.received_at),
        ErrorCode=message.error_code.upper() if message.error_code else None,
        ExternalId=message.external_id,
    )


def message_query(given: Given, *, account_id: int, property_id: int | None) -> MessageQuery:
    return MessageQuery(
        account_id=account_id,
        property_id=property_id,
        from_at=given.single("Date_From", named("Date_From", parse_unix)),
        to_at=given.single("Date_To", named("Date_To", parse_unix)),
        direction=given.single("Direction", lambda word: meaning("Direction", DIRECTIONS, word)),
        statuses=tuple(status for word in given.items("Status") for status in meaning("Status", STATUSES, word)),
    )
