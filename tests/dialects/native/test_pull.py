"""The pull twin: every event once, in the order of the ids, whoever writes meanwhile; and a gap is never silent."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringtrail.dialects.native.event_ids import event_text, read_event
from ringtrail.model.events import EventType
from ringtrail.ports.clock import SystemClock
from ringtrail.services.deliverer import Deliverer
from ringtrail.services.egress import Egress, Policy
from ringtrail.services.numbers import Numbers
from ringtrail.storage import webhooks as webhook_store
from ringtrail.storage.database import Database
from tests.dialects.native.conftest import Api
from tests.dialects.native.happenings import receive_message
from tests.dialects.native.schema import faults
from tests.dialects.native.test_openapi import DOCUMENT
from tests.dialects.traffic import SlowCommits, Traffic
from tests.fixtures import TOKENS, World, add_credentials, build_world

pytestmark = pytest.mark.postgres


class Puller:
    """A client as the documentation tells to write one."""

    def __init__(self, api: Api, query: str = "", token: str = TOKENS["native"]) -> None:
        self._api, self._query, self._token = api, query, token
        self.after = ""
        self.ids: list[int] = []
        self.types: list[str] = []

    async def pull(self) -> int:
        answer = await self._api(f"/events?{self._query}{self.after}", token=self._token)
        assert answer.status_code == 200, answer.text
        events = answer.json()["events"]
        self.after = f"&after={answer.json()['next_after']}"
        self.ids += [read_event(event["id"]) or 0 for event in events]
        self.types += [event["type"] for event in events]
        return len(events)

    async def drain(self) -> None:
        while await self.pull():
            pass


async def stored(world: World, condition: str = "true") -> list[int]:
    async with world.database.reading() as connection:
        rows = await (
            await connection.execute(
                f"SELECT id FROM events WHERE account_id = %s AND {condition} ORDER BY id".encode(), (world.account.id,)
            )
        ).fetchall()
    return [row[0] for row in rows]


@contextlib.asynccontextmanager
async def slow(world: World, chance: random.Random) -> AsyncIterator[Database]:
    database = SlowCommits(world.database.url, chance)
    await database.open()
    yield database
    await database.close()


async def messages(world: World, chance: random.Random) -> None:
    async with slow(world, chance) as database:
        for number in range(40):
            await receive_message(world, f"message {number}", database)


async def numbers(world: World, chance: random.Random) -> None:
    async with slow(world, chance) as database:
        for number in range(40):
            await Numbers(database, SystemClock()).add(
                account_id=world.account.id, property_id=world.property.id, number_e164=f"+3317000{number:04}"
            )


@pytest.mark.parametrize("seed", range(2))
async def test_pullers_miss_nothing_and_get_nothing_twice_while_others_write(
    world: World, api: Api, tmp_path: Path, seed: int
) -> None:
    """Calls, messages and numbers are written over several connections, whose transactions commit in any order. Tried by
    hand: with ids handed out without the account's counters being held, events are missed here."""
    chance = random.Random(seed)
    traffic = Traffic(world, tmp_path, seed=seed, calls=40)
    everything, one_by_one, some = Puller(api, "limit=7"), Puller(api, "limit=1"), Puller(api, "limit=5&type=message.received&type=number.assigned")  # fmt: skip
    pullers = (everything, one_by_one, some)
    writing = asyncio.gather(traffic.write(), messages(world, chance), numbers(world, chance))
    reading = [traffic.read_meanwhile(puller.pull, after=index * 20) for index, puller in enumerate(pullers)]
    await asyncio.gather(writing, *reading)
    for puller in pullers:
        await puller.drain()
    ids = await stored(world)
    assert len(ids) > 150
    assert everything.ids == one_by_one.ids == ids
    assert {type_.partition(".")[0] for type_ in everything.types} >= {"call", "leg", "recording", "message", "number"}
    assert some.ids == await stored(world, "type IN ('message.received', 'number.assigned')")
    assert len(set(some.types)) == 2


