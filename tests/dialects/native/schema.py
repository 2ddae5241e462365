"""Just enough of JSON Schema 2020-12 to hold answers against the published schema. An unknown keyword is an error."""

from __future__ import annotations

import re
from typing import Any

_ANNOTATIONS = {"title", "description", "examples", "default", "example"}
_TYPES = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None), "object": dict, "array": list
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$") -> list[str]:
    """What is wrong with the value, as readable lines."""
    found: list[str] = []
    for keyword, wanted in schema.items():
        if keyword in _ANNOTATIONS or keyword in ("required", "format"):
            continue
        found += _CHECKS[keyword](value, wanted, schema, document, at)
    return found


def _ref(value: Any, wanted: str, _schema: Any, document: dict[str, Any], at: str) -> list[str]:
    return faults(value, document["components"]["schemas"][wanted.rpartition("/")[2]], document, at)


def _type(value: Any, wanted: str, _schema: Any, _document: Any, at: str) -> list[str]:
    fits = isinstance(value, _TYPES[wanted]) and not (isinstance(value, bool) and wanted in ("integer", "number"))
    return [] if fits else [f"{at}: {value!r} is no {wanted}"]


def _any_of(value: Any, wanted: list[Any], _schema: Any, document: dict[str, Any], at: str) -> list[str]:
    fits = any(not faults(value, option, document, at) for option in wanted)
    return [] if fits else [f"{at}: {value!r} fits none of {wanted}"]


def _properties(value: Any, wanted: dict[str, Any], schema: Any, document: dict[str, Any], at: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    missing = [f"{at}.{name} is missing" for name in schema.get("required", []) if name not in value]
    unknown = [f"{at}.{name} is not in the schema" for name in value.keys() - wanted.keys()]
    known = [line for name in value.keys() & wanted.keys() for line in faults(value[name], wanted[name], document, f"{at}.{name}")]  # fmt: skip
    return missing + unknown + known


def _additional(value: Any, wanted: Any, schema: Any, document: dict[str, Any], at: str) -> list[str]:
    if not isinstance(value, dict) or "properties" in schema:  # what is not among those is told of already
        return []
    return [line for name, item in value.items() for line in faults(item, wanted, document, f"{at}.{name}")]


def _items(value: Any, wanted: Any, _schema: Any, document: dict[str, Any], at: str) -> list[str]:
    if not isinstance(value, list):
        return []
    return [line for n, item in enumerate(value) for line in faults(item, wanted, document, f"{at}[{n}]")]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_CHECKS: dict[str, Any] = {
    "$ref": _ref,
    "type": _type,
    "anyOf": _any_of,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "const": lambda value, wanted, _s, _d, at: [] if value == wanted else [f"{at}: {value!r} is not {wanted!r}"],
    "enum": lambda value, wanted, _s, _d, at: [] if value in wanted else [f"{at}: {value!r} is none of {wanted}"],
    "pattern": lambda value, wanted, _s, _d, at: (
        [] if not isinstance(value, str) or re.search(wanted, value) else [f"{at}: {value!r} is not {wanted}"]
    ),
    "maxItems": lambda value, wanted, _s, _d, at: (
        [] if not isinstance(value, list) or len(value) <= wanted else [f"{at}: more than {wanted} items"]
    ),
    "minItems": lambda value, wanted, _s, _d, at: (
        [] if not isinstance(value, list) or len(value) >= wanted else [f"{at}: less than {wanted} items"]
    ),
    "maxLength": lambda value, wanted, _s, _d, at: (
        [] if not isinstance(value, str) or len(value) <= wanted else [f"{at}: longer than {wanted}"]
    ),
    "minimum": lambda value, wanted, _s, _d, at: (
        [] if not _is_number(value) or value >= wanted else [f"{at}: {value} < {wanted}"]
    ),
    "maximum": lambda value, wanted, _s, _d, at: (
        [] if not _is_number(value) or value <= wanted else [f"{at}: {value} > {wanted}"]
    ),
}
