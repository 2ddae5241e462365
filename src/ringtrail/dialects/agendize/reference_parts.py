"""What the references of several nouns share."""

from __future__ import annotations

from typing import Any

from ringtrail.dialects.agendize.errors import Refusal
from ringtrail.httpkit.reference import Answer, Parameter
from ringtrail.model.errors import ErrorCode

# What the examples name; the tests put a real one in its place.
ACCOUNT_SID = "ACCOUNT7QK2M5XN4TSVR3WPHD6CJYBLE"
PROPERTY_SID = "PROPERTY5ZCV3KM7QXW2RTN6HJDYSPLA"
CALL_ID = "1"
EXTERNAL_ID = "464207842099200"
BUTTON_ID, CALL_TRACKING_ID, WATCHER_ID = "BUTT0N7K", "L1NE4Q2X", "WATCH3ZP"
ERROR_ID = f"1-{WATCHER_ID}"
STOCK_NUMBER = "+33199005001"
BASE_URL = "http://127.0.0.1:8000"

BODY_ERRORS = (
    ErrorCode.MISSING, ErrorCode.WRONG_TYPE, ErrorCode.BAD_FORMAT, ErrorCode.UNKNOWN_VALUE, ErrorCode.OUT_OF_RANGE,
)  # fmt: skip
NOT_JSON = {415: Answer("unsupportedMediaType: The body must be application/json", (Refusal,))}
DELETED = {200: Answer("It is gone. No body.", media=())}


def hash_path(name: str, text: str, example: str) -> Parameter:
    return Parameter(name, text, {"type": "string", "pattern": "^[A-Za-z0-9]{8}$", "examples": [example]}, "path")


def error(code: int, reason: str, message: str) -> dict[str, Any]:
    """The body of a refusal."""
    return {"error": {"code": code, "reason": reason, "message": message}}
