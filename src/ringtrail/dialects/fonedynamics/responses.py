"""Calls as Fone Dynamics shows them: every field, in the vendor's order.

Every key is always there; null says not known, not assigned or not applicable. Three labels are missing from the
vendor's page: `Date_Start`, `From` and `To` are named after its warehouse columns and its parameters.
"""

from __future__ import annotations

import msgspec

from ringtrail.dialects.fonedynamics.vocabulary import ANONYMOUS, disposition, unix_text
from ringtrail.model.account import Property
from ringtrail.model.call import CallRecord
from ringtrail.model.ids import call_sid
from ringtrail.services.numbers import masked

FIELDS = frozenset({
    "id", "change_seq", "property_id", "started_at", "caller_number", "caller_withheld", "caller_country",
    "caller_region", "tracking_number", "did_name", "handled_s", "disposition", "stage", "destination_number", "source",
    "medium", "campaign", "content", "keypad", "recording_ready",
})  # fmt: skip
"""What `call_resource` shows and the lists go by of a CallRecord; nothing else is fetched."""


class CallResource(msgspec.Struct, kw_only=True, gc=False):
    """The vendor's call. Session, survey, note and integration fields are not kept by this server: always null."""

    CallSid: str
    PropertySid: str
    Date_Start: str  # Unix seconds
    From: str  # E.164 or "anonymous"
    From_CountryCode: str | None  # ISO 3166-1 alpha-2
    From_Region: str | None
    From_City: str | None = None
    To: str  # E.164
    To_Friendly: str | None
    Duration: int  # seconds
    Disposition: str
    Recording_Uri: str | None
    Endpoint: str | None  # E.164
    Attribution_Source: str | None
    Attribution_Medium: str | None
    Attribution_Campaign: str | None
    Attribution_Content: str | None
    Session_Traffic_Type: str | None = None
    Session_Keywords: str | None = None
    Session_ConversionUri: str | None = None
    Session_LandingUri: str | None = None
    Survey_Type: str | None = None
    Survey_Value: str | None = None
    Survey_Custom1: str | None = None
    Survey_Custom2: str | None = None
    Survey_Custom3: str | None = None
    Survey_UniqueCode: str | None = None
    Prompts_Keys: str | None
    Notes: str | None = None
    CallType: str | None = None
    Google_Analytics_ClientId: str | None = None
    Google_Adwords_ClickId: str | None = None


class OneCall(msgspec.Struct, kw_only=True):
    Call: CallResource


class CallList(msgspec.Struct, kw_only=True):
    Calls: list[CallResource]
    Token: str


def call_resource(call: CallRecord, item: Property, calls_url: str) -> CallResource:
    """item: the call's property. calls_url: where its recording is served below, once that is finished."""
    sid = call_sid(call.id)
    return CallResource(
        CallSid=sid,
        PropertySid=item.sid,
        Date_Start=unix_text(call.started_at),
        From=_from(call, item),
        From_CountryCode=call.caller_country,
        From_Region=call.caller_region,
        To=call.tracking_number,
        To_Friendly=call.did_name,
        Duration=call.handled_s,
        Disposition=disposition(call.disposition, call.stage),
        Recording_Uri=f"{calls_url}/{sid}/Recording" if call.recording_ready else None,
        Endpoint=call.destination_number,
        Attribution_Source=call.source,
        Attribution_Medium=call.medium,
        Attribution_Campaign=call.campaign,
        Attribution_Content=call.content,
        Prompts_Keys=call.keypad,
    )


def _from(call: CallRecord, item: Property) -> str:
    if call.caller_number is None or call.caller_withheld:
        return ANONYMOUS
    return masked(call.caller_number) if item.masks_callers else call.caller_number
