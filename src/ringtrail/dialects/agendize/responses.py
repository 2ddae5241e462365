"""Calls as Agendize shows them: every field, in the vendor's order."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from ringtrail.dialects.agendize.vocabulary import DEFAULT_ZONE, STATUS, TYPE, local_time
from ringtrail.model.account import Property
from ringtrail.model.call import CallRecord
from ringtrail.services.numbers import masked

FIELDS = frozenset({
    "id", "creation_seq", "change_seq", "property_id", "button_hash", "client_id", "timezone", "caller_number", "caller_withheld",
    "destination_number", "tracking_number", "started_at", "handled_s", "disposition", "external_id", "trigger",
    "recording_ready",
})  # fmt: skip
"""What `call_resource` shows and the list goes by of a CallRecord; nothing else is fetched."""


class Start(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    date_time: str  # local, no offset
    time_zone: str  # IANA


class SoundRecord(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    mime_type: str
    url: str


class CallResource(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """The vendor's Call. null: not known or not applicable; `record` is absent until there is one."""

    id: str
    button_id: str | None
    client_id: str | None
    caller_number: str | None
    called_number: str | None
    tracking_number: str | None
    start: Start
    duration: int  # seconds
    status: str
    external_id: str | None
    type: str | None
    record: SoundRecord | UnsetType = UNSET


class CallList(msgspec.Struct, rename="camel", kw_only=True):
    items: list[CallResource]
    next_page_token: str | UnsetType = UNSET
    next_sync_token: str | UnsetType = UNSET


def call_resource(call: CallRecord, item: Property, base_url: str) -> CallResource:
    """`id` is the account's creation counter: small, numeric, never reused."""
    zone = call.timezone or item.timezone or DEFAULT_ZONE
    return CallResource(
        id=str(call.creation_seq),
        button_id=call.button_hash or None,
        client_id=call.client_id or None,
        caller_number=visible_caller(call, item),
        called_number=call.destination_number,
        tracking_number=call.tracking_number or None,
        start=Start(date_time=local_time(call.started_at, zone), time_zone=zone),
        duration=call.handled_s,
        status=STATUS[call.disposition],
        external_id=call.external_id or str(call.id),
        type=TYPE[call.trigger],
        record=_sound_record(call, base_url) if call.recording_ready else UNSET,
    )


def visible_caller(call: CallRecord, item: Property) -> str | None:
    """The caller's number; masked where the property asks for it, None when withheld."""
    if call.caller_number is None or call.caller_withheld:
        return None
    return masked(call.caller_number) if item.masks_callers else call.caller_number


def found_in_sight(call: CallRecord, item: Property, search: str) -> bool:
    """Whether `search` is in a number as it is shown: a masked digit must not be found by trying."""
    shown = (visible_caller(call, item), call.destination_number, call.tracking_number)
    return any(search in number for number in shown if number)


def _sound_record(call: CallRecord, base_url: str) -> SoundRecord:
    return SoundRecord(mime_type="audio/mpeg", url=f"{base_url}/api/2.0/calls/{call.creation_seq}/record.mp3")
