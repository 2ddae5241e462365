"""Records exported by a job: what is in the file, whose it is, and what becomes of one that is called off or dies."""

from __future__ import annotations

import asyncio
import csv
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringtrail.dialects.callr import cdr_export
from ringtrail.model.call import Call, Trigger
from ringtrail.model.job import Job
from ringtrail.ports.clock import SystemClock
from ringtrail.services import exports
from ringtrail.services.exports import Portion, Table, csv_bytes
from ringtrail.services.jobs import JobWorker
from tests.dialects.callr.conftest import Client, Rpc
from tests.dialects.callr.sdks import Sdk
from tests.dialects.callr.test_media import over, working
from tests.dialects.conftest import BASE_URL
from tests.dialects.delivering import delivering
from tests.fixtures import CALLR_LOGIN, GOLDEN_START, World, build_world
from tests.receiver import Receiver

pytestmark = pytest.mark.postgres

DAY = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")
_INTEGERS = (
    "callid", "callid_in", "duration", "duration_answered", "duration_billed", "hangupcause",
)  # fmt: skip


def parsed(content: bytes) -> list[dict[str, Any]]:
    """The file's rows as the objects that they were."""
    rows = csv.DictReader(StringIO(content.decode(), newline=""), strict=True)
    return [{key: _value(key, text) for key, text in row.items()} for row in rows]


def _value(key: str, text: str) -> Any:
    return None if text == "" else int(text) if key in _INTEGERS else text


