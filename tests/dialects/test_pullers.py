"""Clients that follow a vendor's documented loop while calls are written end with every call once, in its final state.

The writers are real: several connections, transactions that overlap and commit when they like. What makes the loops
safe is that an account's counters are handed out under a lock that is held until the commit. Tried by hand: with counters
handed out in a transaction of their own, that commits at once, the loops of each dialect lose calls here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from ringtrail.dialects import agendize, fonedynamics, invox
from ringtrail.dialects.agendize import sync
from ringtrail.dialects.invox import routes
from ringtrail.model.cause import Disposition
from tests.dialects.agendize.client import Agendize
from tests.dialects.agendize.client import Call as AgendizeCall
from tests.dialects.conftest import Serve
from tests.dialects.fonedynamics.client import Call as FoneCall
from tests.dialects.fonedynamics.client import FoneDynamics
from tests.dialects.invox.client import UNFINISHED, Invox
from tests.dialects.invox.client import Call as InvoxCall
from tests.dialects.traffic import Traffic
from tests.fixtures import AGENDIZE_API_KEY, FONE_TOKEN, GOLDEN_START, TOKENS, World

pytestmark = pytest.mark.postgres

LATE = 50  # savings after which the second client of each test begins


class Seen(NamedTuple):
    """What every dialect shows of a call."""

    caller: str | None
    called: str | None
    started_at: datetime
    duration_s: int
    word: str
    recorded: bool


def expected(traffic: Traffic, words: dict[Disposition, str]) -> list[Seen]:
    """How every call must read in the end, in a vendor's words."""
    return sorted(
        Seen(
            call.caller_number_e164, call.destination_number_e164, call.started_at, call.talk_s, words[call.disposition],
            bool(call.recordings),
        )
        for call in traffic.finals.values()
    )  # fmt: skip


async def run(traffic: Traffic, *readings: Callable[[], Awaitable[object]]) -> None:
    """Write, and let each client read meanwhile, the later ones beginning late; then let each read a last time."""
    reading = [traffic.read_meanwhile(read, after=index * LATE) for index, read in enumerate(readings)]
    await asyncio.gather(traffic.write(), *reading)
    for read in readings:
        await read()


def of_agendize(calls: Iterable[AgendizeCall]) -> list[Seen]:
    return sorted(
        Seen(call.caller, call.called, min(call.instants), call.duration.seconds, call.status, call.record_url is not None)
        for call in calls
    )  # fmt: skip


def of_fone(calls: Iterable[FoneCall]) -> list[Seen]:
    return sorted(
        Seen(
            call.caller, call.endpoint, call.started_at, call.duration.seconds, call.disposition,
            call.recording_uri is not None,
        )
        for call in calls
    )  # fmt: skip


def of_invox(calls: Iterable[InvoxCall]) -> list[Seen]:
    return sorted(
        Seen(
            call.caller, call.destination, min(call.instants), call.duration.seconds, call.status, bool(call.recording_uri)
        )
        for call in calls
    )  # fmt: skip


AGENDIZE_WORDS = {Disposition.ANSWERED: "completed", Disposition.BUSY: "busy", Disposition.ABANDONED: "abandoned"}
FONE_WORDS = {Disposition.ANSWERED: "Answered", Disposition.BUSY: "Busy", Disposition.ABANDONED: "NoAnswer"}
INVOX_WORDS = {Disposition.ANSWERED: "Answered", Disposition.BUSY: "User busy", Disposition.ABANDONED: "No answer"}


