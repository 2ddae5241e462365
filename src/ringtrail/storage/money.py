"""Rates, balances, and the ledger: append-only, each fact once, in the transaction of what is charged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from ringtrail.model.call import ENTERED_NODE, Call, Leg, LegRole
from ringtrail.model.events import Event, EventType
from ringtrail.model.message import Direction, Message
from ringtrail.model.money import Balance, BillingMode, Booking, LedgerEntry, Rate, RateKind, Tariff, prefixes
from ringtrail.storage.database import Connection

_RATE = "kind, prefix, price_micro, setup_micro, increment_s, least_s, label"


def _rate(row: Sequence[Any]) -> Rate:
    return Rate(
        kind=RateKind(row[0]), prefix=row[1], price_micro=row[2], setup_micro=row[3], increment_s=row[4],
        least_s=row[5], label=row[6],
    )  # fmt: skip


# --- rates ----------------------------------------------------------------------------------------------------------


async def tariff_of(connection: Connection, account_id: int) -> str | None:
    """None: nothing that the account does is charged."""
    row = await (await connection.execute("SELECT tariff FROM accounts WHERE id = %s", (account_id,))).fetchone()
    return row[0] if row else None


async def rates_for(connection: Connection, tariff: str, wanted: Iterable[tuple[RateKind, str]]) -> Tariff:
    """Those rates of a tariff that any of these (kind, number) can have."""
    pairs = {(kind.value, prefix) for kind, number in wanted for prefix in prefixes(number)}
    kinds, starts = zip(*pairs, strict=True) if pairs else ((), ())
    cursor = await connection.execute(
        f"SELECT {_RATE} FROM rates WHERE tariff = %s"
        " AND (kind, prefix) IN (SELECT * FROM unnest(%s::text[], %s::text[]))".encode(),
        (tariff, list(kinds), list(starts)),
    )
    return Tariff(_rate(row) for row in await cursor.fetchall())


async def rates(connection: Connection, tariff: str, kinds: Sequence[RateKind] | None = None) -> list[Rate]:
    """By kind and prefix."""
    cursor = await connection.execute(
        f"SELECT {_RATE} FROM rates WHERE tariff = %s AND coalesce(kind = ANY(%s), true) ORDER BY kind, prefix".encode(),
        (tariff, None if kinds is None else [kind.value for kind in kinds]),
    )
    return [_rate(row) for row in await cursor.fetchall()]


async def replace_rates(connection: Connection, tariff: str, new: Sequence[Rate]) -> None:
    """The tariff has these rates and no others."""
    await connection.execute("DELETE FROM rates WHERE tariff = %s", (tariff,))
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO rates (tariff, kind, prefix, price_micro, setup_micro, increment_s, least_s, label)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    tariff, rate.kind.value, rate.prefix, rate.price_micro, rate.setup_micro, rate.increment_s,
                    rate.least_s, rate.label,
                )
                for rate in new
            ],
        )  # fmt: skip


# --- balance and ledger ---------------------------------------------------------------------------------------------

_BALANCE = (
    "SELECT a.id, a.billing_mode, a.currency, coalesce(b.balance_micro, 0), a.warning_micro, a.shutdown_micro,"
    " b.shut_at IS NOT NULL FROM accounts a LEFT JOIN balances b ON b.account_id = a.id WHERE a.id = %s"
)


async def balance(connection: Connection, account_id: int) -> Balance:
    row = await (await connection.execute(_BALANCE, (account_id,))).fetchone()
    assert row is not None
    return Balance(
        account_id=row[0], mode=BillingMode(row[1]), currency=row[2], balance_micro=row[3], warning_micro=row[4],
        shutdown_micro=row[5], shut=row[6],
    )  # fmt: skip


async def is_shut(connection: Connection, account_id: int) -> bool:
    """Whether the account's credit is used up: nothing that costs is begun for it."""
    row = await (
        await connection.execute(
            "SELECT EXISTS (SELECT FROM balances WHERE account_id = %s AND shut_at IS NOT NULL)", (account_id,)
        )
    ).fetchone()
    return bool(row and row[0])


