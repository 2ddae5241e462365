"""The Engine protocol over Asterisk."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ringtrail.engines.asterisk import sound
from ringtrail.engines.asterisk.client import EVENTS, Address, Ami, AmiError, Ari, AriError
from ringtrail.engines.asterisk.configure import USER, AsteriskSettings
from ringtrail.engines.asterisk.flight_recorder import FlightRecorder
from ringtrail.engines.asterisk.translate import INBOUND, OUTBOUND, LegBook, instant
from ringtrail.ports.engine import (
    Capability,
    Connect,
    EndedBy,
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
    PlaybackEnded,
    RecordingEnded,
)

Json = Mapping[str, Any]
log = logging.getLogger(__name__)

_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_CONNECT_TIMEOUT_S = 10.0
_HOUSEKEEPING_S = 300.0
_LOOP_LENGTH = 50  # repetitions that one play command carries
_SNOOP = "snoop"
_NO_ROUTE = 3
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


def own_node(settings: AsteriskSettings) -> AsteriskNode:
    """The Asterisk that `write_configuration` was written for."""
    return AsteriskNode(
        name=settings.node,
        ari=Address(host="127.0.0.1", port=settings.ari_port, user=USER, secret=settings.ari_secret),
        ami=Address(host="127.0.0.1", port=settings.ami_port, user=USER, secret=settings.ami_secret),
        recordings_folder=settings.recordings_folder.resolve(),
        flight_recorder=settings.flight_recorder,
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
        self._lost_at: datetime | None = None
        self._bridges: dict[str, set[str]] = {}
        self._loops: dict[str, str] = {}  # playback id: path
        self._stopped: set[str] = set()  # playback ids
        self._call_recordings: dict[str, str] = {}  # leg id: recording id
        self._messages: set[str] = set()  # recording ids
        self._tasks: set[asyncio.Task[None]] = set()

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
                await asyncio.sleep(_BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)])
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
        self._held_events = []
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
        info = await self._ari.request("GET", "/asterisk/info", {"only": "status"})
        allowed = {"allowed": [{"type": name} for name in EVENTS]}
        await self._ari.request("PUT", f"/applications/{self._node.app}/eventFilter", body=allowed)
        started = info["status"]["startup_time"]
        restarted = self._started is not None and started != self._started
        self._started = started
        if restarted:
            self._forget_everything()
        self._tell(EngineReady(at=datetime.now(UTC), restarted=restarted))
        await self._catch_up()
        held, self._held_events = self._held_events or [], None
        for event in held:
            self._on_event(event)

    def _forget_everything(self) -> None:
        self._book.legs.clear()
        self._bridges.clear()
        self._loops.clear()
        self._stopped.clear()
        self._messages.clear()
        for leg_id in list(self._call_recordings):
            self._leg_is_gone(leg_id)

    async def _catch_up(self) -> None:
        """Tell what happened to our legs while we were not connected."""
        known = dict(self._book.legs)
        snapshots = {snapshot.leg_id: snapshot for snapshot in await self._snapshots()}
        gone = [leg_id for leg_id in known if leg_id not in snapshots]
        told = await self._histories(gone)
        now = datetime.now(UTC)
        for leg_id in known:
            history = told.get(leg_id)
            if leg_id in snapshots:
                if snapshots[leg_id].up and not known[leg_id].inbound and not known[leg_id].answer_told:
                    known[leg_id].answer_told = True
                    at = history.answered_at if history else None
                    self._tell(LegAnswered(at=at or now, leg_id=leg_id))
            else:
                self._book.forget(leg_id)
                self._tell(_end_while_away(leg_id, history, now))

    async def _histories(self, leg_ids: list[str]) -> dict[str, LegHistory]:
        if not leg_ids or self._lost_at is None:
            return {}
        histories = await self.ended_while_away(self._lost_at - timedelta(seconds=60))
        return {history.leg_id: history for history in histories}

    async def _keep_house(self) -> None:
        while True:
            if self._recorder is not None:
                with suppress(OSError):
                    await asyncio.to_thread(self._recorder.rotate)
            await asyncio.sleep(_HOUSEKEEPING_S)

    # -- events -----------------------------------------------------------------------------------------------------

    def _on_event(self, event: Json) -> None:
        if self._held_events is not None:
            self._held_events.append(event)
            return
        try:
            self._translate(event)
        except (KeyError, ValueError, TypeError):
            log.exception("%s: event not understood: %s", self.name, event)

    def _translate(self, event: Json) -> None:
        match event["type"]:
            case "RecordingFinished" | "RecordingFailed":
                self._recording_finished(event)
            case "StasisStart" if event.get("args", [None])[0] == _SNOOP:
                self._spawn(self._record_snoop(event["channel"]["id"], event["args"][1]))
        for fact in self._book.facts(event):
            self._tell(fact)

    def _tell(self, fact: Fact) -> None:
        match fact:
            case PlaybackEnded():
                self._playback_ended(fact)
                return
            case LegsJoined():
                self._bridges.setdefault(fact.bridge_id, set()).update(fact.leg_ids)
        self._facts.put_nowait(fact)
        if isinstance(fact, LegEnded):
            self._leg_is_gone(fact.leg_id)

    def _leg_is_gone(self, leg_id: str) -> None:
        for bridge_id, members in list(self._bridges.items()):
            members.discard(leg_id)
            if not members:
                del self._bridges[bridge_id]
                self._spawn(self._quietly("DELETE", f"/bridges/{bridge_id}"))
        recording_id = self._call_recordings.pop(leg_id, None)
        if recording_id is not None and self._ami is not None:
            self._spawn(self._call_recording_ended(recording_id))

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
        _check("leg id", leg_id, r"[A-Za-z0-9._-]{1,64}")
        _check("number", number_e164, r"\+?[0-9]{1,32}")
        body = {
            "endpoint": self._node.dial.format(number=number_e164),
            "app": self._node.app,
            "appArgs": OUTBOUND,
            "channelId": leg_id,
            "timeout": ring_timeout_s,
            **_presented(caller),
        }
        body |= {"originator": for_leg_id} if for_leg_id else {"formats": _FORMATS}
        if not self._book.originating(leg_id, ring_timeout_s):
            raise EngineError(f"leg {leg_id} was originated before")
        try:
            await self._request("POST", "/channels", body=body)
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
        end = LegEnded(at=at, leg_id=leg_id, ended_by=EndedBy.ENGINE, cause=_NO_ROUTE, sip_status=None, raw=str(exc))
        self._tell(end)

    async def connect(self, command: Connect) -> None:
        raise EngineError("this engine has no NATIVE_CONNECT")

    # -- sound ------------------------------------------------------------------------------------------------------

    async def play(self, leg_id: str, playback_id: str, path: str, *, loop: bool = False) -> None:
        _check("playback id", playback_id, r"[A-Za-z0-9._-]{1,64}")
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
        _check("bridge id", bridge_id, r"[A-Za-z0-9._-]{1,64}")
        for leg_id in leg_ids:
            if leg_id not in self._book.legs:
                raise LegGoneError(f"leg {leg_id} is gone")
        if bridge_id not in self._bridges:
            self._bridges[bridge_id] = set(leg_ids)
            await self._command("POST", f"/bridges/{bridge_id}", {"type": "mixing,dtmf_events"})
        self._bridges[bridge_id].update(leg_ids)
        await self._command("POST", f"/bridges/{bridge_id}/addChannel", {"channel": ",".join(leg_ids)})

    async def start_recording(self, leg_id: str, recording_id: str) -> None:
        _check("recording id", recording_id, r"[A-Za-z0-9._-]{1,100}")
        leg = self._book.legs.get(leg_id)
        if leg is None:
            raise LegGoneError(f"leg {leg_id} is gone")
        if recording_id in self._call_recordings.values():
            raise EngineError(f"recording {recording_id} was started before")
        self._call_recordings[leg_id] = recording_id
        if self._ami is None:
            arguments = {"spy": "both", "app": self._node.app, "appArgs": f"{_SNOOP},{recording_id}"}
            await self._on_leg("POST", leg_id, f"/snoop/{_SNOOP}-{recording_id}", arguments)
            return
        mixed, caller, target = (str(path) for path in sound.files(self._node.recordings_folder, recording_id))
        try:
            await self._ami.mix_monitor(leg.channel_name, mixed, caller, target)
        except AmiError as exc:
            self._call_recordings.pop(leg_id, None)
            raise EngineError(str(exc)) from exc

    async def _record_snoop(self, channel_id: str, recording_id: str) -> None:
        self._messages.add(recording_id)
        query = {"name": recording_id, "format": "wav", "ifExists": "fail"}
        await self._quietly("POST", f"/channels/{channel_id}/record", query)

    async def _call_recording_ended(self, recording_id: str) -> None:
        """MixMonitor closes its files a moment after the leg's end."""
        path = sound.files(self._node.recordings_folder, recording_id)[0]
        duration_ms = await sound.wait_until_closed(path)
        self._tell(
            RecordingEnded(
                at=datetime.now(UTC), recording_id=recording_id, duration_ms=duration_ms, ok=duration_ms is not None
            )
        )

    async def record_message(self, leg_id: str, recording_id: str, *, max_s: int, silence_s: int) -> None:
        _check("recording id", recording_id, r"[A-Za-z0-9._-]{1,100}")
        query = {
            "name": recording_id, "format": "wav", "beep": "true", "terminateOn": "#", "ifExists": "fail",
            "maxDurationSeconds": max_s, "maxSilenceSeconds": silence_s,
        }  # fmt: skip
        self._messages.add(recording_id)
        try:
            await self._on_leg("POST", leg_id, "/record", query)
        except EngineError:
            self._messages.discard(recording_id)
            raise

    def _recording_finished(self, event: Json) -> None:
        recording = event["recording"]
        if recording["name"] in self._messages:
            self._messages.discard(recording["name"])
            ok = event["type"] == "RecordingFinished"
            self._spawn(self._message_ended(recording["name"], instant(event["timestamp"]), ok))

    async def _message_ended(self, recording_id: str, at: datetime, ok: bool) -> None:
        path = sound.files(self._node.recordings_folder, recording_id)[0]
        if ok and not self._node.shared_disk:
            ok = await self._download(recording_id, path)
        duration_ms = sound.duration_ms(path) if ok else None
        self._tell(RecordingEnded(at=at, recording_id=recording_id, duration_ms=duration_ms, ok=ok))

    async def _download(self, recording_id: str, path: Path) -> bool:
        try:
            data = await self._ari.download(f"/recordings/stored/{recording_id}/file")
        except AriError as exc:
            log.warning("%s: recording %s: %s", self.name, recording_id, exc)
            return False
        await asyncio.to_thread(path.write_bytes, data)
        return True

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
        legs = [snapshot for channel in channels if (snapshot := self._book.adopt(channel))]
        bridge_of = {leg_id: bridge["id"] for bridge in bridges for leg_id in bridge["channels"]}
        for leg in legs:
            if leg.leg_id in bridge_of:
                self._bridges.setdefault(bridge_of[leg.leg_id], set()).add(leg.leg_id)
        return [replace(leg, bridge_id=bridge_of.get(leg.leg_id)) for leg in legs]

    async def ended_while_away(self, since: datetime) -> list[LegHistory]:
        if self._recorder is None:
            return []
        return await asyncio.to_thread(self._recorder.since, since)

    # -- requests ---------------------------------------------------------------------------------------------------

    async def _on_leg(self, method: str, leg_id: str, what: str, query: Json | None = None) -> None:
        if leg_id not in self._book.legs:
            raise LegGoneError(f"leg {leg_id} is gone")
        await self._command(method, f"/channels/{leg_id}{what}", query)

    async def _command(self, method: str, path: str, query: Json | None = None) -> None:
        try:
            await self._request(method, path, query)
        except AriError as exc:
            raise (LegGoneError if exc.status == 404 else EngineError)(f"{method} {path}: {exc}") from exc

    async def _request(self, method: str, path: str, query: Json | None = None, body: Json | None = None) -> Any:
        return await self._ari.request(method, path, query, body)

    async def _quietly(self, method: str, path: str, query: Json | None = None) -> None:
        try:
            await self._request(method, path, query)
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
    return frozenset(able)


