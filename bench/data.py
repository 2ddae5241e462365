"""Makes and keeps a set of calls to measure with: `python -m bench.data --calls 10000000`.

Ten months of calls of five accounts, most of one, with legs, recordings, counters, first calls and hourly sums that a recount
confirms (`--check`). A month is one transaction, so an interrupted run goes on where it stopped; secondary indexes are
built at the end. A complete set is left alone.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from bench import cluster, rows, tenants
from ringtrail.model.account import Account
from ringtrail.storage import rollups, schema
from ringtrail.storage.database import Database

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
VERSIONS = Path(schema.__file__).parent / "migrations" / "versions"
MADE_BY = hashlib.sha256(
    b"".join(
        path.read_bytes() for path in (Path(rows.__file__), Path(tenants.__file__), *sorted(VERSIONS.glob("*.py")))
    )
).hexdigest()[:16]
"""Tells data sets that other statements, or another schema, have made."""
MONTHS = tuple(START.replace(month=month) for month in range(1, 12))  # the last one is the end
WRITERS = 2

_OF_HOUR = (1, 1, 1, 1, 1, 2, 4, 12, 40, 70, 80, 75, 55, 65, 75, 75, 65, 50, 30, 15, 8, 5, 3, 2)  # UTC
_OF_WEEKDAY = (1.15, 1.1, 1.05, 1.0, 0.95, 0.4, 0.2)

Tell = Callable[[str], None]


class Hour(NamedTuple):
    """hour_at: UTC. first_n: number of its first call in the account, from 1."""

    hour_at: datetime
    calls: int
    first_n: int


def hours_of(calls: int) -> list[Hour]:
    """An account's calls, spread over the hours of ten months as a business is called."""
    instants = [START + timedelta(hours=n) for n in range(int((END - START).total_seconds()) // 3600)]
    weights = list(accumulate((_OF_HOUR[at.hour] * _OF_WEEKDAY[at.weekday()] for at in instants), initial=0))
    upto = [round(calls * weight / weights[-1]) for weight in weights]
    return [Hour(at, b - a, a + 1) for at, (a, b) in zip(instants, pairwise(upto), strict=True) if b > a]


def fill(url: str, calls: int, tell: Tell = lambda _text: None) -> bool:
    """Make the data set in a migrated database, or what is missing of it. False: it was there."""
    with psycopg.connect(url, autocommit=True) as connection:
        known = _known_size(connection)
        if known is not None and (known[0], known[2]) != (calls, MADE_BY):
            sys.exit(
                f"there is another data set ({known[0]:,} calls, made by {known[2]}): delete it or choose another folder"
            )
        if known is not None and known[1]:
            return False
        accounts = _prepare(connection, url, calls) if known is None else _accounts(url)
        _fill_months(url, connection, accounts, calls, tell)
        _finish(url, connection, tell)
        connection.execute("UPDATE bench.size SET complete = true")
    return True


def _known_size(connection: psycopg.Connection[Any]) -> tuple[int, bool, str] | None:
    if connection.execute("SELECT to_regclass('bench.size')").fetchone() == (None,):
        return None
    return connection.execute("SELECT calls, complete, made_by FROM bench.size").fetchone()


def _prepare(connection: psycopg.Connection[Any], url: str, calls: int) -> Sequence[Account]:
    accounts = asyncio.run(_make_tenants(url))
    with connection.transaction():
        connection.execute(rows.SETUP)
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO bench.outcomes VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", rows.OUTCOMES)
        connection.execute(rows.DIDS)
        _drop_indexes(connection)
        connection.execute("INSERT INTO bench.size (calls, made_by) VALUES (%s, %s)", (calls, MADE_BY))
    return accounts


async def _make_tenants(url: str) -> Sequence[Account]:
    database = Database(url)
    await database.open()
    try:
        await schema.ensure_partitions(database, MONTHS)
        return await tenants.make(database)
    finally:
        await database.close()


def _accounts(url: str) -> Sequence[Account]:
    return asyncio.run(_made_tenants(url))


async def _made_tenants(url: str) -> Sequence[Account]:
    database = Database(url)
    await database.open()
    try:
        return await tenants.made(database)
    finally:
        await database.close()


def _drop_indexes(connection: psycopg.Connection[Any]) -> None:
    """Forget the secondary indexes, but for their definitions."""
    found = connection.execute(
        "SELECT indexrelid::regclass::text, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index"
        " WHERE indrelid IN ('calls'::regclass, 'legs'::regclass, 'recordings'::regclass) AND NOT indisprimary"
    ).fetchall()
    for name, definition in found:
        connection.execute(f"DROP INDEX {name}".encode())
        connection.execute("INSERT INTO bench.indexes VALUES (%s)", (definition,))


def _fill_months(
    url: str, connection: psycopg.Connection[Any], accounts: Sequence[Account], calls: int, tell: Tell
) -> None:
    done = {row[0] for row in connection.execute("SELECT month FROM bench.months")}
    missing = [month for month in MONTHS[:-1] if month not in done]
    plans = [(account, hours_of(round(calls * tenant.share))) for account, tenant in zip(accounts, tenants.TENANTS, strict=True)]  # fmt: skip

    def fill_month(month: datetime) -> None:
        began = time.monotonic()
        count = _fill_month(url, month, plans)
        tell(f"  {month:%B}: {count:,} calls in {time.monotonic() - began:.0f} s")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(fill_month, missing))


def _fill_month(url: str, month: datetime, plans: Sequence[tuple[Account, list[Hour]]]) -> int:
    following = MONTHS[MONTHS.index(month) + 1]
    count = 0
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        connection.execute("SELECT setseed(%s)", (month.month / 100,))
        for number, (account, plan) in enumerate(plans):
            hours = [hour for hour in plan if month <= hour.hour_at < following]
            span = {"account": account.id, "from": month, "to": following}
            connection.execute(rows.CALLS, span | _call_values(number, hours))
            for statement in (rows.CALLER_LEGS, rows.TARGET_LEGS, rows.RECORDINGS, rows.SUMS):
                connection.execute(statement, span)
            count += sum(hour.calls for hour in hours)
        connection.execute("INSERT INTO bench.months VALUES (%s)", (month,))
    return count


def _call_values(number: int, hours: Sequence[Hour]) -> dict[str, Any]:
    return {
        "node": number,
        "properties": tenants.TENANTS[number].properties,
        "thresholds": list(accumulate((outcome[0] for outcome in rows.OUTCOMES[:-1]), initial=0.0)),
        "hours": [hour.hour_at for hour in hours],
        "calls": [hour.calls for hour in hours],
        "firsts": [hour.first_n for hour in hours],
    }


def _finish(url: str, connection: psycopg.Connection[Any], tell: Tell) -> None:
    """What is made from all months together; each step leaves a mark by its result, so that it can be repeated."""
    connection.execute("SET timezone = 'UTC'")
    with connection.transaction():
        connection.execute("DELETE FROM call_hours WHERE dimension IN ('inbound', 'outbound', 'outbound_to')")
        connection.execute("TRUNCATE first_calls, call_counters, call_days")
        for name, statement in (
            ("sums of inbound calls", rows.INBOUND_SUMS),
            ("sums of outbound legs", rows.OUTBOUND_SUMS),
            ("days", rows.DAYS),
            ("first calls", rows.FIRST_CALLS),
            ("counters", rows.COUNTERS),
        ):
            _timed(connection, name, statement, tell)
    definitions = [row[0] for row in connection.execute("SELECT definition FROM bench.indexes")]
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda definition: _build_index(url, definition, tell), definitions))
    _timed(connection, "vacuum", "VACUUM (ANALYZE)", tell)


