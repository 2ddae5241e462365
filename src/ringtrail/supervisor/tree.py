"""The children: started in order, watched, started again when they crash, stopped in the opposite order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from ringtrail.supervisor import launch
from ringtrail.supervisor.leftovers import PidFolder
from ringtrail.supervisor.output import Output

log = structlog.get_logger("ringtrail.supervisor")

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_STEADY_S = 60.0
"""A child that ran this long before it crashed is started again at once; one that keeps crashing waits longer."""
_PROBE_EVERY_S = 0.1


class ChildError(Exception):
    """A child ended, or was not ready in time, while the tree was starting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """How to run one of the processes."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    user: str | None = None  # None: ourselves
    folder: str = "/"  # its working directory
    ready: Callable[[], Awaitable[bool]] | None = None  # None: ready when started
    ready_within_s: float = 30
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 10
    foreign: bool = False  # PostgreSQL and Asterisk: its lines are not in our log format


class Tree:
    def __init__(self, logs: Path, pids: PidFolder, *, log_format: str, log_level: str) -> None:
        self._logs, self._pids, self._log_format, self._log_level = logs, pids, log_format, log_level
        self._keepers: list[_Keeper] = []

    async def start(self, *children: Child) -> None:
        """Start them, then wait until all are ready. Raises ChildError, with the child's last words."""
        keepers = [self._keeper(child) for child in children]
        for keeper in keepers:
            self._keepers.append(keeper)
            await keeper.spawn()
        for keeper in keepers:
            await keeper.watch()

    async def run(self, child: Child) -> None:
        """Run one that ends by itself. Raises ChildError, with its last words, when it does not end well."""
        keeper = self._keeper(child)
        self._keepers.append(keeper)
        await keeper.spawn()
        await keeper.finish()
        self._keepers.remove(keeper)

    def _keeper(self, child: Child) -> _Keeper:
        output = Output(
            child.name, self._logs, log_format=self._log_format, log_level=self._log_level, foreign=child.foreign
        )
        return _Keeper(child, output, self._pids)

    async def stop(self) -> None:
        """Stop the children, last started first, each within its deadline."""
        for keeper in reversed(self._keepers):
            await keeper.stop()

    def kill(self) -> None:
        """End all of them now (a second Ctrl-C)."""
        for keeper in self._keepers:
            keeper.kill()


class _Keeper:
    """Keeps one child running."""

    def __init__(self, child: Child, output: Output, pids: PidFolder) -> None:
        self._child, self._output, self._pids = child, output, pids
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def watch(self) -> None:
        """Wait until it is ready; from then on mend its crashes."""
        await self._wait_ready()
        self._watch = asyncio.create_task(self._keep())

    async def finish(self) -> None:
        assert self._process is not None
        assert self._pump is not None
        code = await self._process.wait()
        await self._pump
        self._pids.forget(self._child.name)
        if code != 0:
            raise ChildError(f"{self._child.name} {_how_it_ended(code)}{self._last_words()}")

    async def stop(self) -> None:
        began = time.monotonic()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self._process is None:
            return
        await self._end(self._process)
        self._pids.forget(self._child.name)
        log.info("stopped", child=self._child.name, seconds=round(time.monotonic() - began, 1))

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def spawn(self) -> None:
        child = self._child
        own_death = [str(os.getpid()), str(int(child.stop_signal)), child.user or "-"]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", launch.__file__, *own_death, *child.command,
            env=dict(child.environ), cwd=child.folder, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._pids.remember(child.name, self._process.pid)
        self._pump = asyncio.create_task(self._output.pump(self._process.stdout))

    async def _wait_ready(self) -> None:
        assert self._process is not None
        child, deadline = self._child, time.monotonic() + self._child.ready_within_s
        while True:
            if self._process.returncode is not None:
                raise ChildError(f"{child.name} {_how_it_ended(self._process.returncode)}{self._last_words()}")
            if child.ready is None or await child.ready():
                return
            if time.monotonic() > deadline:
                raise ChildError(f"{child.name} is not ready after {child.ready_within_s:.0f} s{self._last_words()}")
            await asyncio.sleep(_PROBE_EVERY_S)

    def _last_words(self) -> str:
        return "".join(f"\n    {line}" for line in self._output.tail)

    async def _keep(self) -> None:
        """Wait for a crash, mend it, for ever."""
        pause_s = _FIRST_PAUSE_S / 2
        while True:
            began = time.monotonic()
            assert self._process is not None
            code = await self._process.wait()
            pause_s = _FIRST_PAUSE_S if time.monotonic() - began > _STEADY_S else min(pause_s * 2, _LONGEST_PAUSE_S)
            log.error("crashed", child=self._child.name, how=_how_it_ended(code), again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            await self._mend()

    async def _mend(self) -> None:
        began = time.monotonic()
        try:
            await self.spawn()
            await self._wait_ready()
        except (ChildError, OSError) as exc:
            log.error("not_mended", child=self._child.name, why=str(exc))
            assert self._process is not None
            await self._end(self._process)
        else:
            log.info("mended", child=self._child.name, seconds=round(time.monotonic() - began, 1))

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self._child.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self._child.stop_within_s)
        except TimeoutError:
            log.warning("killed", child=self._child.name, after_s=self._child.stop_within_s)
            self.kill()
            await process.wait()
        if self._pump is not None:
            await asyncio.wait([self._pump], timeout=1)


def _how_it_ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
