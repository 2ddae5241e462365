"""Rates, balances, and the ledger: append-only, each fact once, in the transaction of what is charged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from psycopg import sql

from ringtrail.model.call import ENTERED_NODE, Call, Leg, LegRole, Trigger
from ringtrail.model.events import Event, EventType
from ringtrail.model.message import Direction, Message
from ringtrail.model.money import Balance, BillingMode, Booking, LedgerEntry, Rate, RateKind, Tariff, prefixes
from ringtrail.storage import counters
from ringtrail.storage.database import Connection
from ringtrail.storage.events import tell

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


async def tariffs(connection: Connection) -> list[tuple[str, int]]:
    """[(name, how many rates)] by name."""
    cursor = await connection.execute("SELECT tariff, count(*) FROM rates GROUP BY 1 ORDER BY 1")
    return [(row[0], row[1]) for row in await cursor.fetchall()]


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


TERMS = ("tariff", "billing_mode", "warning_micro", "shutdown_micro")
"""Columns of an account that say how it pays."""

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


async def carry_over(connection: Connection, from_id: int, to_id: int, abouts: Sequence[str]) -> None:
    """Months of numbers that the one account has paid are noted in the other's ledger, which pays nothing for them."""
    cursor = await connection.execute(
        "SELECT about, note FROM ledger_entries WHERE account_id = %s AND kind = %s AND about = ANY(%s)",
        (from_id, RateKind.NUMBER.value, list(abouts)),
    )
    paid = [Booking(kind=RateKind.NUMBER, about=row[0], amount_micro=0, note=row[1]) for row in await cursor.fetchall()]
    await book(connection, to_id, paid)


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
    after = replace(before, balance_micro=after_micro)
    topped_up = not all(booking.is_usage for booking in new)
    changed = [EventType.CREDIT_CHANGED] if topped_up else []
    return _events(after, [*changed, *await _crossings(connection, after)], new[-1].amount_micro)


def _events(after: Balance, types: Sequence[EventType], amount_micro: int) -> list[Event]:
    now, id_ = datetime.now(UTC), after.account_id
    detail = {
        "balance_micro": after.balance_micro, "amount_micro": amount_micro, "currency": after.currency,
        "warning_micro": after.warning_micro, "shutdown_micro": after.shutdown_micro,
    }  # fmt: skip
    return [Event(account_id=id_, type=type_, property_id=None, about=id_, at=now, detail=detail) for type_ in types]


async def _crossings(connection: Connection, after: Balance) -> list[EventType]:
    """Which levels the balance is newly at or below. A postpaid account has none."""
    prepaid, types = after.mode is BillingMode.PREPAID, []
    for column, level, type_ in (
        ("warned_at", after.warning_micro, EventType.CREDIT_WARNING),
        ("shut_at", after.shutdown_micro, EventType.CREDIT_SHUTDOWN),
    ):
        below = prepaid and level is not None and after.balance_micro <= level
        if await _crossed(connection, after.account_id, column, below):
            types.append(type_)
    return types


async def _crossed(connection: Connection, account_id: int, column: str, below: bool) -> bool:
    """Whether the balance is below the level now and was not before."""
    cursor = await connection.execute(
        f"UPDATE balances SET {column} = %s WHERE account_id = %s AND ({column} IS NULL) = %s".encode(),
        (datetime.now(UTC) if below else None, account_id, below),
    )
    return below and cursor.rowcount == 1


async def set_terms(connection: Connection, account_id: int, terms: Mapping[str, object]) -> list[Event]:
    """terms: new values of TERMS. A level that the balance is at or below by them is told."""
    await lock(connection, account_id)
    columns = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(key), sql.Placeholder()) for key in terms)
    await connection.execute(
        sql.SQL("UPDATE accounts SET {} WHERE id = %s").format(columns), [*terms.values(), account_id], prepare=False
    )
    after = await balance(connection, account_id)
    return _events(after, await _crossings(connection, after), 0)


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


async def rated(connection: Connection, account_id: int, calls: Sequence[Call]) -> list[Call]:
    """The calls with what the legs of those cost that have ended; an entered call's cost nothing of ours."""
    ended = [call for call in calls if call.ended and call.node != ENTERED_NODE]
    legs = [(call, leg) for call in ended for leg in call.legs if not _is_own(call, leg)]
    tariff_name = await tariff_of(connection, account_id) if legs else None
    if tariff_name is None:
        return list(calls)
    tariff = await rates_for(connection, tariff_name, [_rated_by(call, leg) for call, leg in legs])
    costing = {leg.id: _costing(leg, tariff.rate(*_rated_by(call, leg))) for call, leg in legs}
    return [replace(call, legs=tuple(costing.get(leg.id, leg) for leg in call.legs)) for call in calls]


