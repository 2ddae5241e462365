"""Numbers as people write them, as networks send them, and what a plan says of them."""

from __future__ import annotations

import pytest

from ringtrail.services.numbers import NumberFacts, facts_of, masked, may_dial, national_format, to_e164


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("0612345678", "FR", "+33612345678"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("0033612345678", "FR", "+33612345678"),
        ("+33 6 12 34 56 78", "GB", "+33612345678"),
        ("33612345678", "FR", "+33612345678"),
        ("(646) 982-0800", "US", "+16469820800"),
        ("+33199001001", "FR", "+33199001001"),
        ("anonymous", "FR", None),
        ("", "FR", None),
        (None, "FR", None),
        ("12", "FR", None),
        ("+", "FR", None),
    ],
)
def test_a_number_is_read_as_e164_or_not_at_all(text: str | None, country: str, expected: str | None) -> None:
    assert to_e164(text, country) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+33612345678", NumberFacts(country="FR", line_type="MOBILE", region=None)),
        ("+33145670912", NumberFacts(country="FR", line_type="FIXED", region="Paris")),
        ("+33800000000", NumberFacts(country="FR", line_type="TOLLFREE", region=None)),
        ("+999123", NumberFacts()),
        (None, NumberFacts()),
    ],
)
def test_what_the_plan_says(number: str | None, expected: NumberFacts) -> None:
    assert facts_of(number) == expected


def test_masking_hides_the_last_four_digits_and_short_numbers_wholly() -> None:
    assert [masked("+33612345678"), masked("1234"), masked("12345")] == ["+3361234XXXX", "XXXX", "1XXXX"]


def test_nothing_may_be_dialled_until_it_is_allowed() -> None:
    assert not may_dial((), "+33612345678")
    assert may_dial(("+336",), "+33612345678")
    assert not may_dial(("+336",), "+33712345678")


def test_a_number_reads_as_its_country_writes_it() -> None:
    assert national_format("+33612345678") == "06 12 34 56 78"
    assert national_format("not a number") == "not a number"
