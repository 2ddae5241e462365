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
    subscribers: int  # of SIP
    registrar: bool | None  # their phones can register with an engine of ours; None: no controller has said yet


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookHealth:
    """Endpoints of all accounts."""

    enabled: int
    failing: int  # of these
    disabled: int  # by the system: they failed for too long
    by_mail: int  # enabled ones that are told by e-mail
    overdue_since: datetime | None  # what has waited longest, past its time, for an endpoint that works; None: nothing
    sealed: tuple[bytes, ...]  # their secrets, encrypted; MOST_SEALED at most


MOST_SEALED = 1_000
_OVERDUE_S = 120


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
        phones: tuple[int, bool | None] = (0, None)
        if revision == newest:
            prefixes = connection.execute("SELECT name, outbound_prefixes FROM accounts").fetchall()
            phones = connection.execute(_PHONES).fetchone() or phones
        assert now is not None
        return DatabaseHealth(
            server_version=connection.info.server_version,
            revision=revision,
            newest_revision=str(newest),
            now=now[0],
            free_callers=tuple(name for name, allowed in prefixes if {"+", ""} & set(allowed)),
            mute_accounts=sum(1 for _, allowed in prefixes if not allowed),
            subscribers=phones[0],
            registrar=phones[1],
        )


_PHONES = "SELECT count(*), (SELECT bool_or(registrar) FROM engine_nodes) FROM sip_subscribers"


def look_at_webhooks(url: str) -> WebhookHealth:
    """Of a database with the newest schema. Blocks. Raises ConnectionError."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            counts = connection.execute(_ENDPOINTS).fetchone()
            overdue = connection.execute(_OVERDUE, (_OVERDUE_S,)).fetchone()
            sealed = connection.execute(
                "SELECT secrets FROM endpoints WHERE secrets IS NOT NULL LIMIT %s", (MOST_SEALED,)
            ).fetchall()
    except psycopg.Error as exc:
        raise ConnectionError(str(exc).strip()) from exc
    assert counts is not None
    enabled, failing, disabled, by_mail = counts
    return WebhookHealth(
        enabled=enabled, failing=failing, disabled=disabled, by_mail=by_mail,
        overdue_since=overdue[0] if overdue else None, sealed=tuple(bytes(row[0]) for row in sealed),
    )  # fmt: skip


_ENDPOINTS = """
SELECT count(*) FILTER (WHERE disabled_by IS NULL),
    count(*) FILTER (WHERE disabled_by IS NULL AND failing_since IS NOT NULL),
    count(*) FILTER (WHERE disabled_by = 'system'),
    count(*) FILTER (WHERE disabled_by IS NULL AND address LIKE 'mailto:%')
FROM endpoints
"""

_OVERDUE = """
SELECT min(d.due_at) FROM deliveries d JOIN endpoints e ON e.account_id = d.account_id AND e.hash = d.endpoint_hash
WHERE d.due_at < now() - make_interval(secs => %s) AND e.disabled_by IS NULL AND e.failing_since IS NULL
    AND (e.paused_until IS NULL OR e.paused_until < now())
"""
