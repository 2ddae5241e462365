"""The vendor's objects, keys in the vendor's order.

What is not known is null, everywhere: a call that nobody answered has `answer` null, a withheld caller has `cli_number`
null, `billing_customer_cost_label` is null where no rate has a label. Money that is known to be nothing is "0.00"; the debit of
a call of an account without a tariff is the cost that was noted on it.
`did` of an App is null when the asker did not want the numbers. [inferred].
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import field

from ringtrail.dialects.callr import vocabulary as words
from ringtrail.dialects.callr.packages import complete_params
from ringtrail.model.account import Account
from ringtrail.model.app import App
from ringtrail.model.call import LegRole, RecordingRecord, billed_seconds
from ringtrail.model.cause import HangupBy
from ringtrail.model.number import DID
from ringtrail.model.view import View
from ringtrail.services.numbers import masked, national_format

Hit = TypeVar("Hit")


class SearchResults(msgspec.Struct, Generic[Hit]):
    has_more: bool
    hits: Sequence[Hit]
    offset: int
    total: int


class AppPackage(msgspec.Struct):
    has_did: bool
    name: str
    type: str | None


class AppOfDid(msgspec.Struct):
    """What `did.search` shows in place of the bare hash of an app (live behaviour, not in the object reference)."""

    hash: str
    name: str
    package: dict[str, str | None]


class Did(msgspec.Struct):
    app: str | AppOfDid | None
    class_: str = field(name="class")
    country_code: str | None
    hash: str
    intl_number: str
    local_number: str
    local_number_f: str
    type: str


class VoiceApp(msgspec.Struct):
    date_creation: str
    date_update: str
    did: list[Did] | None
    hash: str
    name: str
    p: dict[str, Any]
    package: AppPackage


class CdrIn(msgspec.Struct, gc=False):
    answer: str | None
    billing_customer_cost_label: str | None
    billing_customer_credit_eur: str
    billing_customer_debit_eur: str
    callid: int
    cli_country_code: str | None
    cli_name: str | None
    cli_number: str | None
    cli_number_type: str | None
    cli_pres: str
    customer_field: str | None
    did_hash: str | None  # null: no number of ours was called
    did_intl_number: str | None
    duration: int
    duration_answered: int
    duration_billed: int
    hangup: str | None
    hangupcause: int | None
    hangupsource: str | None
    package_name: str | None
    scenario_hash: str | None
    scenario_name: str | None
    start: str


class CdrOut(msgspec.Struct, gc=False):
    answer: str | None
    billing_customer_cost_label: str | None
    billing_customer_credit_eur: str
    billing_customer_debit_eur: str
    callid: int
    callid_in: int | None
    cli_name: str | None
    cli_number: str | None
    cli_pres: str
    customer_field: str | None
    dialstatus: str
    duration: int
    duration_answered: int
    duration_billed: int
    hangup: str | None
    hangupcause: int | None
    hangupsource: str | None
    number: str | None
    number_country_code: str | None
    number_type: str | None
    package_name: str | None
    scenario_hash: str | None
    scenario_name: str | None
    start: str


class RecordingOptions(msgspec.Struct):
    """Nothing is transcribed, so every switch of it is off."""

    feeds: str = "both"
    locale: str | None = None
    ner: bool = False
    pii: bool = False
    sentiment: bool = False
    transcription: bool = False
    webhook: dict[str, Any] | None = None


class MediaRecording(msgspec.Struct):
    app_hash: str | None
    app_name: str | None
    callid: int
    cli_name: str | None
    cli_number: str | None
    date: str
    date_read: str | None
    did_hash: str | None
    did_intl_number: str | None
    did_local_number: str | None
    duration: int | None
    file_size_total: int | None
    hash: str
    options: RecordingOptions
    read: bool
    status: str
    type: str
    url: str | None
    url_exts: list[str]
    url_mp3: str | None


class RecordingList(msgspec.Struct):
    items: list[MediaRecording]
    total_items: int


def search_results(hits: Sequence[Hit], *, offset: int, total: int) -> SearchResults[Hit]:
    return SearchResults(has_more=offset + len(hits) < total, hits=hits, offset=offset, total=total)


def app_object(account: Account, app: App, dids: list[DID] | None) -> VoiceApp:
    """dids: the app's own, or None if they were not asked for."""
    return VoiceApp(
        date_creation=words.datetime_text(app.created_at),
        date_update=words.datetime_text(app.updated_at),
        did=None if dids is None else [did_object(did, did.app_hash) for did in dids],
        hash=app.hash,
        name=app.name,
        p=complete_params(account, app.package, app.params),
        package=AppPackage(
            has_did=app.package in words.PACKAGES_WITH_DID,
            name=app.package,
            type=words.PACKAGE_TYPES.get(app.package),
        ),
    )


def app_of_did(app: App) -> AppOfDid:
    package = {"name": app.package, "type": words.PACKAGE_TYPES.get(app.package)}
    return AppOfDid(hash=app.hash, name=app.name, package=package)


def did_object(did: DID, app: str | AppOfDid | None) -> Did:
    local = national_format(did.number_e164)
    return Did(
        app=app,
        class_=did.class_,
        country_code=did.country or None,
        hash=did.hash,
        intl_number=did.number_e164,
        local_number=_digits(local),
        local_number_f=local,
        type=did.line_type,
    )


