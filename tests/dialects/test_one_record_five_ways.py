"""The same calls, read through five APIs by five clients that know nothing of each other or of the server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import httpx
import pytest

from ringtrail.dialects import agendize, callr, fonedynamics, invox, optico
from ringtrail.model.account import Property
from tests.dialects.agendize.client import Agendize
from tests.dialects.callr.client import Call as CallrCall
from tests.dialects.callr.client import Callr
from tests.dialects.canon import ENDS, Canon, Case
from tests.dialects.conftest import Serve
from tests.dialects.fonedynamics.client import DISPOSITIONS, FoneDynamics
from tests.dialects.invox.client import Invox
from tests.dialects.optico.client import STATUSES as OPTICO_STATUSES
from tests.dialects.optico.client import Optico
from tests.fixtures import AGENDIZE_API_KEY, CALLR_LOGIN, FONE_TOKEN, GOLDEN_START, TOKENS, World

pytestmark = pytest.mark.postgres

ABROAD = "Asia/Kolkata"
PERIOD = date(2025, 12, 1), date(2027, 1, 31)


class Shown(NamedTuple):
    """What all five tell of a call. instants: more than one where a local clock shows the time twice."""

    instants: tuple[datetime, ...]
    caller: str
    dialled: str
    destination: str
    handled_s: int
    word: str


class Readers(NamedTuple):
    """The five clients, Optico's once for each property: its keys are of a domain."""

    optico: dict[int, Optico]
    invox: Invox
    agendize: Agendize
    fonedynamics: FoneDynamics
    callr: Callr


@pytest.fixture
async def canon(world: World) -> Canon:
    masking = await world.services.accounts.add_property(world.account.id, "masked.mysite.com")
    abroad = await world.services.accounts.add_property(world.account.id, "www.mysite.in")
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE properties SET masks_callers = true WHERE id = %s", (masking.id,))
        await connection.execute("UPDATE properties SET timezone = %s WHERE id = %s", (ABROAD, abroad.id))
    properties = {item.id: item for item in await world.services.accounts.properties(world.account.id)}
    canon = Canon(world, properties[masking.id], properties[abroad.id])
    await world.save(*[case.call for case in canon.cases], canon.live)
    return canon


@pytest.fixture
async def readers(world: World, serve: Serve, canon: Canon) -> Readers:
    async def http(dialect: object) -> httpx.AsyncClient:
        return await serve(dialect)

    data_api, domains = await http(optico.DIALECT), {}
    for item in canon.properties:
        key = f"key-of-{item.id}"
        await world.services.accounts.add_token(world.account.id, "optico", key, property_id=item.id)
        domains[item.id] = Optico(data_api, key, zone=item.timezone or "Europe/Paris", limit=10)
    return Readers(
        optico=domains,
        invox=Invox(await http(invox.DIALECT), TOKENS["invox"]),
        agendize=Agendize(await http(agendize.DIALECT), AGENDIZE_API_KEY, TOKENS["agendize"]),
        fonedynamics=FoneDynamics(await http(fonedynamics.DIALECT), world.account.sid, FONE_TOKEN, page=17),
        callr=Callr(await http(callr.DIALECT), *CALLR_LOGIN, page=13),
    )


def expected(cases: Iterable[Case], word: str, zone: str | None = None, fallback: str = "UTC") -> list[Shown]:
    """word: the column of the cross-walk. zone: of the clocks that are shown; None: the property's, else `fallback`."""
    return sorted(
        Shown(
            readings(case.started_at, zone or case.item.timezone or fallback), case.caller or "",
            case.call.tracking_number_e164, case.call.destination_number_e164 or "", case.handled_s,
            getattr(case.end, word) or "",
        )
        for case in cases
    )  # fmt: skip


def readings(instant: datetime, zone: str) -> tuple[datetime, ...]:
    """Every instant at which a clock in `zone` shows what it shows at this one."""
    hour = timedelta(hours=1)
    clock = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    near = (instant - hour, instant, instant + hour)
    return tuple(at for at in near if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == clock)


def in_utc(instants: Iterable[datetime]) -> tuple[datetime, ...]:
    return tuple(sorted(instants))


async def test_optico_tells_the_calls_of_each_domain(canon: Canon, readers: Readers) -> None:
    for item in canon.properties:
        calls = await readers.optico[item.id].calls(*PERIOD)
        shown = [
            Shown(
                in_utc(call.instants), call.caller, call.tracking_number, call.phone, call.duration.seconds, call.status
            )
            for call in calls
        ]
        assert sorted(shown) == expected(of(canon, item), "optico", fallback="Europe/Paris")


