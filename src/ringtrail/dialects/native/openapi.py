"""The OpenAPI 3.1 document, built from what the code reads (requests.PARAMETERS), writes (responses) and refuses (errors)."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from ringtrail import __version__
from ringtrail.dialects.native import examples
from ringtrail.dialects.native.errors import PROBLEM_TYPE, PROBLEMS, Kind, Problem
from ringtrail.dialects.native.event_examples import ENDPOINT, EXAMPLES
from ringtrail.dialects.native.event_ids import EXAMPLE, PATTERN
from ringtrail.dialects.native.events import TOLD, Told
from ringtrail.dialects.native.operations import OPERATIONS, Operation
from ringtrail.dialects.native.requests import Parameter
from ringtrail.dialects.native.vocabulary import PREFIX
from ringtrail.model.errors import ErrorCode
from ringtrail.model.events import MEANING, EventType

_INTRODUCTION = """\
Read the calls of your account: who called which tracking number, what became of it, and what was said. Be told of
everything that happens: pushed to your URLs, or pulled at your pace.

Numbers are E.164. Instants are UTC with milliseconds and `Z`. Durations are whole seconds and say so in their name
(`_s`, `_ms`). Every field is always there; `null` means that there is nothing to say. New fields may be added to any
object, so read what you know and pass over the rest."""

_SCHEMA = "#/components/schemas/"
_WEBHOOK_HEADERS = (
    ("webhook-id", {"type": "string", "pattern": PATTERN}, "The event's `id`: drop what you have seen."),
    ("webhook-timestamp", {"type": "string", "pattern": r"^\d+$"}, "Unix seconds of this try."),
    (
        "webhook-signature",
        {"type": "string"},
        "`v1,` (HMAC-SHA-256) and `v1a,` (Ed25519) signatures, separated by spaces, one for each live key.",
    ),
)

_ALWAYS = (ErrorCode.UNAVAILABLE, ErrorCode.INTERNAL)
_SECURED = (ErrorCode.UNREADABLE, ErrorCode.OUT_OF_RANGE, ErrorCode.UNAUTHENTICATED, ErrorCode.TOO_LARGE)


_PATH_PARAMETERS = {
    "id": ({"type": "string", "pattern": r"^\d+$", "examples": [examples.CALL.id]}, "The call's `id`."),
    "hash": (
        {"type": "string", "pattern": "^[A-Z0-9]{8}$", "examples": [examples.RECORDING.hash]},
        "The recording's `hash`.",
    ),
    "endpoint": ({"type": "string", "pattern": "^[A-Z0-9]{8}$", "examples": [ENDPOINT]}, "The endpoint's `hash`."),
    "event": ({"type": "string", "pattern": PATTERN, "examples": [EXAMPLE]}, "The event's `id`."),
}


@cache
def openapi_document(base_url: str) -> dict[str, Any]:
    """The whole document. Read it, do not change it: it is shared."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ringtrail API",
            "version": __version__,
            "summary": "Calls, live and ended, with their attribution and recordings, and every event, pushed and pulled.",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url + PREFIX}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.group for operation in OPERATIONS)],
        "paths": _paths(),
        "webhooks": {type_.value: {"post": _webhook(type_)} for type_ in MEANING},
        "components": {
            "schemas": _schemas(),
            "responses": {_response_name(kind): _problem_response(code, kind) for code, kind in PROBLEMS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "The token that you were given."}
            },
        },
    }


def _paths() -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        found.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return found


def _schemas() -> dict[str, Any]:
    """Every struct; an Event is one of its types, each with its own data."""
    structs = [struct for operation in OPERATIONS for struct in (operation.answer, operation.body) if struct]
    structs += [told.data for told in TOLD.values()] + [Problem]
    _, found = msgspec.json.schema_components(structs, ref_template=_SCHEMA + "{name}")
    event = found["Event"]
    for type_, told in TOLD.items():
        found[event_schema_name(type_)] = _event_schema(event, type_, told)
    found["Event"] = {
        "description": event["description"],
        "anyOf": [{"$ref": _SCHEMA + event_schema_name(type_)} for type_ in TOLD],
    }
    return found


def event_schema_name(type_: EventType) -> str:
    """`call.ended` -> CallEndedEvent."""
    return "".join(word.capitalize() for word in type_.split(".")) + "Event"


