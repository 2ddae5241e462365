"""The record of one call, kept from the engine's facts: pure bookkeeping, no command, no waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ringtrail.model.call import Call, Leg, LegRole, Recording, RecordingKind, TraceEntry
from ringtrail.model.cause import CAUSE_OF_DISPOSITION, Cause, Disposition, HangupBy, disposition_of_leg
from ringtrail.model.ids import new_hash
from ringtrail.model.lifecycle import STAGE_OF_STATE, Happening, State, disposition_at_end, next_state
from ringtrail.ports.engine import (
    DigitsPressed,
    EndedBy,
    LegAnswered,
    LegEnded,
    LegFact,
    LegRinging,
    LegsJoined,
    PlaybackEnded,
    RecordingEnded,
)
from ringtrail.services.numbers import facts_of

TOGETHER = timedelta(milliseconds=250)
"""Ends of two legs that belong together: one followed the other."""


class CallLedger:
    """`call` is always the newest snapshot; `keep` is told those that are worth writing down."""

    def __init__(self, call: Call, keep: Callable[[Call], None]) -> None:
        self.call = call
        self.last_target: Disposition | None = None
        self.message_left = False
        self.broken = False  # the engine or the platform broke, nobody chose to hang up
        self.finished_media: dict[str, bool] = {}  # playback and recording ids; whether they came to their own end
        self.gathered: list[str] | None = None  # keys that the voice app asked for: they may be a secret
        self.rung_out: set[int] = set()  # ids of target legs whose ring timeout ran out
        self.on_new_leg: Callable[[str], None] = lambda _engine_leg_id: None
        self._keep = keep

    @property
    def caller(self) -> Leg:
        return self.call.legs[0]

    @property
    def caller_is_up(self) -> bool:
        return self.caller.answered_at is not None

    def leg(self, engine_leg_id: str) -> Leg:
        return next(leg for leg in self.call.legs if leg.engine_leg_id == engine_leg_id)

    def target(self, leg_id: int) -> Leg:
        return next(leg for leg in self.call.legs if leg.id == leg_id)

    # --- facts ------------------------------------------------------------------------------------------------------

    def apply(self, fact: Any) -> None:
        """Take in one fact of a leg, playback, recording or bridge of this call."""
        match fact:
            case LegRinging() if self.leg(fact.leg_id).ringing_at is None:
                self._update(fact, ringing_at=fact.at)
                who = "caller" if fact.leg_id == self.caller.engine_leg_id else "target"
                self.trace(fact.at, f"{who}_ringing", number=self.leg(fact.leg_id).number_e164)
            case LegAnswered() if self.leg(fact.leg_id).answered_at is None:
                self._answered(fact)
            case LegsJoined() if self.call.state is State.SCREENING:
                self._joined(fact)
            case LegEnded() if self.leg(fact.leg_id).ended_at is None:
                self._leg_ended(fact)
            case DigitsPressed() if fact.leg_id == self.caller.engine_leg_id:
                self._pressed(fact)
            case PlaybackEnded():
                self.finished_media[fact.playback_id] = fact.completed
            case RecordingEnded():
                self.finished_media[fact.recording_id] = fact.ok

    def _answered(self, fact: LegAnswered) -> None:
        leg = self.leg(fact.leg_id)
        self._update(fact, answered_at=fact.at, codec=fact.codec or leg.codec)
        if leg.role is LegRole.TARGET:
            self.happened(Happening.TARGET_ANSWERED, fact.at, number=leg.number_e164)
        else:
            self.trace(fact.at, "caller_answered", codec=fact.codec)

    def _joined(self, fact: LegsJoined) -> None:
        target = next((leg for leg in self.call.legs[1:] if leg.engine_leg_id in fact.leg_ids), None)
        if target is not None:
            self.call = replace(self.call, answered_at=target.answered_at, bridged_at=fact.at)
            self.happened(Happening.BRIDGED, fact.at, number=target.number_e164)

    def _pressed(self, fact: DigitsPressed) -> None:
        """Keys that the caller pressed to us. Those pressed to a target are theirs: they may be a card number."""
        if self.gathered is not None:
            self.gathered += fact.digits
        elif self.call.state in (State.MESSAGE, State.RINGING, State.VOICEMAIL):
            self.call = replace(self.call, keypad=((self.call.keypad or "") + fact.digits)[:64])
            self.trace(fact.at, "keys_pressed", keys=fact.digits)

    def _leg_ended(self, fact: LegEnded) -> None:
        leg = self.leg(fact.leg_id)
        by = _hangup_by(leg, fact)
        if fact.timed_out:
            self.rung_out.add(leg.id)
        # The engine names a CANCEL "interworking"; on the wire it is a normal clearing.
        cancelled = fact.cause == Cause.INTERWORKING and (fact.sip_status == 487 or leg.role is LegRole.CALLER)
        cause = Cause.NORMAL_CLEARING if cancelled else fact.cause
        disposition = self._leg_disposition(leg, fact)
        self._update(
            fact,
            ended_at=fact.at,
            cause=cause,
            sip_status=fact.sip_status,
            hangup_by=by,
            disposition=disposition,
            raw=fact.raw,
        )
        self.trace(
            fact.at, "leg_ended", number=leg.number_e164, cause=cause, sip_status=fact.sip_status, by=by, raw=fact.raw
        )
        # A target whose leg the engine ended only followed the caller, whose own end is still to be told.
        hung_up = self.call.state is State.BRIDGED and leg.answered_at is not None and by is HangupBy.CALLEE
        if self.call.hangup_by is None and (leg.role is LegRole.CALLER or hung_up):
            self.call = replace(self.call, hangup_by=by, hangup_cause=cause)
        self.broken = self.broken or fact.ended_by is EndedBy.ENGINE

    def _leg_disposition(self, leg: Leg, fact: LegEnded) -> Disposition:
        if leg.answered_at is not None:
            return Disposition.ANSWERED
        if fact.ended_by is EndedBy.ENGINE:
            return Disposition.FAILED
        if leg.role is LegRole.CALLER and self.call.placed_by_us:
            return disposition_of_leg(cause=fact.cause, sip_status=fact.sip_status, timed_out=fact.timed_out)
        caller_gave_up = (
            fact.ended_by is EndedBy.FAR_END
            if leg.role is LegRole.CALLER
            else fact.ended_by is EndedBy.US and not fact.timed_out and self.caller.ended_at is not None
        )
        if caller_gave_up:
            return Disposition.ABANDONED
        return disposition_of_leg(cause=fact.cause, sip_status=fact.sip_status, timed_out=fact.timed_out)

    def _update(self, fact: LegFact, **changes: Any) -> None:
        self.call = self.call.with_leg(replace(self.leg(fact.leg_id), **changes))

    # --- what we do ourselves ---------------------------------------------------------------------------------------

    def happened(self, happening: Happening, at: datetime, **detail: Any) -> None:
        """Move to the next state, and keep the snapshot."""
        state = next_state(self.call.state, happening)
        self.call = replace(self.call, state=state, stage=STAGE_OF_STATE[state])
        self.trace(at, happening, **detail)
        self._keep(self.call)

    def trace(self, at: datetime, what: str, **detail: Any) -> None:
        """Add a line to the call's story."""
        known = {key: value for key, value in detail.items() if value is not None}
        self.call = replace(self.call, trace=(*self.call.trace, TraceEntry(at=at, what=str(what), detail=known)))

    def add_target(self, leg_id: int, number_e164: str, ring_timeout_s: int, at: datetime) -> Leg:
        """A new leg to a target, about to be dialled."""
        facts = facts_of(number_e164)
        leg = Leg(
            id=leg_id,
            engine_leg_id=f"rt-{leg_id}",
            role=LegRole.TARGET,
            position=len(self.call.legs),
            number_e164=number_e164,
            number_country=facts.country,
            number_line_type=facts.line_type,
            started_at=at,
        )
        self.call = replace(
            self.call.with_leg(leg),
            destination_number_e164=number_e164,
            destination_country=facts.country,
            destination_line_type=facts.line_type,
        )
        self.on_new_leg(leg.engine_leg_id)
        self.happened(Happening.TARGET_DIALLED, at, number=number_e164, ring_timeout_s=ring_timeout_s)
        return leg

    def end_undialled(self, leg: Leg, at: datetime, *, cause: int, raw: str) -> None:
        """Close a target leg that never reached the wire."""
        if self.target(leg.id).ended_at is None:
            self.call = self.call.with_leg(
                replace(
                    leg,
                    ended_at=at,
                    cause=cause,
                    hangup_by=HangupBy.PLATFORM,
                    disposition=Disposition.FAILED,
                    raw=raw[:200],
                )
            )
            self.trace(at, "not_dialled", number=leg.number_e164, why=raw[:200])

    def target_lost(self, leg_id: int, at: datetime) -> Disposition:
        """Note why a target did not get to talk; one that answered and left before the bridge declined the call."""
        leg = self.target(leg_id)
        self.last_target = Disposition.REJECTED if leg.answered_at else leg.disposition
        if self.call.state in (State.RINGING, State.SCREENING):
            self.happened(Happening.TARGET_LOST, leg.ended_at or at, why=self.last_target)
        return self.last_target

    def add_recording(self, kind: RecordingKind, at: datetime, *, per_leg: bool) -> Recording:
        """A new recording; its path is also the engine's recording id."""
        hash_ = new_hash()
        recording = Recording(
            hash=hash_, call_id=self.call.id, kind=kind, path=f"{self.call.id}-{hash_}", started_at=at, per_leg=per_leg
        )
        self.call = replace(self.call, recordings=(*self.call.recordings, recording))
        return recording

    def drop_recording(self, recording: Recording) -> None:
        kept = tuple(item for item in self.call.recordings if item.hash != recording.hash)
        self.call = replace(self.call, recordings=kept)

    # --- the end ----------------------------------------------------------------------------------------------------

    def parting_cause(self) -> int:
        """The Q.850 cause that the caller is sent when we hang up: the last target's own if nobody answered."""
        if self.caller_is_up:
            return Cause.NORMAL_CLEARING
        last = self._last_target_leg()
        return (last.cause if last else None) or CAUSE_OF_DISPOSITION[self.last_target or Disposition.FAILED]

    def _gave_up_with_caller(self, leg: Leg) -> bool:
        """A target that was still called when the caller left, although its own end was told first."""
        caller_left_at = self.caller.ended_at
        return (
            self.call.hangup_by is HangupBy.CALLER
            and leg.role is LegRole.TARGET
            and leg.answered_at is None
            and leg.hangup_by is HangupBy.PLATFORM
            and leg.disposition is Disposition.NO_ANSWER
            and leg.id not in self.rung_out
            and leg.ended_at is not None
            and caller_left_at is not None
            and abs(leg.ended_at - caller_left_at) < TOGETHER
        )

    def close(self, now: datetime, refused: Disposition | None = None) -> Call:
        """The final record. Legs whose end the engine never told end now."""
        for leg in self.call.legs:
            if leg.ended_at is None:
                told = Disposition.ANSWERED if leg.answered_at else Disposition.FAILED
                self.call = self.call.with_leg(
                    replace(leg, ended_at=now, disposition=told, hangup_by=HangupBy.PLATFORM)
                )
            elif self._gave_up_with_caller(leg):
                self.call = self.call.with_leg(replace(leg, disposition=Disposition.ABANDONED))
        if self.call.placed_by_us and not self.caller_is_up:
            refused = self.caller.disposition
        state, ended_at = self.call.state, self.caller.ended_at or now
        by = self.call.hangup_by or HangupBy.PLATFORM
        disposition = refused or disposition_at_end(
            state,
            by_caller=by is HangupBy.CALLER,
            message_left=self.message_left,
            last_target=self.last_target,
            failed=self.broken,
        )
        self.call = replace(
            self.call,
            state=next_state(state, Happening.HUNG_UP),
            stage=STAGE_OF_STATE[state],
            ended_at=ended_at,
            disposition=disposition,
            disposition_raw=next((leg.raw for leg in reversed(self.call.legs) if leg.raw), None),
            hangup_by=by,
            hangup_cause=self._final_cause(disposition),
        )
        self.trace(ended_at, "ended", disposition=disposition, stage=self.call.stage, by=by)
        self._keep(self.call)
        return self.call

    def _final_cause(self, disposition: Disposition) -> int:
        if disposition in (Disposition.ANSWERED, Disposition.ABANDONED, Disposition.VOICEMAIL):
            known = self.call.hangup_cause
            return known if known and known != Cause.INTERWORKING else Cause.NORMAL_CLEARING
        last = self._last_target_leg() or self.caller
        if last.cause and last.disposition is disposition:
            return last.cause
        return CAUSE_OF_DISPOSITION[disposition]

    def _last_target_leg(self) -> Leg | None:
        return next((leg for leg in reversed(self.call.legs[1:]) if leg.cause), None)


def _hangup_by(leg: Leg, fact: LegEnded) -> HangupBy:
    if fact.ended_by is not EndedBy.FAR_END:
        return HangupBy.PLATFORM
    return HangupBy.CALLER if leg.role is LegRole.CALLER else HangupBy.CALLEE
