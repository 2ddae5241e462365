"""Message: one SMS, and how many segments it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ringtrail.model.money import BillingMode

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")  # two septets each
"""The default alphabet of 3GPP TS 23.038 section 6.2.1."""

MAX_SEGMENTS = 10
SENDER_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 _-]{1,11}")
"""What may stand in place of a sender's number (3GPP TS 23.040 section 9.1.2.5 has room for eleven characters)."""
FLASH = "flash_message"
"""Key of a message's settings: whether it is shown at once and not kept (class 0 of 3GPP TS 23.038 section 4)."""


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Encoding(StrEnum):
    GSM = "gsm"
    UNICODE = "unicode"


class MessageStatus(StrEnum):
    QUEUED = "queued"  # accepted, not handed on yet (or scheduled)
    PROCESSING = "processing"  # being handed to the carrier
    SENT = "sent"  # the carrier has taken it
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    RECEIVED = "received"  # an inbound message


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One SMS as stored."""

    id: int
    sid: str  # 32 characters, public
    account_id: int
    property_id: int
    direction: Direction
    sender: str  # E.164, or a name of 1 to 11 characters
    recipient_e164: str
    body: str
    encoding: Encoding
    segments: int
    status: MessageStatus
    error_code: str | None = None
    receipt_wanted: bool = True
    external_id: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)  # what a dialect keeps with it
    created_at: datetime
    scheduled_at: datetime | None = None
    submitted_at: datetime | None = None
    delivered_at: datetime | None = None
    received_at: datetime | None = None
    debit_micro: int | None = None  # what it costs; None: not rated
    billing_mode: BillingMode | None = None  # how its account paid when it was accepted; None: not known

    @property
    def flash(self) -> bool:
        return bool(self.settings.get(FLASH))


def encoding_of(body: str) -> Encoding:
    """GSM if the default alphabet has every character, else UCS-2."""
    return Encoding.GSM if all(c in _GSM_BASIC or c in _GSM_EXTENDED for c in body) else Encoding.UNICODE


def parts_of(body: str, encoding: Encoding | None = None) -> list[str]:
    """The text of each segment: 160 septets or 70 UTF-16 units in one, 153 or 67 in each of several (3GPP TS 23.040
    section 9.2.3.24.1). No character is split. encoding None: the one that the text needs."""
    gsm = (encoding or encoding_of(body)) is Encoding.GSM
    single, each = (160, 153) if gsm else (70, 67)
    if sum(_units(c, gsm) for c in body) <= single:
        return [body]
    return list(_cut(body, each, gsm))


def _cut(body: str, room: int, gsm: bool) -> Iterator[str]:
    start, used = 0, 0
    for position, character in enumerate(body):
        units = _units(character, gsm)
        if used + units > room:
            yield body[start:position]
            start, used = position, 0
        used += units
    yield body[start:]


def _units(character: str, gsm: bool) -> int:
    if gsm:
        return 2 if character in _GSM_EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1