def several(world: World) -> list[Call]:
    """Eleven calls in and four that we placed, some at the same instant, on one day."""
    calls = [world.golden(started_at=GOLDEN_START + timedelta(minutes=7 * (n // 2))) for n in range(11)]
    placed = [world.golden(started_at=GOLDEN_START + timedelta(minutes=11 * n), trigger=Trigger.API) for n in range(4)]
    names = ['Zoë "O\'Neil", Ltd', "two\r\nlines", None]
    return [replace(call, caller_name=names[n % 3]) for n, call in enumerate([*calls, *placed])]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "media" / "exports").rglob("*") if path.is_file())


async def test_an_export_holds_what_cdr_get_gives_by_the_vendors_sdks(
    sdk: Sdk, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdr_export, "PORTION", 3)
    await world.save(*several(world))
    async with working(world), httpx.AsyncClient() as client:
        for type_, number in (("IN", 11), ("OUT", 11 + 2 * 4)):
            job = await sdk("cdr.export_async", {"type": type_, "from": DAY[0], "to": DAY[1]})
            done = await over(sdk, job)
            assert (done["status"], done["percent"], done["error"]) == ("DONE", "100.00", None)
            assert (done["result"]["filename"], done["result"]["rows"]) == (job, number)
            reply = await client.get(done["result"]["url"], auth=CALLR_LOGIN)
            assert (reply.status_code, reply.headers["content-type"]) == (200, "text/csv; charset=utf-8")
            records = await sdk("cdr.get", type_, *DAY, None, None)
            assert parsed(reply.content) == records
            assert reply.content.splitlines(keepends=True)[0] == ",".join(records[0]).encode() + b"\r\n"


async def test_the_filters_are_those_of_a_search(rpc: Rpc, client: Client, world: World) -> None:
    calls = several(world)
    await world.save(*calls)
    other = await rpc("apps.create", "CALLTRACKING10", "other", None)
    async with working(world):
        for filters, number in (
            ({"type": "IN", "app": world.app.hash, "did": world.did.hash}, 11),
            ({"type": "IN", "app": other["hash"]}, 0),
            ({"type": "OUT", "from": "2026-07-14 09:12:11"}, 15),
            ({"type": "OUT", "did": world.did.hash}, 19),
            ({"type": "IN", "hash": str(calls[3].id)}, 1),
            ({"type": "IN", "hash": "NOCALLID"}, 0),
        ):
            done = await over(rpc, await rpc("cdr.export_async", filters, None, None))
            hits = (await rpc("cdr.search", filters, {"quantity": 100}))["hits"]
            assert (done["result"]["rows"], len(hits)) == (number, number), filters
            url = done["result"]["url"].removeprefix(BASE_URL)
            assert parsed((await client.get(url, auth=CALLR_LOGIN)).content) == hits


async def test_what_cannot_be_exported_is_told(fault: Rpc) -> None:
    for params, expected in (
        ((), (-32602, "INVALID_PARAM_FORMAT [filters]")),
        (({},), (150, "PROPERTY_VALUE_ERROR [filters.type]")),
        (({"type": "BOTH"},), (151, "PROPERTY_VALUE_ERROR [filters.type]")),
        (({"type": "IN", "from": DAY[1], "to": DAY[0]},), (151, "TO_BEFORE_FROM")),
        (({"type": "IN"}, {"format": "XLS"}), (151, "PROPERTY_VALUE_ERROR [options.format]")),
        (({"type": "IN"}, None, {"endpoint": "nowhere"}), (151, "PROPERTY_VALUE_ERROR [webhook.endpoint]")),
    ):
        assert await fault("cdr.export_async", *params) == expected, params


async def test_a_property_that_masks_its_callers_masks_them_in_the_file(rpc: Rpc, client: Client, world: World) -> None:
    await world.services.accounts.change_property(
        world.account.id, world.property.sid, lambda item: replace(item, masks_callers=True)
    )
    await world.save(world.golden())
    async with working(world):
        done = await over(rpc, await rpc("cdr.export_async", {"type": "IN"}))
    (record,) = parsed(
        (await client.get(done["result"]["url"].removeprefix(BASE_URL), auth=CALLR_LOGIN)).content
    )  # fmt: skip
    assert record["cli_number"] == "+3361234XXXX"


def test_what_a_spreadsheet_would_compute_is_text_and_numbers_stay_numbers() -> None:
    values = [
        '=HYPERLINK("http://x")', "+cmd|'/C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "+33612345678", "+3361234XXXX", "-0.50",
        "a=b", None, 7,
    ]  # fmt: skip
    (row,) = csv.reader(StringIO(csv_bytes([values]).decode(), newline=""))
    assert row == [
        '\'=HYPERLINK("http://x")', "'+cmd|'/C calc'!A0", "'-1+1", "'@SUM(A1)", "'\t=1", "+33612345678", "+3361234XXXX",
        "-0.50", "a=b", "", "7",
    ]  # fmt: skip


async def test_a_file_is_its_accounts_alone_and_needs_credentials(
    rpc: Rpc, client: Client, world: World, tmp_path: Path
) -> None:
    await world.save(world.golden())
    async with working(world):
        done = await over(rpc, await rpc("cdr.export_async", {"type": "IN"}))
    path = done["result"]["url"].removeprefix(BASE_URL)
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    await stranger.services.accounts.add_password(stranger.account.id, "callr", "stranger", "s3cret")
    assert (await client.get(path, auth=CALLR_LOGIN)).status_code == 200
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, auth=("stranger", "s3cret"))).status_code == 404
    for other in ("/callr/exports/x.csv", path.replace(".csv", ".part"), "/callr/exports/..%2f..%2fx.csv"):
        assert (await client.get(other, auth=CALLR_LOGIN)).status_code == 404


async def test_a_webhook_that_the_export_names_is_told_of_it(rpc: Rpc, world: World, receiver: Receiver) -> None:
    await world.save(world.golden())
    async with working(world), delivering(world):
        job = await rpc("cdr.export_async", {"type": "IN"}, {}, {"endpoint": receiver.url})
        await receiver.wait_for(1)
        told = receiver.received[0].json
    assert (told["type"], told["data"]["id"], told["data"]["result"]["rows"]) == ("job.status_update", job, 1)


