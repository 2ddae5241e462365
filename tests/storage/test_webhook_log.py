"""Questions to the ledger, each against the same small table of attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.events import EventType
from ringtrail.model.webhook import DeliveryState, LogQuery
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres
NOON = datetime(2026, 7, 14, 12, 0, tzinfo=UTC)
A, B = "AAAAAAAA", "BBBBBBBB"
AT_A, AT_B, MOVED = "https://a.example/", "https://b.example/", "https://moved.example/"

EVENTS = [
    # name, type, property (1: the world's), about, minutes after noon
    ("started", EventType.CALL_STARTED, 1, 70, 0),
    ("ended", EventType.CALL_ENDED, 1, 70, 1),
    ("assigned", EventType.NUMBER_ASSIGNED, 2, 80, 2),
    ("disabled", EventType.ENDPOINT_DISABLED, None, 90, 3),
]
DELIVERIES = [
    # event, endpoint, state, tries, status, error
    ("started", A, DeliveryState.DELIVERED, 2, 200, None),
    ("ended", A, DeliveryState.GIVEN_UP, 1, 410, "HTTP status 410"),
    ("assigned", A, DeliveryState.WAITING, 1, None, "no connection could be made"),
    ("started", B, DeliveryState.DELIVERED, 1, 204, None),
    ("disabled", B, DeliveryState.WAITING, 0, None, None),
]
ATTEMPTS = [
    # label (oldest first), event, endpoint, number, address, status, error
    ("a1", "started", A, 0, MOVED, 500, "HTTP status 500"),
    ("a2", "started", A, 1, AT_A, 200, None),
    ("b1", "started", B, 0, AT_B, 204, None),
    ("a3", "ended", A, 0, AT_A, 410, "HTTP status 410"),
    ("a4", "assigned", A, 0, AT_A, None, "no connection could be made"),
]


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    world = await build_world(database, tmp_path)
    await fill(world, {"1": world.property.id, "2": world.property.id + 1_000})
    return world


async def fill(world: World, properties: dict[str, int], suffix: str = "") -> None:
    ids: dict[str, int] = {}
    async with world.database.transaction() as connection:
        await connection.execute("DELETE FROM events WHERE account_id = %s", (world.account.id,))
        for hash_, dialect, address in ((A, "native", AT_A), (B, "callr", AT_B)):
            await connection.execute(
                "INSERT INTO endpoints (account_id, hash, dialect, name, address, event_types, created_at, updated_at)"
                " VALUES (%s, %s, %s, %s, %s, '{}', now(), now())",
                (world.account.id, (hash_ + suffix)[-8:], dialect, f"to {dialect}", address),
            )
        for name, type_, property_, about, minute in EVENTS:
            cursor = await connection.execute(
                "INSERT INTO events (account_id, type, property_id, about, at) VALUES (%s, %s, %s, %s, %s) RETURNING id",
                (
                    world.account.id,
                    type_.value,
                    properties.get(str(property_)),
                    about,
                    NOON + timedelta(minutes=minute),
                ),
            )
            row = await cursor.fetchone()
            assert row is not None
            ids[name] = row[0]
        for event, hash_, state, tries, status, error in DELIVERIES:
            about = next(item[3] for item in EVENTS if item[0] == event)
            await connection.execute(
                "INSERT INTO deliveries (account_id, event_id, endpoint_hash, about, due_at, tries, last_status, last_error,"
                " delivered_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    world.account.id, ids[event], (hash_ + suffix)[-8:], about,
                    NOON if state is DeliveryState.WAITING else None, tries, status, error,
                    NOON if state is DeliveryState.DELIVERED else None,
                ),
            )  # fmt: skip
        for label, event, hash_, number, address, status, error in ATTEMPTS:
            await connection.execute(
                "INSERT INTO attempts (account_id, event_id, endpoint_hash, number, at, took_ms, address, response_body,"
                " status, error) VALUES (%s, %s, %s, %s, %s, 1, %s, %s, %s, %s)",
                (world.account.id, ids[event], (hash_ + suffix)[-8:], number, NOON, address, label, status, error),
            )


async def event_id(world: World, name: str) -> int:
    type_ = next(item[1] for item in EVENTS if item[0] == name)
    (found,) = await world.services.webhook_ledger.events(world.account.id, event_types=[type_])
    return found.id


async def attempts(world: World, **asked: Any) -> list[str]:
    """Labels, newest first; what is counted is what is shown."""
    query = LogQuery(account_id=world.account.id, **asked)
    found, total = await world.services.webhook_ledger.attempts(query, with_total=True)
    assert total == len(found)
    return [str(item.response_body) for item in found]


async def deliveries(world: World, **asked: Any) -> list[tuple[str, str]]:
    """(event, endpoint's letter), newest event first."""
    query = LogQuery(account_id=world.account.id, **asked)
    found, total = await world.services.webhook_ledger.deliveries(query, with_total=True)
    assert total == len(found)
    return [(item.event_type.partition(".")[2], item.endpoint_hash[0]) for item in found]


def minute(count: int) -> datetime:
    return NOON + timedelta(minutes=count)


CALL = [EventType.CALL_STARTED, EventType.CALL_ENDED]


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        ({}, "a4 a3 b1 a2 a1"),
        ({"endpoint_hashes": [A]}, "a4 a3 a2 a1"),
        ({"endpoint_hashes": [A, B]}, "a4 a3 b1 a2 a1"),
        ({"endpoint_hashes": ["ZZZZZZZZ"]}, ""),
        ({"endpoint_hashes": []}, ""),
        ({"dialect": "callr"}, "b1"),
        ({"dialect": "invox"}, ""),
        ({"address": MOVED}, "a1"),
        ({"address": AT_A}, "a4 a3 a2"),
        ({"event_types": [EventType.CALL_ENDED]}, "a3"),
        ({"event_types": CALL}, "a3 b1 a2 a1"),
        ({"event_types": []}, ""),
        ({"about": 70}, "a3 b1 a2 a1"),
        ({"about": 80}, "a4"),
        ({"from_at": minute(1)}, "a4 a3"),
        ({"to_at": minute(1)}, "b1 a2 a1"),
        ({"from_at": minute(1), "to_at": minute(2)}, "a3"),
        ({"status": 200}, "a2"),
        ({"status": 410}, "a3"),
        ({"status": 302}, ""),
        ({"number": 0}, "a4 a3 b1 a1"),
        ({"number": 1}, "a2"),
        ({"failed": True}, "a4 a3 a1"),
        ({"failed": False}, "b1 a2"),
        ({"state": DeliveryState.WAITING}, "a4 a3 b1 a2 a1"),  # of deliveries only
        ({"dialect": "native", "failed": True, "about": 70, "number": 0}, "a3 a1"),
        ({"endpoint_hashes": [B], "failed": True}, ""),
    ],
)
async def test_attempts_are_found_by_each_filter_and_by_all_together(
    world: World, asked: dict[str, Any], labels: str
) -> None:
    assert await attempts(world, **asked) == labels.split()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "disabledB assignedA endedA startedA startedB"),
        ({"endpoint_hashes": [B]}, "disabledB startedB"),
        ({"endpoint_hashes": []}, ""),
        ({"dialect": "native"}, "assignedA endedA startedA"),
        ({"address": AT_A}, "assignedA endedA startedA"),
        ({"address": MOVED}, ""),
        ({"event_types": CALL}, "endedA startedA startedB"),
        ({"about": 70}, "endedA startedA startedB"),
        ({"from_at": minute(1), "to_at": minute(3)}, "assignedA endedA"),
        ({"status": 200}, "startedA"),
        ({"status": 500}, ""),  # not that of the newest attempt
        ({"number": 1}, "disabledB assignedA endedA startedA startedB"),  # of attempts only
        ({"failed": True}, "assignedA endedA"),
        ({"failed": False}, "disabledB startedA startedB"),
        ({"state": DeliveryState.WAITING}, "disabledB assignedA"),
        ({"state": DeliveryState.DELIVERED}, "startedA startedB"),
        ({"state": DeliveryState.GIVEN_UP}, "endedA"),
        ({"state": DeliveryState.WAITING, "failed": True, "dialect": "native"}, "assignedA"),
    ],
)
async def test_deliveries_are_found_by_each_filter_and_by_all_together(
    world: World, asked: dict[str, Any], found: str
) -> None:
    assert [event + letter for event, letter in await deliveries(world, **asked)] == found.split()


