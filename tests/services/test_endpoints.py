"""Endpoints that are disabled, enabled, replayed, tried out, made for one thing, forgotten."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import Event, EventType
from ringtrail.model.ids import number_of_hash
from ringtrail.model.webhook import DeliveryState, DisabledBy, Endpoint, LogQuery
from ringtrail.ports.clock import SystemClock
from ringtrail.services import webhooks
from ringtrail.services.deliverer import MOST_TRIES
from ringtrail.services.entered_calls import CallEntry
from ringtrail.services.retention import Retention
from ringtrail.services.webhooks import MOST_ENDPOINTS
from ringtrail.storage import counters
from ringtrail.storage.events import forget, tell
from tests.fixtures import World, build_world
from tests.receiver import Receiver, receiving
from tests.services.plain import attempts_of, delivering, endpoint_of, execute, log_of, principal, rows, tried

pytestmark = pytest.mark.postgres


async def stored(world: World, endpoint: Endpoint) -> Endpoint:
    found = await world.services.webhooks.by_hash(world.account.id, endpoint.hash)
    assert found is not None
    return found


async def waiting(world: World, endpoint: Endpoint) -> list[tuple[int, str]]:
    """(about, type) of what is due to it, in the order of the events."""
    return [
        (entry.about, entry.event_type)
        for entry in reversed(await log_of(world, endpoint.hash))
        if entry.state is DeliveryState.WAITING
    ]


async def told_of_numbers(world: World) -> Endpoint:
    return await endpoint_of(world, "https://watch.example/", event_types=(EventType.ENDPOINT_DISABLED,))


# --- disabled by the system ------------------------------------------------------------------------------------------------


async def failing_for(world: World, endpoint: Endpoint, age: timedelta) -> None:
    await execute(world, "UPDATE endpoints SET failing_since = now() - %s WHERE hash = %s", age, endpoint.hash)


async def test_an_endpoint_that_fails_for_days_is_disabled_and_those_that_want_to_know_are_told(
    world: World, receiver: Receiver
) -> None:
    receiver.reply = lambda _: web.Response(status=500)
    endpoint = await endpoint_of(world, receiver.url, name="CRM", property_id=world.property.id)
    everywhere, elsewhere = await told_of_numbers(world), await told_of_numbers(world)
    await world.services.webhooks.change(replace(elsewhere, property_id=world.property.id + 1))
    await failing_for(world, endpoint, timedelta(days=5, seconds=1))
    await world.save(world.golden())
    async with delivering(world):
        await tried(world, endpoint)
    found = await stored(world, endpoint)
    assert (found.disabled_by, found.disabled_why) == (
        DisabledBy.SYSTEM,
        "it has done nothing but fail for 5 days",
    )
    (event,) = await world.services.webhook_ledger.events(world.account.id, event_types=[EventType.ENDPOINT_DISABLED])
    assert event.about == number_of_hash(endpoint.hash)
    assert event.property_id == world.property.id
    assert event.detail == {
        "hash": endpoint.hash, "name": "CRM", "address": receiver.url, "dialect": "plain", "why": found.disabled_why,
    }  # fmt: skip
    assert [entry.event_id for entry in await log_of(world, everywhere.hash)] == [event.id]
    assert await log_of(world, elsewhere.hash) == []


async def test_one_success_in_those_days_is_enough_to_stay(world: World, receiver: Receiver) -> None:
    endpoint = await endpoint_of(world, receiver.url)
    await failing_for(world, endpoint, timedelta(days=4, hours=23))
    await world.save(world.golden())
    async with delivering(world):
        await tried(world, endpoint)
        receiver.reply = lambda _: web.Response(status=500)
        await world.save(world.golden())
        await receiver.wait_for(2)
        await tried(world, endpoint)
    found = await stored(world, endpoint)
    assert found.enabled
    assert found.failing_since is not None
    assert datetime.now(UTC) - found.failing_since < timedelta(minutes=1)


async def test_disabling_and_its_event_are_one_transaction(world: World, receiver: Receiver) -> None:
    """What keeps the event from being written keeps the endpoint enabled."""
    receiver.reply = lambda _: web.Response(status=410)
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    async with world.database.transaction() as other:
        await counters.lock(other, world.account.id)  # events cannot be written meanwhile
        async with delivering(world):
            await receiver.wait_for(1)
            async with asyncio.timeout(5):
                while not await rows(world, "SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert (await stored(world, endpoint)).enabled
            assert await attempts_of(world, endpoint) == []
    assert await rows(world, "SELECT 1 FROM events WHERE type = 'endpoint.disabled'") == []
    await execute(world, "UPDATE deliveries SET due_at = now()")
    async with delivering(world):
        await tried(world, endpoint)
    assert not (await stored(world, endpoint)).enabled
    assert len(await rows(world, "SELECT 1 FROM events WHERE type = 'endpoint.disabled'")) == 1


# --- enabled again ---------------------------------------------------------------------------------------------------------


async def gap(world: World, receiver: Receiver) -> tuple[Endpoint, list[tuple[int, str]]]:
    """A disabled endpoint, and what it missed, in order: what failed, what waited behind it, what came after it was
    disabled. Told before was one call; of another property, and of another type, were others."""
    told, failed, later = world.golden(), world.golden(), world.golden()
    endpoint = await endpoint_of(world, receiver.url, property_id=world.property.id)
    correct = world.services.entered_calls.correct
    async with delivering(world):
        await world.save(told)
        await tried(world, endpoint)
        receiver.reply = lambda _: web.Response(status=410)
        await world.save(failed)
        await receiver.wait_for(2)
        async with asyncio.timeout(5):
            while (await stored(world, endpoint)).enabled:  # noqa: ASYNC110 - only the database knows
                await asyncio.sleep(0.02)
    await correct(principal(world), failed.id, CallEntry(duration_s=7))
    await world.save(later)
    await correct(principal(world), later.id, CallEntry(duration_s=8))
    await world.save(world.golden(property_id=world.property.id + 1))
    receiver.received.clear()
    receiver.reply = lambda _: web.Response()
    missed = [(call.id, f"call.{what}") for call in (failed, later) for what in ("ended", "changed")]
    return endpoint, sorted(missed)


async def test_an_endpoint_that_is_enabled_with_replay_is_told_exactly_what_it_missed_in_order(
    world: World, receiver: Receiver
) -> None:
    endpoint, missed = await gap(world, receiver)
    changed, count = await world.services.webhooks.enable(await stored(world, endpoint))
    assert (changed.enabled, changed.failing_since, count) == (True, None, len(missed))
    assert sorted(await waiting(world, endpoint)) == sorted(missed)
    async with delivering(world):
        await receiver.wait_for(len(missed))
        await tried(world, endpoint)
        await asyncio.sleep(0.2)
    abouts = dict(await rows(world, "SELECT id::text, about FROM events"))
    for call in {call for call, _ in missed}:
        bodies = [request.body for request in receiver.received if abouts[request.event_id] == call]
        assert bodies == [b"call.ended", b"call.changed"]
    assert len(receiver.received) == len(missed)
    assert await world.services.webhooks.enable(changed) == (await stored(world, endpoint), 0)


async def test_an_endpoint_that_is_enabled_without_replay_is_told_only_what_comes(
    world: World, receiver: Receiver
) -> None:
    endpoint, _ = await gap(world, receiver)
    assert (await world.services.webhooks.enable(endpoint, replay=False))[1] == 0
    assert await waiting(world, endpoint) == []
    new = world.golden()
    await world.save(new)
    assert await waiting(world, endpoint) == [(new.id, "call.ended")]


async def test_enabling_an_enabled_endpoint_without_replay_passes_nothing_over(world: World) -> None:
    endpoint = await endpoint_of(world, "https://crm.example/")
    await world.save(world.golden())
    assert await world.services.webhooks.enable(endpoint, replay=False) == (await stored(world, endpoint), 0)
    assert len(await waiting(world, endpoint)) == 1


async def test_what_waited_when_it_was_disabled_still_waits_and_is_told_when_it_is_enabled(
    world: World, receiver: Receiver
) -> None:
    endpoint = await endpoint_of(world, receiver.url)
    before, meanwhile = world.golden(), world.golden()
    await world.save(before)
    await world.services.webhooks.disable(endpoint, DisabledBy.OWNER)
    await world.save(meanwhile)
    async with delivering(world):
        await asyncio.sleep(0.4)
        assert receiver.received == []
        assert await waiting(world, endpoint) == [(before.id, "call.ended")]
        await world.services.webhooks.enable(endpoint)
        await receiver.wait_for(2)
        await tried(world, endpoint)
    assert len(receiver.received) == 2


async def test_a_gap_begins_when_it_was_first_disabled_whoever_disables_it_again(world: World) -> None:
    endpoint, webhooks = await endpoint_of(world, "https://crm.example/"), world.services.webhooks
    await webhooks.disable(endpoint, DisabledBy.OWNER)
    await world.save(world.golden())
    await webhooks.disable(endpoint, DisabledBy.ADMIN)
    _, missed = await webhooks.enable(endpoint, by=DisabledBy.ADMIN)
    assert missed == 1


@pytest.mark.parametrize("by", DisabledBy)
async def test_only_the_operator_undoes_what_the_operator_did(world: World, by: DisabledBy) -> None:
    endpoint, webhooks = await endpoint_of(world, "https://crm.example/"), world.services.webhooks
    await webhooks.disable(endpoint, by, "so")
    assert (await stored(world, endpoint)).disabled_by is by
    if by is DisabledBy.ADMIN:
        for owner in (
            webhooks.enable(endpoint), webhooks.enable(endpoint, replay=False), webhooks.change(endpoint, enabled=True),
            webhooks.disable(endpoint, DisabledBy.OWNER),
        ):  # fmt: skip
            with pytest.raises(DomainError) as refused:
                await owner
            assert refused.value.code is ErrorCode.FORBIDDEN
        await webhooks.change(replace(endpoint, name="renamed"), enabled=False)
        assert (await stored(world, endpoint)).disabled_by is DisabledBy.ADMIN
    for work in (webhooks.replay(endpoint), webhooks.test(endpoint)):
        with pytest.raises(DomainError) as refused:
            await work
        assert refused.value.code is ErrorCode.CONFLICT
    changed, _ = await webhooks.enable(endpoint, by=by)
    assert (changed.enabled, changed.disabled_why) == (True, None)


# --- replaying -------------------------------------------------------------------------------------------------------------


async def test_a_range_is_replayed_once_more_and_nothing_outside_it(world: World, receiver: Receiver) -> None:
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(*(world.golden() for _ in range(4)))
    async with delivering(world):
        entries = await tried(world, endpoint)
        second, third = sorted(entry.event_id for entry in entries)[1:3]
        assert await world.services.webhooks.replay(endpoint, after=second - 1, until=third) == 2
        await receiver.wait_for(6)
        await tried(world, endpoint)
    assert [int(request.event_id) for request in receiver.received[4:]] == [second, third]
    assert [attempt.number for attempt in await attempts_of(world, endpoint)] == [0] * 6
    assert await world.services.webhooks.replay(endpoint, delivered_too=False) == 0


async def test_a_given_up_delivery_is_replayed_with_all_its_tries_before_it(world: World, receiver: Receiver) -> None:
    receiver.reply = lambda _: web.Response(status=500)
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(world.golden())
    await execute(world, "UPDATE deliveries SET tries = %s", MOST_TRIES - 1)
    async with delivering(world):
        (entry,) = await tried(world, endpoint)
        await world.services.webhooks.replay_one(endpoint, entry.event_id)
        await receiver.wait_for(2)
        (entry,) = await tried(world, endpoint)
    assert (entry.state, entry.tries) == (DeliveryState.WAITING, 1)


async def test_replaying_one_event_says_why_it_cannot(world: World) -> None:
    endpoint, webhooks = await endpoint_of(world, "https://crm.example/"), world.services.webhooks
    await world.save(world.golden())
    (entry,) = await log_of(world, endpoint.hash)
    for event_id, code in ((entry.event_id, ErrorCode.CONFLICT), (entry.event_id + 99, ErrorCode.NOT_FOUND)):
        with pytest.raises(DomainError) as refused:
            await webhooks.replay_one(endpoint, event_id)
        assert refused.value.code is code


async def test_nobody_replays_another_accounts_events(world: World, tmp_path: Path) -> None:
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    await other.save(other.golden())
    endpoint = await endpoint_of(world, "https://crm.example/")
    assert await world.services.webhooks.replay(endpoint) == 0


# --- for one thing ---------------------------------------------------------------------------------------------------------

URL = "https://one.example/"


async def test_a_dynamic_endpoint_is_one_for_the_same_address_settings_and_secrets(world: World) -> None:
    webhooks, mine = world.services.webhooks, world.account.id

    async def hash_of(address: str = URL, dialect: str = "callr", **more: object) -> str:
        return (await webhooks.dynamic(mine, dialect, address, **more)).hash  # type: ignore[arg-type]

    first = await hash_of(settings={"method": "POST", "codes": (1, 2)}, secrets={"key": "k"})
    assert await hash_of(settings={"codes": [1, 2], "method": "POST"}, secrets={"key": "k"}) == first
    others = {
        first,
        await hash_of(settings={"method": "POST", "codes": (1, 2)}, secrets={"key": "other"}),
        await hash_of(settings={"method": "POST", "codes": (1, 2)}),
        await hash_of(settings={"method": "GET"}, secrets={"key": "k"}),
        await hash_of(),
        await hash_of(URL + "x"),
        await hash_of(dialect="native"),
    }
    assert len(others) == 7
    assert await hash_of(settings={}, secrets={}) == await hash_of()


async def test_two_requests_at_once_make_one_dynamic_endpoint(world: World) -> None:
    made = await asyncio.gather(
        *(world.services.webhooks.dynamic(world.account.id, "callr", URL, secrets={"key": "k"}) for _ in range(8))
    )
    assert len({endpoint.hash for endpoint in made}) == 1


async def test_dynamic_endpoints_are_in_no_list_and_take_nobodys_place(world: World, tmp_path: Path) -> None:
    webhooks, mine = world.services.webhooks, world.account.id
    made = {(await webhooks.dynamic(mine, "callr", f"{URL}{number}")).hash for number in range(MOST_ENDPOINTS + 5)}
    assert len(made) == MOST_ENDPOINTS + 5
    assert await webhooks.list(mine) == await webhooks.list(mine, dialect="callr") == []
    assert (await endpoint_of(world, URL)).hash not in made
    other = await build_world(world.database, tmp_path, name="Somebody Else")
    assert (await webhooks.dynamic(other.account.id, "callr", f"{URL}0")).hash not in made


async def test_an_address_may_be_as_long_as_addresses_may_be_in_any_script(world: World) -> None:
    dice = random.Random(5)
    long = URL + "".join(chr(dice.randrange(0x4E00, 0x9FA0)) for _ in range(2_000 - len(URL)))
    made = await world.services.webhooks.dynamic(world.account.id, "callr", long)
    assert made.address == long
    assert await world.services.webhooks.dynamic(world.account.id, "callr", long) == made


async def test_more_addresses_than_an_account_may_name_are_refused_and_those_that_it_named_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MOST_DYNAMIC", 5)
    made = [await world.services.webhooks.dynamic(world.account.id, "callr", f"{URL}{number}") for number in range(5)]
    with pytest.raises(DomainError) as refused:
        await world.services.webhooks.dynamic(world.account.id, "callr", f"{URL}5")
    assert refused.value.code is ErrorCode.TOO_MANY
    assert await world.services.webhooks.dynamic(world.account.id, "callr", f"{URL}0") == made[0]
    await world.services.webhooks.dynamic(world.account.id, "plain", f"{URL}5")


async def test_who_is_told_of_a_disabled_endpoint_can_be_named_whatever_else_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or nothing that disables one could be noted."""
    monkeypatch.setattr(webhooks, "MOST_DYNAMIC", 1)
    async with world.database.transaction() as connection:
        made = await world.services.webhooks.mailboxes(
            connection, world.account.id, ["a@example.org", "b@example.org", "a@example.org"]
        )
    assert len({item.hash for item in made}) == 2
    assert (await world.services.webhooks.dynamic(world.account.id, "mail", "mailto:ops@example.org")).dynamic


