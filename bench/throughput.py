"""Pages of 200 calls a second, against an empty handler: `python -m bench.throughput --calls 1000000`.

One server: `ringtrail serve` with two handlers more (`bench.peer`). One answers constant bytes, as many as a page has; the
other does so after fetching the columns of 200 calls that the dialect shows, which tells how much of a page PostgreSQL, the
driver and HTTP take alone. A few connections of another process ask it for pages, rows and constants in turn. The ratio is of the time that a request
takes at full load: 2.0 is half the requests per second. No page of a dialect is asked for twice: they start all over the
ten months. INVOX and Agendize have no page size to choose, so theirs are spans of time that hold 200 calls; CALLR's outbound
CDRs are those of such spans too. Every page is authorized, as in life; the two handlers ask nobody.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import psycopg

from bench import asked, cluster, data, load, peer, serving
from bench.asked import Asked
from bench.ratios import Ratio, ratio_of, told
from bench.serving import Client
from bench.yardsticks import Subject, subject_of
from ringtrail.dialects.invox.vocabulary import DEFAULT_TIMEZONE

PAGE = 200
CONNECTIONS = 8
REQUESTS, QUICK_REQUESTS = 400, 60  # a round
ROUNDS, QUICK_ROUNDS = 7, 2
_STRIDE = 173  # from one page's first call to the next one's; prime, so that starts repeat only after all were there
_INVOX = ZoneInfo(DEFAULT_TIMEZONE)  # where it reads dates
_SECONDS, _RFC3339 = "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"
_SECOND = timedelta(seconds=1)  # Agendize leaves its bounds out

Pages = Iterator[Asked]
Spans = Iterator[tuple[datetime, datetime]]


class Walks:
    """Different pages of 200 calls without end, by dialect."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._subject: Subject = subject_of(connection)
        connection.execute("SET timezone = 'UTC'")
        starts = connection.execute(
            "SELECT started_at FROM calls WHERE account_id = %s ORDER BY creation_seq", (self._subject.account_id,)
        )
        self._starts: list[datetime] = [row[0] for row in starts]

    @property
    def account_id(self) -> int:
        return self._subject.account_id

    def by_dialect(self) -> dict[str, Pages]:
        sid = self._subject.sid
        return {
            "optico": self._optico(),
            "invox": (
                asked.invox(
                    from_date=f"{a.astimezone(_INVOX):{_SECONDS}}", to_date=f"{b.astimezone(_INVOX):{_SECONDS}}"
                )
                for a, b in self.spans()
            ),
            "agendize": (
                asked.agendize(startDate=f"{a - _SECOND:{_RFC3339}}", endDate=f"{b + _SECOND:{_RFC3339}}")
                for a, b in self.spans()
            ),
            "fonedynamics": (
                asked.fonedynamics(sid, Results_Count=PAGE, Results_Skip=skip) for skip in self._offsets()
            ),
            "callr": (asked.callr("IN", PAGE, offset) for offset in self._offsets()),
            "callr OUT": (
                asked.callr("OUT", PAGE, **{"from": f"{a:{_SECONDS}}", "to": f"{b:{_SECONDS}}"})
                for a, b in self.spans()
            ),
        }

    def _optico(self) -> Pages:
        """Every page from the first of January on, then from the second: no page begins where another one does."""
        for day in range(31):
            for page in range(1, self._subject.property_calls * 4 // 5 // PAGE):
                yield asked.optico(start_date=f"2026-01-{day + 1:02d}", limit=PAGE, page=page)

    def _offsets(self) -> Iterator[int]:
        last = self._subject.calls - PAGE
        return (n * _STRIDE % last for n in range(last))

    def spans(self) -> Spans:
        """First and last start of 200 calls that follow each other."""
        return ((self._starts[offset], self._starts[offset + PAGE - 1]) for offset in self._offsets())


def measure(
    port: int, dialect: str, pages: Pages, spans: Spans, account_id: int, requests: int, rounds: int
) -> Iterator[Ratio]:
    """The page, then the bare rows, against the empty handler: `rounds` rounds after one to warm up."""
    first = next(pages)
    size = len(Client(port).fetch(first))
    empty, shown = peer.empty(size, first), dialect.split()[0]

    def seconds(batch: Sequence[Asked]) -> float:
        host = f"127.0.0.1:{port}"
        return load.ask(port, CONNECTIONS, [item.raw(host) for item in batch]).seconds_a_request

    def fetches() -> list[Asked]:
        return [peer.rows(shown, size, account_id, span, first) for span in islice(spans, requests)]

    def one_round() -> tuple[float, float, float]:
        return seconds(list(islice(pages, requests))), seconds(fetches()), seconds([empty] * requests)

    one_round()
    times = [one_round() for _ in range(rounds)]
    yield ratio_of(f"200 calls, {CONNECTIONS} at once: {dialect}", [(page, none) for page, _, none in times], goal=2.0)
    yield ratio_of(f"200 calls, {CONNECTIONS} at once: rows for {shown}", [(rows, none) for _, rows, none in times])


def run(calls: int, requests: int, rounds: int, only: str = "") -> list[Ratio]:
    folder = data.ready(calls)
    with cluster.running(folder) as url, serving.web_server(url, folder / "serve", ("bench.peer",)) as server:
        with psycopg.connect(url) as connection:
            walks = Walks(connection)
        return told(
            ratio
            for dialect, pages in walks.by_dialect().items()
            if only in dialect
            for ratio in measure(server.port, dialect, pages, walks.spans(), walks.account_id, requests, rounds)
        )


def rates(found: Sequence[Ratio], tell: Callable[[str], None] = print) -> None:
    for row in found:
        tell(f"{row.name}: {1000 / row.ours:,.0f} answers/s, empty handler {1000 / row.against:,.0f}/s")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument("--only", default="", metavar="TEXT", help="only dialects with TEXT in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there too")
    arguments = parser.parse_args()
    requests, rounds = (QUICK_REQUESTS, QUICK_ROUNDS) if arguments.quick else (REQUESTS, ROUNDS)
    found = run(arguments.calls, requests, rounds, arguments.only)
    rates(found)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    main()