@pytest.mark.parametrize("seed", range(2))
async def test_agendize_by_sync_tokens_alone(
    world: World, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(sync, "PAGE_SIZE", 5)
    http, traffic = await serve(agendize.DIALECT), Traffic(world, tmp_path, seed=seed, corrected=seed > 0)
    early, late = (Agendize(http, AGENDIZE_API_KEY, TOKENS["agendize"]) for _ in range(2))
    await run(traffic, early.sync, late.sync)
    for client in (early, late):
        assert of_agendize(client.held.values()) == expected(traffic, AGENDIZE_WORDS)
        assert await client.sync() == []


@pytest.mark.parametrize("seed", range(2))
async def test_fone_dynamics_by_tokens_alone(world: World, serve: Serve, tmp_path: Path, seed: int) -> None:
    http, traffic = await serve(fonedynamics.DIALECT), Traffic(world, tmp_path, seed=seed, corrected=seed > 0)
    early, late = (FoneDynamics(http, world.account.sid, FONE_TOKEN, page=4) for _ in range(2))
    await run(traffic, early.sync, late.sync)
    for client in (early, late):
        await to_the_end(client)
        assert of_fone(client.held.values()) == expected(traffic, FONE_WORDS)
        assert await client.sync() == []


async def to_the_end(client: FoneDynamics) -> None:
    """Reading is complete when a token comes back as it was sent."""
    sent = None
    while sent is None or client.token != sent:
        sent = client.token
        await client.sync()


@pytest.mark.parametrize("live", [True, False])
async def test_invox_by_last_call_id_and_an_overlap_of_dates(
    world: World, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live: bool
) -> None:
    monkeypatch.setattr(routes, "PAGE_CALLS", 5)
    http, traffic = await serve(invox.DIALECT), Traffic(world, tmp_path, seed=7, live=live)
    early, late = (Invox(http, TOKENS["invox"]) for _ in range(2))
    await run(traffic, *[overlapping(client) for client in (early, late)])
    for client in (early, late):
        assert of_invox(client.held.values()) == expected(traffic, INVOX_WORDS)


def overlapping(client: Invox) -> Callable[[], Awaitable[None]]:
    """New calls, and again all since the first that was still unfinished when it was last seen."""

    async def read() -> None:
        await client.pull()
        unfinished = [call.local for call in client.held.values() if call.status == UNFINISHED]
        if unfinished:
            await client.reread(min(unfinished))

    return read


@pytest.mark.parametrize("live", [True, False])
async def test_invox_by_last_call_id_alone_where_unfinished_calls_are_held_back(
    world: World, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live: bool
) -> None:
    monkeypatch.setattr(routes, "PAGE_CALLS", 5)
    http = await serve(invox.DIALECT, invox_holds_unfinished=True)
    traffic = Traffic(world, tmp_path, seed=7, live=live)
    early, late = (Invox(http, TOKENS["invox"]) for _ in range(2))
    brought: dict[int, list[int]] = {id(early): [], id(late): []}

    def pulling(client: Invox) -> Callable[[], Awaitable[None]]:
        async def read() -> None:
            brought[id(client)] += [call.id for call in await client.pull()]

        return read

    await run(traffic, pulling(early), pulling(late))
    for client in (early, late):
        assert of_invox(client.held.values()) == expected(traffic, INVOX_WORDS)
        assert brought[id(client)] == list(range(1, len(traffic.finals) + 1))


async def test_an_overlap_of_invox_dates_does_not_move_last_call_id(world: World, serve: Serve) -> None:
    """Dates select by start, ids by creation: an overlap may bring a larger id than one that was not pulled yet."""
    client = Invox(await serve(invox.DIALECT), TOKENS["invox"])
    await world.save(world.golden())
    await client.pull()
    await world.save(world.golden(started_at=GOLDEN_START - timedelta(hours=1)))
    await world.save(world.golden(started_at=GOLDEN_START + timedelta(hours=1)))
    [first] = client.held.values()
    assert [call.id for call in await client.reread(first.local)] == [1, 3]
    assert [call.id for call in await client.pull()] == [2, 3]


async def test_agendize_starts_again_when_its_sync_token_is_gone(world: World, serve: Serve) -> None:
    """As after a restore: the token is ahead of the database."""
    client = Agendize(await serve(agendize.DIALECT), AGENDIZE_API_KEY, TOKENS["agendize"])
    await world.save(world.golden(), world.golden())
    assert len(await client.sync()) == 2
    client.held[99] = client.held[1]
    client.sync_token = "gone"
    assert len(await client.sync()) == 2
    assert sorted(client.held) == [1, 2]
