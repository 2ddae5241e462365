"""A private Asterisk for tests, and a place to wait for its engine's facts."""

from __future__ import annotations

import asyncio
import secrets
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ringtrail.engines.asterisk.configure import AsteriskSettings, write_configuration
from ringtrail.engines.asterisk.install import AsteriskInstall
from ringtrail.ports.engine import Engine, Fact

F = TypeVar("F", bound=Fact)

SIP_HOST, CARRIER_HOST, STRANGER_HOST = "127.0.0.1", "127.0.0.3", "127.0.0.9"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, host: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def settings_in(folder: Path) -> AsteriskSettings:
    first = 30_000 + secrets.randbelow(100) * 200
    return AsteriskSettings(
        node="test0",
        folder=folder / "asterisk",
        recordings_folder=folder / "recordings",
        sip_host=SIP_HOST,
        sip_port=free_port(socket.SOCK_DGRAM),
        rtp_first=first,
        rtp_last=first + 199,
        ari_port=free_port(),
        ami_port=free_port(),
        ari_secret=secrets.token_urlsafe(16),
        ami_secret=secrets.token_urlsafe(16),
        trunk_sources=(CARRIER_HOST,),
        trunk_peer=f"{CARRIER_HOST}:{free_port(socket.SOCK_DGRAM, CARRIER_HOST)}",
    )


@dataclass
class RunningAsterisk:
    install: AsteriskInstall
    settings: AsteriskSettings
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"{self.settings.sip_host}:{self.settings.sip_port}"

    @property
    def trunk_port(self) -> int:
        return int(self.settings.trunk_peer.rpartition(":")[2])

    def start(self) -> None:
        command = write_configuration(self.install, self.settings)
        log = self.settings.folder / "console.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self.process.poll() is None, f"Asterisk did not start: {log.read_text()}"
            assert time.monotonic() < deadline, f"Asterisk is not ready after 20 s: {log.read_text()}"
            time.sleep(0.1)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def _answers(self) -> bool:
        """Booted: ARI knows that it has a SIP endpoint."""
        url = f"http://127.0.0.1:{self.settings.ari_port}/ari/asterisk/info?only=status"
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, url, "ringtrail", self.settings.ari_secret)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        try:
            with opener.open(url, timeout=1) as response:
                return bool(response.status == 200)
        except OSError:
            return False


@dataclass
class Story:
    """Everything that an engine told, in order."""

    engine: Engine
    told: list[Fact] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        async for fact in self.engine.facts():
            self.told.append(fact)
            self._news.set()

    def of(self, kind: type[F], leg_id: str | None = None) -> list[F]:
        return [f for f in self.told if isinstance(f, kind) and leg_id in (None, getattr(f, "leg_id", None))]

    async def wait(
        self,
        kind: type[F],
        leg_id: str | None = None,
        *,
        timeout_s: float = 5.0,
        where: Callable[[F], bool] = lambda _: True,
    ) -> F:
        """The first such fact, told already or not. Fails with the story so far."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    found = [fact for fact in self.of(kind, leg_id) if where(fact)]
                    if found:
                        return found[0]
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__} of {leg_id} in {self.told}") from None
