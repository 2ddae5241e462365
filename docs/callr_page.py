"""docs/reference/callr-api.md: every method of the CALLR dialect, from its registry.

Examples and errors are those of callr_examples.json, which a test records from a running server and compares with it.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from ringtrail.dialects.callr.objects import Shape, result_of, vendor_name
from ringtrail.dialects.callr.parameters import Param
from ringtrail.dialects.callr.registry import METHODS, Method
from ringtrail.dialects.callr.state import MEANING, State

PAGE = Path(__file__).parent / "reference/callr-api.md"
EXAMPLES = Path(__file__).parent / "callr_examples.json"

_INTRODUCTION = """# CALLR API v1

JSON-RPC 2.0 at `POST /json-rpc/v1.1/`: positional parameters, all of them; null where the table says so. How to connect, and
what differs from the vendor's service, is in the [dialect's README](../../src/ringtrail/dialects/callr/README.md); how to
move an account is in [Move from CALLR](../how-to/move-from-callr.md).

Every method below is answered; every other one gets error -32601. The errors listed are those of wrong parameters, seen with
a running server; a parameter is checked after those before it, and the first that is wrong is told. Besides, any call can
get 401 (credentials), -32602 (too many parameters) and 100 `FORBIDDEN` (what these credentials may not do)."""

_RPC = '{{"id": 1, "jsonrpc": "2.0", "method": {method}, "params": {params}}}'


def page() -> str:
    examples = json.loads(EXAMPLES.read_text())
    parts = [_INTRODUCTION, "## Methods", _states(), _overview()]
    for service, methods in groupby(sorted(METHODS), key=_service):
        parts.append(f"## Service `{service}`")
        for name in methods:
            parts += _method(name, METHODS[name], examples[name])
    parts += ["## Objects", *_objects()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _service(method: str) -> str:
    return method.rpartition(".")[0]


def _states() -> str:
    return "\n".join(["| state | the method |", "|---|---|", *(f"| {state} | {MEANING[state]} |" for state in State)])


def _overview() -> str:
    rows = [f"| [`{name}`](#{_anchor(name)}) | {method.state} | {_parameters(method)} | {_linked(result_of(method))} |" for name, method in sorted(METHODS.items())]  # fmt: skip
    return "\n".join(["| method | state | parameters (`?`: may be null) | result |", "|---|---|---|---|", *rows])


def _parameters(method: Method) -> str:
    return ", ".join(param.name + ("?" if param.nullable or param.optional else "") for param in method.params)


def _method(name: str, method: Method, example: dict[str, Any]) -> Iterator[str]:
    yield f"### `{name}`"
    yield _told(method.handler)
    if method.params:
        rows = [f"| `{param.name}` | {_told(param.check)} | {_null(param)} |" for param in method.params]
        yield "\n".join(["| parameter | value | null |", "|---|---|---|", *rows])
    yield f"State: {method.state}. Result: {_linked(result_of(method))}."
    if example["errors"]:
        yield "\n".join(["| error | for instance |", "|---|---|", *map(_error, example["errors"])])
    asked = _RPC.format(method=json.dumps(name), params=json.dumps(example["params"], ensure_ascii=False))
    yield f"```json\n{asked}\n```"
    answer = {key: example[key] for key in ("result", "error") if key in example}
    yield f"```json\n{json.dumps(answer, indent=2, ensure_ascii=False)}\n```"


def _error(error: dict[str, Any]) -> str:
    given = (
        f"`{error['param']}` is `{json.dumps(error['given'], ensure_ascii=False)}`"
        if "given" in error
        else f"no `{error['param']}`"
    )
    return f"| {error['code']} `{error['message']}` | {given} |"


def _told(told: Any) -> str:
    """The first sentences of its docstring, as one line."""
    text = inspect.getdoc(told) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("DomainError ", "").replace("|", "\\|")


def _null(param: Param) -> str:
    if param.optional:
        return "yes, or left out"
    return "yes" if param.nullable else "no"


def _linked(shape: Shape) -> str:
    inner = " or ".join(map(_linked, shape.items))
    if shape.kind == "object":
        link = f"[{shape.name}](#{_anchor(shape.name)})"
        return f"{link} of {inner}" if inner else link
    return inner if shape.kind == "any of" else f"{shape.kind} of {inner}" if inner else shape.kind


def _objects() -> Iterator[str]:
    for name, struct in sorted(_structs().items()):
        yield f"### {name}"
        rows = [f"| `{key}` | {_type(hint)} |" for key, hint in _fields(struct)]
        yield "\n".join(["| property | type |", "|---|---|", *rows])


def _structs() -> dict[str, type[msgspec.Struct]]:
    """Those of the results, and those inside of them."""
    found: dict[str, type[msgspec.Struct]] = {}
    waiting: list[Any] = [get_type_hints(method.handler)["return"] for method in METHODS.values()]
    while waiting:
        hint = waiting.pop()
        waiting += get_args(hint)
        struct = get_origin(hint) or hint
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct) and vendor_name(struct) not in found:
            found[vendor_name(struct)] = struct
            waiting += get_type_hints(struct).values()
    return found


def _fields(struct: type[msgspec.Struct]) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(struct)
    for attribute, key in zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True):
        yield key, hints[attribute]


def _type(hint: Any) -> str:
    arguments, origin = get_args(hint), get_origin(hint)
    struct = origin or hint
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
        return f"[{vendor_name(struct)}](#{_anchor(vendor_name(struct))})"
    words = {str: "string", int: "int", bool: "bool", float: "number", type(None): "null", msgspec.UnsetType: "absent"}
    if hint in words:
        return words[hint]
    inner = [_type(argument) for argument in arguments]
    if origin is Union or type(hint).__name__ == "UnionType":
        return " or ".join(inner)
    if (isinstance(struct, type) and issubclass(struct, dict)) or "Mapping" in str(origin):
        return f"dictionary of {inner[-1]}" if inner else "object"
    return f"array of {inner[0]}" if inner else "any"


def _anchor(title: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
