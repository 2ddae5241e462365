"""A virtual clock: an event loop that never waits. When nothing is left to do now, time jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = datetime(2026, 7, 14, 9, 0, 0, tzinfo=UTC)


class _JumpingSelector(selectors.DefaultSelector):
    """Reports what is ready now; instead of waiting, moves the loop's time forward."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("the simulation waits for something that will never happen")
            self.loop.seconds += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        selector = _JumpingSelector()
        selector.loop = self
        self.seconds = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self.seconds


class VirtualClock:
    """The Clock port over a VirtualLoop's time, starting at EPOCH."""

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=round(asyncio.get_running_loop().time(), 6))


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time. RuntimeError if it can never end."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
