"""Messages: what was sent, is to be sent, and was received."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from psycopg import AsyncCursor, sql
from psycopg.types.json import Jsonb

from ringtrail.model.events import Event, EventType
from ringtrail.model.message import Direction, Encoding, Message, MessageStatus
from ringtrail.model.money import BillingMode
from ringtrail.model.query import MessageQuery
from ringtrail.storage import counters, money
from ringtrail.storage.database import Connection
from ringtrail.storage.events import tell

ENDPOINT = "endpoint"
"""Key of a message's settings: the hash of an endpoint that is told of it besides others."""
REPLY_ENDPOINT = "reply_endpoint"
"""Likewise: of one that is told of answers to it."""
REPLIES_WITHIN = timedelta(days=7)
"""After a message was sent, what its recipient writes to its sender answers it [inferred]."""

_COLUMNS = (
    "id, sid, account_id, property_id, direction, sender, recipient_e164, body, encoding, segments, status, error_code,"
    " receipt_wanted, external_id, settings, created_at, scheduled_at, submitted_at, delivered_at, received_at, debit_micro,"
    " billing_mode"
)


def _message(row: tuple[Any, ...]) -> Message:
    return Message(
        id=row[0], sid=row[1], account_id=row[2], property_id=row[3], direction=Direction(row[4]), sender=row[5],
        recipient_e164=row[6], body=row[7], encoding=Encoding(row[8]), segments=row[9], status=MessageStatus(row[10]),
        error_code=row[11], receipt_wanted=row[12], external_id=row[13], settings=row[14], created_at=row[15],
        scheduled_at=row[16], submitted_at=row[17], delivered_at=row[18], received_at=row[19], debit_micro=row[20],
        billing_mode=BillingMode(row[21]) if row[21] else None,
    )  # fmt: skip


async def add(
    connection: Connection, message: Message, *, due_at: datetime | None = None, transport_id: str | None = None
) -> Message | None:
    """Insert, rate and book; message.id is ignored. None: what the carrier calls `transport_id` is here already."""
    cursor = await connection.execute(
        "INSERT INTO messages (sid, account_id, property_id, direction, sender, recipient_e164, body, encoding, segments,"
        " status, error_code, receipt_wanted, external_id, settings, created_at, scheduled_at, submitted_at, delivered_at,"
        " received_at, due_at, transport_id, billing_mode)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
        " (SELECT billing_mode FROM accounts WHERE id = %s))"
        f" ON CONFLICT DO NOTHING RETURNING {_COLUMNS}".encode(),
        (
            message.sid, message.account_id, message.property_id, message.direction, message.sender,
            message.recipient_e164, message.body, message.encoding, message.segments, message.status,
            message.error_code, message.receipt_wanted, message.external_id, Jsonb(dict(message.settings)),
            message.created_at, message.scheduled_at, message.submitted_at, message.delivered_at, message.received_at,
            due_at, transport_id, message.account_id,
        ),
    )  # fmt: skip
    row = await cursor.fetchone()
    if row is None:
        return None
    stored = await _charged(connection, _message(row))
    if stored.direction is Direction.IN:
        assert stored.received_at is not None
        await _tell(connection, EventType.MESSAGE_RECEIVED, [stored], stored.received_at)
    return stored


async def _charged(connection: Connection, message: Message) -> Message:
    debit, events = await money.charge_message(connection, message)
    if events:
        await tell(connection, message.account_id, events)
    return replace(message, debit_micro=debit)


async def _tell(
    connection: Connection, type_: EventType, messages: Sequence[Message], at: datetime, *, unsent: bool = False
) -> None:
    """Tell what became of messages, account by account: each takes that account's counters. unsent: they cost nothing now."""
    for account_id, accounts in groupby(sorted(messages, key=attrgetter("account_id", "id")), attrgetter("account_id")):
        group = list(accounts)
        await counters.lock(connection, account_id)
        if unsent:
            await money.take_back(connection, group)
        events = [
            Event(
                account_id=account_id, type=type_, property_id=message.property_id, about=message.id, at=at,
                endpoint_hash=message.settings.get(ENDPOINT),
            )
            for message in group
        ]  # fmt: skip
        await tell(connection, account_id, events)