async def test_the_ledger_is_read_by_event_and_by_property(world: World) -> None:
    started = await event_id(world, "started")
    assert await attempts(world, event_id=started) == ["b1", "a2", "a1"]
    assert await deliveries(world, event_id=started, endpoint_hashes=[B]) == [("started", "B")]
    assert await attempts(world, property_id=world.property.id) == ["a3", "b1", "a2", "a1"]
    assert await deliveries(world, property_id=world.property.id) == [
        ("ended", "A"),
        ("started", "A"),
        ("started", "B"),
    ]
    assert await deliveries(world, property_id=world.property.id + 1) == []


async def test_attempts_are_paged_by_before_and_after_without_gap_or_repetition(world: World) -> None:
    ledger, pages = world.services.webhook_ledger, list[str]()
    before = None
    while found := (await ledger.attempts(LogQuery(account_id=world.account.id, before=before), limit=2))[0]:
        pages += [str(item.response_body) for item in found]
        before = found[-1].id
    assert pages == ["a4", "a3", "b1", "a2", "a1"]
    after, forwards = 0, list[str]()
    while found := (
        await ledger.attempts(LogQuery(account_id=world.account.id, after=after), limit=2, oldest_first=True)
    )[0]:
        forwards += [str(item.response_body) for item in found]
        after = found[-1].id
    assert forwards == pages[::-1]


