"""JSON as JavaScript writes it: what we send is, byte for byte, `JSON.stringify(JSON.parse(what we send))`.

Receivers check the signature over the body as it came, or over what their parser made of it and wrote again; for both to
hold, nothing may change on the way through JavaScript. ECMA-262 sections 25.5.2 (no spaces; `/` and all Unicode as they
are, half surrogates escaped), 6.1.6.1.20 (the shortest form of a double) and 10.1.11.1 (keys that are array indices come
first, in ascending order).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_LARGEST_INDEX = 2**32 - 2
_EXACT = 2**53
_ESCAPED = "backslashreplace"
_FROM_EXPONENT, _TO_EXPONENT = 1e21, 1e-6


def encode(value: Any) -> bytes:
    """value: of dicts with text as keys, lists, text, numbers, booleans and None."""
    text = _text(value)
    try:
        return text.encode()
    except UnicodeEncodeError:  # halves of surrogate pairs: those that belong together are joined, the others escaped
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass").encode("utf-8", _ESCAPED)


def _text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return encode_basestring(value)
        case int() | float():
            return _number(value)
        case Mapping():
            return "{" + ",".join(f"{encode_basestring(key)}:{_text(item)}" for key, item in _ordered(value)) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            raise TypeError(f"JSON has no {type(value).__name__}")


def _ordered(items: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    indices = [key for key in items if _INDEX.fullmatch(key) and int(key) <= _LARGEST_INDEX]
    if not indices:
        return items.items()
    order = dict.fromkeys([*sorted(indices, key=int), *items])
    return ((key, items[key]) for key in order)


def _number(value: int | float) -> str:
    """The double that JavaScript reads. What it cannot hold is null there, too."""
    if isinstance(value, int) and -_EXACT <= value <= _EXACT:
        return str(value)
    try:
        double = float(value)
    except OverflowError:
        return "null"
    if not math.isfinite(double):
        return "null"
    if double == 0:
        return "0"  # also for -0
    shortest = Decimal(repr(double))
    if _TO_EXPONENT <= abs(double) < _FROM_EXPONENT:
        return _plain(shortest)
    sign, digits, exponent = shortest.normalize().as_tuple()
    assert isinstance(exponent, int)
    power = exponent + len(digits) - 1
    rest = "".join(map(str, digits[1:]))
    return f"{'-' * sign}{digits[0]}{'.' * bool(rest)}{rest}e{power:+d}"


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
