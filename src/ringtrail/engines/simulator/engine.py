"""The simulated engine: far ends that behave as a table says, sounds that last as long as they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringtrail.model.cause import Cause, cause_of_sip
from ringtrail.ports.clock import Clock
from ringtrail.ports.engine import (
    Capability,
    Connect,
    DigitsPressed,
    EndedBy,
    EngineError,
    EngineReady,
    Fact,
    LegAnswered,
    LegEnded,
    LegGoneError,
    LegHistory,
    LegOffered,
    LegRinging,
    LegsJoined,
    LegSnapshot,
    OutboundCaller,
    Phone,
    PlaybackEnded,
    RecordingEnded,
)

DEFAULT_SOUND_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """How a called number behaves; seconds from the INVITE. It never answers by itself unless told to."""

    rings_after_s: float | None = 0.2
    answers_after_s: float | None = None
    hangs_up_after_answer_s: float | None = None
    status: int | None = None  # final error status ...
    status_after_s: float = 1.0  # ... sent after this
    bye_cause: int = Cause.NORMAL_CLEARING  # in the Reason header of its BYE


@dataclass(slots=True)
class _Leg:
    leg_id: str
    inbound: bool
    started_at: datetime
    dialled: str | None
    up: bool = False
    bridge_id: str | None = None
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    playing: dict[str, asyncio.TimerHandle | None] = field(default_factory=dict)
    recording: str | None = None
    recording_since: datetime | None = None
    speaks_s: float | None = None  # before it falls silent, once it is recorded; None: on and on


class SimulatedCaller:
    """The far end of an inbound leg."""

    def __init__(self, engine: SimulatorEngine, leg_id: str) -> None:
        self._engine = engine
        self.leg_id = leg_id

    def hang_up(self, cause: int = Cause.NORMAL_CLEARING) -> None:
        """BYE if answered, CANCEL if not; nothing if the leg is over."""
        if self._engine.has_leg(self.leg_id):
            up = self._engine.is_up(self.leg_id)
            self._engine.end(self.leg_id, EndedBy.FAR_END, cause=cause, sip_status=None if up else 487)


class SimulatorEngine:
    """See ports.engine.Engine. sounds: {path: seconds}; a path that is not in it lasts DEFAULT_SOUND_S."""

    capabilities = frozenset({Capability.PER_LEG_RECORDING, Capability.REGISTRAR})

    def __init__(
        self,
        clock: Clock,
        *,
        name: str = "simulator",
        far_ends: Mapping[str, FarEnd] | None = None,
        sounds: Mapping[str, float] | None = None,
    ) -> None:
        self.name = name
        self._clock = clock
        self.far_ends = dict(far_ends or {})
        self._sounds = dict(sounds or {})
        self._queue: asyncio.Queue[Fact] = asyncio.Queue()
        self._legs: dict[str, _Leg] = {}
        self._seen: set[str] = set()
        self._serial = 0
        self.phones: dict[str, Phone] = {}  # by username

    # --- the far side -----------------------------------------------------------------------------------------------

    def call(
        self,
        dialled: str,
        *,
        caller: str | None = "+33612345678",
        name: str | None = None,
        withheld: bool = False,
        speaks_s: float | None = None,
        subscriber_id: int | None = None,
    ) -> SimulatedCaller:
        """A caller's INVITE arrives now. speaks_s: of a recording, before it falls silent; None: to its end."""
        self._serial += 1
        leg = _Leg(leg_id=f"sim-{self._serial}", inbound=True, started_at=self._clock.now(), dialled=dialled)
        leg.speaks_s = speaks_s
        self._legs[leg.leg_id] = leg
        self._emit(
            LegOffered(
                at=leg.started_at,
                leg_id=leg.leg_id,
                dialled=dialled,
                caller_number=caller,
                caller_name=name,
                caller_withheld=withheld or caller is None,
                trunk="simulated",
                subscriber_id=subscriber_id,
            )
        )
        return SimulatedCaller(self, leg.leg_id)

    def dial(self, username: str, password: str, dialled: str) -> SimulatedCaller | None:
        """A subscriber's phone dials now. None: it is not let in."""
        phone = self.phones.get(username)
        if phone is None or phone.password != password:
            return None
        return self.call(dialled, caller=None, subscriber_id=phone.subscriber_id)

    def press(self, leg_id: str, digit: str) -> None:
        """A key on the far end's phone; '#' ends a message recording."""
        leg = self._legs.get(leg_id)
        if leg is None:
            return
        self._emit(DigitsPressed(at=self._clock.now(), leg_id=leg_id, digits=digit))
        if digit == "#" and leg.recording:
            self._end_recording(leg)

    def has_leg(self, leg_id: str) -> bool:
        return leg_id in self._legs

    def is_up(self, leg_id: str) -> bool:
        return self._legs[leg_id].up

    # --- the Engine protocol ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        self._emit(EngineReady(at=self._clock.now(), restarted=False))
        await asyncio.Event().wait()

    async def facts(self) -> AsyncIterator[Fact]:
        while True:
            yield await self._queue.get()

    async def ring(self, leg_id: str) -> None:
        self._leg(leg_id)

    async def stop_ringing(self, leg_id: str) -> None:
        self._leg(leg_id)

    async def answer(self, leg_id: str) -> None:
        leg = self._leg(leg_id)
        if not leg.up:
            leg.up = True
            self._emit(LegAnswered(at=self._clock.now(), leg_id=leg_id, codec="alaw"))

    async def hang_up(self, leg_id: str, cause: int) -> None:
        if leg_id in self._legs:
            self.end(leg_id, EndedBy.US, cause=cause)

    async def originate(
        self, leg_id: str, number_e164: str, *, caller: OutboundCaller, ring_timeout_s: int, for_leg_id: str | None
    ) -> None:
        if leg_id in self._seen:
            raise EngineError(f"leg {leg_id} exists already")
        self._seen.add(leg_id)
        leg = _Leg(leg_id=leg_id, inbound=False, started_at=self._clock.now(), dialled=number_e164)
        self._legs[leg_id] = leg
        self._play_out(leg, self.far_ends.get(number_e164, FarEnd(rings_after_s=None)), ring_timeout_s)

    async def connect(self, command: Connect) -> None:
        raise EngineError("the simulator has no native connect")

    async def play(self, leg_id: str, playback_id: str, path: str, *, loop: bool = False) -> None:
        leg = self._leg(leg_id)
        seconds = self._sounds.get(path, DEFAULT_SOUND_S)
        leg.playing[playback_id] = None if loop else self._later(seconds, self._end_playback, leg, playback_id, True)

    async def stop_playing(self, playback_id: str) -> None:
        leg = next((leg for leg in self._legs.values() if playback_id in leg.playing), None)
        if leg is None:
            raise LegGoneError(playback_id)
        self._end_playback(leg, playback_id, False)

    async def join(self, bridge_id: str, leg_ids: tuple[str, ...]) -> None:
        for leg_id in leg_ids:
            self._leg(leg_id).bridge_id = bridge_id
        self._emit(LegsJoined(at=self._clock.now(), bridge_id=bridge_id, leg_ids=leg_ids))

    async def start_recording(self, leg_id: str, recording_id: str) -> None:
        self._leg(leg_id)

    async def record_message(self, leg_id: str, recording_id: str, *, max_s: int, silence_s: int) -> None:
        leg = self._leg(leg_id)
        leg.recording, leg.recording_since = recording_id, self._clock.now()
        ends = max_s if leg.speaks_s is None else min(max_s, leg.speaks_s + silence_s)
        leg.timers.append(self._later(ends, self._end_recording, leg))

    async def set_phones(self, phones: Sequence[Phone]) -> None:
        self.phones = {phone.username: phone for phone in phones}

    async def live_legs(self) -> list[LegSnapshot]:
        return [
            LegSnapshot(
                leg_id=leg.leg_id,
                up=leg.up,
                started_at=leg.started_at,
                dialled=leg.dialled if leg.inbound else None,
                bridge_id=leg.bridge_id,
            )
            for leg in self._legs.values()
        ]

    async def ended_while_away(self, since: datetime) -> list[LegHistory]:
        return []

    # --- inside -----------------------------------------------------------------------------------------------------

    def _play_out(self, leg: _Leg, far_end: FarEnd, ring_timeout_s: int) -> None:
        later = leg.timers.append
        if far_end.rings_after_s is not None:
            later(self._later(far_end.rings_after_s, self._rings, leg))
        if far_end.status is not None:
            status = far_end.status
            later(
                self._later(
                    far_end.status_after_s,
                    lambda: self.end(leg.leg_id, EndedBy.FAR_END, cause=cause_of_sip(status), sip_status=status),
                )
            )
        elif far_end.answers_after_s is not None:
            later(self._later(far_end.answers_after_s, self._far_end_answers, leg, far_end))
        later(self._later(ring_timeout_s, self._ring_timeout, leg))

    def _rings(self, leg: _Leg) -> None:
        self._emit(LegRinging(at=self._clock.now(), leg_id=leg.leg_id))

    def _far_end_answers(self, leg: _Leg, far_end: FarEnd) -> None:
        leg.up = True
        self._emit(LegAnswered(at=self._clock.now(), leg_id=leg.leg_id, codec="alaw"))
        if far_end.hangs_up_after_answer_s is not None:
            bye = self._later(
                far_end.hangs_up_after_answer_s,
                lambda: self.end(leg.leg_id, EndedBy.FAR_END, cause=far_end.bye_cause),
            )
            leg.timers.append(bye)

    def _ring_timeout(self, leg: _Leg) -> None:
        if leg.leg_id in self._legs and not leg.up:
            self.end(leg.leg_id, EndedBy.US, cause=Cause.NO_ANSWER, timed_out=True)

    def end(
        self, leg_id: str, by: EndedBy, *, cause: int, sip_status: int | None = None, timed_out: bool = False
    ) -> None:
        """The leg is over; what it was playing or recording ends first."""
        leg = self._legs.get(leg_id)
        if leg is None:
            return
        for playback_id in list(leg.playing):
            self._end_playback(leg, playback_id, False)
        if leg.recording:
            self._end_recording(leg)
        for timer in leg.timers:
            timer.cancel()
        del self._legs[leg_id]
        self._emit(
            LegEnded(
                at=self._clock.now(),
                leg_id=leg_id,
                ended_by=by,
                cause=cause,
                sip_status=sip_status,
                timed_out=timed_out,
                raw=f"simulated {sip_status or cause}",
            )
        )

    def _end_playback(self, leg: _Leg, playback_id: str, completed: bool) -> None:
        if playback_id not in leg.playing:
            return
        timer = leg.playing.pop(playback_id)
        if timer is not None:
            timer.cancel()
        self._emit(PlaybackEnded(at=self._clock.now(), leg_id=leg.leg_id, playback_id=playback_id, completed=completed))

    def _end_recording(self, leg: _Leg) -> None:
        if leg.recording is None or leg.recording_since is None:
            return
        recording_id, now = leg.recording, self._clock.now()
        duration_ms = int((now - leg.recording_since).total_seconds() * 1000)
        leg.recording = None
        self._emit(RecordingEnded(at=now, recording_id=recording_id, duration_ms=duration_ms, ok=True))

    def _leg(self, leg_id: str) -> _Leg:
        if leg_id not in self._legs:
            raise LegGoneError(leg_id)
        return self._legs[leg_id]

    def _emit(self, fact: Fact) -> None:
        self._queue.put_nowait(fact)

    def _later(self, seconds: float, action: Any, *args: Any) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, action, *args)
