"""One call as INVOX shows it: every field of the vendor's, in the vendor's order; what is not known is an empty string."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from ringtrail.dialects.invox.vocabulary import (
    STATUS_OF_DISPOSITION,
    WEEKDAYS,
    call_time,
    national,
)
from ringtrail.model.call import CallRecord
from ringtrail.model.query import CallPage
from ringtrail.services.numbers import masked

FIELDS = frozenset({
    "creation_seq", "started_at", "ended_at", "handled_s", "disposition", "caller_number", "tracking_number",
    "destination_number", "source", "medium", "campaign", "content", "recording_hash", "property_id", "property_name",
})  # fmt: skip
"""What `Presentation.call` shows and the routes go by of a CallRecord; nothing else is fetched."""


class CallItem(msgspec.Struct, kw_only=True, gc=False):
    """One call. `id` repeats `call_id`: the vendor's page names the one, clients in the field read the other.

    The defaults belong to what a web visit or a transcript would tell: neither is recorded yet.
    """

    call_id: int  # the account's creation counter
    id: int
    date: str  # Y-m-d H:i:s, local
    duration: int  # seconds of talk, or with our prompts and mailbox; 0 while it lasts
    status: str
    caller: str  # empty when withheld
    receivingnumber: str
    destinationnumber: str
    source: str
    keyword: str = ""
    referrer: str = ""
    medium: str
    campaign: str
    page: str = ""
    campaignid: str = ""
    adgroupid: str = ""
    network: str = ""
    matchtype: str = ""
    creative: str = ""
    adposition: str = ""
    device: str = ""  # computer, mobile, tablet
    day: str  # English weekday
    hour: int  # 0..23, local
    recording_uri: str
    gclid: str = ""
    fbclid: str = ""
    gacid: str = ""
    ttclid: str = ""
    reason: str = ""
    summary: str = ""
    client_sentiment: str = ""
    operator_sentiment: str = ""
    utm_content: str
    utm_term: str = ""
    utm_source: str = ""
    account: str  # the property: what INVOX calls a project


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How this token's calls are shown."""

    zone: ZoneInfo
    country: str  # of the account, for national numbers
    base_url: str
    national_numbers: bool
    masked_properties: frozenset[int]  # whose callers are shown masked
    recording_key: Callable[[str], str]  # hash → what opens its player page without a login

    def call(self, record: CallRecord) -> CallItem:
        local = record.started_at.astimezone(self.zone)
        return CallItem(
            call_id=record.creation_seq,
            id=record.creation_seq,
            date=call_time(local),
            duration=record.handled_s,
            status=STATUS_OF_DISPOSITION[record.disposition],
            caller=self._caller(record),
            receivingnumber=self._number(record.tracking_number),
            destinationnumber=self._number(record.destination_number),
            source=record.source or "",
            medium=record.medium or "",
            campaign=record.campaign or "",
            day=WEEKDAYS[local.weekday()],
            hour=local.hour,
            recording_uri=self._recording_uri(record.recording_hash),
            utm_content=record.content or "",
            account=record.property_name,
        )

    def _caller(self, record: CallRecord) -> str:
        if record.property_id in self.masked_properties:
            return masked(record.caller_number or "")
        return self._number(record.caller_number)

    def _recording_uri(self, hash_: str | None) -> str:
        return f"{self.base_url}/recordings/{hash_}?key={self.recording_key(hash_)}" if hash_ else ""

    def _number(self, number_e164: str | None) -> str:
        if number_e164 and self.national_numbers:
            return national(number_e164, self.country)
        return number_e164 or ""


async def json_array(pages: AsyncIterator[CallPage]) -> AsyncIterator[bytes]:
    """A bare JSON array, written page by page."""
    opening = b"["
    async for page in pages:
        if page.shown:
            yield opening + msgspec.json.encode(page.shown)[1:-1]
            opening = b","
    yield b"]" if opening == b"," else b"[]"
