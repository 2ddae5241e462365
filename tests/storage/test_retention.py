"""What is over is forgotten when its time has come, all of it and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringtrail.model.app import Target
from ringtrail.model.button import CallOrder, ClickToCall
from ringtrail.ports.clock import SystemClock
from ringtrail.services import retention
from ringtrail.services.retention import Retention
from ringtrail.storage import buttons, clicks, commands
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world
from tests.storage.test_money import execute, rows

pytestmark = pytest.mark.postgres
NOW = datetime.now(UTC)
TARGET = Target(number_e164="+33987654321", ring_timeout_s=30)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


def a_click(world: World, hash_: str, *, scheduled_at: datetime | None = None) -> ClickToCall:
    return ClickToCall(
        hash=hash_, account_id=world.account.id, app_hash=world.app.hash, a_targets=(TARGET,), b_targets=(TARGET,),
        params={}, cli=None, cdr_field=None, created_at=NOW - timedelta(days=800), scheduled_at=scheduled_at,
    )  # fmt: skip


def an_order(world: World, click: ClickToCall | None) -> CallOrder:
    return CallOrder(
        id=0, account_id=world.account.id, property_id=world.property.id, button_hash="" if click else "BUTTON01",
        visitor_e164="+33612345678", target_e164="+33987654321", max_talk_s=None, due_at=NOW, click=click, position=0,
    )  # fmt: skip


async def ordered(world: World, click: ClickToCall | None, *, claimed_days_ago: float | None) -> int:
    async with world.database.transaction() as connection:
        id_ = await buttons.add_order(connection, an_order(world, click), NOW)
        if claimed_days_ago is not None:
            await connection.execute(
                "UPDATE call_orders SET claimed_at = %s, call_id = %s, node = 'n1' WHERE id = %s",
                (NOW - timedelta(days=claimed_days_ago), id_, id_),
            )
    return id_


async def clicked(world: World, click: ClickToCall, *, finished_days_ago: float | None) -> int:
    """Its order's id."""
    async with world.database.transaction() as connection:
        await clicks.add(connection, click)
        if finished_days_ago is not None:
            await clicks.finish(connection, click, NOW - timedelta(days=finished_days_ago))
    return await ordered(world, click, claimed_days_ago=finished_days_ago)


async def kept(world: World, what: str, table: str) -> set[object]:
    return {row[0] for row in await rows(world, f"SELECT {what} FROM {table}")}


async def test_click_to_calls_go_with_their_tries_a_year_after_they_were_over(world: World) -> None:
    young, old = timedelta(days=364), timedelta(days=366)
    orders = {
        hash_: await clicked(world, a_click(world, hash_, scheduled_at=scheduled), finished_days_ago=finished)
        for hash_, scheduled, finished in (
            ("YEARAGO1", None, 366), ("RECENT01", None, 364), ("NEVER001", NOW - old, None), ("NEVER002", None, None),
            ("AHEAD001", NOW + young, None), ("LATELY01", NOW - young, None),
        )
    }  # fmt: skip
    await Retention(world.database, SystemClock()).forget_old()
    left = {"RECENT01", "AHEAD001", "LATELY01"}
    assert await kept(world, "hash", "click_to_calls") == left
    assert await kept(world, "id", "call_orders") == {orders[hash_] for hash_ in left}


async def test_orders_of_buttons_go_after_thirty_days_and_those_that_wait_stay(world: World) -> None:
    await ordered(world, None, claimed_days_ago=31)
    left = {await ordered(world, None, claimed_days_ago=days) for days in (29, None)}
    await Retention(world.database, SystemClock()).forget_old()
    assert await kept(world, "id", "call_orders") == left


async def test_commands_go_after_a_day(world: World) -> None:
    async with world.database.transaction() as connection:
        for leg, hours in ((1, 25), (2, 23)):
            await commands.add(connection, world.account.id, "n1", leg, NOW - timedelta(hours=hours))
    await Retention(world.database, SystemClock()).forget_old()
    assert await kept(world, "leg_id", "call_commands") == {2}


async def test_more_than_a_batch_goes_and_another_account_s_too(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    other = await build_world(world.database, tmp_path, name="Other")
    for number in range(25):
        owner = other if number % 2 else world
        await clicked(owner, a_click(owner, f"OLD{number:05}"), finished_days_ago=400)
    fresh = replace(a_click(other, "FRESH001"), created_at=NOW)
    await clicked(other, fresh, finished_days_ago=None)
    await Retention(world.database, SystemClock()).forget_old()
    assert await kept(world, "hash", "click_to_calls") == {"FRESH001"}
    assert len(await kept(world, "id", "call_orders")) == 1
    await execute(world, "DELETE FROM click_to_calls")
    await Retention(world.database, SystemClock()).forget_old()
