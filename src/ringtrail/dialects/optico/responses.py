"""What /data-api answers: every field of the vendor's, in the vendor's order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from ringtrail.dialects.optico.vocabulary import TRIGGER_TYPE, call_time, sms_time, status_of
from ringtrail.model.call import CallRecord
from ringtrail.model.message import Encoding, Message, parts_of
from ringtrail.model.query import DayTotals
from ringtrail.services.numbers import masked

_DAYS_A_CHUNK = 1_000

FIELDS = frozenset({
    "started_at", "caller_number", "tracking_number", "destination_number", "trigger", "source", "disposition", "stage",
    "handled_s", "billed_s", "revenue_minor", "keypad", "redirected", "redirected_expired", "ring_s",
})  # fmt: skip
"""What `call_item` shows of a CallRecord; nothing else is fetched."""


class CallItem(msgspec.Struct, kw_only=True, gc=False):
    """One call. What comes from a web visit is empty here: visits are not recorded yet.

    `visit_id`, `gclid` and `client_data` are left out when unknown, as in the vendor's example.
    """

    start_date: str  # DD/MM/YYYY HH:MM:SS, local
    caller: str  # empty when withheld
    tracking_number: str
    phone: str  # empty when no target was dialled
    trigger_type: int
    source: str
    url: str = ""
    referer: str = ""
    keyword: str = ""
    call_path: str = ""
    status: str
    duration: int  # seconds of talk, or with our prompts and mailbox
    billing_duration: int  # seconds
    revenue: float  # EUR or whatever the account's currency is; negative: a cost
    postcode: str = ""
    keypad: str
    is_redirect: bool
    expired_redirect: bool
    answer_time: int  # seconds that the caller waited, to the answer or to the end
    visit_id: str | UnsetType = UNSET
    gclid: str | UnsetType = UNSET
    client_data: str | UnsetType = UNSET


class SmsItem(msgspec.Struct, kw_only=True):
    """One received SMS. `message_content` is an array of the parts where there are several, or where the text is Unicode."""

    sent_date: str  # YYYY-MM-DD HH:MM:SS, local; when it came to us
    caller_phone: str
    tracking_phone: str
    id: int
    message_content: str | list[str]


class DayItem(msgspec.Struct, kw_only=True):
    """One local day; days without calls are there with zeros."""

    date: str
    calls: int
    duration: float  # seconds of talk
    revenue: float


class CallListing(msgspec.Struct, kw_only=True):
    """A page of calls. `next_page` is there only if there is one."""

    status: str = "OK"
    total_results: int
    next_page: int | UnsetType = UNSET
    results: list[CallItem]


class SmsListing(msgspec.Struct, kw_only=True):
    """A page of SMS. `next_page` is there only if there is one."""

    status: str = "OK"
    total_results: int
    next_page: int | UnsetType = UNSET
    results: list[SmsItem]


class DayListing(msgspec.Struct, kw_only=True):
    """Every day of the range, in order; not paged."""

    status: str = "OK"
    results: list[DayItem]


def call_listing(results: list[CallItem], *, total: int, page: int, limit: int) -> bytes:
    return msgspec.json.encode(
        CallListing(total_results=total, next_page=_next_page(total, page, limit), results=results)
    )


def sms_listing(results: list[SmsItem], *, total: int, page: int, limit: int) -> bytes:
    return msgspec.json.encode(
        SmsListing(total_results=total, next_page=_next_page(total, page, limit), results=results)
    )


def _next_page(total: int, page: int, limit: int) -> int | UnsetType:
    return page + 1 if page * limit < total else UNSET


def call_item(record: CallRecord, zone: ZoneInfo, *, masks_callers: bool) -> CallItem:
    caller = record.caller_number or ""
    return CallItem(
        start_date=call_time(record.started_at, zone),
        caller=masked(caller) if masks_callers else caller,
        tracking_number=record.tracking_number,
        phone=record.destination_number or "",
        trigger_type=TRIGGER_TYPE[record.trigger],
        source=record.source or "",
        status=status_of(record.disposition, record.stage, redirected_expired=record.redirected_expired),
        duration=record.handled_s,
        billing_duration=record.billed_s,
        revenue=record.revenue_minor / 100,
        keypad=record.keypad or "",
        is_redirect=record.redirected,
        expired_redirect=record.redirected_expired,
        answer_time=record.ring_s,
    )


def sms_item(message: Message, zone: ZoneInfo, *, masks_callers: bool) -> SmsItem:
    parts = parts_of(message.body)
    plain = len(parts) == 1 and message.encoding is Encoding.GSM
    return SmsItem(
        sent_date=sms_time(message.created_at, zone),
        caller_phone=masked(message.sender) if masks_callers else message.sender,
        tracking_phone=message.recipient_e164,
        id=message.id,
        message_content=message.body if plain else parts,
    )


def day_listing(days: range, totals: list[DayTotals]) -> Iterator[bytes]:
    """The body of a grouped answer in pieces: a range may be all of the calendar, 3.6 million days."""
    by_day = {total.day: total for total in totals}
    items = (_day_item(date.fromordinal(ordinal).isoformat(), by_day) for ordinal in days)
    opening = b'{"status":"OK","results":['
    while chunk := list(islice(items, _DAYS_A_CHUNK)):
        yield opening + msgspec.json.encode(chunk)[1:-1]
        opening = b","
    yield b"]}" if opening == b"," else opening + b"]}"


def _day_item(day: str, by_day: dict[str, DayTotals]) -> DayItem:
    total = by_day.get(day)
    if total is None:
        return DayItem(date=day, calls=0, duration=0.0, revenue=0.0)
    return DayItem(date=day, calls=total.calls, duration=float(total.handled_s), revenue=total.revenue_minor / 100)
