"""Reading calls through each API, against PostgreSQL itself: `python -m bench.reporting --calls 1000000`.

Four questions: what does a page of 5,000 calls cost beside a COPY of the same rows and columns; what does page 2,000 cost
beside page 1; what do ten months of day sums cost beside the hourly sums that they are made of; what does a total cost
beside a bare count.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg

from bench import cluster, data, serving
from bench.ratios import Pair, Ratio, measure, table
from bench.serving import Asked, Client

PAGE = 5_000
DEEP = 2_000  # the page that is compared with page 1
NATIVE_PAGE = 1_000  # the most that the native API gives at once
RUNS = 9

_TIMES = "c.started_at, c.answered_at, c.ended_at"
_MARKETING = "c.source, c.medium, c.campaign, c.content"
_PROPERTY = " JOIN properties p ON p.account_id = c.account_id AND p.id = c.property_id"
_DID = " LEFT JOIN dids d ON d.account_id = c.account_id AND d.hash = c.did_hash"
_APP = " LEFT JOIN apps a ON a.account_id = c.account_id AND a.hash = c.app_hash"
_READY = (
    "EXISTS (SELECT 1 FROM recordings r WHERE r.account_id = c.account_id AND r.call_id = c.id AND r.status = 'ready')"
)

COLUMNS = {
    "optico": (
        "c.started_at, c.caller_number, c.tracking_number, c.destination_number, c.trigger, c.source, c.disposition,"
        " c.stage, c.talk_s, c.connected_s, c.billed_s, c.revenue_minor, c.keypad, c.redirected, c.redirected_expired,"
        " c.ring_s",
        "",
    ),
    "invox": (
        "c.creation_seq, c.started_at, c.talk_s, c.connected_s, c.disposition, c.stage, c.caller_number,"
        f" c.tracking_number, c.destination_number, {_MARKETING}, c.recording_hash, p.name",
        _PROPERTY,
    ),
    "agendize": (
        "c.creation_seq, c.id, p.sid, c.caller_number, c.destination_number, c.tracking_number, c.started_at, c.talk_s,"
        f" c.connected_s, c.disposition, c.stage, c.external_id, c.trigger, {_READY}",
        _PROPERTY,
    ),
    "fonedynamics": (
        "c.id, p.sid, c.started_at, c.caller_number, c.caller_withheld, c.caller_country, c.caller_region,"
        f" c.tracking_number, d.friendly_name, c.talk_s, c.connected_s, c.disposition, c.stage, c.destination_number,"
        f" {_MARKETING}, c.keypad, {_READY}",
        _PROPERTY + _DID,
    ),
    "callr": (
        f"c.id, {_TIMES}, c.caller_answered_at, c.revenue_minor, c.caller_country, c.caller_name, c.caller_number,"
        " c.caller_line_type, c.caller_withheld, c.external_id, c.did_hash, c.tracking_number, c.total_s, c.connected_s,"
        " c.hangup_cause, c.hangup_by, c.app_hash, a.package, a.name",
        _APP,
    ),
    "native": (
        f"c.id, c.change_seq, p.sid, p.name, c.state, c.disposition, c.stage, c.trigger, c.tracking_number,"
        " d.friendly_name, c.caller_number, c.caller_name, c.caller_withheld, c.caller_country, c.caller_line_type,"
        " c.caller_region, c.caller_is_new, c.destination_number, c.destination_country, c.destination_line_type,"
        f" c.app_hash, a.name, a.package, {_MARKETING}, c.offline_description, {_TIMES}, c.ring_s, c.talk_s, c.total_s,"
        " c.billed_s, c.hangup_cause, c.hangup_by, c.keypad, c.redirected, c.redirected_expired, c.recording_hash",
        _PROPERTY + _DID + _APP,
    ),
}
"""What each API shows of a call, and the joins that it needs for that."""

_LEGS = (
    "SELECT l.id, l.call_id, l.number, l.number_country, l.number_line_type, l.started_at, l.answered_at, l.ended_at,"
    " l.cause, l.hangup_by, l.disposition, l.talk_s, l.total_s, l.billed_s, c.app_hash, a.name, a.package,"
    " c.caller_number, c.caller_withheld, c.caller_name, c.external_id FROM legs l"
    " JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id"
    f"{_APP} WHERE l.account_id = {{}} AND l.role = 'target' AND c.ended_at IS NOT NULL"
    " ORDER BY l.started_at, l.call_id, l.position LIMIT 5000"
)


class Subject(NamedTuple):
    """Whose calls are read."""

    account_id: int
    sid: str
    calls: int
    property_id: int
    property_calls: int


def subject_of(connection: psycopg.Connection[Any]) -> Subject:
    account = connection.execute(
        "SELECT a.id, a.sid, k.creation FROM accounts a JOIN call_counters k ON k.account_id = a.id ORDER BY a.id LIMIT 1"
    ).fetchone()
    assert account is not None
    biggest = connection.execute(
        "SELECT property_id, (SELECT sum(calls)::bigint FROM call_hours WHERE account_id = c.account_id"
        " AND dimension = 'property' AND key = property_id::text) FROM credentials c WHERE dialect = 'optico'"
    ).fetchone()
    assert biggest is not None
    return Subject(*account, *biggest)


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

    # --- a page against COPY ----------------------------------------------------------------------------------------

    def _pages(self) -> Iterator[Pair]:
        subject = self._subject
        account, by_start = f"c.account_id = {subject.account_id} AND c.ended_at IS NOT NULL", "c.started_at, c.id"
        after = subject.calls - PAGE
        for dialect, asked, condition, order in (
            ("optico", serving.optico(limit=PAGE), f"{account} AND c.property_id = {subject.property_id}", by_start),
            ("invox", serving.invox(after), f"{account} AND c.creation_seq > {after}", "c.creation_seq"),
            ("agendize", serving.agendize(), f"{account} AND c.change_seq > 0", "c.change_seq"),
            ("fonedynamics", serving.fonedynamics(subject.sid, PAGE), account, by_start),
            ("callr", serving.callr("IN", PAGE), account, by_start),
        ):
            against = self._copy(self._page_query(dialect, condition, order))
            yield Pair(name=f"page of 5,000: {dialect}", ours=self._fetch(asked), against=against, goal=2.0)
        legs = self._copy(_LEGS.format(subject.account_id))
        yield Pair(
            name="page of 5,000: callr (OUT)", ours=self._fetch(serving.callr("OUT", PAGE)), against=legs, goal=2.0
        )
        against = self._copy(self._page_query("native", account, by_start))
        yield Pair(name="5,000 in pages of 1,000: native", ours=self._native_pages(), against=against, goal=2.0)

    def _page_query(self, dialect: str, condition: str, order: str) -> str:
        columns, joins = COLUMNS[dialect]
        page = f"SELECT * FROM calls c WHERE {condition} ORDER BY {order} LIMIT {PAGE}"
        return f"SELECT {columns} FROM ({page}) c{joins} ORDER BY {order}"

    def _native_pages(self) -> Callable[[], int]:
        client = Client(self._port)

        def walk() -> int:
            cursor, size = None, 0
            for _ in range(PAGE // NATIVE_PAGE):
                body = client.fetch(serving.native(NATIVE_PAGE, cursor))
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
                f"page {DEEP:,} against page 1: optico, limit {limit}",
                serving.optico(limit=limit, page=DEEP), serving.optico(limit=limit),
            )  # fmt: skip
        count = _limit(subject.calls)
        skip = (DEEP - 1) * count
        yield self._deep_pair(
            f"page {DEEP:,} against page 1: fonedynamics, count {count}",
            serving.fonedynamics(subject.sid, count, skip), serving.fonedynamics(subject.sid, count),
        )  # fmt: skip
        yield self._deep_pair(
            f"page {DEEP:,} against page 1: callr, quantity {count}",
            serving.callr("IN", count, skip), serving.callr("IN", count),
        )  # fmt: skip

    def _deep_pair(self, name: str, deep: Asked, first: Asked) -> Pair:
        return Pair(name=name, ours=self._fetch(deep), against=self._fetch(first), goal=1.3)

    # --- sums and totals --------------------------------------------------------------------------------------------

    def _sums(self) -> Iterator[Pair]:
        subject = self._subject
        hours = self._copy(
            f"SELECT hour_at, calls, handled_s, revenue_minor FROM call_hours WHERE account_id = {subject.account_id}"
            f" AND dimension = 'property' AND key = '{subject.property_id}' AND hour_at >= '2025-12-31 23:00Z'"
            " AND hour_at < '2026-10-31 23:00Z'"
        )
        days = self._fetch(serving.optico(limit=10, group_by_day="true"))
        yield Pair(name="ten months by day against their hourly sums: optico", ours=days, against=hours, goal=3.0)
        mine = (
            f"SELECT count(*) FROM calls c WHERE c.account_id = {subject.account_id} AND c.ended_at IS NOT NULL AND"
            f" c.property_id = {subject.property_id} AND c.started_at >= '2025-12-31 23:00Z'"
            " AND c.started_at < '2026-10-31 23:00Z'"
        )
        yield Pair(
            name="total of all, 10 shown, against count(*): optico",
            ours=self._fetch(serving.optico(limit=10)),
            against=self._copy(mine),
            goal=1.0,
        )
        yield Pair(
            name="total of status BUSY, 10 shown, against count(*): optico",
            ours=self._fetch(serving.optico(limit=10, status="BUSY")),
            against=self._copy(f"{mine} AND c.disposition IN ('busy', 'rejected')"),
            goal=1.5,
        )

    # --- the two ways -----------------------------------------------------------------------------------------------

    def _fetch(self, asked: Asked) -> Callable[[], bytes]:
        return functools.partial(Client(self._port).fetch, asked)

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


def run(calls: int, runs: int, only: str = "", tell: Callable[[str], None] = print) -> list[Ratio]:
    folder = data.ready(calls, tell=tell)
    with (
        cluster.running(folder) as url,
        serving.web_server(url, folder / "serve") as port,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        return [measure(pair, runs) for pair in Reporting(connection, port).pairs() if only in pair.name]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reporting", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--only", default="", metavar="TEXT", help="only what has TEXT in its name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there too")
    arguments = parser.parse_args()
    found = run(arguments.calls, arguments.runs, arguments.only)
    print(table(found))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    main()
