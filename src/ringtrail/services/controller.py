"""The call controller: takes the engine's facts, gives each call its voice app, keeps every record.

One controller a node. It survives the engine's restart and a lost connection (facts go on when it is back); the engine
survives the controller's restart (recovery.py takes the calls up again).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

import structlog

from ringtrail.model.button import ORDER_LATE, CallOrder
from ringtrail.model.call import Call, Leg, LegRole, TraceEntry, Trigger
from ringtrail.model.cause import Cause
from ringtrail.model.errors import DomainError
from ringtrail.model.ids import CallIds
from ringtrail.model.lifecycle import Stage, State
from ringtrail.ports.clock import Clock
from ringtrail.ports.engine import (
    EndedBy,
    Engine,
    EngineError,
    EngineLost,
    EngineReady,
    LegEnded,
    LegOffered,
    LegsJoined,
    PlaybackEnded,
    RecordingEnded,
)
from ringtrail.services.ledger import CallLedger
from ringtrail.services.live_call import LiveCall, Script
from ringtrail.services.numbers import facts_of
from ringtrail.services.routing import Route
from ringtrail.services.scripts import ordered, record_medium, track

log = structlog.get_logger("ringtrail.controller")

REMEMBERED_OFFERS = 100_000


class RouteFinder(Protocol):
    """services.routing.Routing, or a scenario's table."""

    def caller(self, number: str | None) -> str | None: ...

    async def find(self, dialled: str, caller_e164: str | None, now: datetime) -> Route | None: ...

    async def of_phone(self, subscriber_id: int, dialled: str) -> Route | None: ...

    async def of_order(self, order: CallOrder) -> Route: ...


class PhoneCodes(Protocol):
    """services.phone_in.PhoneIn, or a scenario's table."""

    async def take(self, code: str, caller_e164: str | None) -> str | None:
        """Use a code up: the name of the recording that fills its medium. None: it is no good."""

    async def keep(self, recording: str) -> None:
        """This recording is whole."""


class _NoCodes:
    async def take(self, code: str, caller_e164: str | None) -> str | None:
        return None

    async def keep(self, recording: str) -> None:
        return


