"""Reads what Asterisk wrote down by itself (channel event logging, one JSON object a line): how legs went and ended while
nobody listened.

Asterisk opens the file for every line, so it can be renamed at any time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ringtrail.engines.asterisk.translate import caller_number, cause_of_bye, is_withheld, subscriber_of
from ringtrail.model.cause import Cause
from ringtrail.ports.engine import EndedBy, LegHistory

_ROTATE_BYTES = 32 * 1024 * 1024
_CONTEXTS = ("from-trunk", "from-subscriber")  # where callers come in
_LOOK_BACK = timedelta(hours=24)  # legs that ended since an instant may have started long before it

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FlightRecorder:
    """The file and the one before it: at most 64 MiB, about 25,000 calls."""

    path: Path

    @property
    def _previous(self) -> Path:
        return self.path.with_name(self.path.name + ".1")

    def rotate(self, limit_bytes: int = _ROTATE_BYTES) -> bool:
        """Start a new file when this one is full; the one before the last is dropped. True: it was full."""
        try:
            if self.path.stat().st_size < limit_bytes:
                return False
        except FileNotFoundError:
            return False
        self.path.replace(self._previous)
        return True

    def since(self, instant: datetime) -> list[LegHistory]:
        """Legs that lived at or after an instant, oldest first. Blocks for about a second per 32 MiB."""
        histories = histories_of(self._lines(instant - _LOOK_BACK))
        return [leg for leg in histories if leg.ended_at is None or leg.ended_at >= instant]

    def _lines(self, earliest: datetime) -> Iterator[Line]:
        for path in (self._previous, self.path):
            try:
                with path.open(encoding="utf-8", errors="replace") as file:
                    yield from (line for line in parse(file) if _at(line) >= earliest)
            except FileNotFoundError:
                continue


def parse(lines: Iterable[str]) -> Iterator[Line]:
    """Decoded lines. A torn line (disk full, power cut, being written right now) is left out."""
    for text in lines:
        try:
            line = json.loads(text)
            if {"eventtype", "eventtime", "uniqueid", "linkedid"} <= line.keys():
                yield line
        except (ValueError, AttributeError):
            continue


@dataclass(slots=True)
class _Leg:
    start: Line
    answered_at: datetime | None = None
    bridged_at: datetime | None = None
    hangup: Line | None = None
    mark: str = ""
    """CHANNEL(accountcode): `app:presentation` of a caller, `app:subscriber:ID` of a phone, `app/leg id` of what we dialled."""


def histories_of(lines: Iterable[Line]) -> list[LegHistory]:
    """One LegHistory a channel, in order of start. Channels whose start is not in the lines are left out."""
    legs: dict[str, _Leg] = {}
    for line in lines:
        if line["eventtype"] == "CHAN_START":
            legs[line["uniqueid"]] = _Leg(start=line)
        elif (leg := legs.get(line["uniqueid"])) is not None:
            _note(leg, line)
    return [_history(leg) for leg in legs.values() if _is_sip(leg.start)]


def _note(leg: _Leg, line: Line) -> None:
    leg.mark = line.get("accountcode") or leg.mark
    match line["eventtype"]:
        case "ANSWER":
            leg.answered_at = leg.answered_at or _at(line)
        case "BRIDGE_ENTER":
            leg.bridged_at = leg.bridged_at or _at(line)
        case "HANGUP":
            leg.hangup = line


def _history(leg: _Leg) -> LegHistory:
    start = leg.start
    _, slash, dialled_leg_id = leg.mark.partition("/")
    inbound = start.get("context") in _CONTEXTS and not slash
    number = caller_number(start.get("num") or "") if inbound else None
    return LegHistory(
        leg_id=dialled_leg_id or start["uniqueid"],
        inbound=inbound,
        parent_leg_id=None if start["linkedid"] == start["uniqueid"] else start["linkedid"],
        started_at=_at(start),
        dialled=start.get("exten") if inbound else None,
        caller_number=number,
        caller_name=(start.get("name") or None) if number else None,
        caller_withheld=inbound and is_withheld(number, leg.mark.partition(":")[2]),
        answered_at=leg.answered_at,
        bridged_at=leg.bridged_at,
        ended_at=_at(leg.hangup) if leg.hangup else None,
        cause=_cause(leg),
        ended_by=_ended_by(leg),
        subscriber_id=subscriber_of(leg.mark) if inbound else None,
    )


def _cause(leg: _Leg) -> int | None:
    if leg.hangup is None:
        return None
    cause = _extra(leg.hangup).get("hangupcause") or None
    cancelled = cause == Cause.INTERWORKING and leg.answered_at is None and _ended_by(leg) is EndedBy.FAR_END
    return Cause.NORMAL_CLEARING if cancelled else cause or cause_of_bye(leg.answered_at)


def _ended_by(leg: _Leg) -> EndedBy | None:
    """The hangup source is the channel whose far end hung up; empty when our own side did."""
    if leg.hangup is None:
        return None
    return EndedBy.FAR_END if _extra(leg.hangup).get("hangupsource") == leg.start["channame"] else EndedBy.US


def _extra(line: Line) -> Mapping[str, Any]:
    extra = line.get("eventextra") or {}
    if isinstance(extra, str):
        try:
            extra = json.loads(extra)
        except ValueError:
            return {}
    return extra if isinstance(extra, dict) else {}


def _is_sip(line: Line) -> bool:
    return str(line.get("channame", "")).startswith("PJSIP/")


def _at(line: Line) -> datetime:
    return datetime.fromtimestamp(float(line["eventtime"]), UTC)
