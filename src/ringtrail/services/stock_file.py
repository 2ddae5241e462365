"""A file of numbers for sale, as made from a carrier's order: CSV with the head COLUMNS in any order. Only `number` must be
there; what is left out or empty is what the number plan says, or as usual."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

import phonenumbers

from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import NUMBER_CLASSES, NUMBER_TYPES, AreaCode, StockNumber
from ringtrail.services.money import micro_of
from ringtrail.services.numbers import did_type, facts_of, is_e164

COLUMNS = (
    "number", "country", "type", "class", "area_prefix", "area_label", "month", "setup", "contract_months", "capabilities",
)  # fmt: skip
"""number: E.164. area_prefix: digits after the '+', the number's first. month, setup: in currency units, '1.50'; empty: as the
buyer's tariff has it. capabilities: words with spaces between."""
CAPABILITIES = ("voice", "sms", "mms")
LONGEST_CONTRACT_MONTHS = 120

Item = tuple[StockNumber, AreaCode]


def items_of(lines: Iterable[str]) -> list[Item]:
    """All numbers of a file. DomainError BAD_FORMAT that names line and column, for all of it or nothing."""
    reader = csv.DictReader(lines)
    head = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = head
    if "number" not in head:
        raise DomainError(ErrorCode.BAD_FORMAT, "head", "the file has no column number")
    if unknown := sorted(set(head) - set(COLUMNS)):
        raise DomainError(ErrorCode.BAD_FORMAT, "head", f"no column is called {', '.join(unknown)}")
    items: dict[str, Item] = {}
    labels: dict[AreaCode, str] = {}
    for cells in reader:
        row = _Row(cells, reader.line_num)
        number, area = _item(row)
        if number.number_e164 in items:
            raise row.wrong("number", f"{number.number_e164} is there twice")
        items[number.number_e164] = number, area
        if (given := row.get("area_label")) and labels.setdefault(_nameless(area), given) != given:
            raise row.wrong("area_label", f"{area.intl_prefix} is called {labels[_nameless(area)]!r} above")
    return [_labelled(number, area, labels) for number, area in items.values()]


def _nameless(area: AreaCode) -> AreaCode:
    return replace(area, label="")


def _labelled(number: StockNumber, area: AreaCode, labels: dict[AreaCode, str]) -> Item:
    """An area has one name: the one that is given, or else what its first number's place is called."""
    return number, replace(area, label=labels.setdefault(_nameless(area), area.label))


def item_of(number_e164: str, *, capabilities: tuple[str, ...] = ("voice",)) -> Item:
    """A number as its plan has it."""
    facts = facts_of(number_e164)
    number = StockNumber(
        number_e164=number_e164, country=facts.country or "", line_type=did_type(facts.line_type), region=facts.region,
        capabilities=capabilities,
    )  # fmt: skip
    return number, _area_of(number)


def _area_of(number: StockNumber) -> AreaCode:
    """The geographical area, or the range of mobile or other numbers: '+33612...' belongs to 336, 06."""
    parsed = phonenumbers.parse(number.number_e164)
    digits = phonenumbers.length_of_geographical_area_code(parsed) or phonenumbers.length_of_national_destination_code(
        parsed
    )
    national = phonenumbers.national_significant_number(parsed)[:digits]
    return AreaCode(
        country=number.country, line_type=number.line_type, intl_prefix=f"{parsed.country_code}{national}",
        local_prefix=_trunk_prefix(parsed) + national, label=number.region or _country_name(number.country),
    )  # fmt: skip


def _trunk_prefix(parsed: phonenumbers.PhoneNumber) -> str:
    """What stands before the national number where people write it: 0 in France, nothing in the United States."""
    written = re.sub(r"\D", "", phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL))
    return written.removesuffix(phonenumbers.national_significant_number(parsed))


@lru_cache
def _country_name(country: str) -> str:
    from babel import Locale

    return str(Locale("en").territories.get(country, country))


class _Row:
    def __init__(self, cells: Mapping[str | None, str | list[str] | None], line: int) -> None:
        if cells.get(None):
            raise _wrong(line, "head", "more cells than the head has columns")
        self._cells = cells
        self._line = line

    def get(self, column: str) -> str:
        cell = self._cells.get(column)
        return cell.strip() if isinstance(cell, str) else ""

    def word(self, column: str, words: Iterable[str], otherwise: str) -> str:
        found = self.get(column).upper() or otherwise
        if found not in words:
            raise self.wrong(column, f"one of {', '.join(words)}")
        return found

    def micro(self, column: str) -> int | None:
        if not self.get(column):
            return None
        try:
            amount = micro_of(self.get(column))
        except ValueError as exc:
            raise self.wrong(column, str(exc)) from None
        if amount < 0:
            raise self.wrong(column, "below zero")
        return amount

    def wrong(self, column: str, why: str) -> DomainError:
        return _wrong(self._line, column, why)


def _item(row: _Row) -> Item:
    number_e164 = row.get("number")
    if not is_e164(number_e164):
        raise row.wrong("number", f"{number_e164!r} is not '+' and digits (E.164)")
    plan, _ = item_of(number_e164)
    number = replace(
        plan, country=_country(row, plan.country), line_type=row.word("type", NUMBER_TYPES, plan.line_type),
        class_=row.word("class", NUMBER_CLASSES, "CLASSIC"), month_micro=row.micro("month"), setup_micro=row.micro("setup"), contract_months=_months(row),
        capabilities=_capabilities(row),
    )  # fmt: skip
    return number, _area(row, number)


def _country(row: _Row, planned: str) -> str:
    found = row.get("country").upper() or planned
    if found not in phonenumbers.SUPPORTED_REGIONS:
        raise row.wrong("country", "an ISO 3166-1 alpha-2 code")
    return found


def _area(row: _Row, number: StockNumber) -> AreaCode:
    area, prefix = _area_of(number), row.get("area_prefix").removeprefix("+")
    if prefix:
        parsed = phonenumbers.parse(number.number_e164)
        code = str(parsed.country_code)
        if not number.number_e164[1:].startswith(prefix) or not prefix.startswith(code):
            raise row.wrong("area_prefix", f"{prefix!r} is not how {number.number_e164} begins")
        local = _trunk_prefix(parsed) + prefix.removeprefix(code)
        area = replace(area, intl_prefix=prefix, local_prefix=local)
    return area


def _months(row: _Row) -> int:
    text = row.get("contract_months") or "1"
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LONGEST_CONTRACT_MONTHS):
        raise row.wrong("contract_months", f"a whole number from 1 to {LONGEST_CONTRACT_MONTHS}")
    return int(text)


def _capabilities(row: _Row) -> tuple[str, ...]:
    words = row.get("capabilities").lower().split() or ["voice"]
    if not set(words) <= set(CAPABILITIES):
        raise row.wrong("capabilities", f"of {', '.join(CAPABILITIES)}")
    return tuple(word for word in CAPABILITIES if word in words)


def _wrong(line: int, column: str, why: str) -> DomainError:
    return DomainError(ErrorCode.BAD_FORMAT, column, f"line {line}: {why}")
