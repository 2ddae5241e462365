"""What happened to our legs while we were not connected: the legs we knew against those Asterisk has now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from ringtrail.engines.asterisk.translate import Leg
from ringtrail.model.cause import Cause
from ringtrail.ports.engine import EndedBy, Fact, LegAnswered, LegEnded, LegHistory, LegSnapshot

_SLACK = timedelta(milliseconds=50)


def missed_facts(
    known: Mapping[str, Leg],
    live: Mapping[str, LegSnapshot],
    histories: Mapping[str, LegHistory],
    now: datetime,
) -> Iterator[Fact]:
    """Facts that we would have been told; instants and causes from the flight recorder where it has them."""
    for leg_id, leg in known.items():
        history = histories.get(leg_id)
        if leg_id not in live:
            yield _ended(leg_id, leg, history, now)
        elif live[leg_id].up and leg.up_at is None:
            yield LegAnswered(at=(history and history.answered_at) or now, leg_id=leg_id)


def _ended(leg_id: str, leg: Leg, history: LegHistory | None, now: datetime) -> LegEnded:
    if history is None or history.ended_at is None:
        raw = "ended while the controller was away"
        return LegEnded(at=now, leg_id=leg_id, ended_by=EndedBy.ENGINE, cause=None, sip_status=None, raw=raw)
    timed_out = _rang_out(leg, history)
    return LegEnded(
        at=history.ended_at,
        leg_id=leg_id,
        ended_by=EndedBy.US if timed_out else _ended_by(history),
        cause=Cause.NO_ANSWER if timed_out else history.cause,
        sip_status=None,
        timed_out=timed_out,
        raw="from the flight recorder",
    )


def _ended_by(history: LegHistory) -> EndedBy:
    """We were away, so an end on this side was Asterisk's own."""
    return EndedBy.FAR_END if history.ended_by is EndedBy.FAR_END else EndedBy.ENGINE


def _rang_out(leg: Leg, history: LegHistory) -> bool:
    if leg.ring_timeout_s is None or history.answered_at or history.ended_by is EndedBy.FAR_END or not history.ended_at:
        return False
    return history.ended_at - history.started_at >= timedelta(seconds=leg.ring_timeout_s) - _SLACK
