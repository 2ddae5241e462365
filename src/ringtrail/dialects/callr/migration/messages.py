"""SMS: all that were sent and received, oldest first, with their hashes.

What still waits there is left to the next run for a day, and the mark does not pass it; later it comes as it is, and is
never sent from here. One that was SENT gets its newer status from a run within a day. [inferred]: REMOTE_QUEUED is SENT here, as it is a step of a
carrier's; ERROR with a reason that is none of ours is FAILED here, with the reason as the vendor words it; what was to be
told of a message is shown with it, but answers to it are told to nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ringtrail.dialects.callr.migration.past_calls import UnusableError, instant_of, micro_of
from ringtrail.dialects.callr.migration.plan import Moving, Progress, Step
from ringtrail.dialects.callr.migration.remote import RemoteError
from ringtrail.dialects.callr.migration.windows import (
    BATCH,
    OVERLAP,
    Span,
    ends,
    first_property,
    shortened,
    span_of,
    step_of,
    total,
    windows,
)
from ringtrail.dialects.callr.sms_object import ENCODINGS, SMS_TYPES, Sms, message_hash, message_id_of_hash
from ringtrail.model.ids import new_sid
from ringtrail.model.message import FLASH, Direction, Message, MessageStatus
from ringtrail.services.numbers import is_e164

KIND = "messages"
_SEARCH = "sms.search"

_STATUSES: dict[str, MessageStatus] = {
    "CREATED": MessageStatus.QUEUED,
    "ERROR": MessageStatus.FAILED,
    "EXPIRED": MessageStatus.EXPIRED,
    "FAILED": MessageStatus.FAILED,
    "PENDING": MessageStatus.PROCESSING,
    "REMOTE_QUEUED": MessageStatus.SENT,
    "SENT": MessageStatus.SENT,
}
"""RECEIVED is DELIVERED of a message that was sent."""

_WAITING = ("CREATED", "PENDING")


async def steps(moving: Moving) -> AsyncIterator[Step]:
    span = await shortened(moving, await span_of(moving, KIND), _SEARCH, (_filters,))
    theirs = await total(moving, _SEARCH, _filters(span.start, span.end))
    ours = (
        await moving.services.history.count_messages(moving.account.id, span.start, span.end) if moving.account else 0
    )
    new = None if theirs is None else max(0, theirs - ours)
    yield step_of(moving, KIND, span, new, _Move)


def _filters(start: datetime, end: datetime) -> dict[str, Any]:
    from_, to = ends(start, end)
    return {"created_at_from": from_, "created_at_to": to}


class Told(Sms):
    """As the old account shows it. options: whatever it says."""

    options: Any


class _Move:
    """One account's messages of a span, being taken in."""

    def __init__(self, moving: Moving, progress: Progress, span: Span) -> None:
        self._moving = moving
        self._progress = progress
        self._span = span
        self._done = 0
        self._waiting_at: datetime | None = None  # when the first was made that is left to the next run

    async def run(self) -> None:
        property_id = await first_property(self._moving)
        async for window in windows(self._read, self._span.start, self._span.end):
            properties = await self._properties(window.found)
            messages = {
                message.id: message
                for item in window.found
                if (message := self._made(item, properties, property_id)) is not None
            }
            await self._take_in(sorted(messages.values(), key=lambda message: message.created_at), window.end)

    async def _read(self, start: datetime, end: datetime) -> Sequence[Told]:
        """Of both directions."""
        found: list[Told] = []
        for type_ in SMS_TYPES:
            told = await self._moving.remote.call("sms.get_list", type_, *ends(start, end))
            if not isinstance(told, list):
                raise RemoteError(0, "the answer to sms.get_list is no list")
            found += [message for item in told if (message := self._converted(item)) is not None]
        return found

    def _converted(self, item: Any) -> Told | None:
        try:
            return msgspec.convert(item, Told, strict=False)
        except msgspec.ValidationError as exc:
            name = item.get("hash", "?") if isinstance(item, dict) else "?"
            self._progress.note(f"SMS {name} cannot be read: {exc}")
            return None

    async def _properties(self, found: Sequence[Told]) -> dict[str, int]:
        """{number of ours: its property}"""
        account_id, numbers = self._moving.here.id, self._moving.services.numbers
        own = {message.to if message.type == "IN" else message.from_ for message in found}
        dids = [await numbers.by_number(account_id, number) for number in own if is_e164(number)]
        return {did.number_e164: did.property_id for did in dids if did is not None}

    def _made(self, sms: Told, properties: dict[str, int], property_id: int) -> Message | None:
        try:
            created_at = instant_of(sms.date_creation)
            if sms.status in _WAITING and created_at > self._span.end - OVERLAP:
                self._waiting_at = min(created_at, self._waiting_at or created_at)
                return None
            own = sms.to if sms.type == "IN" else sms.from_
            return message_of(sms, self._moving.here.id, properties.get(own, property_id))
        except UnusableError as exc:
            self._progress.note(f"SMS {sms.hash[:40]}: {exc}")
            return None

    async def _take_in(self, messages: Sequence[Message], end: datetime) -> None:
        """Batch by batch, each with the mark of what comes behind it."""
        history, account_id = self._moving.services.history, self._moving.here.id
        for place in range(0, len(messages) or 1, BATCH):
            batch, behind = messages[place : place + BATCH], messages[place + BATCH :][:1]
            until = behind[0].created_at if behind else end
            mark = self._span.mark(self._moving, KIND, min(until, self._waiting_at or until))
            taken = await history.take_in_messages(account_id, batch, mark)
            self._done += taken.new
            for id_ in taken.clashes:
                self._progress.note(f"SMS {message_hash(id_)}: another message has this hash here")
            self._progress.advance(self._done)


