"""What this dialect serves, as data: the OpenAPI document, the docs page and the tests are made of it."""

from __future__ import annotations

from ringtrail.dialects.optico.errors import MESSAGES, Refusal
from ringtrail.dialects.optico.requests import MAX_LIMIT, MIN_LIMIT
from ringtrail.dialects.optico.responses import CallItem, CallListing, DayItem, DayListing, SmsItem, SmsListing
from ringtrail.dialects.optico.vocabulary import DEFAULT_TIMEZONE, STATUS_OF_OUTCOME, TRIGGER_TYPE
from ringtrail.httpkit.reference import Answer, Example, Failure, Field, Fields, Operation, Parameter, Reference
from ringtrail.model.errors import ErrorCode

KEY = "YOUR_API_KEY"
"""What the examples name; the tests put a real one in its place."""

_STATUSES = list(dict.fromkeys(STATUS_OF_OUTCOME.values()))
_DAY = {"type": "string", "format": "date", "examples": ["2026-07-14"]}
_NUMBER = {"type": "string", "examples": ["+33612345678", "0612345678"]}
_OK = Field("Always `OK`.", {"enum": ["OK"]})

PARAMETERS = (
    Parameter("type", "What to list.", {"enum": ["calls", "sms"]}, required=True),
    Parameter("start_date", "The first day, local.", _DAY, required=True),
    Parameter("end_date", "The last day, local, included.", _DAY, required=True),
    Parameter("page", "From 1. A page beyond the end is empty.", {"type": "integer", "minimum": 1}, required=True),
    Parameter("limit", "Records in a page.", {"type": "integer", "minimum": MIN_LIMIT, "maximum": MAX_LIMIT}, required=True),
    Parameter("group_by_day", "`true` or `1`: a row for each day instead of calls. Ignored with `type=sms`.", {"type": "string", "examples": ["true"]}),
    Parameter("phone", "The number that was dialled for the caller, in any usual spelling.", _NUMBER),
    Parameter("tracking_phone", "The tracking number, in any usual spelling.", _NUMBER),
    Parameter("caller_phone", "The caller, in any usual spelling; as it is shown, where the domain masks callers.", _NUMBER),
    Parameter("status", "How the call ended; several words with commas. A word that is none matches nothing.", {"type": "array", "items": {"enum": _STATUSES}}),
    Parameter("offline_phone_description", "Description of the tracking number, exactly.", {"type": "string", "examples": ["Leaflet 7"]}),
)  # fmt: skip

FIELDS: Fields = {
    CallListing: {
        "status": _OK,
        "total_results": "Calls in all pages.",
        "next_page": "The number of the next page.",
        "results": "Oldest first.",
    },
    CallItem: {
        "start_date": Field("When it began, local: `DD/MM/YYYY HH:MM:SS`.", {"pattern": "^[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}$"}),
        "caller": "E.164; empty when withheld; the last four digits `XXXX` where the domain masks callers.",
        "tracking_number": "The number that the caller dialled, E.164.",
        "phone": "The number that was dialled for the caller, E.164; empty when there was none.",
        "trigger_type": Field("1 normal, 2 web, 3 rule, 4 API.", {"enum": sorted(set(TRIGGER_TYPE.values()))}),
        "source": "Of the tracking number.",
        "url": "Always empty.",
        "referer": "Always empty.",
        "keyword": "Always empty.",
        "call_path": "Always empty.",
        "status": Field("How it ended.", {"enum": _STATUSES}),
        "duration": "Seconds of talk; seconds with prompts, menu or mailbox when nobody else answered.",
        "billing_duration": "Seconds of talk in whole billing steps.",
        "revenue": "In the account's currency; positive is earned, negative a cost.",
        "postcode": "Always empty.",
        "keypad": "Keys that the caller pressed.",
        "is_redirect": "Sent on to another number than the usual one.",
        "expired_redirect": "Sent on because the tracking number had expired.",
        "answer_time": "Seconds that the caller waited, until the answer or else until the end.",
        "visit_id": "The web visit, when known.",
        "gclid": "Google's click id, when known.",
        "client_data": "What your page gave us, when known.",
    },
    SmsListing: {
        "status": _OK,
        "total_results": "SMS in all pages.",
        "next_page": "The number of the next page.",
        "results": "Oldest first.",
    },
    SmsItem: {
        "sent_date": "When it came to us, local: `YYYY-MM-DD HH:MM:SS`.",
        "caller_phone": "The sender: a number or a name; the last four digits `X` where the domain masks callers.",
        "tracking_phone": "The tracking number that it was sent to.",
        "id": "The SMS.",
        "message_content": "The text; a list of its parts, in order, if it is Unicode or there are several.",
    },
    DayListing: {"status": _OK, "results": "Every day of the range, in order; not paged."},
    DayItem: {
        "date": "The local day: `YYYY-MM-DD`.",
        "calls": "How many began on it.",
        "duration": "Seconds of them all, as in a call's `duration`.",
        "revenue": "Of them all.",
    },
    Refusal: {"status": Field("Always `ERROR`.", {"enum": ["ERROR"]}), "errors": "Everything that is wrong: key, missing parameters, dates, limit, type, page."},
}  # fmt: skip

