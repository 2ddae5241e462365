"""The reference of calls."""

from __future__ import annotations

from ringtrail.dialects.fonedynamics.parameters import MAX_COUNT
from ringtrail.dialects.fonedynamics.reference_parts import (
    ACCOUNT_PATH,
    CALL_SID,
    LIST_ERRORS,
    NUMBERS,
    PROPERTY_PATH,
    PROPERTY_SID,
    SID,
    TEXTS,
    UNIX,
    paging,
)
from ringtrail.dialects.fonedynamics.responses import CallList, CallResource, OneCall
from ringtrail.dialects.fonedynamics.vocabulary import NOVELTY, OUTCOMES
from ringtrail.httpkit.reference import RANGE, SOUND, Answer, Example, Field, Fields, Operation, Parameter
from ringtrail.model.errors import ErrorCode

_CALL_PATH = Parameter("CallSid", "The call.", SID | {"examples": [CALL_SID]}, "path")

FILTERS = (
    Parameter("Date_From", "Calls that started at this Unix second or later.", UNIX),
    Parameter("Date_To", "Calls that started before this Unix second.", UNIX),
    Parameter("Token", "The `Token` of the answer before: what was written since. Instead of the two dates.", {"type": "string"}),
    Parameter("Disposition", "How the call ended; any of these.", {"type": "array", "items": {"enum": list(OUTCOMES)}}),
    Parameter("To", "The tracking number; any of these.", NUMBERS),
    Parameter("Endpoint", "Where the call was sent; any of these.", NUMBERS),
    Parameter("Attribution_Source", "Exactly; any of these.", TEXTS),
    Parameter("Attribution_Medium", "Exactly; any of these.", TEXTS),
    Parameter("Attribution_Campaign", "Exactly; any of these.", TEXTS),
    Parameter("Attribution_Content", "Exactly; any of these.", TEXTS),
    Parameter("Prompts_keys", "Keys pressed, as whole paths: `1,2;3,5` is 1 then 2, or 3 then 5.", {"type": "string", "pattern": r"^[0-9*#A-D]+([,;][0-9*#A-D]+)*$"}),
    Parameter("Unique", "`Unique`: the first call of a caller to the property; `Repeat`: the others.", {"enum": list(NOVELTY), "default": "All"}),
    *paging(),
)  # fmt: skip

CALL_FIELDS: Fields = {
    CallResource: {
        "CallSid": "The call.",
        "PropertySid": "The property of the tracking number.",
        "Date_Start": Field("When it began, as a string of Unix seconds.", {"pattern": "^[0-9]+$"}),
        "From": "The caller, E.164; `anonymous` when withheld; the last four digits `XXXX` where the property masks callers.",
        "From_CountryCode": "The caller's country, ISO 3166-1 alpha-2.",
        "From_Region": "The caller's region, if the number plan tells.",
        "From_City": "Always null.",
        "To": "The tracking number, E.164.",
        "To_Friendly": "Its friendly name.",
        "Duration": "Seconds of talk; for `IVR` the seconds on the platform.",
        "Disposition": Field("How it ended.", {"enum": list(OUTCOMES)}),
        "Recording_Uri": "Where its finished recording is.",
        "Endpoint": "The number that it was sent to, E.164.",
        "Attribution_Source": "Of the tracking number.",
        "Attribution_Medium": "Of the tracking number.",
        "Attribution_Campaign": "Of the tracking number.",
        "Attribution_Content": "Of the tracking number.",
        "Session_Traffic_Type": "Always null.",
        "Session_Keywords": "Always null.",
        "Session_ConversionUri": "Always null.",
        "Session_LandingUri": "Always null.",
        "Survey_Type": "Always null.",
        "Survey_Value": "Always null.",
        "Survey_Custom1": "Always null.",
        "Survey_Custom2": "Always null.",
        "Survey_Custom3": "Always null.",
        "Survey_UniqueCode": "Always null.",
        "Prompts_Keys": "Keys that the caller pressed, levels joined by commas.",
        "Notes": "Always null.",
        "CallType": "Always null.",
        "Google_Analytics_ClientId": "Always null.",
        "Google_Adwords_ClickId": "Always null.",
    },
    OneCall: {"Call": "The call."},
    CallList: {
        "Calls": "Earliest first; with `Token` in the order of writing.",
        "Token": "To be sent with the next request: how far you have come.",
    },
}  # fmt: skip

_CALL = {
    "CallSid": CALL_SID,
    "PropertySid": PROPERTY_SID,
    "Date_Start": "1784019910",
    "From": "+33612345678",
    "From_CountryCode": "FR",
    "From_Region": None,
    "From_City": None,
    "To": "+33912340001",
    "To_Friendly": "Front desk",
    "Duration": 199,
    "Disposition": "Answered",
    "Recording_Uri": f"http://127.0.0.1:8000/v2/Calls/{CALL_SID}/Recording",
    "Endpoint": "+33987654321",
    "Attribution_Source": "Google Ads",
    "Attribution_Medium": "cpc",
    "Attribution_Campaign": "summer",
    "Attribution_Content": "banner-3",
    "Session_Traffic_Type": None,
    "Session_Keywords": None,
    "Session_ConversionUri": None,
    "Session_LandingUri": None,
    "Survey_Type": None,
    "Survey_Value": None,
    "Survey_Custom1": None,
    "Survey_Custom2": None,
    "Survey_Custom3": None,
    "Survey_UniqueCode": None,
    "Prompts_Keys": None,
    "Notes": None,
    "CallType": None,
    "Google_Analytics_ClientId": None,
    "Google_Adwords_ClickId": None,
}
_LIST = {"Calls": [_CALL], "Token": "AAAAAAAAAAEqL9dQx0mT"}

_LIST_ERRORS = (*LIST_ERRORS, ErrorCode.CONFLICT, ErrorCode.GONE)
_LIST_TEXT = (
    "Filters combine with AND. Lists are given with commas or by repeating the parameter. To keep a copy up to date, follow"
    " the `Token` of each answer until it comes back as you sent it."
)

CALL_OPERATIONS = (
    Operation(
        "GET", "/Calls/{CallSid}", "getCall", "Get a call", {200: Answer("The call, once it has ended.", (OneCall,))},
        parameters=(_CALL_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(
            Example("A recorded call", {"Call": _CALL}),
            Example(
                "A call of another account, or of nobody",
                {"ResponseStatus": {"ErrorCode": "NOT_FOUND", "Message": "CallSid: No such call."}},
                path={"CallSid": "NOBODYSCALLNOBODYSCALLNOBODYSCAL"}, status=404,
            ),
        ),
    ),
    Operation(
        "GET", "/Properties/{PropertySid}/Calls", "listCallsOfProperty", "List the calls of a property",
        {200: Answer("A page of ended calls.", (CallList,))}, _LIST_TEXT,
        parameters=(PROPERTY_PATH, *FILTERS),
        errors=_LIST_ERRORS,
        examples=(
            Example("Answered calls of one day", _LIST, "Date_From=1783987200&Date_To=1784073600&Disposition=Answered", varying=frozenset({"Token"})),
        ),
    ),
    Operation(
        "GET", "/Accounts/{AccountSid}/Calls", "listCallsOfAccount", "List the calls of an account",
        {200: Answer("A page of ended calls.", (CallList,))}, _LIST_TEXT,
        parameters=(ACCOUNT_PATH, *FILTERS),
        errors=_LIST_ERRORS,
        examples=(
            Example("First calls of their callers to one number", _LIST, "To=33912340001&Unique=Unique", varying=frozenset({"Token"})),
            Example("Calls in which 1 then 2, or 3 then 5 was pressed", {"Calls": [], "Token": "AAAAAAAAAAEqL9dQx0mT"}, "Prompts_keys=1,2;3,5", varying=frozenset({"Token"})),
            Example(
                "More rows than the cap",
                {"ResponseStatus": {"ErrorCode": "PARAMETER_OUT_OF_RANGE", "Message": f"Results_Count: from 1 to {MAX_COUNT}"}},
                "Results_Count=100000", status=400,
            ),
        ),
    ),
    Operation(
        "GET", "/Calls/{CallSid}/Recording", "getRecording", "Hear a call", SOUND,
        parameters=(_CALL_PATH, RANGE),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("The first two bytes", headers={"Range": "bytes=0-1"}, status=206),),
    ),
)  # fmt: skip
