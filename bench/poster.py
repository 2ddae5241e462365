"""A bare aiohttp client in a process of its own, which posts what `ringtrail work` posted: `python -m bench.poster`.

Same bodies, same headers, same addresses, as many at once; it knows nothing of databases, retries or ledgers. Its event loop
is the worker's, uvloop.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence

import aiohttp
import msgspec
import uvloop

from bench.sink import Arrival

LIMIT_S = 600
_HEAD = re.compile(rb"POST (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL)
_OWN = ("Host", "Content-Length")


class Post(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    headers: dict[str, str]
    body: bytes
    after_s: float = 0.0  # not before so many seconds from the start


class Work(msgspec.Struct, frozen=True, kw_only=True):
    posts: list[Post]
    at_once: int


class Done(msgspec.Struct, frozen=True, kw_only=True):
    seconds: float
    cpu_s: float
    round_trips_s: list[float]


def like(arrivals: Iterable[Arrival]) -> list[Post]:
    """What was sent, to be sent again."""
    return [_post(arrival.raw) for arrival in arrivals]


def _post(raw: bytes) -> Post:
    found = _HEAD.match(raw)
    assert found is not None, raw[:200]
    headers = dict(line.split(": ", 1) for line in found[2].decode("latin-1").split("\r\n"))
    url = f"http://{headers['Host']}{found[1].decode()}"
    return Post(url=url, headers={k: v for k, v in headers.items() if k not in _OWN}, body=raw[found.end() :])


def post(posts: Sequence[Post], at_once: int) -> Done:
    """SystemExit unless every one is answered 200."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.poster"], input=msgspec.msgpack.encode(Work(posts=list(posts), at_once=at_once)),
        stdout=subprocess.PIPE, check=True, timeout=LIMIT_S,
    )  # fmt: skip
    return msgspec.msgpack.decode(done.stdout, type=Done)


async def _run(work: Work) -> Done:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await _posted(
            session, work.posts[: work.at_once], work.at_once
        )  # opens the connections, as the worker's are open
        cpu_s, began = time.process_time(), time.monotonic()
        took = await _posted(session, work.posts, work.at_once)
        return Done(seconds=time.monotonic() - began, cpu_s=time.process_time() - cpu_s, round_trips_s=took)


async def _posted(session: aiohttp.ClientSession, posts: Sequence[Post], at_once: int) -> list[float]:
    """The round trips in seconds."""
    queue, took, began = iter(posts), list[float](), time.monotonic()

    async def one_after_the_other() -> None:
        for item in queue:
            if (early_s := began + item.after_s - time.monotonic()) > 0:
                await asyncio.sleep(early_s)
            at = time.monotonic()
            async with session.post(item.url, data=item.body, headers=item.headers) as response:
                await response.read()
                assert response.status == 200
            took.append(time.monotonic() - at)

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return took


if __name__ == "__main__":
    given = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(msgspec.msgpack.encode(runner.run(_run(given))))
