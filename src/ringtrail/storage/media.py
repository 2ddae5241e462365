"""Media of the library, files that were uploaded for them, and what an account may keep."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from ringtrail.model.events import Event, EventType
from ringtrail.model.media import (
    CATEGORY,
    LANGUAGE,
    MediaQuery,
    MediaQuota,
    MediaTally,
    Medium,
    MediumStatus,
    Sound,
    Upload,
)
from ringtrail.storage import counters
from ringtrail.storage.database import Connection
from ringtrail.storage.events import tell

# What is built in has a category instead of tags.
_TAGS = "CASE WHEN account_id = 0 THEN jsonb_build_object('CATEGORY', jsonb_build_array(category)) ELSE tags END"
_COLUMNS = (
    f"account_id, id, hash, name, {_TAGS}, content, voice, rate, status, duration_ms, size_bytes, path, created_at,"
    " updated_at"
)


def _medium(row: Sequence[Any]) -> Medium:
    return Medium(
        account_id=row[0], id=row[1], hash=row[2], name=row[3], tags=row[4], content=row[5], voice=row[6], rate=row[7],
        status=MediumStatus(row[8]), duration_ms=row[9], size_bytes=row[10], path=row[11], created_at=row[12],
        updated_at=row[13],
    )  # fmt: skip


async def next_id(connection: Connection, account_id: int) -> int:
    """The next one that the account has not; what moved in kept its own. The account's lock is held."""
    while True:
        row = await (
            await connection.execute(
                "SELECT n, EXISTS (SELECT FROM media WHERE account_id = %s AND id = n) FROM nextval('media_ids') AS n",
                (account_id,),
            )
        ).fetchone()
        assert row is not None
        if not row[1]:
            id_: int = row[0]
            return id_


async def add(connection: Connection, medium: Medium) -> bool:
    """False: its id or hash is taken."""
    cursor = await connection.execute(
        "INSERT INTO media (account_id, id, hash, name, category, path, tags, status, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, '', %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            medium.account_id, medium.id, medium.hash, medium.name, medium.path, Jsonb(dict(medium.tags), dumps=json.dumps),
            medium.status.value, medium.created_at, medium.updated_at,
        ),
    )  # fmt: skip
    return cursor.rowcount == 1


async def count(connection: Connection, account_id: int) -> int:
    row = await (await connection.execute("SELECT count(*) FROM media WHERE account_id = %s", (account_id,))).fetchone()
    return row[0] if row else 0


async def find(connection: Connection, query: MediaQuery) -> tuple[list[Medium], int]:
    """(page, total), by id."""
    condition, params = _condition(query)
    cursor = await connection.execute(
        sql.SQL("SELECT {} FROM media WHERE {} ORDER BY id OFFSET {} LIMIT {}").format(
            sql.SQL(_COLUMNS), condition, sql.Literal(query.offset), sql.Literal(query.limit)
        ),
        params,
    )
    page = [_medium(row) for row in await cursor.fetchall()]
    row = await (
        await connection.execute(sql.SQL("SELECT count(*) FROM media WHERE {}").format(condition), params)
    ).fetchone()
    return page, row[0] if row else 0


def _condition(query: MediaQuery) -> tuple[sql.Composable, list[Any]]:
    parts: list[sql.Composable] = [sql.SQL("account_id IN (0, %s)")]
    params: list[Any] = [query.account_id]
    for clause, value in (
        ("id = ANY(%s)", None if query.ids is None else list(query.ids)),
        ("hash = %s", query.hash),
        ("position(lower(%s) in lower(name)) > 0", query.name),
        ("status = %s", query.status and query.status.value),
        ("voice = %s", query.voice),
        ("created_at >= %s", query.from_at),
        ("created_at < %s", query.to_at),
    ):
        if value is not None:
            parts.append(sql.SQL(clause))
            params.append(value)
    for key, values in ((CATEGORY, query.categories), (LANGUAGE, query.languages)):
        if values is not None:
            parts.append(sql.SQL(f"jsonb_exists_any(({_TAGS})->'{key}', %s)"))
            params.append(list(values))
    if query.tag is not None or query.tag_value is not None:
        parts.append(
            sql.SQL(
                f"EXISTS (SELECT FROM jsonb_each({_TAGS}) AS t(key, value) WHERE coalesce(t.key = %s, true)"
                " AND coalesce(jsonb_exists(t.value, %s), true))"
            )
        )
        params += [query.tag, query.tag_value]
    return sql.SQL(" AND ").join(parts), params


async def describe(
    connection: Connection, medium: Medium, *, name: str, tags: Mapping[str, list[str]], now: datetime
) -> bool:
    cursor = await connection.execute(
        "UPDATE media SET name = %s, tags = %s, updated_at = %s WHERE account_id = %s AND id = %s",
        (name, Jsonb(dict(tags), dumps=json.dumps), now, medium.account_id, medium.id),
    )
    return cursor.rowcount == 1


