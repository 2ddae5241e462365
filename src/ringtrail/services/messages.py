"""Messages: send, schedule, receive, read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from ringtrail.model.account import Account, Bar
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import new_sid
from ringtrail.model.message import (
    FLASH,
    MAX_SEGMENTS,
    SENDER_NAME,
    Direction,
    Encoding,
    Message,
    MessageStatus,
    encoding_of,
    parts_of,
)
from ringtrail.model.number import DID
from ringtrail.model.query import MessageQuery
from ringtrail.ports.clock import Clock
from ringtrail.ports.sms import (
    MessageReceived,
    ReceiptArrived,
    SmsFact,
    SmsRefusedError,
    SmsTransport,
    SmsUnavailableError,
)
from ringtrail.services.money import check_covered, check_may_spend
from ringtrail.services.numbers import diallable, to_e164
from ringtrail.storage import accounts as account_store
from ringtrail.storage import messages as store
from ringtrail.storage import numbers as number_store
from ringtrail.storage.database import Connection, Database

log = structlog.get_logger("ringtrail.messages")

SCHEDULE_AHEAD = timedelta(days=14)
SCHEDULE_LATE = timedelta(hours=1)
LEASE = timedelta(seconds=60)
GIVE_UP_AFTER = timedelta(days=1)
_SUBMIT_S = 20.0  # how long one submission may take; well inside a lease, so that it ends while the claim is ours
_AGAIN = timedelta(seconds=10)
_BATCH = 100
EXPIRED, DISABLED, BARRED, SENDER_GONE = "expired", "sms_disabled", "recipient_barred", "sender_gone"
"""Error codes of our own, beside those of carriers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """What somebody wants sent. sender: a number of the property's that can send, or a name; None: its first such number."""

    property_id: int
    recipient: str
    body: str
    sender: str | None = None
    scheduled_at: datetime | None = None  # up to 14 days ahead; up to an hour ago means now
    receipt_wanted: bool = True
    external_id: str | None = None
    settings: Mapping[str, Any] | None = None
    encoding: Encoding | None = None  # None: the one that the body needs
    webhook_hash: str | None = None  # an endpoint that is told what becomes of it, and of answers to it


class Messages:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def send(self, account: Account, wanted: NewMessage) -> Message:
        """Accept a message; it is handed on by the worker.

        DomainError with field `recipient`, `body`, `sender` or `scheduled_at`; FORBIDDEN for a recipient that the account
        may not dial, and without a field for a property or account that may not send, or credit that does not cover it.
        """
        now = self._clock.now()
        recipient = diallable(account, "recipient", wanted.recipient, to="send to")
        due_at = _due(wanted.scheduled_at, now)
        encoding = _encoding(wanted)
        segments = _segments(wanted.body, encoding)
        async with self._database.transaction() as connection:
            await _may_send(connection, account, wanted.property_id)
            sender = await _sender(connection, account, wanted)
            message = Message(
                id=0, sid=new_sid(), account_id=account.id, property_id=wanted.property_id, direction=Direction.OUT,
                sender=sender, recipient_e164=recipient, body=wanted.body, encoding=encoding,
                segments=segments, status=MessageStatus.QUEUED, receipt_wanted=wanted.receipt_wanted,
                external_id=wanted.external_id, settings=_settings(wanted), created_at=now,
                scheduled_at=wanted.scheduled_at,
            )  # fmt: skip
            stored = await store.add(connection, message, due_at=due_at)
            assert stored is not None
            if stored.debit_micro:
                await check_covered(connection, account.id)
        return stored

    async def by_sid(self, account_id: int, sid: str) -> Message | None:
        async with self._database.reading() as connection:
            return await store.by_sid(connection, account_id, sid.upper())

    async def by_id(self, account_id: int, message_id: int) -> Message | None:
        return next(iter(await self.by_ids(account_id, [message_id])), None)

    async def by_ids(self, account_id: int, message_ids: Sequence[int]) -> list[Message]:
        """Those of them that there are, in any order."""
        async with self._database.reading() as connection:
            return await store.by_ids(connection, account_id, message_ids)

    async def page(
        self, query: MessageQuery, *, offset: int = 0, limit: int | None = None, with_total: bool = False
    ) -> tuple[list[Message], int | None]:
        """(messages by creation, total or None)."""
        async with self._database.reading() as connection:
            found = await store.find(connection, query, offset=offset, limit=limit)
            return found, await store.count(connection, query) if with_total else None


