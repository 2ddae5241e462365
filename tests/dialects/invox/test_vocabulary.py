"""Status labels, durations and numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrail.dialects.invox.vocabulary import STATUS_OF_DISPOSITION, national
from ringtrail.model.cause import Disposition
from ringtrail.services.numbers import to_e164

PUBLISHED = {
    "Answered", "No answer", "User busy", "Call Rejected", "Voice Mail", "Calling", "Unallocated (unassigned) number",
}  # fmt: skip


def test_every_disposition_has_a_published_label_and_every_label_is_used() -> None:
    assert set(STATUS_OF_DISPOSITION) == set(Disposition)
    assert set(STATUS_OF_DISPOSITION.values()) == PUBLISHED


@pytest.mark.parametrize(
    ("number", "country", "shown"),
    [
        ("+40712345678", "RO", "0712345678"),
        ("+40213123456", "RO", "0213123456"),
        ("+33612345678", "RO", "+33612345678"),
        ("+12015550123", "US", "2015550123"),
        ("+390612345678", "IT", "0612345678"),
        ("not a number", "RO", "not a number"),
    ],
)
def test_national_form_only_of_the_accounts_country(number: str, country: str, shown: str) -> None:
    assert national(number, country) == shown


@given(st.integers(min_value=1, max_value=10**15 - 1), st.sampled_from(["RO", "FR", "US", "IT"]))
def test_the_national_form_always_reads_back_as_the_same_number(digits: int, country: str) -> None:
    number = f"+{digits}"
    shown = national(number, country)
    assert shown == number or to_e164(shown, country) == number
