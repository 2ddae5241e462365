"""The Engine protocol over Asterisk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ringtrail.engines.asterisk.catch_up import missed_facts
from ringtrail.engines.asterisk.client import EVENTS, Address, Ami, AmiError, Ari, AriError
from ringtrail.engines.asterisk.configure import USER, AsteriskSettings
from ringtrail.engines.asterisk.flight_recorder import FlightRecorder
from ringtrail.engines.asterisk.recording import Recordings
from ringtrail.engines.asterisk.registrar import Registrar
from ringtrail.engines.asterisk.translate import OUTBOUND, LegBook, never_dialled
from ringtrail.engines.asterisk.wording import ID, NUMBER, caller_id, check, presentation
from ringtrail.ports.engine import (
    Capability,
    Connect,
    EngineError,
    EngineLost,
    EngineReady,
    Fact,
    LegAnswered,
    LegEnded,
    LegGoneError,
    LegHistory,
    LegsJoined,
    LegSnapshot,
    OutboundCaller,
    Phone,
    PlaybackEnded,
)

Json = Mapping[str, Any]
log = logging.getLogger(__name__)

_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_TAKEN_OVER_S = 30.0  # two controllers must not take one Asterisk from each other all the time
_CONNECT_TIMEOUT_S = 10.0
_HOUSEKEEPING_S = 300.0
_EVERYTHING = "channel:,bridge:"
"""All channels and bridges: a caller's end comes after it has left our application. Not endpoints and devices, whose events
grow with the number of calls on the trunk."""

_OVERLAP = timedelta(seconds=60)  # a connection may be dead for a while before we notice
_LOOP_LENGTH = 50  # repetitions that one play command carries
_FORMATS = "alaw,ulaw,g722,opus"  # offered, in this order, when there is no caller to follow
_ON_THE_WIRE = {41: 34, 42: 34, 47: 34, 58: 34, 52: 21, 55: 21, 57: 21}
"""Causes that Asterisk would refuse a caller with as 603, by those that give RFC 3398's status (503, 403)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskNode:
    """Where one Asterisk is and what it offers beyond ARI."""

    name: str
    ari: Address
    ami: Address | None  # None: recordings are mixed only
    recordings_folder: Path
    flight_recorder: Path | None = None
    dial: str = "PJSIP/{number}@trunk"
    app: str = USER
    shared_disk: bool = True  # Asterisk sees our folders under the same paths
    own_dialplan: bool = False  # it has the contexts of conf/extensions.conf
    realm: str = ""  # phones' passwords are for it; empty: it is not ours to say who may register


def own_node(settings: AsteriskSettings) -> AsteriskNode:
    """The Asterisk that `write_configuration` was written for."""
    return AsteriskNode(
        name=settings.node,
        ari=Address(host="127.0.0.1", port=settings.ari_port, user=USER, secret=settings.ari_secret),
        ami=Address(host="127.0.0.1", port=settings.ami_port, user=USER, secret=settings.ami_secret),
        recordings_folder=settings.recordings_folder.resolve(),
        flight_recorder=settings.flight_recorder,
        own_dialplan=True,
        realm=settings.realm,
    )


