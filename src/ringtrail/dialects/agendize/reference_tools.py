"""The reference of what makes calls: buttons, call-tracking numbers, the click-to-call action."""

from __future__ import annotations

from typing import Any

from ringtrail.dialects.agendize.opening_hours import OpeningDay, Span
from ringtrail.dialects.agendize.reference_parts import (
    ACCOUNT_SID,
    BODY_ERRORS,
    BUTTON_ID,
    CALL_TRACKING_ID,
    DELETED,
    NOT_JSON,
    STOCK_NUMBER,
    error,
    hash_path,
)
from ringtrail.dialects.agendize.tools_requests import (
    MAX_DELAY_MINUTES,
    ButtonChange,
    CallAction,
    CallTrackingChange,
    NewButton,
    NewCallTracking,
    Phone,
)
from ringtrail.dialects.agendize.tools_responses import (
    ActionResult,
    ButtonList,
    ButtonResource,
    CallTrackingList,
    CallTrackingResource,
    NumberOwner,
)
from ringtrail.httpkit.reference import Answer, Example, Field, Fields, Operation
from ringtrail.model.errors import ErrorCode

_BUTTON_PATH = hash_path("buttonId", "The button's `id`.", BUTTON_ID)
_CALL_TRACKING_PATH = hash_path("callTrackingId", "The tracking number's `id`.", CALL_TRACKING_ID)
_TARGET = Field(
    "Whom its callers are put through to: a number that the account may dial.", {"examples": ["+33987654321"]}
)

_BUTTON_SAID: dict[str, str | Field] = {
    "name": "A name for people.",
    "phoneNumber": _TARGET,
    "countries": "ISO 3166-1 alpha-2 of the visitors that it calls; empty: any.",
    "openingHours": "When it may be pressed, on the clock of the property's zone, else the account's. A day that is not listed is closed.",
    "openingHoursEnabled": "Whether the opening hours count.",
    "maxDuration": "Minutes of talk, after which we hang up; 0 or null: no limit of its own.",
}
_CALL_TRACKING_SAID: dict[str, str | Field] = {
    "name": "A name for people.",
    "phoneNumber": _TARGET,
    "support": "Where it is printed. Shown as offline description by other APIs. Empty: none any more.",
}

TOOL_FIELDS: Fields = {
    ButtonResource: {"id": "The button.", **_BUTTON_SAID},
    ButtonList: {"items": "Oldest first."},
    ButtonChange: _BUTTON_SAID,
    NewButton: _BUTTON_SAID,
    OpeningDay: {"day": "Day of the week.", "hours": "Its spans; none: closed."},
    Span: {"start": "HH:MM.", "end": "HH:MM, later than `start`; `24:00`: midnight. At that minute it is closed again."},
    CallTrackingResource: {
        "id": "The tracking number.",
        "name": "A name for people.",
        "phoneNumber": "Whom its callers are sent to, E.164; null: nobody, or an app that has no one number.",
        "trackingPhoneNumber": "What callers dial, E.164.",
        "owner": "Whose it is.",
        "support": "Where it is printed.",
    },
    CallTrackingList: {"items": "By number."},
    CallTrackingChange: _CALL_TRACKING_SAID,
    NewCallTracking: _CALL_TRACKING_SAID,
    NumberOwner: {"id": "The account's sid.", "userName": "The account's name."},
    Phone: {"phoneNumber": Field("A phone number.", {"examples": ["+33612345678"]})},
    CallAction: {
        "buttonId": Field("One of your buttons.", {"examples": [BUTTON_ID]}),
        "called": "The visitor.",
        "caller": "The visitor, by the name that the vendor's sample has. With both they must be the same.",
        "delay": f"Minutes from now, up to {MAX_DELAY_MINUTES}.",
    },
    ActionResult: {
        "buttonId": "The button.",
        "status": Field("Always `done`: the call is ordered.", {"enum": ["done"]}),
        "called": "The visitor, or the button's number if the visitor was sent as `caller`.",
        "caller": "The other one.",
    },
}  # fmt: skip

_BUTTON: dict[str, Any] = {
    "id": BUTTON_ID,
    "name": "Ask us",
    "phoneNumber": "+33987654321",
    "countries": ["FR"],
    "openingHours": [{"day": "monday", "hours": [{"start": "09:00", "end": "12:00"}, {"start": "14:00", "end": "18:00"}]}],
    "openingHoursEnabled": False,
    "maxDuration": 30,
}  # fmt: skip
_CALL_TRACKING: dict[str, Any] = {
    "id": CALL_TRACKING_ID,
    "name": "Front desk",
    "phoneNumber": "+33987654321",
    "trackingPhoneNumber": "+33912340001",
    "owner": {"id": ACCOUNT_SID, "userName": "Optimists Ltd"},
    "support": "Leaflet 7",
}
_KEPT = "Fields that we do not know are kept and shown again; null takes one away."
_HERS = frozenset({"id"})

