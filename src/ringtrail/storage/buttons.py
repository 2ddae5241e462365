"""Click-to-call buttons, and the calls that were ordered through them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringtrail.model.button import Button, CallOrder
from ringtrail.storage.clicks import CLICK, click_of
from ringtrail.storage.database import Connection

_BUTTON = "hash, account_id, property_id, name, target_e164, max_talk_s, settings, created_at, updated_at"
_ORDER = (
    "id, account_id, property_id, button_hash, visitor_e164, target_e164, max_talk_s, due_at, position,"
    f" (SELECT jsonb_build_array({CLICK}) FROM click_to_calls c WHERE c.account_id = call_orders.account_id"
    " AND c.hash = call_orders.click_hash)"
)


def _button(row: tuple[Any, ...]) -> Button:
    return Button(
        hash=row[0], account_id=row[1], property_id=row[2], name=row[3], target_e164=row[4], max_talk_s=row[5],
        settings=row[6], created_at=row[7], updated_at=row[8],
    )  # fmt: skip


def _order(row: tuple[Any, ...]) -> CallOrder:
    return CallOrder(
        id=row[0], account_id=row[1], property_id=row[2], button_hash=row[3], visitor_e164=row[4], target_e164=row[5],
        max_talk_s=row[6], due_at=row[7], position=row[8], click=click_of(row[9]) if row[9] else None,
    )  # fmt: skip


async def by_hash(connection: Connection, account_id: int, hash_: str) -> Button | None:
    row = await (
        await connection.execute(
            f"SELECT {_BUTTON} FROM buttons WHERE account_id = %s AND hash = %s AND deleted_at IS NULL".encode(),
            (account_id, hash_),
        )
    ).fetchone()
    return _button(row) if row else None


async def of_account(connection: Connection, account_id: int, property_id: int | None) -> list[Button]:
    """Oldest first."""
    cursor = await connection.execute(
        f"SELECT {_BUTTON} FROM buttons WHERE account_id = %s AND coalesce(property_id = %s, true)"
        " AND deleted_at IS NULL ORDER BY created_at, hash".encode(),
        (account_id, property_id),
    )
    return [_button(row) for row in await cursor.fetchall()]


async def put(connection: Connection, button: Button) -> None:
    """Insert, or write everything that may change."""
    await connection.execute(
        f"INSERT INTO buttons ({_BUTTON}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (account_id, hash) DO UPDATE SET name = EXCLUDED.name, target_e164 = EXCLUDED.target_e164,"
        " max_talk_s = EXCLUDED.max_talk_s, settings = EXCLUDED.settings, updated_at = EXCLUDED.updated_at".encode(),
        (
            button.hash, button.account_id, button.property_id, button.name, button.target_e164, button.max_talk_s,
            Jsonb(dict(button.settings)), button.created_at, button.updated_at,
        ),
    )  # fmt: skip


async def delete(connection: Connection, account_id: int, hash_: str, now: datetime) -> bool:
    """Take a button away with the orders that wait for it; its calls go on naming it. False: no such button."""
    await connection.execute(
        "DELETE FROM call_orders WHERE account_id = %s AND button_hash = %s AND claimed_at IS NULL", (account_id, hash_)
    )
    cursor = await connection.execute(
        "UPDATE buttons SET deleted_at = %s WHERE account_id = %s AND hash = %s AND deleted_at IS NULL",
        (now, account_id, hash_),
    )
    return cursor.rowcount == 1


async def add_order(connection: Connection, order: CallOrder, now: datetime) -> int:
    """Insert; order.id is ignored and the new one returned."""
    row = await (
        await connection.execute(
            "INSERT INTO call_orders (account_id, property_id, button_hash, visitor_e164, target_e164, max_talk_s, due_at,"
            " created_at, click_hash, position) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (
                order.account_id, order.property_id, order.button_hash, order.visitor_e164, order.target_e164,
                order.max_talk_s, order.due_at, now, order.click.hash if order.click else None, order.position,
            ),
        )
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


async def orders_waiting(connection: Connection, account_id: int) -> int:
    row = await (
        await connection.execute(
            "SELECT count(*) FROM call_orders WHERE account_id = %s AND claimed_at IS NULL", (account_id,)
        )
    ).fetchone()
    return row[0] if row else 0


async def claim_order(connection: Connection, node: str, call_id: int, now: datetime) -> CallOrder | None:
    """The next due order, which becomes this call of this node and nobody else's. None: nothing is due."""
    row = await (
        await connection.execute(
            "UPDATE call_orders SET node = %s, call_id = %s, claimed_at = %s WHERE (account_id, id) = ("
            " SELECT account_id, id FROM call_orders WHERE claimed_at IS NULL AND due_at <= %s ORDER BY due_at LIMIT 1"
            f" FOR UPDATE SKIP LOCKED) RETURNING {_ORDER}".encode(),
            (node, call_id, now, now),
        )
    ).fetchone()
    return _order(row) if row else None


async def order_of_call(connection: Connection, account_id: int, call_id: int) -> CallOrder | None:
    row = await (
        await connection.execute(
            f"SELECT {_ORDER} FROM call_orders WHERE account_id = %s AND call_id = %s".encode(), (account_id, call_id)
        )
    ).fetchone()
    return _order(row) if row else None


async def orders_without_call(connection: Connection, node: str, since: datetime) -> list[tuple[CallOrder, int]]:
    """[(order, call id)] that this node claimed since then and of which there is no record: it died in between."""
    cursor = await connection.execute(
        f"SELECT {_ORDER}, call_id FROM call_orders WHERE node = %s AND claimed_at >= %s AND NOT EXISTS ("
        " SELECT 1 FROM calls c WHERE c.account_id = call_orders.account_id AND c.id = call_orders.call_id)".encode(),
        (node, since),
    )
    return [(_order(row), row[10]) for row in await cursor.fetchall()]


async def forget_orders(connection: Connection, until: datetime, limit: int) -> int:
    """Orders of buttons that were claimed before then. Returns how many."""
    cursor = await connection.execute(
        "DELETE FROM call_orders WHERE (account_id, id) IN (SELECT account_id, id FROM call_orders"
        " WHERE claimed_at < %s AND click_hash IS NULL ORDER BY claimed_at LIMIT %s)",
        (until, limit),
    )
    return cursor.rowcount