async def test_invox_tells_the_calls_of_the_account_and_the_unfinished_one(canon: Canon, readers: Readers) -> None:
    calls = await readers.invox.pull()
    [live] = [call for call in calls if call.status == "Calling"]
    assert (live.caller, live.duration) == ("+33611111111", timedelta())
    shown = [
        Shown(in_utc(call.instants), call.caller, call.receiving, call.destination, call.duration.seconds, call.status)
        for call in calls
        if call is not live
    ]
    assert sorted(shown) == expected(canon.cases, "invox", "Europe/Bucharest")


async def test_agendize_tells_the_calls_of_the_account(canon: Canon, readers: Readers) -> None:
    shown = [
        Shown(
            in_utc(call.instants), call.caller or "", call.tracking or "", call.called or "", call.duration.seconds,
            call.status,
        )
        for call in await readers.agendize.calls()
    ]  # fmt: skip
    assert sorted(shown) == expected(canon.cases, "agendize", fallback="America/Toronto")


async def test_fone_dynamics_tells_the_calls_of_the_account(canon: Canon, readers: Readers) -> None:
    calls = await readers.fonedynamics.calls()
    shown = [
        Shown((call.started_at,), call.caller or "", call.dialled, call.endpoint or "", call.duration.seconds, call.disposition)
        for call in calls
    ]  # fmt: skip
    assert sorted(shown) == expected(canon.cases, "fonedynamics", "UTC")
    assert [call.started_at for call in calls] == sorted(call.started_at for call in calls)


async def test_callr_tells_the_calls_of_the_account(canon: Canon, readers: Readers) -> None:
    calls = await readers.callr.calls()
    shown = [
        Shown(
            (call.started_at,), call.caller or "", call.dialled, call.targets[-1].number or "" if call.targets else "",
            handled(call).seconds, call.targets[-1].status if call.targets else "",
        )
        for call in calls
    ]  # fmt: skip
    undialled = {readings(case.started_at, "UTC") for case in canon.cases if case.call.placed_by_us}
    assert len(undialled) == 2
    assert sorted(shown) == sorted(
        row._replace(dialled="") if row.instants in undialled else row for row in expected(canon.cases, "callr", "UTC")
    )
    assert all(call.caller_shown is (call.caller is not None) for call in calls)


def handled(call: CallrCall) -> timedelta:
    """Talk with a target, else with the platform."""
    return max((target.talk for target in call.targets), default=timedelta()) or call.answered


def of(canon: Canon, item: Property) -> list[Case]:
    return [case for case in canon.cases if case.item.id == item.id]


def known(canon: Canon) -> dict[str, Case]:
    """Cases whose caller is shown in full: that number names the call."""
    return {case.caller: case for case in canon.cases if case.caller and not case.item.masks_callers}


async def test_where_several_have_a_field_they_tell_the_same(canon: Canon, readers: Readers) -> None:
    domains = [reader for item, reader in readers.optico.items() if item != canon.properties[1].id]
    by_optico = {call.caller: call for reader in domains for call in await reader.calls(*PERIOD)}
    by_invox = {call.caller: call for call in await readers.invox.pull()}
    by_fone = {call.caller: call for call in await readers.fonedynamics.calls()}
    by_agendize = {call.caller: call for call in await readers.agendize.calls()}
    by_callr = {call.caller: call for call in await readers.callr.calls()}
    for number, case in known(canon).items():
        call, origin = case.call, case.call.attribution
        here, there, fone, crm, cdr = (
            by_optico[number], by_invox[number], by_fone[number], by_agendize[number], by_callr[number],
        )  # fmt: skip
        assert (here.source, there.source, fone.source) == (origin.source or "", origin.source or "", origin.source)
        assert (there.medium, there.campaign) == (origin.medium or "", origin.campaign or "")
        assert (fone.medium, fone.campaign, fone.content) == (origin.medium, origin.campaign, origin.content)
        assert there.content == (origin.content or "")
        assert here.keypad == ",".join(fone.keys) == (call.keypad or "")
        assert here.billing_duration == cdr.billed == timedelta(seconds=case.billed_s)
        assert here.answer_time == timedelta(seconds=case.waited_s)
        assert cdr.ended_at == cdr.started_at + cdr.total
        assert (here.is_redirect, here.expired_redirect) == (call.redirected, call.redirected_expired)
        ready = [item for item in call.recordings if item.status == "ready"]
        assert (crm.record_url is not None, fone.recording_uri is not None) == (bool(ready), bool(ready))
        assert bool(there.recording_uri) is bool(call.recordings), "INVOX cannot bring it again when it is finished"


TRIGGERS = {"normal": "callTracking", "webcall": "clickToCall", "rule": "callTracking", "triggered": "clickToCall"}


async def test_what_began_the_call_is_told_alike(canon: Canon, readers: Readers) -> None:
    by_agendize = {call.caller: call.type for call in await readers.agendize.calls()}
    told = {
        call.caller: call.trigger for call in await readers.optico[canon.properties[0].id].calls(*PERIOD) if call.caller
    }
    assert set(told.values()) == set(TRIGGERS)
    assert {number: TRIGGERS[word] for number, word in told.items()} == {number: by_agendize[number] for number in told}


