"""What this dialect serves, as data: the OpenAPI document, the docs page and the tests are made of it."""

from __future__ import annotations

from ringtrail.dialects.agendize.errors import WORDINGS, Fault, Refusal
from ringtrail.dialects.agendize.responses import CallList, CallResource, SoundRecord, Start
from ringtrail.dialects.agendize.sync import PAGE_SIZE
from ringtrail.dialects.agendize.vocabulary import DEFAULT_ZONE, STATUS, TYPE
from ringtrail.httpkit.reference import (
    RANGE,
    SOUND,
    Answer,
    Example,
    Failure,
    Field,
    Fields,
    Operation,
    Parameter,
    Reference,
)
from ringtrail.model.errors import ErrorCode

# What the examples name; the tests put a real one in its place.
PROPERTY_SID = "PROPERTY5ZCV3KM7QXW2RTN6HJDYSPLA"
CALL_ID = "1"
EXTERNAL_ID = "464207842099200"
NEXT_SYNC = "cwAAAAAAAAABhqkAQdTyZ3bQ1mVhbLsh"

_INSTANT = {"type": "string", "format": "date-time", "examples": ["2026-07-14T00:00:00Z"]}
_TEXT = {"type": "string"}
_CALL_PATH = Parameter("id", "The call's `id`.", {"type": "string", "pattern": "^[1-9][0-9]{0,17}$", "examples": [CALL_ID]}, "path")  # fmt: skip

FILTERS = (
    Parameter("startDate", "Calls that started after this instant, RFC 3339 with an offset. With both dates the earlier one is the lower bound.", _INSTANT),
    Parameter("endDate", "Calls that started before this instant.", _INSTANT),
    Parameter("search", "Part of a caller's, target's or tracking number, as it is shown.", _TEXT | {"examples": ["3361234"]}),
    Parameter("toolId", "A property's sid. An unknown one finds nothing.", _TEXT),
    Parameter("syncToken", "`nextSyncToken` of an earlier list with the same filters: what is new or has changed since.", _TEXT),
    Parameter("pageToken", "`nextPageToken` of the answer before, with the same filters.", _TEXT),
)  # fmt: skip

