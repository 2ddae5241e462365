"""A limit on attempts, kept in memory: each process counts for itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_MAX_KEYS = 10_000


class Throttle:
    """At most `limit` attempts a key in a sliding window of `window_s` seconds.

    An attempt is counted before it is tried, so that many at once are not all let through; one that succeeds is
    taken back.
    """

    def __init__(self, *, limit: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._window_s = window_s
        self._clock = clock
        self._attempts: dict[str, deque[float]] = {}

    def wait_s(self, key: str) -> float:
        """Seconds until the key may try again; 0: now."""
        recent = self._recent(key)
        return recent[0] + self._window_s - self._clock() if len(recent) >= self._limit else 0

    def count(self, key: str) -> None:
        if key not in self._attempts and len(self._attempts) >= _MAX_KEYS:
            self._attempts.pop(next(iter(self._attempts)))
        self._attempts.setdefault(key, deque()).append(self._clock())

    def take_back(self, key: str) -> None:
        recent = self._recent(key)
        if recent:
            recent.pop()

    def forget(self, key: str) -> None:
        self._attempts.pop(key, None)

    def _recent(self, key: str) -> deque[float]:
        recent = self._attempts.get(key, deque())
        while recent and recent[0] <= self._clock() - self._window_s:
            recent.popleft()
        return recent
