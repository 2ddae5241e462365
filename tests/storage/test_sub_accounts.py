"""Accounts below an account, keys and sessions: what holds when several ask at once, and what is kept."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringtrail.model.account import Bar, Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.ports.clock import SystemClock
from ringtrail.services.api_keys import ApiKeys
from ringtrail.services.money import Subscriptions
from ringtrail.services.numbers import Endpoint
from ringtrail.services.vault import Vault
from ringtrail.storage.database import Database
from tests.fixtures import World, build_world

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return await build_world(database, tmp_path)


async def rows(world: World, statement: str) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(statement.encode())).fetchall()


async def execute(world: World, statement: str) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement.encode())


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 7, 14, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


# --- accounts -------------------------------------------------------------------------------------------------------


async def test_a_sub_account_begins_as_its_master_is_and_has_none_of_its_own(world: World) -> None:
    await execute(world, "UPDATE accounts SET tariff = 'retail', billing_mode = 'prepaid', locale = 'fr_FR'")
    made = await world.services.sub_accounts.create(world.account, "callr", {"company": "Branch"})
    same = {"timezone", "country", "currency", "billing_increment_s", "outbound_prefixes"}
    assert {name: getattr(made.account, name) for name in same} == {name: getattr(world.account, name) for name in same}
    assert (made.account.name, made.account.parent_id, made.account.locale) == ("Branch", world.account.id, "fr_FR")
    kept = f"SELECT tariff, billing_mode, most_sub_accounts FROM accounts WHERE id = {made.account.id}"
    assert await rows(world, kept) == [("retail", "prepaid", 0)]
    with pytest.raises(DomainError) as refused:
        await world.services.sub_accounts.create(made.account, "callr", {})
    assert refused.value.code is ErrorCode.FORBIDDEN


async def test_a_password_is_kept_as_a_digest_only(world: World) -> None:
    made = await world.services.sub_accounts.create(world.account, "callr", {}, password="correct horse")
    ((kept,),) = await rows(world, f"SELECT credentials::text FROM credentials WHERE account_id = {made.account.id}")
    assert "correct horse" not in kept
    assert b"correct horse".hex() not in kept
    principal = await world.services.accounts.by_password("callr", made.login, "correct horse")
    assert principal is not None
    assert principal.account == made.account


async def test_the_quota_holds_when_many_are_made_at_once(world: World) -> None:
    await execute(world, "UPDATE accounts SET most_sub_accounts = 3")
    tries = [world.services.sub_accounts.create(world.account, "callr", {}) for _ in range(8)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    refused = [item.code for item in done if isinstance(item, DomainError)]
    assert refused == [ErrorCode.TOO_MANY] * 5
    assert await world.services.sub_accounts.quota(world.account.id) == (3, 3)


async def test_a_quota_of_minus_one_is_none(world: World) -> None:
    await execute(world, "UPDATE accounts SET most_sub_accounts = -1")
    for _ in range(2):
        await world.services.sub_accounts.create(world.account, "callr", {})
    assert await world.services.sub_accounts.quota(world.account.id) == (2, -1)


async def test_two_who_edit_at_once_lose_nothing_of_each_other(world: World) -> None:
    subs = world.services.sub_accounts
    made = (await subs.create(world.account, "callr", {})).account

    async def noting(key: str) -> None:
        await subs.edit(
            world.account.id, made.hash, lambda now: replace(now, profile={**now.profile, key: [f"{key}@x.org"]})
        )

    keys = ("emails", "tech_emails", "billing_emails")
    await asyncio.gather(*(noting(key) for key in keys))
    assert (await subs.by_hash(world.account.id, made.hash)).profile == {key: [f"{key}@x.org"] for key in keys}


async def test_of_many_who_disable_it_one_does(world: World) -> None:
    subs = world.services.sub_accounts
    made = (await subs.create(world.account, "callr", {})).account
    tries = [subs.disable(world.account.id, made.hash) for _ in range(5)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(item).__name__ for item in done) == ["Account"] + ["DomainError"] * 4


async def test_a_job_of_archiving_is_there_if_and_only_if_it_was_archived(world: World) -> None:
    subs, jobs = world.services.sub_accounts, world.services.jobs
    made = (await subs.create(world.account, "callr", {})).account

    async def archive(connection: Any) -> dict[str, Any]:
        return await subs.archive_in(connection, world.account.id, made.hash)

    with pytest.raises(DomainError) as refused:
        await jobs.at_once(world.account.id, "account.archive", archive)
    assert refused.value.code is ErrorCode.CONFLICT
    assert await rows(world, "SELECT id FROM jobs") == []
    await subs.disable(world.account.id, made.hash)
    job = await jobs.at_once(world.account.id, "account.archive", archive)
    assert await jobs.by_id(world.account.id, job.id) == job
    assert (await subs.by_hash(world.account.id, made.hash)).archived


async def test_what_an_account_may_not_do(world: World) -> None:
    subs = world.services.sub_accounts
    made = (await subs.create(world.account, "callr", {})).account
    barred = await subs.edit(world.account.id, made.hash, lambda now: replace(now, barred=frozenset({Bar.SMS_IN})))
    kept = await subs.by_hash(world.account.id, made.hash)
    assert kept == barred
    assert [what for what in Bar if not kept.may(what)] == [Bar.SMS_IN]
    assert not any(replace(made, disabled=True).may(what) for what in Bar)


async def test_acting_reaches_oneself_and_those_below_by_any_of_their_logins(world: World, tmp_path: Path) -> None:
    subs, accounts = world.services.sub_accounts, world.services.accounts
    one = await subs.create(world.account, "callr", {})
    for login in ("boss", "another boss"):
        await accounts.add_password(world.account.id, "callr", login, "pw")
    await accounts.add_password(one.account.id, "callr", "branch", "pw")
    await accounts.add_password(one.account.id, "dashboard", "elsewhere", "pw")
    stranger = await build_world(world.database, tmp_path, name="Stranger")

    async def reached(**named: str) -> int | None:
        found = await subs.reached(world.account, "callr", **named)
        return found.id if found else None

    assert [await reached(login=login) for login in ("boss", "another boss", "branch", one.login)] == [
        world.account.id, world.account.id, one.account.id, one.account.id,
    ]  # fmt: skip
    assert await reached(hash_=one.account.hash.lower()) == one.account.id
    assert [await reached(login=login) for login in ("elsewhere", "nobody", "")] == [None] * 3
    assert await reached(hash_=stranger.account.hash) is None
    assert await subs.reached(one.account, "callr", hash_=world.account.hash) is None


async def test_numbers_cross_both_ways_at_once_without_a_deadlock(world: World) -> None:
    subs = world.services.sub_accounts
    other = (await subs.create(world.account, "callr", {})).account
    there = [await _number(world, n) for n in range(4)]
    back = [await _number(world, n + 4) for n in range(4)]
    await subs.move_dids(world.account, other, back)
    for _ in range(5):
        await asyncio.gather(subs.move_dids(world.account, other, there), subs.move_dids(other, world.account, back))
        await asyncio.gather(subs.move_dids(other, world.account, there), subs.move_dids(world.account, other, back))
    owners = dict(await rows(world, "SELECT hash, account_id FROM dids"))
    assert {owners[hash_] for hash_ in there} == {world.account.id}
    assert {owners[hash_] for hash_ in back} == {other.id}


async def test_a_number_that_two_want_to_move_goes_one_way(world: World) -> None:
    subs = world.services.sub_accounts
    one, two = [(await subs.create(world.account, "callr", {})).account for _ in range(2)]
    tries = [subs.move_dids(world.account, taker, [world.did.hash]) for taker in (one, two)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(item).__name__ for item in done) == ["DomainError", "NoneType"]


async def test_moving_a_number_is_told_to_both(world: World) -> None:
    subs = world.services.sub_accounts
    taker = (await subs.create(world.account, "callr", {})).account
    await subs.move_dids(world.account, taker, [world.did.hash])
    told = await rows(world, "SELECT account_id, type FROM events WHERE type LIKE 'number.%' ORDER BY account_id, id")
    assert told[-2:] == [(world.account.id, "number.released"), (taker.id, "number.assigned")]


async def test_a_month_that_was_paid_is_not_charged_again_to_whoever_takes_the_number(world: World) -> None:
    subs = world.services.sub_accounts
    paid, unpaid = [await _number(world, n) for n in range(2)]
    await execute(
        world, "UPDATE dids SET month_micro = 5000000, bought_at = date_trunc('month', now()) - interval '1 day'"
    )
    await execute(world, "UPDATE dids SET month_micro = NULL WHERE hash = '" + unpaid + "'")
    taker = (await subs.create(world.account, "callr", {})).account
    billing = Subscriptions(world.database, SystemClock())
    assert await billing.bill_months() == 2  # the world's own number, and the paid one
    await execute(world, "UPDATE dids SET month_micro = 5000000")
    await subs.move_dids(world.account, taker, [paid, unpaid])
    assert await billing.bill_months() == 1
    charged = await rows(
        world, f"SELECT about, amount_micro FROM ledger_entries WHERE account_id = {taker.id} ORDER BY id"
    )
    assert [(about[:8], amount) for about, amount in charged] == [(paid, 0), (unpaid, -5_000_000)]
    await subs.move_dids(taker, world.account, [paid, unpaid])
    assert await billing.bill_months() == 0


async def test_a_number_with_a_route_of_its_own_moves_too_without_what_was_kept_with_it(world: World) -> None:
    taker = (await world.services.sub_accounts.create(world.account, "callr", {})).account
    hash_ = await _number(world, 0)
    did = await world.services.numbers.by_hash(world.account.id, hash_)
    assert did is not None
    endpoint = Endpoint(number_e164="+33987654321", ring_timeout_s=20, records=True)
    await world.services.numbers.configure(
        world.account.id, hash_, lambda now, _app: (replace(now, settings={"hook": "https://x.org"}), endpoint)
    )
    await world.services.sub_accounts.move_dids(world.account, taker, [hash_])
    moved = await world.services.numbers.by_hash(taker.id, hash_)
    assert moved is not None
    assert (moved.app_hash, moved.settings, moved.number_e164) == (None, {}, did.number_e164)


async def _number(world: World, serial: int) -> str:
    made = await world.services.numbers.add(
        account_id=world.account.id, property_id=world.property.id, number_e164=f"+3314000{serial:04d}"
    )
    return made.hash


# --- keys and sessions ----------------------------------------------------------------------------------------------


@pytest.fixture
async def principal(world: World) -> Principal:
    await world.services.accounts.add_token(world.account.id, "callr", "k" * 100)
    found = await world.services.accounts.by_token("callr", "k" * 100)
    assert found is not None
    return found


async def test_a_session_lasts_an_hour_and_can_be_refreshed_for_thirty_days(world: World, principal: Principal) -> None:
    clock = Clock()
    keys = ApiKeys(world.database, clock, Vault())
    made = await keys.open_session(principal)
    assert made.token is not None
    assert made.refresh_token is not None
    assert re.fullmatch(r"[0-9a-f]{40}", made.token)
    clock.at += timedelta(hours=1, seconds=-1)
    assert await keys.by_session("callr", made.token) == principal
    clock.at += timedelta(seconds=1)
    assert await keys.by_session("callr", made.token) is None
    assert await keys.by_session("callr", made.token, expired=True) == principal
    clock.at += timedelta(days=29)
    renewed = await keys.refresh_session(principal, made.refresh_token)
    clock.at += timedelta(days=30, seconds=1)
    assert renewed.refresh_token is not None
    with pytest.raises(DomainError) as refused:
        await keys.refresh_session(principal, renewed.refresh_token)
    assert (refused.value.code, refused.value.field) == (ErrorCode.UNKNOWN_VALUE, "refresh_token")


async def test_a_session_is_of_one_dialect(world: World, principal: Principal) -> None:
    made = await world.services.api_keys.open_session(principal)
    assert made.token is not None
    assert await world.services.api_keys.by_session("native", made.token) is None


async def test_of_two_who_refresh_with_the_same_token_one_gets_a_session(world: World, principal: Principal) -> None:
    keys = world.services.api_keys
    made = await keys.open_session(principal)
    assert made.refresh_token is not None
    tries = [keys.refresh_session(principal, made.refresh_token) for _ in range(4)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(item).__name__ for item in done) == ["DomainError"] * 3 + ["Session"]
    assert len(await keys.sessions(principal)) == 1


async def test_the_oldest_sessions_end_when_there_are_too_many(
    world: World, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringtrail.services.api_keys.MOST_SESSIONS", 3)
    keys = world.services.api_keys
    made = [await keys.open_session(principal) for _ in range(5)]
    assert await keys.sessions(principal) == made[2:]


async def test_without_the_key_that_sealed_them_tokens_are_good_but_not_shown(
    world: World, principal: Principal
) -> None:
    clock = Clock()
    made = await ApiKeys(world.database, clock, Vault("old key")).open_session(principal)
    assert made.token is not None
    keys = ApiKeys(world.database, clock, Vault("new key"))
    assert await keys.sessions(principal) == [replace(made, token=None, refresh_token=None)]
    assert await keys.by_session("callr", made.token) == principal


async def test_the_use_of_a_key_is_noted_once_a_minute(world: World, principal: Principal) -> None:
    clock = Clock()
    keys = ApiKeys(world.database, clock, Vault())

    async def noted() -> datetime | None:
        (key,) = await keys.list(world.account.id, "callr")
        return key.last_used_at

    assert await noted() is None
    begun = clock.at
    await keys.used(principal)
    clock.at += timedelta(seconds=59)
    await keys.used(principal)
    assert await noted() == begun
    clock.at += timedelta(seconds=1)
    await keys.used(principal)
    assert await noted() == clock.at
