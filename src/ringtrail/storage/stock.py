"""Numbers for sale: where they belong, who holds them until when, and how many an account has bought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import sql

from ringtrail.model.number import AreaCode, Availability, NumberOrder, NumberQuota, OrderMode, OrderState, StockNumber
from ringtrail.storage.database import Connection

_STOCK = (
    "number_e164, country, line_type, region, city, capabilities, class, area_code_id, month_micro, setup_micro,"
    " contract_months"
)
# A hold ends by itself: nobody has to clean up for a number to be free again.
_HELD = "EXISTS (SELECT FROM number_orders o WHERE o.token = s.order_token AND o.state = 'reserved' AND o.expires_at > now())"
_FREE = f"NOT {_HELD}"


def _stock_number(row: Sequence[Any]) -> StockNumber:
    return StockNumber(
        number_e164=row[0], country=row[1], line_type=row[2], region=row[3], city=row[4], capabilities=tuple(row[5]),
        class_=row[6], area_code_id=row[7], month_micro=row[8], setup_micro=row[9], contract_months=row[10], hash=row[11],
    )  # fmt: skip


_BROUGHT_UP_TO_DATE = (
    "DO UPDATE SET region = coalesce(EXCLUDED.region, s.region), city = coalesce(EXCLUDED.city, s.city),"
    " capabilities = EXCLUDED.capabilities, class = EXCLUDED.class, area_code_id = EXCLUDED.area_code_id,"
    " month_micro = EXCLUDED.month_micro, setup_micro = EXCLUDED.setup_micro, contract_months = EXCLUDED.contract_months"
    f" WHERE {_FREE}"
)


async def add(connection: Connection, numbers: Sequence[StockNumber], *, update: bool = False) -> int:
    """Numbers that are somebody's are passed over. Those in stock already too, or with `update` they get these prices and
    this place, unless they are held: an order costs what it said. Returns how many were written."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            f"INSERT INTO number_stock AS s ({_STOCK}) SELECT %s, %s, %s, %s, %s, %s::text[], %s, %s, %s, %s, %s"
            " WHERE NOT EXISTS (SELECT 1 FROM dids WHERE number_e164 = %s)"
            f" ON CONFLICT (number_e164) {_BROUGHT_UP_TO_DATE if update else 'DO NOTHING'}".encode(),
            [
                (
                    item.number_e164, item.country, item.line_type, item.region, item.city, list(item.capabilities),
                    item.class_, item.area_code_id, item.month_micro, item.setup_micro, item.contract_months,
                    item.number_e164,
                )
                for item in numbers
            ],
        )  # fmt: skip
        return cursor.rowcount


async def find(connection: Connection, *, country: str | None, offset: int, limit: int | None) -> list[StockNumber]:
    """By number, what nobody holds."""
    cursor = await connection.execute(
        sql.SQL(
            "SELECT {}, hash FROM number_stock s WHERE coalesce(country = %s, true) AND {} ORDER BY number_e164"
            " LIMIT {} OFFSET {}"
        ).format(sql.SQL(_STOCK), sql.SQL(_FREE), sql.Literal(limit), sql.Literal(offset)),
        (country,),
    )
    return [_stock_number(row) for row in await cursor.fetchall()]


async def take(connection: Connection, number_e164: str) -> StockNumber | None:
    """Take one number out that nobody holds. Two takers of the same: the second gets None once the first has committed."""
    # Locked first: a statement that waits for a row sees its new version, but not the order that holds it since.
    await connection.execute("SELECT FROM number_stock WHERE number_e164 = %s FOR UPDATE", (number_e164,))
    row = await (
        await connection.execute(
            f"DELETE FROM number_stock s WHERE number_e164 = %s AND {_FREE} RETURNING {_STOCK}, hash".encode(),
            (number_e164,),
        )
    ).fetchone()
    return _stock_number(row) if row else None


async def take_any(connection: Connection, country: str) -> StockNumber | None:
    """Take the first free number of a country that nobody else is taking right now."""
    while number := await _first_free(connection, country):
        if taken := await take(connection, number):
            return taken
    return None


async def _first_free(connection: Connection, country: str) -> str | None:
    row = await (
        await connection.execute(
            f"SELECT number_e164 FROM number_stock s WHERE country = %s AND {_FREE} ORDER BY number_e164 LIMIT 1"
            " FOR UPDATE SKIP LOCKED".encode(),
            (country,),
        )
    ).fetchone()
    return row[0] if row else None


