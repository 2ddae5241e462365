"""Service `hlr`: a mobile number's home network. FAILURE where it is not known, or where nobody is there to be asked.

[inferred]: the method's name and its parameter; a number that is none is PROPERTY_VALUE_ERROR; `mcc` and `mnc` of a failure
are null.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ringtrail.dialects.callr.parameters import Asking, bad_format, bad_value
from ringtrail.services.numbers import is_e164, to_e164


class HlrResponse(msgspec.Struct):
    mcc: str | None
    mnc: str | None
    state: str


async def number(asking: Asking, path: str, value: Any) -> str:
    """A phone number."""
    if not isinstance(value, str):
        raise bad_format(path)
    found = to_e164(value, asking.account.country)
    if found is None or not is_e164(found):
        raise bad_value(path)
    return found


async def get(asking: Asking, number_e164: str) -> HlrResponse:
    network = await asking.services.lookups.home_network(number_e164)
    if network is None:
        return HlrResponse(mcc=None, mnc=None, state="FAILURE")
    return HlrResponse(mcc=network.mcc, mnc=network.mnc, state="SUCCESS")