class Messenger:
    """The worker's side: hands messages to the transport and takes what it tells."""

    def __init__(self, database: Database, clock: Clock, transport: SmsTransport, *, default_country: str) -> None:
        self._database = database
        self._clock = clock
        self._transport = transport
        self._default_country = default_country

    async def dispatch(self) -> int:
        """Hand on what is due, a batch at most. Returns how many messages were claimed.

        A message is claimed in one transaction and settled in another: killed in between, it is submitted again under the
        same sid when the claim has run out. What a slow carrier leaves no time for is left to the next claim.
        """
        now = self._clock.now()
        lease_until = now + LEASE
        async with self._database.transaction() as connection:
            await store.refuse_forbidden(connection, now, disabled=DISABLED, barred=BARRED, sender_gone=SENDER_GONE)
            due = await store.claim_due(connection, now, lease_until, _BATCH)
        for message in due:
            if self._clock.now() > lease_until - timedelta(seconds=_SUBMIT_S):
                break
            await self._submit(message, lease_until)
        return len(due)

    async def dispatch_all(self) -> None:
        """Batches until less than a whole one is due."""
        while await self.dispatch() == _BATCH:
            pass

    async def _submit(self, message: Message, lease_until: datetime) -> None:
        if self._clock.now() - (message.scheduled_at or message.created_at) > GIVE_UP_AFTER:
            async with self._database.transaction() as connection:
                await store.given_up(connection, message, MessageStatus.EXPIRED, EXPIRED, self._clock.now())
            return
        try:
            async with asyncio.timeout(_SUBMIT_S):  # not wait_for: Python 3.11's can swallow a cancellation
                facts = await self._transport.submit(message)
        except SmsRefusedError as exc:
            async with self._database.transaction() as connection:
                await store.given_up(connection, message, MessageStatus.FAILED, exc.code, self._clock.now())
        except (SmsUnavailableError, TimeoutError) as exc:
            log.warning("sms_postponed", message=message.sid, reason=str(exc) or "no answer in time")
            await self._postpone(message, lease_until)
        except Exception:  # the boundary of a delivery attempt: one bad message does not hold up the others
            log.exception("sms_submission_failed", message=message.sid)
            await self._postpone(message, lease_until)
        else:
            async with self._database.transaction() as connection:
                await store.submitted(connection, message, self._clock.now())
                for fact in facts:
                    await self._take(connection, fact)

    async def _postpone(self, message: Message, lease_until: datetime) -> None:
        async with self._database.transaction() as connection:
            await store.postponed(connection, message, self._clock.now() + _AGAIN, lease_until=lease_until)

    async def listen(self) -> None:
        """Take the transport's facts until cancelled. A fact is kept until the database has it."""
        async for fact in self._transport.facts():
            while True:
                if await self._taken(fact):
                    break
                await asyncio.sleep(1.0)

    async def _taken(self, fact: SmsFact) -> bool:
        """False: try again. One that cannot be stored at all is told and dropped; it does not hold up the others."""
        try:
            async with self._database.transaction() as connection:
                await self._take(connection, fact)
        except DomainError as exc:
            log.warning("sms_fact_waits", reason=str(exc))
            return False
        except Exception:  # the boundary of a PDU
            log.exception("sms_fact_dropped", kind=type(fact).__name__)
        return True

    async def _take(self, connection: Connection, fact: SmsFact) -> None:
        match fact:
            case MessageReceived():
                await self._received(connection, fact)
            case ReceiptArrived():
                await store.receipt(
                    connection, fact.sid, delivered=fact.delivered, error_code=fact.error_code, at=fact.at
                )

    async def _received(self, connection: Connection, fact: MessageReceived) -> None:
        did = await self._did(connection, fact.recipient)
        account = await account_store.account_by_id(connection, did.account_id) if did else None
        if did is None or account is None or not account.may(Bar.SMS_IN):
            log.info("message_for_nobody", recipient=fact.recipient[:32])
            return
        sender = to_e164(fact.sender, self._default_country) or _storable(fact.sender[:32])
        body, now = _storable(fact.body), self._clock.now()
        told = await store.reply_endpoint(
            connection, did.account_id, sender=did.number_e164, recipient=sender, since=now - store.REPLIES_WITHIN
        )
        await store.add(
            connection,
            Message(
                id=0, sid=new_sid(), account_id=did.account_id, property_id=did.property_id, direction=Direction.IN,
                sender=sender, recipient_e164=did.number_e164, body=body, encoding=encoding_of(body),
                segments=len(parts_of(body)), status=MessageStatus.RECEIVED, created_at=now, received_at=fact.at,
                settings=({store.ENDPOINT: told} if told else {}) | ({FLASH: True} if fact.flash else {}),
            ),
            transport_id=fact.transport_id,
        )  # fmt: skip

    async def _did(self, connection: Connection, recipient: str) -> DID | None:
        number = to_e164(recipient, self._default_country)
        return await number_store.did_by_number(connection, number) if number else None


