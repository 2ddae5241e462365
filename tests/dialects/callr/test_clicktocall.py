"""Click-to-call of apps: what is asked for, how far it is, which phone is tried next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringtrail.dialects.callr.packages import complete_params
from ringtrail.engines.simulator.engine import SimulatorEngine
from ringtrail.engines.simulator.virtual_time import VirtualClock
from ringtrail.model.app import Target
from ringtrail.model.button import CallOrder
from ringtrail.model.call import Call, Leg, LegRole
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.lifecycle import State
from ringtrail.services.buttons import Orders
from ringtrail.services.clicks import order_next_tries
from ringtrail.services.controller import Controller
from ringtrail.services.routing import Routing
from tests.dialects.callr.conftest import Rpc
from tests.fixtures import World, build_world

A, B = "+33612345678", "+33987654321"
CALL = [
    "a_status", "a_targets", "app", "b_status", "b_targets", "cdr_field", "cli", "date_creation", "date_scheduled",
    "date_started", "date_update", "hash",
]  # fmt: skip
NOT_YET = {"callid": None, "number": None, "status": None, "try": 0}


@pytest.fixture
async def app(rpc: Rpc) -> str:
    hash_: str = (await rpc("apps.create", "CLICKTOCALL10", "c2c", {"options": {"A_attempts": 2}}))["hash"]
    return hash_


class Node:
    """A controller's hands: claims orders, and writes what became of them."""

    def __init__(self, world: World, folder: Any) -> None:
        self._world = world
        self._orders = Orders(world.database, "n1")
        self.routing = Routing(world.database, default_country="FR", media_folder=folder)
        clock = VirtualClock()
        self._controller = Controller(
            engine=SimulatorEngine(clock), routing=self.routing, clock=clock, ids=world.ids, keep=lambda call: None
        )

    async def claim(self, after: timedelta = timedelta()) -> tuple[CallOrder, Call] | None:
        now = datetime.now(UTC) + after
        await order_next_tries(self._world.database, now)
        call_id = self._world.ids.next()
        order = await self._orders.claim(call_id, now)
        if order is None:
            return None
        call = self._controller.ordered_call(order, call_id, await self.routing.of_order(order))
        leg = replace(call.legs[0], started_at=now)
        return order, replace(call, started_at=now, legs=(leg,))

    async def save(self, call: Call, **a: Any) -> Call:
        """With these changes of A's leg."""
        call = replace(call, legs=(replace(call.legs[0], **a), *call.legs[1:]))
        await self._world.save(call)
        return call

    async def not_answered(self, call: Call) -> Call:
        at = call.started_at + timedelta(seconds=20)
        over = replace(call, ended_at=at, state=State.ENDED, disposition=Disposition.NO_ANSWER)
        return await self.save(over, ended_at=at, disposition=Disposition.NO_ANSWER)


@pytest.fixture
def node(world: World, tmp_path: Any) -> Node:
    return Node(world, tmp_path)


def _b_leg(world: World, call: Call, **changes: Any) -> Leg:
    at = call.started_at + timedelta(seconds=5)
    leg_id = world.ids.next()
    leg = Leg(
        id=leg_id, engine_leg_id=f"b-{leg_id}", role=LegRole.TARGET, position=1, number_e164=B, started_at=at
    )  # fmt: skip
    return replace(leg, **changes)


async def test_what_is_asked_for_is_shown_before_anybody_is_called(rpc: Rpc, world: World, app: str) -> None:
    options = {"cli": world.did.number_e164, "cdr_field": "order42", "schedule": "2020-01-01 00:00:00"}
    hash_ = await rpc(
        "clicktocall/calls.start_2", app, [{"number": "06 12 34 56 78"}], [{"number": B, "timeout": 60}], options
    )
    shown = await rpc("clicktocall/calls.get_status", hash_)
    assert list(shown) == CALL
    assert (shown["a_status"], shown["b_status"]) == (NOT_YET, NOT_YET)
    assert (shown["a_targets"], shown["b_targets"]) == ([{"number": A, "timeout": 30}], [{"number": B, "timeout": 60}])
    assert (shown["cli"], shown["cdr_field"], shown["hash"]) == (world.did.number_e164, "order42", hash_)
    assert (shown["date_scheduled"], shown["date_started"]) == ("2020-01-01 00:00:00", None)
    assert shown["app"] == await rpc("apps.get", app)


