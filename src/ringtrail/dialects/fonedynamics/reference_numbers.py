"""The reference of numbers."""

from __future__ import annotations

from typing import Any

from ringtrail.dialects.fonedynamics.number_wire import (
    BoughtNumber,
    BuyNumber,
    ConfigureNumber,
    NumberList,
    NumberResource,
    OneNumber,
)
from ringtrail.dialects.fonedynamics.parameters import DEFAULT_COUNT
from ringtrail.dialects.fonedynamics.reference_parts import (
    ACCOUNT_PATH,
    BODY_ERRORS,
    FLOW,
    LIST_ERRORS,
    PROPERTY_PATH,
    PROPERTY_SID,
    STOCK_NUMBER,
    paging,
)
from ringtrail.dialects.fonedynamics.vocabulary import CAPABILITIES, NUMBER_TYPES, RECORDINGS, ROUTING_METHODS
from ringtrail.httpkit.reference import Answer, Example, Field, Fields, Operation, Parameter
from ringtrail.model.errors import ErrorCode

_PATH = Parameter(
    "Number", "E.164, with or without `+`.", {"type": "string", "pattern": r"^\+?[0-9]{7,15}$", "examples": ["33912340001"]}, "path"
)  # fmt: skip
_ABILITIES = {"type": "array", "items": {"enum": list(CAPABILITIES)}}
_FILTERS = (
    Parameter("Type", "Any of these. `National`: bound to no place, mobile numbers among them.", {"type": "array", "items": {"enum": list(NUMBER_TYPES)}}),
    Parameter("Capabilites", "All of these. The vendor's spelling.", _ABILITIES),
    Parameter("Capabilities", "The same.", _ABILITIES),
    *paging(most=DEFAULT_COUNT),
)  # fmt: skip

_KEPT = "Kept with the number; nothing acts on it yet."
_OF_CALLS = "Shown with its calls from now on."

NUMBER_FIELDS: Fields = {
    BuyNumber: {
        "Number": Field("E.164, with or without `+`: one that the operator has put up for sale.", {"examples": [STOCK_NUMBER]}),
        "AddressSid": _KEPT,
    },
    BoughtNumber: {"Number": "E.164.", "Status": Field("Always `Active`: the number is yours at once.", {"enum": ["Active"]})},
    ConfigureNumber: {
        "Friendly": "A name for people.",
        "AddressSid": _KEPT,
        "Attribution_Source": _OF_CALLS,
        "Attribution_Medium": _OF_CALLS,
        "Attribution_Campaign": _OF_CALLS,
        "Attribution_Content": _OF_CALLS,
        "RoutingMethod": Field("`Endpoint`: callers are sent to `EndpointNumber`; `Flow`: to `Flow`.", {"enum": list(ROUTING_METHODS)}),
        "EndpointNumber": Field("E.164: a number that the account may dial. It rings for 30 seconds.", {"examples": ["+33987654321"]}),
        "Flow": Field("`ConfigId` of one of the account's flows.", {"examples": [FLOW]}),
        "Recording": Field("`Call`: calls are recorded. A flow says itself whether it records.", {"enum": list(RECORDINGS)}),
        "ForwardToSms": _KEPT,
        "ForwardFromSms": _KEPT,
        "ForwardToEmail": _KEPT,
        "ForwardFromEmail": _KEPT,
    },
    NumberResource: {
        "Number": "E.164.",
        "PropertySid": "The property that it belongs to.",
        "Friendly": "A name for people.",
        "Type": Field("By the number plan.", {"enum": list(NUMBER_TYPES)}),
        "Status": Field("`Inactive`: its time is over.", {"enum": ["Active", "Inactive"]}),
        "Capabilities": Field("What it can do.", {"items": {"enum": list(CAPABILITIES)}}),
        "CountryCode": "ISO 3166-1 alpha-2.",
        "Region": "If the number plan tells.",
        "City": "If the operator entered it.",
        "AddressRequirement": Field("Always `None`.", {"enum": ["None"]}),
        "AddressSid": "As it was set.",
        "Attribution_Source": "Of its calls.",
        "Attribution_Medium": "Of its calls.",
        "Attribution_Campaign": "Of its calls.",
        "Attribution_Content": "Of its calls.",
        "RoutingMethod": Field("Where callers are sent; null: nobody answers.", {"enum": [*ROUTING_METHODS, None]}),
        "EndpointNumber": "With `Endpoint`.",
        "Flow": "With `Flow`: its `ConfigId`.",
        "Recording": Field("Whether calls are recorded, as app and property together say.", {"enum": list(RECORDINGS)}),
        "ForwardToSms": "As it was set.",
        "ForwardFromSms": "As it was set.",
        "ForwardToEmail": "As it was set.",
        "ForwardFromEmail": "As it was set.",
    },
    OneNumber: {"Number": "The number."},
    NumberList: {"Numbers": "By number."},
}  # fmt: skip

