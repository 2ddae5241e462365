"""Service `calls` and its legacy aliases `dialr/call` and `sendr/simple`; `actions.start`.

`calls.hangup` acts. All others are validated wholly and then refused with error 100: nothing here drives a call in
Real-Time, broadcasts messages or runs an Action yet.

[inferred]: `calls.hangup` is false for a call that is not alive or not ours; `calls.realtime_break` takes the callid, and a
call that no Real-Time app drives is PROPERTY_VALUE_ERROR [callid], as is any request id of a broadcast ([request_id]): there
are none; a variable's name is a `$` before up to 64 letters, digits and `_`; a spoken message is of up to 3,000 characters.
"""

from __future__ import annotations

import re
from typing import Any

from ringtrail.dialects.callr import calling
from ringtrail.dialects.callr.errors import another_package
from ringtrail.dialects.callr.parameters import (
    Asking,
    Check,
    Properties,
    app,
    bad_format,
    bad_value,
    plain_object,
    wrong_type,
)
from ringtrail.model.app import App
from ringtrail.model.errors import DomainError, ErrorCode

_MAX_CALLID = 2**63 - 1
_MAX_MEDIA_ID = 2_147_483_647
_SPOKEN = re.compile(r"TTS\|TTS_[A-Z]{2}-[A-Z]{2}_[A-Z]+\|.{1,3000}", re.DOTALL)
_VARIABLE = re.compile(r"\$[A-Za-z0-9_]{1,64}")
_MAX_MESSAGES = 100
_MAX_LOOP = 10

# --- parameters -----------------------------------------------------------------------------------------------------


def app_of(package: str) -> Check:
    async def check(asking: Asking, path: str, value: Any) -> App:
        found = await app(asking, path, value)
        if found.package != package:
            raise another_package()
        return found

    check.__doc__ = f"The hash of an app of the package {package}."
    return check


async def callid(asking: Asking, path: str, value: Any) -> int:
    """The callid of a live call."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_format(path)
    if not 0 <= value <= _MAX_CALLID:
        raise bad_value(path)
    return value


async def nothing_real_time(asking: Asking, path: str, value: Any) -> int:
    """A call that a Real-Time app drives: there is none."""
    await callid(asking, path, value)
    raise bad_value(path)


async def no_request(asking: Asking, path: str, value: Any) -> str:
    """The request id of a broadcast: there is none."""
    if not isinstance(value, str):
        raise bad_format(path)
    raise bad_value(path)


async def call_options(asking: Asking, path: str, value: Any) -> None:
    """REALTIME10.Call.Options."""
    given = Properties(path, await plain_object(asking, path, value), {"cdr_field", "cli"})
    calling.cdr_field(given)
    await calling.cli(asking, given)


async def broadcast_options(asking: Asking, path: str, value: Any) -> None:
    """Calls.Broadcast1.Options."""
    known = {"cdr_field", "cli", "direct_to_voicemail", "loop"}
    given = Properties(path, await plain_object(asking, path, value), known)
    calling.cdr_field(given)
    await calling.cli(asking, given)
    given.flag("direct_to_voicemail")
    if given.whole("loop", _MAX_LOOP) == 0:
        raise bad_value(given.path("loop"))


async def messages(asking: Asking, path: str, value: Any) -> None:
    """One media id or spoken text, or more."""
    if not isinstance(value, list):
        raise bad_format(path)
    if not 1 <= len(value) <= _MAX_MESSAGES:
        raise bad_value(path)
    for item in value:
        _message(path, item)


def _message(path: str, item: Any) -> None:
    if isinstance(item, bool) or not isinstance(item, int | str):
        raise wrong_type(path)
    usable = _SPOKEN.fullmatch(item) if isinstance(item, str) else 1 <= item <= _MAX_MEDIA_ID
    if not usable:
        raise bad_value(path)


async def action_options(asking: Asking, path: str, value: Any) -> None:
    """ACTIONS10.Start.Options."""
    given = Properties(path, await plain_object(asking, path, value), {"variables"})
    variables = given.get("variables")
    if variables is None or variables == []:
        return
    if not isinstance(variables, dict):
        raise wrong_type(given.path("variables"))
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            raise bad_value(f"{given.path('variables')}.{name[:64]}")


# --- methods --------------------------------------------------------------------------------------------------------


async def hangup(asking: Asking, leg_id: int, options: None) -> bool:
    return await asking.services.commands.hang_up(asking.account.id, leg_id)


def refused(feature: str) -> Any:
    """A method whose parameters are right, and which cannot act."""

    async def refuse(asking: Asking, *params: Any) -> str:
        raise DomainError(ErrorCode.FORBIDDEN, detail=f"feature not allowed, {feature} is not supported")

    return refuse


realtime = refused("Real-Time")
broadcast = refused("broadcast")
start_action = refused("Actions")
