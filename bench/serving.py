"""A real web server in its own process, and a keep-alive client of it."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.asked import Asked
from ringtrail.config import Settings
from ringtrail.supervisor.parts import environ_of

STARTS_WITHIN_S = 60


class Server(NamedTuple):
    port: int
    pid: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def web_server(
    database_url: str, folder: Path, command: Sequence[str] = ("ringtrail.cli", "serve")
) -> Iterator[Server]:
    """A server on that database: a Python module and its arguments. Its log is in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        data_dir=str(folder), database_url=database_url, ari_url="http://none:none@127.0.0.1:9", http_port=free_port(),
        log_level="warning",
    )  # fmt: skip
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", *command], env=environ_of(settings), stdout=log, stderr=log)
    try:
        _wait(settings.http_port, process, folder)
        yield Server(settings.http_port, process.pid)
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