def bookings(call: Call) -> list[Booking]:
    """What the legs of a call that has just been rated cost."""
    return [
        Booking(
            kind=_rated_by(call, leg)[0].value, about=str(leg.id), amount_micro=-leg.debit_micro,
            note=leg.cost_label or "",
        )
        for leg in call.legs
        if leg.debit_micro
    ]  # fmt: skip


def _rated_by(call: Call, leg: Leg) -> tuple[RateKind, str]:
    """The caller's leg by the number that was called, a target's by the target's."""
    if leg.role is LegRole.CALLER and not call.placed_by_us:
        return RateKind.CALL_IN, call.tracking_number_e164
    return RateKind.CALL_OUT, leg.number_e164 or ""


def _is_own(call: Call, leg: Leg) -> bool:
    """The leg of a phone of the account's own costs nothing: what it dials does."""
    return call.trigger is Trigger.PHONE and leg.role is LegRole.CALLER


def _costing(leg: Leg, rate: Rate | None) -> Leg:
    """A leg that was answered costs by the seconds that it was up."""
    if rate is None:
        return replace(leg, debit_micro=0)
    debit_micro = rate.of_seconds(leg.talk_s) if leg.answered_at else 0
    return replace(leg, debit_micro=debit_micro, cost_label=rate.label or None)


async def charge_message(connection: Connection, message: Message) -> tuple[int | None, list[Event]]:
    """Rate and book a message that was accepted or has come in. (micro or None, what is to be told of the balance). Takes the
    account's counters if it has a tariff."""
    tariff_name = await tariff_of(connection, message.account_id)
    if tariff_name is None:
        return None, []
    kind = RateKind.MESSAGE_OUT if message.direction is Direction.OUT else RateKind.MESSAGE_IN
    rate = (await rates_for(connection, tariff_name, [(kind, message.recipient_e164)])).rate(
        kind, message.recipient_e164
    )
    debit = rate.of_segments(message.segments) if rate else 0
    await counters.lock(connection, message.account_id)
    await connection.execute(
        "UPDATE messages SET debit_micro = %s WHERE account_id = %s AND id = %s",
        (debit, message.account_id, message.id),
    )
    bookings = [Booking(kind=kind.value, about=message.sid, amount_micro=-debit)] if debit else []
    return debit, await book(connection, message.account_id, bookings)


async def take_back(connection: Connection, messages: Sequence[Message]) -> None:
    """Messages that were charged and will never be handed on cost nothing. Of one account, whose counters are held."""
    charged = [message for message in messages if message.debit_micro]
    if not charged:
        return
    account_id = charged[0].account_id
    await connection.execute(
        "UPDATE messages SET debit_micro = 0 WHERE account_id = %s AND id = ANY(%s)",
        (account_id, [message.id for message in charged]),
    )
    bookings = [
        Booking(kind="correction", about=message.sid, amount_micro=message.debit_micro or 0, note="not sent")
        for message in charged
    ]
    await tell(connection, account_id, await book(connection, account_id, bookings))


# Months of bought numbers with a price, after the one in which they were bought, that have no entry <hash>/YYYY-MM in the
# ledger of the account, or of one above, below or beside it, from which the number may have come: all that have one root, as
# accounts have two levels. Joined, not looked up: a master with a thousand sub accounts has a million pairs of them.
_OWED = """
FROM dids d JOIN accounts a ON a.id = d.account_id CROSS JOIN LATERAL generate_series(
    date_trunc('month', d.bought_at AT TIME ZONE 'UTC') + interval '1 month', date_trunc('month', %(today)s::timestamp),
    interval '1 month') AS m (month)
WHERE d.month_micro > 0 AND coalesce(d.account_id = %(account_id)s, true) AND NOT EXISTS (
    SELECT FROM ledger_entries e JOIN accounts f ON f.id = e.account_id WHERE e.kind = 'number'
    AND e.about = d.hash || to_char(m.month, '/YYYY-MM')
    AND coalesce(f.parent_id, f.id) = coalesce(a.parent_id, a.id))
"""


async def owing_months(connection: Connection, today: date) -> list[int]:
    """Accounts that have not paid all months of their numbers up to this one."""
    cursor = await connection.execute(
        f"SELECT DISTINCT d.account_id {_OWED} ORDER BY 1".encode(), {"today": today, "account_id": None}
    )
    return [row[0] for row in await cursor.fetchall()]


async def owed_months(connection: Connection, account_id: int, today: date) -> list[tuple[str, str, int, date]]:
    """[(DID hash, number, micro, first day of a month)], oldest first."""
    cursor = await connection.execute(
        f"SELECT d.hash, d.number_e164, d.month_micro, m.month::date {_OWED} ORDER BY m.month, d.hash".encode(),
        {"today": today, "account_id": account_id},
    )
    return [(row[0], row[1], row[2], row[3]) for row in await cursor.fetchall()]
