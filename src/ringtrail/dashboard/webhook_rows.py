"""Endpoints, deliveries and attempts as the templates show them: only text and numbers, nothing to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import groupby
from typing import NamedTuple

from ringtrail.dashboard import webhook_words as words
from ringtrail.dashboard.rows import Moment, Viewer
from ringtrail.dashboard.words import Label, day_text, full_text
from ringtrail.model.webhook import (
    MOST_COUNTED,
    AttemptRecord,
    DeliveryRecord,
    DeliveryState,
    DisabledBy,
    Endpoint,
    EndpointHealth,
    Tried,
)

SLOTS = 50
"""Attempts in an endpoint's picture."""
_NO_HEALTH = EndpointHealth(None, 0, None, ())
_TOLD_SHORT = 3


class Bar(NamedTuple):
    x: int
    kind: str  # delivered, failed, none
    title: str


class Told(NamedTuple):
    first: str
    rest: int  # how many more


class About(NamedTuple):
    """What an event is about; call_id: of which everything that was told can be looked up."""

    text: str
    call_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    hash: str
    name: str
    address: str
    form: str
    property: str | None
    told: list[str]
    told_short: Told
    made: Moment
    label: Label
    status: str
    delivered: Moment | None
    waiting: str
    bars: list[Bar]
    bars_text: str
    enabled: bool
    barred: bool  # by the operator
    dynamic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    key: str
    event_id: int
    endpoint_hash: str
    endpoint: str
    day: str
    at: Moment
    what: str
    about: About
    label: Label
    next: Moment | None
    tries: int
    tried: Moment | None
    answer: str
    took: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    id: int
    number: int  # from 1
    at: Moment
    took: str
    delivered: bool
    answer: str
    request_line: str
    request_headers: list[tuple[str, str]]
    request_body: str
    status_line: str
    response_headers: list[tuple[str, str]]
    response_body: str


