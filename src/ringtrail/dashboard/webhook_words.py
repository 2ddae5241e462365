"""How events, endpoints, deliveries and tries read to people."""

from __future__ import annotations

import msgspec

from ringtrail.dashboard.words import Label
from ringtrail.model.events import EventType
from ringtrail.model.webhook import DeliveryRecord, DeliveryState, DisabledBy, Endpoint

EVENTS: dict[EventType, str] = {
    EventType.CALL_STARTED: "Call started",
    EventType.CALL_ENDED: "Call ended",
    EventType.CALL_CHANGED: "Call changed",
    EventType.CALL_DELETED: "Call deleted",
    EventType.LEG_STARTED: "Target dialled",
    EventType.LEG_ENDED: "Target's leg ended",
    EventType.RECORDING_CREATED: "Recording began",
    EventType.RECORDING_CHANGED: "Recording finished",
    EventType.VOICEMAIL_LEFT: "Voicemail mailed",
    EventType.MESSAGE_RECEIVED: "Message received",
    EventType.MESSAGE_CHANGED: "Message changed",
    EventType.NUMBER_ASSIGNED: "Number assigned",
    EventType.NUMBER_RELEASED: "Number released",
    EventType.JOB_CHANGED: "Job over",
    EventType.MEDIA_CHANGED: "Medium changed",
    EventType.CREDIT_CHANGED: "Credit changed",
    EventType.CREDIT_WARNING: "Credit is low",
    EventType.CREDIT_SHUTDOWN: "Credit is used up",
    EventType.ENDPOINT_DISABLED: "Endpoint disabled",
    EventType.ENDPOINT_TEST: "Test",
}

FORMS: dict[str, str] = {
    "native": "ringtrail (Standard Webhooks)",
    "callr": "CALLR webhook",
    "agendize": "Agendize watch",
    "invox": "INVOX push",
    "mail": "E-mail",
}

STATES: dict[DeliveryState, Label] = {
    DeliveryState.WAITING: Label("Waiting", "clock", "info"),
    DeliveryState.DELIVERED: Label("Delivered", "check", "good"),
    DeliveryState.GIVEN_UP: Label("Given up", "cross", "bad"),
}
RETRYING = Label("Retrying", "again", "warn")
HELD = Label("Held back", "block", "quiet")

WORKING = Label("Working", "check", "good")
UNTRIED = Label("Not tried yet", "clock", "quiet")
PAUSED = Label("Paused", "clock", "warn")
FAILING = Label("Failing", "alert", "bad")
DISABLED = Label("Disabled", "block", "quiet")
_BY: dict[DisabledBy, str] = {
    DisabledBy.OWNER: "by you",
    DisabledBy.ADMIN: "by the operator",
    DisabledBy.SYSTEM: "by the system",
}

_INVISIBLE = {
    code: f"\\u{code:04x}"
    for code in (
        *range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F),
        *range(0x2066, 0x206A), 0xFEFF,
    )
}  # fmt: skip
"""Controls, and what turns the direction of text: shown as JSON would write them."""


def event_text(type_: str) -> str:
    """A type without a word is its own."""
    return next((text for known, text in EVENTS.items() if known == type_), type_)


def form_text(dialect: str) -> str:
    return FORMS.get(dialect, dialect)


def endpoint_text(endpoint: Endpoint) -> str:
    return endpoint.name or endpoint.address


def disabled_text(endpoint: Endpoint) -> str:
    """'Disabled by the system: it answered 410 Gone'."""
    by = _BY[endpoint.disabled_by] if endpoint.disabled_by else ""
    return f"Disabled {by}" + (f": {endpoint.disabled_why}" if endpoint.disabled_why else "")


def state_label(record: DeliveryRecord, *, held: bool) -> Label:
    """held: its endpoint is disabled, so nothing is tried."""
    if record.state is not DeliveryState.WAITING:
        return STATES[record.state]
    if held:
        return HELD
    return STATES[record.state] if record.last_error is None else RETRYING


def took_text(took_ms: int | None) -> str:
    """35 ms, 2.4 s."""
    if took_ms is None:
        return ""
    return f"{took_ms} ms" if took_ms < 1_000 else f"{took_ms / 1_000:.1f} s"


def tries_text(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"


def body_text(body: str | None, content_type: str) -> str:
    """A body for reading: JSON indented as its tokens are, a form with a line a field, everything else as it came."""
    if not body:
        return ""
    if "form-urlencoded" in content_type:
        return visible(body.replace("&", "\n&"))
    try:
        return visible(msgspec.json.format(body, indent=2))
    except (msgspec.DecodeError, RecursionError):
        return visible(body)


def visible(text: str) -> str:
    return text.translate(_INVISIBLE)
