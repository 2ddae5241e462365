"""What a request costs as the calls grow: `python -m bench.growth --calls 100000 1000000 10000000`.

The same requests to one server for each size of data set, all of them up at the same time and asked in turn; the ratio is of
a size to the smallest. Each request is about the same number of calls everywhere: page 1 of 200 and of 5,000, ten
months by day, one call by its id, and a sync that finds nothing new. Where an API has no page size (INVOX,
Agendize), 200 are the last 200 calls.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from bench import asked, cluster, data, serving
from bench.asked import Asked
from bench.ratios import Ratio, Step, ratio_of, seconds_of, told
from bench.serving import Client
from bench.yardsticks import PAGE, Subject, subject_of
from ringtrail.model.ids import call_sid

SIZES = (100_000, 1_000_000)
RUNS, QUICK_RUNS = 21, 5
FEW = 200
GOAL = 1.3


class Site:
    """One data set and its server: every question, ready to be asked."""

    def __init__(self, calls: int, connection: psycopg.Connection[Any], port: int) -> None:
        self.calls = calls
        self._subject: Subject = subject_of(connection)
        self._connection = connection
        self._client = Client(port)

    def questions(self) -> dict[str, Asked]:
        return dict([*self._pages(), *self._single_calls(), *self._syncs()])

    def step(self, question: Asked) -> Step:
        return lambda: self._client.fetch(question)

    def _pages(self) -> Iterator[tuple[str, Asked]]:
        sid, newest = self._subject.sid, self._subject.calls
        for size in (FEW, PAGE):
            yield f"page of {size:,}: optico", asked.optico(limit=size)
            yield f"page of {size:,}: invox", asked.invox(last_call_id=newest - size)
            yield f"page of {size:,}: fonedynamics", asked.fonedynamics(sid, Results_Count=size)
            yield f"page of {size:,}: callr IN", asked.callr("IN", size)
            yield f"page of {size:,}: callr OUT", asked.callr("OUT", size)
        yield f"page of {PAGE:,}: agendize", asked.agendize()
        yield f"page of {FEW:,}: agendize", asked.agendize(startDate=self._start_of(newest - FEW))
        yield f"page of {FEW:,}: native", asked.native(FEW)
        yield "ten months by day: optico", asked.optico(limit=10, group_by_day="true")

    def _single_calls(self) -> Iterator[tuple[str, Asked]]:
        """One from the middle of the ten months."""
        number = self._subject.calls // 2
        id_ = self._one("SELECT id FROM calls WHERE account_id = %s AND creation_seq = %s", number)
        yield "one call: agendize", asked.agendize(f"/{number}")
        yield "one call: fonedynamics", asked.fonedynamics_call(self._subject.sid, call_sid(id_))
        yield "one call: callr", asked.callr("IN", 1, hash=str(id_))
        yield "one call: native", asked.native_call(str(id_))

    def _syncs(self) -> Iterator[tuple[str, Asked]]:
        """The tokens come from the end of a list, as a client gets them that has read it all."""
        sid, newest = self._subject.sid, self._subject.calls
        yield "sync without changes: invox", asked.invox(last_call_id=newest)
        lately = {"startDate": self._start_of(newest - FEW)}
        token = self._told(asked.agendize(**lately)).nextSyncToken
        yield "sync without changes: agendize", asked.agendize(**lately, syncToken=token)
        token = self._told(asked.fonedynamics(sid, Results_Count=FEW, Results_Skip=newest - 1)).Token
        yield "sync without changes: fonedynamics", asked.fonedynamics(sid, Results_Count=FEW, Token=token)

    def _told(self, list_: Asked) -> _Tokens:
        return msgspec.json.decode(self._client.fetch(list_), type=_Tokens)

    def _start_of(self, number: int) -> str:
        started_at = self._one("SELECT started_at FROM calls WHERE account_id = %s AND creation_seq = %s", number)
        return f"{started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def _one(self, query: str, number: int) -> Any:
        row = self._connection.execute(query.encode(), (self._subject.account_id, number)).fetchone()
        assert row is not None
        return row[0]


class _Tokens(msgspec.Struct):
    nextSyncToken: str = ""  # noqa: N815
    Token: str = ""


def measure(sites: Sequence[Site], runs: int, only: str = "") -> Iterator[Ratio]:
    """For each question, each size against the first."""
    questions = [site.questions() for site in sites]
    for what in (name for name in questions[0] if only in name):
        steps = [site.step(of_site[what]) for site, of_site in zip(sites, questions, strict=True)]
        times = [[seconds_of(step) for step in steps] for _ in range(runs + 2)][2:]
        for place, site in enumerate(sites[1:], 1):
            name = f"{what}, {site.calls:,} calls against {sites[0].calls:,}"
            yield ratio_of(name, [(row[place], row[0]) for row in times], GOAL)


def run(sizes: Sequence[int], runs: int, only: str = "") -> list[Ratio]:
    folders = [data.ready(calls) for calls in sizes]
    with ExitStack() as stack:
        sites = []
        for calls, folder in zip(sizes, folders, strict=True):
            url = stack.enter_context(cluster.running(folder))
            server = stack.enter_context(serving.web_server(url, folder / "serve"))
            connection = stack.enter_context(psycopg.connect(url, autocommit=True))
            sites.append(Site(calls, connection, server.port))
        return told(measure(sites, runs, only))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--calls", type=int, nargs="+", default=SIZES, metavar="N", help="sizes, the smallest first")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs")
    parser.add_argument("--only", default="", metavar="TEXT", help="only what has TEXT in its name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there too")
    arguments = parser.parse_args()
    found = run(arguments.calls, QUICK_RUNS if arguments.quick else RUNS, arguments.only)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    main()
