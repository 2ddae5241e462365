"""The SMS port: what carries messages takes submissions and tells facts. No carrier's word is in here.

A message is submitted under its sid; a transport that can tell repetitions apart does so by that. What is received has an
id of the transport's own, by which a repeated delivery is recognised.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ringtrail.model.message import Message


class SmsRefusedError(Exception):
    """The carrier will not take this message; trying again does not help. `code` is its reason, in a word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SmsUnavailableError(Exception):
    """The carrier cannot be reached: try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    at: datetime
    transport_id: str
    sender: str  # as on the wire: a number or a name
    recipient: str  # as on the wire
    body: str
    flash: bool = False  # it is to be shown at once and not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptArrived:
    """What became of a message that was taken."""

    at: datetime
    sid: str
    delivered: bool
    error_code: str | None = None


SmsFact = MessageReceived | ReceiptArrived


class SmsTransport(Protocol):
    name: str

    async def submit(self, message: Message) -> Sequence[SmsFact]:
        """Hand one message over, as class 0 if it is a flash; what is known of it at once. Raises SmsRefusedError or SmsUnavailableError."""
        ...

    def facts(self) -> AsyncIterator[SmsFact]:
        """What comes later, at least once, for one consumer."""
        ...
