"""What the demo does around the call: finds the account, reads the call from six APIs, tells it, fails with advice."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import pytest
import uvicorn

from demo.account import Demo, DemoError, read_account
from demo.apis import APIS, Reader, Reading, Sought
from demo.narrator import Narrator
from ringtrail.app import DIALECTS
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.storage.database import Database
from tests.fixtures import (
    AGENDIZE_API_KEY,
    CALLR_LOGIN,
    FONE_TOKEN,
    TOKENS,
    World,
    add_credentials,
    build_world,
)

ROOT = Path(__file__).parent.parent.parent


def description(base_url: str, **changes: Any) -> dict[str, Any]:
    """demo.json of a world's account."""
    return {
        "base_url": base_url, "sip": {"host": "127.0.0.1", "port": 5060}, "trunk_peer": "127.0.0.1:5080",
        "caller": "+33639980001", "account": {"sid": "A" * 32, "name": "Demo"},
        "numbers": [
            {"number": "+33199001009", "name": "Radio", "target": "+33199000012", "what": "nobody answers: voicemail"},
            {"number": "+33199001001", "name": "Shop", "target": "+33199000010", "what": "rings the shop, records"},
        ],
        "credentials": {
            "optico": {"api_key": TOKENS["optico"]}, "invox": {"token": TOKENS["invox"]},
            "agendize": {"apiKey": AGENDIZE_API_KEY, "token": TOKENS["agendize"]},
            "fonedynamics": {"AccountSid": "A" * 32, "token": FONE_TOKEN},
            "callr": {"login": CALLR_LOGIN[0], "password": CALLR_LOGIN[1]}, "native": {"token": TOKENS["native"]},
        },
        "recordings_dir": "/nowhere", **changes,
    }  # fmt: skip


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    world = await build_world(database, tmp_path)
    await add_credentials(world)
    return world


@pytest.fixture
async def reader(world: World) -> AsyncIterator[Reader]:
    """Reads from a real HTTP server that speaks all dialects over the world's database."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = build_server(world.services, DIALECTS, DialectOptions(base_url=base_url))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        told = description(base_url)
        told["credentials"]["fonedynamics"]["AccountSid"] = world.account.sid
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            yield Reader(session, msgspec.convert(told, Demo))
        server.should_exit = True
        await serving


async def test_every_api_gives_the_latest_call_of_the_number(world: World, reader: Reader) -> None:
    started_at = datetime.now(UTC).replace(microsecond=0)
    latest = world.golden(started_at=started_at)
    await world.save(world.golden())
    await world.save(latest)
    readings = [reading async for reading in reader.everywhere(Sought(world.did.number_e164, started_at))]
    assert [(reading.api, reading.problem) for reading in readings] == [(api.name, "") for api in APIS]
    records = {reading.api: reading.record or {} for reading in readings}
    assert records["CALLR"]["callid"] == latest.id
    assert records["ringtrail"]["id"] == str(latest.id)
    assert int(records["Fone Dynamics"]["Date_Start"]) == int(started_at.timestamp())
    assert records["INVOX"]["call_id"] == 2
    assert records["Agendize"]["id"] == "2"
    assert records["Optico"]["start_date"] == started_at.astimezone(ZoneInfo("Europe/Paris")).strftime(
        "%d/%m/%Y %H:%M:%S"
    )


async def test_call_that_is_not_there_is_said_and_does_not_stop_the_others(world: World, reader: Reader) -> None:
    readings = [reading async for reading in reader.everywhere(Sought("+33199001001", datetime.now(UTC)))]
    assert {reading.problem for reading in readings} == {"the call is not in the answer"}


async def test_refused_key_is_said_with_the_answer(world: World, reader: Reader) -> None:
    reader._demo = msgspec.structs.replace(
        reader._demo,
        credentials=msgspec.structs.replace(reader._demo.credentials, invox=reader._demo.credentials.native),
    )
    invox = next(api for api in APIS if api.name == "INVOX")
    reading = await reader.read(invox, Sought("+33199001001", datetime.now(UTC)))
    assert reading.record is None
    assert "answered 40" in reading.problem


async def test_waiting_for_a_record_that_never_comes_ends_with_advice(world: World, reader: Reader) -> None:
    with pytest.raises(DemoError, match="no record of the call after 0 s"):
        await reader.settled(Sought("+33199001001", datetime.now(UTC)), 0.1)


def test_first_number_that_records_is_called_unless_another_is_named() -> None:
    demo = msgspec.convert(description("http://x"), Demo)
    assert demo.pick(None).number == "+33199001001"
    assert demo.pick("33199001009").unanswered
    with pytest.raises(DemoError, match=r"\+33199001009  Radio: nobody answers"):
        demo.pick("+331")


@pytest.mark.parametrize(
    ("content", "advice"),
    [(None, "start `ringtrail up`"), ("{", "damaged"), ('{"base_url": 1}', "not written by this version")],
)
def test_unusable_description_is_told_with_advice(tmp_path: Path, content: str | None, advice: str) -> None:
    if content is not None:
        (tmp_path / "demo.json").write_text(content)
    with pytest.raises(DemoError, match=advice):
        read_account(tmp_path)


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demo", "--data-dir", str(folder), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_ringtrail_that_does_not_run_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        (tmp_path / "demo.json").write_text(json.dumps(description(f"http://127.0.0.1:{closed.getsockname()[1]}")))
        ended = run_demo(tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("demo: nothing answers at http://127.0.0.1:")
    assert "start `ringtrail up`" in ended.stderr
    assert ended.stdout == ""


def test_failure_is_json_for_scripts(tmp_path: Path) -> None:
    ended = run_demo(tmp_path, "--json")
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["event"] == "error"
    assert ended.stderr == ""


def test_story_has_no_colour_in_a_pipe_and_leaves_out_what_is_empty() -> None:
    out = io.StringIO()
    narrator = Narrator(as_json=False, out=out)
    narrator.tell("caller.dialling", "The caller dials")
    narrator.record(Reading("Optico", "GET /data-api", {"phone": "+331", "keyword": "", "duration": 0}))
    told = out.getvalue()
    assert "  0.00 s  The caller dials\n" in told
    assert "  duration  0\n  and 1 empty field\n" in told
    assert "\033" not in told
    assert "keyword" not in told


def test_colour_on_a_terminal() -> None:
    parent, child = os.openpty()
    with os.fdopen(child, "w") as terminal:
        Narrator(as_json=False, out=terminal).title("The same call")
        told = os.read(parent, 200)
    os.close(parent)
    assert b"\033[1mThe same call\033[0m" in told