async def _changed(connection: Connection, cursor: AsyncCursor[Any], at: datetime, *, unsent: bool = False) -> None:
    """What an UPDATE ... RETURNING {_COLUMNS} has changed is told."""
    messages = [_message(row) for row in await cursor.fetchall()]
    await _tell(connection, EventType.MESSAGE_CHANGED, messages, at, unsent=unsent)


async def by_sid(connection: Connection, account_id: int, sid: str) -> Message | None:
    row = await (
        await connection.execute(
            f"SELECT {_COLUMNS} FROM messages WHERE account_id = %s AND sid = %s".encode(), (account_id, sid)
        )
    ).fetchone()
    return _message(row) if row else None


async def by_ids(connection: Connection, account_id: int, message_ids: Sequence[int]) -> list[Message]:
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE account_id = %s AND id = ANY(%s)".encode(),
        (account_id, list(message_ids)),
    )
    return [_message(row) for row in await cursor.fetchall()]


async def reply_endpoint(
    connection: Connection, account_id: int, *, sender: str, recipient: str, since: datetime
) -> str | None:
    """The hash of the endpoint that is told of answers to the newest message from `sender` to `recipient` that has one."""
    row = await (
        await connection.execute(
            "SELECT settings ->> %s FROM messages WHERE account_id = %s AND direction = 'out' AND sender = %s"
            " AND recipient_e164 = %s AND created_at >= %s AND settings ? %s ORDER BY created_at DESC, id DESC LIMIT 1",
            (REPLY_ENDPOINT, account_id, sender, recipient, since, REPLY_ENDPOINT),
        )
    ).fetchone()
    return row[0] if row else None


async def find(connection: Connection, query: MessageQuery, *, offset: int, limit: int | None) -> list[Message]:
    """Matching messages by creation, oldest first."""
    condition, params = _condition(query)
    cursor = await connection.execute(
        sql.SQL("SELECT {} FROM messages WHERE {} ORDER BY created_at, id LIMIT {} OFFSET {}").format(
            sql.SQL(_COLUMNS), condition, sql.Literal(limit), sql.Literal(offset)
        ),
        params,
    )
    return [_message(row) for row in await cursor.fetchall()]


async def count(connection: Connection, query: MessageQuery) -> int:
    condition, params = _condition(query)
    row = await (
        await connection.execute(
            sql.SQL("SELECT count(*) FROM messages WHERE {}").format(condition), params, prepare=False
        )
    ).fetchone()
    return row[0] if row else 0


def _condition(query: MessageQuery) -> tuple[sql.Composable, list[Any]]:
    parts: list[sql.Composable] = [sql.SQL("account_id = %s")]
    params: list[Any] = [query.account_id]
    for clause, value in (
        ("property_id = %s", query.property_id),
        ("created_at >= %s", query.from_at),
        ("created_at < %s", query.to_at),
        ("direction = %s", query.direction),
        ("status = ANY(%s)", [str(status) for status in query.statuses] or None),
        ("id = ANY(%s)", list(query.ids) or None),
        ("sender = ANY(%s)", list(query.senders) or None),
        ("(direction = 'out' OR property_id <> ALL(%s))", list(query.hidden_senders_of) if query.senders else None),
        ("recipient_e164 = ANY(%s)", list(query.recipients) or None),
        ("strpos(body, %s) > 0", query.body_contains),
        ("external_id = %s", query.external_id),
        ("settings @> %s", Jsonb(dict(query.settings)) if query.settings else None),
        ("error_code = ANY(%s)", list(query.error_codes) or None),
        ("coalesce(error_code <> ALL(%s), true)", list(query.other_error_codes_than) or None),
        ("CASE WHEN length(sender) > 4 THEN left(sender, -4) || 'XXXX' ELSE repeat('X', length(sender)) END = %s", query.sender_masked),
    ):  # fmt: skip
        if value is not None:
            parts.append(sql.SQL(clause))
            params.append(value)
    return sql.SQL(" AND ").join(parts), params


_MAY_SEND = "p.active AND p.sms_enabled AND a.disabled_at IS NULL"
_MAY_REACH = "EXISTS (SELECT FROM unnest(a.outbound_prefixes) prefix WHERE starts_with(m.recipient_e164, prefix))"
_OWNS_SENDER = (
    "(NOT starts_with(m.sender, '+') OR EXISTS (SELECT FROM dids d WHERE d.number_e164 = m.sender"
    " AND d.account_id = m.account_id AND d.property_id = m.property_id))"
)