# --- area codes -----------------------------------------------------------------------------------------------------

_AREA = "a.id, a.country, a.line_type, a.intl_prefix, a.local_prefix, a.label"
_COUNTS = (
    f"count(*) FILTER (WHERE s.class = 'CLASSIC' AND {_FREE}), count(*) FILTER (WHERE s.class = 'GOLD' AND {_FREE})"
)


def _area(row: Sequence[Any]) -> AreaCode:
    return AreaCode(id=row[0], country=row[1], line_type=row[2], intl_prefix=row[3], local_prefix=row[4], label=row[5])


async def put_area(connection: Connection, area: AreaCode, *, update: bool) -> int:
    """Its id: the one it had, or a new one. update: it is called so from now on."""
    kept = "local_prefix = EXCLUDED.local_prefix, label = EXCLUDED.label" if update else "label = a.label"
    row = await (
        await connection.execute(
            "INSERT INTO area_codes AS a (country, line_type, intl_prefix, local_prefix, label)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (country, line_type, intl_prefix)"
            f" DO UPDATE SET {kept} RETURNING id".encode(),
            (area.country, area.line_type, area.intl_prefix, area.local_prefix, area.label),
        )
    ).fetchone()
    assert row is not None
    return int(row[0])


async def area(connection: Connection, area_code_id: int) -> AreaCode | None:
    row = await (
        await connection.execute(f"SELECT {_AREA} FROM area_codes a WHERE a.id = %s".encode(), (area_code_id,))
    ).fetchone()
    return _area(row) if row else None


async def areas(
    connection: Connection, country: str | None = None, line_type: str | None = None
) -> list[tuple[AreaCode, Availability]]:
    """By country, type and prefix, also those where nothing is left."""
    cursor = await connection.execute(
        f"SELECT {_AREA}, {_COUNTS} FROM area_codes a LEFT JOIN number_stock s ON s.area_code_id = a.id"
        " WHERE coalesce(a.country = %s, true) AND coalesce(a.line_type = %s, true)"
        " GROUP BY a.id ORDER BY a.country, a.line_type, a.intl_prefix".encode(),
        (country, line_type),
    )
    return [(_area(row), Availability(row[6], row[7])) for row in await cursor.fetchall()]


async def dearest(connection: Connection, area_code_id: int, class_: str) -> StockNumber | None:
    """Of the free numbers of an area, the one that the stock itself asks most for."""
    row = await (
        await connection.execute(
            f"SELECT {_STOCK}, hash FROM number_stock s WHERE area_code_id = %s AND class = %s AND {_FREE}"
            " ORDER BY month_micro DESC NULLS LAST, setup_micro DESC NULLS LAST, contract_months DESC LIMIT 1".encode(),
            (area_code_id, class_),
        )
    ).fetchone()
    return _stock_number(row) if row else None


async def available(connection: Connection, area_code_id: int, class_: str) -> int:
    row = await (
        await connection.execute(
            f"SELECT count(*) FROM number_stock s WHERE area_code_id = %s AND class = %s AND {_FREE}".encode(),
            (area_code_id, class_),
        )
    ).fetchone()
    return row[0] if row else 0


# --- orders ---------------------------------------------------------------------------------------------------------

_ORDER = "account_id, token, area_code_id, class, mode, quantity, state, created_at, expires_at"


def _order(row: Sequence[Any]) -> NumberOrder:
    return NumberOrder(
        account_id=row[0], token=row[1], area_code_id=row[2], class_=row[3], mode=OrderMode(row[4]), quantity=row[5],
        state=OrderState(row[6]), created_at=row[7], expires_at=row[8],
    )  # fmt: skip


async def add_order(connection: Connection, order: NumberOrder) -> None:
    await connection.execute(
        f"INSERT INTO number_orders ({_ORDER}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)".encode(),
        (
            order.account_id, order.token, order.area_code_id, order.class_, order.mode.value, order.quantity,
            order.state.value, order.created_at, order.expires_at,
        ),
    )  # fmt: skip


async def order(connection: Connection, account_id: int, token: str, *, lock: bool = False) -> NumberOrder | None:
    """lock: nobody else settles it before the end of the transaction."""
    suffix = " FOR UPDATE" if lock else ""
    row = await (
        await connection.execute(
            f"SELECT {_ORDER} FROM number_orders WHERE account_id = %s AND token = %s{suffix}".encode(),
            (account_id, token),
        )
    ).fetchone()
    return _order(row) if row else None


