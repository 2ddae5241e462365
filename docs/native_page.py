"""docs/reference/native-api.md: the native API's OpenAPI document as a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from ringtrail.dialects.native.errors import PROBLEMS
from ringtrail.dialects.native.openapi import errors_of, openapi_document
from ringtrail.dialects.native.operations import OPERATIONS, Operation
from ringtrail.dialects.native.vocabulary import PREFIX
from ringtrail.model.errors import ErrorCode

_HEAD = """\
# The native API

Reads the calls of an account in ringtrail's own words, and tells what happens: pushed to your URLs, or pulled at your
pace. This page is printed from the OpenAPI 3.1 document that a running server has at `/api/v1/openapi.json`; the same for
people is at `/api/v1/docs`. What is pushed, and how it is signed, is in [Webhooks](webhooks.md).

```console
$ curl -H "Authorization: Bearer $TOKEN" "http://127.0.0.1:8000/api/v1/calls?limit=10"
```

## Conventions

- **Token.** `Authorization: Bearer <token>`, on every request. A token of one property sees that property only.
- **Ids** of calls, legs and messages are strings of digits: at most 53 bits for calls and legs, growing with time.
- **Instants** are UTC with milliseconds and `Z`: `2026-07-14T09:05:10.000Z`. You may send any RFC 3339 offset.
- **Numbers** are E.164 with `+`. In a query string a `+` is `%2B`.
- **Durations** are whole seconds or milliseconds, and the name says which.
- **Every field is always there**; `null` means that there is nothing to say. New fields may be added to any object.
- **Lists** go on with `next_cursor` until it is null. It is a position and not a count: what arrives while you walk neither
  shifts nor repeats what comes after, and the thousandth page costs what the first one does. A call appears under its
  start when it ends, so a list that you walked to its end yesterday may have got another call of yesterday since; `change`
  tells which calls are new or different.
- **Bodies** are JSON. A field that you leave out has its default; one that does not exist is an error, as is a parameter
  that does not exist: a typing mistake in a filter shall not give you every call.
- **Sound.** Byte ranges are answered with 206 and, outside the file, 416.

"""


def page() -> str:
    document = openapi_document("http://127.0.0.1:8000")
    parts = [_HEAD, "## Operations\n\n", _table(("", "path", "what it does"), map(_line, OPERATIONS))]
    for group, operations in groupby(sorted(OPERATIONS, key=_group_place), key=lambda item: item.group):
        parts.append(f"\n## {group}\n")
        parts += [_operation(operation, document) for operation in operations]
    parts += ["\n## Objects\n", *(_schema(name, schema) for name, schema in document["components"]["schemas"].items())]
    return "".join(parts) + _problems()


def _group_place(operation: Operation) -> int:
    return list(dict.fromkeys(item.group for item in OPERATIONS)).index(operation.group)


def _line(operation: Operation) -> tuple[str, str, str]:
    return operation.method.upper(), f"`{PREFIX}{operation.path}`", operation.summary


def _operation(operation: Operation, document: dict[str, Any]) -> str:
    described = document["paths"][operation.path][operation.method]
    text = f"\n### {operation.summary}\n\n`{operation.method.upper()} {PREFIX}{operation.path}`\n\n{operation.description}\n"
    if parameters := described["parameters"]:
        text += "\n" + _table(("parameter", "", "meaning"), map(_parameter, parameters))
    if operation.body:
        text += f"\nBody: {_link(operation.body.__name__)}{_may_be_left_out(described)}"
        text += _block(operation.body_example)
    text += f"\nAnswers {operation.status}{_answer(operation)}"
    if operation.example is not None and operation.id != "listEventTypes":
        text += _block(described["responses"][str(operation.status)]["content"]["application/json"]["example"])
    statuses = sorted({kind.status for kind in errors_of(operation)})
    return text + f"\nProblems: {', '.join(map(str, statuses))}.\n"


def _may_be_left_out(described: dict[str, Any]) -> str:
    return ".\n" if described["requestBody"]["required"] else "; it may be left out.\n"


def _answer(operation: Operation) -> str:
    if operation.answer:
        return f" with {_link(operation.answer.__name__)}.\n"
    if not operation.content:
        return " without a body.\n"
    return f" with {' or '.join(f'`{media}`' for media in operation.content)}.\n"


def _parameter(parameter: dict[str, Any]) -> tuple[str, str, str]:
    repeats = parameter["schema"].get("type") == "array"
    schema = parameter["schema"]["items"] if repeats else parameter["schema"]
    said = [_kind(schema)]
    if "minimum" in schema:
        said.append(f"{schema['minimum']} to {schema['maximum']}")
    if "default" in schema:
        said.append(f"default `{schema['default']}`")
    if repeats:
        said.append("may be repeated")
    if parameter["in"] == "path":
        said.append("in the path")
    return f"`{parameter['name']}`", ", ".join(said), _cell(parameter["description"])


def _schema(name: str, schema: dict[str, Any]) -> str:
    text = f"\n### {name}\n"
    if schema.get("description"):
        text += f"\n{schema['description']}\n"
    if "properties" in schema:
        rows = ((f"`{field}`", *_field(part, schema, field)) for field, part in schema["properties"].items())
        return text + "\n" + _table(("field", "", "meaning"), rows)
    return text + f"\n{_kind(schema)}\n"


def _field(part: dict[str, Any], schema: dict[str, Any], name: str) -> tuple[str, str]:
    said = [_kind(part)]
    if "default" in part:
        said.append(f"default `{json.dumps(part['default'])}`")
    elif name not in schema.get("required", ()):
        said.append("may be left out")
    return ", ".join(said), _cell(part.get("description", ""))


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " · ".join(f"`{word}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return f"map of names to {_kind(schema['additionalProperties'])}"
    return "instant" if schema.get("format") == "date-time" else str(schema.get("type", "any"))


def _problems() -> str:
    kinds = sorted(set(PROBLEMS.values()))
    rows = ((str(kind.status), f"`{kind.type}`", _cell(kind.meaning)) for kind in kinds)
    codes = ", ".join(f"`{code}`" for code in ErrorCode)
    return (
        "\n## Problems\n\nErrors are problem details (RFC 9457), `application/problem+json`: `type`, `title`, `status`,"
        " `detail`, and `errors`\nwith a `field`, a `code` and a `detail` for each parameter or field that is wrong. Decide by"
        f" `type`: it never changes.\n\n{_table(('status', 'type', 'meaning'), rows)}\nThe codes in `errors`: {codes}.\n"
    )


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _block(value: Any) -> str:
    return f"\n```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    return "".join(_row(cells) for cells in _lines(titles, rows))


def _lines(titles: list[str], rows: Iterable[Iterable[str]]) -> Iterator[Iterable[str]]:
    yield titles
    yield ["---"] * len(titles)
    yield from rows


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n".replace("| --- |", "|---|").replace("--- |", "---|").replace("|  |", "| |")