_NUMBER: dict[str, Any] = {
    "Number": "+33912340001",
    "PropertySid": PROPERTY_SID,
    "Friendly": "Front desk",
    "Type": "National",
    "Status": "Active",
    "Capabilities": ["Voice"],
    "CountryCode": "FR",
    "Region": None,
    "City": None,
    "AddressRequirement": "None",
    "AddressSid": None,
    "Attribution_Source": "Google Ads",
    "Attribution_Medium": "cpc",
    "Attribution_Campaign": "summer",
    "Attribution_Content": "banner-3",
    "RoutingMethod": "Flow",
    "EndpointNumber": None,
    "Flow": FLOW,
    "Recording": "Off",
    "ForwardToSms": None,
    "ForwardFromSms": None,
    "ForwardToEmail": None,
    "ForwardFromEmail": None,
}
_TO_ENDPOINT = {"RoutingMethod": "Endpoint", "EndpointNumber": "+33987654321", "Recording": "Call"}

NUMBER_OPERATIONS = (
    Operation(
        "GET", "/Numbers/{Number}", "getNumber", "Get a number", {200: Answer("The number as it is set up.", (OneNumber,))},
        parameters=(_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("A number that a flow answers", {"Number": _NUMBER}),),
    ),
    Operation(
        "POST", "/Numbers/{Number}", "configureNumber", "Configure a number",
        {200: Answer("The number as it is set up now.", (OneNumber,))},
        "What is absent stays as it is; null clears what can be empty. All of it is written, or nothing. The next caller is"
        " routed by it.",
        parameters=(_PATH,),
        body=ConfigureNumber,
        errors=(*BODY_ERRORS, ErrorCode.CONFLICT),
        examples=(
            Example("Ring a shop and record", {"Number": _NUMBER | _TO_ENDPOINT | {"Flow": None}}, body=_TO_ENDPOINT),
            Example("Another campaign", {"Number": _NUMBER | {"Attribution_Campaign": "autumn"}}, body={"Attribution_Campaign": "autumn"}),
            Example(
                "An endpoint that the account may not dial",
                {"ResponseStatus": {"ErrorCode": "FORBIDDEN", "Message": "EndpointNumber: the account may not dial this number"}},
                body=_TO_ENDPOINT | {"EndpointNumber": "+61412345678"}, status=403,
            ),
        ),
    ),
    Operation(
        "GET", "/Properties/{PropertySid}/Numbers", "listNumbersOfProperty", "List the numbers of a property",
        {200: Answer("A page of numbers.", (NumberList,))}, "Filters combine with AND.",
        parameters=(PROPERTY_PATH, *_FILTERS),
        errors=LIST_ERRORS,
        examples=(Example("Numbers that are bound to no place", {"Numbers": [_NUMBER]}, "Type=National"),),
    ),
    Operation(
        "GET", "/Accounts/{AccountSid}/Numbers", "listNumbersOfAccount", "List the numbers of an account",
        {200: Answer("A page of numbers.", (NumberList,))}, "Filters combine with AND.",
        parameters=(ACCOUNT_PATH, *_FILTERS),
        errors=LIST_ERRORS,
        examples=(Example("The second one", {"Numbers": [_NUMBER]}, "Capabilites=Voice&Results_Count=1&Results_Skip=1"),),
    ),
    Operation(
        "POST", "/Properties/{PropertySid}/Numbers", "buyNumber", "Buy a number",
        {200: Answer("It is the property's.", (BoughtNumber,))},
        "From the stock that the operator has put up for sale. Of two buyers of one number one gets it.",
        parameters=(PROPERTY_PATH,),
        body=BuyNumber,
        errors=BODY_ERRORS,
        examples=(
            Example("A number of the stock", {"Number": STOCK_NUMBER, "Status": "Active"}, body={"Number": STOCK_NUMBER}),
            Example(
                "A number that nobody sells",
                {"ResponseStatus": {"ErrorCode": "PARAMETER_INVALID", "Message": "Number: there is no such number for sale"}},
                body={"Number": "+33199009999"}, status=400,
            ),
        ),
    ),
)  # fmt: skip
