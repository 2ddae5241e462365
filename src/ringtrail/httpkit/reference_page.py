"""A Reference as a page in Markdown: how to authenticate, operations, fields, errors, examples, and the dialect's remarks."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ringtrail.httpkit.reference import Example, Operation, Parameter, Reference, schema_of, schemas

SHOWN_URL = "http://127.0.0.1:8000"
"""Where the server of the examples listens."""


def markdown(reference: Reference, remarks: str = "") -> str:
    """remarks: written by hand, the page's last part."""
    document = f"The same for programs, OpenAPI 3.1: `GET {reference.document_path}`, for anybody."
    parts = [
        f"# {reference.title}",
        reference.introduction,
        document,
        f"## Authentication\n\n{reference.authentication}",
        "## Operations",
        _table(("operation", "does"), ([f"[`{_line(reference, item)}`](#{_anchor(item.summary)})", item.summary] for item in reference.operations)),
        *(part for item in reference.operations for part in _operation(reference, item)),
        "## Objects",
        *_objects(schemas(reference)),
        "## Errors",
        *_errors(reference),
        remarks.strip(),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _operation(reference: Reference, operation: Operation) -> Iterator[str]:
    yield f"### {operation.summary}"
    yield f"`{_line(reference, operation)}`"
    yield operation.text
    if operation.parameters:
        yield _table(("parameter", "in", "value", "meaning"), map(_parameter_row, operation.parameters))
    if operation.body:
        yield f"Body: {_type(schema_of(operation.body))}, as `{operation.body_media}`."
    yield _table(("status", "answer"), _answers(reference, operation))
    for example in operation.examples:
        yield f"**{example.title}**"
        yield f"```console\n$ {_curl(reference, operation, example)}\n```"
        if example.answer is not None:
            yield f"```json\n{json.dumps(example.answer, indent=2, ensure_ascii=False)}\n```"


def _line(reference: Reference, operation: Operation) -> str:
    return f"{operation.method} {reference.prefix}{operation.path}"


def _parameter_row(parameter: Parameter) -> list[str]:
    must = "" if not parameter.required else " Required."
    return [f"`{parameter.name}`", parameter.where, _type(parameter.schema), parameter.text + must]


def _answers(reference: Reference, operation: Operation) -> Iterator[list[str]]:
    for status, answer in operation.answers.items():
        shape = _type(schema_of(*answer.types)) if answer.types else ", ".join(f"`{media}`" for media in answer.media)
        yield [str(status), f"{shape or 'nothing'}: {answer.text}"]
    for status, failures in reference.failures_of(operation).items():
        words = dict.fromkeys(f"`{failure.word}`" if failure.word else failure.message for failure in failures)
        yield [str(status), "; ".join(words)]


def _curl(reference: Reference, operation: Operation, example: Example) -> str:
    address = SHOWN_URL + reference.prefix + operation.path_of(example) + (f"?{example.query}" if example.query else "")
    words = ["curl", f"-X {operation.method}" if operation.method != "GET" else ""]
    words.append("" if operation.security == () else reference.curl)
    words += [f"-H '{name}: {value}'" for name, value in example.headers.items()]
    if example.body is not None:
        text = example.body if isinstance(example.body, str) else json.dumps(example.body, ensure_ascii=False)
        words += [f"-H 'content-type: {operation.body_media}'", f"-d {shlex.quote(text)}"]
    return " ".join(word for word in [*words, f'"{address}"'] if word)


def _objects(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, schema in found.items():
        yield f"### {name}"
        yield schema.get("description", "")
        required = schema.get("required", ())
        yield _table(
            ("field", "value", "meaning"),
            (
                [
                    f"`{field}`",
                    _type(shape),
                    shape.get("description", "") + ("" if field in required else " May be absent."),
                ]
                for field, shape in schema.get("properties", {}).items()
            ),
        )


def _errors(reference: Reference) -> Iterator[str]:
    yield f"The body of every error is a {_type(schema_of(reference.failure))}."
    rows = sorted(dict.fromkeys(reference.failures.values()))
    if any(failure.word for failure in rows):
        yield _table(("status", "code", "message, unless there is a better one"), ([str(item.status), f"`{item.word}`", item.message] for item in rows))  # fmt: skip
    else:
        yield _table(("status", "message"), ([str(item.status), item.message] for item in rows))


def _type(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    if "anyOf" in schema and "enum" not in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(word) if word is None else word}`" for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return f"{schema.get('type', 'any')}{_bounds(schema)}"


def _bounds(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    span = f" {least} to {most}" if most is not None else f" from {least}" if least is not None else ""
    return span + (f", default {schema['default']}" if "default" in schema else "")


def _anchor(title: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    cells = [titles, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], f"|{'---|' * len(titles)}", *lines[1:]])