def message_of(sms: Told, account_id: int, property_id: int) -> Message:
    """UnusableError."""
    direction, id_ = SMS_TYPES.get(sms.type), message_id_of_hash(sms.hash)
    encoding, status = ENCODINGS.get(sms.encoding), _status(sms)
    if direction is None or encoding is None or not id_ or not 0 <= sms.parts < 2**15:
        raise UnusableError(
            f"its hash, type, encoding or parts are none: {sms.type[:20]}, {sms.encoding[:20]}, {sms.parts}"
        )
    options = sms.options if isinstance(sms.options, dict) else {}
    inbound, created_at = direction is Direction.IN, instant_of(sms.date_creation)
    received_at = instant_of(sms.date_received) if sms.date_received else None
    return Message(
        id=id_, sid=new_sid(), account_id=account_id, property_id=property_id, direction=direction, sender=sms.from_,
        recipient_e164=sms.to, body=sms.text, encoding=encoding, segments=sms.parts, status=status,
        error_code=sms.status_error or None, external_id=sms.user_data or None, settings=_settings(sms, options),
        created_at=created_at, submitted_at=instant_of(sms.date_sent) if sms.date_sent else None,
        delivered_at=None if inbound else received_at, received_at=(received_at or created_at) if inbound else None,
        debit_micro=micro_of(sms.b_customer_debit) or None,
    )  # fmt: skip


def _status(sms: Told) -> MessageStatus:
    if sms.type == "IN":
        return MessageStatus.RECEIVED
    status = MessageStatus.DELIVERED if sms.status == "RECEIVED" else _STATUSES.get(sms.status)
    if status is None:
        raise UnusableError(f"its status is {sms.status[:40]!r}")
    return status


def _settings(sms: Told, options: Mapping[str, Any]) -> dict[str, Any]:
    """What our own messages keep of what was said of them."""
    said: dict[str, Any] = {
        "nature": sms.nature, "force_encoding": options.get("force_encoding"),
        FLASH: options.get("flash_message") is True,
    }  # fmt: skip
    webhook = options.get("webhook")
    if isinstance(webhook, dict):
        said["webhook"] = {key: webhook.get(key) for key in ("endpoint", "options")}
    return {key: value for key, value in said.items() if value}
