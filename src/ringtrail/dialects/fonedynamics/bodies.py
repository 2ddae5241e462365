"""JSON bodies, read into the Structs that describe them.

Names have no letter case and unknown ones are ignored [inferred]: the vendor's clients are built on a stack that does both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from litestar import Request
from msgspec import UNSET
from msgspec.structs import FieldInfo

from ringtrail.httpkit.body import read_json
from ringtrail.model.errors import DomainError, ErrorCode

_Body = TypeVar("_Body", bound=msgspec.Struct)


async def read_fields(request: Request[Any, Any, Any], type_: type[_Body]) -> _Body:
    """The body as `type_`. DomainError UNREADABLE, or with the field at fault."""
    return fields_of(await read_json(request), type_)


def fields_of(given: Any, type_: type[_Body]) -> _Body:
    """A decoded JSON object as `type_`. null is a field not given, unless the field can be UNSET: then it clears."""
    if not isinstance(given, Mapping):
        raise DomainError(ErrorCode.UNREADABLE, detail="a JSON object is expected")
    known = {field.name.lower(): field for field in msgspec.structs.fields(type_)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        field = known.get(name.lower())
        if field is None or (value is None and field.default is not UNSET):
            continue
        if field.name in values:
            raise DomainError(ErrorCode.BAD_FORMAT, field.name, "given more than once")
        values[field.name] = _value(field, value)
    for field in known.values():
        if field.required and field.name not in values:
            raise DomainError(ErrorCode.MISSING, field.name)
    return type_(**values)


def _value(field: FieldInfo, value: Any) -> Any:
    try:
        found = msgspec.convert(value, field.type)
    except msgspec.ValidationError as exc:
        raise DomainError(_fault(str(exc)), field.name, str(exc)) from exc
    if isinstance(found, str) and "\0" in found:
        raise DomainError(ErrorCode.BAD_FORMAT, field.name, "holds a NUL")
    return found


def _fault(told: str) -> ErrorCode:
    if ", got " in told:
        return ErrorCode.WRONG_TYPE
    return ErrorCode.BAD_FORMAT if "regex" in told else ErrorCode.OUT_OF_RANGE


@contextmanager
def told_as(names: Mapping[str, str]) -> Iterator[None]:
    """What the services call a field, in the vendor's words: {ours: the vendor's}."""
    try:
        yield
    except DomainError as exc:
        raise DomainError(exc.code, names.get(exc.field or "", exc.field), exc.detail) from exc
