"""What an event is called outside: `webhook-id`, `id` in the body, and the cursor of the pull twin.

`evt_` and the event's number in 13 digits of Crockford's base 32, most significant first: as text, a later event of an account
is greater. Clients need not know that; it spares them a second cursor.
"""

from __future__ import annotations

import re

PREFIX = "evt_"
PATTERN = r"^evt_0[0-7][0-9a-hjkmnp-tv-z]{11}$"
"""Below 2**58, which is less than PostgreSQL's bigint holds."""
EXAMPLE = "evt_00000000002v5"

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_WIDTH = 13
_VALUE = {digit: value for value, digit in enumerate(_DIGITS)}


def event_text(number: int) -> str:
    digits = [_DIGITS[number >> 5 * place & 31] for place in reversed(range(_WIDTH))]
    return PREFIX + "".join(digits)


def read_event(text: str) -> int | None:
    """The event's number, or None if the text is not an event id of ours."""
    if not re.fullmatch(PATTERN[1:-1], text):
        return None
    number = 0
    for digit in text[len(PREFIX) :]:
        number = number << 5 | _VALUE[digit]
    return number