FIELDS: Fields = {
    CallResource: {
        "id": "The call, in the account's own count.",
        "buttonId": "The property's sid for click-to-call; null for call tracking.",
        "clientId": "Always null.",
        "callerNumber": "E.164; null when withheld; the last four digits `XXXX` where the property masks callers.",
        "calledNumber": "Whom it was sent to, E.164; null when nobody was chosen.",
        "trackingNumber": "The number dialled, E.164.",
        "start": "When it began.",
        "duration": "Seconds of talk; seconds on the platform where nobody talked but prompts, menu or mailbox.",
        "status": Field("How it ended.", {"enum": list(dict.fromkeys(STATUS.values()))}),
        "externalId": "Your own id of the call, else our internal one.",
        "type": Field("What made the call.", {"enum": list(dict.fromkeys(TYPE.values()))}),
        "record": "Its finished recording.",
    },
    Start: {
        "dateTime": Field("Local time without offset.", {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$"}),
        "timeZone": f"IANA name of the property's zone; `{DEFAULT_ZONE}` if it has none.",
    },
    SoundRecord: {"mimeType": "`audio/mpeg`.", "url": "Where the sound is, behind the same key."},
    CallList: {
        "items": f"By last change; up to {PAGE_SIZE} in an answer.",
        "nextPageToken": "There is more: send it as `pageToken`.",
        "nextSyncToken": "There is no more: send it as `syncToken` next time.",
    },
    Refusal: {"error": "What is wrong."},
    Fault: {
        "code": "The HTTP status again.",
        "reason": "What a program can go by.",
        "message": "For people; names the parameter at fault.",
    },
}  # fmt: skip

_CALL = {
    "id": CALL_ID,
    "buttonId": None,
    "clientId": None,
    "callerNumber": "+33612345678",
    "calledNumber": "+33987654321",
    "trackingNumber": "+33912340001",
    "start": {"dateTime": "2026-07-14T05:05:10", "timeZone": "America/Toronto"},
    "duration": 199,
    "status": "completed",
    "externalId": EXTERNAL_ID,
    "type": "callTracking",
    "record": {"mimeType": "audio/mpeg", "url": f"http://127.0.0.1:8000/api/2.0/calls/{CALL_ID}/record.mp3"},
}

CALL_OPERATIONS = (
    Operation(
        "GET", "/calls", "listCalls", "List calls", {200: Answer("Ended calls.", (CallList,))},
        "Filters combine with AND. Follow `nextPageToken` until `nextSyncToken` comes instead, and keep that for the next"
        " time. When a token is gone (410), list again without it.",
        parameters=FILTERS,
        errors=(ErrorCode.BAD_FORMAT, ErrorCode.GONE),
        examples=(
            Example(
                "Calls of one day", {"items": [_CALL], "nextSyncToken": NEXT_SYNC},
                "startDate=2026-07-13T23:59:59Z&endDate=2026-07-15T00:00:00Z", varying=frozenset({"nextSyncToken"}),
            ),
            Example(
                "Calls whose numbers hold 999", {"items": [], "nextSyncToken": NEXT_SYNC}, "search=999",
                varying=frozenset({"nextSyncToken"}),
            ),
            Example(
                "A token that never was",
                {"error": {"code": 410, "reason": "gone", "message": "syncToken: not valid any more: list again without it"}},
                "syncToken=never", status=410,
            ),
        ),
    ),
    Operation(
        "GET", "/calls/{id}", "getCall", "Get a call", {200: Answer("The call, once it has ended.", (CallResource,))},
        parameters=(_CALL_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(
            Example("A recorded call", _CALL),
            Example(
                "A call of another account, or of nobody",
                {"error": {"code": 404, "reason": "notFound", "message": "no such call"}}, path={"id": "999999"}, status=404,
            ),
        ),
    ),
    Operation(
        "GET", "/calls/{id}/record.mp3", "getRecord", "Hear a call", SOUND,
        parameters=(_CALL_PATH, RANGE),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("The first two bytes", headers={"Range": "bytes=0-1"}, status=206),),
    ),
)  # fmt: skip

REFERENCE = Reference(
    title="Agendize, Calls API 2.0",
    prefix="/api/2.0",
    document_path="/api/2.0/openapi.json",
    introduction=(
        "Calls of your account, with their recordings. Instants in a query are RFC 3339 with an offset; times in an answer"
        " are local, next to their zone. Numbers are E.164. An empty value is one not given, and unknown parameters are"
        " ignored; a parameter given twice is an error."
    ),
    authentication=(
        "`apiKey` and `token`, both as headers or both in the query; a header wins. Prefer headers: addresses end up in logs."
        " Or an OAuth 2.0 access token, as `Authorization: Bearer`: authorization code and refresh with the scope `agendize` at"
        " `/o/oauth2/authorize`, `/o/oauth2/token` and `/o/oauth2/revoke`."
    ),
    curl='-H "apiKey: $API_KEY" -H "token: $TOKEN"',
    security_schemes={
        "apiKey": {"type": "apiKey", "in": "header", "name": "apiKey"},
        "token": {"type": "apiKey", "in": "header", "name": "token"},
        "apiKeyInQuery": {"type": "apiKey", "in": "query", "name": "apiKey"},
        "tokenInQuery": {"type": "apiKey", "in": "query", "name": "token"},
        "bearer": {"type": "http", "scheme": "bearer", "description": "An OAuth 2.0 access token with the scope agendize."},
    },
    security=({"apiKey": [], "token": []}, {"apiKeyInQuery": [], "tokenInQuery": []}, {"bearer": []}),
    failure=Refusal,
    failures={code: Failure(*wording) for code, wording in WORDINGS.items()},
    fields=FIELDS,
    operations=CALL_OPERATIONS,
)  # fmt: skip
