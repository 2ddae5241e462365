"""How many segments a text takes, by 3GPP TS 23.038 (alphabets) and 23.040 section 9.2.3.24.1 (concatenation)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrail.model.message import Encoding, encoding_of, parts_of

# TS 23.038 section 6.2.1, table by table: rows are the low four bits, 0x1B (escape) left out.
ROWS = (
    "@Δ 0¡P¿p", "£_!1AQaq", '$Φ"2BRbr', "¥Γ#3CScs", "èΛ¤4DTdt", "éΩ%5EUeu", "ùΠ&6FVfv", "ìΨ'7GWgw", "òΣ(8HXhx",
    "ÇΘ)9IYiy", "\nΞ*:JZjz", "Ø+;KÄkä", "øÆ,<LÖlö", "\ræ-=MÑmñ", "Åß.>NÜnü", "åÉ/?O§oà",
)  # fmt: skip
BASIC = "".join(ROWS)
EXTENDED = "\f^{}\\[~]|€"


def septets(text: str) -> int:
    return sum(2 if character in EXTENDED else 1 for character in text)


def units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


def test_the_default_alphabet_is_the_standards() -> None:
    assert len(set(BASIC)) == 127
    assert encoding_of(BASIC + EXTENDED) is Encoding.GSM
    rest = [chr(code) for code in range(0x3000) if chr(code) not in BASIC + EXTENDED]
    assert all(encoding_of(character) is Encoding.UNICODE for character in rest)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("", [0]),
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("a" * 306, [153, 153]),
        ("a" * 307, [153, 153, 1]),
        ("€" * 80, [80]),
        ("€" * 81, [76, 5]),
        ("a" * 159 + "€", [153, 7]),
        ("a" * 152 + "€" + "a" * 10, [152, 11]),
        ("ж" * 70, [70]),
        ("ж" * 71, [67, 4]),
        ("ж" * 134, [67, 67]),
        ("ж" * 135, [67, 67, 1]),
        ("😀" * 35, [35]),
        ("😀" * 36, [33, 3]),
        ("a" * 69 + "ж", [70]),
        ("a" * 70 + "ж", [67, 4]),
    ],
)
def test_segments_of(text: str, lengths: list[int]) -> None:
    assert [len(part) for part in parts_of(text)] == lengths


@given(st.text(st.one_of(st.sampled_from(BASIC + EXTENDED), st.characters(exclude_categories=["Cs"])), max_size=400))
def test_parts_joined_are_the_text_and_each_fits_and_none_could_take_the_next_character(text: str) -> None:
    parts = parts_of(text)
    gsm = encoding_of(text) is Encoding.GSM
    size, room = (septets, 160 if len(parts) == 1 else 153) if gsm else (units, 70 if len(parts) == 1 else 67)
    assert "".join(parts) == text
    assert all(size(part) <= room for part in parts)
    for part, following in pairwise(parts):
        assert size(part + following[0]) > room


@given(st.text(st.sampled_from(BASIC + EXTENDED), max_size=400))
def test_one_character_outside_the_alphabet_makes_the_whole_text_unicode(text: str) -> None:
    assert encoding_of(text) is Encoding.GSM
    assert encoding_of(text + "ж") is Encoding.UNICODE
    assert len(parts_of(text + "ж")) >= len(parts_of(text))
