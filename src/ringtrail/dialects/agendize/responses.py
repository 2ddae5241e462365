"""Calls as Agendize shows them: every field, in the vendor's order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from ringtrail.dialects.agendize.vocabulary import DEFAULT_ZONE, STATUS, TYPE, local_time
from ringtrail.model.account import Property
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.view import View
from ringtrail.services.numbers import masked


class Start(msgspec.Struct, rename="camel", gc=False):
    date_time: str  # local, no offset
    time_zone: str  # IANA


class SoundRecord(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    mime_type: str
    url: str


class CallResource(msgspec.Struct, rename="camel", gc=False):
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


def call_view(items: Mapping[int, Property], base_url: str) -> View[CallResource]:
    """items: the account's properties by id. DomainError UNAVAILABLE for a call of one that was added since.

    `id` is the account's creation counter: small, numeric, never reused. Arguments by position: by name, they would take
    most of a big page's time.
    """

    def show(
        creation_seq: int,
        id: int,
        property_id: int,
        button_hash: str | None,
        client_id: str | None,
        timezone: str | None,
        caller_number: str | None,
        caller_withheld: bool,
        destination_number: str | None,
        tracking_number: str,
        started_at: datetime,
        handled_s: int,
        disposition: str,
        external_id: str | None,
        trigger: str,
        recording_ready: bool,
    ) -> CallResource:
        item = items.get(property_id)
        if item is None:
            raise DomainError(ErrorCode.UNAVAILABLE, detail="properties have just changed, try again")
        zone = timezone or item.timezone or DEFAULT_ZONE
        caller = None if caller_withheld else caller_number
        return CallResource(
            str(creation_seq),
            button_hash or None,
            client_id or None,
            masked(caller) if caller and item.masks_callers else caller,
            destination_number,
            tracking_number or None,
            Start(local_time(started_at, zone), zone),
            handled_s,
            STATUS[disposition],
            external_id or str(id),
            TYPE[trigger],
            _sound_record(creation_seq, base_url) if recording_ready else UNSET,
        )  # fmt: skip

    return show


def found_in_sight(shown: CallResource, search: str) -> bool:
    """Whether `search` is in a number as it is shown: a masked digit must not be found by trying."""
    numbers = (shown.caller_number, shown.called_number, shown.tracking_number)
    return any(search in number for number in numbers if number)


def _sound_record(creation_seq: int, base_url: str) -> SoundRecord:
    return SoundRecord(mime_type="audio/mpeg", url=f"{base_url}/api/2.0/calls/{creation_seq}/record.mp3")
