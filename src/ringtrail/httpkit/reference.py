"""An HTTP API as data: one `Reference` a dialect, printed as an OpenAPI 3.1 document and (`reference_page`) as a page.

Types are msgspec Structs: names and types of fields come from them, what they mean from `Reference.fields`. Errors come from
the dialect's own table. Nothing here knows a vendor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from ringtrail import __version__
from ringtrail.httpkit.files import SOUND_TYPES
from ringtrail.model.errors import ErrorCode

JSON = "application/json"
ALWAYS = (
    ErrorCode.UNREADABLE, ErrorCode.UNAUTHENTICATED, ErrorCode.TOO_LARGE, ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE,
)  # fmt: skip
"""What every operation can answer."""
_NOTHING: Mapping[str, Any] = {}
_REF = "#/components/schemas/"


class Parameter(NamedTuple):
    name: str
    text: str
    schema: Mapping[str, Any]  # JSON Schema; `examples[0]` fills in for a path parameter in the examples
    where: str = "query"  # or path, header
    required: bool = False  # a path parameter always is
    explode: bool = False  # a list: the parameter repeated, else one with commas


class Field(NamedTuple):
    """What a field means, and what its type does not say: {"enum": [...]}, {"pattern": ...}."""

    text: str
    schema: Mapping[str, Any] = _NOTHING


Fields = Mapping[Any, Mapping[str, str | Field]]
"""By Struct, then by name on the wire."""


class Answer(NamedTuple):
    text: str
    types: tuple[Any, ...] = ()  # what msgspec can describe, any of these; none: not JSON, or no content
    media: tuple[str, ...] = (JSON,)  # empty: no content


_SOUNDS = tuple(sorted(SOUND_TYPES.values()))
SOUND = {
    200: Answer("The sound; MP3, or WAV where no MP3 could be made.", media=_SOUNDS),
    206: Answer("The bytes that `Range` asked for.", media=_SOUNDS),
    416: Answer("`Range` lies outside the file.", media=_SOUNDS),
}
RANGE = Parameter("Range", "One range of bytes (RFC 9110).", {"type": "string"}, "header")
"""What `files.file_response` answers, and goes by."""


class Failure(NamedTuple):
    """How one of our errors looks in this API."""

    status: int
    word: str  # what a program can go by; empty if there is only the message
    message: str


class Example(NamedTuple):
    """A request and its answer. The tests send it, and compare every value but those of the `varying` fields."""

    title: str
    answer: Any = None  # JSON; None: not JSON
    query: str = ""  # as the client writes it
    path: Mapping[str, str] = _NOTHING  # parameters that differ from their schema's first example
    body: Any = None
    headers: Mapping[str, str] = _NOTHING
    status: int = 200
    varying: frozenset[str] = frozenset()


class Operation(NamedTuple):
    method: str  # upper case
    path: str  # below the dialect's prefix, parameters in braces
    id: str
    summary: str
    answers: Mapping[int, Answer]  # when all went well, by status
    text: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Any = None  # what msgspec can describe
    body_media: str = JSON
    errors: tuple[ErrorCode, ...] = ()  # besides those that every operation can give
    examples: tuple[Example, ...] = ()
    security: tuple[Mapping[str, list[str]], ...] | None = None  # instead of the reference's; (): anybody may

    def path_of(self, example: Example) -> str:
        """The path with its parameters filled in."""
        found = {item.name: item.schema["examples"][0] for item in self.parameters if item.where == "path"}
        return self.path.format(**{**found, **example.path})


class Reference(NamedTuple):
    title: str
    prefix: str  # what the path of every operation begins with
    document_path: str  # where the OpenAPI document is
    introduction: str  # Markdown
    authentication: str  # Markdown
    curl: str  # the options of curl that hold the credentials; empty if they are in the query
    security_schemes: Mapping[str, Mapping[str, Any]]  # OpenAPI's
    security: tuple[Mapping[str, list[str]], ...]  # alternatives; what is in one of them is needed together
    failure: Any  # the type of every error's body
    failures: Mapping[ErrorCode, Failure]
    fields: Fields
    operations: tuple[Operation, ...]
    always: tuple[ErrorCode, ...] = ALWAYS

    def failures_of(self, operation: Operation) -> dict[int, list[Failure]]:
        """By status, each once."""
        found: dict[int, list[Failure]] = {}
        for failure in dict.fromkeys(self.failures[code] for code in (*operation.errors, *self.always)):
            found.setdefault(failure.status, []).append(failure)
        return dict(sorted(found.items()))


def document_route(reference: Reference, base_url: str) -> HTTPRouteHandler:
    """GET /openapi.json, for anybody."""
    document = msgspec.json.encode(openapi_document(reference, base_url))

    @get("/openapi.json")
    async def openapi() -> Response[bytes]:
        return Response(document, media_type=JSON)

    return openapi


def openapi_document(reference: Reference, base_url: str) -> dict[str, Any]:
    """base_url: of the whole server, as clients reach it."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in reference.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(reference, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": reference.title,
            "version": __version__,
            "description": reference.introduction,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url + reference.prefix}],
        "security": list(reference.security),
        "paths": paths,
        "components": {"schemas": schemas(reference), "securitySchemes": dict(reference.security_schemes)},
    }


