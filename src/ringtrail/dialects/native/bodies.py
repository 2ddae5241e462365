"""Request bodies into structs, and what is wrong with them into the problem's field errors."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from litestar import Request

from ringtrail.dialects.native.errors import InvalidRequestError
from ringtrail.httpkit.body import read_json
from ringtrail.model.errors import DomainError, ErrorCode

MAX_BODY_BYTES = 65_536
T = TypeVar("T")

_CODES = (
    ("missing required field", ErrorCode.MISSING),
    ("contains unknown field", ErrorCode.UNKNOWN_VALUE),
    ("Invalid enum value", ErrorCode.UNKNOWN_VALUE),
    ("matching regex", ErrorCode.BAD_FORMAT),
    ("Expected `", ErrorCode.OUT_OF_RANGE),
)
_TYPE = re.compile(r"Expected `[a-z |]+`, got `[a-z]+`")


async def read_struct(request: Request[Any, Any, Any], struct: type[T], *, optional: bool = False) -> T:
    """DomainError UNREADABLE if it is not JSON, InvalidRequestError that names the field. optional: no body is an empty one."""
    if optional and request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return struct()
    try:
        return msgspec.convert(await read_json(request, MAX_BODY_BYTES), struct)
    except msgspec.ValidationError as exc:
        raise _fault(str(exc)) from exc


def _fault(message: str) -> InvalidRequestError:
    text, _, path = message.partition(" - at `$")
    named = re.search(r"field `([^`]+)`", text)
    place = (path.strip("`") + (f".{named[1]}" if named else "")).lstrip(".")
    code = next((code for words, code in _CODES if words in text), ErrorCode.BAD_FORMAT)
    if _TYPE.fullmatch(text):
        code = ErrorCode.WRONG_TYPE
    fault = DomainError(code, field=place[:100] or "body", detail=text[:300])
    return InvalidRequestError(code, detail="1 field is wrong", faults=(fault,))
