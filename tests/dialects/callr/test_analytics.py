"""Sums over time, exact to the second although whole hours come from the kept sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ringtrail.model.cause import Disposition
from tests.dialects.callr.conftest import Rpc
from tests.fixtures import GOLDEN_START, World

EVER = ("0001-01-01 00:00:00", "9999-12-31 23:59:59")


async def _save_three(world: World) -> None:
    """Two answered calls of one caller on 14 July (09:05:10, 11:35:10), a missed one of another on 16 July."""
    missed = world.golden(started_at=GOLDEN_START + timedelta(days=2), caller_number_e164="+33700000000")
    caller, target = missed.legs
    legs = (
        replace(caller, answered_at=None),
        replace(target, answered_at=None, disposition=Disposition.NO_ANSWER),
    )
    await world.save(
        world.golden(),
        world.golden(started_at=GOLDEN_START + timedelta(hours=2, minutes=30)),
        replace(missed, answered_at=None, disposition=Disposition.NO_ANSWER, legs=legs),
    )


async def test_a_summary_counts_calls_seconds_and_callers_of_both_directions(rpc: Rpc, world: World) -> None:
    await _save_three(world)
    result = await rpc("analytics/calls.summary", *EVER)
    expected = {
        "IN": {"aloc": 199, "count": 3, "credit": "0.0000", "debit": "0.0000", "duration": 398, "unique_callers": 2},
        "OUT": {"aloc": 199, "count": 3, "credit": "0.0000", "debit": "0.0000", "duration": 398},
    }
    assert [(side, list(sums.items())) for side, sums in result.items()] == [
        (side, list(sums.items())) for side, sums in expected.items()
    ]


async def test_a_history_has_one_entry_for_each_day_with_calls(rpc: Rpc, world: World) -> None:
    await _save_three(world)
    result = await rpc("analytics/calls.history", *EVER)
    assert list(result) == ["IN", "OUT"]
    assert list(result["IN"][0]) == ["aloc", "count", "credit", "date", "debit", "duration"]
    for side in ("IN", "OUT"):
        assert [(day["date"], day["count"], day["duration"], day["aloc"]) for day in result[side]] == [
            ("2026-07-14 00:00:00", 2, 398, 199),
            ("2026-07-16 00:00:00", 1, 0, 0),
        ]


async def test_a_range_is_exact_to_the_second_at_both_ends(rpc: Rpc, world: World) -> None:
    await _save_three(world)
    for start, end, inbound, outbound in (
        ("2026-07-14 09:05:10", "2026-07-14 11:35:10", 2, 1),  # the target is called one second after the caller
        ("2026-07-14 09:05:10", "2026-07-14 11:35:11", 2, 2),
        ("2026-07-14 09:05:11", "2026-07-14 11:35:09", 0, 1),
        ("2026-07-14 09:05:10", "2026-07-14 09:05:10", 1, 0),
        ("2026-07-14 09:00:00", "2026-07-14 09:59:59", 1, 1),
        ("2026-07-14 10:00:00", "2026-07-14 10:59:59", 0, 0),
        ("2026-07-14 08:59:59", "2026-07-14 12:00:00", 2, 2),
        ("2026-07-14 00:00:00", "2026-07-16 23:59:59", 3, 3),
    ):
        result = await rpc("analytics/calls.summary", start, end)
        assert (result["IN"]["count"], result["OUT"]["count"]) == (inbound, outbound), (start, end)
        history = await rpc("analytics/calls.history", start, end)
        counts = tuple(sum(day["count"] for day in history[side]) for side in ("IN", "OUT"))
        assert counts == (inbound, outbound), (start, end)


async def test_a_period_without_calls_is_all_zeros(rpc: Rpc) -> None:
    result = await rpc("analytics/calls.summary", *EVER)
    assert result["IN"] == {
        "aloc": 0, "count": 0, "credit": "0.0000", "debit": "0.0000", "duration": 0, "unique_callers": 0,
    }  # fmt: skip
    assert await rpc("analytics/calls.history", *EVER) == {"IN": [], "OUT": []}
