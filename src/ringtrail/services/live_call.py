"""One live call: the CallControl that its voice app is given.

Facts arrive through `apply` in the engine's order; commands go to the engine from the voice app's coroutine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog

from ringtrail.model.app import CallTrackingSettings, Target, VoicemailSettings
from ringtrail.model.call import Call, Leg, RecordingKind
from ringtrail.model.cause import CAUSE_OF_DISPOSITION, Cause, Disposition, HangupBy
from ringtrail.model.ids import CallIds
from ringtrail.model.lifecycle import Happening, State
from ringtrail.ports.clock import Clock
from ringtrail.ports.engine import Capability, Connect, Engine, EngineError, LegGoneError, OutboundCaller
from ringtrail.services.ledger import CallLedger
from ringtrail.services.numbers import may_dial
from ringtrail.services.routing import Route

log = structlog.get_logger("ringtrail.call")

LEG_END_GRACE_S = 3.0
LEG_NEWS_S = 0.5
VOICEMAIL_SILENCE_S = 5

Script = Callable[["LiveCall"], Awaitable[None]]


class _CallerLeftError(Exception):
    """Unwinds the voice app: nobody is there to hear it."""


class LiveCall:
    """Runs one call to its end."""

    def __init__(
        self,
        ledger: CallLedger,
        route: Route,
        *,
        engine: Engine,
        clock: Clock,
        ids: CallIds,
        alive_before: frozenset[str] = frozenset(),
    ) -> None:
        """alive_before: engine legs that an earlier controller made and that live on."""
        self.ledger = ledger
        self._alive_before = alive_before
        self._route = route
        self._engine = engine
        self._clock = clock
        self._ids = ids
        self._news = asyncio.Condition()
        self._serial = 0
        self._caller_hears_ringing = False
        self._recording = ""  # what `record` makes
        self._log = log.bind(call_id=ledger.call.id, account_id=ledger.call.account_id)

    @property
    def caller_leg_id(self) -> str:
        return self.ledger.caller.engine_leg_id

    @property
    def recorded(self) -> str | None:
        """The recording that `record` made and that is to be kept."""
        return self._recording if self._recording and not self._thrown_away() else None

    def makes(self, recording_id: str) -> bool:
        """Whether a recording is this call's."""
        own = (item.path for item in self.ledger.call.recordings)
        return recording_id == self._recording or recording_id in own

    async def apply(self, fact: Any) -> None:
        self.ledger.apply(fact)
        async with self._news:
            self._news.notify_all()

    # --- CallControl ------------------------------------------------------------------------------------------------

    async def answer(self) -> None:
        if not self.ledger.caller_is_up:
            await self._engine.answer(self.caller_leg_id)
            await self._until(lambda: self.ledger.caller_is_up)

    async def call_caller(self, *, ring_timeout_s: int) -> None:
        caller = self.ledger.caller
        if not may_dial(self._route.outbound_prefixes, caller.number_e164 or ""):
            barred = "outbound dialling is not allowed"
            self.ledger.end_undialled(caller, self._clock.now(), cause=Cause.OUTGOING_BARRED, raw=barred)
            raise _CallerLeftError
        if caller.engine_leg_id not in self._alive_before:
            await self._engine.originate(
                caller.engine_leg_id,
                caller.number_e164 or "",
                caller=OutboundCaller(number_e164=self._route.shown_to_caller_e164),
                ring_timeout_s=ring_timeout_s,
                for_leg_id=None,
            )
        await self._until(lambda: self.ledger.caller_is_up)

    async def play(self, media: int) -> None:
        await self.answer()
        self.ledger.happened(Happening.PROMPT_STARTED, self._clock.now(), media=media)
        await self._play_to(self.caller_leg_id, media)

    async def connect(
        self,
        target: Target,
        *,
        ringtone_media: int,
        whisper_media: int,
        bridge_media: int,
        record: bool,
        max_talk_s: int | None = None,
    ) -> Disposition:
        now = self._clock.now()
        leg = self.ledger.add_target(self._ids.next(), target.number_e164, target.ring_timeout_s, now)
        if not may_dial(self._route.outbound_prefixes, target.number_e164):
            self.ledger.end_undialled(leg, now, cause=Cause.OUTGOING_BARRED, raw="outbound dialling is not allowed")
            return self._lost(leg)
        if self._natively(ringtone_media, whisper_media, bridge_media):
            return await self._connect_natively(leg, target, record)
        tone = await self._start_ringing(ringtone_media)
        await self._dial(leg, target)
        return await self._bring_together(leg, tone, whisper_media, bridge_media, record, max_talk_s)

    async def gather(self, media: int, *, most: int, within_s: float) -> str:
        await self.answer()
        self.ledger.happened(Happening.PROMPT_STARTED, self._clock.now(), media=media)
        keys: list[str] = []
        self.ledger.gathered = keys
        await self._play_to(self.caller_leg_id, media, until=lambda: _entered(keys, most)[0] != "")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._until(lambda: _entered(keys, most)[1]), within_s)
        return _entered(keys, most)[0]

    async def record(self, name: str, *, max_s: int, silence_s: int) -> bool:
        await self.answer()
        self._recording, self.ledger.gathered = name, []
        self.ledger.trace(self._clock.now(), "recording_started")
        try:
            await self._engine.record_message(self.caller_leg_id, name, max_s=max_s, silence_s=silence_s)
        except EngineError:
            self._recording = ""
            raise
        self.ledger.message_left = True
        with suppress(TimeoutError):  # its end is not told if the connection was lost just then
            over = self._until(lambda: name in self.ledger.finished_media or self._thrown_away())
            await asyncio.wait_for(over, max_s + LEG_END_GRACE_S)
        return not self._thrown_away()

    def _thrown_away(self) -> bool:
        return "*" in (self.ledger.gathered or ())

    async def take_message(self, settings: VoicemailSettings) -> None:
        await self.answer()
        self.ledger.happened(Happening.VOICEMAIL_STARTED, self._clock.now())
        await self._play_to(self.caller_leg_id, settings.intro_media)
        if not settings.record:
            return
        recording = self.ledger.add_recording(RecordingKind.VOICEMAIL, self._clock.now(), per_leg=False)
        await self._engine.record_message(
            self.caller_leg_id, recording.path, max_s=settings.max_s, silence_s=VOICEMAIL_SILENCE_S
        )
        self.ledger.message_left = True
        await self._until(lambda: recording.path in self.ledger.finished_media)

    # --- the run ----------------------------------------------------------------------------------------------------

    async def run(self, script: Script) -> Call:
        """Run the voice app until it or the caller ends, hang everybody up, and close the record."""
        app = asyncio.create_task(self._guarded(script), name=f"voice-{self.ledger.call.id}")
        gone = asyncio.create_task(self._news_that(lambda: self.ledger.caller.ended_at is not None))
        try:
            await asyncio.wait({app, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                await self._quietly(self._engine.hang_up(self.caller_leg_id, self.ledger.parting_cause()))
                await asyncio.wait({gone}, timeout=LEG_END_GRACE_S)
            app.cancel()
            await asyncio.gather(app, return_exceptions=True)
            await self._clear_targets()
        finally:
            app.cancel()
            gone.cancel()
        return self.ledger.close(self._clock.now())

    async def refuse(self, disposition: Disposition) -> Call:
        """End a call that goes nowhere: unassigned, expired, blocked."""
        self.ledger.trace(self._clock.now(), "refused", why=disposition)
        await self._quietly(self._engine.hang_up(self.caller_leg_id, CAUSE_OF_DISPOSITION[disposition]))
        await self._legs_end()
        return self.ledger.close(self._clock.now(), refused=disposition)

    async def _guarded(self, script: Script) -> None:
        try:
            await script(self)
        except _CallerLeftError:
            return
        except EngineError as exc:
            self.ledger.broken = self.ledger.caller.ended_at is None
            self.ledger.trace(self._clock.now(), "engine_refused", reason=str(exc))
            self._log.warning("engine_refused", reason=str(exc))

    async def _clear_targets(self) -> None:
        for leg in self.ledger.call.legs[1:]:
            if leg.ended_at is None:
                await self._quietly(self._engine.hang_up(leg.engine_leg_id, Cause.NORMAL_CLEARING))
        await self._legs_end()

    async def _legs_end(self) -> None:
        """Wait for the engine to tell the end of every leg and of what was recorded, but not for ever."""

        def told() -> bool:
            recorded = self.recorded is None or self._recording in self.ledger.finished_media
            return recorded and all(leg.ended_at is not None for leg in self.ledger.call.legs)

        try:
            await asyncio.wait_for(self._news_that(told), LEG_END_GRACE_S)
        except TimeoutError:
            self._log.warning("leg_end_missing")

    # --- taking over ------------------------------------------------------------------------------------------------

    async def go_on(self, settings: CallTrackingSettings, *, max_talk_s: int | None = None) -> bool:
        """Finish what an earlier controller had begun with this caller. False: nobody talked, the app goes on.

        max_talk_s: as for `connect`; of a talk that is under way, what is left of it.
        """
        call = self.ledger.call
        if call.state is State.VOICEMAIL:
            self.ledger.message_left = any(item.kind is RecordingKind.VOICEMAIL for item in call.recordings)
            await asyncio.wait_for(self._until(lambda: False), settings.voicemail.max_s)
            return True
        if call.state is State.BRIDGED:
            await self._talk(call.legs[-1], self._left_to_talk_s(max_talk_s))
            return True
        leg = next((leg for leg in call.legs[1:] if leg.ended_at is None), None)
        if leg is None:
            return False
        media = settings.ringtone_media, settings.whisper_media, settings.bridge_media
        if self._natively(*media):
            return await self._talk(leg) is Disposition.ANSWERED
        outcome = await self._bring_together(
            leg, None, settings.whisper_media, settings.bridge_media, settings.record_calls, max_talk_s
        )
        return outcome is Disposition.ANSWERED

    def _left_to_talk_s(self, max_talk_s: int | None) -> float | None:
        bridged_at = self.ledger.call.bridged_at
        if max_talk_s is None or bridged_at is None:
            return max_talk_s
        return max(0.0, max_talk_s - (self._clock.now() - bridged_at).total_seconds())

    # --- parts of connect -------------------------------------------------------------------------------------------

    async def _connect_natively(self, leg: Leg, target: Target, record: bool) -> Disposition:
        """The engine carries the whole attempt itself; the facts are the same."""
        now = self._clock.now()
        recording = self.ledger.add_recording(RecordingKind.CALL, now, per_leg=True) if record else None
        command = Connect(
            caller_leg_id=self.caller_leg_id,
            target_leg_id=leg.engine_leg_id,
            bridge_id=f"br-{self.ledger.call.id}",
            number_e164=target.number_e164,
            caller=self._outbound_caller(),
            ring_timeout_s=target.ring_timeout_s,
            answer_caller=True,
            recording_id=recording.path if recording else None,
        )
        try:
            await self._engine.connect(command)
            outcome = await self._talk(leg)
        except LegGoneError:
            raise
        except EngineError as exc:
            self.ledger.end_undialled(leg, self._clock.now(), cause=Cause.TEMPORARY_FAILURE, raw=str(exc))
            outcome = self._lost(leg)
        if recording is not None and outcome is not Disposition.ANSWERED:
            self.ledger.drop_recording(recording)
        return outcome

    async def _dial(self, leg: Leg, target: Target) -> None:
        try:
            await self._engine.originate(
                leg.engine_leg_id,
                target.number_e164,
                caller=self._outbound_caller(),
                ring_timeout_s=target.ring_timeout_s,
                for_leg_id=self.caller_leg_id,
            )
        except EngineError as exc:
            self.ledger.end_undialled(leg, self._clock.now(), cause=Cause.TEMPORARY_FAILURE, raw=str(exc))

    async def _bring_together(
        self,
        leg: Leg,
        tone: str | None,
        whisper_media: int,
        bridge_media: int,
        record: bool,
        max_talk_s: int | None = None,
    ) -> Disposition:
        """From a dialled leg to the end of the talk, or of the attempt."""
        if not await self._reach(leg) or not await self._screen(leg, tone, whisper_media, bridge_media):
            await self._stop_ringing(tone)
            return self._lost(leg)
        if record:
            await self._start_recording()
        await self._engine.join(f"br-{self.ledger.call.id}", (self.caller_leg_id, leg.engine_leg_id))
        return await self._talk(leg, max_talk_s)

    async def _reach(self, leg: Leg) -> bool:
        """Wait for a target, passing its ringing on. True: it answered and is there."""
        await self._until(lambda: self._ringing(leg) or self._up(leg) or self._over(leg))
        if self._ringing(leg) and not self.ledger.caller_is_up:
            await self._ring_caller()
        await self._until(lambda: self._up(leg) or self._over(leg))
        return self._up(leg)

    async def _screen(self, leg: Leg, tone: str | None, whisper_media: int, bridge_media: int) -> bool:
        """Whisper to the target, then the bridge prompt to both. False: the target left meanwhile."""
        await self._play_to(leg.engine_leg_id, whisper_media)
        await self._stop_ringing(tone)
        if self._over(leg):
            return False
        await self.answer()
        if bridge_media:
            await asyncio.gather(
                self._play_to(leg.engine_leg_id, bridge_media), self._play_to(self.caller_leg_id, bridge_media)
            )
        return not self._over(leg)

    async def _talk(self, leg: Leg, max_talk_s: float | None = None) -> Disposition:
        try:
            await asyncio.wait_for(self._until(lambda: self._over(leg)), max_talk_s)
        except TimeoutError:
            self.ledger.trace(self._clock.now(), "talk_limit_reached", max_talk_s=max_talk_s)
            return Disposition.ANSWERED
        if self.ledger.target(leg.id).hangup_by is not HangupBy.CALLEE and leg.id not in self.ledger.rung_out:
            await self._told_if_gone(self.caller_leg_id)  # perhaps the target only followed the caller
        return Disposition.ANSWERED if self.ledger.call.state is State.BRIDGED else self._lost(leg)

    def _natively(self, ringtone_media: int, whisper_media: int, bridge_media: int) -> bool:
        """Whether the engine can carry the whole attempt: nothing to hear in between, the caller not answered yet."""
        plain = not (ringtone_media or whisper_media or bridge_media or self.ledger.caller_is_up)
        return plain and Capability.NATIVE_CONNECT in self._engine.capabilities

    def _lost(self, leg: Leg) -> Disposition:
        return self.ledger.target_lost(leg.id, self._clock.now())

    def _outbound_caller(self) -> OutboundCaller:
        call = self.ledger.call
        return OutboundCaller(number_e164=call.caller_number_e164, name=call.caller_name, withheld=call.caller_withheld)

    def _up(self, leg: Leg) -> bool:
        now = self.ledger.target(leg.id)
        return now.answered_at is not None and now.ended_at is None

    def _over(self, leg: Leg) -> bool:
        return self.ledger.target(leg.id).ended_at is not None

    def _ringing(self, leg: Leg) -> bool:
        return self.ledger.target(leg.id).ringing_at is not None

    # --- sounds -----------------------------------------------------------------------------------------------------

    async def _start_ringing(self, ringtone_media: int) -> str | None:
        """The ringtone in a loop (returns its playback id), or the network's ringing to a caller who is connected."""
        path = self._route.media_paths.get(ringtone_media)
        if path is not None:
            await self.answer()
            playback_id = self._next_id("tone")
            await self._engine.play(self.caller_leg_id, playback_id, path, loop=True)
            return playback_id
        if self.ledger.caller_is_up:
            await self._ring_caller()
        return None

    async def _ring_caller(self) -> None:
        if not self._caller_hears_ringing:
            self._caller_hears_ringing = True
            await self._engine.ring(self.caller_leg_id)

    async def _stop_ringing(self, tone: str | None) -> None:
        if tone is not None:
            await self._quietly(self._engine.stop_playing(tone))
        elif self._caller_hears_ringing and self.ledger.caller_is_up:
            self._caller_hears_ringing = False
            await self._quietly(self._engine.stop_ringing(self.caller_leg_id))

    async def _play_to(self, engine_leg_id: str, media: int, until: Callable[[], bool] = lambda: False) -> None:
        """Play to the end, or until the leg is gone, or `until`. A media id without a file is skipped and told."""
        path = self._route.media_paths.get(media)
        if path is None:
            if media:
                self.ledger.trace(self._clock.now(), "media_missing", media=media)
            return
        playback_id, played = self._next_id("play"), self.ledger.finished_media
        try:
            await self._engine.play(engine_leg_id, playback_id, path)
        except LegGoneError:
            played[playback_id] = False
        await self._until(lambda: playback_id in played or self._gone(engine_leg_id) or until())
        if playback_id not in played and until():
            await self._quietly(self._engine.stop_playing(playback_id))
        elif not played.get(playback_id, False):
            await self._told_if_gone(engine_leg_id)

    async def _told_if_gone(self, engine_leg_id: str) -> None:
        """Something broke off, most likely because this leg ended: the fact that says so may be right behind."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._until(lambda: self._gone(engine_leg_id)), LEG_NEWS_S)

    def _gone(self, engine_leg_id: str) -> bool:
        return self.ledger.leg(engine_leg_id).ended_at is not None

    async def _start_recording(self) -> None:
        per_leg = Capability.PER_LEG_RECORDING in self._engine.capabilities
        recording = self.ledger.add_recording(RecordingKind.CALL, self._clock.now(), per_leg=per_leg)
        try:
            await self._engine.start_recording(self.caller_leg_id, recording.path)
        except EngineError as exc:
            self.ledger.drop_recording(recording)
            self.ledger.trace(self._clock.now(), "recording_failed", reason=str(exc))
            self._log.error("recording_failed", reason=str(exc))

    # --- waiting ----------------------------------------------------------------------------------------------------

    async def _until(self, done: Callable[[], bool]) -> None:
        """Wait, in the voice app, for facts until `done`; the app ends here when the caller leaves first."""
        await self._news_that(lambda: done() or self.ledger.caller.ended_at is not None)
        if self.ledger.caller.ended_at is not None:
            raise _CallerLeftError

    async def _news_that(self, done: Callable[[], bool]) -> None:
        async with self._news:
            await self._news.wait_for(done)

    async def _quietly(self, command: Awaitable[None]) -> None:
        """A command whose leg may be gone already."""
        try:
            await command
        except EngineError as exc:
            self._log.info("command_came_late", reason=str(exc))

    def _next_id(self, kind: str) -> str:
        self._serial += 1
        return f"{kind}-{self.ledger.call.id}-{self._serial}"


def _entered(keys: Sequence[str], most: int) -> tuple[str, bool]:
    """What was typed, and whether that is all. A '#' before anything else still belongs to what was typed before."""
    typed, end, _ = "".join(keys).lstrip("#").partition("#")
    return typed[:most], bool(end) or len(typed) >= most