class Controller:
    def __init__(
        self,
        *,
        engine: Engine,
        routing: RouteFinder,
        clock: Clock,
        ids: CallIds,
        keep: Callable[[Call], None],
        refused_unknown: Callable[[str], None] = lambda _reason: None,
        phone_in: PhoneCodes | None = None,
    ) -> None:
        """keep: told each snapshot worth writing. refused_unknown: told why an offer that is no account's was refused."""
        self._engine = engine
        self._routing = routing
        self._clock = clock
        self._ids = ids
        self._keep = keep
        self._refused_unknown = refused_unknown
        self._phone_in = phone_in or _NoCodes()
        self._call_of_leg: dict[str, LiveCall] = {}
        self._early: dict[str, list[Any]] = {}  # facts of an offered leg whose route is still being looked up
        self._tasks: set[asyncio.Task[None]] = set()
        self._offered_legs: deque[str] = deque(maxlen=REMEMBERED_OFFERS)
        self.connected = False
        self._was_ready = False
        self._lost_at: datetime | None = None

    @property
    def live_calls(self) -> list[Call]:
        return [live.ledger.call for live in {id(live): live for live in self._call_of_leg.values()}.values()]

    @property
    def offered_legs(self) -> frozenset[str]:
        """Inbound legs that this controller has dealt with lately, live or ended, stored or still to be."""
        return frozenset(self._offered_legs)

    async def run(self, on_first_ready: Callable[[], Awaitable[None]] | None = None) -> None:
        """Take facts until cancelled. on_first_ready is awaited once, before any fact of the engine's legs is taken."""
        async for fact in self._engine.facts():
            try:
                await self._take(fact, on_first_ready)
            except Exception:
                log.exception("fact_failed", fact=type(fact).__name__)

    async def _take(self, fact: Any, on_first_ready: Callable[[], Awaitable[None]] | None) -> None:
        match fact:
            case LegOffered():
                if fact.leg_id not in self._call_of_leg and fact.leg_id not in self._early:
                    self._early[fact.leg_id] = []
                    self._offered_legs.append(fact.leg_id)
                    self._start(self._offered(fact), f"offer-{fact.leg_id}")
            case EngineLost():
                self.connected = False
                self._lost_at = fact.at
                log.warning("engine_lost", calls=len(self.live_calls))
            case EngineReady():
                await self._ready(fact, on_first_ready)
            case LegsJoined():
                await self._tell(fact.leg_ids[0], fact)
            case PlaybackEnded():
                await self._tell(fact.leg_id, fact)
            case RecordingEnded():
                for live in dict.fromkeys(self._call_of_leg.values()):
                    if live.makes(fact.recording_id):
                        await live.apply(fact)
            case _:
                await self._tell(fact.leg_id, fact)

    async def _ready(self, fact: EngineReady, on_first_ready: Callable[[], Awaitable[None]] | None) -> None:
        log.info("engine_ready", restarted=fact.restarted)
        if fact.restarted:
            await self._legs_died(fact)
        if not self._was_ready and on_first_ready is not None:
            await on_first_ready()
        self._was_ready = self.connected = True

    async def _tell(self, leg_id: str, fact: Any) -> None:
        if leg_id in self._early:
            self._early[leg_id].append(fact)
            return
        live = self._call_of_leg.get(leg_id)
        if live is not None and any(leg.engine_leg_id == leg_id for leg in live.ledger.call.legs):
            await live.apply(fact)

    async def _legs_died(self, fact: EngineReady) -> None:
        """The engine came back without its legs: every live call of ours ended when it went away."""
        at = self._lost_at or fact.at
        for leg_id in list(self._call_of_leg):
            raw = "engine restarted"
            await self._tell(
                leg_id, LegEnded(at=at, leg_id=leg_id, ended_by=EndedBy.ENGINE, cause=41, sip_status=None, raw=raw)
            )

    async def _offered(self, fact: LegOffered) -> None:
        try:
            await self._route(fact)
        finally:
            self._early.pop(fact.leg_id, None)

    async def _route(self, fact: LegOffered) -> None:
        try:
            caller, route = await self.routed(fact)
        except DomainError as exc:
            log.error("offer_not_routable", dialled=fact.dialled, reason=str(exc))
            await self._turn_away(fact, Cause.TEMPORARY_FAILURE, "unavailable")
            self._offered_legs.remove(fact.leg_id)  # its record is entered from the flight recorder later
            return
        if route is None:
            log.info("offer_for_nobody", dialled=fact.dialled[:32])
            await self._turn_away(fact, Cause.UNALLOCATED, "unknown_number")
            return
        await self.carry(self.new_call(fact, route, caller), route, self._script(route))

    async def routed(self, offer: LegOffered) -> tuple[str | None, Route | None]:
        """(the caller's number, where the call goes). Raises DomainError UNAVAILABLE."""
        if offer.subscriber_id is not None:
            route = await self._routing.of_phone(offer.subscriber_id, offer.dialled)
            return route.phone_cli_e164 if route else None, route
        caller = None if offer.caller_withheld else self._routing.caller(offer.caller_number)
        return caller, await self._routing.find(offer.dialled, caller, offer.at)

    async def _turn_away(self, fact: LegOffered, cause: int, reason: str) -> None:
        self._refused_unknown(reason)
        try:
            await self._engine.hang_up(fact.leg_id, cause)
        except EngineError as exc:
            log.info("command_came_late", reason=str(exc))

    def _script(self, route: Route) -> Script:
        return record_medium(self._phone_in.take) if route.takes_phone_in else track(route.settings)

    async def carry(self, call: Call, route: Route, script: Script, alive_before: frozenset[str] = frozenset()) -> None:
        """Run one call to its end."""
        ledger = CallLedger(call, self._keep)
        live = LiveCall(ledger, route, engine=self._engine, clock=self._clock, ids=self._ids, alive_before=alive_before)
        registry = _LegRegistry(self._call_of_leg, live)
        ledger.on_new_leg = registry.add
        for leg in call.legs:
            registry.add(leg.engine_leg_id)
        self._keep(call)
        for fact in self._early.pop(live.caller_leg_id, []):
            await live.apply(fact)
        try:
            if route.refused is not None and not call.legs[1:]:
                ended = await live.refuse(route.refused)
            else:
                ended = await live.run(script)
            log.info("call_ended", call_id=ended.id, account_id=ended.account_id, disposition=ended.disposition)
        finally:
            registry.clear()
        if live.recorded is not None:
            await self._phone_in.keep(live.recorded)

    def adopt(self, call: Call, route: Route, script: Script) -> None:
        """Take over a call that an earlier controller left behind."""
        alive = frozenset(leg.engine_leg_id for leg in call.legs if leg.ended_at is None)
        self._start(self.carry(call, route, script, alive), f"adopt-{call.id}")

    def place(self, order: CallOrder, call_id: int) -> None:
        """Make an ordered call."""
        self._start(self._place(order, call_id), f"order-{order.id}")

    async def _place(self, order: CallOrder, call_id: int) -> None:
        route = await self._route_of(order)
        call, now = self.ordered_call(order, call_id, route), self._clock.now()
        if now - order.due_at > ORDER_LATE:
            ledger = CallLedger(call, self._keep)
            ledger.end_undialled(ledger.caller, now, cause=Cause.TEMPORARY_FAILURE, raw="the order was too old")
            ledger.close(now)
            return
        await self.carry(call, route, ordered(order, route.settings))

    async def hang_up(self, account_id: int, leg_id: int) -> bool:
        """End one leg of a live call of this account. False: there is none, or the engine refused."""
        for call in self.live_calls:
            leg = next((leg for leg in call.legs if leg.id == leg_id and leg.ended_at is None), None)
            if leg is not None and call.account_id == account_id:
                try:
                    await self._engine.hang_up(leg.engine_leg_id, Cause.NORMAL_CLEARING)
                except EngineError as exc:
                    log.info("command_came_late", reason=str(exc))
                    return False
                return True
        return False

    def _start(self, work: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(self._shielded(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _shielded(self, work: Any) -> None:
        try:
            await work
        except Exception:
            log.exception("call_failed")

    def next_id(self) -> int:
        return self._ids.next()

    async def _route_of(self, order: CallOrder) -> Route:
        while True:
            try:
                return await self._routing.of_order(order)
            except DomainError as exc:
                log.warning("order_waits", order=order.id, reason=str(exc))
                await asyncio.sleep(1.0)

    def ordered_call(self, order: CallOrder, call_id: int, route: Route) -> Call:
        """The call of an order, nothing dialled yet."""
        now, facts = self._clock.now(), facts_of(order.visitor_e164)
        leg = Leg(
            id=call_id, engine_leg_id=f"rt-{call_id}", role=LegRole.CALLER, position=0, number_e164=order.visitor_e164,
            number_country=facts.country, number_line_type=facts.line_type, started_at=now,
        )  # fmt: skip
        return Call(
            id=call_id, account_id=order.account_id, property_id=order.property_id, node=self._engine.name,
            started_at=now, state=State.OFFERED, stage=Stage.NONE, tracking_number_e164="", did_hash="", app_hash=route.app_hash,
            caller_number_e164=order.visitor_e164, caller_withheld=False, caller_name=None,
            caller_country=facts.country, caller_line_type=facts.line_type, caller_region=facts.region,
            destination_number_e164=order.target_e164, attribution=route.attribution, legs=(leg,),
            trigger=Trigger.API if order.click else Trigger.WEB, button_hash=order.button_hash or None,
            external_id=order.click.cdr_field if order.click else None, billing_increment_s=route.billing_increment_s,
            trace=(TraceEntry(at=now, what="ordered", detail=_ordered_by(order)),),
        )  # fmt: skip

    def new_call(self, fact: LegOffered, route: Route, caller: str | None) -> Call:
        call_id = self._ids.next(int(fact.at.timestamp() * 1000))
        facts = facts_of(caller)
        leg = Leg(
            id=call_id,
            engine_leg_id=fact.leg_id,
            role=LegRole.CALLER,
            position=0,
            number_e164=caller,
            number_country=facts.country,
            number_line_type=facts.line_type,
            started_at=fact.at,
        )
        from_phone = fact.subscriber_id is not None
        dialled = route.settings.targets[0].number_e164 if from_phone else None
        source = {"subscriber": fact.subscriber_id} if from_phone else {"trunk": fact.trunk}
        detail = {"dialled": _readable(fact.dialled), **source}
        return Call(
            id=call_id,
            account_id=route.account_id,
            property_id=route.property_id,
            node=self._engine.name,
            started_at=fact.at,
            state=State.OFFERED,
            stage=Stage.NONE,
            tracking_number_e164=route.tracking_number_e164,
            did_hash=route.did_hash,
            app_hash=route.app_hash,
            caller_number_e164=caller,
            caller_withheld=caller is None or route.phone_withheld,
            caller_name=None if fact.caller_withheld or from_phone else _readable(fact.caller_name),
            caller_country=facts.country,
            caller_line_type=facts.line_type,
            caller_region=facts.region,
            attribution=route.attribution,
            legs=(leg,),
            trigger=Trigger.PHONE if from_phone else Trigger.NORMAL,
            destination_number_e164=dialled,
            destination_country=facts_of(dialled).country,
            destination_line_type=facts_of(dialled).line_type,
            redirected=route.redirected_expired,
            redirected_expired=route.redirected_expired,
            billing_increment_s=route.billing_increment_s,
            trace=(TraceEntry(at=fact.at, what="offered", detail=detail),),
        )


def _ordered_by(order: CallOrder) -> dict[str, str | int]:
    if order.click is None:
        return {"button": order.button_hash}
    return {"click_to_call": order.click.hash, "attempt": order.click.tried(order.position)[1]}


def _readable(name: str | None) -> str | None:
    """A display name as it may be kept: printable, at most 64 characters. Callers choose theirs freely."""
    kept = "".join(character for character in name or "" if character.isprintable()).strip()
    return kept[:64] or None


class _LegRegistry:
    """Which legs belong to one live call, entered into the controller's table and taken out again at the end."""

    def __init__(self, table: dict[str, LiveCall], live: LiveCall) -> None:
        self._table = table
        self._live = live
        self._mine: list[str] = []

    def add(self, leg_id: str) -> None:
        self._table[leg_id] = self._live
        self._mine.append(leg_id)

    def clear(self) -> None:
        for leg_id in self._mine:
            self._table.pop(leg_id, None)
