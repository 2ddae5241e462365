"""Whether a result is what the vendor's page of objects says: exactly its properties, in its types, formats and values.

The facts are those of seed_objects.json, never our own structs. Anything may be null, because the page does not say what may
not; but a bool is null only where null has a meaning of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from ringtrail.dialects.callr.objects import Shape, result_of
from ringtrail.dialects.callr.registry import METHODS

Facts = Mapping[str, Any]

OBJECTS: dict[str, dict[str, Facts]] = json.loads(Path(__file__).with_name("seed_objects.json").read_text())

_DATETIME, _NUMBER = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", r"\+[1-9]\d{4,14}"
_ANYTHING = ".*"
FORMATS: dict[str, str] = {
    "address_city": _ANYTHING,
    "address_state": _ANYTHING,
    "address_street": _ANYTHING,
    "address_zip": _ANYTHING,
    "amount": r"-?\d+\.\d\d",
    "amount_4": r"-?\d+\.\d{4}",
    "callid": r"\d{1,20}",
    "cdr_customer_field": _ANYTHING,  # what other dialects noted on a call is longer
    "cli_phone_number": f"{_NUMBER}|BLOCKED",
    "country_code": "[A-Z]{2}",
    "datetime": _DATETIME,
    "datetime_ms": _DATETIME + r"\.\d{3}",
    "datetime_ms_iso": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)",
    "dial_timeout": r"\d+",
    "email": r"[^@\s]+@[^@\s]+",
    "field_name": _ANYTHING,
    "hash": "[A-Z0-9]{8}",
    "hid": "[0-9a-z]{20,40}",
    "http_basic_auth": "[^:]+:.+",
    "locale": "[a-z]{2,3}[-_][A-Z]{2}",
    "phone_number": rf"{_NUMBER}|\+\d+XXXX",  # the last digits of some callers are hidden
    "ring_timeout": r"\d+",
    "sip_subscriber_username": r"[\w.-]+",
    "subaccount_password_value": _ANYTHING,
    "timezone_str": "|".join(map(re.escape, sorted(available_timezones()))),
    "url": r"https?://\S+",
    "vms_file_name": _ANYTHING,
}
"""What the page's words for each format say, as an expression."""

SPECIAL_FORMATS = {
    ("App.Param.Vms", "email_template"): "[A-Z0-9]{8}",
    ("Country", "country_neighbours"): "([A-Z]{2}(,[A-Z]{2})*)?",
}
"""Where the page gives a format, and its description or the vendor's programs another."""

LIVE: dict[str, dict[str, Facts]] = {
    "Authentication.ApiKey": {"id": {"type": "int"}, "token": {"type": "string"}},
    "DID": {
        "app": {"type": "mixed"},
        "assigned_at": {"type": "string", "format": "datetime"},
        "compliance": {"type": "object"},
        "contract_auto_renew": {"type": "bool"},
        "date_end_contract": {"type": "string", "format": "datetime"},
        "is_compliant": {"type": "bool"},
        "is_used": {"type": "bool"},
        "not_compliant_after": {"type": "string", "format": "datetime"},
        "pricing": {"type": "object"},
        "third_party": {"type": "object"},
    },
    "DID.Store.Cost": {
        "amount_assignment": {"type": "string", "format": "amount"},
        "amount_first_month": {"type": "string", "format": "amount"},
        "first_month_remaining_days": {"type": "int"},
    },
    "DID.Store.BuyStatus": {"customer_debit": {"type": "string", "format": "amount"}},
    "Media.Library": {"source": {"type": "mixed"}},
}
"""What the vendor's own programs read beyond the page, or otherwise: may be there."""

NOT_ON_THE_PAGE = {"Destination", "Language", "LogEntry"}
"""Objects that the vendor's page does not show."""

_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,), "bool": (bool,), "dictionary": (dict,), "int": (int,), "mixed": (object,), "null": (type(None),),
    "number": (int, float), "object": (dict,), "string": (str,),
}  # fmt: skip
_ANSWERS_OF_NULL = ("transcription",)  # as the account has it


class NotConformingError(AssertionError):
    pass


def check_result(method: str, result: Any) -> None:
    _check_shape(method, result_of(METHODS[method]), result)


def check_object(name: str, value: Any, path: str = "") -> None:
    """path: where it stands, for the message."""
    path, known = path or name, OBJECTS[name]
    _check_type(path, "object", value)
    extra = LIVE.get(name, {})
    unknown = value.keys() - known.keys() - extra.keys()
    if unknown or [key for key in value if key in known] != list(known):
        raise NotConformingError(f"{path}: {list(value)}, the page has {list(known)}")
    for key, item in value.items():
        _check_property(name, key, extra.get(key) or known[key], item, f"{path}.{key}")


def _check_shape(path: str, shape: Shape, value: Any) -> None:
    if shape.kind == "any of":
        _check_any(path, shape.items, value)
    elif shape.kind == "object":
        if shape.name not in NOT_ON_THE_PAGE:
            check_object(shape.name, value, f"{path}: {shape.name}")
        for hit in value["hits"] if shape.items else ():
            _check_shape(path, shape.items[0], hit)
    else:
        _check_type(path, shape.kind, value)
        for item in _items(value):
            for kind in shape.items:
                _check_shape(path, kind, item)


def _check_any(path: str, shapes: tuple[Shape, ...], value: Any) -> None:
    wrong = []
    for shape in shapes:
        try:
            return _check_shape(path, shape, value)
        except NotConformingError as exc:
            wrong.append(str(exc))
    raise NotConformingError("; ".join(wrong))


def _check_property(name: str, key: str, facts: Facts, value: Any, path: str) -> None:
    if value is None and (facts["type"] != "bool" or key in _ANSWERS_OF_NULL):
        return
    _check_type(path, facts["type"], value)
    expression = SPECIAL_FORMATS.get((name, key)) or FORMATS[facts.get("format", "field_name")]
    for item in value if isinstance(value, list) else [value]:
        if "format" in facts and not re.fullmatch(expression, str(item), re.DOTALL):
            raise NotConformingError(f"{path}: {item!r} is no {facts['format']}")
        if "values" in facts and item not in facts["values"]:
            raise NotConformingError(f"{path}: {item!r} is none of {facts['values']}")
        if "objects" in facts:
            _check_any(path, tuple(Shape("object", known) for known in facts["objects"]), item)


def _check_type(path: str, type_: str, value: Any) -> None:
    right = isinstance(value, _TYPES[type_]) and (type_ != "int" or not isinstance(value, bool))
    if not right:
        raise NotConformingError(f"{path}: {value!r} is no {type_}")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
