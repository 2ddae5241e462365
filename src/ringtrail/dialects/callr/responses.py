"""The vendor's objects, keys in the vendor's order.

What is not known is null, everywhere: a call that nobody answered has `answer` null, a withheld caller has `cli_number`
null, `billing_customer_cost_label` is always null because we rate no calls. Money that is known to be nothing is "0.00".
`did` of an App is null when the asker did not want the numbers. [inferred].
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import field

from ringtrail.dialects.callr import vocabulary as words
from ringtrail.dialects.callr.call_tracking import completed
from ringtrail.model.account import Account
from ringtrail.model.app import PACKAGE_CALL_TRACKING, App
from ringtrail.model.call import CallRecord, LegRecord, RecordingRecord, billed_seconds
from ringtrail.model.number import DID
from ringtrail.services.numbers import masked, national_format

CDR_IN_FIELDS = frozenset({
    "id", "caller_answered_at", "revenue_minor", "caller_country", "caller_name", "caller_number", "caller_line_type",
    "caller_withheld", "external_id", "did_hash", "tracking_number", "total_s", "connected_s", "ended_at", "hangup_cause",
    "hangup_by", "package", "app_hash", "app_name", "started_at", "property_id",
})  # fmt: skip
"""What `cdr_in` shows of a CallRecord; nothing else is fetched."""


class SearchResults(msgspec.Struct):
    has_more: bool
    hits: list[Any]
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
    did_hash: str
    did_intl_number: str
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
    callid_in: int
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


def search_results(hits: list[Any], *, offset: int, total: int) -> SearchResults:
    return SearchResults(has_more=offset + len(hits) < total, hits=hits, offset=offset, total=total)


def app_object(account: Account, app: App, dids: list[DID] | None) -> VoiceApp:
    """dids: the app's own, or None if they were not asked for."""
    return VoiceApp(
        date_creation=words.datetime_text(app.created_at),
        date_update=words.datetime_text(app.updated_at),
        did=None if dids is None else [did_object(did, did.app_hash) for did in dids],
        hash=app.hash,
        name=app.name,
        p=completed(account, app.params) if app.package == PACKAGE_CALL_TRACKING else app.params,
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
        class_=words.OUR_DID_CLASS,
        country_code=did.country or None,
        hash=did.hash,
        intl_number=did.number_e164,
        local_number=_digits(local),
        local_number_f=local,
        type=did.line_type,
    )


def cdr_in(record: CallRecord, account: Account, masking: frozenset[int]) -> CdrIn:
    """masking: ids of the properties that hide their callers' last digits."""
    shown, revenue = not record.caller_withheld, record.revenue_minor
    return CdrIn(
        answer=words.datetime_text(record.caller_answered_at) if record.caller_answered_at else None,
        billing_customer_cost_label=None,
        billing_customer_credit_eur=words.amount(revenue) if revenue > 0 else words.NOTHING,
        billing_customer_debit_eur=words.amount(-revenue) if revenue < 0 else words.NOTHING,
        callid=record.id,
        cli_country_code=record.caller_country if shown else None,
        cli_name=record.caller_name if shown else None,
        cli_number=_caller(record, masking) if shown else None,
        cli_number_type=record.caller_line_type if shown else None,
        cli_pres=words.CLI_ALLOWED if shown else words.CLI_WITHHELD,
        customer_field=record.external_id,
        did_hash=record.did_hash,
        did_intl_number=record.tracking_number,
        duration=record.total_s,
        duration_answered=record.connected_s,
        duration_billed=billed_seconds(record.connected_s, account.billing_increment_s),
        hangup=words.datetime_text(record.ended_at) if record.ended_at else None,
        hangupcause=record.hangup_cause,
        hangupsource=words.HANGUP_SOURCES[record.hangup_by] if record.hangup_by else None,
        package_name=record.package,
        scenario_hash=record.app_hash,
        scenario_name=record.app_name,
        start=words.datetime_text(record.started_at),
    )


def cdr_out(leg: LegRecord, masking: frozenset[int]) -> CdrOut:
    shown = not leg.caller_withheld
    return CdrOut(
        answer=words.datetime_text(leg.answered_at) if leg.answered_at else None,
        billing_customer_cost_label=None,
        billing_customer_credit_eur=words.NOTHING,
        billing_customer_debit_eur=words.NOTHING,
        callid=leg.id,
        callid_in=leg.call_id,
        cli_name=leg.caller_name if shown else None,
        cli_number=_caller(leg, masking) if shown else None,
        cli_pres=words.CLI_ALLOWED if shown else words.CLI_WITHHELD,
        customer_field=leg.external_id,
        dialstatus=words.dial_status(leg.disposition, answered=leg.answered_at is not None, hangup_by=leg.hangup_by),
        duration=leg.total_s,
        duration_answered=leg.talk_s,
        duration_billed=leg.billed_s,
        hangup=words.datetime_text(leg.ended_at) if leg.ended_at else None,
        hangupcause=leg.cause,
        hangupsource=words.HANGUP_SOURCES[leg.hangup_by] if leg.hangup_by else None,
        number=leg.number,
        number_country_code=leg.number_country,
        number_type=leg.number_line_type,
        package_name=leg.package,
        scenario_hash=leg.app_hash,
        scenario_name=leg.app_name,
        start=words.datetime_text(leg.started_at),
    )


def recording_object(recording: RecordingRecord, url: str, masking: frozenset[int]) -> MediaRecording:
    """url: of the sound file without extension; shown once there is a file to fetch."""
    ready = recording.status == "ready"
    number = recording.tracking_number
    return MediaRecording(
        app_hash=recording.app_hash,
        app_name=recording.app_name,
        callid=recording.call_id,
        cli_name=recording.caller_name,
        cli_number=_caller(recording, masking),
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


def _caller(record: CallRecord | LegRecord | RecordingRecord, masking: frozenset[int]) -> str | None:
    number = record.caller_number
    return masked(number) if number and record.property_id in masking else number


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