async def settle_order(connection: Connection, order: NumberOrder, state: OrderState) -> None:
    await connection.execute(
        "UPDATE number_orders SET state = %s WHERE account_id = %s AND token = %s",
        (state.value, order.account_id, order.token),
    )


_PICK = {
    OrderMode.RANDOM: f"""
        SELECT number_e164 FROM number_stock s WHERE area_code_id = %(area)s AND class = %(class)s AND {_FREE}
        ORDER BY random() LIMIT %(quantity)s FOR UPDATE SKIP LOCKED""",
    OrderMode.SEQUENTIAL: f"""
        WITH free AS (
            SELECT number_e164, substr(number_e164, 2)::numeric - row_number() OVER (ORDER BY number_e164) AS island
            FROM number_stock s WHERE area_code_id = %(area)s AND class = %(class)s AND {_FREE}
        ), first AS (
            SELECT island FROM free GROUP BY island HAVING count(*) >= %(quantity)s ORDER BY min(number_e164) LIMIT 1
        )
        SELECT number_e164 FROM number_stock WHERE number_e164 IN (
            SELECT number_e164 FROM free JOIN first USING (island) ORDER BY number_e164 LIMIT %(quantity)s)
        ORDER BY number_e164 FOR UPDATE SKIP LOCKED""",
}


async def hold(connection: Connection, order: NumberOrder) -> int:
    """Hold numbers for an order. Returns how many: fewer than wanted if there are no more, or somebody takes them now."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('area code'), %s::int)", (order.area_code_id,))
    values = {"area": order.area_code_id, "class": order.class_, "quantity": order.quantity}
    picked = await (await connection.execute(_PICK[order.mode].encode(), values)).fetchall()
    await connection.execute(
        "UPDATE number_stock SET order_token = %s WHERE number_e164 = ANY(%s)",
        (order.token, [row[0] for row in picked]),
    )
    return len(picked)


async def held(connection: Connection, token: str, *, lock: bool = False) -> list[StockNumber]:
    """By number. lock: they are nobody else's before the end of the transaction."""
    suffix = " FOR UPDATE" if lock else ""
    cursor = await connection.execute(
        f"SELECT {_STOCK}, hash FROM number_stock WHERE order_token = %s ORDER BY number_e164{suffix}".encode(),
        (token,),
    )
    return [_stock_number(row) for row in await cursor.fetchall()]


async def take_held(connection: Connection, token: str, items: Sequence[StockNumber]) -> None:
    """Take some of an order's numbers out."""
    await connection.execute(
        "DELETE FROM number_stock WHERE order_token = %s AND number_e164 = ANY(%s)",
        (token, [item.number_e164 for item in items]),
    )


async def let_go(connection: Connection, token: str) -> None:
    await connection.execute("UPDATE number_stock SET order_token = NULL WHERE order_token = %s", (token,))


# --- quotas ---------------------------------------------------------------------------------------------------------


async def quota(
    connection: Connection, account_id: int, now: datetime, *, lock: bool = False
) -> tuple[int, int, int, int, int]:
    """(owned, most owned, bought within the days, most bought, days). lock: nobody else buys for this account meanwhile."""
    if lock:
        await connection.execute("SELECT FROM accounts WHERE id = %s FOR NO KEY UPDATE", (account_id,))
    row = await (
        await connection.execute(
            "SELECT (SELECT count(*) FROM dids d WHERE d.account_id = a.id), a.most_dids,"
            " (SELECT count(*) FROM number_purchases p WHERE p.account_id = a.id"
            "  AND p.bought_at > %s - make_interval(days => a.dids_bought_days)), a.most_dids_bought, a.dids_bought_days"
            " FROM accounts a WHERE a.id = %s",
            (now, account_id),
        )
    ).fetchone()
    assert row is not None
    return (row[0], row[1], row[2], row[3], row[4])


async def set_quota(connection: Connection, account_id: int, quota: NumberQuota) -> None:
    """Its limits."""
    await connection.execute(
        "UPDATE accounts SET most_dids = %s, most_dids_bought = %s, dids_bought_days = %s WHERE id = %s",
        (quota.most_owned, quota.most_bought, quota.days, account_id),
    )


async def note_purchase(connection: Connection, account_id: int, number_e164: str, now: datetime) -> None:
    await connection.execute(
        "INSERT INTO number_purchases (account_id, number_e164, bought_at) VALUES (%s, %s, %s)",
        (account_id, number_e164, now),
    )
