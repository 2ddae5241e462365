"""Identifiers. Three shapes, one place.

- call and leg ids: 53-bit integers that increase with time (42 bits of milliseconds since 2020, 5 of node, 6 of count),
  so that a JavaScript consumer's double holds them exactly and a restart needs no database to go on;
- hashes: 8 characters A-Z 0-9 (CALLR's `hash` format);
- sids: 32 characters A-Z 0-9 (Fone Dynamics). A call's sid is computed from its id and back, so it needs no column.
"""

from __future__ import annotations

import base64
import re
import secrets
import string
import time

_EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z
_HASH_ALPHABET = string.ascii_uppercase + string.digits
MAX_NODE = 30
_ENTERED = 31


class CallIds:
    """Hands out increasing ids for one node (0..30). Not thread-safe: one event loop owns it."""

    def __init__(self, node: int) -> None:
        if not 0 <= node <= MAX_NODE:
            raise ValueError(f"node must be 0..{MAX_NODE}, not {node}")
        self._node = node
        self._last = -1

    def next(self, now_ms: int | None = None) -> int:
        """The next id. now_ms: Unix milliseconds, for tests. Borrows from the future past 64 ids a millisecond."""
        ms = (int(time.time() * 1000) if now_ms is None else now_ms) - _EPOCH_MS
        slot = max(ms << 6, self._last + 1)
        self._last = slot
        return (slot >> 6) << 11 | self._node << 6 | (slot & 63)


def entered_call_id(now_ms: int, creation_seq: int) -> int:
    """The id of a call that an API client enters: the node that no controller has, counted by the account's own counter."""
    return (now_ms - _EPOCH_MS) << 11 | _ENTERED << 6 | (creation_seq & 63)


def new_hash() -> str:
    """8 random characters A-Z 0-9."""
    return "".join(secrets.choice(_HASH_ALPHABET) for _ in range(8))


def new_sid() -> str:
    """32 random characters A-Z 2-7."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd, so that multiplying by it can be undone
_GATHER = pow(_SPREAD, -1, 2**128)
_128_BITS = 2**128 - 1
_SID = re.compile(r"[0-9A-Fa-f]{32}")


def call_sid(call_id: int) -> str:
    """The 32-character sid of a call: its id spread over 128 bits, in hexadecimal.

    Not a secret, only proof against typing errors: whoever may see a call is asked for its account. Cheap, because a page
    has thousands of them.
    """
    return (call_id * _SPREAD & _128_BITS).to_bytes(16, "big").hex().upper()


def call_id_of_sid(sid: str) -> int | None:
    """The call id in a sid, or None if it is not a sid of ours. Letter case is ignored."""
    if not _SID.fullmatch(sid):
        return None
    call_id = int(sid, 16) * _GATHER & _128_BITS
    return call_id if call_id < 2**53 else None


def number_of_hash(hash_: str) -> int:
    """A hash as a number below 2**42: for what orders things by a number, whatever they are."""
    return int(hash_, 36)


def hash_of_number(number: int) -> str:
    """The hash that `number_of_hash` made a number of."""
    letters = ""
    for _ in range(8):
        number, digit = divmod(number, 36)
        letters = (string.digits + string.ascii_uppercase)[digit] + letters
    return letters


def number_of_job(job_id: str) -> int:
    """Likewise of a job's id, by its first eight characters."""
    return int(job_id[:8], 36)
