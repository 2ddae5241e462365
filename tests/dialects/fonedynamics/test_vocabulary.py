"""The tables and grammars, without a server."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ringtrail.dialects.fonedynamics.requests import parse_list
from ringtrail.dialects.fonedynamics.sync import Position, Walk, decode, encode
from ringtrail.dialects.fonedynamics.vocabulary import (
    OUTCOMES,
    disposition,
    parse_key_paths,
    parse_number,
    parse_unix,
    unix_text,
)
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError
from ringtrail.model.lifecycle import Stage

ENDS = [(ending, stage) for ending in Disposition if ending is not Disposition.IN_PROGRESS for stage in Stage]


def test_the_filter_is_the_exact_inverse_of_what_is_shown() -> None:
    assert set(OUTCOMES) == {"Answered", "IVR", "Busy", "NoAnswer", "Failed"}
    assert {(end, stage): word for word, ends in OUTCOMES.items() for end, stage in ends} == {
        (str(end), str(stage)): disposition(end, stage) for end, stage in ENDS
    }
    assert sum(len(ends) for ends in OUTCOMES.values()) == len(ENDS)


keys = st.text("0123456789*#ABCD", min_size=1, max_size=3)
paths = st.lists(keys, min_size=1, max_size=4).map(",".join)


@given(st.lists(paths, max_size=5), st.sampled_from([";", "; ", ";;"]))
def test_prompt_keys_are_the_paths_between_semicolons(expected: list[str], separator: str) -> None:
    assert parse_key_paths("Prompts_keys", separator.join(expected)) == tuple(expected)


@given(st.integers(0, 253_402_300_799))
def test_unix_seconds_read_back_as_they_were_written(seconds: int) -> None:
    instant = parse_unix("Date_From", str(seconds))
    assert unix_text(instant) == str(seconds)
    assert unix_text(instant.replace(microsecond=999_999)) == str(seconds)


@given(st.from_regex(r"[0-9]{1,20}", fullmatch=True))
def test_a_number_is_the_same_with_without_and_with_a_lost_plus(digits: str) -> None:
    assert {parse_number("To", spelling) for spelling in (digits, "+" + digits, " " + digits)} == {"+" + digits}


NAMES = [
    "Date_From",
    "Date_To",
    "Disposition",
    "To",
    "Endpoint",
    "Prompts_keys",
    "Unique",
    "Results_Count",
    "Results_Skip",
]


@given(st.sampled_from(NAMES), st.text(max_size=30))
def test_any_text_in_any_parameter_is_understood_or_refused_by_name(name: str, text: str) -> None:
    refused: str | None = name
    try:
        parse_list({name.swapcase(): [text]}, account_id=1, property_id=None)
    except DomainError as error:
        refused = error.field
    assert refused == name


instants = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC))
walks = st.builds(Walk, started_at=instants, call_id=st.integers(0, 2**53), to_at=st.none() | instants)


@given(st.builds(Position, change=st.integers(0, 2**63), walk=st.none() | walks), st.integers(1, 2**63))
def test_a_token_is_its_position_and_needs_no_escaping(position: Position, account_id: int) -> None:
    token = encode(position, account_id)
    assert decode(token, account_id, newest=position.change) == position
    assert all(letter.isalnum() or letter in "-_" for letter in token)
