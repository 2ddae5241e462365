"""Memory of the web server while 50 clients read pages of 5,000 calls at once: `python -m bench.memory --calls 1000000`.

A fresh `ringtrail serve` for each dialect. In a round every client asks for its page, takes it as fast as it comes, and asks
again. The kernel says the most that the process ever had (VmHWM) and forgets it before the next round, so nothing
falls between samples. Flat means that the last rounds need no more than the first; what a client costs is what the
first round needs above the server at rest.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import msgspec
import psycopg

from bench import asked, cluster, data, load, serving
from bench.asked import Asked
from bench.ratios import HEAD, Ratio, line, ratio_between
from bench.serving import Client, Server
from bench.yardsticks import PAGE, Subject, subject_of

CLIENTS = 50
PAGES_A_CLIENT = 2  # in a round
ROUNDS, QUICK_ROUNDS = 8, 3
MB = 1_000_000
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def pages(subject: Subject) -> dict[str, Asked]:
    """INVOX has no page size: what came after the last call but 5,000."""
    return {
        "optico": asked.optico(limit=PAGE),
        "invox": asked.invox(last_call_id=subject.calls - PAGE),
        "agendize": asked.agendize(),
        "fonedynamics": asked.fonedynamics(subject.sid, Results_Count=PAGE),
        "callr": asked.callr("IN", PAGE),
        "callr OUT": asked.callr("OUT", PAGE),
    }


class Peaks(msgspec.Struct, frozen=True, kw_only=True):
    """Resident memory in MB: at rest after one page, and the most in each round."""

    dialect: str
    at_rest: float
    rounds: list[float]

    def ratio(self) -> Ratio:
        """Each of the last half of the rounds against the first."""
        first, *later = self.rounds
        return ratio_between(
            f"memory, {CLIENTS} clients, later rounds against the first: {self.dialect}",
            [(peak, first) for peak in later[len(later) // 2 :]],
            "MB",
            goal=1.1,
        )

    def a_client(self) -> float:
        """MB a client above the server at rest."""
        return (self.rounds[0] - self.at_rest) / CLIENTS


def peaks_of(server: Server, dialect: str, page: Asked, rounds: int) -> Peaks:
    client = Client(server.port)
    client.fetch(page)
    _forget_peak(server.pid)
    at_rest = _peak(server.pid)
    batch = [page.raw(f"127.0.0.1:{server.port}")] * (CLIENTS * PAGES_A_CLIENT)
    found = []
    for _ in range(rounds):
        _forget_peak(server.pid)
        load.ask(server.port, CLIENTS, batch)
        found.append(_peak(server.pid))
    return Peaks(dialect=dialect, at_rest=at_rest, rounds=found)


def _peak(pid: int) -> float:
    match = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) * 1024 / MB


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): reset the peak resident set size


def run(calls: int, rounds: int, only: str = "") -> list[Peaks]:
    folder = data.ready(calls)
    found = []
    with cluster.running(folder) as url:
        with psycopg.connect(url) as connection:
            subject = subject_of(connection)
        print(HEAD)
        for dialect, page in pages(subject).items():
            if only in dialect:
                with serving.web_server(url, folder / "serve") as server:
                    found.append(peaks_of(server, dialect, page, rounds))
                print(line(found[-1].ratio()), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds")
    parser.add_argument("--only", default="", metavar="TEXT", help="only dialects with TEXT in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the peaks there too")
    arguments = parser.parse_args()
    found = run(arguments.calls, QUICK_ROUNDS if arguments.quick else ROUNDS, arguments.only)
    for row in found:
        peaks = ", ".join(f"{peak:.0f}" for peak in row.rounds)
        print(f"{row.dialect}: {row.at_rest:.0f} MB at rest; peaks {peaks} MB; {row.a_client():.1f} MB a client")
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    main()
