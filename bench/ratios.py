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
    ours: float  # medians, in `unit`
    against: float
    unit: str
    runs: int

    @property
    def verdict(self) -> str:
        return "" if self.goal is None else "met" if self.median <= self.goal else "missed"


def measure(pair: Pair, runs: int) -> Ratio:
    """`runs` pairs after one of each to warm up."""
    pair.against(), pair.ours()
    times = [(seconds_of(pair.ours), seconds_of(pair.against)) for _ in range(runs)]
    return ratio_of(pair.name, times, pair.goal)


def told(ratios: Iterable[Ratio]) -> list[Ratio]:
    """All of them, each printed as soon as it is there."""
    print(HEAD, flush=True)
    found = []
    for ratio in ratios:
        print(line(ratio), flush=True)
        found.append(ratio)
    return found


def ratio_of(name: str, times: Sequence[tuple[float, float]], goal: float | None = None) -> Ratio:
    """times: (ours, against) in seconds, by pair."""
    return ratio_between(name, [(1000 * ours, 1000 * against) for ours, against in times], "ms", goal)


def ratio_between(name: str, values: Sequence[tuple[float, float]], unit: str, goal: float | None = None) -> Ratio:
    """values: (ours, against) in `unit`, by pair."""
    ratios = [ours / against for ours, against in values]
    return Ratio(
        name=name,
        low=min(ratios),
        median=median(ratios),
        high=max(ratios),
        goal=goal,
        ours=median(ours for ours, _ in values),
        against=median(against for _, against in values),
        unit=unit,
        runs=len(values),
    )


def seconds_of(step: Step) -> float:
    gc.collect()
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def table(rows: Iterable[Ratio]) -> str:
    """Lines for a terminal."""
    return "\n".join([HEAD, *map(line, rows)])


HEAD = f"{'':<66} {'ratio':>7} {'min':>7} {'max':>7} {'goal':>6} {'':<7} {'ours':>9} {'against':>9} {'':<4} {'runs':>4}"


def line(row: Ratio) -> str:
    return (
        f"{row.name:<66} {row.median:>7.2f} {row.low:>7.2f} {row.high:>7.2f} {row.goal if row.goal else '-':>6}"
        f" {row.verdict:<7} {row.ours:>9.1f} {row.against:>9.1f} {row.unit:<4} {row.runs:>4}"
    )
