"""What this dialect serves, as data: the OpenAPI document, the docs page and the tests are made of it."""

from __future__ import annotations

from ringtrail.dialects.fonedynamics.errors import UNKNOWN_TIME_ZONE, WORDINGS, Fault, Refusal
from ringtrail.dialects.fonedynamics.reference_calls import CALL_FIELDS, CALL_OPERATIONS
from ringtrail.dialects.fonedynamics.reference_messages import MESSAGE_FIELDS, MESSAGE_OPERATIONS
from ringtrail.dialects.fonedynamics.reference_numbers import NUMBER_FIELDS, NUMBER_OPERATIONS
from ringtrail.dialects.fonedynamics.reference_properties import PROPERTY_FIELDS, PROPERTY_OPERATIONS
from ringtrail.dialects.fonedynamics.vocabulary import PREFIX
from ringtrail.httpkit.reference import Failure, Field, Fields, Reference

_ERROR_FIELDS: Fields = {
    Refusal: {"ResponseStatus": "What is wrong."},
    Fault: {
        "ErrorCode": Field("What a program can go by.", {"enum": sorted({wording.code for wording in (*WORDINGS.values(), UNKNOWN_TIME_ZONE)})}),
        "Message": "For people; names the parameter at fault.",
    },
}  # fmt: skip

REFERENCE = Reference(
    title="Fone Dynamics, REST API v2",
    prefix=PREFIX,
    document_path=f"{PREFIX}/openapi.json",
    introduction=(
        "Calls of your account, with their attribution and recordings; messages, numbers, properties and flows. Times are Unix"
        " seconds, numbers E.164. Names of parameters and of fields in a body have no letter case; an empty parameter is one not"
        " given, and unknown ones are ignored. Every field of an answer is always there; null stands for not known, not assigned"
        " or not applicable."
    ),
    authentication="HTTP Basic: the account's sid, in any letter case, and a token of it.",
    curl='-u "$ACCOUNT_SID:$TOKEN"',
    security_schemes={"basic": {"type": "http", "scheme": "basic", "description": "AccountSid and token."}},
    security=({"basic": []},),
    failure=Refusal,
    failures={code: Failure(*wording) for code, wording in WORDINGS.items()},
    fields={**CALL_FIELDS, **MESSAGE_FIELDS, **NUMBER_FIELDS, **PROPERTY_FIELDS, **_ERROR_FIELDS},
    operations=(*CALL_OPERATIONS, *MESSAGE_OPERATIONS, *NUMBER_OPERATIONS, *PROPERTY_OPERATIONS),
)  # fmt: skip