def _presented(caller: OutboundCaller) -> dict[str, Any]:
    """The part of an origination that says who calls. Name and number go to From and P-Asserted-Identity."""
    number = caller.number_e164 or ""
    if number:
        _check("caller number", number, r"\+?[0-9]{1,32}")
    name = re.sub(r"[^\w .,'&()+-]", "", caller.name or "")[:64]
    withheld = caller.withheld or not number
    return {
        "callerId": f'"{name}" <{number}>' if name else number,
        # Asterisk takes what it sends in From from the connected line of the new channel.
        "variables": {"CONNECTEDLINE(pres,i)": "prohib"} if withheld else {},
    }


def _end_while_away(leg_id: str, history: LegHistory | None, now: datetime) -> LegEnded:
    if history is None or history.ended_at is None:
        return LegEnded(
            at=now, leg_id=leg_id, ended_by=EndedBy.ENGINE, cause=None, sip_status=None, raw="ended while not connected"
        )
    return LegEnded(
        at=history.ended_at,
        leg_id=leg_id,
        ended_by=history.ended_by or EndedBy.ENGINE,
        cause=history.cause,
        sip_status=None,
        raw="from the flight recorder",
    )


def _check(what: str, value: str, pattern: str) -> None:
    if not re.fullmatch(pattern, value):
        raise EngineError(f"{what} {value!r} cannot be used")


__all__ = ["INBOUND", "AsteriskEngine", "AsteriskNode", "own_node"]
