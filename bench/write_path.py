"""Completed calls into storage, against plain INSERTs of the same rows: `python -m bench.write_path`.

Ours is what the recorder calls: counters, first calls, rollups, legs, trace, notification, safe to repeat. Plain is
`executemany` of INSERTs of the very same rows of calls, legs and traces into the same tables (for another account), one
transaction for each batch too. PostgreSQL runs with the product's settings: every commit waits for the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from bench import cluster
from bench.ratios import Ratio, ratio_of, table
from ringtrail.model.call import Call, Leg, TraceEntry
from ringtrail.storage.calls import save_calls
from ringtrail.storage.database import Database
from tests.fixtures import GOLDEN_START, World, build_world

BATCHES = (1, 10, 50, 200)
CALLS_A_ROUND = 200
RUNS, QUICK_RUNS = 7, 3
DIDS = 20
TABLES = ("calls", "legs", "call_traces")
_OTHER_ACCOUNT = 1_000_000  # added to the account's id: no reader sees these rows

Rows = dict[str, list[tuple[Any, ...]]]

STORY = (
    "offered", "routed", "progress", "target_dialled", "target_ringing", "target_answered", "bridged", "target_ended",
    "hung_up", "ended",
)  # fmt: skip
"""As many lines as a bridged call's trace has."""


class Rounds:
    """Fresh calls, a batch at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._made = 0

    def batch(self, size: int) -> list[Call]:
        return [self._call() for _ in range(size)]

    def _call(self) -> Call:
        self._made += 1
        n = self._made
        started_at = GOLDEN_START + timedelta(milliseconds=97 * n)
        golden = self._world.golden(started_at=started_at)
        return replace(
            golden,
            did_hash=f"BENCHD{n % DIDS:02d}",
            tracking_number_e164=f"+33912350{n % DIDS:03d}",
            caller_number_e164=f"+336{n:08d}",
            legs=tuple(self._leg(leg) for leg in golden.legs),
            trace=tuple(_entry(started_at, place, what) for place, what in enumerate(STORY)),
        )

    def _leg(self, leg: Leg) -> Leg:
        return replace(leg, raw="Normal Clearing")


def _entry(at: datetime, place: int, what: str) -> TraceEntry:
    detail: dict[str, str | int | float | bool | None] = {"leg": f"n0-{place}", "number": "+33987654321", "cause": 16}
    return TraceEntry(at=at + timedelta(milliseconds=150 * place), what=what, detail=detail)


async def rows_of(database: Database, calls: Sequence[Call]) -> Rows:
    """What was stored of these calls, as rows of another account."""
    ids = [call.id for call in calls]
    found: Rows = {}
    async with database.reading() as connection:
        for name in TABLES:
            key = "id" if name == "calls" else "call_id"
            cursor = await connection.execute(f"SELECT * FROM {name} WHERE {key} = ANY(%s)".encode(), (ids,))
            found[name] = [moved_row(row) for row in await cursor.fetchall()]
    return found


def moved_row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (row[0] + _OTHER_ACCOUNT, *(Jsonb(value) if isinstance(value, list) else value for value in row[1:]))


async def insert_plainly(database: Database, rows: Rows) -> None:
    async with database.transaction() as connection, connection.cursor() as cursor:
        for name in TABLES:
            places = ", ".join(["%s"] * len(rows[name][0]))
            await cursor.executemany(f"INSERT INTO {name} VALUES ({places})".encode(), rows[name])


async def measure(database: Database, rounds: Rounds, size: int, runs: int) -> Ratio:
    times = [await _round(database, rounds, size) for _ in range(runs + 1)]
    return ratio_of(f"{size} completed calls a transaction", times[1:])


async def _round(database: Database, rounds: Rounds, size: int) -> tuple[float, float]:
    """Seconds for CALLS_A_ROUND calls: ours, plain."""
    batches = [rounds.batch(size) for _ in range(CALLS_A_ROUND // size)]
    began = time.perf_counter()
    for batch in batches:
        await save_calls(database, batch)
    ours = time.perf_counter() - began
    plain = [await rows_of(database, batch) for batch in batches]
    began = time.perf_counter()
    for rows in plain:
        await insert_plainly(database, rows)
    return ours, time.perf_counter() - began


def run(runs: int, sizes: Sequence[int] = BATCHES) -> list[Ratio]:
    """In a database of its own that is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="ringtrail-bench-"))
    folder.chmod(0o711)  # PostgreSQL's own user walks through it
    try:
        with cluster.running(folder) as url:
            return asyncio.run(_run(url, folder, runs, sizes))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(url: str, folder: Path, runs: int, sizes: Sequence[int]) -> list[Ratio]:
    database = Database(url)
    await database.open()
    try:
        rounds = Rounds(await build_world(database, folder))
        return [await measure(database, rounds, size, runs) for size in sizes]
    finally:
        await database.close()


def lines(found: Sequence[Ratio]) -> Iterator[str]:
    yield table(found)
    for row in found:
        ours, plain = (1000 * CALLS_A_ROUND / ms for ms in (row.ours, row.against))
        yield f"{row.name}: {ours:,.0f} calls/s, plain INSERTs {plain:,.0f} calls/s"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.write_path", description=__doc__)
    parser.add_argument("--runs", type=int, metavar="N", help=f"of each size, default: {RUNS}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there too")
    arguments = parser.parse_args()
    found = run(arguments.runs or (QUICK_RUNS if arguments.quick else RUNS))
    for line in lines(found):
        print(line)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    main()
