"""Months of numbers: each is booked once, however many workers there are, and however long none was there."""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ringtrail.ports.clock import SystemClock
from ringtrail.services.money import Money, Subscriptions, month_about
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world
from tests.storage.test_money import balanced, execute, rows

pytestmark = pytest.mark.postgres
_BILLING = """
import asyncio, sys
from datetime import UTC, datetime
from ringtrail.ports.clock import SystemClock
from ringtrail.services.money import Subscriptions
from ringtrail.storage.database import Database

class Clock(SystemClock):
    def now(self):
        return datetime(2026, 11, 3, tzinfo=UTC)

async def bill():
    database = Database(sys.argv[1])
    await database.open()
    print("begun", flush=True)
    await Subscriptions(database, Clock()).bill_months()
    await database.close()

asyncio.run(bill())
"""


class At(SystemClock):
    def __init__(self, *day: int) -> None:
        self._now = datetime(*day, tzinfo=UTC)  # type: ignore[arg-type, misc]

    def now(self) -> datetime:
        return self._now


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def bought(world: World, hash_: str, at: str, month_micro: int = 2_000_000) -> None:
    await execute(world, "UPDATE dids SET month_micro = %s, bought_at = %s WHERE hash = %s", month_micro, at, hash_)


async def months(world: World) -> list[tuple[str, int]]:
    """[(about, micro)] as they were booked."""
    found = await rows(world, "SELECT about, amount_micro FROM ledger_entries WHERE kind = 'number' ORDER BY id")
    return [(row[0], row[1]) for row in found]


async def test_a_worker_that_was_away_books_every_month_that_it_missed_oldest_first(world: World) -> None:
    hash_ = world.did.hash
    await bought(world, hash_, "2026-06-30 23:59:59Z")
    assert await Subscriptions(world.database, At(2026, 7, 1)).bill_months() == 1
    away = Subscriptions(world.database, At(2026, 11, 30))
    assert [await away.bill_months(), await away.bill_months()] == [4, 0]
    assert await months(world) == [
        (month_about(hash_, date(2026, month, 1)), -2_000_000) for month in (7, 8, 9, 10, 11)
    ]


async def test_a_hole_between_booked_months_is_booked_too(world: World) -> None:
    await bought(world, world.did.hash, "2026-06-01Z")
    for month in (7, 9, 10):
        about = month_about(world.did.hash, date(2026, month, 1))
        await execute(
            world, "INSERT INTO ledger_entries (account_id, kind, about, amount_micro, balance_micro) VALUES (%s, 'number', %s, 0, 0)",
            world.account.id, about,
        )  # fmt: skip
    assert await Subscriptions(world.database, At(2026, 10, 2)).bill_months() == 1
    assert (await months(world))[-1] == (month_about(world.did.hash, date(2026, 8, 1)), -2_000_000)


@pytest.mark.parametrize(
    ("at", "month_micro"), [("2026-10-01Z", 2_000_000), ("2026-11-30Z", 2_000_000), ("2026-01-01Z", 0)]
)
async def test_the_month_of_the_purchase_and_what_costs_nothing_are_not_booked(
    world: World, at: str, month_micro: int
) -> None:
    await bought(world, world.did.hash, at, month_micro)
    assert await Subscriptions(world.database, At(2026, 10, 31)).bill_months() == 0


async def test_a_number_that_was_given_back_owes_nothing(world: World) -> None:
    await bought(world, world.did.hash, "2026-01-01Z")
    await execute(world, "DELETE FROM dids WHERE hash = %s", world.did.hash)
    assert await Subscriptions(world.database, At(2026, 10, 31)).bill_months() == 0


@pytest.mark.parametrize(
    ("owner", "payer", "owes"),
    [("sub", "sub", False), ("sub", "master", False), ("master", "sub", False), ("sub", "sibling", False),
     ("sub", "stranger", True), ("stranger", "master", True)],
)  # fmt: skip
async def test_a_month_that_one_account_of_a_master_and_its_subs_has_paid_is_paid_for_all_of_them(
    world: World, owner: str, payer: str, owes: bool
) -> None:
    subs = world.services.sub_accounts
    stranger = await world.services.accounts.create(
        name="Somebody", timezone="UTC", country="FR", currency="EUR", outbound_prefixes=()
    )
    ids = {
        "master": world.account.id, "stranger": stranger.id,
        "sub": (await subs.create(world.account, "callr", {})).account.id,
        "sibling": (await subs.create(world.account, "callr", {})).account.id,
    }  # fmt: skip
    item = await world.services.accounts.add_property(ids[owner], "x")
    did = await world.services.numbers.add(
        account_id=ids[owner], property_id=item.id, number_e164="+33912349999", friendly_name=""
    )
    await bought(world, did.hash, "2026-06-15Z")
    await execute(
        world,
        "INSERT INTO ledger_entries (account_id, kind, about, amount_micro, balance_micro) VALUES (%s, 'number', %s, 0, 0)",
        ids[payer], month_about(did.hash, date(2026, 7, 1)),
    )  # fmt: skip
    assert await Subscriptions(world.database, At(2026, 7, 2)).bill_months() == owes


async def test_of_workers_that_bill_at_once_each_month_is_booked_by_one(world: World, tmp_path: Path) -> None:
    others = [await build_world(world.database, tmp_path, name=f"Other {n}") for n in range(5)]
    for item in (world, *others):
        await bought(world, item.did.hash, "2025-10-15Z")
    workers = [Subscriptions(world.database, At(2026, 11, 3)) for _ in range(6)]
    assert sum(await asyncio.gather(*(worker.bill_months() for worker in workers))) == 6 * 13
    booked = await months(world)
    assert len(booked) == len(set(booked)) == 6 * 13
    assert await balanced(world)


async def test_workers_that_are_killed_leave_nothing_twice_nor_out(
    world: World, database_url: str, tmp_path: Path
) -> None:
    others = [await build_world(world.database, tmp_path, name=f"Other {n}") for n in range(60)]
    for item in (world, *others):
        await bought(world, item.did.hash, "2024-10-15Z")
    for _ in range(5):
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _BILLING, database_url, stdout=asyncio.subprocess.PIPE
        )
        assert worker.stdout is not None
        assert await asyncio.wait_for(worker.stdout.readline(), 20) == b"begun\n"
        await asyncio.sleep(random.uniform(0, 0.05))
        worker.kill()
        await worker.wait()
    await Subscriptions(world.database, At(2026, 11, 3)).bill_months()
    booked = await months(world)
    assert len(booked) == len(set(booked)) == 61 * 25
    assert await balanced(world)
    balances = await rows(world, "SELECT DISTINCT balance_micro FROM balances")
    assert balances == [(-2_000_000 * 25,)]
    assert (await Money(world.database, SystemClock()).balance(world.account.id)).balance_micro == -50_000_000
