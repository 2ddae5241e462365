"""The `schema` of a watch: a template whose placeholders `${$.path}` are JSONPath expressions (RFC 9535) on the resource.

Two modes, both the vendor's. A JSON object: placeholders stand inside its strings, and every result is text. A string:
it holds the text of a JSON document, so that a placeholder outside of quotes gives a number, true, null or an object.

What the vendor does not say, and we chose [inferred]: a path that finds nothing gives no text inside quotes and `null`
outside; a path that finds several values gives an array of them; null inside quotes gives no text, an object or an array
its compact JSON. What is put inside quotes is always escaped: it may come from a caller. Names in an object stay as they
are; in a string they are text like any other. Filters (`?`) are not taken: they could be made to run for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote

from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError
from jsonpath.selectors import Filter

MOST_PLACEHOLDERS = 200
MOST_BYTES = 262_144
"""That one notification has."""
_MOST_PATH = 200
_MOST_FOUND = 1_000  # values of one path
_MOST_DEPTH = 32
_PLACEHOLDER = re.compile(r"\$\{((?:'[^']*'|\"[^\"]*\"|[^}'\"])*+)\}")
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair: no UTF-8 has it
_ENVIRONMENT = JSONPathEnvironment(strict=True)
_NOTHING = object()

Resource = Mapping[str, Any]
Template = dict[str, Any] | str


class TemplateError(ValueError):
    """The template cannot be used, or what it gives is not JSON; the message is for its owner."""


def check(schema: Template) -> None:
    """Raises TemplateError for what is wrong before anything is put in."""
    render(schema, {}, proof=isinstance(schema, dict))
    if isinstance(schema, dict) and json.dumps(schema).count("${") > MOST_PLACEHOLDERS:
        raise TemplateError(f"more than {MOST_PLACEHOLDERS} placeholders")


def render(schema: Template, resource: Resource, *, proof: bool = True) -> bytes:
    """The body of one notification. proof: that it is JSON. Raises TemplateError."""
    text = _filled_text(schema, resource) if isinstance(schema, str) else _compact(_filled(schema, resource, 0))
    try:
        if proof:
            json.loads(text, parse_constant=_refuse_constant)
        body = text.encode()
    except (ValueError, RecursionError) as exc:
        raise TemplateError(f"the result is not JSON: {exc}") from exc
    if len(body) > MOST_BYTES:
        raise TemplateError(f"the result has more than {MOST_BYTES} bytes")
    return body


def render_address(address: str, resource: Resource) -> str:
    """An address with placeholders after its host; what is put in is percent-encoded."""
    return _substituted(address, lambda path: quote(_as_text(_found(path, resource)), safe=""))


def check_address(address: str) -> str:
    """The address as it would be for a resource without values. Raises TemplateError: a host must not be put in."""
    start = address.partition("://")[2]
    authority = re.split(r"[/?#]", start, maxsplit=1)[0]
    if "${" in authority:
        raise TemplateError("a placeholder may stand only behind the host")
    return render_address(address, {})


def _filled(value: Any, resource: Resource, depth: int) -> Any:
    """JSON mode: the object with its strings filled."""
    if depth > _MOST_DEPTH:
        raise TemplateError("nested too deeply")
    match value:
        case str():
            return _substituted(value, lambda path: _as_text(_found(path, resource)))
        case dict():
            return {name: _filled(item, resource, depth + 1) for name, item in value.items()}
        case list():
            return [_filled(item, resource, depth + 1) for item in value]
    return value


def _filled_text(template: str, resource: Resource) -> str:
    """String mode: the JSON text with each placeholder as what it stands in wants it."""
    quoted = _quotes(template)

    def value(path: str, at: int) -> str:
        found = _found(path, resource)
        if quoted[at]:
            return _compact(_as_text(found))[1:-1]
        return "null" if found is _NOTHING else _compact(found)

    return _placed(template, value)


def _quotes(template: str) -> list[bool]:
    """For each position: does it stand inside a JSON string? Placeholders have quotes of their own, which do not count."""
    inside, escaped, result = False, False, [False] * len(template)
    skipped = {at for match in _placeholders(template) for at in range(match.start() + 1, match.end())}
    for at, sign in enumerate(template):
        result[at] = inside
        if at in skipped:
            continue
        if sign == '"' and not escaped:
            inside = not inside
        escaped = sign == "\\" and inside and not escaped
    return result


def _substituted(text: str, value: Callable[[str], str]) -> str:
    return _placed(text, lambda path, _at: value(path))


def _placed(text: str, value: Callable[[str, int], str]) -> str:
    pieces, end = [], 0
    for match in _placeholders(text):
        pieces += [text[end : match.start()], _HALF.sub("\ufffd", value(match[1], match.start()))]
        end = match.end()
    return "".join([*pieces, text[end:]])


def _placeholders(text: str) -> list[re.Match[str]]:
    """From left to right, and no further than to the first that is not closed: so the work grows with the text alone."""
    found = list[re.Match[str]]()
    begin = text.find("${")
    while begin >= 0:
        match = _PLACEHOLDER.match(text, begin)
        if match is None:
            raise TemplateError("a placeholder is not closed")
        found.append(match)
        begin = text.find("${", match.end())
    if len(found) > MOST_PLACEHOLDERS:
        raise TemplateError(f"more than {MOST_PLACEHOLDERS} placeholders")
    return found


def _found(path: str, resource: Resource) -> Any:
    query = _query(path)
    values = [match.obj for match in islice(query.finditer(resource), _MOST_FOUND + 1)]
    if len(values) > _MOST_FOUND:
        raise TemplateError(f"{path!r} finds more than {_MOST_FOUND} values")
    if not values:
        return _NOTHING
    return values[0] if query.singular_query() else values


@lru_cache(maxsize=1_000)
def _query(path: str) -> JSONPath:
    if len(path) > _MOST_PATH:
        raise TemplateError("a path is too long")
    try:
        query = _ENVIRONMENT.compile(path)
    except (JSONPathError, RecursionError) as exc:
        raise TemplateError(f"{path!r} is not a JSONPath expression") from exc
    if not isinstance(query, JSONPath) or any(
        isinstance(selector, Filter) for segment in query.segments for selector in segment.selectors
    ):
        raise TemplateError(f"{path!r} has a filter")
    return query


def _as_text(value: Any) -> str:
    if value is _NOTHING or value is None:
        return ""
    return value if isinstance(value, str) else _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
