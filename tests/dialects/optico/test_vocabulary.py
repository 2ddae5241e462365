"""The outcome table, read both ways."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringtrail.dialects.optico.vocabulary import STATUS_OF_OUTCOME, TRIGGER_TYPE, outcomes_of, status_of
from ringtrail.model.call import Trigger
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage

PUBLISHED = {
    "SUCCESS", "ANOMALY", "BUSY", "NORESPONSE", "EXPIRED", "INTERRUPTED", "ERR_SVI_STOP", "NOTASSIGNED",
    "ERR_CALLER_MSG", "CALLER_PHONE_BLACKLISTED",
}  # fmt: skip
ended = st.sampled_from([item for item in Disposition if item is not Disposition.IN_PROGRESS])


def test_every_published_status_is_used_and_no_other() -> None:
    assert set(STATUS_OF_OUTCOME.values()) == PUBLISHED


def test_every_trigger_has_its_own_number_and_an_entered_or_a_dialled_call_is_a_normal_one() -> None:
    assert [TRIGGER_TYPE[trigger] for trigger in Trigger] == [1, 2, 3, 4, 1, 1]


@given(ended, st.sampled_from(Stage))
def test_filtering_by_a_calls_status_finds_the_call_and_filtering_by_another_does_not(
    disposition: Disposition, stage: Stage
) -> None:
    shown = status_of(disposition, stage)
    for word in PUBLISHED:
        outcomes = outcomes_of([word])
        matches = any((disposition, at) in outcomes for at in (stage, None))
        assert matches == (word == shown)


@given(st.lists(st.text()))
def test_words_that_are_no_status_have_no_outcomes(words: list[str]) -> None:
    assert outcomes_of([word for word in words if word not in PUBLISHED]) == ()
