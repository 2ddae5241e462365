"""The reference of properties and flows."""

from __future__ import annotations

from typing import Any

from ringtrail.dialects.fonedynamics.property_routes import DEFAULT_COUNT
from ringtrail.dialects.fonedynamics.property_wire import (
    ChangeProperty,
    FlowList,
    FlowResource,
    NewProperty,
    OneProperty,
    PropertyList,
    PropertyResource,
)
from ringtrail.dialects.fonedynamics.reference_parts import (
    ACCOUNT_SID,
    BODY_ERRORS,
    FLOW,
    LIST_ERRORS,
    PROPERTY_PATH,
    PROPERTY_SID,
    SID,
    paging,
)
from ringtrail.httpkit.reference import Answer, Example, Field, Fields, Operation, Parameter
from ringtrail.model.errors import ErrorCode

_ZONE = Field("A Windows time zone id.", {"examples": ["AUS Eastern Standard Time"]})
_SETTINGS: dict[str, str | Field] = {
    "Name": "A name for people.",
    "MainDomain": Field("The host name of its web site.", {"examples": ["www.bakery.example"]}),
    "TimeZone": _ZONE,
    "SmsEnabled": "Whether it may send messages.",
    "CallRecordingEnabled": "Whether calls may be recorded; if not, none is, whatever a number or flow says. A voicemail message is no call.",
    "IntegrationsEnabled": "Kept; nothing acts on it yet.",
    "Active": "Without, it sends no messages and buys no numbers; the numbers that it has go on.",
}  # fmt: skip

PROPERTY_FIELDS: Fields = {
    NewProperty: _SETTINGS,
    ChangeProperty: _SETTINGS,
    PropertyResource: {
        "PropertySid": Field("Its own sid.", {"pattern": "^[A-Z0-9]{32}$"}),
        "AccountSid": "The account.",
        **_SETTINGS,
        "MainDomain": "The host name of its web site.",
        "TimeZone": "A Windows time zone id; the account's if it has none of its own; null where Windows has no such zone.",
    },
    OneProperty: {"Project": "The property."},
    PropertyList: {
        "Projects": "By creation.",
        "TotalCount": "Properties in all pages.",
        "NextPageToken": "To be sent as `PageToken` for the next page; null on the last one.",
    },
    FlowResource: {
        "PropertySid": "The property that was asked about; flows belong to the whole account.",
        "ConfigId": "What `Flow` of a number names.",
        "Revision": "Grows with each change.",
        "Name": "A name for people.",
        "Type": Field("Always `Voice`.", {"enum": ["Voice"]}),
        "LastUpdated": "The Unix second of its last change.",
    },
    FlowList: {"Flows": "By creation."},
}

_PROJECT: dict[str, Any] = {
    "PropertySid": PROPERTY_SID,
    "AccountSid": ACCOUNT_SID,
    "Name": "www.mysite.com",
    "MainDomain": None,
    "TimeZone": "Romance Standard Time",
    "SmsEnabled": True,
    "CallRecordingEnabled": True,
    "IntegrationsEnabled": False,
    "Active": True,
}
_BODY = {
    "Name": "Bakery",
    "MainDomain": "www.bakery.example",
    "TimeZone": "AUS Eastern Standard Time",
    "SmsEnabled": True,
}
_FLOW = {
    "PropertySid": PROPERTY_SID, "ConfigId": FLOW, "Revision": 1784019910, "Name": "Main line", "Type": "Voice",
    "LastUpdated": 1784019910,
}  # fmt: skip
_BAD_ZONE = {"ErrorCode": "UNKNOWN_TIME_ZONE", "Message": "TimeZone: not a Windows time zone id"}
_ZONES = "A zone that is no Windows id is `UNKNOWN_TIME_ZONE`."

PROPERTY_OPERATIONS = (
    Operation(
        "GET", "/Properties", "listProperties", "List the properties", {200: Answer("A page of properties.", (PropertyList,))},
        parameters=(
            *paging(DEFAULT_COUNT),
            Parameter("PageToken", "`NextPageToken` of the page before.", SID),
        ),
        errors=(*LIST_ERRORS, ErrorCode.GONE),
        examples=(Example("The first page", {"Projects": [_PROJECT], "TotalCount": 1, "NextPageToken": None}, "Results_Count=10"),),
    ),
    Operation(
        "POST", "/Properties", "createProperty", "Create a property", {200: Answer("The property.", (OneProperty,))}, _ZONES,
        body=NewProperty,
        errors=BODY_ERRORS,
        examples=(
            Example(
                "A property that may send messages",
                {"Project": _PROJECT | _BODY | {"CallRecordingEnabled": False}}, body=_BODY, varying=frozenset({"PropertySid"}),
            ),
            Example("A zone that Windows does not know", {"ResponseStatus": _BAD_ZONE}, body=_BODY | {"TimeZone": "Europe/Paris"}, status=400),
        ),
    ),
    Operation(
        "GET", "/Properties/{PropertySid}", "getProperty", "Get a property", {200: Answer("The property.", (OneProperty,))},
        parameters=(PROPERTY_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("A property", {"Project": _PROJECT}),),
    ),
    Operation(
        "PATCH", "/Properties/{PropertySid}", "changeProperty", "Change a property", {204: Answer("Done.", media=())},
        "A merge patch (RFC 7396): what is absent stays as it is. Nothing can be removed, so null is refused. " + _ZONES,
        parameters=(PROPERTY_PATH,),
        body=ChangeProperty,
        body_media="application/merge-patch+json",
        errors=BODY_ERRORS,
        examples=(Example("No more recordings", body={"CallRecordingEnabled": False}, status=204),),
    ),
    Operation(
        "GET", "/Properties/{PropertySid}/Flows", "listFlows", "List the flows", {200: Answer("A page of flows.", (FlowList,))},
        "The voice apps of the account, which any of its numbers may be sent to.",
        parameters=(PROPERTY_PATH, *paging(DEFAULT_COUNT)),
        errors=LIST_ERRORS,
        examples=(Example("The first page", {"Flows": [_FLOW]}, "Results_Count=10", varying=frozenset({"Revision", "LastUpdated"})),),
    ),
)  # fmt: skip