async def test_the_call_is_told_from_dialling_to_the_end(rpc: Rpc, world: World, app: str, node: Node) -> None:
    hash_ = await rpc("clicktocall/calls.start_2", app, [{"number": A}], [{"number": B}], {"cdr_field": "order42"})
    claimed = await node.claim()
    assert claimed is not None
    order, call = claimed
    assert (order.visitor_e164, order.target_e164, call.app_hash, call.trigger) == (A, B, app, "api")
    assert (await rpc("clicktocall/calls.get_status", hash_))["a_status"]["status"] == "DIALING"

    async def states() -> tuple[Any, Any]:
        shown = await rpc("clicktocall/calls.get_status", hash_)
        return shown["a_status"], shown["b_status"]

    call = await node.save(call)
    assert await states() == ({"callid": call.id, "number": A, "status": "DIALING", "try": 1}, NOT_YET)
    answered = call.started_at + timedelta(seconds=4)
    call = replace(call, legs=(call.legs[0], _b_leg(world, call)))
    call = await node.save(call, answered_at=answered)
    a, b = await states()
    assert (a["status"], b["status"], b["number"], b["try"]) == ("ANSWER", "DIALING", B, 1)
    over = answered + timedelta(seconds=60)
    b_leg = replace(call.legs[1], answered_at=answered, ended_at=over, disposition=Disposition.ANSWERED)
    call = replace(
        call, legs=(call.legs[0], b_leg), ended_at=over, state=State.ENDED, disposition=Disposition.ANSWERED,
        answered_at=answered, bridged_at=answered, hangup_by=HangupBy.CALLEE,
    )  # fmt: skip
    await node.save(call, ended_at=over, disposition=Disposition.ANSWERED)
    a, b = await states()
    assert (a["status"], b["status"]) == ("HANGUP", "HANGUP")
    assert await node.claim(timedelta(minutes=10)) is None
    records = await rpc("cdr.search", {"type": "OUT", "app": app}, {})
    assert [(item["callid"], item["callid_in"], item["customer_field"]) for item in records["hits"]] == [
        (call.id, None, "order42"), (b_leg.id, call.id, "order42"),
    ]  # fmt: skip
    assert (await rpc("cdr.search", {"type": "IN"}, {}))["total"] == 0


async def test_each_phone_of_a_is_tried_in_turn_and_again_after_the_pause(
    rpc: Rpc, world: World, app: str, node: Node
) -> None:
    other = "+33612345679"
    hash_ = await rpc("clicktocall/calls.start_2", app, [{"number": A}, {"number": other}], [{"number": B}], None)
    tried = []
    for after in (0, 21, 42, 42 + 60, 42 + 90, 600):
        claimed = await node.claim(timedelta(seconds=after))
        if claimed is not None:
            status = (await rpc("clicktocall/calls.get_status", hash_))["a_status"]
            tried.append((after, claimed[0].visitor_e164, status["try"]))
            await node.not_answered(claimed[1])
    # the second attempt waits 30 s after the first ended at 41 s
    assert tried == [(0, A, 1), (21, other, 1), (102, A, 2), (132, other, 2)]
    assert (await rpc("clicktocall/calls.get_status", hash_))["a_status"]["status"] == "NOANSWER"


async def test_an_order_that_came_too_late_is_aborted_and_not_tried_again(rpc: Rpc, app: str, node: Node) -> None:
    hash_ = await rpc("clicktocall/calls.start_2", app, [{"number": A}], [{"number": B}], None)
    claimed = await node.claim(timedelta(minutes=16))
    assert claimed is not None
    await node.not_answered(claimed[1])
    assert await node.claim(timedelta(hours=1)) is None
    assert (await rpc("clicktocall/calls.get_status", hash_))["a_status"]["status"] == "ABORTED"


async def test_a_scheduled_call_can_be_cancelled_until_it_begins(rpc: Rpc, fault: Rpc, app: str, node: Node) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S")
    first, second = [
        await rpc("clicktocall/calls.start_2", app, [{"number": A}], [{"number": B}], {"schedule": later}) for _ in "ab"
    ]
    assert await node.claim() is None
    assert await rpc("clicktocall/calls.cancel", first) is True
    assert (await rpc("clicktocall/calls.get_status", first))["a_status"] == {**NOT_YET, "status": "ABORTED"}
    assert await fault("clicktocall/calls.cancel", first) == (151, "PROPERTY_VALUE_ERROR [call]")
    claimed = await node.claim(timedelta(hours=1, seconds=1))
    assert claimed is not None
    assert claimed[0].click is not None
    assert claimed[0].click.hash == second
    assert await fault("clicktocall/calls.cancel", second) == (151, "PROPERTY_VALUE_ERROR [call]")


async def test_a_list_holds_what_was_asked_of_an_app_in_the_range(rpc: Rpc, fault: Rpc, app: str) -> None:
    hash_ = await rpc("clicktocall/calls.start_2", app, [{"number": A}], [{"number": B}], None)
    whole = ("2020-01-01 00:00:00", "2099-01-01 00:00:00")
    assert await rpc("clicktocall/calls.get_list", app, *whole) == [await rpc("clicktocall/calls.get_status", hash_)]
    assert await rpc("clicktocall/calls.get_list", app, whole[0], whole[0]) == []
    assert await fault("clicktocall/calls.get_list", app, *reversed(whole)) == (151, "TO_BEFORE_FROM")
    assert await fault("clicktocall/calls.get_list", "INVALID", *whole) == (151, "PROPERTY_VALUE_ERROR [app]")


async def test_the_route_of_a_try_has_the_apps_sounds_and_the_cli_that_was_asked_for(
    rpc: Rpc, world: World, app: str, node: Node
) -> None:
    await world.services.numbers.add_built_in_media([(84, "Welcome", "WELCOME", "welcome")])
    await rpc("apps.edit", app, None, {"medias": {"A_welcome": 84}, "vms": {"active": True}})
    for cli, shown in ((None, None), ("BLOCKED", None), (world.did.number_e164, world.did.number_e164)):
        await rpc("clicktocall/calls.start_2", app, [{"number": A}], [{"number": B}, {"number": A}], {"cli": cli})
        claimed = await node.claim()
        assert claimed is not None
        route = await node.routing.of_order(claimed[0])
        assert route.shown_to_caller_e164 == shown
        assert [target.number_e164 for target in route.settings.targets] == [B, A]
        assert (route.settings.welcome_media, route.settings.voicemail.active) == (84, True)
        assert list(route.media_paths) == [84]


_T = [{"number": A}]
_FAULTS: list[tuple[list[Any], tuple[int, str]]] = [
    ([_T, _T, {"cli": "+33199999999"}], (151, "PROPERTY_VALUE_ERROR [options.cli]")),
    ([_T, _T, {"cli": 1}], (151, "PROPERTY_TYPE_ERROR [options.cli]")),
    ([_T, _T, {"cdr_field": "no spaces"}], (151, "PROPERTY_VALUE_ERROR [options.cdr_field]")),
    ([_T, _T, {"cdr_field": "x" * 33}], (151, "PROPERTY_VALUE_ERROR [options.cdr_field]")),
    ([_T, _T, {"schedule": "tomorrow"}], (151, "PROPERTY_VALUE_ERROR [options.schedule]")),
    ([_T, _T, {"schedule": "2999-01-01 00:00:00"}], (151, "PROPERTY_VALUE_ERROR [options.schedule]")),
    ([_T, _T, {"x": 1}], (151, "PROPERTY_VALUE_ERROR [options.x]")),
    ([_T, _T, "x"], (-32602, "INVALID_PARAM_FORMAT [options]")),
    ([None, None, None], (-32602, "INVALID_PARAM_FORMAT [a_targets]")),
    ([_T, None, None], (-32602, "INVALID_PARAM_FORMAT [b_targets]")),
    ([[], _T, None], (151, "PROPERTY_VALUE_ERROR [a_targets]")),
    ([[{"number": "123"}], _T, None], (151, "PROPERTY_VALUE_ERROR [a_targets]")),
    ([_T, [{"number": A, "timeout": 4}], None], (151, "PROPERTY_VALUE_ERROR [b_targets]")),
    ([_T, [{"number": 33}], None], (151, "PROPERTY_TYPE_ERROR [b_targets]")),
    ([_T, [{"number": "+442079460000"}], None], (100, "FORBIDDEN: the account may not call this number")),
]


@pytest.mark.parametrize(("params", "expected"), _FAULTS)
async def test_a_fault_in_what_is_asked_is_told(fault: Rpc, app: str, params: list[Any], expected: Any) -> None:
    assert await fault("clicktocall/calls.start_2", app, *params) == expected


async def test_only_an_app_of_the_package_can_call(fault: Rpc, world: World) -> None:
    assert await fault("clicktocall/calls.start_2", world.app.hash, _T, _T, None) == (205, "BAD_APP_TYPE")
    assert await fault("clicktocall/calls.start_2", "INVALID", None, None, None) == (151, "PROPERTY_VALUE_ERROR [app]")


async def test_another_accounts_calls_do_not_exist(fault: Rpc, world: World, tmp_path: Any) -> None:
    other = await build_world(world.database, tmp_path, name="Somebody else")
    app = await other.services.apps.create(other.account.id, "CLICKTOCALL10", "c2c", {})
    click = await other.services.clicks.start(
        other.account, app, a_targets=[Target(number_e164=A)], b_targets=[Target(number_e164=B)], cli=None,
        cdr_field=None, at=None, params=complete_params(other.account, app.package, {}),
    )  # fmt: skip
    for method in ("get_status", "cancel"):
        assert await fault(f"clicktocall/calls.{method}", click.hash) == (151, "PROPERTY_VALUE_ERROR [call]")
    assert await fault("clicktocall/calls.get_status", None) == (-32602, "INVALID_PARAM_FORMAT [call]")
