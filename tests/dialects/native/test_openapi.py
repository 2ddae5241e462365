"""The published document is true: each operation answers as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.testing import AsyncTestClient
from openapi_spec_validator import validate

from ringtrail.dialects.native.errors import PROBLEMS
from ringtrail.dialects.native.event_examples import EXAMPLES
from ringtrail.dialects.native.event_ids import event_text, read_event
from ringtrail.dialects.native.events import TOLD
from ringtrail.dialects.native.openapi import event_schema_name, openapi_document
from ringtrail.dialects.native.operations import OPERATIONS, Operation
from ringtrail.model.events import MEANING, UNASKED, EventType
from tests.dialects.native.conftest import Api
from tests.dialects.native.schema import faults
from tests.fixtures import World, with_recording

DOCUMENT = openapi_document("http://testserver.local")
DESCRIBED = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
SUBSCRIBABLE = [type_ for type_ in EventType if type_ not in UNASKED]
DOCS_PAGE = Path(__file__).parents[3] / "docs/reference/native-api.md"


@pytest.fixture
async def recorded(world: World, tmp_path: Path) -> dict[str, str]:
    """A recorded call; what the path parameters are to be filled with."""
    call = with_recording(world.golden())
    for extension in ("wav", "mp3"):
        (tmp_path / f"{call.id}.{extension}").write_bytes(b"sound")
    await world.save(call)
    endpoint = await world.services.webhooks.add(
        world.account.id, "native", address="https://crm.example.org/", event_types=tuple(SUBSCRIBABLE),
        settings={"ed25519": False}, secrets={"v1": []},
    )  # fmt: skip
    newest = await world.services.webhook_ledger.newest_event(world.account.id)
    await world.services.webhooks.replay(endpoint, after=newest - 1)
    return {"id": str(call.id), "hash": "REC0RD1N", "endpoint": endpoint.hash, "event": event_text(newest)}


@pytest.mark.postgres
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
async def test_each_operation_answers_with_what_it_documents(
    recorded: dict[str, str], api: Api, operation: Operation
) -> None:
    if operation.id == "replayDelivery":  # the one that waits is not told again
        recorded["event"] = event_text((read_event(recorded["event"]) or 0) - 1)
    answer = await api(operation.path.format(**recorded), method=operation.method, json=operation.body_example)
    documented = DOCUMENT["paths"][operation.path][operation.method]["responses"][str(operation.status)].get("content")
    assert answer.status_code == operation.status, answer.text
    if documented is None:
        assert answer.content == b""
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in documented
    if media_type == "application/json":
        assert faults(answer.json(), documented[media_type]["schema"], DOCUMENT) == []


@pytest.mark.postgres
@pytest.mark.parametrize("operation", [item for item in OPERATIONS if item.secured], ids=lambda item: item.id)
async def test_each_operation_refuses_as_it_documents(api: Api, operation: Operation) -> None:
    responses = DOCUMENT["paths"][operation.path][operation.method]["responses"]
    wrong = {"id": "0", "hash": "NOSUCH00", "endpoint": "NOSUCH00", "event": event_text(0)}
    for query, token in (("?nonsense=1", None), ("", "wrong"), ("", None)):
        body = operation.body_example if query else None
        path = operation.path.format(**wrong) + query
        answer = await api(path, method=operation.method, json=body, **({"token": token} if token else {}))
        documented = responses[str(answer.status_code)]
        if answer.status_code < 300:
            continue
        component = DOCUMENT["components"]["responses"][documented["$ref"].rpartition("/")[2]]
        assert answer.json()["type"] in component["description"]
        schema = component["content"]["application/problem+json"]["schema"]
        assert faults(answer.json(), schema, DOCUMENT) == []


def test_each_documented_example_fits_its_schema() -> None:
    shown = [
        content
        for operation in DESCRIBED
        for response in (*operation["responses"].values(), operation.get("requestBody", {}))
        for content in response.get("content", {}).values()
    ]
    shown += [item["post"]["requestBody"]["content"]["application/json"] for item in DOCUMENT["webhooks"].values()]
    shown += [content for item in DOCUMENT["components"]["responses"].values() for content in item["content"].values()]
    with_example = [content for content in shown if "example" in content]
    assert len(with_example) > 40
    for content in with_example:
        assert faults(content["example"], content["schema"], DOCUMENT) == []


def test_the_check_sees_what_is_wrong() -> None:
    example = dict(DOCUMENT["paths"]["/calls"]["get"]["responses"]["200"]["content"]["application/json"]["example"])
    reference = {"$ref": "#/components/schemas/CallList"}
    broken = [{**example["calls"][0], "id": 5, "state": "lost", "ring_s": -1, "extra": None}]
    assert len(faults({"calls": broken}, reference, DOCUMENT)) >= 5


def test_every_reference_in_the_document_leads_somewhere() -> None:
    references = set(re.findall(r"#/components/(\w+)/(\w+)", str(DOCUMENT)))
    assert references
    for kind, name in references:
        assert name in DOCUMENT["components"][kind]


def test_every_query_parameter_that_is_read_is_documented() -> None:
    for operation in OPERATIONS:
        described = DOCUMENT["paths"][operation.path][operation.method]["parameters"]
        named = {item["name"] for item in described if item["in"] == "query"}
        assert named == {parameter.name for parameter in operation.parameters}


def test_every_type_of_event_has_a_meaning_an_example_a_schema_and_a_webhook() -> None:
    everything = set(EventType)
    assert set(MEANING) == set(TOLD) == set(EXAMPLES) == everything
    assert set(DOCUMENT["webhooks"]) == {type_.value for type_ in everything}
    for type_ in everything:
        schema = DOCUMENT["components"]["schemas"][event_schema_name(type_)]
        assert schema["properties"]["type"] == {"const": type_.value}
        assert MEANING[type_] == DOCUMENT["webhooks"][type_.value]["post"]["description"]
        other = next(item for item in everything if item is not type_)
        assert faults({**msgspec.to_builtins(EXAMPLES[type_]), "type": other.value}, schema, DOCUMENT)


def test_the_document_is_openapi_3_1() -> None:
    validate(DOCUMENT)


def test_the_reference_page_names_every_path_parameter_field_and_problem() -> None:
    text = DOCS_PAGE.read_text()
    words = {operation.path for operation in OPERATIONS} | {kind.type for kind in PROBLEMS.values()}
    words |= {parameter.name for operation in OPERATIONS for parameter in operation.parameters}
    for schema in DOCUMENT["components"]["schemas"].values():
        words |= set(schema.get("properties", {})) | set(schema.get("enum", []))
    assert [word for word in sorted(words) if f"`{word}`" not in text and f"`/api/v1{word}`" not in text] == []


@pytest.mark.postgres
async def test_the_docs_page_needs_no_token_and_nothing_from_elsewhere(client: AsyncTestClient) -> None:  # type: ignore[type-arg]
    page = await client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    sources = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert {source for source in sources if not source.startswith("#")} == {
        "data:,", "/api/v1/docs.css", "/api/v1/openapi.json"
    }  # fmt: skip
    assert "<script" not in page.text
    assert " style=" not in page.text
    anchors: set[Any] = set(re.findall(r'id="([^"]+)"', page.text))
    assert {source[1:] for source in sources if source.startswith("#")} <= anchors
    style = await client.get("/api/v1/docs.css")
    assert style.headers["content-type"].startswith("text/css")
