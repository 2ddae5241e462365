"""DIDs, blocked callers, media."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.number import DID
from ringtrail.storage.database import Connection

_DID = (
    "hash, account_id, property_id, number_e164, country, line_type, friendly_name, app_hash, assigned_at, expires_at,"
    " expired_redirect_e164, source, medium, campaign, content, offline_description, region, city, capabilities, settings,"
    " class, area_code_id, month_micro, setup_micro, bought_at, contract_end_at, list_month_micro, list_setup_micro,"
    " contract_months"
)


def _did(row: tuple[Any, ...]) -> DID:
    return DID(
        hash=row[0], account_id=row[1], property_id=row[2], number_e164=row[3], country=row[4], line_type=row[5],
        friendly_name=row[6], app_hash=row[7], assigned_at=row[8], expires_at=row[9], expired_redirect_e164=row[10],
        attribution=StaticAttribution(
            source=row[11], medium=row[12], campaign=row[13], content=row[14], offline_description=row[15]
        ),
        region=row[16], city=row[17], capabilities=tuple(row[18]), settings=row[19], class_=row[20], area_code_id=row[21],
        month_micro=row[22], setup_micro=row[23], bought_at=row[24], contract_end_at=row[25],
        list_month_micro=row[26], list_setup_micro=row[27], contract_months=row[28],
    )  # fmt: skip


async def did_by_hash(connection: Connection, account_id: int, hash_: str) -> DID | None:
    row = await (
        await connection.execute(
            f"SELECT {_DID} FROM dids WHERE account_id = %s AND hash = %s".encode(), (account_id, hash_)
        )
    ).fetchone()  # fmt: skip
    return _did(row) if row else None


async def dids_by_hashes(connection: Connection, account_id: int, hashes: Sequence[str]) -> list[DID]:
    cursor = await connection.execute(
        f"SELECT {_DID} FROM dids WHERE account_id = %s AND hash = ANY(%s)".encode(), (account_id, list(hashes))
    )
    return [_did(row) for row in await cursor.fetchall()]


async def did_by_number(connection: Connection, number_e164: str) -> DID | None:
    """Whoever's it is."""
    row = await (
        await connection.execute(f"SELECT {_DID} FROM dids WHERE number_e164 = %s".encode(), (number_e164,))
    ).fetchone()
    return _did(row) if row else None


async def locked_did(connection: Connection, account_id: int, hash_: str) -> DID | None:
    """As it is now; nobody else changes it before the end of the transaction."""
    row = await (
        await connection.execute(
            f"SELECT {_DID} FROM dids WHERE account_id = %s AND hash = %s FOR NO KEY UPDATE".encode(),
            (account_id, hash_),
        )
    ).fetchone()
    return _did(row) if row else None


async def update_did(connection: Connection, did: DID) -> None:
    """Write what its owner may change: names, marketing, what dialects keep with it. Not its routing."""
    attribution = did.attribution
    await connection.execute(
        "UPDATE dids SET friendly_name = %s, source = %s, medium = %s, campaign = %s, content = %s,"
        " offline_description = %s, settings = %s WHERE account_id = %s AND hash = %s",
        (
            did.friendly_name, attribution.source, attribution.medium, attribution.campaign, attribution.content,
            attribution.offline_description, Jsonb(dict(did.settings)), did.account_id, did.hash,
        ),
    )  # fmt: skip


async def delete_did(connection: Connection, account_id: int, hash_: str) -> bool:
    """False: no such DID."""
    cursor = await connection.execute("DELETE FROM dids WHERE account_id = %s AND hash = %s", (account_id, hash_))
    return cursor.rowcount == 1


async def find_dids(
    connection: Connection,
    account_id: int,
    *,
    hash_: str | None = None,
    property_id: int | None = None,
    app_hash: str | None = None,
    line_type: str | None = None,
    line_types: Sequence[str] = (),
    class_: str | None = None,
    capabilities: Sequence[str] = (),
    number_contains: str | None = None,
    unassigned_only: bool = False,
    offset: int = 0,
    limit: int | None = None,
) -> tuple[list[DID], int]:
    """(page, total), by number. line_types: any of these; capabilities: all of these."""
    parts: list[sql.Composable] = [sql.SQL("account_id = %s")]
    params: list[Any] = [account_id]
    for clause, value in (
        ("hash = %s", hash_),
        ("property_id = %s", property_id),
        ("app_hash = %s", app_hash),
        ("line_type = %s", line_type),
        ("line_type = ANY(%s)", list(line_types) or None),
        ("class = %s", class_),
        ("capabilities @> %s", list(capabilities) or None),
        ("strpos(number_e164, %s) > 0", number_contains),
    ):
        if value is not None:
            parts.append(sql.SQL(clause))
            params.append(value)
    if unassigned_only:
        parts.append(sql.SQL("app_hash IS NULL"))
    condition = sql.SQL(" AND ").join(parts)
    cursor = await connection.execute(
        sql.SQL("SELECT {} FROM dids WHERE {} ORDER BY number_e164 LIMIT {} OFFSET {}").format(
            sql.SQL(_DID), condition, sql.Literal(limit), sql.Literal(offset)
        ),
        params,
    )
    page = [_did(row) for row in await cursor.fetchall()]
    row = await (
        await connection.execute(sql.SQL("SELECT count(*) FROM dids WHERE {}").format(condition), params)
    ).fetchone()
    return page, row[0] if row else 0


async def add_did(connection: Connection, did: DID) -> bool:
    """False: somebody has this number, or this hash, already."""
    attribution = did.attribution
    cursor = await connection.execute(
        f"INSERT INTO dids ({_DID}) VALUES ({', '.join(['%s'] * 29)}) ON CONFLICT DO NOTHING".encode(),
        (
            did.hash, did.account_id, did.property_id, did.number_e164, did.country, did.line_type, did.friendly_name,
            did.app_hash, did.assigned_at, did.expires_at, did.expired_redirect_e164, attribution.source,
            attribution.medium, attribution.campaign, attribution.content, attribution.offline_description, did.region,
            did.city, list(did.capabilities), Jsonb(dict(did.settings)), did.class_, did.area_code_id, did.month_micro,
            did.setup_micro, did.bought_at, did.contract_end_at, did.list_month_micro, did.list_setup_micro,
            did.contract_months,
        ),
    )  # fmt: skip
    return cursor.rowcount == 1


async def assign_did(connection: Connection, account_id: int, hash_: str, app_hash: str | None, now: datetime) -> bool:
    """Point a DID at an app, or at nothing. False: no such DID."""
    cursor = await connection.execute(
        "UPDATE dids SET app_hash = %s, assigned_at = CASE WHEN %s::text IS NULL THEN NULL ELSE %s END"
        " WHERE account_id = %s AND hash = %s",
        (app_hash, app_hash, now, account_id, hash_),
    )
    return cursor.rowcount == 1


async def block(connection: Connection, account_id: int, number_e164: str) -> None:
    await connection.execute(
        "INSERT INTO blocked_callers (account_id, number_e164) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (account_id, number_e164),
    )


async def add_built_in_media(connection: Connection, items: list[tuple[int, str, str, str]]) -> None:
    """(id, name, category, path) of media that belong to everybody. Repeating changes nothing."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO media (account_id, id, name, category, path) VALUES (0, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            items,
        )