def _build_index(url: str, definition: str, tell: Tell) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        statement = definition.replace("INDEX ", "INDEX IF NOT EXISTS ", 1)
        _timed(connection, f"index {definition.split(' ON ')[0].split()[-1]}", statement, tell)


def _timed(connection: psycopg.Connection[Any], name: str, statement: str, tell: Tell) -> None:
    began = time.monotonic()
    connection.execute(statement.encode())
    tell(f"  {name}: {time.monotonic() - began:.0f} s")


def differences(url: str) -> int:
    """Hourly sums that a recount of the calls contradicts."""

    async def count() -> int:
        database = Database(url, statement_timeout_ms=0)
        await database.open()
        try:
            async with database.reading() as connection:
                return await rollups.differences(connection)
        finally:
            await database.close()

    return asyncio.run(count())


def ready(calls: int, folder: Path | None = None, tell: Tell = print) -> Path:
    """The folder of a complete data set; it is made now if it is not there."""
    folder = folder or cluster.FOLDER / str(calls)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with cluster.running(folder, cluster.LOADING) as url:
        made = fill(url, calls, tell)
        if made:
            psycopg.connect(url, autocommit=True).execute("CHECKPOINT")
    tell(f"{calls:,} calls in {folder}: " + (f"made in {time.monotonic() - began:.0f} s" if made else "already there"))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.data", description=__doc__)
    parser.add_argument("--calls", type=int, required=True, metavar="N")
    parser.add_argument("--folder", type=Path, help="default: var/bench/N")
    parser.add_argument("--check", action="store_true", help="compare the kept sums with a recount (slow)")
    arguments = parser.parse_args()
    folder = ready(arguments.calls, arguments.folder, lambda text: print(text, flush=True))
    if arguments.check:
        with cluster.running(folder, cluster.LOADING) as url:
            found = differences(url)
        print(f"{found} sums differ from a recount")
        sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