class WebhookViewer:
    """properties: {id: name}."""

    def __init__(self, viewer: Viewer, properties: Mapping[int, str]) -> None:
        self.viewer = viewer
        self._properties = properties

    def property_name(self, property_id: int | None) -> str | None:
        return None if property_id is None else self._properties.get(property_id)

    def moment(self, at: datetime) -> Moment:
        """With its day, unless that is today."""
        zone = self.viewer.zone
        day = day_text(at, self.viewer.now, zone)
        clock = f"{at.astimezone(zone):%H:%M:%S}"
        return Moment(at.isoformat(), clock if day == "Today" else f"{day}, {clock}", full_text(at, zone))

    def endpoint(self, endpoint: Endpoint, health: EndpointHealth | None) -> EndpointRow:
        health = health or _NO_HEALTH
        told = [words.event_text(type_) for type_ in endpoint.event_types]
        label, status = self._status(endpoint, health)
        return EndpointRow(
            hash=endpoint.hash,
            name=words.visible(words.endpoint_text(endpoint)),
            address=words.visible(endpoint.address),
            form=words.form_text(endpoint.dialect),
            property=self.property_name(endpoint.property_id),
            told=told,
            told_short=_short(told),
            made=self.moment(endpoint.created_at),
            label=label,
            status=words.visible(status),
            delivered=self.moment(health.delivered_at) if health.delivered_at else None,
            waiting=f"{MOST_COUNTED} or more" if health.waiting >= MOST_COUNTED else str(health.waiting),
            bars=self._bars(health.newest),
            bars_text=_bars_text(health.newest),
            enabled=endpoint.enabled,
            barred=endpoint.disabled_by is DisabledBy.ADMIN,
            dynamic=endpoint.dynamic,
        )

    def _status(self, endpoint: Endpoint, health: EndpointHealth) -> tuple[Label, str]:
        if not endpoint.enabled:
            since = f", since {self._lower(endpoint.disabled_at)}" if endpoint.disabled_at else ""
            return words.DISABLED, words.disabled_text(endpoint) + since
        failing = f"failing since {self._lower(endpoint.failing_since)}" if endpoint.failing_since else ""
        if health.paused_until and health.paused_until > self.viewer.now:
            rest = f"It asked for a rest until {self._lower(health.paused_until)}"
            return words.PAUSED, "; ".join(filter(None, (rest, failing)))
        if failing:
            return words.FAILING, failing.capitalize()
        if not health.newest:
            return words.UNTRIED, "Nothing was sent there yet"
        return words.WORKING, "Delivers what it is told"

    def _lower(self, at: datetime) -> str:
        text = self.moment(at).time
        return text[0].lower() + text[1:] if text.startswith("Yesterday") else text

    def _bars(self, newest: Iterable[Tried]) -> list[Bar]:
        bars = [
            ("delivered" if tried.delivered else "failed", f"{self.moment(tried.at).time}: {answer_text(tried.status)}")
            for tried in newest
        ]
        empty = [("none", "")] * (SLOTS - len(bars))
        return [Bar(6 * index, kind, title) for index, (kind, title) in enumerate([*empty, *bars])]

    def delivery(self, record: DeliveryRecord, endpoint: Endpoint | None, about: About) -> DeliveryRow:
        held = endpoint is not None and not endpoint.enabled
        waits = record.state is DeliveryState.WAITING and not held
        return DeliveryRow(
            key=f"{record.endpoint_hash}-{record.event_id}",
            event_id=record.event_id,
            endpoint_hash=record.endpoint_hash,
            endpoint=words.visible(words.endpoint_text(endpoint)) if endpoint else record.endpoint_hash,
            day=day_text(record.event_at, self.viewer.now, self.viewer.zone),
            at=self._clock(record.event_at),
            what=words.event_text(record.event_type),
            about=about,
            label=words.state_label(record, held=held),
            next=self.moment(record.due_at) if waits and record.due_at else None,
            tries=record.tries,
            tried=self.moment(record.tried_at) if record.tried_at else None,
            answer=answer_text(record.last_status, record.last_error),
            took=words.took_text(record.took_ms),
        )

    def _clock(self, at: datetime) -> Moment:
        return self.moment(at)._replace(time=f"{at.astimezone(self.viewer.zone):%H:%M:%S}")

    def days(self, rows: Iterable[DeliveryRow]) -> list[tuple[str, list[DeliveryRow]]]:
        """Rows by day, in the order that they come in."""
        return [(day, list(group)) for day, group in groupby(rows, key=lambda row: row.day)]

    def attempt(self, record: AttemptRecord) -> AttemptRow:
        return AttemptRow(
            id=record.id,
            number=record.number + 1,
            at=self.moment(record.at),
            took=words.took_text(record.took_ms),
            delivered=record.error is None,
            answer=answer_text(record.status, record.error),
            request_line=words.visible(f"{record.method} {record.address}") if record.method else "",
            request_headers=_headers(record.request_headers),
            request_body=words.body_text(record.request_body, _content_type(record.request_headers)),
            status_line=_status_line(record.status),
            response_headers=_headers(record.response_headers),
            response_body=words.body_text(record.response_body, _content_type(record.response_headers)),
        )


def _short(told: list[str]) -> Told:
    """Not 'and 1 more', which is no shorter."""
    shown = told if len(told) <= _TOLD_SHORT + 1 else told[:_TOLD_SHORT]
    return Told(", ".join(shown), len(told) - len(shown))


def answer_text(status: int | None, error: str | None = None) -> str:
    """'500 Internal Server Error', or why there was no answer. '': nothing was tried."""
    if status is not None:
        return _status_line(status)
    return words.visible(error) if error else ""


def _status_line(status: int | None) -> str:
    if status is None:
        return ""
    phrases = {item.value: item.phrase for item in HTTPStatus}
    return f"{status} {phrases.get(status, '')}".rstrip()


def _bars_text(newest: Iterable[Tried]) -> str:
    """What the picture says."""
    outcomes = [tried.delivered for tried in newest]
    if not outcomes:
        return "No tries yet"
    return f"Newest {words.tries_text(len(outcomes))}: {sum(outcomes)} delivered, {outcomes.count(False)} failed"


def _headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(words.visible(name), words.visible(value)) for name, value in headers.items()]


def _content_type(headers: Mapping[str, str]) -> str:
    return next((value for name, value in headers.items() if name.lower() == "content-type"), "")