async def refuse_forbidden(
    connection: Connection, now: datetime, *, disabled: str, barred: str, sender_gone: str
) -> None:
    """What is due and was allowed when it was accepted, but is no longer, has failed, with the code of the reason: the
    property may not send, or its account is disabled; the account may not send to this number; the sender's number is not the property's."""
    cursor = await connection.execute(
        f"UPDATE messages m SET status = 'failed', due_at = NULL, error_code = CASE WHEN NOT ({_MAY_SEND}) THEN %s"
        f" WHEN NOT {_MAY_REACH} THEN %s ELSE %s END FROM properties p JOIN accounts a ON a.id = p.account_id"
        " WHERE m.due_at <= %s AND m.status = 'queued' AND p.account_id = m.account_id AND p.id = m.property_id"
        f" AND NOT ({_MAY_SEND} AND {_MAY_REACH} AND {_OWNS_SENDER})"
        f" RETURNING {', '.join(f'm.{column.strip()}' for column in _COLUMNS.split(','))}".encode(),
        (disabled, barred, sender_gone, now),
    )
    await _changed(connection, cursor, now, unsent=True)


async def claim_due(connection: Connection, now: datetime, lease_until: datetime, limit: int) -> list[Message]:
    """Messages whose time has come, ours until `lease_until`; whoever does not finish by then leaves them to others."""
    cursor = await connection.execute(
        "WITH due AS MATERIALIZED (SELECT account_id AS due_account, id AS due_id FROM messages WHERE due_at <= %s"
        " ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)"
        " UPDATE messages SET status = 'processing', due_at = %s FROM due"
        f" WHERE account_id = due_account AND id = due_id RETURNING {_COLUMNS}".encode(),
        (now, limit, lease_until),
    )
    return sorted((_message(row) for row in await cursor.fetchall()), key=lambda message: message.id)


async def submitted(connection: Connection, message: Message, at: datetime) -> None:
    """The carrier has taken it. Its receipt may have been faster; then only the time is noted."""
    cursor = await connection.execute(
        f"UPDATE messages SET status = 'sent' WHERE account_id = %s AND id = %s AND status = 'processing'"
        f" RETURNING {_COLUMNS}".encode(),
        (message.account_id, message.id),
    )
    await connection.execute(
        "UPDATE messages SET submitted_at = coalesce(submitted_at, %s), due_at = NULL WHERE account_id = %s AND id = %s",
        (at, message.account_id, message.id),
    )
    await _changed(connection, cursor, at)


async def given_up(connection: Connection, message: Message, status: MessageStatus, code: str, at: datetime) -> None:
    """It will not be sent: refused by the carrier, or too old. A message that is settled already stays as it is."""
    cursor = await connection.execute(
        "UPDATE messages SET status = %s, error_code = %s, due_at = NULL"
        f" WHERE account_id = %s AND id = %s AND status = 'processing' RETURNING {_COLUMNS}".encode(),
        (status, code, message.account_id, message.id),
    )
    await _changed(connection, cursor, at, unsent=status is MessageStatus.EXPIRED)


async def postponed(connection: Connection, message: Message, due_at: datetime, *, lease_until: datetime) -> None:
    """The carrier could not be reached: again at `due_at`. Nothing if the claim has run out and it is somebody else's."""
    await connection.execute(
        "UPDATE messages SET status = 'queued', due_at = %s"
        " WHERE account_id = %s AND id = %s AND status = 'processing' AND due_at = %s",
        (due_at, message.account_id, message.id, lease_until),
    )


async def receipt(connection: Connection, sid: str, *, delivered: bool, error_code: str | None, at: datetime) -> None:
    """Note a delivery receipt, and that nothing is left to do. A message has one final state: later ones change nothing."""
    cursor = await connection.execute(
        "UPDATE messages SET status = %s, error_code = %s, delivered_at = %s, due_at = NULL"
        f" WHERE sid = %s AND direction = 'out' AND status IN ('queued', 'processing', 'sent') RETURNING {_COLUMNS}".encode(),
        ("delivered" if delivered else "failed", error_code, at if delivered else None, sid),
    )
    await _changed(connection, cursor, at)
