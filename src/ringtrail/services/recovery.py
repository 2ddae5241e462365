"""After a controller's death: every call that was offered gets a true record, and those that live go on.

Three sources, best first: the engine (which legs are alive), its flight recorder (how the others ended), and our last
heartbeat (when nobody knows better).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from ringtrail.model.app import CallTrackingSettings
from ringtrail.model.button import CallOrder
from ringtrail.model.call import Call, Leg
from ringtrail.model.cause import Cause, Disposition
from ringtrail.model.lifecycle import State
from ringtrail.ports.clock import Clock
from ringtrail.ports.engine import (
    Capability,
    EndedBy,
    Engine,
    LegAnswered,
    LegEnded,
    LegHistory,
    LegOffered,
    LegsJoined,
    LegSnapshot,
)
from ringtrail.services.buttons import Orders
from ringtrail.services.controller import Controller
from ringtrail.services.ledger import CallLedger
from ringtrail.services.routing import Route, Routing
from ringtrail.services.scripts import ordered, resume
from ringtrail.storage import live as store
from ringtrail.storage.database import Database

log = structlog.get_logger("ringtrail.recovery")

_LOOK_BACK = timedelta(days=1)
_OVERLAP = timedelta(seconds=5)


class Recovery:
    def __init__(
        self,
        *,
        database: Database,
        engine: Engine,
        controller: Controller,
        routing: Routing,
        orders: Orders,
        clock: Clock,
        keep: Callable[[Call], None],
    ) -> None:
        self._database = database
        self._engine = engine
        self._controller = controller
        self._routing = routing
        self._orders = orders
        self._clock = clock
        self._keep = keep

    async def take_over(self) -> None:
        """Once, before this controller takes facts: adopt what lives, close what ended, enter what nobody saw.

        Raises DomainError while the database is away.
        """
        async with self._database.reading() as connection:
            times = await store.node_times(connection, self._engine.name)
            left = await store.unfinished_calls(connection, self._engine.name)
        seen_at = times[1] if times else self._clock.now()
        alive, history = await self._legs()
        for call in left:
            if call.legs:
                await self._settle(call, alive, history, seen_at)
        for order, call_id in await self._orders.claimed_without_call(self._clock.now() - _LOOK_BACK):
            await self._give_up(order, call_id, alive, history, seen_at)
        await self.enter_unseen()

    async def enter_unseen(self) -> None:
        """Enter ended calls that are in no record: the database, the connection or we were away when they were offered."""
        now = self._clock.now()
        alive, history = await self._legs()
        ended = [leg for leg in history.values() if leg.inbound and leg.ended_at and leg.leg_id not in alive]
        async with self._database.reading() as connection:
            known = await store.known_legs(connection, [leg.leg_id for leg in ended])
        for leg in ended:
            if leg.leg_id not in known and leg.leg_id not in self._controller.offered_legs:
                targets = [other for other in history.values() if other.parent_leg_id == leg.leg_id]
                await self._enter(leg, sorted(targets, key=lambda target: target.started_at))
        async with self._database.transaction() as connection:
            able = Capability.REGISTRAR in self._engine.capabilities
            await store.beat(connection, self._engine.name, now, registrar=able)
            oldest = min((leg.started_at for leg in alive.values()), default=now)
            await store.set_reconciled(connection, self._engine.name, min(now, oldest))

    async def _legs(self) -> tuple[dict[str, LegSnapshot], dict[str, LegHistory]]:
        """({leg id: leg that is alive}, {leg id: what the flight recorder knows of it})."""
        async with self._database.reading() as connection:
            times = await store.node_times(connection, self._engine.name)
        since = (times[0] if times else self._clock.now() - _LOOK_BACK) - _OVERLAP
        alive = {leg.leg_id: leg for leg in await self._engine.live_legs()}
        return alive, {leg.leg_id: leg for leg in await self._engine.ended_while_away(since)}

    async def _settle(
        self, call: Call, alive: dict[str, LegSnapshot], history: dict[str, LegHistory], seen_at: datetime
    ) -> None:
        ledger = CallLedger(call, lambda _call: None)
        ledger.trace(self._clock.now(), "taken_over", state=call.state)
        for leg in call.legs:
            seen = history.get(leg.engine_leg_id)
            if leg.engine_leg_id in alive:
                _hear(ledger, leg, seen)
            else:
                _catch_up(ledger, leg, seen, seen_at)
        if call.legs[0].engine_leg_id in alive:
            await self._adopt(ledger.call)
            return
        self._keep(_close(ledger, seen_at))
        log.info("call_closed_afterwards", call_id=call.id, account_id=call.account_id)

    async def _adopt(self, call: Call) -> None:
        log.info("call_adopted", call_id=call.id, account_id=call.account_id, state=call.state)
        order = await self._orders.of_call(call.account_id, call.id) if call.placed_by_us else None
        if order is not None:
            route = await self._routing.of_order(order)
            self._controller.adopt(call, route, ordered(order, route.settings))
            return
        found = await self._routing.find(call.tracking_number_e164, call.caller_number_e164, call.started_at)
        route = found or _orphaned(call)  # the number may have been given up meanwhile
        self._controller.adopt(call, route, resume(route.settings))

    async def _give_up(
        self,
        order: CallOrder,
        call_id: int,
        alive: dict[str, LegSnapshot],
        history: dict[str, LegHistory],
        seen_at: datetime,
    ) -> None:
        """An order whose call was in no record yet: it is not dialled again, and its record says so."""
        ledger = CallLedger(
            self._controller.ordered_call(order, call_id, await self._routing.of_order(order)), lambda _call: None
        )
        ledger.trace(self._clock.now(), "given_up")
        if ledger.caller.engine_leg_id in alive:
            await self._engine.hang_up(ledger.caller.engine_leg_id, Cause.TEMPORARY_FAILURE)
        _catch_up(ledger, ledger.caller, history.get(ledger.caller.engine_leg_id), seen_at)
        self._keep(_close(ledger, self._clock.now()))
        log.warning("order_given_up", call_id=call_id, account_id=order.account_id)

    async def _enter(self, caller: LegHistory, targets: list[LegHistory]) -> None:
        offer = LegOffered(
            at=caller.started_at,
            leg_id=caller.leg_id,
            dialled=caller.dialled or "",
            caller_number=caller.caller_number,
            caller_name=caller.caller_name,
            caller_withheld=caller.caller_withheld,
            trunk="unknown",
            subscriber_id=caller.subscriber_id,
        )
        number, route = await self._controller.routed(offer)
        if route is None:
            return
        ledger = CallLedger(self._controller.new_call(offer, route, number), lambda _call: None)
        ledger.trace(self._clock.now(), "entered_from_flight_recorder")
        # Targets are dialled in the order of the settings, so the n-th leg is the n-th target.
        for target, leg_history in zip(route.settings.targets, targets, strict=False):
            leg = ledger.add_target(self._controller.next_id(), target.number_e164, 0, leg_history.started_at)
            ledger.call = ledger.call.with_leg(replace(leg, engine_leg_id=leg_history.leg_id))
            _catch_up(ledger, ledger.target(leg.id), leg_history, caller.ended_at or leg_history.started_at)
        _catch_up(ledger, ledger.caller, caller, caller.ended_at or caller.started_at)
        self._keep(_close(ledger, caller.ended_at or caller.started_at, refused=route.refused))
        log.info("call_entered_afterwards", call_id=ledger.call.id, account_id=route.account_id)


def _orphaned(call: Call) -> Route:
    """A route that leads nowhere new."""
    return Route(
        account_id=call.account_id, property_id=call.property_id, country="", billing_increment_s=call.billing_increment_s,
        outbound_prefixes=(), did_hash=call.did_hash, tracking_number_e164=call.tracking_number_e164,
        attribution=call.attribution, app_hash=call.app_hash, settings=CallTrackingSettings(), media_paths={},
    )  # fmt: skip


def _close(ledger: CallLedger, now: datetime, refused: Disposition | None = None) -> Call:
    """Close a ledger whose last target may have been lost unseen."""
    lost = [leg for leg in ledger.call.legs[1:] if leg.ended_at is not None]
    if lost and ledger.call.state in (State.RINGING, State.SCREENING):
        ledger.target_lost(lost[-1].id, now)
    return ledger.close(now, refused=refused)


def _hear(ledger: CallLedger, leg: Leg, history: LegHistory | None) -> None:
    """Apply that a leg was answered and joined while nobody listened, as far as anybody knows."""
    leg_id = leg.engine_leg_id
    if history is not None and history.answered_at is not None and leg.answered_at is None:
        ledger.apply(LegAnswered(at=history.answered_at, leg_id=leg_id))
    if history is not None and history.bridged_at is not None and ledger.call.state is State.SCREENING:
        ledger.apply(LegsJoined(at=history.bridged_at, bridge_id="", leg_ids=(leg_id,)))


def _catch_up(ledger: CallLedger, leg: Leg, history: LegHistory | None, seen_at: datetime) -> None:
    """Apply what a leg did while nobody listened, and that it ended."""
    leg_id = leg.engine_leg_id
    _hear(ledger, leg, history)
    known = history is not None and history.ended_at is not None
    ledger.apply(
        LegEnded(
            at=history.ended_at if history and history.ended_at else max(seen_at, leg.started_at),
            leg_id=leg_id,
            ended_by=(history.ended_by if history and known else None) or EndedBy.ENGINE,
            cause=history.cause if history else 41,
            sip_status=None,
            raw="flight recorder" if known else "lost with the engine",
        )
    )