async def test_an_account_has_so_many_exports_at_most(rpc: Rpc, fault: Rpc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_EXPORTS", 2)
    jobs = [await rpc("cdr.export_async", {"type": "IN"}) for _ in range(2)]
    number, message = await fault("cdr.export_async", {"type": "OUT"})
    assert (number, message) == (100, "FORBIDDEN: 2 exports in 7 days at most")
    await rpc("jobs.cancel", jobs[0])
    assert await rpc("cdr.export_async", {"type": "OUT"})


async def test_of_exports_that_are_asked_for_at_once_no_more_than_the_most_begin(
    rpc: Rpc, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_EXPORTS", 2)
    asked = (rpc("cdr.export_async", {"type": "IN"}) for _ in range(8))
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(item, str) for item in done].count(True) == 2


# --- called off, killed, forgotten ----------------------------------------------------------------------------------


@asynccontextmanager
async def halting(world: World, after: asyncio.Event) -> AsyncIterator[None]:
    """A worker that writes one portion of one row, and goes on when the event is set."""
    whole = cdr_export.source(world.services)

    async def source(job: Job) -> Table:
        table = await whole(job)

        async def portions() -> AsyncIterator[Portion]:
            async for portion in table.portions:
                yield portion
                await after.wait()

        return table._replace(portions=portions())

    runner = world.services.exports.runner(source)
    running = asyncio.create_task(JobWorker(world.database, SystemClock(), {cdr_export.EXPORT: runner}).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def half_way(rpc: Rpc, job: str) -> None:
    async with asyncio.timeout(20):
        while True:
            if 0 < float((await rpc("jobs.get", job))["percent"]) < 100:
                return
            await asyncio.sleep(0.02)


async def test_an_export_that_is_canceled_in_the_middle_leaves_no_file(
    rpc: Rpc, client: Client, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdr_export, "PORTION", 1)
    await world.save(*several(world))
    go_on = asyncio.Event()
    async with halting(world, go_on):
        job = await rpc("cdr.export_async", {"type": "IN"})
        await half_way(rpc, job)
        assert len(files(tmp_path)) == 1
        assert await rpc("jobs.cancel", job) is True
        go_on.set()
        async with asyncio.timeout(10):
            while files(tmp_path):  # noqa: ASYNC110 - nobody tells that a worker has noticed
                await asyncio.sleep(0.02)
    assert (await rpc("jobs.get", job))["status"] == "CANCELED"
    assert (await client.get(f"/callr/exports/{job}.csv", auth=CALLR_LOGIN)).status_code == 404


_WORKER = """
import asyncio, sys
from ringtrail.dialects.callr import cdr_export
from ringtrail.ports.clock import SystemClock
from ringtrail.services import build_services
from ringtrail.services.jobs import JobWorker
from ringtrail.storage.database import Database

async def work(url, folder):
    cdr_export.PORTION = 1
    database = Database(url)
    await database.open()
    services = build_services(database, SystemClock(), recordings_folder=folder)
    whole = cdr_export.source(services)
    async def slow(job):
        table = await whole(job)
        async def portions():
            async for portion in table.portions:
                yield portion
                await asyncio.sleep(60)
        return table._replace(portions=portions())
    await JobWorker(database, SystemClock(), {cdr_export.EXPORT: services.exports.runner(slow)}).run()

asyncio.run(work(*sys.argv[1:]))
"""


async def test_an_export_whose_worker_is_killed_is_made_again_and_there_is_one_file(
    rpc: Rpc, client: Client, world: World, world_url: str, tmp_path: Path
) -> None:
    await world.save(*several(world))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _WORKER, world_url, str(tmp_path))
    job = await rpc("cdr.export_async", {"type": "IN"})
    await half_way(rpc, job)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert files(tmp_path) == [f"{job}.1.part"]
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE jobs SET due_at = now()")  # its lease has ended
    async with working(world):
        done = await over(rpc, job)
    assert (done["status"], done["result"]["rows"], files(tmp_path)) == ("DONE", 11, [f"{job}.csv"])
    reply = await client.get(f"/callr/exports/{job}.csv", auth=CALLR_LOGIN)
    assert parsed(reply.content) == await rpc("cdr.get", "IN", *DAY, None, None)


async def test_files_are_kept_for_a_week_and_are_none_of_the_media(
    rpc: Rpc, client: Client, world: World, tmp_path: Path
) -> None:
    async with working(world):
        jobs = [(await over(rpc, await rpc("cdr.export_async", {"type": "IN"})))["id"] for _ in range(2)]
    folder = tmp_path / "media" / "exports" / str(world.account.id)
    old, young = (folder / f"{job}.csv" for job in jobs)
    week = timedelta(days=7).total_seconds()
    now = SystemClock().now().timestamp()
    os.utime(old, (now - week - 60,) * 2)
    os.utime(young, (now - week + 60,) * 2)
    await world.services.media.sweep()
    assert (old.exists(), young.exists()) == (True, True)
    await world.services.exports.sweep()
    assert (old.exists(), young.exists()) == (False, True)
    assert (await client.get(f"/callr/exports/{jobs[0]}.csv", auth=CALLR_LOGIN)).status_code == 404
