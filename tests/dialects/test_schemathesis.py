"""Whatever the OpenAPI documents allow, and much that they do not, is answered as they say.

Schemathesis makes the requests: examples, the edges of every schema, and random ones that are the same in every run.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import schemathesis
import uvicorn
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder

from ringtrail.dialects import native
from ringtrail.dialects.native import examples as native_examples
from ringtrail.dialects.native import openapi as native_openapi
from ringtrail.dialects.native.event_examples import ENDPOINT
from ringtrail.dialects.native.event_ids import EXAMPLE as EVENT_ID
from ringtrail.dialects.native.event_ids import event_text
from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.model.events import EventType
from tests.dialects.conftest import BASE_URL
from tests.dialects.documented import DOCUMENTED, Furnish, in_world
from tests.dialects.recorded import recorded_call
from tests.dialects.surfaces import keys_of
from tests.fixtures import TOKENS, World

pytestmark = pytest.mark.postgres

_OPTICO_REFUSES = '"status":"ERROR"'  # with the HTTP status of a success

SETTINGS = {
    "seed": 20_260_714,
    "suppress-health-check": ["all"],
    "generation": {"max-examples": 15, "deterministic": True, "database": "none", "mode": "all"},
    "phases": {"stateful": {"enabled": False}, "coverage": {"unexpected-methods": []}},
    "output": {"sanitization": {"enabled": False}},
    "checks": {
        "enabled": False,
        "not_a_server_error": {"enabled": True},
        "status_code_conformance": {"enabled": True},
        "content_type_conformance": {"enabled": True},
        "response_schema_conformance": {"enabled": True},
        "response_headers_conformance": {"enabled": True},
    },
}


class Published(NamedTuple):
    dialect: Dialect
    document: dict[str, Any]
    furnish: Furnish

    def operations(self) -> Iterator[dict[str, Any]]:
        return (operation for path in self.document["paths"].values() for operation in path.values())


async def _furnish_native(world: World, folder: Path) -> dict[str, str]:
    """A recorded call, and an endpoint that was not told of it yet."""
    call, webhooks = await recorded_call(world, folder), world.services.webhooks
    endpoint = await webhooks.add(
        world.account.id, "native", address="https://crm.example.org/", event_types=(EventType.CALL_ENDED,),
        settings={"ed25519": False}, secrets={"v1": []},
    )  # fmt: skip
    event = event_text(await world.services.webhook_ledger.newest_event(world.account.id))
    return {native_examples.CALL.id: str(call.id), EVENT_ID: event, ENDPOINT: endpoint.hash}


PUBLISHED = (
    *(Published(item.dialect, item.document(), item.furnish) for item in DOCUMENTED),
    Published(native.DIALECT, native_openapi.openapi_document(BASE_URL), _furnish_native),
)

EACH = pytest.mark.parametrize("published", PUBLISHED, ids=lambda item: item.dialect.name)
WITH_PATHS = pytest.mark.parametrize(
    "published",
    [item for item in PUBLISHED if any("{" in path for path in item.document["paths"])],
    ids=lambda item: item.dialect.name,
)


@EACH
async def test_requests_about_what_is_there_are_answered_as_the_document_says(
    world: World, tmp_path: Path, published: Published
) -> None:
    seen = await _exercise(world, tmp_path, published, authorized=True, named=True)
    assert seen.faults == []
    assert {operation["operationId"] for operation in published.operations()} - seen.accepted == set()


@WITH_PATHS
async def test_requests_about_anything_are_answered_as_the_document_says(
    world: World, tmp_path: Path, published: Published
) -> None:
    assert (await _exercise(world, tmp_path, published, authorized=True, named=False)).faults == []


@EACH
async def test_requests_without_credentials_are_refused_as_the_document_says(
    world: World, tmp_path: Path, published: Published
) -> None:
    seen = await _exercise(world, tmp_path, published, authorized=False, named=True)
    assert seen.faults == []
    assert seen.accepted <= {item["operationId"] for item in published.operations() if item.get("security") == []}


@dataclass
class Seen:
    """faults: what the document does not allow, with a command that shows it. accepted: operations that once succeeded."""

    faults: list[str] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)

    def add(self, recorder: ScenarioRecorder) -> None:
        for check in (check for checks in recorder.checks.values() for check in checks):
            if check.failure_info is not None:
                self.faults.append(f"{recorder.label}: {check.failure_info.failure}\n{check.failure_info.code_sample}")
        for name, interaction in recorder.interactions.items():
            answer = interaction.response
            if answer is not None and answer.status_code < 300 and _OPTICO_REFUSES not in answer.text:
                self.accepted.add(recorder.cases[name].value.operation.definition.raw["operationId"])


async def _exercise(world: World, folder: Path, published: Published, *, authorized: bool, named: bool) -> Seen:
    """named: paths name what is there."""
    real = await published.furnish(world, folder)
    document = json.loads(in_world(json.dumps(published.document), real))
    settings = dict(SETTINGS)
    if authorized:
        settings["headers"] = dict(keys_of(world.account.sid).headers[published.dialect.name])
    if authorized and published.dialect.name == "optico":
        settings["auth"] = {"openapi": {"api_key": {"api_key": TOKENS["optico"]}}}
    if named:
        settings["parameters"] = _path_parameters(document)
    async with _listening(world, published.dialect) as address:
        settings["base-url"] = document["servers"][0]["url"].replace(BASE_URL, address)
        return await asyncio.to_thread(_run, document, settings)


def _run(document: dict[str, Any], settings: dict[str, Any]) -> Seen:
    seen = Seen()
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(settings))
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError):
            seen.faults.append(f"{event.label}: {event.value}")
        elif isinstance(event, ScenarioFinished):
            seen.add(event.recorder)
    return seen


def _path_parameters(document: dict[str, Any]) -> dict[str, str]:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    listed = [item for operation in operations for item in operation["parameters"] if item["in"] == "path"]
    return {f"path.{item['name']}": item["schema"]["examples"][0] for item in listed}


@asynccontextmanager
async def _listening(world: World, dialect: Dialect) -> AsyncIterator[str]:
    """The dialect over HTTP, on this event loop."""
    with socket.socket(
        proto=socket.IPPROTO_TCP
    ) as listener:  # asyncio sets TCP_NODELAY only where the protocol is named
        listener.bind(("127.0.0.1", 0))
        app = build_server(world.services, [dialect], DialectOptions(base_url=BASE_URL))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))  # type: ignore[arg-type]
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving
