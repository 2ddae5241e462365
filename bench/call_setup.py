"""Calls through ringtrail against calls through a plain Asterisk: `python -m bench.call_setup --quick`.

The same Asterisk binary and the same SIPp load twice: once with a dialplan of one `Dial()`, once with ringtrail in
control (its own PostgreSQL, Asterisk and controller process, one record a call checked afterwards). The two take turns
at every step. Asked for: the most calls per second without a failure, what is added between INVITE and 180, processor
time a call (Asterisk, controller and PostgreSQL together), and bridged calls at the same time without a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from bench import sipp_load
from bench.sipp_load import Load, Outcome, cpu_seconds
from ringtrail.engines.asterisk.configure import write_configuration
from ringtrail.model.query import CallQuery
from ringtrail.supervisor.parts import asterisk_settings
from ringtrail.supervisor.secrets import load_secrets
from tests.e2e.stack import CALLER_HOST, TARGET_HOST, Stack, eventually, free_port, private_folder
from tests.sip import refuses

RATES = (25, 50, 75, 100, 125, 150, 175, 200)
CONCURRENT = (50, 100, 200, 400)
STEP_S = 15
HOLD_S = 10.0  # of the calls that are to be up together
QUICK_RATES, QUICK_CONCURRENT, QUICK_STEP_S = (10, 25), (50,), 5
RECORDED_WITHIN_S = 30

_PLAIN = """\
[from-trunk]
exten => s,1,Hangup(1)
exten => _[+0-9]!,1,Dial(PJSIP/{target}@trunk,30)
 same => n,Hangup()
"""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One load on one side, and whether every call went through and (ringtrail) was recorded as answered."""

    side: str
    load: Load
    outcome: Outcome
    recorded: int | None = None

    @property
    def clean(self) -> bool:
        return self.outcome.failed == 0 and self.recorded in (None, self.load.calls)


class Report(msgspec.Struct, kw_only=True):
    steps: list[Step]
    differing_sums: int


@dataclass
class Bench:
    """Both sides, ready for calls."""

    stack: Stack
    plain_port: int
    plain: subprocess.Popen[bytes]
    target: str  # host:port where SIPp answers
    number: str  # a tracking number; the plain side takes any
    recorded: int = 0

    async def plainly(self, load: Load) -> Step:
        outcome = await self._run(load, f"127.0.0.1:{self.plain_port}", [self.plain.pid])
        return Step(side="plain", load=load, outcome=outcome)

    async def through_ringtrail(self, load: Load) -> Step:
        pids = [self.stack.processes[name].pid for name in ("asterisk", "control", "postgres")]
        outcome = await self._run(load, f"127.0.0.1:{self.stack.settings.sip_port}", pids)
        return Step(side="ringtrail", load=load, outcome=outcome, recorded=await self._newly_recorded(load.calls))

    async def _run(self, load: Load, to: str, pids: Sequence[int]) -> Outcome:
        def place() -> Outcome:
            return sipp_load.run(
                load, to=to, number=self.number, caller_host=CALLER_HOST, target=self.target,
                cpu=lambda: cpu_seconds(pids),
            )  # fmt: skip

        return await asyncio.to_thread(place)

    async def _newly_recorded(self, expected: int) -> int:
        """Answered calls that came into the records with this load; waits for the last of them."""

        async def found() -> int:
            query = CallQuery(account_id=self.stack.account.id, outcomes=(("answered", "bridged"),))
            return (await self.stack.services.calls.page(query, limit=1, with_total=True)).total or 0

        async def enough() -> bool:
            return await found() >= self.recorded + expected

        with suppress(AssertionError):  # told as fewer recorded calls
            await eventually(enough, RECORDED_WITHIN_S)
        before, self.recorded = self.recorded, await found()
        return self.recorded - before


@asynccontextmanager
async def both_sides() -> AsyncIterator[Bench]:
    stack = Stack(private_folder("ringtrail-bench-"))
    target = f"{TARGET_HOST}:{free_port(socket.SOCK_DGRAM, TARGET_HOST)}"
    try:
        await stack.up(trunk_peer=target)
        item, _ = await stack.number((stack.target(), 30, refuses(404)))
        port, plain = _start_plain(stack)
        try:
            await eventually(lambda: _answers_options(port), 20)
            yield Bench(stack, port, plain, target, item.number_e164)
        finally:
            plain.terminate()
            plain.wait(20)
    finally:
        await stack.down()
        shutil.rmtree(stack.folder, ignore_errors=True)