async def test_of_addresses_that_are_named_at_once_no_more_than_the_most_are_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MOST_DYNAMIC", 5)
    naming = (world.services.webhooks.dynamic(world.account.id, "callr", f"{URL}{number}") for number in range(12))
    done = await asyncio.gather(*naming, return_exceptions=True)
    assert [isinstance(item, Endpoint) for item in done].count(True) == 5


OLD = timedelta(days=32)


async def dynamic_since(world: World, name: str, age: timedelta) -> Endpoint:
    made = await world.services.webhooks.dynamic(world.account.id, "callr", f"{URL}{name}")
    await execute(world, "UPDATE endpoints SET updated_at = now() - %s WHERE hash = %s", age, made.hash)
    return made


async def test_dynamic_endpoints_that_nobody_names_and_nothing_refers_to_are_forgotten(world: World) -> None:
    forgotten = await dynamic_since(world, "old", OLD)
    disabled = await dynamic_since(world, "disabled", OLD)
    await execute(world, "UPDATE endpoints SET disabled_by = 'system' WHERE hash = %s", disabled.hash)
    kept = [await dynamic_since(world, "young", timedelta(days=30))]
    barred, told, awaited, renamed = [await dynamic_since(world, name, OLD) for name in ("a", "b", "c", "d")]
    await execute(world, "UPDATE endpoints SET disabled_by = 'admin' WHERE hash = %s", barred.hash)
    event = Event(
        account_id=world.account.id, type=EventType.JOB_CHANGED, property_id=None, about=1, at=datetime.now(UTC),
        detail={"id": "x"}, endpoint_hash=told.hash,
    )  # fmt: skip
    async with world.database.transaction() as connection:
        await counters.lock(connection, world.account.id)
        await tell(connection, world.account.id, [event])
    await world.services.jobs.start(world.account.id, "media.import", {}, endpoint_hash=awaited.hash)
    await world.services.webhooks.dynamic(world.account.id, "callr", renamed.address)
    subscribed = await endpoint_of(world, URL, updated_at=datetime.now(UTC) - OLD)
    await Retention(world.database, SystemClock()).forget_old()
    left = {row[0] for row in await rows(world, "SELECT hash FROM endpoints")}
    assert left == {item.hash for item in (*kept, barred, told, awaited, renamed, subscribed)}
    assert not left & {forgotten.hash, disabled.hash}
    assert (await world.services.webhooks.dynamic(world.account.id, "callr", forgotten.address)).hash != forgotten.hash


