"""One call as INVOX shows it: every field of the vendor's, in the vendor's order; what is not known is an empty string."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from ringtrail.dialects.invox.vocabulary import (
    STATUS_OF_DISPOSITION,
    call_clock,
    hour,
    national,
    weekday,
)
from ringtrail.model.query import CallPage
from ringtrail.model.view import View
from ringtrail.services.numbers import masked


class CallItem(msgspec.Struct, gc=False):
    """One call. `id` repeats `call_id`: the vendor's page names the one, clients in the field read the other.

    What a web visit or a transcript would tell is empty: neither is recorded yet.
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
    keyword: str
    referrer: str
    medium: str
    campaign: str
    page: str
    campaignid: str
    adgroupid: str
    network: str
    matchtype: str
    creative: str
    adposition: str
    device: str  # computer, mobile, tablet
    day: str  # English weekday
    hour: int  # 0..23, local
    recording_uri: str
    gclid: str
    fbclid: str
    gacid: str
    ttclid: str
    reason: str
    summary: str
    client_sentiment: str
    operator_sentiment: str
    utm_content: str
    utm_term: str
    utm_source: str
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

    def view(self) -> View[CallItem]:
        """Arguments by position: by name, they would take most of a big page's time."""
        time, number, recording_uri = call_clock(self.zone), self._number, self._recording_uri
        masked_properties = self.masked_properties

        def show(
            creation_seq: int,
            started_at: datetime,
            handled_s: int,
            disposition: str,
            property_id: int,
            caller_number: str | None,
            tracking_number: str,
            destination_number: str | None,
            source: str | None,
            medium: str | None,
            campaign: str | None,
            content: str | None,
            recording_hash: str | None,
            property_name: str,
        ) -> CallItem:
            date = time(started_at)
            return CallItem(
                creation_seq,
                creation_seq,
                date,
                handled_s,
                STATUS_OF_DISPOSITION[disposition],
                masked(caller_number or "") if property_id in masked_properties else number(caller_number),
                number(tracking_number),
                number(destination_number),
                source or "",
                "", "",  # keyword, referrer
                medium or "",
                campaign or "",
                "", "", "", "", "", "", "", "",  # page, campaignid, adgroupid, network, matchtype, creative, adposition, device
                weekday(date),
                hour(date),
                recording_uri(recording_hash) if recording_hash else "",
                "", "", "", "", "", "", "", "",  # gclid, fbclid, gacid, ttclid, reason, summary, both sentiments
                content or "",
                "", "",  # utm_term, utm_source
                property_name,
            )  # fmt: skip

        return show

    def _recording_uri(self, hash_: str) -> str:
        return f"{self.base_url}/recordings/{hash_}?key={self.recording_key(hash_)}"

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
