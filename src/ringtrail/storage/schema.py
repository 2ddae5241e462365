"""Migrations and partitions: the shape of the database over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from ringtrail.storage.database import Database

PARTITIONED = ("calls", "legs", "call_traces")
MONTHS_AHEAD = 3


def migrate(url: str) -> None:
    """Bring the schema to the newest revision and make the coming months' partitions. Safe to repeat and to race."""
    with psycopg.connect(url, autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(hashtext('ringtrail migrate'))")
        command.upgrade(alembic_config(url), "head")
        now = datetime.now(UTC)
        with psycopg.connect(url) as connection:
            for ahead in range(-1, MONTHS_AHEAD + 1):
                for statement in _partition_statements(_month(now, ahead)):
                    connection.execute(statement)


async def ensure_partitions(database: Database, instants: Iterable[datetime]) -> None:
    """Make the partitions of the months that hold `instants`, if they are missing.

    Each in a transaction of its own: making one locks its table against all readers, and whoever holds two such locks can
    meet a reader that joins them the other way round.
    """
    missing = {_month(instant, 0) for instant in instants} - database.known_months
    if not missing:
        return
    for month in sorted(missing):
        for statement in _partition_statements(month):
            async with database.transaction() as connection:
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext('ringtrail partitions'))")
                await connection.execute(statement)
    database.known_months |= missing


async def ensure_partitions_ahead(database: Database, now: datetime) -> None:
    """Make this month's partitions and those of the next MONTHS_AHEAD."""
    await ensure_partitions(database, [_month(now, ahead) for ahead in range(MONTHS_AHEAD + 1)])


def _month(instant: datetime, ahead: int) -> datetime:
    months = instant.year * 12 + instant.month - 1 + ahead
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def _partition_statements(month: datetime) -> list[sql.Composed]:
    following = _month(month, 1)
    return [
        sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
            sql.Identifier(f"{table}_{month:%Y_%m}"), sql.Identifier(table), month.isoformat(), following.isoformat()
        )
        for table in PARTITIONED
    ]


def alembic_config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    parts = psycopg.conninfo.conninfo_to_dict(url)
    config.attributes["url"] = _sqlalchemy_url(parts)
    return config


def _sqlalchemy_url(parts: Mapping[str, object]) -> object:
    from sqlalchemy import URL  # only Alembic needs it

    query = {key: str(value) for key, value in parts.items() if key not in ("user", "password", "port", "dbname")}
    port = parts.get("port")
    return URL.create(
        "postgresql+psycopg",
        username=_text(parts.get("user")),
        password=_text(parts.get("password")),
        port=int(str(port)) if port else None,
        database=_text(parts.get("dbname")),
        query=query,
    )


def _text(value: object) -> str | None:
    return str(value) if value else None
