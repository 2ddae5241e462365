"""One bounded load of calls with SIPp: a caller and a target on loopback addresses."""

from __future__ import annotations

import contextlib
import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import quantiles

import msgspec
import psutil

SCENARIOS = Path(__file__).resolve().parent / "sipp"
GRACE_S = 20  # after the last call should have ended

CpuSeconds = Callable[[], float]


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """So many calls at such a pace. Concurrent calls settle at per_s × hold_s."""

    per_s: int
    calls: int
    hold_s: float = 1.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What SIPp saw, and what it cost. Times are INVITE to 180, milliseconds; nan if no 180 came."""

    ok: int
    failed: int
    retransmissions: int
    peak: int  # calls at the same time
    p50_ms: float
    p99_ms: float
    cpu_ms_a_call: float


def require_sipp() -> None:
    if shutil.which("sipp") is None:
        sys.exit("SIPp is missing: apt-get install -y --no-install-recommends sip-tester")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of these processes and everything that they started, living or dead."""
    total = 0.0
    for pid in pids:
        root = psutil.Process(pid)
        times = root.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
        for child in root.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(child.cpu_times()[:2])
    return total


def run(load: Load, *, to: str, number: str, caller_host: str, target: str, cpu: CpuSeconds) -> Outcome:
    """Place the calls at `to` (host:port) for `number`; legs that come out are answered at `target` (host:port)."""
    seconds = int(load.calls / load.per_s + load.hold_s + GRACE_S)
    with tempfile.TemporaryDirectory(prefix="ringtrail-sipp-") as name, _answering(target, Path(name), seconds):
        before = cpu()
        command = [
            "sipp", "-sf", str(SCENARIOS / "caller.xml"), "-i", caller_host, "-mi", caller_host, "-s", number,
            "-r", str(load.per_s), "-m", str(load.calls), "-l", "5000", "-d", str(int(load.hold_s * 1000)),
            "-recv_timeout", "10000", "-timeout", str(seconds), "-nostdin",
            "-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_rtt", "-rtt_freq", "1", to,
        ]  # fmt: skip
        subprocess.run(
            command, cwd=name, check=False, timeout=seconds + 10, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return _outcome(Path(name), load, cpu() - before)


@contextlib.contextmanager
def _answering(target: str, folder: Path, seconds: int) -> Iterator[None]:
    host, _, port = target.partition(":")
    process = subprocess.Popen(
        ["sipp", "-sf", str(SCENARIOS / "target.xml"), "-i", host, "-mi", host, "-p", port, "-nostdin",
         "-timeout", str(seconds + 10)],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _outcome(folder: Path, load: Load, cpu_s: float) -> Outcome:
    rows = list(csv.DictReader((folder / "stat.csv").open(), delimiter=";"))
    last = rows[-1]
    ok = int(last["SuccessfulCall(C)"])
    times = sorted(_response_times(folder))
    steps = quantiles(times, n=100, method="inclusive") if len(times) > 1 else [float("nan")] * 99
    return Outcome(
        ok=ok,
        failed=load.calls - ok,
        retransmissions=int(last["Retransmissions(C)"]),
        peak=max(int(row["CurrentCall"]) for row in rows),
        p50_ms=steps[49],
        p99_ms=steps[98],
        cpu_ms_a_call=1000 * cpu_s / max(1, ok),
    )


def _response_times(folder: Path) -> Iterator[float]:
    for path in folder.glob("*_rtt.csv"):
        for row in csv.reader(path.open(), delimiter=";"):
            with contextlib.suppress(ValueError, IndexError):
                yield float(row[1])
