"""Fixtures that every kind of test shares: a PostgreSQL cluster for the session, a database for each test."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from ringtrail.storage.database import Database
from ringtrail.storage.schema import migrate
from ringtrail.supervisor.postgres import EmbeddedPostgres


def _memory() -> str | None:
    """A folder in memory, where there is room: a database of its own for every test is hundreds of new files."""
    shared = "/dev/shm"
    return shared if os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 3 * 1024**3 else None


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedPostgres]:
    """A throw-away PostgreSQL with a migrated template database."""
    folder = Path(tempfile.mkdtemp(prefix="ringtrail-test-pg-", dir=_memory()))
    fast = (("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"), ("max_wal_size", "1GB"))
    cluster = EmbeddedPostgres(folder, settings=fast)
    cluster.prepare()
    process = subprocess.Popen(cluster.command(), user=cluster.user, cwd="/", stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not cluster.is_ready():
            assert process.poll() is None, "PostgreSQL did not start"
            assert time.monotonic() < deadline, "PostgreSQL is not ready after 30 s"
            time.sleep(0.05)
        cluster.ensure_database("template_ringtrail")
        migrate(cluster.url("template_ringtrail"))
        yield cluster
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


_serial = iter(range(1_000_000))


def fresh_database(cluster: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The URL of a copy of a template database, for as long as the generator lives."""
    name = f"t{os.getpid()}_{next(_serial)}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        yield cluster.url(name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(cluster: EmbeddedPostgres) -> Iterator[str]:
    """A fresh, migrated, empty database."""
    yield from fresh_database(cluster, "template_ringtrail")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.open()
    yield database
    await asyncio.wait_for(database.close(), 10)
