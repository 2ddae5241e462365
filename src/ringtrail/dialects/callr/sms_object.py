"""An SMS as the vendor shows it, and its words.

[inferred]: a message's hash is its id, scrambled so that neighbours do not look alike and kept nowhere; REMOTE_QUEUED is
never ours; ERROR is what we refused to hand on, FAILED what a carrier refused or could not deliver, and `status_error`
names the reason of both; `date_update` is the newest of the dates that we know; `b_customer_mode` is the account's when the
message was accepted, or today's where that was not noted; what never went to a carrier costs nothing in the end, all else
stays charged, whatever becomes of it. `options` of a received message says nothing; its `webhook` is null but for what was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import field

from ringtrail.dialects.callr.vocabulary import HASH, cents, datetime_text
from ringtrail.model.ids import hash_of_number, number_of_hash
from ringtrail.model.message import Direction, Encoding, Message, MessageStatus
from ringtrail.model.money import BillingMode
from ringtrail.services.messages import BARRED, DISABLED, SENDER_GONE
from ringtrail.services.numbers import masked

SMS_TYPES: dict[str, Direction] = {"IN": Direction.IN, "OUT": Direction.OUT}
NATURES = ("ALERTING", "MARKETING")
ENCODINGS: dict[str, Encoding] = {"GSM": Encoding.GSM, "UNICODE": Encoding.UNICODE}
OUR_REFUSALS = (DISABLED, BARRED, SENDER_GONE)

_TYPE_WORDS = {direction: word for word, direction in SMS_TYPES.items()}
ENCODING_WORDS = {encoding: word for word, encoding in ENCODINGS.items()}
_STATUS_WORDS: dict[MessageStatus, str] = {
    MessageStatus.QUEUED: "CREATED",
    MessageStatus.PROCESSING: "PENDING",
    MessageStatus.SENT: "SENT",
    MessageStatus.DELIVERED: "RECEIVED",
    MessageStatus.FAILED: "FAILED",
    MessageStatus.EXPIRED: "EXPIRED",
    MessageStatus.RECEIVED: "RECEIVED",
}


class StatusMeaning(NamedTuple):
    """Which messages have a status. ours: whether we refused them; None: whoever did."""

    statuses: tuple[MessageStatus, ...]
    ours: bool | None = None


STATUSES: dict[str, StatusMeaning] = {
    "CREATED": StatusMeaning((MessageStatus.QUEUED,)),
    "ERROR": StatusMeaning((MessageStatus.FAILED,), ours=True),
    "EXPIRED": StatusMeaning((MessageStatus.EXPIRED,)),
    "FAILED": StatusMeaning((MessageStatus.FAILED,), ours=False),
    "PENDING": StatusMeaning((MessageStatus.PROCESSING,)),
    "RECEIVED": StatusMeaning((MessageStatus.DELIVERED, MessageStatus.RECEIVED)),
    "REMOTE_QUEUED": StatusMeaning(()),
    "SENT": StatusMeaning((MessageStatus.SENT,)),
}

_WEBHOOK: dict[str, Any] = dict.fromkeys(
    ("created_at", "endpoint", "hash", "options", "status", "type", "updated_at"), None
)
"""A webhook of one message is no subscription: of the vendor's Webhook it has `endpoint` and `options` only."""

_HASHES = 36**8
_SPREAD = 1_999_993_579_747  # prime to 36, so that multiplying by it can be undone
_GATHER = pow(_SPREAD, -1, _HASHES)


class SmsOptions(msgspec.Struct):
    flash_message: bool
    force_encoding: str | None
    nature: str | None
    user_data: str | None
    webhook: Mapping[str, Any] | None


class Sms(msgspec.Struct):
    b_customer_debit: str
    b_customer_mode: str
    date_creation: str
    date_received: str | None
    date_sent: str | None
    date_update: str
    encoding: str
    from_: str = field(name="from")
    hash: str
    nature: str | None
    options: SmsOptions
    parts: int
    status: str
    status_error: str | None
    text: str
    to: str
    type: str
    user_data: str | None


def message_hash(message_id: int) -> str:
    return hash_of_number(message_id * _SPREAD % _HASHES)


def message_id_of_hash(hash_: str) -> int | None:
    """None: not a hash."""
    return number_of_hash(hash_) * _GATHER % _HASHES if HASH.fullmatch(hash_) else None


def sms_object(message: Message, masking: frozenset[int], mode: BillingMode) -> Sms:
    """masking: ids of the properties that hide their callers' last digits, here those of who wrote. mode: the account's now."""
    inbound = message.direction is Direction.IN
    dates = [message.created_at, message.submitted_at, message.delivered_at, message.received_at]
    received_at = message.received_at if inbound else message.delivered_at
    return Sms(
        b_customer_debit=cents(message.debit_micro or 0),
        b_customer_mode=(message.billing_mode or mode).value.upper(),
        date_creation=datetime_text(message.created_at),
        date_received=datetime_text(received_at) if received_at else None,
        date_sent=datetime_text(message.submitted_at) if message.submitted_at else None,
        date_update=datetime_text(max(filter(None, dates))),
        encoding=ENCODING_WORDS[message.encoding],
        from_=masked(message.sender) if inbound and message.property_id in masking else message.sender,
        hash=message_hash(message.id),
        nature=message.settings.get("nature"),
        options=_options(message),
        parts=message.segments,
        status=_status(message),
        status_error=message.error_code if message.status is MessageStatus.FAILED else None,
        text=message.body,
        to=message.recipient_e164,
        type=_TYPE_WORDS[message.direction],
        user_data=message.external_id,
    )


def _options(message: Message) -> SmsOptions:
    said = message.settings
    return SmsOptions(
        flash_message=message.flash,
        force_encoding=said.get("force_encoding"),
        nature=said.get("nature"),
        user_data=message.external_id,
        webhook=_WEBHOOK | said["webhook"] if "webhook" in said else None,
    )


def _status(message: Message) -> str:
    return status_word(message.status, ours=message.error_code in OUR_REFUSALS)


def status_word(status: MessageStatus, *, ours: bool) -> str:
    """ours: it is we who refused it, if it failed."""
    return "ERROR" if status is MessageStatus.FAILED and ours else _STATUS_WORDS[status]
