"""A whole ringtrail for end-to-end tests: real PostgreSQL, real Asterisk, real controller and worker processes, SIP peers.

Every process is its own, so that a test can kill -9 it. The database has its own cluster, for the same reason.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from ringtrail.config import Settings
from ringtrail.engines.asterisk.configure import write_configuration
from ringtrail.engines.asterisk.install import find_or_fetch
from ringtrail.model.account import Account, Property
from ringtrail.model.app import App
from ringtrail.model.call import CallRecord, LegRecord
from ringtrail.model.number import DID
from ringtrail.model.query import CallQuery, Order
from ringtrail.ports.clock import SystemClock
from ringtrail.seeding import make_media
from ringtrail.services import Services, build_services
from ringtrail.services.health import Health
from ringtrail.storage import rollups
from ringtrail.storage.database import Database
from ringtrail.storage.schema import migrate
from ringtrail.supervisor.parts import asterisk_settings, environ_of, postgres_of, with_parts
from ringtrail.supervisor.postgres import EmbeddedPostgres
from ringtrail.supervisor.secrets import load_secrets
from tests.sip import Behaviour, SipPeer, refuses

ROOT = Path(__file__).resolve().parents[2]
CALLER_HOST, TARGET_HOST, STRANGER_HOST = "127.0.0.2", "127.0.0.3", "127.0.0.9"


def free_port(kind: int = socket.SOCK_STREAM, host: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def private_folder(prefix: str) -> Path:
    """A temporary folder that the database's own user may walk through."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)
    return folder


async def eventually(check: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """Await `check()` until it is truthy; its value. AssertionError after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = check()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {check}"
        await asyncio.sleep(0.05)


@dataclass
class Stack:
    """Start with `await up()`; `await down()` ends everything."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    plan: dict[str, Behaviour] = field(default_factory=dict)

    async def up(self, **settings: Any) -> None:
        self.targets = await SipPeer(TARGET_HOST, plan=lambda number: self.plan.get(number, refuses(404))).__aenter__()
        self.callers = await SipPeer(CALLER_HOST).__aenter__()
        base = Settings(
            data_dir=str(self.folder),
            cache_dir=str(ROOT / ".cache"),
            sip_port=free_port(socket.SOCK_DGRAM),
            ari_port=free_port(),
            ami_port=free_port(),
            http_port=free_port(),
            trunk_sources=f"127.0.0.1,{CALLER_HOST},{TARGET_HOST}",
            trunk_peer=self.targets.address,
            rtp_ports="20000-29999",
            log_level="info",
            demo=False,
        )
        base = msgspec.structs.replace(base, **settings)
        for folder in (base.data / "logs", base.recordings_dir, base.media_dir):
            folder.mkdir(parents=True, exist_ok=True)
        self.install = find_or_fetch(Path(base.cache_dir), print)
        self.base, self.settings = base, with_parts(base)
        self.cluster: EmbeddedPostgres = postgres_of(base)
        self.cluster.prepare()
        await self.start_postgres()
        self.cluster.ensure_database()
        migrate(self.settings.database_url)
        self.database = Database(self.settings.database_url)
        await self.database.open()
        self.services: Services = build_services(
            self.database,
            SystemClock(),
            recordings_folder=str(base.recordings_dir),
            secret_key=self.settings.secret_key,
        )
        make_media(base)
        await self.start_asterisk()
        await self._account()
        await self.start_controller()

    async def _account(self) -> None:
        accounts = self.services.accounts
        self.account: Account = await accounts.create(
            name="E2E", timezone="Europe/Paris", country="FR", currency="EUR", outbound_prefixes=("+33199",)
        )
        self.property: Property = await accounts.add_property(self.account.id, "e2e.example")
        await self.services.numbers.add_built_in_media(
            [(id_, f"media {id_}", "MISC", str(id_)) for id_ in (3, 84, 131, 132, 134)]
        )

    # --- processes --------------------------------------------------------------------------------------------------

    def start(self, name: str, command: list[str], **options: Any) -> None:
        log = (self.folder / "logs" / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **options)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(20)

    async def start_postgres(self) -> None:
        self.start("postgres", self.cluster.command(), user=self.cluster.user, cwd="/")
        await eventually(self.cluster.is_ready, 30)

    async def start_asterisk(self) -> None:
        command = write_configuration(self.install, asterisk_settings(self.base, load_secrets(self.base.data)))
        self.start("asterisk", command)

    async def start_controller(self) -> None:
        self.start("control", [sys.executable, "-m", "ringtrail.cli", "control"], env=environ_of(self.settings))
        await self.controller_ready()

    async def controller_ready(self) -> None:
        health, began = Health(self.database, SystemClock()), datetime.now(UTC)

        async def beats() -> bool:
            seen_at = await health.controller_seen_at()
            return seen_at is not None and seen_at > began + timedelta(milliseconds=50)

        await eventually(beats, 30)

    def start_worker(self) -> None:
        self.start("work", [sys.executable, "-m", "ringtrail.cli", "work"], env=environ_of(self.settings))

    async def down(self) -> None:
        if hasattr(self, "database"):
            await self.database.close()
        for name in ("work", "serve", "control", "asterisk", "postgres"):
            if name in self.processes:
                with suppress(subprocess.TimeoutExpired):
                    self.kill(name, signal.SIGINT if name == "postgres" else signal.SIGTERM)
        for peer in (self.callers, self.targets):
            await peer.__aexit__(None, None, None)
        for process in self.processes.values():
            process.kill()

    # --- the world --------------------------------------------------------------------------------------------------

    async def number(
        self,
        *targets: tuple[str, int, Behaviour],
        medias: dict[str, int] | None = None,
        record: bool = False,
        voicemail: dict[str, Any] | None = None,
        **did: Any,
    ) -> tuple[DID, App]:
        """A fresh tracking number whose app calls `targets` (number, ring timeout, behaviour of the far end)."""
        for number, _, behaviour in targets:
            self.plan[number] = behaviour
        params = {
            "medias": {"welcome": 0, "ringtone": 0, "whisper": 0, "bridge": 0} | (medias or {}),
            "options": {"record_calls": record},
            "targets": [{"number": number, "timeout": timeout} for number, timeout, _ in targets],
            "vms": {"active": voicemail is not None, "intro": 0, "record": True, "timeout": 30} | (voicemail or {}),
        }
        app = await self.services.apps.create(self.account.id, "CALLTRACKING10", "App", params)
        item = await self.services.numbers.add(
            account_id=self.account.id,
            property_id=self.property.id,
            number_e164=f"+339{secrets.randbelow(10**8):08d}",
            app_hash=app.hash,
            **did,
        )
        return item, app

    def target(self) -> str:
        """A fresh number that the account may dial."""
        return f"+33199{secrets.randbelow(10**6):06d}"

    def sip_uri(self, number: str) -> str:
        return f"sip:{number}@{self.settings.sip_host}:{self.settings.sip_port}"

    async def ended_call(self, number_e164: str, timeout_s: float = 15.0) -> CallRecord:
        """The record of the one call to this number, once it has ended."""
        query = CallQuery(account_id=self.account.id, tracking_numbers=(number_e164,), order=Order.CREATION)

        async def found() -> list[CallRecord]:
            return (await self.services.calls.page(query)).records

        records = await eventually(found, timeout_s)
        assert len(records) == 1
        return records[0]

    async def legs(self, record: CallRecord) -> list[LegRecord]:
        return await self.services.calls.legs(self.account.id, [record.id])

    async def rollup_differences(self) -> int:
        async with self.database.reading() as connection:
            return await rollups.differences(connection)

    def logs(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")