async def test_a_page_has_the_events_in_order_and_says_where_to_go_on(world: World, api: Api) -> None:
    for _ in range(3):
        await world.save(world.golden())
    ids = await stored(world)
    first = (await api("/events?limit=2")).json()
    assert [event["id"] for event in first["events"]] == [event_text(number) for number in ids[:2]]
    assert first["next_after"] == event_text(ids[1])
    rest = (await api(f"/events?after={first['next_after']}")).json()
    assert [event["id"] for event in rest["events"]] == [event_text(number) for number in ids[2:]]
    assert rest["next_after"] == event_text(ids[-1])
    empty = (await api(f"/events?after={rest['next_after']}")).json()
    assert empty == {"events": [], "next_after": rest["next_after"]}
    assert faults(rest, {"$ref": "#/components/schemas/EventList"}, DOCUMENT) == []


async def test_a_reader_of_one_type_goes_on_behind_the_others(world: World, api: Api) -> None:
    """Else its place would be forgotten while nothing of its type happens."""
    await world.save(world.golden())
    answer = (await api("/events?type=message.received")).json()
    assert answer == {"events": [], "next_after": event_text((await stored(world))[-1])}


async def test_an_account_without_events_can_be_polled(world: World, api: Api) -> None:
    async with world.database.transaction() as connection:
        await connection.execute("DELETE FROM events")
    puller = Puller(api)
    assert [await puller.pull() for _ in range(2)] == [0, 0]
    await world.save(world.golden())
    await puller.drain()
    assert puller.ids == await stored(world)


async def age(world: World, ids: list[int], days: int) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(
            "UPDATE events SET written_at = now() - %s WHERE id = ANY(%s)", (timedelta(days=days), ids)
        )


async def forget(world: World) -> None:
    await Deliverer(world.database, SystemClock(), world.services.webhooks, Egress(Policy()), {}).forget_old()


async def test_who_comes_too_late_is_told_of_the_gap(world: World, api: Api) -> None:
    for _ in range(4):
        await world.save(world.golden())
    before = await stored(world)
    await age(world, before[:5], 31)
    await forget(world)
    kept = await stored(world)
    assert kept == before[4:]
    late, last_of_the_forgotten = before[2], before[4]
    answer = await api(f"/events?after={event_text(late)}")
    assert (answer.status_code, answer.json()["type"]) == (410, "urn:ringtrail:problem:gone")
    assert "gap" in answer.json()["detail"]
    in_time = (await api(f"/events?after={event_text(last_of_the_forgotten)}")).json()["events"]
    assert [read_event(event["id"]) for event in in_time] == kept[1:]
    again = Puller(api)
    await again.drain()
    assert again.ids == kept


async def test_a_quiet_account_makes_no_gap(world: World, api: Api) -> None:
    await world.save(world.golden())
    puller = Puller(api)
    await puller.drain()
    await age(world, await stored(world), 90)
    await forget(world)
    await puller.drain()
    await world.save(world.golden())
    await puller.drain()
    assert puller.ids[-2:] == (await stored(world))[-2:]
    assert len(puller.ids) == len(set(puller.ids))


async def test_what_was_sent_of_a_forgotten_event_is_forgotten_too(world: World, api: Api) -> None:
    await world.services.webhooks.add(
        world.account.id, "native", address="https://crm.example.org/", event_types=(EventType.CALL_ENDED,)
    )
    await world.save(world.golden())
    assert len((await api("/deliveries")).json()["deliveries"]) == 1
    await age(world, await stored(world), 31)
    await forget(world)
    assert (await api("/deliveries")).json()["deliveries"] == []
    assert len(await stored(world)) == 1


