"""What the methods that call out have in common: targets, CLI, custom CDR field.

[inferred]: at most 50 targets a side; without a CLI the caller is withheld ("BLOCKED", the default that the object reference
gives to SIP subscribers).
"""

from __future__ import annotations

import re
from typing import Any

from ringtrail.dialects.callr.parameters import Asking, Properties, bad_format, bad_value
from ringtrail.dialects.callr.settings import target as checked_target
from ringtrail.dialects.callr.settings import targets as checked_targets
from ringtrail.model.app import Target, targets_of
from ringtrail.services.clicks import MAX_TARGETS
from ringtrail.services.numbers import to_e164

BLOCKED = "BLOCKED"
_CDR_FIELD = re.compile(r"[A-Za-z0-9]{0,32}")


async def targets(asking: Asking, path: str, value: Any) -> tuple[Target, ...]:
    """One Target or more."""
    if not isinstance(value, list):
        raise bad_format(path)
    if not 1 <= len(value) <= MAX_TARGETS:
        raise bad_value(path)
    return targets_of(checked_targets(asking.account, path, value))


async def target(asking: Asking, path: str, value: Any) -> Target:
    """Target."""
    if not isinstance(value, dict):
        raise bad_format(path)
    return targets_of([checked_target(asking.account, path, value)])[0]


async def cli(asking: Asking, given: Properties) -> str | None:
    """The option `cli` in E.164; None: withheld. It is a number of the account, or one authorised."""
    text = given.text("cli")
    if not text or text == BLOCKED:
        return None
    number = to_e164(text, asking.account.country)
    if number is None or not await asking.services.apps.may_show(asking.account.id, number):
        raise bad_value(given.path("cli"))
    return number


def cdr_field(given: Properties) -> str | None:
    """The option `cdr_field`: up to 32 letters and digits."""
    text = given.text("cdr_field")
    if text is not None and not _CDR_FIELD.fullmatch(text):
        raise bad_value(given.path("cdr_field"))
    return text or None
