"""The reference of calls."""

from __future__ import annotations

from ringtrail.dialects.agendize.reference_parts import (
    BASE_URL,
    BODY_ERRORS,
    CALL_ID,
    DELETED,
    EXTERNAL_ID,
    NOT_JSON,
    error,
)
from ringtrail.dialects.agendize.requests import CallChange, NewCall, NewStart, StartBody
from ringtrail.dialects.agendize.responses import CallList, CallResource, SoundRecord, Start
from ringtrail.dialects.agendize.sync import PAGE_SIZE
from ringtrail.dialects.agendize.vocabulary import DEFAULT_ZONE, STATUS, TYPE
from ringtrail.httpkit.reference import RANGE, SOUND, Answer, Example, Field, Fields, Operation, Parameter
from ringtrail.model.errors import ErrorCode

NEXT_SYNC = "cwAAAAAAAAABhqkAQdTyZ3bQ1mVhbLsh"

_INSTANT = {"type": "string", "format": "date-time", "examples": ["2026-07-14T00:00:00Z"]}
_TEXT = {"type": "string"}
_CALL_PATH = Parameter("callId", "The call's `id`.", {"type": "string", "pattern": "^[1-9][0-9]{0,17}$", "examples": [CALL_ID]}, "path")  # fmt: skip

FILTERS = (
    Parameter("startDate", "Calls that started after this instant, RFC 3339 with an offset. With both dates the earlier one is the lower bound.", _INSTANT),
    Parameter("endDate", "Calls that started before this instant.", _INSTANT),
    Parameter("search", "Part of a caller's, target's or tracking number, as it is shown.", _TEXT | {"examples": ["3361234"]}),
    Parameter("toolId", "The id of a button or of a call-tracking number, or a property's sid. An unknown one finds nothing.", _TEXT),
    Parameter("syncToken", "`nextSyncToken` of an earlier list with the same filters: what is new or has changed since.", _TEXT),
    Parameter("pageToken", "`nextPageToken` of the answer before, with the same filters.", _TEXT),
)  # fmt: skip

_LOCAL = "Local time; seconds may be left out. An offset is honoured, then the zone is used to show it. From the year 2000 to tomorrow."
_CLOCK = {"examples": ["2026-07-14T05:05:10"]}
_ZONE = {"examples": ["US/Eastern"]}
_SAID: dict[str, str | Field] = {
    "buttonId": "One of your buttons. The call is its property's.",
    "clientId": "Your CRM's id of the client.",
    "callerNumber": Field("As somebody of the account's country writes it.", {"examples": ["+33612345678"]}),
    "calledNumber": Field("As somebody of the account's country writes it.", {"examples": ["+33987654321"]}),
    "trackingNumber": "The number dialled. With one of yours the call gets its property and marketing.",
    "start": "When it began.",
    "duration": 'Seconds, 0 to 86400: an integer, its digits, either in a list of one, or `{"integer": …}`.',
    "status": "How it ended. Not said: `completed` if it lasted, else `noAnswered`.",
    "externalId": "Your own id of the call.",
    "type": "What made the call. Of a call that went through us it cannot be changed.",
}

