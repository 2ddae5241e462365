"""Calls as Fone Dynamics shows them: every field, in the vendor's order.

Every key is always there; null says not known, not assigned or not applicable. Three labels are missing from the
vendor's page: `Date_Start`, `From` and `To` are named after its warehouse columns and its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from ringtrail.dialects.fonedynamics.vocabulary import ANONYMOUS, unix_text
from ringtrail.dialects.fonedynamics.vocabulary import disposition as word_of
from ringtrail.model.account import Property
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import call_sid
from ringtrail.model.view import View
from ringtrail.services.numbers import masked


class CallResource(msgspec.Struct, gc=False):
    """The vendor's call. Session, survey, note and integration fields are not kept by this server: always null."""

    CallSid: str
    PropertySid: str
    Date_Start: str  # Unix seconds
    From: str  # E.164 or "anonymous"
    From_CountryCode: str | None  # ISO 3166-1 alpha-2
    From_Region: str | None
    From_City: str | None
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
    Session_Traffic_Type: str | None
    Session_Keywords: str | None
    Session_ConversionUri: str | None
    Session_LandingUri: str | None
    Survey_Type: str | None
    Survey_Value: str | None
    Survey_Custom1: str | None
    Survey_Custom2: str | None
    Survey_Custom3: str | None
    Survey_UniqueCode: str | None
    Prompts_Keys: str | None
    Notes: str | None
    CallType: str | None
    Google_Analytics_ClientId: str | None
    Google_Adwords_ClickId: str | None


class OneCall(msgspec.Struct, kw_only=True):
    Call: CallResource


class CallList(msgspec.Struct, kw_only=True):
    Calls: list[CallResource]
    Token: str


def call_view(items: Mapping[int, Property], calls_url: str) -> View[CallResource]:
    """items: the account's properties by id. DomainError UNAVAILABLE for a call of one that was added since.

    calls_url: where a recording is served below, once it is finished. Arguments by position: by name, they would take most
    of a big page's time.
    """

    def show(
        id: int,
        property_id: int,
        started_at: datetime,
        caller_number: str | None,
        caller_withheld: bool,
        caller_country: str | None,
        caller_region: str | None,
        tracking_number: str,
        did_name: str | None,
        handled_s: int,
        disposition: str,
        stage: str,
        destination_number: str | None,
        source: str | None,
        medium: str | None,
        campaign: str | None,
        content: str | None,
        keypad: str | None,
        recording_ready: bool,
    ) -> CallResource:
        item = items.get(property_id)
        if item is None:
            raise DomainError(ErrorCode.UNAVAILABLE, detail="Properties have just changed, try again.")
        sid = call_sid(id)
        caller = ANONYMOUS if caller_number is None or caller_withheld else caller_number
        return CallResource(
            sid,
            item.sid,
            unix_text(started_at),
            masked(caller) if item.masks_callers and caller is not ANONYMOUS else caller,
            caller_country,
            caller_region,
            None,  # From_City
            tracking_number,
            did_name,
            handled_s,
            word_of(disposition, stage),
            f"{calls_url}/{sid}/Recording" if recording_ready else None,
            destination_number,
            source,
            medium,
            campaign,
            content,
            None, None, None, None,  # session
            None, None, None, None, None, None,  # survey
            keypad,
            None, None, None, None,  # note, call type, Google's ids
        )  # fmt: skip

    return show