def _event_schema(event: dict[str, Any], type_: EventType, told: Told) -> dict[str, Any]:
    data: dict[str, Any] = {"$ref": _SCHEMA + told.data.__name__}
    if told.current:
        data = {"anyOf": [data, {"type": "null"}], "description": event["properties"]["data"]["description"]}
    properties = {**event["properties"], "type": {"const": type_.value}, "data": data}
    return {**event, "title": event_schema_name(type_), "description": MEANING[type_], "properties": properties}


def _webhook(type_: EventType) -> dict[str, Any]:
    content = {
        "schema": {"$ref": _SCHEMA + event_schema_name(type_)},
        "example": msgspec.to_builtins(EXAMPLES[type_]),
    }
    return {
        "operationId": f"on{event_schema_name(type_).removesuffix('Event')}",
        "tags": ["Webhooks"],
        "summary": type_.value,
        "description": MEANING[type_],
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": schema, "description": text}
            for name, schema, text in _WEBHOOK_HEADERS
        ],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "2XX": {"description": "Delivered. Your answer's body is kept in the ledger and not read."},
            "410": {"description": "Gone: the endpoint is disabled at once."},
            "default": {"description": "Not delivered: it is tried again, and not before `Retry-After`."},
        },
    }


def errors_of(operation: Operation) -> tuple[Kind, ...]:
    """Every kind of problem that an operation can answer with, by status."""
    codes = {*operation.errors, *_ALWAYS, *(_SECURED if operation.secured else ())}
    return tuple(sorted({PROBLEMS[code] for code in codes}))


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.group],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": [*_path_parameters(operation.path), *(_query_parameter(item) for item in operation.parameters)],
        "responses": _responses(operation),
    }
    if operation.body:
        content = {"schema": {"$ref": _SCHEMA + operation.body.__name__}, "example": operation.body_example}
        described["requestBody"] = {"required": _needs(operation.body), "content": {"application/json": content}}
    return described if operation.secured else described | {"security": []}


def _needs(struct: Any) -> bool:
    """Whether there is something that cannot be left out."""
    return any(field.required for field in msgspec.structs.fields(struct))


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": schema, "description": description}
        for name, (schema, description) in _PATH_PARAMETERS.items()
        if f"{{{name}}}" in path
    ]


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    schema = {"type": "array", "items": parameter.schema} if parameter.repeats else parameter.schema
    described = {"name": parameter.name, "in": "query", "schema": schema, "description": parameter.description}
    return described | {"style": "form", "explode": True} if parameter.repeats else described


def _responses(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": operation.summary}
    if operation.content:
        answer["content"] = _content(operation)
    found = {str(operation.status): answer}
    if operation.content and operation.content[0].startswith("audio/"):
        headers = {
            "Content-Range": {"schema": {"type": "string"}, "description": "The bytes that were sent, and of how many."}
        }
        found["206"] = found["200"] | {"description": "The range that was asked for.", "headers": headers}
        found["416"] = {
            "description": "The range lies outside the file; `Content-Range` tells its size.",
            "headers": headers,
        }
    by_status: dict[int, list[Kind]] = {}
    for kind in errors_of(operation):
        by_status.setdefault(kind.status, []).append(kind)
    for status, kinds in by_status.items():
        found[str(status)] = {"$ref": f"#/components/responses/{_response_name(kinds[0])}"}
    return dict(sorted(found.items()))


def _content(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        schema: dict[str, Any] = (
            {"type": "object"} if operation.content == ("application/json",) else {"type": "string"}
        )
        return {media: {"schema": {} if media.startswith("audio/") else schema} for media in operation.content}
    reference = {"$ref": _SCHEMA + operation.answer.__name__}
    return {"application/json": {"schema": reference, "example": msgspec.to_builtins(operation.example)}}


def _response_name(kind: Kind) -> str:
    """One component a status: the kinds that share a status share it."""
    return {400: "BadRequest"}.get(kind.status, kind.title.title().replace(" ", ""))


def _problem_response(code: ErrorCode, kind: Kind) -> dict[str, Any]:
    shown = ErrorCode.OUT_OF_RANGE if kind.status == 400 else code
    kinds = sorted({other for other in PROBLEMS.values() if other.status == kind.status})
    return {
        "description": " ".join(f"{other.title} (`{other.type}`): {other.meaning}" for other in kinds),
        "content": {
            PROBLEM_TYPE: {
                "schema": {"$ref": _SCHEMA + "Problem"},
                "example": msgspec.to_builtins(examples.problem(shown)),
            }
        },
    }