async def fill(
    connection: Connection,
    medium: Medium,
    sound: Sound | None,
    *,
    content: str | None,
    voice: str | None,
    rate: int | None,
    now: datetime,
) -> bool:
    """Note its new sound, or that there is none, and tell. The account's counters are held. False: it is gone."""
    status = MediumStatus.READY if sound else MediumStatus.ERROR
    path, duration_ms, size_bytes = sound or ("", None, None)
    cursor = await connection.execute(
        "UPDATE media SET status = %s, path = %s, duration_ms = %s, size_bytes = %s, content = %s, voice = %s, rate = %s,"
        " updated_at = %s WHERE account_id = %s AND id = %s",
        (status.value, path, duration_ms, size_bytes, content, voice, rate, now, medium.account_id, medium.id),
    )
    if cursor.rowcount == 0:
        return False
    event = Event(
        account_id=medium.account_id, type=EventType.MEDIA_CHANGED, property_id=None, about=medium.id, at=now
    )  # fmt: skip
    await tell(connection, medium.account_id, [event])
    return True


async def delete(connection: Connection, medium: Medium) -> bool:
    cursor = await connection.execute(
        "DELETE FROM media WHERE account_id = %s AND id = %s", (medium.account_id, medium.id)
    )
    return cursor.rowcount == 1


async def tallies(connection: Connection, account_id: int) -> list[MediaTally]:
    cursor = await connection.execute(
        "SELECT status, count(*), coalesce(sum(size_bytes), 0)::bigint FROM media WHERE account_id = %s GROUP BY 1"
        " ORDER BY 1",
        (account_id,),
    )
    return [MediaTally(MediumStatus(row[0]), row[1], row[2]) for row in await cursor.fetchall()]


async def quota(connection: Connection, account_id: int) -> MediaQuota:
    row = await (
        await connection.execute(
            "SELECT m.n, m.s, r.n, r.s, a.media_free_s, a.media_paid_s FROM accounts a,"
            " LATERAL (SELECT count(*) AS n, coalesce(ceil(sum(duration_ms) / 1000.0), 0)::bigint AS s FROM media"
            " WHERE account_id = a.id) m,"
            " LATERAL (SELECT count(*) AS n, coalesce(ceil(sum(duration_ms) / 1000.0), 0)::bigint AS s FROM recordings"
            " WHERE account_id = a.id) r WHERE a.id = %s",
            (account_id,),
        )
    ).fetchone()
    assert row is not None
    return MediaQuota(
        media=row[0], media_s=row[1], recordings=row[2], recordings_s=row[3], free_s=row[4], paid_s=row[5]
    )


async def lock(connection: Connection, account_id: int) -> None:
    """Whoever holds it is alone in counting the account's media and in telling of them."""
    await counters.lock(connection, account_id)


# --- uploads --------------------------------------------------------------------------------------------------------


async def add_upload(connection: Connection, upload: Upload) -> None:
    """Repeating changes nothing."""
    await connection.execute(
        "INSERT INTO uploads (account_id, name, path, size_bytes, created_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (upload.account_id, upload.name, upload.path, upload.size_bytes, upload.created_at),
    )


async def upload(connection: Connection, account_id: int, name: str) -> Upload | None:
    row = await (
        await connection.execute(
            "SELECT account_id, name, path, size_bytes, created_at FROM uploads WHERE account_id = %s AND name = %s",
            (account_id, name),
        )
    ).fetchone()
    if row is None:
        return None
    return Upload(account_id=row[0], name=row[1], path=row[2], size_bytes=row[3], created_at=row[4])


async def count_uploads(connection: Connection, account_id: int) -> int:
    """Those that are there, and those on their way."""
    row = await (
        await connection.execute(
            "SELECT (SELECT count(*) FROM uploads WHERE account_id = %s) + (SELECT count(*) FROM jobs"
            " WHERE account_id = %s AND kind = 'media.import' AND done_at IS NULL)",
            (account_id, account_id),
        )
    ).fetchone()
    return row[0] if row else 0


async def forget_uploads(connection: Connection, until: datetime) -> None:
    await connection.execute("DELETE FROM uploads WHERE created_at < %s", (until,))


async def used_paths(connection: Connection, paths: Collection[str]) -> set[str]:
    """Those of `paths` (relative to the media folder, without extension) that something needs."""
    cursor = await connection.execute(
        "SELECT path FROM media WHERE path = ANY(%s) UNION SELECT path FROM uploads WHERE path = ANY(%s)",
        (list(paths), list(paths)),
    )
    return {row[0] for row in await cursor.fetchall()}
