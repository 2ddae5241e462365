"""What the references of several nouns share."""

from __future__ import annotations

from ringtrail.dialects.fonedynamics.parameters import DEFAULT_COUNT, MAX_COUNT, MAX_SKIP
from ringtrail.dialects.fonedynamics.vocabulary import LAST_SECOND
from ringtrail.httpkit.reference import Parameter
from ringtrail.model.errors import ErrorCode

# What the examples name; the tests put a real one in its place.
ACCOUNT_SID = "ACCOUNT7QK2M5XN4TSVR3WPHD6CJYBLE"
PROPERTY_SID = "PROPERTY5ZCV3KM7QXW2RTN6HJDYSPLA"
CALL_SID = "AAF2FSRI5AAAAAALT6PZ2N7KQW4XRVEH"
MESSAGE_SID = "MESSAGE7VQK3NXW2M5TRZ6HJCDYPSLAB"
FLOW = "M4YQ7X2K"
SMS_NUMBER, STOCK_NUMBER = "+33199001001", "+33199005001"

SID = {"type": "string", "pattern": "^[A-Za-z0-9]{32}$"}
TEXTS = {"type": "array", "items": {"type": "string", "minLength": 1}}
NUMBERS = {"type": "array", "items": {"type": "string", "pattern": r"^\+?[0-9]{1,20}$"}}
UNIX = {"type": "integer", "minimum": 0, "maximum": LAST_SECOND}

PROPERTY_PATH = Parameter("PropertySid", "The property.", SID | {"examples": [PROPERTY_SID]}, "path")
ACCOUNT_PATH = Parameter("AccountSid", "Your own account; any other is not found.", SID | {"examples": [ACCOUNT_SID]}, "path")  # fmt: skip


def paging(default: int = DEFAULT_COUNT, most: int = MAX_COUNT) -> tuple[Parameter, ...]:
    return (
        Parameter("Results_Count", "Rows wanted. More than the cap is an error, never a shorter page.", {"type": "integer", "minimum": 1, "maximum": most, "default": default}),
        Parameter("Results_Skip", "Rows to pass over.", {"type": "integer", "minimum": 0, "maximum": MAX_SKIP, "default": 0}),
    )  # fmt: skip


BODY_ERRORS = (
    ErrorCode.NOT_FOUND, ErrorCode.MISSING, ErrorCode.WRONG_TYPE, ErrorCode.BAD_FORMAT, ErrorCode.UNKNOWN_VALUE,
    ErrorCode.OUT_OF_RANGE, ErrorCode.FORBIDDEN,
)  # fmt: skip
LIST_ERRORS = (
    ErrorCode.NOT_FOUND, ErrorCode.WRONG_TYPE, ErrorCode.BAD_FORMAT, ErrorCode.UNKNOWN_VALUE, ErrorCode.OUT_OF_RANGE,
)  # fmt: skip
