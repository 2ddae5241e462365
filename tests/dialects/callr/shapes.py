"""The properties of the vendor's objects, in its order, from its object reference."""

from __future__ import annotations

EVENT = ["data", "event_at", "event_id", "hook_hash", "try", "type"]
WEBHOOK = ["created_at", "endpoint", "hash", "options", "status", "type", "updated_at"]
WEBHOOK_OPTIONS = ["format", "hmac_algo", "hmac_secret"]
CREDIT = ["balance", "currency_code", "last_transaction_amount", "shutdown_limit", "warning_limit"]
CDR_IN = [
    "answer", "billing_customer_cost_label", "billing_customer_credit_eur", "billing_customer_debit_eur", "callid",
    "cli_country_code", "cli_name", "cli_number", "cli_number_type", "cli_pres", "customer_field", "did_hash",
    "did_intl_number", "duration", "duration_answered", "duration_billed", "hangup", "hangupcause", "hangupsource",
    "package_name", "scenario_hash", "scenario_name", "start",
]  # fmt: skip
CDR_OUT = [
    "answer", "billing_customer_cost_label", "billing_customer_credit_eur", "billing_customer_debit_eur", "callid",
    "callid_in", "cli_name", "cli_number", "cli_pres", "customer_field", "dialstatus", "duration", "duration_answered",
    "duration_billed", "hangup", "hangupcause", "hangupsource", "number", "number_country_code", "number_type",
    "package_name", "scenario_hash", "scenario_name", "start",
]  # fmt: skip
DID = ["app", "class", "country_code", "hash", "intl_number", "local_number", "local_number_f", "type"]
JOB = ["done_at", "error", "id", "percent", "result", "status"]
MEDIA = [
    "category", "content", "duration", "hash", "id", "is_editable", "language", "name", "status", "tags", "url", "voice",
]  # fmt: skip
RECORDING = [
    "app_hash", "app_name", "callid", "cli_name", "cli_number", "date", "date_read", "did_hash", "did_intl_number",
    "did_local_number", "duration", "file_size_total", "hash", "options", "read", "status", "type", "url", "url_exts",
    "url_mp3",
]  # fmt: skip
SMS = [
    "b_customer_debit", "b_customer_mode", "date_creation", "date_received", "date_sent", "date_update", "encoding",
    "from", "hash", "nature", "options", "parts", "status", "status_error", "text", "to", "type", "user_data",
]  # fmt: skip
SMS_OPTIONS = ["flash_message", "force_encoding", "nature", "user_data", "webhook"]

DATA: dict[str, list[str]] = {
    "billing.credit": CREDIT,
    "billing.credit_shutdown": CREDIT,
    "billing.credit_warning": CREDIT,
    "call.inbound_hangup": CDR_IN,
    "call.inbound_start": CDR_IN,
    "call.outbound_hangup": CDR_OUT,
    "call.outbound_start": CDR_OUT,
    "did.assigned": DID,
    "did.unassigned": DID,
    "job.status_update": JOB,
    "media.library.status_update": MEDIA,
    "media.recording.new": RECORDING,
    "media.recording.status_update": RECORDING,
    "sms.mo": SMS,
    "sms.mt.status_update": SMS,
}
"""What each type of webhook carries."""

_OBJECTS = {
    "billing": "Webhook.Event.Billing.Credit",
    "call.inbound": "CDR.In",
    "call.outbound": "CDR.Out",
    "did": "DID",
    "job": "Job",
    "media.library": "Media.Library",
    "media.recording": "Media.Recording",
    "sms": "SMS",
}


def object_of(type_: str) -> str:
    """The vendor's name of what a type of webhook carries."""
    return next(name for start, name in _OBJECTS.items() if type_.startswith(start))
