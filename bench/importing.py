"""History into storage, against COPY of the same rows: `python -m bench.importing`.

Ours is what an import calls for each batch: what is here already, who called first, calls, legs, sums, counters, and the mark.
Against it stands a COPY of the very same rows of calls and legs into the same tables (for another account), one transaction
for each batch too. Calls lie ten minutes or half a minute apart: the sums of an hour are written once a batch.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec

from bench import cluster
from bench.ratios import Ratio, ratio_of, table
from bench.write_path import Rows, moved_row
from ringtrail.model.call import Call
from ringtrail.model.history import IMPORTED_NODE, Mark, PastCall
from ringtrail.storage.database import Database
from tests.fixtures import GOLDEN_START, World, build_world

BATCH = 1_000
APART = (timedelta(minutes=10), timedelta(seconds=30))
RUNS, QUICK_RUNS = 7, 2
_TABLES = {"calls": "id", "legs": "call_id"}
_CALLERS = 500
_BOUNDS = (GOLDEN_START, GOLDEN_START)


class Past:
    """Fresh calls, a batch at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.apart = APART[0]
        self._next = GOLDEN_START

    def batch(self) -> list[PastCall]:
        return [self._past(n) for n in range(BATCH)]

    def _past(self, n: int) -> PastCall:
        self._next += self.apart
        call: Call = replace(
            self._world.golden(started_at=self._next), node=IMPORTED_NODE, trace=(),
            caller_number_e164=f"+336{n % _CALLERS:08d}",
        )  # fmt: skip
        return PastCall(call=call, billed_s={leg.id: 240 for leg in call.legs})


async def rows_of(database: Database, batch: Sequence[PastCall]) -> Rows:
    """What was stored of these calls, as rows of another account."""
    ids: list[int] = [past.call.id for past in batch]
    found: Rows = {}
    async with database.reading() as connection:
        for name, key in _TABLES.items():
            cursor = await connection.execute(f"SELECT * FROM {name} WHERE {key} = ANY(%s)".encode(), (ids,))
            found[name] = [moved_row(row) for row in await cursor.fetchall()]
    return found


async def copy(database: Database, rows: Rows) -> None:
    async with database.transaction() as connection, connection.cursor() as cursor:
        for name in _TABLES:
            async with cursor.copy(f"COPY {name} FROM STDIN".encode()) as copying:
                for row in rows[name]:
                    await copying.write_row(row)


async def _round(world: World, past: Past) -> tuple[float, float]:
    """Seconds for a batch: ours, COPY."""
    batch = past.batch()
    began = time.perf_counter()
    taken = await world.services.history.take_in_calls(world.account.id, batch, Mark("bench", "calls", *_BOUNDS))
    ours = time.perf_counter() - began
    assert taken.new == BATCH
    rows = await rows_of(world.database, batch)
    began = time.perf_counter()
    await copy(world.database, rows)
    return ours, time.perf_counter() - began


async def measure(world: World, past: Past, apart: timedelta, runs: int) -> Ratio:
    past.apart = apart
    times = [await _round(world, past) for _ in range(runs + 1)]
    return ratio_of(f"{BATCH:,} past calls, {apart.total_seconds():.0f} s apart, against COPY", times[1:])


def run(runs: int) -> list[Ratio]:
    """In a database of its own that is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="ringtrail-bench-"))
    folder.chmod(0o711)  # PostgreSQL's own user walks through it
    try:
        with cluster.running(folder) as url:
            return asyncio.run(_run(url, folder, runs))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(url: str, folder: Path, runs: int) -> list[Ratio]:
    database = Database(url)
    await database.open()
    try:
        world = await build_world(database, folder)
        past = Past(world)
        return [await measure(world, past, apart, runs) for apart in APART]
    finally:
        await database.close()


def lines(found: Sequence[Ratio]) -> Iterator[str]:
    yield table(found)
    for row in found:
        ours, plain = (1000 * BATCH / ms for ms in (row.ours, row.against))
        yield f"{row.name}: {ours:,.0f} calls/s, COPY {plain:,.0f} calls/s"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.importing", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there too")
    arguments = parser.parse_args()
    found = run(QUICK_RUNS if arguments.quick else RUNS)
    for line in lines(found):
        print(line)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    main()