async def test_a_dynamic_endpoint_that_is_being_named_is_not_forgotten_meanwhile(world: World) -> None:
    address = "who@example.org"
    async with world.database.transaction() as connection:
        (made,) = await world.services.webhooks.mailboxes(connection, world.account.id, [address])
    await execute(world, "UPDATE endpoints SET updated_at = now() - %s", OLD)
    async with world.database.transaction() as connection:
        (named,) = await world.services.webhooks.mailboxes(connection, world.account.id, [address])
        assert named.hash == made.hash
        await asyncio.wait_for(Retention(world.database, SystemClock()).forget_old(), 5)
    assert (await stored(world, made)).hash == made.hash


async def test_a_dynamic_endpoint_is_told_what_names_it_and_nothing_else(world: World, receiver: Receiver) -> None:
    webhooks = world.services.webhooks
    async with receiving() as another:
        named = await webhooks.dynamic(world.account.id, "plain", receiver.url)
        await webhooks.dynamic(world.account.id, "plain", another.url)
        event = Event(
            account_id=world.account.id, type=EventType.MESSAGE_CHANGED, property_id=world.property.id, about=5,
            at=datetime.now(UTC), endpoint_hash=named.hash,
        )  # fmt: skip
        async with delivering(world):
            await world.save(world.golden())
            async with world.database.transaction() as connection:
                await counters.lock(connection, world.account.id)
                await tell(connection, world.account.id, [event])
            await receiver.wait_for(1)
            await tried(world, named)
        assert [request.body for request in receiver.received] == [b"message.changed"]
        assert another.received == []