CALL_FIELDS: Fields = {
    CallResource: {
        "id": "The call, in the account's own count.",
        "buttonId": "The button that it was ordered through.",
        "clientId": "Your CRM's id of the client, if you have said one.",
        "callerNumber": "E.164; null when withheld; the last four digits `XXXX` where the property masks callers.",
        "calledNumber": "Whom it was sent to, E.164; null when nobody was chosen.",
        "trackingNumber": "The number dialled, E.164.",
        "start": "When it began.",
        "duration": "Seconds of talk; seconds on the platform where nobody talked but prompts, menu or mailbox.",
        "status": Field("How it ended.", {"enum": list(dict.fromkeys(STATUS.values()))}),
        "externalId": "Your own id of the call, else our internal one.",
        "type": Field("What made the call; null: it was entered, and nobody said.", {"enum": list(dict.fromkeys(TYPE.values()))}),
        "record": "Its finished recording.",
    },
    Start: {
        "dateTime": Field("Local time without offset.", {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$"}),
        "timeZone": f"IANA name: as it was entered, else of the property's zone, else `{DEFAULT_ZONE}`.",
    },
    SoundRecord: {"mimeType": "`audio/mpeg`.", "url": "Where the sound is, behind the same key."},
    StartBody: {
        "dateTime": Field(_LOCAL, _CLOCK),
        "timeZone": "IANA name or link. Alone it moves no instant: the call is shown on another clock.",
    },
    NewStart: {"dateTime": Field(_LOCAL, _CLOCK), "timeZone": Field(f"IANA name or link. Not said: the property's zone, else `{DEFAULT_ZONE}`.", _ZONE)},
    CallChange: _SAID,
    NewCall: _SAID,
    CallList: {
        "items": f"By last change; up to {PAGE_SIZE} in an answer.",
        "nextPageToken": "There is more: send it as `pageToken`.",
        "nextSyncToken": "There is no more: send it as `syncToken` next time.",
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
    "record": {"mimeType": "audio/mpeg", "url": f"{BASE_URL}/api/2.0/calls/{CALL_ID}/record.mp3"},
}

_ENTERED = {
    "id": "2",
    "buttonId": None,
    "clientId": "crm-7",
    "callerNumber": "+33612345678",
    "calledNumber": "+33987654321",
    "trackingNumber": None,
    "start": {"dateTime": "2026-07-14T05:05:10", "timeZone": "US/Eastern"},
    "duration": 65,
    "status": "completed",
    "externalId": "mine-1",
    "type": None,
}
_ENTRY = {
    "callerNumber": "06 12 34 56 78",
    "calledNumber": "+33987654321",
    "start": {"dateTime": "2026-07-14T05:05:10", "timeZone": "US/Eastern"},
    "duration": "65",
    "clientId": "crm-7",
    "externalId": "mine-1",
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
                error(410, "gone", "syncToken: not valid any more: list again without it"),
                "syncToken=never", status=410,
            ),
        ),
    ),
    Operation(
        "POST", "/calls", "enterCall", "Enter a call", {200: Answer("The call.", (CallResource,)), **NOT_JSON},
        "A call that did not go through us. Nothing is kept unless all of it can be.",
        body=NewCall,
        errors=(*BODY_ERRORS, ErrorCode.CONFLICT),
        examples=(
            Example("A call of another line", _ENTERED, body=_ENTRY),
            Example(
                "A zone that is none", error(400, "invalid", "start.timeZone: not a time zone of the IANA database"),
                body={**_ENTRY, "start": {"dateTime": "2026-07-14T05:05:10", "timeZone": "Mars/Olympus"}}, status=400,
            ),
        ),
    ),
    Operation(
        "GET", "/calls/{callId}/record.mp3", "getRecord", "Hear a call", SOUND,
        parameters=(_CALL_PATH, RANGE),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("The first two bytes", headers={"Range": "bytes=0-1"}, status=206),),
    ),
    Operation(
        "GET", "/calls/{callId}", "getCall", "Get a call", {200: Answer("The call, once it has ended.", (CallResource,))},
        parameters=(_CALL_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(
            Example("A recorded call", _CALL),
            Example(
                "A call of another account, or of nobody",
                error(404, "notFound", "no such call"), path={"callId": "999999"}, status=404,
            ),
        ),
    ),
    Operation(
        "PUT", "/calls/{callId}", "correctCall", "Correct a call", {200: Answer("The call as it is now.", (CallResource,)), **NOT_JSON},
        "What is absent, null or as it was read stays as it was; an empty `buttonId`, `clientId` or `externalId` takes the link"
        " away. Of a call that went through us `type` and the length of a message cannot be changed (409).",
        parameters=(_CALL_PATH,),
        body=CallChange,
        errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, *BODY_ERRORS),
        examples=(
            Example("Another outcome", {**_CALL, "status": "busy", "duration": 0, "clientId": "crm-7"}, body={"status": "busy", "clientId": "crm-7"}),
            Example(
                "What cannot be said of a real call", error(409, "conflict", "type: what made a call that went through us cannot be changed"),
                body={"type": "clickToCall"}, status=409,
            ),
        ),
    ),
    Operation(
        "DELETE", "/calls/{callId}", "deleteCall", "Delete a call", DELETED,
        "With its recordings. A sync does not tell it, a watch does.",
        parameters=(_CALL_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(
            Example("A call that is gone already", error(404, "notFound", "no such call"), path={"callId": "999999"}, status=404),
        ),
    ),
)  # fmt: skip
