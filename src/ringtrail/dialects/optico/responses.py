"""What /data-api answers: every field of the vendor's, in the vendor's order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from ringtrail.dialects.optico.vocabulary import TRIGGER_TYPE, call_clock, sms_time, status_of
from ringtrail.model.message import Encoding, Message, parts_of
from ringtrail.model.query import DayTotals
from ringtrail.model.view import View
from ringtrail.services.numbers import masked

_DAYS_A_CHUNK = 1_000


class CallItem(msgspec.Struct, gc=False):
    """One call. What comes from a web visit is empty here: visits are not recorded yet.

    `visit_id`, `gclid` and `client_data` are left out when unknown, as in the vendor's example.
    """

    start_date: str  # DD/MM/YYYY HH:MM:SS, local
    caller: str  # empty when withheld
    tracking_number: str
    phone: str  # empty when no target was dialled
    trigger_type: int
    source: str
    url: str
    referer: str
    keyword: str
    call_path: str
    status: str
    duration: int  # seconds of talk, or with our prompts and mailbox
    billing_duration: int  # seconds
    revenue: float  # EUR or whatever the account's currency is; negative: a cost
    postcode: str
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


def call_view(zone: ZoneInfo, *, masks_callers: bool) -> View[CallItem]:
    """Arguments by position: by name, they would take most of a big page's time."""
    time = call_clock(zone)

    def show(
        started_at: datetime,
        caller_number: str | None,
        tracking_number: str,
        destination_number: str | None,
        trigger: str,
        source: str | None,
        disposition: str,
        stage: str,
        handled_s: int,
        billed_s: int,
        revenue_minor: int,
        keypad: str | None,
        redirected: bool,
        redirected_expired: bool,
        ring_s: int,
    ) -> CallItem:
        caller = caller_number or ""
        return CallItem(
            time(started_at),
            masked(caller) if masks_callers else caller,
            tracking_number,
            destination_number or "",
            TRIGGER_TYPE[trigger],
            source or "",
            "", "", "", "",  # url, referer, keyword, call_path
            status_of(disposition, stage, redirected_expired),
            handled_s,
            billed_s,
            revenue_minor / 100,
            "",  # postcode
            keypad or "",
            redirected,
            redirected_expired,
            ring_s,
        )  # fmt: skip

    return show


def sms_item(message: Message, zone: ZoneInfo, *, masks_callers: bool) -> SmsItem:
    parts = parts_of(message.body, message.encoding)
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