async def test_deliveries_of_an_endpoint_are_paged_by_event(world: World) -> None:
    ledger, before, pages = world.services.webhook_ledger, None, list[str]()
    while found := (
        await ledger.deliveries(LogQuery(account_id=world.account.id, endpoint_hashes=[A], before=before), limit=1)
    )[0]:
        pages += [item.event_type for item in found]
        before = found[-1].event_id
    assert pages == ["number.assigned", "call.ended", "call.started"]
    ended = await event_id(world, "ended")
    assert await deliveries(world, after=ended) == [("disabled", "B"), ("assigned", "A")]


async def test_pages_by_offset_count_all(world: World) -> None:
    query = LogQuery(account_id=world.account.id)
    found, total = await world.services.webhook_ledger.attempts(query, offset=1, limit=2, with_total=True)
    assert ([item.response_body for item in found], total) == (["a3", "b1"], 5)
    rows, total = await world.services.webhook_ledger.deliveries(query, offset=4, limit=2, with_total=True)
    assert ([item.endpoint_hash for item in rows], total) == ([B], 5)


async def test_the_newest_attempt_of_each_delivery_is_found_at_once(world: World) -> None:
    found, _ = await world.services.webhook_ledger.deliveries(LogQuery(account_id=world.account.id))
    newest = await world.services.webhook_ledger.newest_attempts(world.account.id, found)
    assert {item.response_body for item in newest.values()} == {"a2", "b1", "a3", "a4"}
    assert all(newest[key].event_id == key[0] and newest[key].endpoint_hash == key[1] for key in newest)


async def test_no_account_sees_anothers_ledger_whatever_it_asks(world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await fill(other, {"1": world.property.id}, suffix="X")
    started, ours = await event_id(world, "started"), LogQuery(account_id=world.account.id)
    mine = (await world.services.webhook_ledger.deliveries(ours))[0]
    for asked in (
        {"event_id": started}, {"endpoint_hashes": [A, B]}, {"property_id": world.property.id, "event_id": started},
    ):  # fmt: skip
        assert await attempts(other, **asked) == []
        assert await deliveries(other, **asked) == []
    assert await other.services.webhook_ledger.newest_attempts(other.account.id, mine) == {}
    assert len(await attempts(other)) == len(ATTEMPTS)
    assert {item.endpoint_hash for item in mine} == {A, B}