def cdr_in_view(account: Account, masking: frozenset[int]) -> View[CdrIn]:
    """masking: ids of the properties that hide their callers' last digits. Arguments by position: by name, they would
    take most of a big page's time."""
    time, increment_s = words.datetime_text, account.billing_increment_s

    def show(
        id: int,
        started_at: datetime,
        caller_answered_at: datetime | None,
        ended_at: datetime | None,
        revenue_minor: int,
        caller_country: str | None,
        caller_name: str | None,
        caller_number: str | None,
        caller_line_type: str | None,
        caller_withheld: bool,
        external_id: str | None,
        did_hash: str,
        tracking_number: str,
        total_s: int,
        connected_s: int,
        hangup_cause: int | None,
        hangup_by: str | None,
        package: str | None,
        app_hash: str | None,
        app_name: str | None,
        property_id: int,
        debit_micro: int | None,
        cost_label: str | None,
    ) -> CdrIn:
        if caller_withheld:
            caller_country = caller_name = caller_number = caller_line_type = None
        return CdrIn(
            time(caller_answered_at) if caller_answered_at else None,
            cost_label,
            words.amount(revenue_minor) if revenue_minor > 0 else words.NOTHING,
            words.cents(debit_micro) if debit_micro is not None else words.amount(max(0, -revenue_minor)),
            id,
            caller_country,
            caller_name,
            masked(caller_number) if caller_number and property_id in masking else caller_number,
            caller_line_type,
            words.CLI_WITHHELD if caller_withheld else words.CLI_ALLOWED,
            external_id,
            did_hash or None,
            tracking_number or None,
            total_s,
            connected_s,
            billed_seconds(connected_s, increment_s),
            time(ended_at) if ended_at else None,
            hangup_cause,
            words.HANGUP_SOURCES[hangup_by] if hangup_by else None,
            package,
            app_hash,
            app_name,
            time(started_at),
        )

    return show


_OTHER_END: dict[str | None, str] = {HangupBy.CALLER: HangupBy.CALLEE, HangupBy.CALLEE: HangupBy.CALLER}


def cdr_out_view(masking: frozenset[int]) -> View[CdrOut]:
    """Of LegRecords; otherwise as `cdr_in_view`.

    [inferred]: the caller's own leg of a call that we placed has no `callid_in`, and what it was shown as its caller is not
    kept; the targets of that call have its id as theirs, which nothing else in a CDR tells. Whoever is called is the CALLEE
    of its leg: there the call's caller, everywhere else the target.
    """
    time = words.datetime_text

    def show(
        id: int,
        call_id: int,
        role: str,
        started_at: datetime,
        answered_at: datetime | None,
        ended_at: datetime | None,
        caller_name: str | None,
        caller_number: str | None,
        caller_withheld: bool,
        external_id: str | None,
        disposition: str,
        hangup_by: str | None,
        total_s: int,
        talk_s: int,
        billed_s: int,
        cause: int | None,
        number: str | None,
        number_country: str | None,
        number_line_type: str | None,
        package: str | None,
        app_hash: str | None,
        app_name: str | None,
        property_id: int,
        debit_micro: int | None,
        cost_label: str | None,
    ) -> CdrOut:
        callid_in: int | None = call_id
        if caller_number and property_id in masking:
            caller_number = masked(caller_number)
        if role == LegRole.CALLER:
            number, callid_in, hangup_by = caller_number, None, _OTHER_END.get(hangup_by, hangup_by)
        if caller_withheld or callid_in is None:
            caller_name = caller_number = None
        return CdrOut(
            time(answered_at) if answered_at else None,
            cost_label,
            words.NOTHING,
            words.cents(debit_micro) if debit_micro else words.NOTHING,
            id,
            callid_in,
            caller_name,
            caller_number,
            words.CLI_WITHHELD if caller_withheld else words.CLI_ALLOWED,
            external_id,
            words.dial_status(disposition, answered=answered_at is not None, hangup_by=hangup_by),
            total_s,
            talk_s,
            billed_s,
            time(ended_at) if ended_at else None,
            cause,
            words.HANGUP_SOURCES[hangup_by] if hangup_by else None,
            number,
            number_country,
            number_line_type,
            package,
            app_hash,
            app_name,
            time(started_at),
        )

    return show


def recording_object(recording: RecordingRecord, url: str, masking: frozenset[int]) -> MediaRecording:
    """url: of the sound file without extension; shown once there is a file to fetch."""
    ready = recording.status == "ready"
    number, caller = recording.tracking_number, recording.caller_number
    return MediaRecording(
        app_hash=recording.app_hash,
        app_name=recording.app_name,
        callid=recording.call_id,
        cli_name=recording.caller_name,
        cli_number=masked(caller) if caller and recording.property_id in masking else caller,
        date=words.datetime_text(recording.started_at),
        date_read=words.datetime_text(recording.read_at) if recording.read_at else None,
        did_hash=recording.did_hash,
        did_intl_number=number,
        did_local_number=_digits(national_format(number)) if number else None,
        duration=None if recording.duration_ms is None else round(recording.duration_ms / 1000),
        file_size_total=recording.size_bytes,
        hash=recording.hash,
        options=RecordingOptions(),
        read=recording.read_at is not None,
        status=words.RECORDING_STATUS_WORDS[recording.status],
        type=words.RECORDING_TYPE_OF_KIND[recording.kind],
        url=url if ready else None,
        url_exts=["mp3", "wav"] if ready else [],
        url_mp3=f"{url}.mp3" if ready else None,
    )


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