async def test_an_id_that_there_never_was_is_a_gap_too(world: World, api: Api) -> None:
    """As after the database was set back to a backup."""
    newest = (await stored(world))[-1]
    assert (await api(f"/events?after={event_text(newest)}")).status_code == 200
    assert (await api(f"/events?after={event_text(newest + 1)}")).status_code == 410


async def test_from_an_instant(world: World, api: Api) -> None:
    for _ in range(3):
        await world.save(world.golden())
    ids = await stored(world)
    async with world.database.transaction() as connection:
        await connection.execute(
            "UPDATE events SET written_at = '2026-07-01T00:00:00Z'::timestamptz + id * interval '1 s'"
        )
    at = datetime(2026, 7, 1, tzinfo=UTC) + timedelta(seconds=ids[3])
    for text, expected in (
        (at.isoformat().replace("+", "%2B"), ids[3:]),
        ("2001-01-01T00:00:00Z", ids),
        ("2100-01-01T00:00:00Z", []),
    ):
        answer = (await api(f"/events?from={text}")).json()
        assert [read_event(event["id"]) for event in answer["events"]] == expected
        assert answer["next_after"] == event_text(ids[-1])


async def test_the_time_of_writing_grows_with_the_ids(world: World, tmp_path: Path) -> None:
    """Whoever begins at an instant, or is told what it missed since one, relies on it."""
    await Traffic(world, tmp_path, seed=1, calls=20).write()
    async with world.database.reading() as connection:
        rows = await (await connection.execute("SELECT written_at FROM events ORDER BY id")).fetchall()
    assert rows == sorted(rows)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("after=1", {"after"}),
        ("after=evt_zzzzzzzzzzzzz", {"after"}),
        ("after=evt_0000000000001&from=2026-07-14T00:00:00Z", {"from"}),
        ("type=call.lost", {"type"}),
        ("type=endpoint.test", {"type"}),
        ("limit=0", {"limit"}),
        ("limit=1001", {"limit"}),
        ("cursor=x", {"cursor"}),
    ],
)
async def test_a_wrong_parameter_is_named(api: Api, query: str, fields: set[str]) -> None:
    answer = await api(f"/events?{query}")
    assert answer.status_code == 400
    assert {fault["field"] for fault in answer.json()["errors"]} == fields


async def test_another_account_pulls_nothing_of_it(world: World, api: Api, tmp_path: Path) -> None:
    stranger = await build_world(world.database, tmp_path, name="Stranger")
    await add_credentials(stranger, "x")
    await world.save(world.golden())
    other = Puller(api, token=TOKENS["native"] + "x")
    await other.drain()
    assert other.ids == await stored(stranger)
    assert set(other.ids).isdisjoint(await stored(world))


async def test_a_token_of_one_property_pulls_that_property_only(world: World, api: Api) -> None:
    item = await world.services.accounts.add_property(world.account.id, "shop.mysite.com")
    await world.services.accounts.add_token(world.account.id, "native", "s" * 40, property_id=item.id)
    gone = await world.services.webhooks.add(world.account.id, "native", address="https://x.example/", event_types=())
    async with world.database.transaction() as connection:
        assert await webhook_store.disable(connection, [gone.hash], "gone", datetime.now(UTC))
    await world.save(world.golden(), world.golden(property_id=item.id))
    own = Puller(api, token="s" * 40)
    await own.drain()
    assert own.ids == await stored(world, f"property_id = {item.id}")
    assert own.ids


def test_event_ids_read_back_and_grow() -> None:
    chance = random.Random(1)
    numbers = sorted({0, 1, 31, 32, 2**58 - 1, *(chance.randrange(2**58) for _ in range(200))})
    texts = [event_text(number) for number in numbers]
    assert texts == sorted(texts)
    assert [read_event(text) for text in texts] == numbers
    for text in ("", "evt_", "evt_000000000000", "evt_0000000000000\n", "EVT_0000000000000", "evt_000000000000i", "evt_0zzzzzzzzzzzz"):  # fmt: skip
        assert read_event(text) is None, text
