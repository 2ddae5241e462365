"""JSON as JavaScript writes it: checked against the specification's words, and against Node itself."""

from __future__ import annotations

import random
import struct
from collections import OrderedDict
from typing import Any

import pytest

from ringtrail.dialects.callr.js_json import encode
from tests.dialects.callr.node import Signed, needs_node, verdicts

FORMS: list[tuple[Any, str]] = [
    (None, "null"), (True, "true"), (False, "false"), ("", '""'), ([], "[]"), ({}, "{}"),
    ("a/b </script>", '"a/b </script>"'),
    ('"\\', '"\\"\\\\"'),
    ("\b\f\n\r\t\x00\x1f\x7f", '"\\b\\f\\n\\r\\t\\u0000\\u001f\x7f"'),
    ("é 😀 \u2028\u2029", '"é 😀 \u2028\u2029"'),
    (0, "0"), (-0.0, "0"), (1.0, "1"), (-1.5, "-1.5"), (0.1, "0.1"), (100, "100"), (1e2, "100"),
    (1e20, "100000000000000000000"), (1e21, "1e+21"), (-1.25e22, "-1.25e+22"), (1e-6, "0.000001"), (1e-7, "1e-7"),
    (1.5e-7, "1.5e-7"), (5e-324, "5e-324"), (2**53, "9007199254740992"), (2**53 + 1, "9007199254740992"),
    (2**63, "9223372036854776000"), (10**400, "null"), (float("nan"), "null"), (float("inf"), "null"),
    ([1, [2, {"b": 1, "a": 2}]], '[1,[2,{"b":1,"a":2}]]'),
    ({"b": 1, "10": 2, "9": 3, "01": 4, "": 5, "-1": 6}, '{"9":3,"10":2,"b":1,"01":4,"":5,"-1":6}'),
    ({"4294967295": 1, "4294967294": 2}, '{"4294967294":2,"4294967295":1}'),
    (OrderedDict(z=1, y=(1, 2)), '{"z":1,"y":[1,2]}'),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), FORMS)
def test_a_value_is_written_as_javascript_writes_it(value: Any, text: str) -> None:
    assert encode(value).decode() == text


def test_half_a_surrogate_pair_is_escaped_so_that_the_body_is_sound_utf8() -> None:
    assert encode(["a\ud83d", "\udc00"]) == b'["a\\ud83d","\\udc00"]'
    assert encode("\ud83d" + "\ude00") == '"😀"'.encode()


def test_what_json_lacks_is_an_error() -> None:
    with pytest.raises(TypeError, match="bytes"):
        encode({"a": b"b"})


def _anything(chance: random.Random, depth: int = 0) -> Any:
    match chance.randrange(8 if depth < 4 else 6):
        case 0:
            return struct.unpack("d", chance.randbytes(8))[0]
        case 1:
            return chance.getrandbits(chance.randint(1, 90)) * chance.choice((1, -1))
        case 2:
            return chance.random() * 10.0 ** chance.randint(-12, 24)
        case 3 | 4:
            return "".join(chr(chance.choice((chance.randrange(0x3000), chance.randrange(0x110000)))) for _ in range(9))
        case 5:
            return chance.choice((None, True, False))
        case 6:
            return [_anything(chance, depth + 1) for _ in range(chance.randrange(6))]
        case _:
            return {_key(chance): _anything(chance, depth + 1) for _ in range(chance.randrange(6))}


def _key(chance: random.Random) -> str:
    return chance.choice(
        (str(chance.getrandbits(chance.randint(1, 40))), "a\u2028" * chance.randrange(3), "Ω", "__proto__")
    )


@needs_node
async def test_node_writes_the_same_bytes_again_whatever_they_hold() -> None:
    chance = random.Random(4)
    bodies = [encode(_anything(chance)) for _ in range(5_000)]
    again = await verdicts([Signed(body=body, signature="", secret="s", algorithm="MD5") for body in bodies])
    assert [verdict.text for verdict in again] == bodies