class AsteriskEngine:
    """One Asterisk. `run` must be running for anything else to work."""

    def __init__(self, node: AsteriskNode) -> None:
        self.name = node.name
        self.capabilities = _capabilities(node)
        self._node = node
        self._ari = Ari(node.ari, node.app)
        self._ami = Ami(node.ami) if node.ami else None
        self._recorder = FlightRecorder(node.flight_recorder) if node.flight_recorder else None
        self._book = LegBook(node.app)
        self._facts: asyncio.Queue[Fact] = asyncio.Queue()
        self._held_events: list[Json] | None = None  # while we catch up
        self._started: str | None = None  # Asterisk's startup time, its own words
        self._replaced = False
        self._lost_at: datetime | None = None
        self._bridges: dict[str, set[str]] = {}
        self._loops: dict[str, str] = {}  # playback id: path
        self._stopped: set[str] = set()  # playback ids
        self._recorded_when_answered: dict[str, str] = {}  # target's leg id: recording id
        self._tasks: set[asyncio.Task[None]] = set()
        self._registrar = Registrar(self._ari, node.app, node.realm)
        self._recordings = Recordings(
            self._ari,
            self._ami,
            node.recordings_folder,
            app=node.app,
            shared_disk=node.shared_disk,
            tell=self._facts.put_nowait,
            spawn=self._spawn,
        )

    # -- connection -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        tries = 0
        housekeeping = asyncio.create_task(self._keep_house())
        try:
            while True:
                try:
                    await self._one_connection()
                    tries = 0
                except (AriError, TimeoutError) as exc:
                    log.warning("%s: %s", self.name, exc)
                await asyncio.sleep(_TAKEN_OVER_S if self._replaced else _BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)])
                tries += 1
        finally:
            housekeeping.cancel()
            for task in self._tasks:
                task.cancel()
            if self._ami:
                await self._ami.close()

    async def facts(self) -> AsyncIterator[Fact]:
        while True:
            yield await self._facts.get()

    async def _one_connection(self) -> None:
        """Returns when a connection that was good is lost. Raises AriError when there was none."""
        self._held_events, self._replaced = [], False
        async with self._ari.connection(self._on_event) as reading:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await self._become_ready()
            try:
                await asyncio.wait([reading])
            finally:
                self._held_events = []
        self._lost_at = datetime.now(UTC)
        self._tell(EngineLost(at=self._lost_at))

    async def _become_ready(self) -> None:
        """Ask first, then tell: a connection that breaks meanwhile was never there."""
        info = await self._ari.request("GET", "/asterisk/info", {"only": "status"})
        await self._ari.request("POST", f"/applications/{self._node.app}/subscription", {"eventSource": _EVERYTHING})
        allowed = {"allowed": [{"type": name} for name in EVENTS]}
        await self._ari.request("PUT", f"/applications/{self._node.app}/eventFilter", body=allowed)
        known = dict(self._book.legs)
        live = {snapshot.leg_id: snapshot for snapshot in await self._snapshots()}
        missed = list(missed_facts(known, live, await self._histories(known), datetime.now(UTC)))
        started = info["status"]["startup_time"]
        restarted = self._started is not None and started != self._started
        self._started = started
        self._tell(EngineReady(at=datetime.now(UTC), restarted=restarted))
        if restarted:
            self._forget(known)
        else:
            self._tell_missed(missed)
        held, self._held_events = self._held_events or [], None
        for event in held:
            self._on_event(event)
        self._spawn(self._registrar.connected_anew())

    def _tell_missed(self, missed: list[Fact]) -> None:
        for fact in missed:
            match fact:
                case LegEnded():
                    self._book.forget(fact.leg_id)
                case LegAnswered():
                    self._book.answered(fact.leg_id, fact.at)
            self._tell(fact)

    def _forget(self, known: Iterable[str]) -> None:
        """Asterisk restarted: the legs from before are gone."""
        for leg_id in known:
            self._book.forget(leg_id)
        self._bridges.clear()
        self._loops.clear()
        self._stopped.clear()
        self._recordings.all_are_gone()

    async def _histories(self, known: Mapping[str, object]) -> dict[str, LegHistory]:
        if not known or self._lost_at is None:
            return {}
        histories = await self.ended_while_away(self._lost_at - _OVERLAP)
        return {history.leg_id: history for history in histories}

    async def _keep_house(self) -> None:
        while True:
            if self._recorder is not None:
                with suppress(OSError):
                    await asyncio.to_thread(self._recorder.rotate)
            await asyncio.sleep(_HOUSEKEEPING_S)

    # -- events -----------------------------------------------------------------------------------------------------

    def _on_event(self, event: Json) -> None:
        if event["type"] == "ApplicationReplaced":
            log.error("%s: another controller has taken over this Asterisk", self.name)
            self._replaced = True
            self._spawn(self._ari.close())  # Asterisk leaves the connection open and silent
        if self._held_events is not None:
            self._held_events.append(event)
            return
        try:
            self._translate(event)
        except (KeyError, ValueError, TypeError):
            log.exception("%s: event not understood: %s", self.name, event)

    def _translate(self, event: Json) -> None:
        self._recordings.on_event(event)
        for fact in self._book.facts(event):
            self._tell(fact)

    def _tell(self, fact: Fact) -> None:
        match fact:
            case PlaybackEnded():
                self._playback_ended(fact)
                return
            case LegAnswered() if recording_id := self._recorded_when_answered.get(fact.leg_id):
                self._recordings.started_by_dialplan(fact.leg_id, recording_id)
            case LegsJoined() if fact.bridge_id in self._bridges:  # others are made and removed by Dial() itself
                self._bridges[fact.bridge_id].update(fact.leg_ids)
        self._facts.put_nowait(fact)
        if isinstance(fact, LegEnded):
            self._leg_is_gone(fact.leg_id)

    def _leg_is_gone(self, leg_id: str) -> None:
        for bridge_id, members in list(self._bridges.items()):
            members.discard(leg_id)
            if not members:
                del self._bridges[bridge_id]
                self._spawn(self._quietly("DELETE", f"/bridges/{bridge_id}"))
        self._recorded_when_answered.pop(leg_id, None)
        self._recordings.leg_is_gone(leg_id)

    def _playback_ended(self, fact: PlaybackEnded) -> None:
        """A loop that came to its end goes on; everything else is told under the caller's own id."""
        playback_id = fact.playback_id.partition("~")[0]
        path = self._loops.get(playback_id)
        if path is not None and fact.completed and playback_id not in self._stopped:
            turn = int(fact.playback_id.partition("~")[2] or 1) + 1
            self._spawn(self._play_on(fact, f"{playback_id}~{turn}", path))
            return
        self._loops.pop(playback_id, None)
        completed = fact.completed and playback_id not in self._stopped
        self._stopped.discard(playback_id)
        self._facts.put_nowait(replace(fact, playback_id=playback_id, completed=completed))

    async def _play_on(self, fact: PlaybackEnded, playback_id: str, path: str) -> None:
        try:
            await self._play(fact.leg_id, playback_id, path, _LOOP_LENGTH)
        except EngineError:
            self._playback_ended(replace(fact, completed=False))

    # -- commands on legs -------------------------------------------------------------------------------------------

    async def ring(self, leg_id: str) -> None:
        await self._on_leg("POST", leg_id, "/ring")

    async def stop_ringing(self, leg_id: str) -> None:
        await self._on_leg("DELETE", leg_id, "/ring")

    async def answer(self, leg_id: str) -> None:
        await self._on_leg("POST", leg_id, "/answer")

    async def hang_up(self, leg_id: str, cause: int) -> None:
        self._book.hanging_up(leg_id, cause)
        with suppress(LegGoneError):
            await self._on_leg("DELETE", leg_id, "", {"reason_code": self._wire_cause(leg_id, cause)})

    def _wire_cause(self, leg_id: str, cause: int) -> int:
        leg = self._book.legs.get(leg_id)
        unanswered = leg is not None and leg.inbound and leg.up_at is None
        return _ON_THE_WIRE.get(cause, cause) if unanswered else cause

    async def originate(
        self, leg_id: str, number_e164: str, *, caller: OutboundCaller, ring_timeout_s: int, for_leg_id: str | None
    ) -> None:
        check("leg id", leg_id, ID)
        check("number", number_e164, NUMBER)
        body = {
            "endpoint": self._node.dial.format(number=number_e164),
            "app": self._node.app,
            "appArgs": OUTBOUND,
            "channelId": leg_id,
            "timeout": ring_timeout_s,
            "callerId": caller_id(caller),
            "variables": {"CHANNEL(accountcode)": f"{self._node.app}/{leg_id}", **presentation(caller)},
        }
        body |= {"originator": for_leg_id} if for_leg_id else {"formats": _FORMATS}
        if not self._book.originating(leg_id, ring_timeout_s):
            raise EngineError(f"leg {leg_id} was originated before")
        try:
            await self._ari.request("POST", "/channels", body=body)
        except AriError as exc:
            self._not_originated(leg_id, exc)

    def _not_originated(self, leg_id: str, exc: AriError) -> None:
        """Asterisk made no channel: the leg ended as it began. Without an answer we do not know, so the events must tell."""
        if exc.status == 409:
            self._book.forget(leg_id)
            raise EngineError(f"leg {leg_id}: {exc}") from exc
        if exc.status == 0:
            raise EngineError(str(exc)) from exc
        self._book.forget(leg_id)
        at = datetime.now(UTC)
        self._tell(never_dialled(leg_id, at, str(exc)))

    async def connect(self, command: Connect) -> None:
        if Capability.NATIVE_CONNECT not in self.capabilities:
            raise EngineError("this engine has no NATIVE_CONNECT")
        for leg_id in (command.target_leg_id, command.bridge_id, command.recording_id or "none"):
            check("id", leg_id, ID)
        plan = self._connect_plan(command)
        caller = self._book.legs.get(command.caller_leg_id)
        if caller is None:
            raise LegGoneError(f"leg {command.caller_leg_id} is gone")
        if not self._book.connecting(command):
            raise EngineError(f"leg {command.target_leg_id} was dialled before")
        variable = {"variable": "RINGTRAIL_CONNECT", "value": f"{command.target_leg_id}|{plan}"}
        there = {"context": "connect", "extension": caller.dialled, "priority": 1}
        try:
            await self._ari.send("POST", f"/channels/{caller.channel_id}/variable", variable)
            await self._command("POST", f"/channels/{caller.channel_id}/continue", there)
        except EngineError:
            self._book.not_connecting(command)
            raise
        if command.recording_id:
            self._recorded_when_answered[command.target_leg_id] = command.recording_id

    def _connect_plan(self, command: Connect) -> str:
        """Arguments of Dial(): g goes on when the target is lost, f and u say who calls, U records."""
        check("number", command.number_e164, NUMBER)
        options = f"gf({caller_id(command.caller) or 'anonymous'})"
        if presentation(command.caller):
            options += "u(prohib)"
        if command.recording_id:
            options += f"U(record^{self._node.recordings_folder / command.recording_id})"
        return f"{self._node.dial.format(number=command.number_e164)},{command.ring_timeout_s},{options}"

    # -- sound ------------------------------------------------------------------------------------------------------

    async def play(self, leg_id: str, playback_id: str, path: str, *, loop: bool = False) -> None:
        check("playback id", playback_id, ID)
        if loop:
            self._loops[playback_id] = path
        try:
            await self._play(leg_id, playback_id, path, _LOOP_LENGTH if loop else 1)
        except EngineError:
            self._loops.pop(playback_id, None)
            raise

    async def _play(self, leg_id: str, playback_id: str, path: str, times: int) -> None:
        if "," in path:
            raise EngineError(f"the sound file's path {path!r} has a comma")
        media = ",".join([f"sound:{path}"] * times)
        await self._on_leg("POST", leg_id, f"/play/{playback_id}", {"media": media})

    async def stop_playing(self, playback_id: str) -> None:
        self._stopped.add(playback_id)
        with suppress(LegGoneError):
            await self._command("DELETE", f"/playbacks/{playback_id}")

    async def join(self, bridge_id: str, leg_ids: tuple[str, ...]) -> None:
        check("bridge id", bridge_id, ID)
        for leg_id in leg_ids:
            if leg_id not in self._book.legs:
                raise LegGoneError(f"leg {leg_id} is gone")
        if bridge_id not in self._bridges:
            self._bridges[bridge_id] = set(leg_ids)
            await self._command("POST", f"/bridges/{bridge_id}", {"type": "mixing,dtmf_events"})
        self._bridges[bridge_id].update(leg_ids)
        await self._command("POST", f"/bridges/{bridge_id}/addChannel", {"channel": ",".join(leg_ids)})

    async def start_recording(self, leg_id: str, recording_id: str) -> None:
        leg = self._book.legs.get(leg_id)
        if leg is None:
            raise LegGoneError(f"leg {leg_id} is gone")
        self._check_recording(recording_id)
        await _raising(self._recordings.start_call(leg_id, leg.channel_name, recording_id))

    async def record_message(self, leg_id: str, recording_id: str, *, max_s: int, silence_s: int) -> None:
        if leg_id not in self._book.legs:
            raise LegGoneError(f"leg {leg_id} is gone")
        self._check_recording(recording_id)
        await _raising(self._recordings.start_message(leg_id, recording_id, max_s=max_s, silence_s=silence_s))

    def _check_recording(self, recording_id: str) -> None:
        check("recording id", recording_id, r"[A-Za-z0-9._-]{1,100}")
        if not self._recordings.is_new(recording_id):
            raise EngineError(f"recording {recording_id} was started before")

    # -- phones -----------------------------------------------------------------------------------------------------

    async def set_phones(self, phones: Sequence[Phone]) -> None:
        if Capability.REGISTRAR not in self.capabilities:
            raise EngineError(f"{self.name}: it is not ours to say who may register with this Asterisk")
        await _raising(self._registrar.set(phones))

    # -- what is there ----------------------------------------------------------------------------------------------

    async def live_legs(self) -> list[LegSnapshot]:
        try:
            return await self._snapshots()
        except AriError as exc:
            raise EngineError(str(exc)) from exc

    async def _snapshots(self) -> list[LegSnapshot]:
        channels, bridges = await asyncio.gather(
            self._ari.request("GET", "/channels"), self._ari.request("GET", "/bridges")
        )
        bridge_of = {channel_id: bridge["id"] for bridge in bridges for channel_id in bridge["channels"]}
        legs = [
            replace(snapshot, bridge_id=bridge_of.get(channel["id"]))
            for channel in channels
            if (snapshot := self._book.adopt(channel))
        ]
        for leg in legs:
            if leg.bridge_id is not None:
                self._bridges.setdefault(leg.bridge_id, set()).add(leg.leg_id)
        return legs

    async def ended_while_away(self, since: datetime) -> list[LegHistory]:
        if self._recorder is None:
            return []
        return await asyncio.to_thread(self._recorder.since, since)

    # -- requests ---------------------------------------------------------------------------------------------------

    async def _on_leg(self, method: str, leg_id: str, what: str, query: Json | None = None) -> None:
        leg = self._book.legs.get(leg_id)
        if leg is None:
            raise LegGoneError(f"leg {leg_id} is gone")
        await self._command(method, f"/channels/{leg.channel_id or leg_id}{what}", query)

    async def _command(self, method: str, path: str, query: Json | None = None) -> None:
        await _raising(self._ari.request(method, path, query))

    async def _quietly(self, method: str, path: str, query: Json | None = None) -> None:
        try:
            await self._ari.request(method, path, query)
        except AriError as exc:
            log.info("%s: %s %s: %s", self.name, method, path, exc)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _capabilities(node: AsteriskNode) -> frozenset[Capability]:
    able = {Capability.SURVIVES_CONTROLLER, Capability.REAL_AUDIO}
    if node.ami is not None:
        able.add(Capability.PER_LEG_RECORDING)
    if node.flight_recorder is not None:
        able.add(Capability.FLIGHT_RECORDER)
    if node.own_dialplan:
        able.add(Capability.NATIVE_CONNECT)
    if node.realm:
        able.add(Capability.REGISTRAR)
    return frozenset(able)


async def _raising(work: Awaitable[object]) -> None:
    """Asterisk's refusals as the port's errors."""
    try:
        await work
    except AriError as exc:
        raise (LegGoneError if exc.status == 404 else EngineError)(str(exc)) from exc
    except AmiError as exc:
        raise EngineError(str(exc)) from exc
