"""CALLR's JSON-RPC: requests per second, against a bare handler and a COPY: `python -m bench.rpc --calls 1000000`.

The server is the product with a handler more (`bench.peer`), which answers constant bytes, as many as the method's reply has,
and asks nobody who they are. Several connections of another process ask in turn. `cdr.get` of 5,000 records is one request
after the other, and stands against a COPY of the same rows, too.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from bench import asked, cluster, data, load, peer, serving
from bench.asked import Asked
from bench.ratios import Pair, Ratio, measure, ratio_of, told
from bench.serving import Client
from bench.throughput import rates
from bench.yardsticks import BY_START, PAGE, rows_of_calls, shown_of_calls, subject_of

CONNECTIONS = 8
REQUESTS, QUICK_REQUESTS = 1000, 100  # a round
ROUNDS, QUICK_ROUNDS = 7, 2
_SECONDS = "%Y-%m-%d %H:%M:%S"

SMALL = {
    "system.get_timestamp": asked.callr_rpc("system.get_timestamp"),
    "did.search, 50 numbers": asked.callr_rpc("did.search", {}, {"quantity": 50}),
}


def answered(port: int, wanted: Asked) -> tuple[bytes, Any]:
    """The reply and the result in it. SystemExit for an error: its HTTP status is 200, too."""
    reply = Client(port).fetch(wanted)
    body = msgspec.json.decode(reply)
    if "error" in body:
        sys.exit(f"{wanted.body!r} was answered {body['error']}")
    return reply, body["result"]


def small(port: int, name: str, wanted: Asked, requests: int, rounds: int) -> Ratio:
    """Time of a request at full load, by round."""
    reply, _ = answered(port, wanted)
    empty, host = peer.empty(len(reply), wanted), f"127.0.0.1:{port}"

    def seconds(item: Asked) -> float:
        return load.ask(port, CONNECTIONS, [item.raw(host)] * requests).seconds_a_request

    seconds(wanted), seconds(empty)
    times = [(seconds(wanted), seconds(empty)) for _ in range(rounds)]
    return ratio_of(f"{name}, {CONNECTIONS} at once, against a bare handler", times)


def records(connection: psycopg.Connection[Any], port: int) -> Iterator[Pair]:
    """`cdr.get` of the account's first 5,000 calls, or of a few more that began in the same second."""
    subject = subject_of(connection)
    page = f"SELECT min(started_at), max(started_at) FROM ({rows_of_calls(subject.calls_of_account, BY_START)}) c"
    first, last = next(iter(connection.execute(page.encode())))
    span = [f"{at.astimezone(UTC):{_SECONDS}}" for at in (first, last)]
    wanted, client = asked.callr_rpc("cdr.get", "IN", *span, None, None), Client(port)
    reply, found = answered(port, wanted)
    assert len(found) >= PAGE
    ours = functools.partial(client.fetch, wanted)
    bare = functools.partial(Client(port).fetch, peer.empty(len(reply), wanted))
    name, among = f"cdr.get of {PAGE:,}", subject.calls_of_account
    yield Pair(name=f"{name}, against a bare handler", ours=ours, against=bare)
    for what, query in (
        ("the rows", rows_of_calls(among, BY_START)),
        ("the shown columns", shown_of_calls("callr", among, BY_START)),
    ):
        yield Pair(
            name=f"{name}, against COPY of {what}", ours=ours, against=functools.partial(_copy, connection, query)
        )


def _copy(connection: psycopg.Connection[Any], query: str) -> int:
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT".encode()) as copy:
        return sum(len(block) for block in copy)


def run(calls: int, requests: int, rounds: int) -> list[Ratio]:
    folder = data.ready(calls)
    with (
        cluster.running(folder) as url,
        serving.web_server(url, folder / "serve", ("bench.peer",)) as server,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        port = server.port
        found = told(small(port, name, wanted, requests, rounds) for name, wanted in SMALL.items())
        rates(found)
        return found + told(measure(pair, rounds) for pair in records(connection, port))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rpc", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there too")
    arguments = parser.parse_args()
    requests, rounds = (QUICK_REQUESTS, QUICK_ROUNDS) if arguments.quick else (REQUESTS, ROUNDS)
    found = run(arguments.calls, requests, rounds)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))


if __name__ == "__main__":
    main()
