"""What this dialect serves, as data: the OpenAPI document, the docs page and the tests are made of it."""

from __future__ import annotations

from ringtrail.dialects.invox.errors import STATUS_AND_TEXT, Refusal
from ringtrail.dialects.invox.responses import CallItem
from ringtrail.dialects.invox.vocabulary import DEFAULT_TIMEZONE, STATUS_OF_DISPOSITION, WEEKDAYS
from ringtrail.httpkit.reference import Answer, Example, Failure, Field, Fields, Operation, Parameter, Reference
from ringtrail.model.errors import ErrorCode

RECORDING_KEY = "AAAAAAAAAAHk3VtQm8pXz1sYb6Lw0rNcUe9hGAoJ"
"""What the example shows; the tests put a real one in its place."""

_WALL_CLOCK = {
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2})?$",
    "examples": ["2026-07-14", "2026-07-14 11:05:10"],
}

PARAMETERS = (
    Parameter("last_call_id", "Calls with a larger id: those created after it.", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}),
    Parameter("from_date", "The first day or second, local, included.", _WALL_CLOCK),
    Parameter("to_date", "The last day or second, local, included.", _WALL_CLOCK),
)  # fmt: skip

_VISIT = "Of the web visit; always empty."
_TRANSCRIPT = "Of the transcript; always empty."

FIELDS: Fields = {
    CallItem: {
        "call_id": "The call: 1, 2, 3 … in the account.",
        "id": "The same.",
        "date": Field("When it began, local: `YYYY-MM-DD HH:MM:SS`.", {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"}),
        "duration": "Seconds of talk; seconds with prompts, menu or mailbox when nobody else answered; 0 while the call lasts.",
        "status": Field("How it ended; `Calling` while it lasts.", {"enum": list(dict.fromkeys(STATUS_OF_DISPOSITION.values()))}),
        "caller": "E.164, or national if the server is set up so; empty when withheld; the last four digits `XXXX` where callers are masked.",
        "receivingnumber": "The tracking number.",
        "destinationnumber": "The number that was dialled for the caller.",
        "source": "Of the tracking number.",
        "keyword": _VISIT,
        "referrer": _VISIT,
        "medium": "Of the tracking number.",
        "campaign": "Of the tracking number.",
        "page": _VISIT,
        "campaignid": _VISIT,
        "adgroupid": _VISIT,
        "network": _VISIT,
        "matchtype": _VISIT,
        "creative": _VISIT,
        "adposition": _VISIT,
        "device": _VISIT,
        "day": Field("The local weekday.", {"enum": list(WEEKDAYS)}),
        "hour": Field("The local hour.", {"minimum": 0, "maximum": 23}),
        "recording_uri": "The page that plays the recording. Whoever has the address may listen.",
        "gclid": _VISIT,
        "fbclid": _VISIT,
        "gacid": _VISIT,
        "ttclid": _VISIT,
        "reason": _TRANSCRIPT,
        "summary": _TRANSCRIPT,
        "client_sentiment": _TRANSCRIPT,
        "operator_sentiment": _TRANSCRIPT,
        "utm_content": "The content of the tracking number.",
        "utm_term": _VISIT,
        "utm_source": _VISIT,
        "account": "The project: the property's name.",
    },
    Refusal: {"error": "What is wrong, for people; names the parameter at fault."},
}  # fmt: skip

_CALL = {
    "call_id": 1,
    "id": 1,
    "date": "2026-07-14 12:05:10",
    "duration": 199,
    "status": "Answered",
    "caller": "+33612345678",
    "receivingnumber": "+33912340001",
    "destinationnumber": "+33987654321",
    "source": "Google Ads",
    "keyword": "",
    "referrer": "",
    "medium": "cpc",
    "campaign": "summer",
    "page": "",
    "campaignid": "",
    "adgroupid": "",
    "network": "",
    "matchtype": "",
    "creative": "",
    "adposition": "",
    "device": "",
    "day": "Tuesday",
    "hour": 12,
    "recording_uri": f"http://127.0.0.1:8000/recordings/REC0RD1N?key={RECORDING_KEY}",
    "gclid": "",
    "fbclid": "",
    "gacid": "",
    "ttclid": "",
    "reason": "",
    "summary": "",
    "client_sentiment": "",
    "operator_sentiment": "",
    "utm_content": "banner-3",
    "utm_term": "",
    "utm_source": "",
    "account": "www.mysite.com",
}

OPERATION = Operation(
    "GET", "/calls", "listCalls", "List calls", {200: Answer("All calls that match, by id, streamed.", (list[CallItem],))},
    "Parameters combine with AND; without any, all calls. To keep a copy up to date, send the largest id that you have as"
    " `last_call_id`; to learn how calls ended that were `Calling`, ask again with a `from_date` that overlaps.",
    parameters=PARAMETERS,
    errors=(ErrorCode.BAD_FORMAT,),
    examples=(
        Example("Calls of one day", [_CALL], "from_date=2026-07-14&to_date=2026-07-14"),
        Example("Nothing new", [], "last_call_id=1"),
        Example(
            "A date that is none",
            {"error": "from_date: not a date, use YYYY-MM-DD or YYYY-MM-DD HH:MM:SS"}, "from_date=14/07/2026", status=400,
        ),
    ),
)  # fmt: skip

REFERENCE = Reference(
    title="INVOX, call export",
    prefix="/api/v2",
    document_path="/api/v2/openapi.json",
    introduction=(
        f"Calls of your account, or of one project of it, as one JSON array. Times are local: {DEFAULT_TIMEZONE}, or the project's"
        " time zone if the key belongs to one. Text that is not known is an empty string. Empty parameters count as not"
        " sent, the last one counts when one is repeated, and unknown ones are ignored."
    ),
    authentication="The header `X-API-Key`: a token of the account, or of one project.",
    curl='-H "X-API-Key: $API_KEY"',
    security_schemes={"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
    security=({"key": []},),
    failure=Refusal,
    failures={code: Failure(status, "", text) for code, (status, text) in STATUS_AND_TEXT.items()},
    fields=FIELDS,
    operations=(OPERATION,),
)
