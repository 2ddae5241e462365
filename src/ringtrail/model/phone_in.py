"""Recording a medium by phone: a number to call, a code to type, and what was said."""

from __future__ import annotations

from typing import NamedTuple

CODE_LENGTH = 8


class PhoneCode(NamedTuple):
    """What somebody needs who is to record a medium."""

    code: str  # CODE_LENGTH digits
    number_e164: str


class PhoneInNumber(NamedTuple):
    """A DID whose callers are asked for a code."""

    number_e164: str
    country: str  # ISO 3166-1 alpha-2
    account_sid: str  # whose calls they are


class PhoneRecording(NamedTuple):
    """What a caller said, not yet in its medium."""

    account_id: int
    media_id: int
    path: str  # relative to the recordings folder, without extension
