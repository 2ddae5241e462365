"""`ringtrail up`: make ready what is missing, start everything in order, watch it, stop it in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog

from ringtrail import logs
from ringtrail.config import Settings
from ringtrail.engines.asterisk.configure import write_configuration
from ringtrail.engines.asterisk.install import find_or_fetch
from ringtrail.supervisor import preflight, speech
from ringtrail.supervisor.banner import banner
from ringtrail.supervisor.leftovers import DataLock, PidFolder, stop_leftovers
from ringtrail.supervisor.output import show
from ringtrail.supervisor.parts import asterisk_settings, environ_of, postgres_of, with_parts
from ringtrail.supervisor.postgres import EmbeddedPostgres
from ringtrail.supervisor.probes import answers, ari, local_url
from ringtrail.supervisor.secrets import load_secrets
from ringtrail.supervisor.tree import Child, Tree

log = structlog.get_logger("ringtrail.supervisor")

_READY_WITHIN_S = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. A None is somebody else's: named by URL in the settings."""

    settings: Settings  # complete: every URL is there
    postgres: EmbeddedPostgres | None
    asterisk: list[str] | None  # its command


def up(settings: Settings) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP. Raises what keeps it from starting, worded for people."""
    signal.signal(signal.SIGTERM, _interrupt)
    _make_private(settings.data)
    lock = DataLock(settings.data)
    lock.acquire()
    try:
        pids = PidFolder(settings.data / "run")
        stop_leftovers(pids, _say)
        preflight.check(settings)
        plan = prepare(settings)
        logs.configure(level=settings.log_level, log_format=settings.log_format, process="supervisor")
        asyncio.run(_run(plan, pids))
    finally:
        lock.release()


def prepare(settings: Settings) -> Plan:
    """Everything that needs no running server: folders, secrets, Asterisk, its configuration, the cluster."""
    for folder in (settings.data / "logs", settings.recordings_dir, settings.media_dir):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secrets = load_secrets(settings.data)
    asterisk = None
    if not settings.ari_url:
        with _step("Asterisk's folder"):
            install = find_or_fetch(Path(settings.cache_dir), _say)
            asterisk = write_configuration(install, asterisk_settings(settings, secrets))
            _say(f"Asterisk {install.version}: {install.binary_command[-1]}")
    with _step("eSpeak NG", done="looked for"):
        speech.find_or_fetch(Path(settings.cache_dir), _say)
    cluster = None
    if not settings.database_url:
        cluster = postgres_of(settings)
        with _step("PostgreSQL's folder"):
            if cluster.prepare():
                _say(f"made a new database in {cluster.folder}")
    return Plan(with_parts(settings), cluster, asterisk)


async def _run(plan: Plan, pids: PidFolder) -> None:
    stop, now = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it on purpose
            loop.add_signal_handler(number, lambda: now.set() if stop.is_set() else stop.set())
    settings = plan.settings
    tree = Tree(settings.data / "logs", pids, log_format=settings.log_format, log_level=settings.log_level)
    stopped = asyncio.create_task(stop.wait())
    starting = asyncio.create_task(_start(plan, tree))
    try:
        await asyncio.wait([stopped, starting], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await stopped
    finally:
        starting.cancel()
        await _stop(tree, now)


async def _stop(tree: Tree, now: asyncio.Event) -> None:
    _say("stopping; again to end everything at once")
    stopping = asyncio.create_task(tree.stop())
    impatient = asyncio.create_task(now.wait())
    await asyncio.wait([stopping, impatient], return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        tree.kill()
    await stopping
    impatient.cancel()
    _say("everything is stopped")


async def _start(plan: Plan, tree: Tree) -> None:
    settings = plan.settings
    if plan.postgres:
        with _step("PostgreSQL"):
            await tree.start(_postgres(plan.postgres))
            await asyncio.to_thread(plan.postgres.ensure_database)
    with _step("schema and demo account" if settings.demo else "schema"):
        await tree.run(_own(settings, "seed" if settings.demo else "migrate"))
    if plan.asterisk:
        with _step("Asterisk"):
            await tree.start(_asterisk(settings, plan.asterisk))
    with _step("web server, controller and worker"):
        health = answers(local_url(settings.http_host, settings.http_port, "/healthz"))
        await tree.start(
            _own(settings, "serve", ready=health), _own(settings, "control", stop_within_s=15), *workers(settings)
        )
        await _wait_until_ready(settings)
    show(banner(settings, own_asterisk=plan.asterisk is not None))


def _postgres(cluster: EmbeddedPostgres) -> Child:
    async def ready() -> bool:
        return await asyncio.to_thread(cluster.is_ready)

    return Child(
        name="postgres", command=cluster.command(), user=cluster.user, environ=dict(os.environ), ready=ready,
        ready_within_s=120, stop_signal=signal.SIGINT, stop_within_s=30, foreign=True,
    )  # fmt: skip


def _asterisk(settings: Settings, command: list[str]) -> Child:
    ready = answers(ari(settings.ari_url, "asterisk/ping"))
    return Child(
        name="asterisk", command=command, environ=dict(os.environ), foreign=True, ready=ready, ready_within_s=60
    )


def workers(settings: Settings) -> list[Child]:
    """`work`, `work-2`, `work-3` ..."""
    return [
        _own(settings, "work", name=f"work-{number}" if number > 1 else "work")
        for number in range(1, settings.workers + 1)
    ]


def _own(
    settings: Settings,
    command: str,
    *,
    name: str = "",
    ready: Callable[[], Awaitable[bool]] | None = None,
    stop_within_s: float = 10,
) -> Child:
    """One of our own commands as a child. They run in processes of their own, so that the parent stays small."""
    return Child(
        name=name or command, command=[sys.executable, "-m", "ringtrail.cli", command], environ=environ_of(settings),
        folder=os.getcwd(), ready=ready, ready_within_s=60, stop_within_s=stop_within_s,
    )  # fmt: skip


async def _wait_until_ready(settings: Settings) -> None:
    """Until /readyz says yes. If it does not in time, the page itself tells what is missing; we go on."""
    url = local_url(settings.http_host, settings.http_port, "/readyz")
    ready, deadline = answers(url), time.monotonic() + _READY_WITHIN_S
    while not await ready():
        if time.monotonic() > deadline:
            log.warning("not_ready_yet", look_at=url, after_s=_READY_WITHIN_S)
            return
        await asyncio.sleep(0.2)


@contextlib.contextmanager
def _step(what: str, done: str = "ready") -> Iterator[None]:
    """Say what is done and how long it took."""
    began = time.monotonic()
    yield
    _say(f"{what}: {done} ({time.monotonic() - began:.1f} s)")


def _say(text: str) -> None:
    show(f"ringtrail: {text}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _make_private(data: Path) -> None:
    """Raises PreflightError. Others may pass through (PostgreSQL's user must), not look."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o711)
        (data / "run").mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise preflight.PreflightError(
            f"the data folder {data} cannot be used: {exc.strerror}; give it to this user, or set RINGTRAIL_DATA_DIR"
        ) from exc
