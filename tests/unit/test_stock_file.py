"""Files of numbers for sale: what is left out is what the number plan says; a wrong line is named, and nothing is taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import AreaCode, StockNumber
from ringtrail.services.number_costs import after_months
from ringtrail.services.stock_file import COLUMNS, items_of


def one(head: str, line: str) -> tuple[StockNumber, AreaCode]:
    (item,) = items_of([head, line])
    return item


def test_a_full_line_is_read_as_it_stands() -> None:
    line = "+33140000001,fr,verified,gold,3314,Paris centre,1.50,10,12,sms voice"
    assert one(",".join(COLUMNS), line) == (
        StockNumber(
            number_e164="+33140000001", country="FR", line_type="VERIFIED", region="Paris", class_="GOLD",
            month_micro=1_500_000, setup_micro=10_000_000, contract_months=12, capabilities=("voice", "sms"),
        ),
        AreaCode(country="FR", line_type="VERIFIED", intl_prefix="3314", local_prefix="014", label="Paris centre"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "country", "line_type", "intl", "local", "label"),
    [
        ("+33140000001", "FR", "GEOGRAPHIC", "331", "01", "Paris"),
        ("+33612345678", "FR", "MOBILE", "336", "06", "France"),
        ("+33800123456", "FR", "TOLLFREE", "33800", "0800", "France"),
        ("+442079460001", "GB", "GEOGRAPHIC", "4420", "020", "London"),
        ("+12125550123", "US", "GEOGRAPHIC", "1212", "212", "New York, NY"),
        ("+390612345678", "IT", "GEOGRAPHIC", "3906", "06", "Rome"),
    ],
)
def test_what_a_line_leaves_out_is_what_the_number_plan_says(
    number: str, country: str, line_type: str, intl: str, local: str, label: str
) -> None:
    found, area = one("number", number)
    assert (found.country, found.line_type, found.class_, found.month_micro) == (country, line_type, "CLASSIC", None)
    assert (area.intl_prefix, area.local_prefix, area.label) == (intl, local, label)


def test_an_area_has_one_name_the_one_that_is_given() -> None:
    lines = ["number,area_label", "+61290000001,", "+61249000001,East", "+61290000002,", "+61390000001,"]
    assert [area.label for _, area in items_of(lines)] == ["East", "East", "East", "Melbourne"]


@pytest.mark.parametrize(
    ("lines", "column", "words"),
    [
        ([], "head", "no column number"),
        (["country,type", "FR,MOBILE"], "head", "no column number"),
        (["number,price", "+33140000001,1"], "head", "price"),
        (["number", "33140000001"], "number", "line 2"),
        (["number", "+33140000001", "+33140000001"], "number", "line 3: +33140000001 is there twice"),
        (["number,country", "+33140000001,XX"], "country", "line 2"),
        (["number", "+88312345678"], "country", "line 2"),
        (["number,type", "+33140000001,LANDLINE"], "type", "one of GEOGRAPHIC"),
        (["number,class", "+33140000001,SILVER"], "class", "CLASSIC, GOLD"),
        (["number,area_prefix", "+33140000001,332"], "area_prefix", "'332' is not how"),
        (["number,area_prefix", "+33140000001,3"], "area_prefix", "line 2"),
        (["number,area_label", "+33140000001,A", "+33140000002,B"], "area_label", "line 3: 331 is called 'A' above"),
        (["number,month", "+33140000001,free"], "month", "line 2"),
        (["number,setup", "+33140000001,-1"], "setup", "below zero"),
        (["number,contract_months", "+33140000001,0"], "contract_months", "from 1 to 120"),
        (["number,contract_months", "+33140000001,1.5"], "contract_months", "from 1 to 120"),
        (["number,capabilities", "+33140000001,voice fax"], "capabilities", "of voice, sms, mms"),
        (["number", "+33140000001,FR"], "head", "line 2: more cells"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(lines: list[str], column: str, words: str) -> None:
    with pytest.raises(DomainError) as refused:
        items_of(lines)
    assert (refused.value.code, refused.value.field) == (ErrorCode.BAD_FORMAT, column)
    assert words in (refused.value.detail or "")


@pytest.mark.parametrize(
    ("day", "months", "ends"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)), ((2027, 12, 15), 1, (2028, 1, 15)), ((2028, 2, 29), 12, (2029, 2, 28)),
        ((2026, 5, 7), 0, (2026, 5, 7)),
    ],
)  # fmt: skip
def test_a_contract_ends_on_the_same_day_of_a_later_month(
    day: tuple[int, int, int], months: int, ends: tuple[int, int, int]
) -> None:
    assert after_months(datetime(*day, 13, 30, tzinfo=UTC), months) == datetime(*ends, 13, 30, tzinfo=UTC)