async def test_a_dynamic_endpoint_that_the_system_disabled_is_enabled_when_it_is_asked_for_again(
    world: World, receiver: Receiver
) -> None:
    """It is in no list where somebody could enable it."""
    webhooks = world.services.webhooks
    receiver.reply = lambda _: web.Response(status=410)
    named = await webhooks.dynamic(world.account.id, "plain", receiver.url)

    async def tell_it(about: int) -> None:
        event = Event(
            account_id=world.account.id, type=EventType.MESSAGE_CHANGED, property_id=world.property.id, about=about,
            at=datetime.now(UTC), endpoint_hash=named.hash,
        )  # fmt: skip
        async with world.database.transaction() as connection:
            await counters.lock(connection, world.account.id)
            await tell(connection, world.account.id, [event])

    await tell_it(1)
    async with delivering(world):
        await tried(world, named)
    assert (await stored(world, named)).disabled_by is DisabledBy.SYSTEM
    await tell_it(2)
    again = await webhooks.dynamic(world.account.id, "plain", receiver.url)
    assert (again.hash, again.enabled) == (named.hash, True)
    assert [about for about, _ in await waiting(world, named)] == [1, 2]


async def test_a_dynamic_endpoint_that_the_operator_disabled_stays_so(world: World) -> None:
    webhooks = world.services.webhooks
    named = await webhooks.dynamic(world.account.id, "plain", URL)
    await webhooks.disable(named, DisabledBy.ADMIN)
    assert (await webhooks.dynamic(world.account.id, "plain", URL)).disabled_by is DisabledBy.ADMIN


