"""Every error that the tests of the vendor's own SDKs assert, letter for letter; each is asked of a furnished account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ringtrail.dialects.callr.errors import OOPS
from tests.dialects.callr.conftest import Rpc
from tests.dialects.callr.happenings import MOBILE
from tests.fixtures import World

DAY = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")
TO, NO_NUMBER = {"number": MOBILE, "timeout": 30}, {"number": "INVALID", "timeout": 30}
VOICE, UNKNOWN = "TTS_EN-GB_SERENA", "ZZZZZZZZ"
BUILT_IN = 1


@dataclass(frozen=True, slots=True)
class Known:
    """Stands in a case for what the account has."""

    name: str


APP, BUTTON, LIVE, DID, MEDIUM = (Known(name) for name in ("app", "button", "live", "did", "medium"))

Told = Callable[[list["Case"]], Awaitable[list["Case"]]]
Case = tuple[str, tuple[Any, ...], str]

INVALID_PARAM_FORMAT: list[Case] = [
    ("apps.create", ("CALLTRACKING10", "x", "BAD_OBJECT"), "params"),
    ("apps.edit", (APP, None, "BAD_OBJECT"), "params"),
    ("apps.get_authorized_clis", (None,), "type"),
    ("media/library.create", (None,), "name"),
    ("media/library.set_name", (MEDIUM, None), "name"),
    ("media/library.get_list", (["INVALID_CATEGORY"],), "categories"),
    ("media/email.get_templates", ("INVALID",), "type"),
    ("media/library.get_phone_id", (MEDIUM, "INVALID_CODE"), "country_code"),
    ("media/library.set_tags", (MEDIUM, None), "tags"),
    ("media/tts.set_content", (MEDIUM, None, VOICE, None), "text"),
    ("sms.send", ("SMS", MOBILE, None, None), "body"),
    ("dialr/call.realtime", (LIVE, None, None), "target"),
]
PROPERTY_VALUE_ERROR: list[Case] = [
    ("apps.get", (UNKNOWN,), "app"),
    ("apps.edit", (UNKNOWN, None, None), "app"),
    ("apps.delete", (UNKNOWN,), "app"),
    ("apps.assign_did", (UNKNOWN, DID), "app"),
    ("cdr.get", ("IN", *DAY, UNKNOWN, None), "app"),
    ("cdr.get", ("OUT", *DAY, UNKNOWN, None), "app"),
    ("clicktocall/calls.get_list", (UNKNOWN, *DAY), "app"),
    ("clicktocall/calls.start_2", (UNKNOWN, [TO], [TO], None), "app"),
    ("calls.realtime", (UNKNOWN, TO, None), "app"),
    ("dialr/call.realtime", (UNKNOWN, TO, None), "app"),
    ("apps.assign_did", (APP, UNKNOWN), "did"),
    ("apps.remove_did", (UNKNOWN,), "did"),
    ("clicktocall/calls.get_status", (UNKNOWN,), "call"),
    ("clicktocall/calls.cancel", (UNKNOWN,), "call"),
    ("clicktocall/calls.start_2", (BUTTON, [NO_NUMBER], [TO], None), "a_targets"),
    ("clicktocall/calls.start_2", (BUTTON, [TO], [NO_NUMBER], None), "b_targets"),
    ("clicktocall/calls.start_2", (BUTTON, [TO], [TO], {"cli": "INVALID"}), "options.cli"),
    ("clicktocall/calls.start_2", (BUTTON, [TO], [TO], {"cdr_field": "not alphanumeric"}), "options.cdr_field"),
    ("calls.realtime", (LIVE, TO, {"cli": "INVALID"}), "options.cli"),
    ("calls.realtime", (LIVE, TO, {"cdr_field": "x" * 33}), "options.cdr_field"),
    ("media/library.get", (999_999,), "media_id"),
    ("media/library.delete", (999_999,), "media_id"),
    ("media/library.set_content_from_recording", (MEDIUM, "INVALID"), "media_file"),
    ("media/tts.set_content", (MEDIUM, "Hello", "INVALID", None), "voice"),
    ("media/tts.set_content", (MEDIUM, "Hello", VOICE, {"rate": 101}), "rate"),
    ("sms.send", ("+33123", MOBILE, "Hello", None), "from"),
    ("sms.get", (UNKNOWN,), "id"),
]
PROPERTY_TYPE_ERROR: list[Case] = [("sms.send", ("SMS", None, "Hello", None), "to")]
BARE: list[Case] = [
    ("cdr.get", ("IN", DAY[1], DAY[0], None, None), "TO_BEFORE_FROM"),
    ("cdr.get", ("OUT", DAY[1], DAY[0], None, None), "TO_BEFORE_FROM"),
    ("clicktocall/calls.start_2", (APP, [TO], [TO], None), "BAD_APP_TYPE"),
    ("apps.create", ("INVALID_TYPE", "x", None), OOPS),
]
"""Messages without brackets."""
FIRST_OF_SEVERAL: list[Case] = [
    ("clicktocall/calls.start_2", ("INVALID", None, None, None), "PROPERTY_VALUE_ERROR [app]"),
    ("clicktocall/calls.start_2", (BUTTON, None, None, None), "INVALID_PARAM_FORMAT [a_targets]"),
    ("clicktocall/calls.start_2", (BUTTON, [TO], None, None), "INVALID_PARAM_FORMAT [b_targets]"),
    ("clicktocall/calls.start_2", (BUTTON, [TO], [NO_NUMBER], "x"), "PROPERTY_VALUE_ERROR [b_targets]"),
    ("sms.send", ("+33123", None, None, "x"), "PROPERTY_VALUE_ERROR [from]"),
    ("sms.send", ("SMS", None, None, "x"), "PROPERTY_TYPE_ERROR [to]"),
    ("media/tts.set_content", (999_999, None, None, "x"), "PROPERTY_VALUE_ERROR [media_id]"),
    ("media/tts.set_content", (MEDIUM, "Hello", None, {"rate": 0}), "INVALID_PARAM_FORMAT [voice]"),
]


@pytest.fixture
async def told(rpc: Rpc, fault: Rpc, world: World) -> Told:
    """`await told(cases)`: the same cases with what was answered."""
    has = {
        "app": world.app.hash,
        "did": world.did.hash,
        "button": (await rpc("apps.create", "CLICKTOCALL10", "Call me back", None))["hash"],
        "live": (await rpc("apps.create", "REALTIME10", "Live", {"url": "https://you.example/rt"}))["hash"],
        "medium": await rpc("media/library.create", "Welcome"),
    }

    async def ask(cases: list[Case]) -> list[Case]:
        filled = [[has[item.name] if isinstance(item, Known) else item for item in params] for _, params, _ in cases]
        answers = [(await fault(case[0], *params))[1] for case, params in zip(cases, filled, strict=True)]
        return [(method, params, answer) for (method, params, _), answer in zip(cases, answers, strict=True)]

    return ask


@pytest.fixture
async def world(world: World) -> World:
    await world.services.numbers.add_built_in_media([(BUILT_IN, "Ring", "RINGTONE", "1")])
    return world


def bracketed(error: str, cases: list[Case]) -> list[Case]:
    return [(method, params, f"{error} [{path}]") for method, params, path in cases]


async def test_a_parameter_of_the_wrong_shape(told: Told) -> None:
    assert await told(INVALID_PARAM_FORMAT) == bracketed("INVALID_PARAM_FORMAT", INVALID_PARAM_FORMAT)


async def test_a_value_that_is_unknown_or_not_acceptable(told: Told) -> None:
    assert await told(PROPERTY_VALUE_ERROR) == bracketed("PROPERTY_VALUE_ERROR", PROPERTY_VALUE_ERROR)


async def test_a_value_of_the_wrong_type(told: Told) -> None:
    assert await told(PROPERTY_TYPE_ERROR) == bracketed("PROPERTY_TYPE_ERROR", PROPERTY_TYPE_ERROR)


async def test_an_inverted_range_another_package_and_a_package_that_never_was(told: Told) -> None:
    assert await told(BARE) == BARE


async def test_the_first_parameter_that_fails_is_told(told: Told) -> None:
    assert await told(FIRST_OF_SEVERAL) == FIRST_OF_SEVERAL


async def test_what_is_built_in_is_forbidden_to_be_recorded_over(fault: Rpc, rpc: Rpc) -> None:
    assert await fault("media/library.get_phone_id", BUILT_IN, "FR") == (100, "FORBIDDEN")
    assert (await rpc("media/library.get", BUILT_IN))["is_editable"] is False