def schemas(reference: Reference) -> dict[str, dict[str, Any]]:
    """Every Struct, in order of appearance, each field with its meaning."""
    written = [one for item in reference.operations for answer in item.answers.values() for one in answer.types]
    written.append(reference.failure)
    read = [item.body for item in reference.operations if item.body]
    _, found = msgspec.json.schema_components([*written, *read], ref_template=_REF + "{name}")
    _, ours = msgspec.json.schema_components(written, ref_template=_REF + "{name}")
    for name, schema in found.items():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
        if name in ours:
            _all_present(schema)
    for struct, fields in reference.fields.items():
        _explain(found[struct.__name__], fields)
    return found


def schema_of(*types: Any) -> dict[str, Any]:
    """A reference to the type's component, or the schema of what needs none; several types: any of them."""
    found, _ = msgspec.json.schema_components(types, ref_template=_REF + "{name}")
    return found[0] if len(found) == 1 else {"anyOf": list(found)}


def _all_present(schema: dict[str, Any]) -> None:
    """What we write has its defaults too; only a field that can be UNSET may be missing."""
    fields = schema.get("properties", {})
    required = set(schema.get("required", ())) | {name for name, field in fields.items() if "default" in field}
    schema["required"] = [name for name in fields if name in required]
    for field in fields.values():
        field.pop("default", None)


def _explain(schema: dict[str, Any], fields: Mapping[str, str | Field]) -> None:
    for name, known in fields.items():
        field = Field(known) if isinstance(known, str) else known
        schema["properties"][name] |= {"description": field.text, **field.schema}


def _operation(reference: Reference, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"operationId": operation.id, "summary": operation.summary}
    if operation.text:
        described["description"] = operation.text
    described["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body:
        sent = {item.title: {"value": item.body} for item in operation.examples if isinstance(item.body, dict)}
        content = {"schema": schema_of(operation.body), **({"examples": sent} if sent else {})}
        described["requestBody"] = {"required": True, "content": {operation.body_media: content}}
    described["responses"] = dict(_responses(reference, operation))
    if operation.security is not None:
        described["security"] = list(operation.security)
    return described


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.text,
        "required": parameter.required or parameter.where == "path",
        "schema": dict(parameter.schema),
    }
    is_list = parameter.schema.get("type") == "array"
    return described | {"style": "form", "explode": parameter.explode} if is_list else described


def _responses(reference: Reference, operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    failures = reference.failures_of(operation)
    for status in sorted({*operation.answers, *failures}):
        answer, wrong = operation.answers.get(status), failures.get(status, [])
        texts = [answer.text] if answer else []
        texts += [f"{item.word}: {item.message}" if item.word else item.message for item in wrong]
        content = _content(answer, reference.failure if wrong else None)
        shown = {item.title: {"value": item.answer} for item in operation.examples if item.status == status}
        if JSON in content and shown:
            content[JSON]["examples"] = shown
        yield str(status), {"description": " · ".join(texts), **({"content": content} if content else {})}


def _content(answer: Answer | None, failure: Any) -> dict[str, dict[str, Any]]:
    """By media type. An error may have the status of a success: some vendors put the verdict into the body."""
    types = answer.types if answer else ()
    found = {media: {"schema": schema_of(*types)} if types else {} for media in (answer.media if answer else ())}
    return found if failure is None else {**found, JSON: {"schema": schema_of(*types, failure)}}
