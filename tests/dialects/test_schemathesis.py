"""Whatever the OpenAPI documents allow, and much that they do not, is answered as they say.

Schemathesis makes the requests: examples, the edges of every schema, and random ones that are the same in every run.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder

from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.reference import Reference
from ringtrail.httpkit.server import build_server
from ringtrail.model.errors import ErrorCode
from tests.dialects.conftest import BASE_URL
from tests.dialects.documented import DOCUMENTED, Documented, in_world
from tests.dialects.surfaces import keys_of
from tests.fixtures import TOKENS, World

pytestmark = pytest.mark.postgres

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

EACH = pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda item: item.dialect.name)
WITH_PATHS = pytest.mark.parametrize(
    "documented",
    [item for item in DOCUMENTED if any("{" in operation.path for operation in item.reference.operations)],
    ids=lambda item: item.dialect.name,
)


@EACH
async def test_requests_about_what_is_there_are_answered_as_the_document_says(
    world: World, tmp_path: Path, documented: Documented
) -> None:
    seen = await _exercise(world, tmp_path, documented, authorized=True, named=True)
    assert seen.faults == []
    assert {operation.id for operation in documented.reference.operations} - seen.accepted == set()


@WITH_PATHS
async def test_requests_about_anything_are_answered_as_the_document_says(
    world: World, tmp_path: Path, documented: Documented
) -> None:
    assert (await _exercise(world, tmp_path, documented, authorized=True, named=False)).faults == []


@EACH
async def test_requests_without_credentials_are_refused_as_the_document_says(
    world: World, tmp_path: Path, documented: Documented
) -> None:
    seen = await _exercise(world, tmp_path, documented, authorized=False, named=True)
    assert seen.faults == []
    assert seen.accepted <= {item.id for item in documented.reference.operations if item.security == ()}


@dataclass
class Seen:
    """faults: what the document does not allow, with a command that shows it. accepted: operations that once succeeded."""

    reference: Reference
    faults: list[str] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)

    def add(self, recorder: ScenarioRecorder) -> None:
        for check in (check for checks in recorder.checks.values() for check in checks):
            if check.failure_info is not None:
                self.faults.append(f"{recorder.label}: {check.failure_info.failure}\n{check.failure_info.code_sample}")
        for name, interaction in recorder.interactions.items():
            answer = interaction.response
            if answer is not None and answer.status_code < 300 and not self._refuses(answer.status_code, answer.text):
                self.accepted.add(recorder.cases[name].value.operation.definition.raw["operationId"])

    def _refuses(self, status: int, text: str) -> bool:
        """Some refuse with the status of a success."""
        refusal = self.reference.failures[ErrorCode.UNAUTHENTICATED]
        return status == refusal.status and refusal.message in text


async def _exercise(world: World, folder: Path, documented: Documented, *, authorized: bool, named: bool) -> Seen:
    """named: paths name what is there."""
    document = json.loads(in_world(json.dumps(documented.document()), await documented.furnish(world, folder)))
    settings = dict(SETTINGS)
    if authorized:
        settings["headers"] = dict(keys_of(world.account.sid).headers[documented.dialect.name])
    if authorized and documented.dialect.name == "optico":
        settings["auth"] = {"openapi": {"api_key": {"api_key": TOKENS["optico"]}}}
    if named:
        settings["parameters"] = _path_parameters(document)
    async with _listening(world, documented) as address:
        settings["base-url"] = address + documented.reference.prefix
        return await asyncio.to_thread(_run, documented.reference, document, settings)


def _run(reference: Reference, document: dict[str, Any], settings: dict[str, Any]) -> Seen:
    seen = Seen(reference)
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
async def _listening(world: World, documented: Documented) -> AsyncIterator[str]:
    """The dialect over HTTP, on this event loop."""
    with socket.socket(
        proto=socket.IPPROTO_TCP
    ) as listener:  # asyncio sets TCP_NODELAY only where the protocol is named
        listener.bind(("127.0.0.1", 0))
        app = build_server(world.services, [documented.dialect], DialectOptions(base_url=BASE_URL))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))  # type: ignore[arg-type]
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving
