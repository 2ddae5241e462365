"""Sums by day, app, DID, country and label: whole hours from the rollups and the rest counted give what adding up calls gives."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ringtrail.model.account import Principal
from ringtrail.model.call import Call, CallRecord, LegRecord, Trigger
from ringtrail.model.money import CENT, Rate, RateKind
from ringtrail.model.query import CallQuery
from ringtrail.model.sums import Group, GroupSums, Order
from ringtrail.services.entered_calls import CallEntry
from ringtrail.storage.database import Database
from ringtrail.storage.rollups import differences, rebuild
from tests.fixtures import GOLDEN_START, World, build_world

pytestmark = pytest.mark.postgres

RATES = [
    Rate(kind=RateKind.CALL_IN, prefix="+33", price_micro=6_000, increment_s=60, label="France, inbound"),
    Rate(kind=RateKind.CALL_OUT, prefix="+33", price_micro=60_000, label="France"),
    Rate(kind=RateKind.CALL_OUT, prefix="+336", price_micro=90_000, label="France / mobile"),
    Rate(kind=RateKind.CALL_OUT, prefix="+32", price_micro=70_000),
]
TARGETS = (
    ("+33987654321", "FR"),
    ("+33612345679", "FR"),
    ("+3225551234", "BE"),
    ("+15551234567", "US"),
    ("1234", None),
)


class Counted(NamedTuple):
    """What one call or leg adds to its group."""

    at: datetime
    answered: bool
    talk_s: int
    connected_s: int
    credit_micro: int
    debit_micro: int
    label: str | None


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    """Over three days: calls of two apps and numbers, some placed by us, withheld, missed or still going on, before and after
    they have a price; some with a revenue or a cost that was noted, one corrected, one removed."""
    world, dice = await build_world(database, tmp_path), random.Random(11)
    await world.save(*[await a_call(world, dice) for _ in range(25)])
    await world.services.money.set_tariff("standard", RATES)
    await world.services.money.set_terms(world.account.id, tariff="standard")
    later = [await a_call(world, dice) for _ in range(75)]
    await world.save(*later, replace(await a_call(world, dice), ended_at=None))
    principal = Principal(account=world.account, property=None, credential_id=0, login=None)
    await world.services.entered_calls.correct(
        principal, later[0].id, CallEntry(started_at=later[0].started_at + timedelta(hours=5), duration_s=77)
    )
    await world.services.entered_calls.remove(principal, later[1].id)
    return world


async def a_call(world: World, dice: random.Random) -> Call:
    start = GOLDEN_START.replace(hour=0, minute=0, second=0) + timedelta(seconds=dice.randrange(3 * 24 * 3600))
    number, country = dice.choice(TARGETS)
    other = {"did_hash": "ANOTHER1", "app_hash": None} if dice.random() < 0.3 else {}
    call = world.golden(
        started_at=start, trigger=dice.choice([Trigger.NORMAL, Trigger.NORMAL, Trigger.RULE, Trigger.API]),
        caller_withheld=dice.random() < 0.2, caller_country=dice.choice(["FR", "BE", None]), **other,
    )  # fmt: skip
    caller, target = call.legs
    target = replace(
        target, number_e164=number, number_country=country, started_at=start + timedelta(seconds=dice.choice([1, 1900]))
    )
    if dice.random() < 0.3:
        return replace(call, answered_at=None, legs=(caller, replace(target, answered_at=None)))
    return replace(call, legs=(caller, target))


async def note_revenues(world: World) -> None:
    """As an import may; the rollups are counted again."""
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE calls SET revenue_minor = (id % 7 - 3) * 100 WHERE id % 2 = 0")
        await rebuild(connection)


KEYS: dict[Group, Callable[[Any], Any]] = {
    Group.CALL_DAY: lambda call: _day(call.started_at),
    Group.CALL_APP: lambda call: call.app_hash,
    Group.CALL_DID: lambda call: call.did_hash,
    Group.CALL_COUNTRY: lambda call: None if call.caller_withheld else call.caller_country,
    Group.LEG_DAY: lambda leg: _day(leg.started_at),
    Group.LEG_APP: lambda leg: leg.app_hash,
    Group.LEG_COUNTRY: lambda leg: leg.number_country,
    Group.LEG_LABEL: lambda leg: leg.cost_label,
}


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _of_call(call: CallRecord) -> Counted:
    noted = max(0, -call.revenue_minor) * CENT
    return Counted(
        call.started_at, call.answered_at is not None, call.talk_s, call.connected_s, max(0, call.revenue_minor) * CENT,
        noted if call.debit_micro is None else call.debit_micro, call.cost_label,
    )  # fmt: skip


def _of_leg(leg: LegRecord) -> Counted:
    return Counted(
        leg.started_at, leg.answered_at is not None, leg.talk_s, leg.talk_s, 0, leg.debit_micro or 0, leg.cost_label
    )


def added_up(rows: Iterable[tuple[Any, Counted]]) -> dict[Any, tuple[Any, ...]]:
    """{group: calls, connected_s, credit_micro, debit_micro, answered, talk_s, label}"""
    groups: defaultdict[Any, list[Counted]] = defaultdict(list)
    for key, counted in rows:
        groups[key].append(counted)
    return {
        key: (
            len(some), *(sum(getattr(one, name) for one in some) for name in _ADDED),
            max((one.label for one in some if one.label), default=None),
        )
        for key, some in groups.items()
    }  # fmt: skip


_ADDED = ("connected_s", "credit_micro", "debit_micro", "answered", "talk_s")


def as_added_up(found: list[GroupSums]) -> dict[Any, tuple[Any, ...]]:
    return {sums.key: (sums.calls, *(getattr(sums, name) for name in _ADDED), sums.label) for sums in found}


@pytest.mark.parametrize("noted", [False, True])
async def test_sums_of_any_range_are_those_of_its_calls(world: World, noted: bool) -> None:
    if noted:
        await note_revenues(world)
    account_id, dice = world.account.id, random.Random(5)
    calls = (await world.services.calls.page(CallQuery(account_id=account_id, inbound=True))).records
    every = (await world.services.calls.page(CallQuery(account_id=account_id))).records
    legs = [leg for leg in await world.services.calls.legs(account_id, [call.id for call in every]) if leg.outbound]
    assert len(calls) > 50
    assert len(legs) > 99
    first = GOLDEN_START.replace(hour=0, minute=0, second=0)
    edges = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC), first, first + timedelta(days=2)]
    edges += [first + timedelta(seconds=dice.randrange(4 * 24 * 3600)) for _ in range(9)]
    for _ in range(25):
        from_at, to_at = sorted(dice.sample(edges, 2))
        for group, key in KEYS.items():
            records, of = (legs, _of_leg) if group.startswith("leg") else (calls, _of_call)
            rows = [(key(record), of(record)) for record in records if from_at <= record.started_at < to_at]  # type: ignore[operator]
            found = await world.services.analytics.by_group(account_id, group, from_at, to_at)
            expected = added_up(rows)
            assert {key: sums[:-1] for key, sums in as_added_up(found).items()} == {
                key: sums[:-1] for key, sums in expected.items()
            }, (group, from_at, to_at)
            if group is Group.CALL_DID:
                assert {sums.key: sums.label for sums in found} == {key: sums[-1] for key, sums in expected.items()}
    async with world.database.reading() as connection:
        assert await differences(connection) == 0


@pytest.mark.parametrize("order", [Order.CALLS, Order.SECONDS, Order.AVERAGE, Order.DEBIT])
async def test_the_greatest_come_first_and_the_rest_is_cut_off(world: World, order: Order) -> None:
    start = GOLDEN_START - timedelta(days=3)
    everything = (world.account.id, Group.LEG_LABEL, start, start + timedelta(days=30))
    found = await world.services.analytics.by_group(*everything, order=order)
    amounts = [getattr(sums, order) for sums in found]
    assert {sums.key for sums in found} == {None, "France", "France / mobile"}
    assert amounts == sorted(amounts, reverse=True)
    assert await world.services.analytics.by_group(*everything, order=order, limit=2) == found[:2]


async def test_a_corrected_call_keeps_what_its_legs_cost(world: World) -> None:
    call = world.golden()
    await world.save(call)
    before = await world.services.calls.legs(world.account.id, [call.id])
    principal = Principal(account=world.account, property=None, credential_id=0, login=None)
    await world.services.entered_calls.correct(principal, call.id, CallEntry(external_id="x"))
    after = await world.services.calls.legs(world.account.id, [call.id])
    assert [(leg.debit_micro, leg.cost_label) for leg in after] == [(leg.debit_micro, leg.cost_label) for leg in before]
    assert [leg.cost_label for leg in after] == ["France, inbound", "France"]
