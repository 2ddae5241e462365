"""Recording media by phone: the numbers that take it, open codes, wrong ones, and what was said."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ringtrail.model.phone_in import PhoneInNumber, PhoneRecording
from ringtrail.storage.database import Connection

# A number that has got an app serves that; one that went to another account serves nothing of the kind.
_NUMBERS = (
    "phone_in_numbers n JOIN dids d ON d.account_id = n.account_id AND d.hash = n.did_hash AND d.app_hash IS NULL"
    " JOIN accounts o ON o.id = d.account_id"
)


async def add_number(connection: Connection, account_id: int, did_hash: str) -> None:
    """Repeating changes nothing."""
    await connection.execute(
        "INSERT INTO phone_in_numbers (account_id, did_hash) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (account_id, did_hash),
    )


async def remove_number(connection: Connection, number_e164: str) -> bool:
    """False: it was none."""
    cursor = await connection.execute(
        "DELETE FROM phone_in_numbers n USING dids d WHERE d.hash = n.did_hash AND d.number_e164 = %s", (number_e164,)
    )
    return cursor.rowcount > 0


async def numbers(connection: Connection) -> list[PhoneInNumber]:
    """Everybody's, in order."""
    cursor = await connection.execute(
        f"SELECT d.number_e164, d.country, o.sid FROM {_NUMBERS} ORDER BY d.number_e164".encode()
    )
    return [PhoneInNumber._make(row) for row in await cursor.fetchall()]


async def number_of(connection: Connection, country: str, now: datetime) -> str | None:
    """A number of the country that can be called now."""
    cursor = await connection.execute(
        (
            f"SELECT min(d.number_e164) FROM {_NUMBERS} WHERE d.country = %s AND (d.expires_at IS NULL OR d.expires_at > %s)"
            " AND o.disabled_at IS NULL AND NOT 'calls_in' = ANY(o.barred)"
        ).encode(),
        (country, now),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


# --- codes ----------------------------------------------------------------------------------------------------------


async def open_code(
    connection: Connection, account_id: int, media_id: int, code: str, *, now: datetime, expires_at: datetime
) -> bool:
    """In place of the medium's code before. False: the code, or the medium, has just been taken; try again."""
    await connection.execute(
        "DELETE FROM phone_codes WHERE expires_at <= %s OR (account_id = %s AND media_id = %s)",
        (now, account_id, media_id),
    )
    cursor = await connection.execute(
        "INSERT INTO phone_codes (account_id, media_id, code, expires_at) SELECT account_id, id, %s, %s FROM media"
        " WHERE account_id = %s AND id = %s ON CONFLICT DO NOTHING",
        (code, expires_at, account_id, media_id),
    )
    return cursor.rowcount == 1


async def use_code(connection: Connection, code: str, now: datetime) -> tuple[int, int] | None:
    """(account id, media id) of an open code, which is closed now."""
    cursor = await connection.execute(
        "DELETE FROM phone_codes c USING accounts o WHERE c.code = %s AND c.expires_at > %s AND o.id = c.account_id"
        " AND o.disabled_at IS NULL RETURNING c.account_id, c.media_id",
        (code, now),
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def failures(connection: Connection, caller: str, since: datetime) -> tuple[int, int]:
    """(of this caller, of everybody). Whoever has asked is alone in counting until the transaction ends."""
    await connection.execute("LOCK TABLE phone_code_failures IN SHARE ROW EXCLUSIVE MODE")
    await connection.execute("DELETE FROM phone_code_failures WHERE at <= %s", (since,))
    cursor = await connection.execute(
        "SELECT count(*) FILTER (WHERE caller = %s), count(*) FROM phone_code_failures", (caller,)
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else (0, 0)


async def add_failure(connection: Connection, caller: str, now: datetime) -> None:
    await connection.execute("INSERT INTO phone_code_failures (caller, at) VALUES (%s, %s)", (caller, now))


# --- recordings -----------------------------------------------------------------------------------------------------


async def add_recording(connection: Connection, recording: PhoneRecording, now: datetime) -> None:
    await connection.execute(
        "INSERT INTO phone_recordings (account_id, media_id, path, created_at) VALUES (%s, %s, %s, %s)",
        (*recording, now),
    )


async def end_recording(connection: Connection, path: str, now: datetime) -> None:
    await connection.execute("UPDATE phone_recordings SET ended_at = %s WHERE path = %s", (now, path))


async def ended_recordings(connection: Connection) -> list[PhoneRecording]:
    """Oldest first."""
    cursor = await connection.execute(
        "SELECT account_id, media_id, path FROM phone_recordings WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT 100"
    )
    return [PhoneRecording._make(row) for row in await cursor.fetchall()]


async def delete_recording(connection: Connection, recording: PhoneRecording) -> bool:
    """False: somebody else did."""
    cursor = await connection.execute(
        "DELETE FROM phone_recordings WHERE account_id = %s AND path = %s", (recording.account_id, recording.path)
    )
    return cursor.rowcount == 1


async def forget_unended(connection: Connection, until: datetime) -> None:
    await connection.execute("DELETE FROM phone_recordings WHERE ended_at IS NULL AND created_at < %s", (until,))


async def used_paths(connection: Connection, paths: Collection[str]) -> set[str]:
    cursor = await connection.execute("SELECT path FROM phone_recordings WHERE path = ANY(%s)", (list(paths),))
    return {row[0] for row in await cursor.fetchall()}
