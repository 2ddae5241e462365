"""Calls as the templates show them: only text and numbers, nothing to decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ringtrail.dashboard.words import (
    OUTCOMES,
    STATES,
    Label,
    clock_text,
    day_text,
    full_text,
    number_text,
    spoken_text,
)
from ringtrail.model.account import Account
from ringtrail.model.call import CallRecord
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import State
from ringtrail.services.numbers import masked


class Moment(NamedTuple):
    iso: str
    time: str
    full: str


class Duration(NamedTuple):
    clock: str
    spoken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    id: int
    day: str
    started: Moment
    label: Label  # the state of a live call, the outcome of an ended one
    caller_name: str | None
    caller: str
    caller_place: str | None
    caller_is_new: bool
    dialled: str
    dialled_name: str | None
    target: str | None
    source: str | None
    details: str  # medium, campaign
    ring: Duration
    talk: Duration | None
    recording: str | None
    recording_title: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a page is made: the account's words for places and times, and whose callers are hidden."""

    account: Account
    masking: frozenset[int]  # ids of properties
    now: datetime

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.account.timezone)

    def number(self, number: str) -> str:
        return number_text(number, self.account.country)

    def caller(self, record: CallRecord) -> str:
        if record.caller_number is None:
            return "Withheld number" if record.caller_withheld else "No number"
        if record.property_id in self.masking:
            return masked(record.caller_number)
        return self.number(record.caller_number)

    def row(self, record: CallRecord) -> Row:
        label = STATES[State(record.state)] if record.ended_at is None else OUTCOMES[Disposition(record.disposition)]
        caller = self.caller(record)
        started = self._moment(record.started_at)
        return Row(
            id=record.id,
            day=day_text(record.started_at, self.now, self.zone),
            started=started,
            label=label,
            caller_name=record.caller_name,
            caller=caller,
            caller_place=self._place(record),
            caller_is_new=record.caller_is_new and record.caller_number is not None,
            dialled=self.number(record.tracking_number),
            dialled_name=record.did_name,
            target=self.number(record.destination_number) if record.destination_number else None,
            source=record.source or record.offline_description,
            details=" · ".join(filter(None, (record.medium, record.campaign))),
            ring=_duration(record.ring_s),
            talk=_duration(record.talk_s) if record.answered_at else None,
            recording=record.recording_hash if record.ended_at else None,
            recording_title=f"{record.caller_name or caller}, {started.time}",
        )

    def days(self, records: Iterable[CallRecord]) -> list[tuple[str, list[Row]]]:
        """Rows by day, in the order that they come in."""
        return [(day, list(rows)) for day, rows in groupby(map(self.row, records), key=lambda row: row.day)]

    def _place(self, record: CallRecord) -> str | None:
        """Town or region of a fixed line, country of a foreign caller; a mobile at home is nowhere in particular."""
        abroad = record.caller_country not in (None, self.account.country)
        place = record.caller_region or record.caller_country
        return place if abroad or record.caller_line_type == "FIXED" else None

    def _moment(self, at: datetime) -> Moment:
        return Moment(at.isoformat(), f"{at.astimezone(self.zone):%H:%M}", full_text(at, self.zone))


def _duration(seconds: int) -> Duration:
    return Duration(clock_text(seconds), spoken_text(seconds))
