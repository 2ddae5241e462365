"""The vendor's event types: which event of ours each one tells, and an example of its `data`.

The examples are what a test of an endpoint sends: made-up values that no receiver can take for news.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringtrail.model.events import EventType

_AT, _HASH, _TEXT, _NUMBER, _NOTHING = "2024-04-24 00:42:42", "UNIQUEID", "(string)", "+33612345678", "0.00"

_CDR_IN = {
    "answer": _AT, "billing_customer_cost_label": _TEXT, "billing_customer_credit_eur": _NOTHING,
    "billing_customer_debit_eur": _NOTHING, "callid": 0, "cli_country_code": "FR", "cli_name": _TEXT,
    "cli_number": _NUMBER, "cli_number_type": _TEXT, "cli_pres": "allowed_passed_screen", "customer_field": _TEXT,
    "did_hash": _HASH, "did_intl_number": "+16469820800", "duration": 0, "duration_answered": 0, "duration_billed": 0,
    "hangup": _AT, "hangupcause": 0, "hangupsource": "GATEWAY", "package_name": _TEXT, "scenario_hash": _HASH,
    "scenario_name": _TEXT, "start": _AT,
}  # fmt: skip
_CDR_OUT = {
    "answer": _AT, "billing_customer_cost_label": _TEXT, "billing_customer_credit_eur": _NOTHING,
    "billing_customer_debit_eur": _NOTHING, "callid": 0, "callid_in": 0, "cli_name": _TEXT, "cli_number": _NUMBER,
    "cli_pres": "allowed_passed_screen", "customer_field": _TEXT, "dialstatus": "NOANSWER", "duration": 0,
    "duration_answered": 0, "duration_billed": 0, "hangup": _AT, "hangupcause": 0, "hangupsource": "CALLEE",
    "number": _NUMBER, "number_country_code": "FR", "number_type": _TEXT, "package_name": _TEXT,
    "scenario_hash": _HASH, "scenario_name": _TEXT, "start": _AT,
}  # fmt: skip
_CREDIT = {
    "balance": _NOTHING, "currency_code": _TEXT, "last_transaction_amount": _NOTHING, "shutdown_limit": _NOTHING,
    "warning_limit": _NOTHING,
}  # fmt: skip
_DID = {
    "app": _HASH, "class": "CLASSIC", "country_code": "FR", "hash": _HASH, "intl_number": "+16469820800",
    "local_number": _TEXT, "local_number_f": _TEXT, "type": "SPECIAL",
}  # fmt: skip
_JOB = {"done_at": _AT, "error": {}, "id": _TEXT, "percent": _TEXT, "result": {}, "status": _TEXT}
_MEDIA = {
    "category": [], "content": _TEXT, "duration": 0, "hash": _HASH, "id": 0, "is_editable": True, "language": [],
    "name": _TEXT, "status": "PROCESSING", "tags": {}, "url": _TEXT, "voice": "TTS_FR-FR_AUDREY",
}  # fmt: skip
_RECORDING = {
    "app_hash": _HASH, "app_name": _TEXT, "callid": 0, "cli_name": _TEXT, "cli_number": "+16469820800", "date": _AT,
    "date_read": _AT, "did_hash": _HASH, "did_intl_number": "+16469820800", "did_local_number": _TEXT, "duration": 0,
    "file_size_total": 0, "hash": _HASH, "options": {}, "read": True, "status": "READY", "type": "CALL", "url": _TEXT,
    "url_exts": [], "url_mp3": _TEXT,
}  # fmt: skip
_SMS = {
    "b_customer_debit": _NOTHING, "b_customer_mode": "PREPAID", "date_creation": _AT, "date_received": _AT,
    "date_sent": _AT, "date_update": _AT, "encoding": "UNICODE", "from": _TEXT, "hash": _HASH, "nature": "MARKETING",
    "options": {}, "parts": 0, "status": "ERROR", "status_error": _TEXT, "text": _TEXT, "to": _TEXT, "type": "IN",
    "user_data": _TEXT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WebhookType:
    events: tuple[EventType, ...]
    example: Mapping[str, Any]


TYPES: dict[str, WebhookType] = {
    "billing.credit": WebhookType((EventType.CREDIT_CHANGED,), _CREDIT),
    "billing.credit_shutdown": WebhookType((EventType.CREDIT_SHUTDOWN,), _CREDIT),
    "billing.credit_warning": WebhookType((EventType.CREDIT_WARNING,), _CREDIT),
    "call.inbound_hangup": WebhookType((EventType.CALL_ENDED,), _CDR_IN),
    "call.inbound_start": WebhookType((EventType.CALL_STARTED,), _CDR_IN),
    "call.outbound_hangup": WebhookType((EventType.LEG_ENDED, EventType.CALL_ENDED), _CDR_OUT),
    "call.outbound_start": WebhookType((EventType.LEG_STARTED, EventType.CALL_STARTED), _CDR_OUT),
    "did.assigned": WebhookType((EventType.NUMBER_ASSIGNED,), _DID),
    "did.unassigned": WebhookType((EventType.NUMBER_RELEASED,), _DID),
    "job.status_update": WebhookType((EventType.JOB_CHANGED,), _JOB),
    "media.library.status_update": WebhookType((EventType.MEDIA_CHANGED,), _MEDIA),
    "media.recording.new": WebhookType((EventType.RECORDING_CREATED,), _RECORDING),
    "media.recording.status_update": WebhookType((EventType.RECORDING_CHANGED,), _RECORDING),
    "sms.mo": WebhookType((EventType.MESSAGE_RECEIVED,), _SMS),
    "sms.mt.status_update": WebhookType((EventType.MESSAGE_CHANGED,), _SMS),
}
"""The first event of each is the type's alone."""

TYPE_OF: dict[EventType, str] = {item.events[0]: word for word, item in TYPES.items()}


def events_of(type_: str) -> tuple[EventType, ...]:
    """What an endpoint of a subscription to this type hears of."""
    return TYPES[type_].events
