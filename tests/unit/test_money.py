"""What things cost, and how rates are read."""

from __future__ import annotations

from datetime import date

import pytest

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.money import Rate, RateKind, Tariff, remaining_days
from ringtrail.services.money import micro_of, rates_of, units

OUT = RateKind.CALL_OUT


@pytest.mark.parametrize(
    ("price", "setup", "increment_s", "least_s", "seconds", "micro"),
    [
        (60_000, 0, 1, 0, 0, 0),
        (60_000, 0, 1, 0, 1, 1_000),
        (60_000, 0, 1, 0, 59, 59_000),
        (60_000, 0, 60, 0, 1, 60_000),
        (60_000, 0, 60, 0, 61, 120_000),
        (60_000, 0, 30, 60, 10, 60_000),
        (60_000, 0, 30, 60, 61, 90_000),
        (60_000, 5_000, 1, 0, 30, 35_000),
        (60_000, 5_000, 1, 0, 0, 5_000),
        (1, 0, 1, 0, 1, 1),  # a begun micro
        (0, 0, 1, 0, 3_600, 0),
    ],
)
def test_an_answered_leg_is_charged_by_begun_steps(
    price: int, setup: int, increment_s: int, least_s: int, seconds: int, micro: int
) -> None:
    rate = Rate(kind=OUT, prefix="+", price_micro=price, setup_micro=setup, increment_s=increment_s, least_s=least_s)
    assert rate.of_seconds(seconds) == micro


def test_the_longest_prefix_wins() -> None:
    tariff = Tariff(Rate(kind=OUT, prefix=prefix, price_micro=len(prefix)) for prefix in ("+33", "+336", "+33601", ""))
    assert [rate.prefix for number in ("+33601000000", "+33612345678", "+33140000000", "+4420")
            if (rate := tariff.rate(OUT, number))] == ["+33601", "+336", "+33", ""]  # fmt: skip
    assert tariff.rate(RateKind.CALL_IN, "+33601000000") is None


@pytest.mark.parametrize(
    ("bought_on", "days", "micro"),
    [(date(2026, 7, 1), 31, 3_100_000), (date(2026, 7, 31), 1, 100_000), (date(2028, 2, 29), 1, 106_897)],
)
def test_the_first_month_of_a_number_is_paid_for_its_remaining_days(bought_on: date, days: int, micro: int) -> None:
    rate = Rate(kind=RateKind.NUMBER, prefix="FR", price_micro=3_100_000)
    assert (remaining_days(bought_on), rate.of_first_month(bought_on)) == (days, micro)


@pytest.mark.parametrize(("text", "micro"), [("0", 0), ("12.5", 12_500_000), ("0.000001", 1), ("-3", -3_000_000)])
def test_amounts_are_read_as_people_write_them(text: str, micro: int) -> None:
    assert micro_of(text) == micro


@pytest.mark.parametrize(
    ("micro", "text"),
    [
        (0, "0.00"),
        (12_500_000, "12.50"),
        (1, "0.000001"),
        (-24_000, "-0.024"),
        (-3_000_000, "-3.00"),
        (10**15, "1000000000.00"),
    ],
)
def test_amounts_are_written_as_people_read_them(micro: int, text: str) -> None:
    assert units(micro) == text
    assert micro_of(text) == micro


@pytest.mark.parametrize("text", ["", "x", "1,5", "0.0000001", "NaN", "Infinity", "1e99"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller words it
        micro_of(text)


def test_a_file_of_rates_is_read_whole() -> None:
    text = "kind,prefix,price,setup,increment_s,least_s,label\ncall_out,+33,0.012,,60,,France\nnumber,FR,1.5,2,,,\n"
    assert rates_of(text.splitlines()) == [
        Rate(kind=OUT, prefix="+33", price_micro=12_000, increment_s=60, label="France"),
        Rate(kind=RateKind.NUMBER, prefix="FR", price_micro=1_500_000, setup_micro=2_000_000),
    ]


@pytest.mark.parametrize(
    ("lines", "field", "words"),
    [
        (["prefix,price"], "head", "kind"),
        (["kind,prefix,price", "call,+33,1"], "kind", "line 2"),
        (["kind,prefix,price", "call_out,+33,x"], "price", "line 2"),
        (["kind,prefix,price", "call_out,33,1"], "prefix", "'33' is not"),
        (["kind,prefix,price,label", "call_out,+33,1,a\0b"], "label", "line 2"),
        (["kind,prefix,price", "call_out,+33,-1"], "price", "below zero"),
        (["kind,prefix,price", "call_out,+33,1", "call_out,+33,2"], "prefix", "line 3"),
        (["kind,prefix,price,increment_s", "call_out,+33,1,0"], "increment_s", "from 1"),
    ],
)
def test_a_bad_file_of_rates_is_refused_with_its_line(lines: list[str], field: str, words: str) -> None:
    with pytest.raises(DomainError) as refused:
        rates_of(lines)
    assert (refused.value.code, refused.value.field) == (ErrorCode.BAD_FORMAT, field)
    assert words in (refused.value.detail or "")
