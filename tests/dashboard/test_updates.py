"""Open pages are told of changes: their account's only, by one listener, also after PostgreSQL was away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from ringtrail.dashboard.feed import ChangeFeed, Page
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres


async def told(page: Page, within_s: float = 5) -> bool:
    try:
        await asyncio.wait_for(page.changed.wait(), within_s)
    except TimeoutError:
        return False
    page.changed.clear()
    return True


async def listeners(url: str) -> list[int]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        return [row[0] for row in await cursor.fetchall()]


async def test_one_listener_tells_every_page_of_the_account_and_no_other(
    world: World, database_url: str, tmp_path: Path
) -> None:
    other = await build_world(world.database, tmp_path, name="Other")
    feed = ChangeFeed(world.services.calls)
    with (
        feed.page(world.account.id) as first,
        feed.page(world.account.id) as second,
        feed.page(other.account.id) as third,
    ):
        for page in (first, second, third):
            assert await told(page), "every page looks once when the listener is there"
        await world.save(world.golden())
        assert await told(first)
        assert await told(second)
        assert not await told(third, 0.3)
        assert len(await listeners(database_url)) == 1
    await feed.close()
    assert await listeners(database_url) == []


async def test_the_feed_comes_back_when_its_connection_is_cut(world: World, database_url: str) -> None:
    feed = ChangeFeed(world.services.calls)
    with feed.page(world.account.id) as page:
        assert await told(page)
        (pid,) = await listeners(database_url)
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
        assert await told(page), "the loss"
        assert await told(page), "the return"
        await world.save(world.golden())
        assert await told(page), "the call"
    await feed.close()


async def test_closing_the_feed_ends_every_open_page(world: World) -> None:
    feed = ChangeFeed(world.services.calls)
    with feed.page(world.account.id) as page:
        await feed.close()
        assert page.closed
        assert page.changed.is_set()
