"""`python -m tests.dialects.callr.migration.mover URL DATABASE FOLDER ACCOUNT KIND MOST`: one kind of an account's history
moves in, in a process of its own. Killed by itself (9) once MOST things are there; 0: never. Prints what came of it, and the
most memory that it took, in KiB."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from dataclasses import replace

import msgspec

from ringtrail.dialects.callr.migration.plan import Moving, Step, Wishes
from ringtrail.dialects.callr.migration.remote import api_key, connected
from ringtrail.dialects.callr.migration.run import apply, plan
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.services.egress import networks_of
from ringtrail.storage import accounts
from ringtrail.storage.database import Database
from tests.dialects.callr.migration.conftest import FAST, KEY
from tests.receiver import LOCAL


class Deadly:
    """A Watch that kills its process."""

    def __init__(self, most: int) -> None:
        self.most = most

    def listed(self, kind: str, account: str) -> None: ...

    def doing(self, step: Step, done: int, of: int | None) -> None:
        if self.most and done >= self.most:
            os.kill(os.getpid(), signal.SIGKILL)


async def move(url: str, database_url: str, folder: str, account_id: int, kind: str, most: int) -> None:
    database = Database(database_url)
    await database.open()
    services = build_services(database, SystemClock(), recordings_folder=folder)
    async with database.reading() as connection:
        account = await accounts.account_by_id(connection, account_id)
    assert account is not None
    async with connected(url, api_key(KEY), per_second=FAST, allowed_networks=networks_of(LOCAL)) as remote:
        moving = Moving(
            services=services, remote=replace(remote, first_wait_s=0.001), wishes=Wishes(only=frozenset({kind})),
            master=account, account=account,
        )  # fmt: skip
        watch = Deadly(most)
        report = await apply(await plan(moving, watch), watch)
    await database.close()
    told = {
        "quantities": report.quantities, "notes": [note.text for note in report.notes],
        "failures": [note.text for note in report.failures],
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }  # fmt: skip
    sys.stdout.write(msgspec.json.encode(told).decode())


if __name__ == "__main__":
    url, database_url, folder, account_id, kind, most = sys.argv[1:]
    asyncio.run(move(url, database_url, folder, int(account_id), kind, int(most)))