async def _may_send(connection: Connection, account: Account, property_id: int) -> None:
    if not account.may(Bar.SMS_OUT):
        raise DomainError(ErrorCode.FORBIDDEN, detail="the account may not send messages")
    item = await account_store.property_by_id(connection, account.id, property_id)
    if item is None or not (item.active and item.sms_enabled):
        raise DomainError(ErrorCode.FORBIDDEN, detail="the property may not send messages")
    await check_may_spend(connection, account.id)


async def _sender(connection: Connection, account: Account, wanted: NewMessage) -> str:
    """A name as it is, a number of the property's that can send, or the first of those."""
    if wanted.sender is None:
        mine, _ = await number_store.find_dids(
            connection, account.id, property_id=wanted.property_id, capabilities=("sms",), limit=1
        )
        if not mine:
            raise DomainError(ErrorCode.MISSING, "sender", "the property has no number that can send messages")
        return mine[0].number_e164
    if SENDER_NAME.fullmatch(wanted.sender):
        return wanted.sender
    number = to_e164(wanted.sender, account.country)
    if number is None:
        raise DomainError(ErrorCode.BAD_FORMAT, "sender", "a number, or 1 to 11 letters, digits, spaces, _ and -")
    did = await number_store.did_by_number(connection, number)
    if did is None or (did.account_id, did.property_id) != (account.id, wanted.property_id):
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "sender", "not a number of this property")
    if "sms" not in did.capabilities:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "sender", "this number cannot send messages")
    return number


def _storable(text: str) -> str:
    """What PostgreSQL can hold: no NUL, and no half of a surrogate pair, which a handset that cuts a text can send."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _encoding(wanted: NewMessage) -> Encoding:
    """DomainError BAD_FORMAT 'body' for a text that the encoding that was asked for cannot hold."""
    needed = encoding_of(wanted.body)
    if wanted.encoding is Encoding.GSM and needed is not Encoding.GSM:
        raise DomainError(ErrorCode.BAD_FORMAT, "body", "holds characters that the GSM alphabet lacks")
    return wanted.encoding or needed


def _settings(wanted: NewMessage) -> Mapping[str, Any]:
    hash_ = wanted.webhook_hash
    told = {store.ENDPOINT: hash_, store.REPLY_ENDPOINT: hash_} if hash_ else {}
    return {**(wanted.settings or {}), **told}


def _segments(body: str, encoding: Encoding) -> int:
    segments = len(parts_of(body, encoding))
    if not body or segments > MAX_SEGMENTS:
        raise DomainError(ErrorCode.OUT_OF_RANGE, "body", f"from 1 character to {MAX_SEGMENTS} segments")
    if "\0" in body:
        raise DomainError(ErrorCode.BAD_FORMAT, "body", "holds a NUL")
    return segments


def _due(scheduled_at: datetime | None, now: datetime) -> datetime:
    if scheduled_at is None:
        return now
    if not now - SCHEDULE_LATE <= scheduled_at <= now + SCHEDULE_AHEAD:
        raise DomainError(ErrorCode.OUT_OF_RANGE, "scheduled_at", "from an hour ago to 14 days ahead")
    return max(scheduled_at, now)
