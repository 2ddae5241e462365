"""What makes calls, as clients write it: buttons, call-tracking numbers, the click-to-call action."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ringtrail.dialects.agendize.bodies import Identifier, PhoneNumber, Text, others, parse
from ringtrail.dialects.agendize.opening_hours import OpeningDay, checked
from ringtrail.model.errors import DomainError, ErrorCode

MAX_EXTRAS_BYTES = 16_384
MAX_DELAY_MINUTES = 10_080  # a week
_READ_ONLY = frozenset({"id", "owner", "trackingPhoneNumber"})

Name = Annotated[str, Meta(max_length=128)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Minutes = Annotated[int, Meta(ge=0, le=MAX_DELAY_MINUTES)]


class ButtonChange(msgspec.Struct, rename="camel", kw_only=True):
    """The body of PUT /calls/buttons/{id}. null and absent: as it was. Whatever else it has is kept with the button."""

    name: Name | None = None
    phone_number: PhoneNumber | None = None
    countries: Annotated[list[Country], Meta(max_length=300)] | None = None
    opening_hours: Annotated[list[OpeningDay], Meta(max_length=31)] | None = None
    opening_hours_enabled: bool | None = None
    max_duration: Annotated[int, Meta(ge=0, le=1_440)] | None = None


class NewButton(ButtonChange, kw_only=True):
    """The body of POST /calls/buttons."""

    name: Name
    phone_number: PhoneNumber


class CallTrackingChange(msgspec.Struct, rename="camel", kw_only=True):
    """The body of PUT /calls/calltrackings/{id}. null and absent: as it was. Whatever else it has is kept with the number."""

    name: Name | None = None
    phone_number: PhoneNumber | None = None
    support: Text | None = None


class NewCallTracking(CallTrackingChange, kw_only=True):
    """The body of POST /calls/calltrackings."""

    phone_number: PhoneNumber


class Phone(msgspec.Struct, rename="camel", kw_only=True):
    phone_number: PhoneNumber


class CallAction(msgspec.Struct, rename="camel", kw_only=True):
    """The body of POST /actions/call. The visitor is `called` in the vendor's table and `caller` in its sample: either."""

    button_id: Identifier
    called: Phone | None = None
    caller: Phone | None = None
    delay: Minutes | Annotated[str, Meta(pattern="^[0-9]{1,5}$")] = 0

    def visitor(self) -> str:
        """DomainError MISSING, or BAD_FORMAT where the two names mean two people."""
        if self.called is None and self.caller is None:
            raise DomainError(ErrorCode.MISSING, "called.phoneNumber")
        if self.called and self.caller and self.called.phone_number != self.caller.phone_number:
            raise DomainError(ErrorCode.BAD_FORMAT, "caller.phoneNumber", "another number than called.phoneNumber")
        number = self.called or self.caller
        assert number is not None
        return number.phone_number

    def wait(self) -> timedelta:
        return timedelta(minutes=int(self.delay))


def parse_button(body: dict[str, Any], *, new: bool) -> tuple[ButtonChange, dict[str, Any]]:
    """(what we know of, what is only kept)"""
    found = parse(body, NewButton if new else ButtonChange)
    checked(found.opening_hours or [])
    return found, others(body, ButtonChange, _READ_ONLY)


def parse_call_tracking(body: dict[str, Any], *, new: bool) -> tuple[CallTrackingChange, dict[str, Any]]:
    """(what we know of, what is only kept)"""
    return parse(body, NewCallTracking if new else CallTrackingChange), others(body, CallTrackingChange, _READ_ONLY)


def parse_action(body: dict[str, Any]) -> CallAction:
    return parse(body, CallAction)


def merged(known: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """What is kept, with what was sent now; a null takes a value away. DomainError OUT_OF_RANGE when that gets too much."""
    kept = {name: value for name, value in {**known, **sent}.items() if value is not None}
    if len(msgspec.json.encode(kept)) > MAX_EXTRAS_BYTES:
        raise DomainError(ErrorCode.OUT_OF_RANGE, detail=f"more than {MAX_EXTRAS_BYTES} bytes of fields of your own")
    return kept