_CALL = {
    "start_date": "14/07/2026 11:05:10",
    "caller": "+33612345678",
    "tracking_number": "+33912340001",
    "phone": "+33987654321",
    "trigger_type": 1,
    "source": "Google Ads",
    "url": "",
    "referer": "",
    "keyword": "",
    "call_path": "",
    "status": "SUCCESS",
    "duration": 199,
    "billing_duration": 240,
    "revenue": 0.0,
    "postcode": "",
    "keypad": "",
    "is_redirect": False,
    "expired_redirect": False,
    "answer_time": 11,
}
_SMS = {
    "sent_date": "2026-07-14 14:30:45",
    "caller_phone": "+33612345678",
    "tracking_phone": _CALL["tracking_number"],
    "id": 1,
    "message_content": "Are you open on Saturday?",
}
_QUERY = f"api_key={KEY}&type=calls&start_date=2026-07-14&end_date=2026-07-15&page=1&limit=10"

_ERRORS = (
    ErrorCode.MISSING, ErrorCode.BAD_FORMAT, ErrorCode.OUT_OF_RANGE, ErrorCode.UNKNOWN_VALUE,
)  # fmt: skip

OPERATION = Operation(
    "GET", "/data-api", "getData", "Get calls, days or SMS",
    {200: Answer("A page of what was asked for, or all days of the range.", (CallListing, SmsListing, DayListing))},
    "`type` and `group_by_day` say what is listed; filters combine with AND. A parameter that is empty counts as missing; of"
    " one given several times the last counts; unknown ones are ignored. A `+` may be sent unencoded.",
    parameters=PARAMETERS,
    errors=_ERRORS,
    examples=(
        Example("Calls", {"status": "OK", "total_results": 1, "results": [_CALL]}, f"{_QUERY}&status=SUCCESS,BUSY"),
        Example(
            "Days",
            {"status": "OK", "results": [
                {"date": "2026-07-14", "calls": 1, "duration": 199.0, "revenue": 0.0},
                {"date": "2026-07-15", "calls": 0, "duration": 0.0, "revenue": 0.0},
            ]},
            f"{_QUERY}&group_by_day=true",
        ),
        Example("SMS", {"status": "OK", "total_results": 1, "results": [_SMS]}, _QUERY.replace("=calls", "=sms")),
        Example(
            "Several errors at once",
            {"status": "ERROR", "errors": ["Missing parameter `page`", "Invalid date 2026-02-30", "Limit must be between 10 and 5000"]},
            f"api_key={KEY}&type=calls&start_date=2026-02-30&end_date=2026-03-01&limit=5",
        ),
    ),
)  # fmt: skip


def reference(error_status: int = 200) -> Reference:
    """error_status: the HTTP status of every error (the setting `optico_error_status`)."""
    return Reference(
        title="Optico, Data API",
        prefix="",
        document_path="/data-api/openapi.json",
        introduction=(
            f"Calls, days and SMS of one domain. Days and clock times are local: in the domain's time zone, {DEFAULT_TIMEZONE} if"
            " it has none. Numbers are E.164. Text that is not known is an empty string. An error has the HTTP status 200 unless"
            " the server is set up otherwise: look at `status`."
        ),
        authentication="`api_key` in the query: the key of one domain. Keep addresses out of logs.",
        curl="",
        security_schemes={"api_key": {"type": "apiKey", "in": "query", "name": "api_key"}},
        security=({"api_key": []},),
        failure=Refusal,
        failures={code: Failure(error_status, "", message) for code, message in MESSAGES.items()},
        fields=FIELDS,
        operations=(OPERATION,),
    )


REFERENCE = reference()
