"""Reading calls through each API, against PostgreSQL itself: `python -m bench.reporting --calls 1000000`.

- A page of 5,000 calls over HTTP beside `COPY (SELECT c.* FROM calls c WHERE ... ORDER BY ... LIMIT 5000) TO STDOUT`: the
  very rows that the page is made of, every column, in the same order, to a client that only counts bytes. Outbound
  CDRs are legs, so theirs is a COPY of 5,000 legs. The second line compares the same page with a COPY of no more than
  the columns that the API shows, joined names included: less to send, so a harder yardstick, without a goal.
- Page 2,000 beside page 1 of the same size.
- Ten months of day sums beside the hourly sums that they are made of.
- A total beside a bare count(*) with the same conditions. Ours is the whole request: authorization, the count, and the
  ten calls (the least there is to ask for) that come with it; nothing is subtracted.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from bench import asked, cluster, data, serving
from bench.asked import Asked
from bench.ratios import Pair, Ratio, Step, measure, told
from bench.serving import Client
from bench.yardsticks import (
    BY_START,
    PAGE,
    rows_of_calls,
    rows_of_target_legs,
    shown_of_calls,
    shown_of_target_legs,
    subject_of,
)

DEEP = 2_000  # the page that is compared with page 1
NATIVE_PAGE = 1_000  # the most that the native API gives at once
RUNS, QUICK_RUNS = 9, 3


class Reporting:
    """Pairs over one data set and one server."""

    def __init__(self, connection: psycopg.Connection[Any], port: int) -> None:
        self._connection = connection
        self._port = port
        self._subject = subject_of(connection)

    def pairs(self) -> Iterator[Pair]:
        yield from self._pages()
        yield from self._deep_pages()
        yield from self._sums()
        yield from self._totals()

    # --- a page against COPY ----------------------------------------------------------------------------------------

    def _pages(self) -> Iterator[Pair]:
        subject, account = self._subject, self._subject.calls_of_account
        after = subject.calls - PAGE
        for dialect, page, condition, order in (
            ("optico", asked.optico(limit=PAGE), subject.calls_of_property, BY_START),
            ("invox", asked.invox(last_call_id=after), f"{account} AND c.creation_seq > {after}", "c.creation_seq"),
            ("agendize", asked.agendize(), f"{account} AND c.change_seq > 0", "c.change_seq"),
            ("fonedynamics", asked.fonedynamics(subject.sid, Results_Count=PAGE), account, BY_START),
            ("callr", asked.callr("IN", PAGE), account, BY_START),
        ):
            rows, shown = rows_of_calls(condition, order), shown_of_calls(dialect, condition, order)
            yield from self._against_copies(f"page of 5,000: {dialect}", self._fetch(page), rows, shown)
        yield from self._against_copies(
            "page of 5,000: callr OUT",
            self._fetch(asked.callr("OUT", PAGE)),
            rows_of_target_legs(subject.account_id),
            shown_of_target_legs(subject.account_id),
        )
        rows, shown = rows_of_calls(account, BY_START), shown_of_calls("native", account, BY_START)
        yield from self._against_copies("5,000 in pages of 1,000: native", self._native_pages(), rows, shown)

    def _against_copies(self, name: str, ours: Step, rows: str, shown: str) -> Iterator[Pair]:
        yield Pair(name=f"{name}, against COPY of the rows", ours=ours, against=self._copy(rows), goal=2.0)
        yield Pair(name=f"{name}, against COPY of the shown columns", ours=ours, against=self._copy(shown))

    def _native_pages(self) -> Callable[[], int]:
        client = Client(self._port)

        def walk() -> int:
            cursor, size = None, 0
            for _ in range(PAGE // NATIVE_PAGE):
                body = client.fetch(asked.native(NATIVE_PAGE, cursor))
                cursor = msgspec.json.decode(body, type=_Cursor).next_cursor
                size += len(body)
            return size

        return walk

    # --- page 2,000 against page 1 ----------------------------------------------------------------------------------

    def _deep_pages(self) -> Iterator[Pair]:
        subject = self._subject
        limit = _limit(subject.property_calls)
        if limit >= 10:  # the least that Optico takes
            yield self._deep_pair(
                f"optico, limit {limit}", asked.optico(limit=limit, page=DEEP), asked.optico(limit=limit)
            )
        count = _limit(subject.calls)
        skip = (DEEP - 1) * count
        yield self._deep_pair(
            f"fonedynamics, count {count}",
            asked.fonedynamics(subject.sid, Results_Count=count, Results_Skip=skip),
            asked.fonedynamics(subject.sid, Results_Count=count),
        )
        for type_ in ("IN", "OUT"):
            deep, first = asked.callr(type_, count, skip), asked.callr(type_, count)
            yield self._deep_pair(f"callr {type_}, quantity {count}", deep, first)

    def _deep_pair(self, what: str, deep: Asked, first: Asked) -> Pair:
        name = f"page {DEEP:,} against page 1: {what}"
        return Pair(name=name, ours=self._fetch(deep), against=self._fetch(first), goal=1.3)

    # --- sums and totals --------------------------------------------------------------------------------------------

    def _sums(self) -> Iterator[Pair]:
        subject = self._subject
        hours = self._copy(
            f"SELECT hour_at, calls, handled_s, revenue_minor FROM call_hours WHERE account_id = {subject.account_id}"
            f" AND dimension = 'property' AND key = '{subject.property_id}' AND hour_at >= '2025-12-31 23:00Z'"
            " AND hour_at < '2026-10-31 23:00Z'"
        )
        days = self._fetch(asked.optico(limit=10, group_by_day="true"))
        yield Pair(name="ten months by day against their hourly sums: optico", ours=days, against=hours, goal=3.0)

    def _totals(self) -> Iterator[Pair]:
        caller, app = self._somebody()
        mine = (
            f"{self._subject.calls_of_property} AND c.started_at >= '2025-12-31 23:00Z'"
            " AND c.started_at < '2026-10-31 23:00Z'"
        )
        account = self._subject.calls_of_account
        for what, page, condition, goal in (
            ("all: optico", asked.optico(limit=10), mine, 1.0),
            ("all: callr", asked.callr("IN", 10), account, 1.0),
            ("status BUSY: optico", asked.optico(limit=10, status="BUSY"), f"{mine} AND c.disposition IN ('busy', 'rejected')", 1.5),
            ("one caller: optico", asked.optico(limit=10, caller_phone=caller), f"{mine} AND c.caller_number = '{caller}'", 1.5),
            ("one app: callr", asked.callr("IN", 10, app=app), f"{account} AND c.app_hash = '{app}'", 1.5),
        ):  # fmt: skip
            count = self._copy(f"SELECT count(*) FROM calls c WHERE {condition}")
            yield Pair(name=f"total of {what}, against count(*)", ours=self._fetch(page), against=count, goal=goal)

    def _somebody(self) -> tuple[str, str]:
        """A caller who rang the property several times, and the app that answers there."""
        row = self._connection.execute(
            "SELECT caller_number, min(app_hash) FROM calls c WHERE c.account_id = %s AND c.property_id = %s"
            " AND c.started_at < '2026-02-01Z' AND caller_number IS NOT NULL AND app_hash IS NOT NULL"
            " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
            (self._subject.account_id, self._subject.property_id),
        ).fetchone()
        assert row is not None
        return row[0], row[1]

    # --- the two ways -----------------------------------------------------------------------------------------------

    def _fetch(self, page: Asked) -> Callable[[], bytes]:
        return functools.partial(Client(self._port).fetch, page)

    def _copy(self, query: str) -> Callable[[], int]:
        def read() -> int:
            with self._connection.cursor().copy(f"COPY ({query}) TO STDOUT".encode()) as copy:
                return sum(len(block) for block in copy)

        return read


class _Cursor(msgspec.Struct):
    next_cursor: str | None


def _limit(calls: int) -> int:
    """The page size with which page DEEP is among the last ones."""
    return min(PAGE, calls // DEEP)


def run(calls: int, runs: int, only: str = "") -> list[Ratio]:
    folder = data.ready(calls)
    with (
        cluster.running(folder) as url,
        serving.web_server(url, folder / "serve") as server,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        pairs = Reporting(connection, server.port).pairs()
        return told(measure(pair, runs) for pair in pairs if only in pair.name)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reporting", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--runs", type=int, metavar="N", help=f"of each pair, default: {RUNS}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs")
    parser.add_argument("--only", default="", metavar="TEXT", help="only what has TEXT in its name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there too")
    arguments = parser.parse_args()
    runs = arguments.runs or (QUICK_RUNS if arguments.quick else RUNS)
    found = run(arguments.calls, runs, arguments.only)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    main()