def _start_plain(stack: Stack) -> tuple[int, subprocess.Popen[bytes]]:
    """The engine's own configuration on other ports, with another dialplan."""
    ours = asterisk_settings(stack.base, load_secrets(stack.base.data))
    settings = replace(
        ours, node="plain", folder=stack.folder / "plain", sip_port=free_port(socket.SOCK_DGRAM),
        ari_port=free_port(), ami_port=free_port(), rtp_first=30000, rtp_last=39999,
    )  # fmt: skip
    command = write_configuration(stack.install, settings)
    (settings.folder / "etc/extensions.conf").write_text(_PLAIN.format(target=stack.target()))
    with (stack.folder / "logs" / "plain.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    return settings.sip_port, process


def _answers_options(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((CALLER_HOST, 0))
        probe.settimeout(0.5)
        host, mine = probe.getsockname()
        probe.sendto(
            f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{mine};branch=z9hG4bKprobe\r\n"
            f"From: <sip:{host}>;tag=p\r\nTo: <sip:127.0.0.1>\r\nCall-ID: probe-{mine}\r\nCSeq: 1 OPTIONS\r\n"
            f"Contact: <sip:{host}:{mine}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode(),
            ("127.0.0.1", port),
        )
        try:
            return probe.recv(4096).startswith(b"SIP/2.0 200")
        except TimeoutError:
            return False


async def climb(bench: Bench, loads: Sequence[Load], tell: Callable[[Step], None]) -> list[Step]:
    """Each side up the ladder in turn, until it fails."""
    sides: list[Callable[[Load], Awaitable[Step]]] = [bench.plainly, bench.through_ringtrail]
    steps: list[Step] = []
    for load in loads:
        for side in list(sides):
            steps.append(await side(load))
            tell(steps[-1])
            if not steps[-1].clean:
                sides.remove(side)
    return steps


async def run(rates: Sequence[int], concurrent: Sequence[int], step_s: int, tell: Callable[[Step], None]) -> Report:
    by_rate = [Load(per_s=rate, calls=rate * step_s) for rate in rates]
    together = [Load(per_s=max(1, int(n / HOLD_S)), calls=int(1.5 * n), hold_s=HOLD_S) for n in concurrent]
    async with both_sides() as bench:
        await bench.plainly(Load(per_s=5, calls=10))
        await bench.through_ringtrail(Load(per_s=5, calls=10))
        steps = await climb(bench, by_rate, tell) + await climb(bench, together, tell)
        return Report(steps=steps, differing_sums=await bench.stack.rollup_differences())


def line(step: Step) -> str:
    load, seen = step.load, step.outcome
    return (
        f"{step.side:<10} {load.per_s:>4}/s × {load.hold_s:>4.0f} s {seen.ok:>6} ok {seen.failed:>4} failed"
        f" {seen.peak:>5} at once  INVITE→180 p50 {seen.p50_ms:>6.1f} p99 {seen.p99_ms:>7.1f} ms"
        f"  {seen.cpu_ms_a_call:>5.1f} ms CPU a call  {seen.retransmissions:>4} retransmissions"
        + (f"  {step.recorded} recorded" if step.recorded is not None else "")
    )


def summary(report: Report) -> list[str]:
    by_rate = [step for step in report.steps if step.load.hold_s < HOLD_S]
    together = [step for step in report.steps if step.load.hold_s == HOLD_S]
    lines = [
        _best("most calls per second without a failure", by_rate, lambda step: step.load.per_s),
        _best("most calls at once without a failure", together, lambda step: step.outcome.peak),
    ]
    clean = {(step.side, step.load.per_s): step for step in by_rate if step.clean}
    both = [rate for side, rate in clean if side == "plain" and ("ringtrail", rate) in clean]
    for rate in both:
        plain, ours = clean["plain", rate], clean["ringtrail", rate]
        lines.append(
            f"at {rate}/s ringtrail adds {ours.outcome.p50_ms - plain.outcome.p50_ms:.1f} ms (p50),"
            f" {ours.outcome.p99_ms - plain.outcome.p99_ms:.1f} ms (p99) to INVITE→180 and takes"
            f" {ours.outcome.cpu_ms_a_call / plain.outcome.cpu_ms_a_call:.2f} times the processor time"
        )
    return [*lines, f"sums that differ from a recount: {report.differing_sums}"]


def _best(what: str, steps: Sequence[Step], value: Callable[[Step], int]) -> str:
    best = {
        side: max((value(s) for s in steps if s.side == side and s.clean), default=0) for side in ("plain", "ringtrail")
    }
    ratio = best["ringtrail"] / best["plain"] if best["plain"] else float("nan")
    return f"{what}: ringtrail {best['ringtrail']}, plain {best['plain']}, ratio {ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.call_setup", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument("--rates", type=int, nargs="*", metavar="N", help="calls per second to try")
    parser.add_argument("--concurrent", type=int, nargs="*", metavar="N", help="calls at once to try")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every step there too")
    arguments = parser.parse_args()
    sipp_load.require_sipp()
    rates = arguments.rates if arguments.rates is not None else QUICK_RATES if arguments.quick else RATES
    concurrent = (
        arguments.concurrent
        if arguments.concurrent is not None
        else QUICK_CONCURRENT
        if arguments.quick
        else CONCURRENT
    )
    step_s = QUICK_STEP_S if arguments.quick else STEP_S
    report = asyncio.run(run(rates, concurrent, step_s, lambda step: print(line(step), flush=True)))
    print("\n".join(summary(report)))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))


if __name__ == "__main__":
    main()