async def test_a_filter_for_a_word_finds_exactly_the_calls_that_show_it(canon: Canon, readers: Readers) -> None:
    def same(call: object) -> str:
        return repr(call)

    for reader in readers.optico.values():
        shown = await reader.calls(*PERIOD)
        for word in OPTICO_STATUSES:
            found = await reader.calls(*PERIOD, status=word)
            assert sorted(found, key=same) == sorted((call for call in shown if call.status == word), key=same), word
    listed = await readers.fonedynamics.calls()
    for word in DISPOSITIONS:
        assert await readers.fonedynamics.calls(Disposition=word) == [
            item for item in listed if item.disposition == word
        ]
    paths = {item.keys for item in listed if item.keys}
    for path in paths:
        found_keys = await readers.fonedynamics.calls(Prompts_keys=",".join(path))
        assert found_keys == [item for item in listed if item.keys == path]
    assert len(await readers.fonedynamics.calls(Prompts_keys=";".join(map(",".join, paths)))) == len(paths) == 4


async def test_a_property_of_fone_dynamics_and_a_tool_of_agendize_are_the_same_calls(
    canon: Canon, readers: Readers
) -> None:
    for item in canon.properties:
        theirs = {call.started_at for call in await readers.fonedynamics.calls(item.sid)}
        assert theirs == {case.started_at for case in of(canon, item)}
        tool = [call.instants for call in await readers.agendize.calls(toolId=item.sid)]
        assert len(tool) == len(of(canon, item))
        assert all(instants & theirs for instants in tool)


async def test_days_sum_up_what_the_records_tell(canon: Canon, readers: Readers) -> None:
    for item in canon.properties:
        reader = readers.optico[item.id]
        days = await reader.days(*PERIOD)
        assert [day.date for day in days] == [PERIOD[0] + timedelta(days=n) for n in range(len(days))]
        assert days[-1].date == PERIOD[1]
        sums: dict[date, tuple[int, Decimal]] = {}
        for call in await reader.calls(*PERIOD):
            count, seconds = sums.get(call.local.date(), (0, Decimal()))
            sums[call.local.date()] = count + 1, seconds + Decimal(call.duration.seconds)
        assert {day.date: (day.calls, day.duration) for day in days if day.calls} == sums


async def test_every_end_and_every_kind_of_call_is_among_them(canon: Canon) -> None:
    """Or the comparisons above would prove less than they say."""
    assert {case.end for case in canon.cases} == set(ENDS.values())
    ambiguous = [case for case in canon.cases if len(readings(case.started_at, "Europe/Paris")) == 2]
    assert len(ambiguous) >= 2
    assert {case.caller is None for case in canon.cases if case.item.masks_callers} == {True, False}


async def test_one_call_in_five_dialects(world: World, canon: Canon, readers: Readers) -> None:
    """Begun 09:05:10 UTC, answered after 11 s, 199 s of talk, hung up by the caller, worth 2.40 EUR."""
    golden = canon.cases[0].call
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE calls SET revenue_minor = 240 WHERE id = %s", (golden.id,))
    day = date(2026, 7, 14)
    [o] = await readers.optico[world.property.id].calls(day, day, caller_phone="+33612345678")
    assert (o.local, o.duration.seconds, o.billing_duration.seconds, o.answer_time.seconds, o.status, o.revenue) == (
        datetime(2026, 7, 14, 11, 5, 10), 199, 240, 11, "SUCCESS", Decimal("2.4"),
    )  # fmt: skip
    [i] = await readers.invox.calls(from_date="2026-07-14 12:05:10", to_date="2026-07-14 12:05:10")
    assert (i.local, i.duration.seconds, i.status) == (datetime(2026, 7, 14, 12, 5, 10), 199, "Answered")
    [a] = await readers.agendize.calls(search="+33612345678")
    assert (a.local, a.zone, a.duration.seconds, a.status) == (
        datetime(2026, 7, 14, 5, 5, 10), "America/Toronto", 199, "completed",
    )  # fmt: skip
    [f] = await readers.fonedynamics.calls(Date_From=1784019910, Date_To=1784019911)
    assert (f.started_at, f.duration.seconds, f.disposition) == (GOLDEN_START, 199, "Answered")
    [c] = [call for call in await readers.callr.calls() if call.id == golden.id]
    assert (c.started_at, c.answered_at, c.ended_at) == (
        GOLDEN_START, datetime(2026, 7, 14, 9, 5, 21, tzinfo=UTC), datetime(2026, 7, 14, 9, 8, 40, tzinfo=UTC),
    )  # fmt: skip
    assert (c.total.seconds, c.answered.seconds, c.billed.seconds) == (210, 199, 240)
    assert (c.targets[-1].status, c.cause, c.hangup_by, c.credit) == ("ANSWER", 16, "CALLER", Decimal("2.4"))