async def test_an_address_that_is_refused_makes_no_dynamic_endpoint(world: World) -> None:
    for address in ("http://169.254.169.254/", "ftp://one.example/", "http://user@one.example/"):
        with pytest.raises(DomainError) as refused:
            await world.services.webhooks.dynamic(world.account.id, "callr", address)
        assert refused.value.code is ErrorCode.BAD_FORMAT
    assert await rows(world, "SELECT 1 FROM endpoints") == []


async def test_requests_at_once_do_not_make_more_endpoints_than_an_account_may_have(world: World) -> None:
    for _ in range(MOST_ENDPOINTS - 1):
        await endpoint_of(world, URL)
    found = await asyncio.gather(*(endpoint_of(world, URL) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(item, Endpoint) for item in found) == 1
    assert len(await world.services.webhooks.list(world.account.id)) == MOST_ENDPOINTS


# --- forgotten -------------------------------------------------------------------------------------------------------------


async def test_old_events_go_in_portions_with_their_deliveries_and_attempts(world: World, receiver: Receiver) -> None:
    endpoint = await endpoint_of(world, receiver.url)
    await world.save(*(world.golden() for _ in range(10)))
    async with delivering(world):
        await tried(world, endpoint)
    await execute(
        world, "UPDATE events SET written_at = now() - interval '31 days' WHERE id < (SELECT max(id) FROM events)"
    )
    old = len(await rows(world, "SELECT 1 FROM events")) - 1
    until, portions = datetime.now(UTC) - timedelta(days=30), []
    while not portions or portions[-1] == 4:
        async with world.database.transaction() as connection:
            portions.append(await forget(connection, until, 4))
    assert all(portion == 4 for portion in portions[:-1])
    assert old - 1 <= sum(portions) <= old  # the last of the old ones stays, so that a reader can notice a gap
    for table in ("deliveries", "attempts"):
        assert len(await rows(world, f"SELECT 1 FROM {table}")) == 1
    assert len(await log_of(world, endpoint.hash)) == 1


async def test_a_deleted_endpoint_leaves_no_delivery_and_no_attempt_and_all_events(
    world: World, receiver: Receiver
) -> None:
    receiver.reply = lambda _: web.Response(status=500)
    endpoint, other = await endpoint_of(world, receiver.url), await endpoint_of(world, receiver.url)
    await world.save(world.golden(), world.golden())
    async with delivering(world):
        await tried(world, endpoint)
        await tried(world, other)
    events = await rows(world, "SELECT id FROM events ORDER BY id")
    await world.services.webhooks.delete(world.account.id, endpoint.hash)
    assert await rows(world, "SELECT id FROM events ORDER BY id") == events
    for table in ("deliveries", "attempts"):
        assert await rows(world, f"SELECT DISTINCT endpoint_hash FROM {table}") == [(other.hash,)]
    assert (await world.services.webhook_ledger.attempts(LogQuery(account_id=world.account.id), with_total=True))[
        1
    ] == 2


async def test_a_deleted_call_leaves_what_was_told_of_it(world: World, receiver: Receiver) -> None:
    """The events are facts, and say no more than identifiers; what is told of it now is that it is gone."""
    endpoint = await endpoint_of(world, receiver.url)
    call = world.golden()
    await world.save(call)
    async with delivering(world):
        await tried(world, endpoint)
        await world.services.entered_calls.remove(principal(world), call.id)
        await receiver.wait_for(2)
        await tried(world, endpoint)
    assert [request.body for request in receiver.received] == [b"call.ended", b"call.deleted"]
    assert {entry.about for entry in await log_of(world, endpoint.hash)} == {call.id}


async def test_no_attempt_is_without_its_delivery_nor_a_delivery_without_event_and_endpoint(world: World) -> None:
    """The database itself holds to it, whatever is deleted in whichever way."""
    found = await rows(
        world,
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
        " AND confdeltype = 'c' AND conrelid IN ('deliveries'::regclass, 'attempts'::regclass) ORDER BY 1, 2",
    )
    assert found == [("attempts", "deliveries"), ("deliveries", "endpoints"), ("deliveries", "events")]