async def lock(connection: Connection, account_id: int) -> None:
    """The balance is nobody else's to move until the transaction ends. Accounts go in the order of their ids."""
    await connection.execute("INSERT INTO balances (account_id) VALUES (%s) ON CONFLICT DO NOTHING", (account_id,))
    await connection.execute("SELECT FROM balances WHERE account_id = %s FOR UPDATE", (account_id,))


async def book(connection: Connection, account_id: int, bookings: Sequence[Booking]) -> list[Event]:
    """Move the balance by what was not booked before. Returns what is to be told of it."""
    if not bookings:
        return []
    await lock(connection, account_id)
    before = await balance(connection, account_id)
    new = await _not_booked(connection, account_id, bookings)
    after_micro, rows = before.balance_micro, []
    for booking in new:
        after_micro += booking.amount_micro
        rows.append((account_id, booking.kind, booking.about, booking.amount_micro, after_micro, booking.note))
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO ledger_entries (account_id, kind, about, amount_micro, balance_micro, note)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            rows,
        )
    await connection.execute("UPDATE balances SET balance_micro = %s WHERE account_id = %s", (after_micro, account_id))
    return await _levels(connection, before, after_micro, new)


async def _not_booked(connection: Connection, account_id: int, bookings: Sequence[Booking]) -> list[Booking]:
    cursor = await connection.execute(
        "SELECT kind, about FROM ledger_entries WHERE account_id = %s"
        " AND (kind, about) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        (account_id, [booking.kind for booking in bookings], [booking.about for booking in bookings]),
    )
    known = set(await cursor.fetchall())
    return [booking for booking in bookings if (booking.kind, booking.about) not in known]


async def _levels(connection: Connection, before: Balance, after_micro: int, new: Sequence[Booking]) -> list[Event]:
    """Note and tell which levels of a prepaid account were crossed; each is told once until the balance is above it again."""
    if before.mode is not BillingMode.PREPAID or not new:
        return []
    now, events = datetime.now(UTC), []
    detail = {
        "balance_micro": after_micro, "amount_micro": new[-1].amount_micro, "currency": before.currency,
        "warning_micro": before.warning_micro, "shutdown_micro": before.shutdown_micro,
    }  # fmt: skip

    def event(type_: EventType) -> Event:
        account_id = before.account_id
        return Event(account_id=account_id, type=type_, property_id=None, about=account_id, at=now, detail=detail)

    if not all(booking.is_usage for booking in new):
        events.append(event(EventType.CREDIT_CHANGED))
    for column, level, type_ in (
        ("warned_at", before.warning_micro, EventType.CREDIT_WARNING),
        ("shut_at", before.shutdown_micro, EventType.CREDIT_SHUTDOWN),
    ):
        if level is not None and await _crossed(connection, before.account_id, column, after_micro <= level, now):
            events.append(event(type_))
    return events


async def _crossed(connection: Connection, account_id: int, column: str, below: bool, now: datetime) -> bool:
    """Whether the balance is below the level now and was not before."""
    cursor = await connection.execute(
        f"UPDATE balances SET {column} = %s WHERE account_id = %s AND ({column} IS NULL) = %s".encode(),
        (now if below else None, account_id, below),
    )
    return below and cursor.rowcount == 1


async def entries(connection: Connection, account_id: int, *, before: int | None, limit: int) -> list[LedgerEntry]:
    """Newest first."""
    cursor = await connection.execute(
        "SELECT id, at, kind, about, amount_micro, balance_micro, note FROM ledger_entries WHERE account_id = %s"
        " AND coalesce(id < %s, true) ORDER BY id DESC LIMIT %s",
        (account_id, before, limit),
    )
    return [
        LedgerEntry(
            id=row[0], at=row[1], kind=row[2], about=row[3], amount_micro=row[4], balance_micro=row[5], note=row[6]
        )
        for row in await cursor.fetchall()
    ]


# --- usage ----------------------------------------------------------------------------------------------------------


