"""One supervisor a data folder, and no child of a killed one in its way."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


class AlreadyRunningError(Exception):
    """Another `ringtrail up` works on this data folder; the message names its process."""


class DataLock:
    """Held while `ringtrail up` runs. The kernel lets go of it however the process ends."""

    def __init__(self, data: Path) -> None:
        self._path = data / "ringtrail.lock"
        self._fd = -1

    def acquire(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise AlreadyRunningError(
                f"ringtrail already runs with the data folder {self._path.parent} (process {owner}). Stop it"
                f" (`kill {owner}`, or Ctrl-C where it runs), or give this one its own RINGTRAIL_DATA_DIR and ports"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._fd)


def is_running(data: Path) -> bool:
    """Does a `ringtrail up` work on this data folder now?"""
    try:
        with (data / "ringtrail.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class PidFolder:
    """Which processes are ours, for the next run: a file a child with its number and when it was started.

    The start time tells our child from a stranger who got the same number later.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def remember(self, name: str, pid: int) -> None:
        (self._folder / f"{name}.pid").write_text(f"{pid} {started_at(pid)}\n")

    def forget(self, name: str) -> None:
        (self._folder / f"{name}.pid").unlink(missing_ok=True)

    def alive(self) -> dict[str, int]:
        """{child: pid} of those that still run."""
        found = {}
        for path in self._folder.glob("*.pid"):
            with contextlib.suppress(ValueError):
                pid, started = (int(part) for part in path.read_text().split())
                if started and started_at(pid) == started:
                    found[path.stem] = pid
        return found


def stop_leftovers(pids: PidFolder, say: Callable[[str], None], *, within_s: float = 15) -> None:
    """End what a killed run left behind. The lock must be held: nobody else's children are touched."""
    left = pids.alive()
    for name, pid in left.items():
        say(f"stopping {name} (process {pid}), left over from a run that was killed")
        _signal(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + within_s
    while pids.alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in pids.alive().values():
        _signal(pid, signal.SIGKILL)
    for name in left:
        pids.forget(name)


def started_at(pid: int) -> int:
    """When the process was started, in clock ticks since boot; 0: it does not run. Source: field 22 of proc(5) stat."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
