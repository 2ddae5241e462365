"""JSON bodies, read strictly: one object, bounded, into a Struct whose faults are told by the vendor's dotted names."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request
from msgspec import Meta

from ringtrail.dialects.agendize.errors import UnsupportedMediaError
from ringtrail.httpkit.body import read_json
from ringtrail.model.errors import DomainError, ErrorCode

MAX_BYTES = 65_536
MAX_DEPTH = 32
MAX_NUMBER = 2**53

PhoneNumber = Annotated[str, Meta(pattern=r"^[-+0-9 ()./]{3,40}$")]
"""As somebody writes it. No letters: a masked number that is sent back must not be read as a vanity number."""
Identifier = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(max_length=255)]

_Parsed = TypeVar("_Parsed")
_MEDIA_TYPE = re.compile(r"(?:application|text)/(?:[-\w.]+\+)?json", re.IGNORECASE)
_FAULT = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<at>[^`]*)`)?", re.DOTALL)
_ABSENT = re.compile(r"Object missing required field `(?P<name>[^`]*)`")


async def read_object(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The body. No Content-Type is taken for JSON. DomainError UNREADABLE, TOO_LARGE, WRONG_TYPE or UnsupportedMediaError."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type and not _MEDIA_TYPE.fullmatch(media_type):
        raise UnsupportedMediaError(ErrorCode.UNREADABLE)
    found = await read_json(request, MAX_BYTES)
    if not isinstance(found, dict):
        raise DomainError(ErrorCode.WRONG_TYPE, detail="the body must be a JSON object")
    _check(found, 0)
    return found


def parse(body: dict[str, Any], type_: type[_Parsed]) -> _Parsed:
    """The Struct. DomainError MISSING or WRONG_TYPE with the dotted name of what is wrong."""
    try:
        return msgspec.convert(body, type_)
    except msgspec.ValidationError as exc:
        raise _told(str(exc)) from exc


def others(body: dict[str, Any], type_: Any, known: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What the body has besides the Struct's fields and `known`."""
    names = {field.encode_name for field in msgspec.structs.fields(type_)} | known
    return {name: value for name, value in body.items() if name not in names}


def _told(text: str) -> DomainError:
    fault = _FAULT.fullmatch(text)
    assert fault is not None
    at = fault["at"] or None
    if absent := _ABSENT.fullmatch(fault["what"]):
        return DomainError(ErrorCode.MISSING, ".".join(part for part in (at, absent["name"]) if part))
    what = fault["what"].replace("`", "")
    return DomainError(ErrorCode.WRONG_TYPE, at, what[:1].lower() + what[1:])


def _check(value: Any, depth: int) -> None:
    """Refuse what PostgreSQL cannot keep, or what would not come back as it was sent."""
    if depth > MAX_DEPTH:
        raise DomainError(ErrorCode.BAD_FORMAT, detail=f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        for name, item in value.items():
            _check(name, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str) and "\0" in value:
        raise DomainError(ErrorCode.BAD_FORMAT, detail="the body holds a NUL")
    elif isinstance(value, int | float) and abs(value) > MAX_NUMBER:
        raise DomainError(ErrorCode.OUT_OF_RANGE, detail="the body holds a number beyond 2^53")