async def charge_calls(connection: Connection, account_id: int, ended: Sequence[Call]) -> list[Event]:
    """Rate the legs of calls that have just ended, and book them. Returns what is to be told of the balance."""
    legs = [(call, leg) for call in ended if call.node != ENTERED_NODE for leg in call.legs]
    tariff_name = await tariff_of(connection, account_id) if legs else None
    if tariff_name is None:
        return []
    tariff = await rates_for(connection, tariff_name, [_rated_by(call, leg) for call, leg in legs])
    debits = [(call, leg, _debit(tariff, call, leg)) for call, leg in legs]
    await connection.execute(
        "UPDATE legs l SET debit_micro = d.debit FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[])"
        " AS d (id, started_at, debit) WHERE l.account_id = %s AND l.id = d.id AND l.started_at = d.started_at",
        (
            [leg.id for _, leg, _ in debits], [leg.started_at for _, leg, _ in debits],
            [debit for *_, debit in debits], account_id,
        ),
    )  # fmt: skip
    inbound = [(call, debit) for call, leg, debit in debits if leg.role is LegRole.CALLER]
    await connection.execute(
        "UPDATE calls c SET debit_micro = d.debit FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[])"
        " AS d (id, started_at, debit) WHERE c.account_id = %s AND c.id = d.id AND c.started_at = d.started_at",
        (
            [call.id for call, _ in inbound], [call.started_at for call, _ in inbound],
            [debit for _, debit in inbound], account_id,
        ),
    )  # fmt: skip
    bookings = [
        Booking(kind=_rated_by(call, leg)[0].value, about=str(leg.id), amount_micro=-debit)
        for call, leg, debit in debits
        if debit
    ]
    return await book(connection, account_id, bookings)


def _rated_by(call: Call, leg: Leg) -> tuple[RateKind, str]:
    """The caller's leg by the number that was called, a target's by the target's."""
    if leg.role is LegRole.CALLER and not call.placed_by_us:
        return RateKind.CALL_IN, call.tracking_number_e164
    return RateKind.CALL_OUT, leg.number_e164 or ""


def _debit(tariff: Tariff, call: Call, leg: Leg) -> int:
    rate = tariff.rate(*_rated_by(call, leg))
    if rate is None or leg.answered_at is None:
        return 0
    return rate.of_seconds(call.connected_s if leg.role is LegRole.CALLER else leg.talk_s)


async def charge_message(connection: Connection, message: Message) -> list[Event]:
    """Rate and book a message that was accepted or has come in. Returns what is to be told of the balance."""
    tariff_name = await tariff_of(connection, message.account_id)
    if tariff_name is None:
        return []
    kind = RateKind.MESSAGE_OUT if message.direction is Direction.OUT else RateKind.MESSAGE_IN
    rate = (await rates_for(connection, tariff_name, [(kind, message.recipient_e164)])).rate(
        kind, message.recipient_e164
    )
    debit = rate.of_segments(message.segments) if rate else 0
    await connection.execute(
        "UPDATE messages SET debit_micro = %s WHERE account_id = %s AND id = %s",
        (debit, message.account_id, message.id),
    )
    bookings = [Booking(kind=kind.value, about=message.sid, amount_micro=-debit)] if debit else []
    return await book(connection, message.account_id, bookings)


async def unbooked_months(connection: Connection, today: date, suffix: str) -> list[tuple[int, str, str, int]]:
    """[(account id, DID hash, number, micro)] of bought numbers with a price whose ledger has no entry <hash><suffix>."""
    cursor = await connection.execute(
        "SELECT d.account_id, d.hash, d.number_e164, d.month_micro FROM dids d"
        " WHERE d.month_micro > 0 AND d.bought_at < date_trunc('month', %s::timestamp) AT TIME ZONE 'UTC' AND NOT EXISTS ("
        "SELECT FROM ledger_entries e WHERE e.account_id = d.account_id AND e.kind = 'number' AND e.about = d.hash || %s)"
        " ORDER BY d.account_id, d.hash",
        (today, suffix),
    )
    return [(row[0], row[1], row[2], row[3]) for row in await cursor.fetchall()]
