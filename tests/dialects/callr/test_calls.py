"""Service calls: a live call is hung up; what cannot act is checked wholly, then refused."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ringtrail.engines.simulator.engine import FarEnd, SimulatorEngine
from ringtrail.model.call import Call
from ringtrail.model.ids import CallIds
from ringtrail.ports.clock import SystemClock
from ringtrail.services import commands
from ringtrail.services.commands import Commands, CommandTaker, carry_out
from ringtrail.services.controller import Controller
from ringtrail.services.recorder import Recorder
from ringtrail.services.routing import Routing
from tests.dialects.callr.conftest import Rpc
from tests.e2e.stack import eventually
from tests.fixtures import World, build_world

B = "+33987654321"


class Node:
    """A real controller on a simulated engine, in real time, with its records in the database."""

    def __init__(self, world: World, folder: Any) -> None:
        clock = SystemClock()
        self._world = world
        self.ready = True
        self.engine = SimulatorEngine(clock, far_ends={B: FarEnd(answers_after_s=0.05)})
        self.recorder = Recorder(world.database)
        self.controller = Controller(
            engine=self.engine,
            routing=Routing(world.database, default_country="FR", media_folder=folder),
            clock=clock,
            ids=CallIds(1),
            keep=self.recorder.put,
        )

    async def talking(self) -> Call:
        """A call that has come in and is bridged, and recorded as such."""
        self.engine.call(self._world.did.number_e164, caller="+33612345678")
        for _ in range(200):
            await asyncio.sleep(0.02)
            live = self.controller.live_calls
            if live and live[0].bridged_at is not None:
                await self.recorder.flushed()
                return live[0]
        raise AssertionError("nobody talks")

    async def obey(self) -> None:
        database, name = self._world.database, self.engine.name
        taker = CommandTaker(database, SystemClock(), name, self.controller.hang_up, ready=lambda: self.ready)
        await taker.run()


@pytest.fixture
async def node(rpc: Rpc, world: World, tmp_path: Any) -> AsyncIterator[Node]:
    await rpc("apps.edit", world.app.hash, None, {"targets": [{"number": B}]})
    node = Node(world, tmp_path)
    tasks = [asyncio.create_task(work) for work in (node.recorder.run(), node.controller.run(), node.obey())]
    yield node
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks)


@pytest.mark.parametrize("leg", [0, 1], ids=["the caller's leg", "the target's leg"])
async def test_a_live_call_is_hung_up_by_the_id_of_either_leg(rpc: Rpc, node: Node, leg: int) -> None:
    call = await node.talking()
    assert await rpc("calls.hangup", call.legs[leg].id, {}) is True
    for _ in range(100):
        await asyncio.sleep(0.05)
        if not node.controller.live_calls:
            break
    await node.recorder.flushed()
    (record,) = (await rpc("cdr.search", {"type": "IN", "hash": str(call.id)}, {}))["hits"]
    assert (record["hangupsource"], record["hangupcause"]) == ("GATEWAY", 16)
    assert await rpc("calls.hangup", call.legs[leg].id, {}) is False


async def test_what_is_not_alive_or_not_ours_is_not_hung_up(rpc: Rpc, node: Node, world: World, tmp_path: Any) -> None:
    ended = world.golden()
    await world.save(ended)
    assert await rpc("calls.hangup", ended.id, {}) is False
    assert await rpc("calls.hangup", 1, []) is False
    call = await node.talking()
    other = await build_world(world.database, tmp_path, name="Somebody else")
    assert await other.services.commands.hang_up(other.account.id, call.id) is False
    assert await node.controller.hang_up(other.account.id, call.id) is False
    assert node.controller.live_calls


async def ordered(world: World, call: Call, node: str) -> None:
    """A command of which nobody was notified."""
    async with world.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO call_commands (account_id, node, leg_id, created_at) VALUES (%s, %s, %s, now())",
            (world.account.id, node, call.id),
        )


async def test_the_controller_hears_of_a_command_at_once(rpc: Rpc, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 60)
    call = await node.talking()
    await asyncio.sleep(1.1)  # the poll that had begun is over
    started = time.monotonic()
    assert await rpc("calls.hangup", call.id, {}) is True
    assert time.monotonic() - started < 1


async def test_a_command_that_nobody_was_notified_of_is_found_by_the_poll(
    rpc: Rpc, node: Node, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "POLL_S", 0.1)
    call = await node.talking()
    await ordered(world, call, node.engine.name)
    await eventually(lambda: not node.controller.live_calls, 5)


async def test_a_command_waits_for_the_engine_and_for_its_own_node(
    rpc: Rpc, node: Node, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "POLL_S", 0.1)
    call = await node.talking()
    await ordered(world, call, "another")
    node.ready = False
    assert await rpc("calls.hangup", call.id, {}) is False
    assert node.controller.live_calls
    node.ready = True
    assert await rpc("calls.hangup", call.id, {}) is True


async def test_a_command_that_no_controller_takes_is_withdrawn(rpc: Rpc, node: Node, world: World) -> None:
    call = await node.talking()
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE calls SET node = 'gone' WHERE id = %s", (call.id,))
    assert await Commands(world.database, SystemClock()).hang_up(world.account.id, call.id) is False
    hung_up: list[int] = []

    async def hang_up(account_id: int, leg_id: int) -> bool:
        hung_up.append(leg_id)
        return True

    await carry_out(world.database, SystemClock(), "gone", hang_up)
    assert hung_up == []


async def test_a_hangup_needs_a_callid_and_options(fault: Rpc) -> None:
    for wrong in (None, "1", 1.5, True, {}):
        assert await fault("calls.hangup", wrong, {}) == (-32602, "INVALID_PARAM_FORMAT [callid]")
    assert await fault("calls.hangup", -1, {}) == (151, "PROPERTY_VALUE_ERROR [callid]")
    assert await fault("calls.hangup", 1, None) == (-32602, "INVALID_PARAM_FORMAT [options]")
    assert await fault("calls.hangup", 1, {"x": 1}) == (151, "PROPERTY_VALUE_ERROR [options.x]")


# --- checked and refused ----------------------------------------------------------------------------------------------

_TO = {"number": B, "timeout": 30}
_REAL_TIME: list[tuple[list[Any], tuple[int, str]]] = [
    ([_TO, None], (100, "FORBIDDEN: feature not allowed, Real-Time is not supported")),
    ([_TO, {"cli": "BLOCKED", "cdr_field": "a1"}], (100, "FORBIDDEN: feature not allowed, Real-Time is not supported")),
    ([None, None], (-32602, "INVALID_PARAM_FORMAT [target]")),
    ([[], None], (-32602, "INVALID_PARAM_FORMAT [target]")),
    ([{"number": "x"}, None], (151, "PROPERTY_VALUE_ERROR [target]")),
    ([_TO, {"cli": "+33199999999"}], (151, "PROPERTY_VALUE_ERROR [options.cli]")),
    ([_TO, {"cdr_field": "é"}], (151, "PROPERTY_VALUE_ERROR [options.cdr_field]")),
    ([_TO, {"x": 1}], (151, "PROPERTY_VALUE_ERROR [options.x]")),
]


@pytest.mark.parametrize("method", ["calls.realtime", "dialr/call.realtime"])
async def test_real_time_is_checked_and_refused(rpc: Rpc, fault: Rpc, world: World, method: str) -> None:
    app = (await rpc("apps.create", "REALTIME10", "rt", {"url": "https://you.example/rt"}))["hash"]
    for params, expected in _REAL_TIME:
        assert await fault(method, app, *params) == expected
    assert await fault(method, world.app.hash, _TO, None) == (205, "BAD_APP_TYPE")
    assert await fault(method, "INVALID", None, None) == (151, "PROPERTY_VALUE_ERROR [app]")


_MESSAGES = [131, "TTS|TTS_EN-GB_SERENA|Hello"]
_NO_BROADCAST = (100, "FORBIDDEN: feature not allowed, broadcast is not supported")
_BROADCAST: list[tuple[list[Any], tuple[int, str]]] = [
    ([_TO, _MESSAGES, None], _NO_BROADCAST),
    ([_TO, _MESSAGES, {"loop": 10, "direct_to_voicemail": True}], _NO_BROADCAST),
    ([None, None, None], (-32602, "INVALID_PARAM_FORMAT [target]")),
    ([_TO, None, None], (-32602, "INVALID_PARAM_FORMAT [messages]")),
    ([_TO, [], None], (151, "PROPERTY_VALUE_ERROR [messages]")),
    ([_TO, [0], None], (151, "PROPERTY_VALUE_ERROR [messages]")),
    ([_TO, ["Hello"], None], (151, "PROPERTY_VALUE_ERROR [messages]")),
    ([_TO, [True], None], (151, "PROPERTY_TYPE_ERROR [messages]")),
    ([_TO, _MESSAGES, {"loop": 0}], (151, "PROPERTY_VALUE_ERROR [options.loop]")),
    ([_TO, _MESSAGES, {"loop": 11}], (151, "PROPERTY_VALUE_ERROR [options.loop]")),
    ([_TO, _MESSAGES, {"direct_to_voicemail": 1}], (151, "PROPERTY_TYPE_ERROR [options.direct_to_voicemail]")),
]


@pytest.mark.parametrize("method", ["calls.broadcast_1", "sendr/simple.broadcast_1"])
async def test_broadcasts_are_checked_and_refused(fault: Rpc, method: str) -> None:
    for params, expected in _BROADCAST:
        assert await fault(method, *params) == expected


async def test_what_never_began_has_no_status_and_cannot_be_interrupted(fault: Rpc) -> None:
    assert await fault("calls.get_status_1", "ABCDEFGH") == (151, "PROPERTY_VALUE_ERROR [request_id]")
    assert await fault("calls.get_status_1", None) == (-32602, "INVALID_PARAM_FORMAT [request_id]")
    assert await fault("calls.realtime_break", 42) == (151, "PROPERTY_VALUE_ERROR [callid]")
    assert await fault("calls.realtime_break", "42") == (-32602, "INVALID_PARAM_FORMAT [callid]")