TOOL_OPERATIONS = (
    Operation(
        "GET", "/calls/buttons", "listButtons", "List buttons", {200: Answer("All of them.", (ButtonList,))},
        examples=(Example("One button", {"items": [_BUTTON]}),),
    ),
    Operation(
        "POST", "/calls/buttons", "addButton", "Make a button", {200: Answer("The button.", (ButtonResource,)), **NOT_JSON},
        _KEPT,
        body=NewButton,
        errors=(*BODY_ERRORS, ErrorCode.INVERTED_RANGE, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
        examples=(
            Example(
                "A button with what it needs",
                {**_BUTTON, "countries": [], "openingHours": [], "maxDuration": None},
                body={"name": "Ask us", "phoneNumber": "09 87 65 43 21"}, varying=_HERS,
            ),
            Example(
                "A number that the account may not dial", error(403, "forbidden", "phoneNumber: the account may not call this number"),
                body={"name": "Ask us", "phoneNumber": "+442079460000"}, status=403,
            ),
        ),
    ),
    Operation(
        "GET", "/calls/buttons/{buttonId}", "getButton", "Get a button", {200: Answer("The button.", (ButtonResource,))},
        parameters=(_BUTTON_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("A button", _BUTTON),),
    ),
    Operation(
        "PUT", "/calls/buttons/{buttonId}", "changeButton", "Change a button", {200: Answer("The button as it is now.", (ButtonResource,)), **NOT_JSON},
        f"What is absent or null stays as it was. {_KEPT}",
        parameters=(_BUTTON_PATH,),
        body=ButtonChange,
        errors=(ErrorCode.NOT_FOUND, ErrorCode.INVERTED_RANGE, ErrorCode.FORBIDDEN, *BODY_ERRORS),
        examples=(
            Example("Another target", {**_BUTTON, "phoneNumber": "+33900000001"}, body={"phoneNumber": "+33900000001"}),
            Example(
                "Hours past midnight", error(400, "invalid", "openingHours[0].hours[0].end: must be later than start, on the same day"),
                body={"openingHours": [{"day": "friday", "hours": [{"start": "22:00", "end": "02:00"}]}]}, status=400,
            ),
        ),
    ),
    Operation(
        "POST", "/actions/call", "callVisitor", "Have a visitor called", {200: Answer("The call is ordered.", (ActionResult,)), **NOT_JSON},
        "The visitor is called first, then put through to the button's number. Refused outside the button's countries (403) and,"
        " at the time of the call, its opening hours (409).",
        body=CallAction,
        errors=(*BODY_ERRORS, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT, ErrorCode.TOO_MANY),
        examples=(
            Example(
                "Call back in five minutes",
                {"buttonId": BUTTON_ID, "status": "done", "called": {"phoneNumber": "+33612345678"}, "caller": {"phoneNumber": "+33987654321"}},
                body={"buttonId": BUTTON_ID, "called": {"phoneNumber": "06 12 34 56 78"}, "delay": 5},
            ),
            Example(
                "A button that is not yours", error(400, "invalid", "buttonId: no such button"),
                body={"buttonId": "NOSUCH01", "called": {"phoneNumber": "06 12 34 56 78"}}, status=400,
            ),
        ),
    ),
    Operation(
        "DELETE", "/calls/buttons/{buttonId}", "deleteButton", "Delete a button", DELETED, "Its calls go on naming it.",
        parameters=(_BUTTON_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("A button that is gone already", error(404, "notFound", "no such button"), path={"buttonId": "NOSUCH01"}, status=404),),
    ),
    Operation(
        "GET", "/calls/calltrackings", "listCallTrackings", "List tracking numbers", {200: Answer("All of them.", (CallTrackingList,))},
        examples=(Example("One number", {"items": [_CALL_TRACKING]}),),
    ),
    Operation(
        "POST", "/calls/calltrackings", "buyCallTracking", "Buy a tracking number",
        {200: Answer("The number; the next caller is routed.", (CallTrackingResource,)), **NOT_JSON},
        f"One of the account's country, out of the operator's stock. {_KEPT}",
        body=NewCallTracking,
        errors=(*BODY_ERRORS, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
        examples=(
            Example(
                "A number for the buses",
                {**_CALL_TRACKING, "name": "Buses", "trackingPhoneNumber": STOCK_NUMBER, "support": "Bus 12"},
                body={"name": "Buses", "phoneNumber": "+33987654321", "support": "Bus 12"}, varying=_HERS,
            ),
            Example("Nobody to send callers to", error(400, "required", "phoneNumber: A value is missing"), body={"name": "Buses"}, status=400),
        ),
    ),
    Operation(
        "GET", "/calls/calltrackings/{callTrackingId}", "getCallTracking", "Get a tracking number",
        {200: Answer("The number.", (CallTrackingResource,))},
        parameters=(_CALL_TRACKING_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("A number", _CALL_TRACKING),),
    ),
    Operation(
        "PUT", "/calls/calltrackings/{callTrackingId}", "changeCallTracking", "Change a tracking number",
        {200: Answer("The number as it is now.", (CallTrackingResource,)), **NOT_JSON},
        f"What is absent or null stays as it was. Another `phoneNumber` takes the number out of an app that it shares. {_KEPT}",
        parameters=(_CALL_TRACKING_PATH,),
        body=CallTrackingChange,
        errors=(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, *BODY_ERRORS),
        examples=(Example("Another leaflet", {**_CALL_TRACKING, "support": "Leaflet 8"}, body={"support": "Leaflet 8"}),),
    ),
    Operation(
        "DELETE", "/calls/calltrackings/{callTrackingId}", "releaseCallTracking", "Give a tracking number back", DELETED,
        "Its callers reach nobody any more, and it can be bought by others. Its calls stay.",
        parameters=(_CALL_TRACKING_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(
            Example("A number that is not yours", error(404, "notFound", "no such call tracking"), path={"callTrackingId": "NOSUCH01"}, status=404),
        ),
    ),
)  # fmt: skip
