"""How much may be under way to whom."""

from __future__ import annotations

import pytest

from ringtrail.services import pacing
from ringtrail.services.pacing import FIRST, MOST, MOST_OF_ACCOUNT, MOST_TO_ENDPOINT, MOST_UNPROVEN, SLOW_S, Pacing

OURS, THEIRS = 1, 2


def begin(pacing: Pacing, endpoint: str, times: int = 1, *, account: int = OURS, failing: bool = False) -> None:
    for _ in range(times):
        pacing.began(account, endpoint, failing=failing)


def end(pacing: Pacing, endpoint: str, times: int = 1, *, account: int = OURS, good: bool = True, took_s: float = 0.1) -> None:  # fmt: skip
    for _ in range(times):
        pacing.ended(account, endpoint, good=good, took_s=took_s)


def tried(pacing: Pacing, endpoint: str, times: int, *, good: bool = True, took_s: float = 0.1) -> int:
    """The endpoint's room after so many attempts, one after the other."""
    for _ in range(times):
        begin(pacing, endpoint)
        end(pacing, endpoint, good=good, took_s=took_s)
    return pacing.room()[endpoint]


def test_a_window_grows_with_each_quick_success_up_to_its_limit() -> None:
    pacing = Pacing()
    assert [tried(pacing, "A", 1) for _ in range(3)] == [FIRST + 1, FIRST + 2, FIRST + 3]
    assert tried(pacing, "A", 1_000) == MOST_TO_ENDPOINT


def test_a_window_shrinks_with_each_slow_success_down_to_one() -> None:
    pacing = Pacing()
    tried(pacing, "A", 3)
    assert tried(pacing, "A", 1, took_s=SLOW_S + 0.1) == FIRST + 2
    assert tried(pacing, "A", 100, took_s=SLOW_S + 0.1) == 1


def test_one_failure_closes_the_window_to_one_and_success_opens_it_again() -> None:
    pacing = Pacing()
    assert tried(pacing, "A", 50) == FIRST + 50
    assert tried(pacing, "A", 1, good=False) == 1
    assert tried(pacing, "A", 2) == 3


def test_what_is_under_way_takes_room_of_its_endpoint_and_account() -> None:
    pacing = Pacing()
    begin(pacing, "A", 3)
    begin(pacing, "B", 2, account=THEIRS)
    assert pacing.room() == {"A": FIRST - 3, "B": FIRST - 2}
    assert pacing.account_room() == {OURS: MOST_OF_ACCOUNT - 3, THEIRS: MOST_OF_ACCOUNT - 2}
    assert (pacing.busy, pacing.free) == (5, MOST - 5)
    end(pacing, "A", 3)
    assert pacing.account_room() == {THEIRS: MOST_OF_ACCOUNT - 2}


def test_an_endpoint_that_the_database_says_fails_begins_with_one() -> None:
    pacing = Pacing()
    begin(pacing, "A", failing=True)
    assert pacing.room() == {"A": 0}


@pytest.mark.parametrize(("good", "took_s", "proven"), [(True, 0.1, ["A"]), (True, SLOW_S + 0.1, []), (False, 0.1, [])])
def test_an_endpoint_is_proven_while_it_answers_quickly_and_well(good: bool, took_s: float, proven: list[str]) -> None:
    pacing = Pacing()
    begin(pacing, "A")
    assert pacing.proven() == []
    end(pacing, "A", good=good, took_s=took_s)
    assert pacing.proven() == proven


def test_endpoints_that_are_not_proven_have_half_of_the_room() -> None:
    pacing = Pacing()
    assert pacing.unproven_room() == (MOST_UNPROVEN, {})
    for number in range(40):
        begin(pacing, f"DEAD{number}", 2)
    begin(pacing, "GOOD")
    end(pacing, "GOOD")
    begin(pacing, "GOOD", 30)
    assert pacing.unproven_room() == (MOST_UNPROVEN - 80, {OURS: MOST_OF_ACCOUNT // 2 - 80})
    for number in range(40, 400):
        begin(pacing, f"DEAD{number}", 2)
    assert pacing.unproven_room() == (0, {OURS: 0})


def test_idle_endpoints_are_forgotten_and_busy_ones_are_not() -> None:
    pacing = Pacing()
    begin(pacing, "A")
    tried(pacing, "B", 5)
    pacing.forget_idle()
    assert pacing.room() == {"A": FIRST - 1}


def test_a_worker_that_never_rests_remembers_so_many_endpoints_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "KNOWN", 100)
    busy = Pacing()
    begin(busy, "A")
    for number in range(1_000):
        tried(busy, f"B{number}", 1)
    assert len(busy.room()) <= 100
    assert "A" in busy.room()
