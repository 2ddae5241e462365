"""The OpenAPI 3.1 document, built from what the code reads (requests.PARAMETERS), writes (responses) and refuses (errors)."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import msgspec

from ringtrail import __version__
from ringtrail.dialects.native import examples
from ringtrail.dialects.native.errors import PROBLEM_TYPE, PROBLEMS, Kind, Problem
from ringtrail.dialects.native.requests import AUDIO_PARAMETERS, LIST_PARAMETERS, Parameter
from ringtrail.dialects.native.responses import CallDetail, CallList, Recording, RecordingList
from ringtrail.dialects.native.vocabulary import PREFIX
from ringtrail.model.errors import ErrorCode

_INTRODUCTION = """\
Read the calls of your account: who called which tracking number, what became of it, and what was said.

Numbers are E.164. Instants are UTC with milliseconds and `Z`. Durations are whole seconds and say so in their name
(`_s`, `_ms`). Every field is always there; `null` means that there is nothing to say. New fields may be added to any
object, so read what you know and pass over the rest."""

_ALWAYS = (ErrorCode.UNAVAILABLE, ErrorCode.INTERNAL)
_SECURED = (ErrorCode.UNREADABLE, ErrorCode.OUT_OF_RANGE, ErrorCode.UNAUTHENTICATED, ErrorCode.TOO_LARGE)


class Operation(NamedTuple):
    path: str  # below PREFIX
    id: str
    group: str
    summary: str
    description: str
    answer: Any  # struct type, or None: see `content`
    example: Any
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[ErrorCode, ...] = ()
    content: tuple[str, ...] = ("application/json",)
    secured: bool = True


_AUDIO = "The sound, mixed or one side. Byte ranges (RFC 9110) are answered with 206. The first listening is noted as `read_at`."
_AUDIO_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)

OPERATIONS = (
    Operation("/calls", "listCalls", "Calls", "List calls",
        "Filters narrow the list together; a filter given several times matches any of its values. Follow `next_cursor`"
        " until it is null: what arrives meanwhile neither shifts nor repeats the rest of the list.",
        CallList, examples.CALL_LIST, LIST_PARAMETERS),
    Operation("/calls/{id}", "getCall", "Calls", "Read one call", "A call, live or ended, with its legs and its story.",
        CallDetail, examples.CALL_DETAIL, errors=(ErrorCode.NOT_FOUND,)),
    Operation("/calls/{id}/recordings", "listCallRecordings", "Recordings", "List the recordings of a call",
        "The conversation and the voicemail, newest first.",
        RecordingList, examples.RECORDING_LIST, errors=(ErrorCode.NOT_FOUND,)),
    Operation("/recordings/{hash}", "getRecording", "Recordings", "Read one recording", "What there is to hear, and where.",
        Recording, examples.RECORDING, errors=(ErrorCode.NOT_FOUND,)),
    Operation("/recordings/{hash}/audio", "getAudio", "Recordings", "Hear a recording", _AUDIO + " MP3 where there is one, else WAV.",
        None, None, AUDIO_PARAMETERS, _AUDIO_ERRORS, ("audio/mpeg", "audio/wav")),
    Operation("/recordings/{hash}/audio.wav", "getAudioWav", "Recordings", "Hear a recording as WAV", _AUDIO,
        None, None, AUDIO_PARAMETERS, _AUDIO_ERRORS, ("audio/wav",)),
    Operation("/recordings/{hash}/audio.mp3", "getAudioMp3", "Recordings", "Hear a recording as MP3", _AUDIO,
        None, None, AUDIO_PARAMETERS, _AUDIO_ERRORS, ("audio/mpeg",)),
    Operation("/openapi.json", "getOpenApi", "About", "OpenAPI document", "OpenAPI 3.1, without a token.",
        None, None, secured=False),
    Operation("/docs", "getDocs", "About", "This page", "The same for people: an HTML page, without a token.",
        None, None, content=("text/html",), secured=False),
)  # fmt: skip

_PATH_PARAMETERS = {
    "id": ({"type": "string", "pattern": r"^\d+$", "examples": [examples.CALL.id]}, "The call's `id`."),
    "hash": (
        {"type": "string", "pattern": "^[A-Z0-9]{8}$", "examples": [examples.RECORDING.hash]},
        "The recording's `hash`.",
    ),
}


@cache
def openapi_document(base_url: str) -> dict[str, Any]:
    """The whole document. Read it, do not change it: it is shared."""
    types = [operation.answer for operation in OPERATIONS if operation.answer] + [Problem]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ringtrail API",
            "version": __version__,
            "summary": "Calls, live and ended, with their attribution and recordings.",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url + PREFIX}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.group for operation in OPERATIONS)],
        "paths": {operation.path: {"get": _operation(operation)} for operation in OPERATIONS},
        "components": {
            "schemas": schemas,
            "responses": {_response_name(kind): _problem_response(code, kind) for code, kind in PROBLEMS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "The token that you were given."}
            },
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
    return described if operation.secured else described | {"security": []}


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
    found: dict[str, Any] = {"200": {"description": operation.summary, "content": _content(operation)}}
    if operation.content[0].startswith("audio/"):
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
    reference = {"$ref": f"#/components/schemas/{operation.answer.__name__}"}
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
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": msgspec.to_builtins(examples.problem(shown)),
            }
        },
    }
