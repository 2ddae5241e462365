"""Calls read back whole: those in progress for a controller that takes over, an ended one for its owner to correct."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Call, Leg, LegRole, Recording, RecordingKind, Trigger
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.lifecycle import Stage, State
from ringtrail.storage.database import Connection


async def unfinished_calls(connection: Connection, node: str) -> list[Call]:
    """Calls that this node left in progress, oldest first. Their trace begins anew."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT * FROM calls WHERE node = %s AND ended_at IS NULL ORDER BY started_at", (node,))
        rows = await cursor.fetchall()
        return [
            _call(row, await _legs(connection, row["account_id"], row["id"]), await _recordings(connection, row))
            for row in rows
        ]


async def ended_call(connection: Connection, account_id: int, call_id: int) -> Call | None:
    """One ended call, locked until the transaction ends. Its trace is not read."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT * FROM calls WHERE account_id = %s AND id = %s AND ended_at IS NOT NULL FOR UPDATE",
            (account_id, call_id),
        )
        row = await cursor.fetchone()
    if row is None:
        return None
    return _call(row, await _legs(connection, account_id, call_id), await _recordings(connection, row))


async def known_legs(connection: Connection, engine_leg_ids: list[str]) -> set[str]:
    """Which of these engine legs are in the records."""
    cursor = await connection.execute("SELECT engine_leg_id FROM legs WHERE engine_leg_id = ANY(%s)", (engine_leg_ids,))
    return {row[0] for row in await cursor.fetchall()}


async def beat(connection: Connection, node: str, now: datetime, *, registrar: bool | None = None) -> None:
    """The node's controller is alive and connected to its engine. registrar: whether phones can register with that one."""
    await connection.execute(
        "INSERT INTO engine_nodes (node, reconciled_at, seen_at, registrar) VALUES (%s, %s, %s, %s) ON CONFLICT (node)"
        " DO UPDATE SET seen_at = EXCLUDED.seen_at, registrar = coalesce(EXCLUDED.registrar, engine_nodes.registrar)",
        (node, now, now, registrar),
    )


async def registrars(connection: Connection) -> bool | None:
    """Whether phones can register with the engine of any node. None: no node has been seen yet."""
    row = await (await connection.execute("SELECT bool_or(registrar) FROM engine_nodes")).fetchone()
    return row[0] if row else None


async def set_reconciled(connection: Connection, node: str, until: datetime) -> None:
    """The node's flight recorder has been read up to this instant."""
    await connection.execute("UPDATE engine_nodes SET reconciled_at = %s WHERE node = %s", (until, node))


async def node_times(connection: Connection, node: str) -> tuple[datetime, datetime] | None:
    """(reconciled_at, seen_at), or None for a new node."""
    cursor = await connection.execute("SELECT reconciled_at, seen_at FROM engine_nodes WHERE node = %s", (node,))
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def newest_beat(connection: Connection) -> datetime | None:
    """When any controller was last seen."""
    row = await (await connection.execute("SELECT max(seen_at) FROM engine_nodes")).fetchone()
    return row[0] if row else None


async def _legs(connection: Connection, account_id: int, call_id: int) -> tuple[Leg, ...]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT * FROM legs WHERE account_id = %s AND call_id = %s ORDER BY position", (account_id, call_id)
        )
        return tuple(_leg(row) for row in await cursor.fetchall())


async def _recordings(connection: Connection, call: dict[str, Any]) -> tuple[Recording, ...]:
    cursor = await connection.execute(
        "SELECT hash, kind, path, started_at, status, duration_ms, per_leg FROM recordings"
        " WHERE account_id = %s AND call_id = %s ORDER BY started_at",
        (call["account_id"], call["id"]),
    )
    return tuple(
        Recording(
            hash=row[0], call_id=call["id"], kind=RecordingKind(row[1]), path=row[2], started_at=row[3], status=row[4],
            duration_ms=row[5], per_leg=row[6],
        )
        for row in await cursor.fetchall()
    )  # fmt: skip


def _leg(row: dict[str, Any]) -> Leg:
    return Leg(
        id=row["id"], engine_leg_id=row["engine_leg_id"], role=LegRole(row["role"]), position=row["position"],
        number_e164=row["number"], number_country=row["number_country"], number_line_type=row["number_line_type"],
        started_at=row["started_at"], ringing_at=row["ringing_at"], answered_at=row["answered_at"],
        ended_at=row["ended_at"], cause=row["cause"], sip_status=row["sip_status"],
        hangup_by=HangupBy(row["hangup_by"]) if row["hangup_by"] else None,
        disposition=Disposition(row["disposition"]), raw=row["raw"], codec=row["codec"], debit_micro=row["debit_micro"],
        cost_label=row["cost_label"],
    )  # fmt: skip


def _call(row: dict[str, Any], legs: tuple[Leg, ...], recordings: tuple[Recording, ...]) -> Call:
    return Call(
        id=row["id"], account_id=row["account_id"], property_id=row["property_id"], node=row["node"],
        started_at=row["started_at"], state=State(row["state"]), stage=Stage(row["stage"]),
        tracking_number_e164=row["tracking_number"], did_hash=row["did_hash"], app_hash=row["app_hash"],
        caller_number_e164=row["caller_number"], caller_withheld=row["caller_withheld"],
        caller_name=row["caller_name"], caller_country=row["caller_country"],
        caller_line_type=row["caller_line_type"], caller_region=row["caller_region"],
        attribution=StaticAttribution(
            source=row["source"], medium=row["medium"], campaign=row["campaign"], content=row["content"],
            offline_description=row["offline_description"],
        ),
        legs=legs, trigger=Trigger(row["trigger"]), answered_at=row["answered_at"], bridged_at=row["bridged_at"],
        ended_at=row["ended_at"], disposition=Disposition(row["disposition"]), disposition_raw=row["disposition_raw"],
        hangup_cause=row["hangup_cause"], hangup_by=HangupBy(row["hangup_by"]) if row["hangup_by"] else None,
        destination_number_e164=row["destination_number"], destination_country=row["destination_country"],
        destination_line_type=row["destination_line_type"], redirected=row["redirected"],
        redirected_expired=row["redirected_expired"], keypad=row["keypad"], external_id=row["external_id"],
        client_id=row["client_id"], button_hash=row["button_hash"], timezone=row["timezone"], recordings=recordings,
        billing_increment_s=row["billing_increment_s"],
    )  # fmt: skip
