"""Two things measured in turn, and the ratios between them.

Milliseconds belong to the machine and the minute; a ratio of two runs that follow each other (A B A B) belongs to the code.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from statistics import median

import msgspec

Step = Callable[[], object]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured against what. goal: the greatest ratio of the medians that we want; None: only reported."""

    name: str
    ours: Step
    against: Step
    goal: float | None = None


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """ours / against, by pair of neighbouring runs."""

    name: str
    low: float
    median: float
    high: float
    goal: float | None
    ours_ms: float  # medians
    against_ms: float
    runs: int

    @property
    def verdict(self) -> str:
        return "" if self.goal is None else "met" if self.median <= self.goal else "missed"


def measure(pair: Pair, runs: int) -> Ratio:
    """`runs` pairs after one of each to warm up."""
    pair.against(), pair.ours()
    times = [(_seconds(pair.ours), _seconds(pair.against)) for _ in range(runs)]
    return ratio_of(pair.name, times, pair.goal)


def ratio_of(name: str, times: Sequence[tuple[float, float]], goal: float | None = None) -> Ratio:
    """times: (ours, against) in seconds, by pair."""
    ratios = [ours / against for ours, against in times]
    return Ratio(
        name=name,
        low=min(ratios),
        median=median(ratios),
        high=max(ratios),
        goal=goal,
        ours_ms=1000 * median(ours for ours, _ in times),
        against_ms=1000 * median(against for _, against in times),
        runs=len(times),
    )


def _seconds(step: Step) -> float:
    gc.collect()
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def table(rows: Iterable[Ratio]) -> str:
    """Lines for a terminal."""
    head = (
        f"{'':<58} {'ratio':>7} {'min':>7} {'max':>7} {'goal':>6} {'':<7} {'ours ms':>9} {'against ms':>11} {'runs':>5}"
    )
    lines = [
        f"{row.name:<58} {row.median:>7.2f} {row.low:>7.2f} {row.high:>7.2f} {row.goal if row.goal else '-':>6}"
        f" {row.verdict:<7} {row.ours_ms:>9.1f} {row.against_ms:>11.1f} {row.runs:>5}"
        for row in rows
    ]
    return "\n".join([head, *lines])
