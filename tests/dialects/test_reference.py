"""The references are true: each example is sent, and the dialect answers as the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from litestar.routes import HTTPRoute
from openapi_spec_validator import OpenAPIV31SpecValidator

from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.reference import Example, Operation, Parameter, schemas
from ringtrail.httpkit.server import build_server
from tests.dialects.conftest import BASE_URL, Serve
from tests.dialects.documented import DOCUMENTED, Asker, Documented
from tests.dialects.native.schema import faults
from tests.fixtures import World

EACH = pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda item: item.dialect.name)
EXAMPLES = [
    pytest.param(documented, operation, example, id=f"{documented.dialect.name}-{operation.id}-{example.title}")
    for documented in DOCUMENTED
    for operation in documented.reference.operations
    for example in operation.examples
]
QUERIES = [
    pytest.param(documented, operation, id=f"{documented.dialect.name}-{operation.id}")
    for documented in DOCUMENTED
    for operation in documented.reference.operations
    if operation.method == "GET" and any(item.where == "query" for item in operation.parameters)
]


async def _asker(documented: Documented, world: World, serve: Serve, folder: Path) -> Asker:
    real = await documented.furnish(world, folder)
    return Asker(documented, world, await serve(documented.dialect), real)


@pytest.mark.postgres
@pytest.mark.parametrize(("documented", "operation", "example"), EXAMPLES)
async def test_an_example_is_answered_as_the_page_shows(
    world: World, serve: Serve, tmp_path: Path, documented: Documented, operation: Operation, example: Example
) -> None:
    asker = await _asker(documented, world, serve, tmp_path)
    answer = await asker.ask(operation, example)
    assert answer.status_code == example.status, answer.text
    document = documented.document()
    described = document["paths"][operation.path][operation.method.lower()]["responses"][str(example.status)]
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    assert media_type in described.get("content", {"": None})
    if example.answer is None:
        assert media_type != "application/json"
        return
    assert list(_differences(answer.json(), asker.expected(example), example.varying)) == []
    assert faults(answer.json(), described["content"][media_type]["schema"], document) == []


def _differences(found: Any, shown: Any, varying: frozenset[str], at: str = "$") -> Iterator[str]:
    if isinstance(found, dict) and isinstance(shown, dict):
        if list(found) != list(shown):
            yield f"{at}: {list(found)} are not {list(shown)}"
        for name in found.keys() & shown.keys():
            same_type = isinstance(found[name], type(shown[name]))
            if not (name in varying and same_type):
                yield from _differences(found[name], shown[name], varying, f"{at}.{name}")
    elif isinstance(found, list) and isinstance(shown, list):
        if len(found) != len(shown):
            yield f"{at}: {len(found)} items, not {len(shown)}"
        for position, (one, other) in enumerate(zip(found, shown, strict=False)):
            yield from _differences(one, other, varying, f"{at}[{position}]")
    elif found != shown:
        yield f"{at}: {found!r} is not {shown!r}"


@pytest.mark.postgres
@pytest.mark.parametrize(("documented", "operation"), QUERIES)
async def test_every_query_parameter_changes_the_answer(
    world: World, serve: Serve, tmp_path: Path, documented: Documented, operation: Operation
) -> None:
    asker = await _asker(documented, world, serve, tmp_path)
    example = next(item for item in operation.examples if item.status == 200)
    usual = dict(parse_qsl(example.query))
    before = (await asker.ask(operation, example)).text
    ignored = []
    for parameter in (item for item in operation.parameters if item.where == "query"):
        answers = [
            await asker.ask(operation, example, urlencode(usual | {parameter.name: probe}))
            for probe in _probes(parameter)
        ]
        if all(answer.text == before for answer in answers):
            ignored.append(parameter.name)
    assert ignored == []


def _probes(parameter: Parameter) -> list[str]:
    """What no value of the world equals, and the words that the schema has."""
    schema = parameter.schema.get("items", parameter.schema)
    return ["\N{SNOWMAN}", *map(str, schema.get("enum", [])), *map(str, schema.get("examples", []))]


@EACH
def test_the_document_is_openapi(documented: Documented) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(documented.document()).iter_errors()] == []


@pytest.mark.postgres
@EACH
async def test_the_document_is_served_to_anybody(world: World, serve: Serve, documented: Documented) -> None:
    answer = await (await serve(documented.dialect)).get(documented.reference.document_path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == documented.document()


@pytest.mark.postgres
@EACH
async def test_every_route_is_in_the_reference(world: World, documented: Documented) -> None:
    app = build_server(world.services, [documented.dialect], DialectOptions(base_url=BASE_URL))
    start = documented.reference.document_path.removesuffix("openapi.json").rstrip("/")
    routes = [route for route in app.routes if isinstance(route, HTTPRoute) and route.path_format.startswith(start)]
    served = {(method, _nameless(route.path_format)) for route in routes for method in route.methods - {"OPTIONS"}}
    listed = {
        (item.method, _nameless(documented.reference.prefix + item.path)) for item in documented.reference.operations
    }
    assert served == listed | {("GET", documented.reference.document_path)}


def _nameless(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@EACH
def test_everything_has_its_explanation(documented: Documented) -> None:
    fields = {
        f"{name}.{field}": shape.get("description")
        for name, schema in schemas(documented.reference).items()
        for field, shape in schema.get("properties", {}).items()
    }
    assert [name for name, text in fields.items() if not text] == []
    operations = documented.reference.operations
    assert [item.id for item in operations if not item.examples] == []
    assert [(item.id, one.name) for item in operations for one in item.parameters if not one.text] == []
    assert len({item.id for item in operations}) == len(operations)


@EACH
def test_path_parameters_are_those_of_the_path(documented: Documented) -> None:
    for operation in documented.reference.operations:
        names = [item.name for item in operation.parameters if item.where == "path"]
        assert [name for name in names if f"{{{name}}}" not in operation.path] == []
        assert operation.path.count("{") == len(names)
