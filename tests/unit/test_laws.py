"""The tables that are the law: lifecycle, causes, counters of seconds, rollups, identifiers."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Call, Leg, LegRole, billed_seconds, whole_seconds
from ringtrail.model.cause import CAUSE_OF_DISPOSITION, Disposition, cause_of_sip, disposition_of_leg
from ringtrail.model.ids import CallIds, call_id_of_sid, call_sid, new_hash, new_sid
from ringtrail.model.lifecycle import (
    STAGE_OF_STATE,
    TRANSITIONS,
    Happening,
    LifecycleError,
    Stage,
    State,
    disposition_at_end,
    next_state,
)
from ringtrail.model.rollup import contribution, merge

START = datetime(2026, 7, 14, 9, 59, 59, 400_000, tzinfo=UTC)
happenings = st.lists(st.sampled_from(list(Happening)), max_size=12)


@given(happenings)
def test_a_call_never_leaves_its_end_and_every_state_but_the_end_has_a_stage(steps: list[Happening]) -> None:
    state = State.OFFERED
    for step in steps:
        if (state, step) not in TRANSITIONS:
            with pytest.raises(LifecycleError):
                next_state(state, step)
            continue
        state = next_state(state, step)
        assert state is State.ENDED or state in STAGE_OF_STATE
    assert state is not State.ENDED or not any((state, step) in TRANSITIONS for step in Happening)


def test_every_state_can_be_reached_and_can_end() -> None:
    reached = {State.OFFERED}
    for _ in State:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(State)
    assert all((state, Happening.HUNG_UP) in TRANSITIONS for state in State if state is not State.ENDED)


@given(
    st.sampled_from([state for state in State if state is not State.ENDED]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.sampled_from(list(Disposition))),
)
def test_every_end_has_a_disposition_and_only_a_bridge_is_an_answer(
    state: State, by_caller: bool, message: bool, failed: bool, last: Disposition | None
) -> None:
    found = disposition_at_end(state, by_caller=by_caller, message_left=message, last_target=last, failed=failed)
    assert found is not Disposition.IN_PROGRESS or last is Disposition.IN_PROGRESS
    assert (found is Disposition.ANSWERED) == (state is State.BRIDGED or (found is last is Disposition.ANSWERED))


@given(st.integers(300, 699))
def test_every_final_status_has_a_cause_and_a_disposition(status: int) -> None:
    cause = cause_of_sip(status)
    assert 1 <= cause <= 127
    assert disposition_of_leg(cause=cause, sip_status=status, timed_out=False) in CAUSE_OF_DISPOSITION


@given(st.one_of(st.none(), st.integers(0, 255)))
def test_every_cause_has_a_disposition_and_a_ring_timeout_is_no_answer(cause: int | None) -> None:
    assert disposition_of_leg(cause=cause, sip_status=None, timed_out=False) in CAUSE_OF_DISPOSITION
    assert disposition_of_leg(cause=cause, sip_status=486, timed_out=True) is Disposition.NO_ANSWER


@given(st.integers(0, 100_000), st.integers(1, 3600))
def test_billing_rounds_up_to_the_increment_and_no_further(talk_s: int, increment_s: int) -> None:
    billed = billed_seconds(talk_s, increment_s)
    assert billed % increment_s == 0
    assert 0 <= billed - talk_s < increment_s


@given(st.integers(0, 10**9))
def test_seconds_shown_are_within_one_of_the_difference_of_instants_cut_to_seconds(milliseconds: int) -> None:
    end = START + timedelta(milliseconds=milliseconds)
    shown = int(end.timestamp()) - int(START.timestamp())
    assert abs(whole_seconds(START, end) - shown) <= 1
    assert whole_seconds(end, START) == 0 if milliseconds > 500 else True


@pytest.mark.parametrize(
    ("disposition", "stage", "answered", "seconds"),
    [
        (Disposition.ANSWERED, Stage.BRIDGED, True, 10),
        (Disposition.VOICEMAIL, Stage.VOICEMAIL, False, 30),
        (Disposition.IVR, Stage.MESSAGE, False, 30),
        (Disposition.ABANDONED, Stage.MESSAGE, False, 30),
        (Disposition.ABANDONED, Stage.IVR, False, 30),
        (Disposition.ABANDONED, Stage.RINGING, False, 0),
        (Disposition.NO_ANSWER, Stage.VOICEMAIL, False, 0),
        (Disposition.BUSY, Stage.RINGING, False, 0),
    ],
)
def test_the_duration_that_is_shown_is_talk_but_platform_time_where_only_the_platform_spoke(
    disposition: Disposition, stage: Stage, answered: bool, seconds: int
) -> None:
    ended = START + timedelta(seconds=30)
    call = replace(
        example(0, 0, None, disposition), stage=stage, ended_at=ended, answered_at=ended - timedelta(seconds=10) if answered else None
    )  # fmt: skip
    caller = replace(call.legs[0], answered_at=START, ended_at=ended)
    assert call.with_leg(caller).handled_s == seconds


def example(offset_s: int, talk_s: int | None, source: str | None, disposition: Disposition) -> Call:
    start = START + timedelta(seconds=offset_s)
    answered = None if talk_s is None else start + timedelta(seconds=5)
    ended = start + timedelta(seconds=5 + (talk_s or 0))
    legs = (
        Leg(id=1, engine_leg_id="a", role=LegRole.CALLER, position=0, number_e164=None, started_at=start,
            answered_at=answered, ended_at=ended),
        Leg(id=2, engine_leg_id="b", role=LegRole.TARGET, position=1, number_e164="+331", started_at=start,
            answered_at=answered, ended_at=ended),
    )  # fmt: skip
    return Call(
        id=1, account_id=1, property_id=1, node="n", started_at=start, state=State.ENDED,
        stage=STAGE_OF_STATE[State.BRIDGED], tracking_number_e164="+33", did_hash="D", app_hash=None,
        caller_number_e164=None, caller_withheld=True, caller_name=None, caller_country=None, caller_line_type=None,
        caller_region=None, attribution=StaticAttribution(source=source), legs=legs, answered_at=answered,
        ended_at=ended, disposition=disposition,
    )  # fmt: skip


calls = st.builds(
    example,
    st.integers(0, 100_000),
    st.one_of(st.none(), st.integers(0, 5000)),
    st.sampled_from([None, "ads", "print"]),
    st.sampled_from([Disposition.ANSWERED, Disposition.BUSY]),
)


@given(st.lists(calls, max_size=20))
@settings(max_examples=50)
def test_rollups_count_every_ended_call_once_in_every_dimension(several: list[Call]) -> None:
    merged = merge(row for call in several for row in contribution(call))
    for dimension in ("account", "property", "did", "app", "source", "disposition", "outbound"):
        rows = [sums for key, sums in merged.items() if key.dimension == dimension]
        assert sum(row.calls for row in rows) == len(several)
        assert sum(row.talk_s for row in rows) == sum(call.talk_s for call in several)


@given(st.lists(calls, max_size=10))
@settings(max_examples=50)
def test_taking_a_contribution_away_again_leaves_nothing(several: list[Call]) -> None:
    rows = [row for call in several for row in contribution(call)]
    left = merge([*rows, *((key, -sums) for key, sums in rows)])
    assert all(not any(sums) for sums in left.values())


def test_a_live_call_contributes_nothing() -> None:
    live = replace(example(0, 10, None, Disposition.ANSWERED), ended_at=None)
    assert list(contribution(live)) == []


@given(st.integers(0, 30), st.lists(st.integers(1_770_000_000_000, 1_770_000_000_300), min_size=1, max_size=300))
def test_call_ids_increase_whatever_the_clock_does_and_fit_a_double(node: int, clock_ms: list[int]) -> None:
    ids = CallIds(node)
    handed_out = [ids.next(now) for now in clock_ms]
    assert all(a < b for a, b in itertools.pairwise(handed_out))
    assert max(handed_out) < 2**53


def test_ids_of_two_nodes_never_meet() -> None:
    a, b = CallIds(1), CallIds(2)
    now = 1_790_000_000_000
    assert not {a.next(now) for _ in range(500)} & {b.next(now) for _ in range(500)}


@given(st.integers(0, 2**53 - 1))
def test_a_call_sid_is_32_characters_and_leads_back_to_the_call(call_id: int) -> None:
    sid = call_sid(call_id)
    assert len(sid) == 32
    assert call_id_of_sid(sid) == call_id_of_sid(sid.lower()) == call_id


@given(st.text(max_size=40))
def test_what_is_not_a_sid_of_ours_is_refused(text: str) -> None:
    assert call_id_of_sid(text) is None


def test_hashes_and_sids_have_their_shapes() -> None:
    assert len({new_hash() for _ in range(1000)}) == 1000
    assert all(len(new_hash()) == 8 and new_hash().isalnum() for _ in range(10))
    assert len(new_sid()) == 32
