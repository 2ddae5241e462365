"""A real `ringtrail serve` in its own process, and a keep-alive client of it."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.tenants import AGENDIZE_KEY, AGENDIZE_TOKEN, CALLR_LOGIN, FONE_TOKEN, KEYS
from ringtrail.config import Settings
from ringtrail.supervisor.parts import environ_of

STARTS_WITHIN_S = 60


class Asked(NamedTuple):
    """One HTTP request."""

    path: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None  # POSTed if there is one


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def web_server(database_url: str, folder: Path) -> Iterator[int]:
    """The port of a server on that database. Its log is in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        data_dir=str(folder), database_url=database_url, ari_url="http://none:none@127.0.0.1:9", http_port=free_port(),
        log_level="warning",
    )  # fmt: skip
    with (folder / "serve.log").open("ab") as log:
        command = [sys.executable, "-m", "ringtrail.cli", "serve"]
        process = subprocess.Popen(command, env=environ_of(settings), stdout=log, stderr=log)
    try:
        _wait(settings.http_port, process, folder)
        yield settings.http_port
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"ringtrail serve does not start, see {folder / 'serve.log'}")
            time.sleep(0.05)


class Client:
    """One connection, kept alive."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def fetch(self, asked: Asked) -> bytes:
        """The body. SystemExit unless the status is 200."""
        method = "GET" if asked.body is None else "POST"
        self._connection.request(method, asked.path, body=asked.body, headers=dict(asked.headers))
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            sys.exit(f"{asked.path} answered {response.status}: {body[:300]!r}")
        return body


def optico(**parameters: object) -> Asked:
    """Ten months of the biggest property."""
    given = {
        "type": "calls",
        "start_date": "2026-01-01",
        "end_date": "2026-10-31",
        "page": 1,
        "limit": 5000,
    } | parameters
    query = "&".join(f"{name}={value}" for name, value in given.items())
    return Asked(f"/data-api?{query}&api_key={KEYS['optico']}")


def invox(after: int) -> Asked:
    return Asked(f"/api/v2/calls?last_call_id={after}", {"X-API-Key": KEYS["invox"]})


def agendize() -> Asked:
    return Asked("/api/2.0/calls", {"apiKey": AGENDIZE_KEY, "token": AGENDIZE_TOKEN})


def fonedynamics(sid: str, count: int, skip: int = 0) -> Asked:
    path = f"/v2/Accounts/{sid}/Calls?Results_Count={count}&Results_Skip={skip}"
    return Asked(path, {"Authorization": _basic(sid, FONE_TOKEN)})


def callr(type_: str, quantity: int, offset: int = 0) -> Asked:
    body = (
        f'{{"jsonrpc":"2.0","id":1,"method":"cdr.search","params":[{{"type":"{type_}"}},'
        f'{{"offset":{offset},"quantity":{quantity}}}]}}'
    )
    headers = {"Authorization": _basic(*CALLR_LOGIN), "Content-Type": "application/json"}
    return Asked("/json-rpc/v1.1", headers, body.encode())


def native(limit: int, cursor: str | None = None) -> Asked:
    path = f"/api/v1/calls?order=oldest&limit={limit}" + (f"&cursor={cursor}" if cursor else "")
    return Asked(path, {"Authorization": f"Bearer {KEYS['native']}"})


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
