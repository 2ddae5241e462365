"""Calls that a button orders, through the real controller and voice app on the simulator."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ringtrail.engines.simulator.engine import FarEnd, SimulatorEngine
from ringtrail.engines.simulator.virtual_time import VirtualClock, run_virtually
from ringtrail.model.app import CallTrackingSettings, Target, VoicemailSettings
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.button import CallOrder, ClickToCall
from ringtrail.model.call import Call
from ringtrail.model.ids import CallIds
from ringtrail.services.controller import Controller
from ringtrail.services.routing import Route

VISITOR, TARGET = "+33612345678", "+33987654321"
ANSWERS = FarEnd(answers_after_s=2)
LEAVES = FarEnd(answers_after_s=2, hangs_up_after_answer_s=60)


class _AnyOrder:
    def __init__(self, allowed: str) -> None:
        self._allowed = allowed

    def caller(self, number: str | None) -> str | None:
        return number

    async def find(self, dialled: str, caller_e164: str | None, now: datetime) -> Route | None:
        return None

    async def of_order(self, order: CallOrder) -> Route:
        return Route(
            account_id=1, property_id=1, country="FR", billing_increment_s=60, outbound_prefixes=(self._allowed,),
            did_hash="", tracking_number_e164="", attribution=StaticAttribution(), app_hash=None,
            settings=CallTrackingSettings(), media_paths={}, shown_to_caller_e164="+33912340001",
        )  # fmt: skip


async def _run(visitor: FarEnd, target: FarEnd, max_talk_s: int | None, allowed: str, late: timedelta) -> Call:
    clock = VirtualClock()
    engine = SimulatorEngine(clock, far_ends={VISITOR: visitor, TARGET: target})
    ended: asyncio.Future[Call] = asyncio.get_running_loop().create_future()

    def keep(call: Call) -> None:
        if call.ended and not ended.done():
            ended.set_result(call)

    controller = Controller(engine=engine, routing=_AnyOrder(allowed), clock=clock, ids=CallIds(0), keep=keep)
    running = asyncio.create_task(controller.run())
    order = CallOrder(
        id=1, account_id=1, property_id=1, button_hash="BUTT0N01", visitor_e164=VISITOR, target_e164=TARGET,
        max_talk_s=max_talk_s, due_at=clock.now() - late,
    )  # fmt: skip
    controller.place(order, controller.next_id())
    try:
        return await asyncio.wait_for(ended, 3600)
    finally:
        running.cancel()


def ordered(
    visitor: FarEnd = ANSWERS,
    target: FarEnd = ANSWERS,
    *,
    max_talk_s: int | None = None,
    allowed: str = "+33",
    late: timedelta = timedelta(),
) -> Call:
    return run_virtually(_run(visitor, target, max_talk_s, allowed, late))


def test_the_visitor_is_called_first_and_talks_to_the_target() -> None:
    call = ordered(target=LEAVES)
    assert (call.disposition, call.stage, call.trigger, call.button_hash) == ("answered", "bridged", "web", "BUTT0N01")
    assert (call.caller_number_e164, call.destination_number_e164) == (VISITOR, TARGET)
    assert (call.talk_s, call.hangup_by, call.tracking_number_e164) == (60, "callee", "")
    assert call.legs[1].started_at >= call.legs[0].answered_at  # type: ignore[operator]


@pytest.mark.parametrize(
    ("visitor", "disposition"),
    [
        (FarEnd(status=486), "busy"),
        (FarEnd(status=603), "rejected"),
        (FarEnd(status=404), "invalid_number"),
        (FarEnd(status=503), "failed"),
        (FarEnd(), "no_answer"),
    ],
)
def test_a_visitor_who_cannot_be_reached_leaves_the_target_in_peace(visitor: FarEnd, disposition: str) -> None:
    call = ordered(visitor)
    assert (call.disposition, len(call.legs), call.talk_s, call.handled_s) == (disposition, 1, 0, 0)


def test_a_target_that_is_busy_gives_the_call_its_outcome() -> None:
    call = ordered(target=FarEnd(status=486))
    assert (call.disposition, call.stage, call.legs[1].sip_status) == ("busy", "ringing", 486)


def test_a_visitor_who_hangs_up_while_the_target_rings_has_given_up() -> None:
    call = ordered(FarEnd(answers_after_s=2, hangs_up_after_answer_s=5), FarEnd())
    assert (call.disposition, call.hangup_by, call.legs[1].disposition) == ("abandoned", "caller", "abandoned")


def test_the_talk_ends_at_its_limit() -> None:
    call = ordered(max_talk_s=30)
    assert (call.disposition, call.talk_s, call.hangup_by) == ("answered", 30, "platform")


def test_a_number_that_may_not_be_dialled_is_not_dialled() -> None:
    call = ordered(allowed="+44")
    assert (call.disposition, call.legs[0].cause, len(call.legs)) == ("failed", 52, 1)


def test_an_order_that_waited_through_a_long_outage_gets_a_record_and_no_phone_rings() -> None:
    assert ordered(target=LEAVES, late=timedelta(minutes=14)).disposition == "answered"
    call = ordered(late=timedelta(minutes=16))
    assert (call.disposition, len(call.legs), call.legs[0].raw) == ("failed", 1, "the order was too old")


# --- of an app --------------------------------------------------------------------------------------------------------

SECOND = "+33987654322"
PARAMS = {"options": {"A_attempts": 1, "A_retrypause": 30}}


class _ClickRouting(_AnyOrder):
    def __init__(self, settings: CallTrackingSettings) -> None:
        super().__init__("+33")
        self._settings = settings

    async def of_order(self, order: CallOrder) -> Route:
        return replace(await super().of_order(order), settings=self._settings, app_hash="CL1CKAPP")


async def _run_app(settings: CallTrackingSettings, far_ends: dict[str, FarEnd]) -> Call:
    clock = VirtualClock()
    engine = SimulatorEngine(clock, far_ends=far_ends)
    ended: asyncio.Future[Call] = asyncio.get_running_loop().create_future()

    def keep(call: Call) -> None:
        if call.ended and not ended.done():
            ended.set_result(call)

    routing = _ClickRouting(settings)
    controller = Controller(engine=engine, routing=routing, clock=clock, ids=CallIds(0), keep=keep)
    running = asyncio.create_task(controller.run())
    click = ClickToCall(
        hash="CL1CKCLK", account_id=1, app_hash="CL1CKAPP", a_targets=(Target(number_e164=VISITOR),),
        b_targets=settings.targets, params=PARAMS, cli=None, cdr_field="order42", created_at=clock.now(),
        scheduled_at=None,
    )  # fmt: skip
    order = CallOrder(
        id=1, account_id=1, property_id=1, button_hash="", visitor_e164=VISITOR, target_e164=TARGET, max_talk_s=None,
        due_at=clock.now(), click=click,
    )  # fmt: skip
    controller.place(order, controller.next_id())
    try:
        return await asyncio.wait_for(ended, 3600)
    finally:
        running.cancel()


def clicked(targets: dict[str, FarEnd], **settings: Any) -> Call:
    asked = CallTrackingSettings(targets=tuple(Target(number_e164=number) for number in targets), **settings)
    return run_virtually(_run_app(asked, {VISITOR: ANSWERS, **targets}))


def test_the_b_targets_of_an_app_are_tried_until_one_talks() -> None:
    call = clicked({TARGET: FarEnd(status=486), SECOND: LEAVES}, record_calls=True)
    assert (call.disposition, call.trigger, call.app_hash, call.button_hash) == ("answered", "api", "CL1CKAPP", None)
    assert [leg.disposition for leg in call.legs] == ["answered", "busy", "answered"]
    assert (call.talk_s, call.external_id, [item.kind for item in call.recordings]) == (60, "order42", ["call"])


def test_when_no_b_target_answers_a_may_leave_a_message() -> None:
    call = clicked({TARGET: FarEnd(status=486)}, voicemail=VoicemailSettings(active=True, max_s=30))
    assert (call.disposition, call.stage) == ("voicemail", "voicemail")
    assert clicked({TARGET: FarEnd(status=486)}).disposition == "busy"
