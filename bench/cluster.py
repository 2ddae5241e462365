"""An embedded PostgreSQL of the benchmarks' own, one cluster for each size of data set."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringtrail.storage.schema import migrate
from ringtrail.supervisor.postgres import EmbeddedPostgres

FOLDER = Path("var/bench")
READY_WITHIN_S = 60

LOADING = (
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_wal_size", "16GB"),
    ("autovacuum", "off"),
    ("maintenance_work_mem", "1GB"),
    ("work_mem", "256MB"),
)
"""While a data set is made: a crash then means making it again. Measuring uses the product's own settings."""


@contextmanager
def running(folder: Path, settings: tuple[tuple[str, str], ...] = ()) -> Iterator[str]:
    """The URL of a migrated database in `folder`, served for the length of the block."""
    cluster = EmbeddedPostgres(folder.resolve(), settings=settings)
    cluster.prepare()
    log = (folder / "postgres.log").open("ab")
    process = subprocess.Popen(cluster.command(), user=cluster.user, cwd="/", stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while not cluster.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"PostgreSQL in {folder} does not start, see {folder / 'postgres.log'}")
            time.sleep(0.05)
        cluster.ensure_database()
        migrate(cluster.url())
        yield cluster.url()
    finally:
        process.send_signal(signal.SIGINT)  # does not wait for connections that somebody forgot to close
        process.wait(600)
