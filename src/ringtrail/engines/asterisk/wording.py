"""What is said to Asterisk in commands, checked: numbers and names come from outside."""

from __future__ import annotations

import re

from ringtrail.ports.engine import EngineError, OutboundCaller

ID, NUMBER = r"[A-Za-z0-9._-]{1,64}", r"\+?[0-9]{1,32}"


def caller_id(caller: OutboundCaller) -> str:
    """`"name" <number>`: goes to From and P-Asserted-Identity."""
    number = caller.number_e164 or ""
    if number:
        check("caller number", number, NUMBER)
    name = re.sub(r"[^\w .'+-]", "", caller.name or "")[:64]
    return f'"{name}" <{number}>' if name else number


def presentation(caller: OutboundCaller) -> dict[str, str]:
    """Asterisk takes what it sends in From from the connected line of the new channel."""
    shown = caller.number_e164 and not caller.withheld
    return {} if shown else {"CONNECTEDLINE(pres,i)": "prohib"}


def check(what: str, value: str, pattern: str) -> None:
    if not re.fullmatch(pattern, value):
        raise EngineError(f"{what} {value!r} cannot be used")
