"""What `ringtrail doctor` wants to know of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from alembic.script import ScriptDirectory

from ringtrail.storage.schema import alembic_config


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseHealth:
    server_version: int  # 180006 for 18.6
    revision: str | None  # of the schema; None: no schema yet
    newest_revision: str
    now: datetime  # the server's clock
    free_callers: tuple[str, ...]  # accounts that may dial every number of the world
    mute_accounts: int  # accounts that may dial none


def look(url: str) -> DatabaseHealth:
    """Blocks. Raises ConnectionError with the server's reason when it cannot be reached."""
    try:
        return _look(url)
    except psycopg.Error as exc:
        raise ConnectionError(str(exc).strip()) from exc


def _look(url: str) -> DatabaseHealth:
    newest = ScriptDirectory.from_config(alembic_config(url)).get_current_head()
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        now = connection.execute("SELECT clock_timestamp()").fetchone()
        revision = None
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() != (None,):
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            revision = found[0] if found else None
        prefixes: list[tuple[str, list[str]]] = []
        if revision == newest:
            prefixes = connection.execute("SELECT name, outbound_prefixes FROM accounts").fetchall()
        assert now is not None
        return DatabaseHealth(
            server_version=connection.info.server_version,
            revision=revision,
            newest_revision=str(newest),
            now=now[0],
            free_callers=tuple(name for name, allowed in prefixes if {"+", ""} & set(allowed)),
            mute_accounts=sum(1 for _, allowed in prefixes if not allowed),
        )
