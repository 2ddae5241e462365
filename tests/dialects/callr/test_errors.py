"""The vendor's own error texts, asserted letter for letter, and which of several faults is told."""

from __future__ import annotations

import re
from typing import Any

from ringtrail.dialects.callr.errors import OOPS, RpcError, invalid_request, worded
from ringtrail.dialects.callr.registry import METHODS
from ringtrail.model.errors import DomainError, ErrorCode
from tests.dialects.callr.conftest import Client, Rpc, post
from tests.fixtures import World

APP, DID = object(), object()  # stand for the world's app and DID
DAY = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")


def _filled(world: World, params: tuple[Any, ...]) -> list[Any]:
    known = {APP: world.app.hash, DID: world.did.hash}
    return [known[item] if item is APP or item is DID else item for item in params]


LITERALS: list[tuple[str, tuple[Any, ...], str]] = [
    ("apps.create", ("INVALID_TYPE", "x", None), "Oops, Internal Error. ¯\\_(ツ)_/¯"),
    ("apps.create", ("CALLTRACKING10", "x", "BAD_OBJECT"), "INVALID_PARAM_FORMAT [params]"),
    ("apps.create", ("CALLTRACKING10", "x", 7), "INVALID_PARAM_FORMAT [params]"),
    ("apps.create", ("CALLTRACKING10", "x", [1]), "INVALID_PARAM_FORMAT [params]"),
    ("apps.create", ("CALLTRACKING10", None, None), "INVALID_PARAM_FORMAT [name]"),
    ("apps.create", ("CALLTRACKING10", "", None), "INVALID_PARAM_FORMAT [name]"),
    ("apps.create", ("CALLTRACKING10", "x" * 65, None), "INVALID_PARAM_FORMAT [name]"),
    ("apps.create", ("CALLTRACKING10", "a\0b", None), "INVALID_PARAM_FORMAT [name]"),
    ("apps.create", ("CALLTRACKING10", ["x"], None), "INVALID_PARAM_FORMAT [name]"),
    ("apps.create", (None, "x", None), "INVALID_PARAM_FORMAT [package]"),
    ("apps.create", (10, "x", None), "INVALID_PARAM_FORMAT [package]"),
    ("apps.edit", (APP, None, "BAD_OBJECT"), "INVALID_PARAM_FORMAT [params]"),
    ("apps.edit", ("INVALID", None, None), "PROPERTY_VALUE_ERROR [app]"),
    ("apps.get", ("INVALID",), "PROPERTY_VALUE_ERROR [app]"),
    ("apps.get", ("ZZZZZZZZ",), "PROPERTY_VALUE_ERROR [app]"),
    ("apps.get", ("\0\0\0\0\0\0\0\0",), "PROPERTY_VALUE_ERROR [app]"),
    ("apps.get", (None,), "INVALID_PARAM_FORMAT [app]"),
    ("apps.get", (42,), "INVALID_PARAM_FORMAT [app]"),
    ("apps.get_list", (None,), "INVALID_PARAM_FORMAT [with_numbers]"),
    ("apps.get_list", (1,), "INVALID_PARAM_FORMAT [with_numbers]"),
    ("apps.get_dids", ("true",), "INVALID_PARAM_FORMAT [only_available]"),
    ("apps.assign_did", ("INVALID", DID), "PROPERTY_VALUE_ERROR [app]"),
    ("apps.assign_did", (APP, "INVALID"), "PROPERTY_VALUE_ERROR [did]"),
    ("apps.assign_did", (APP, None), "INVALID_PARAM_FORMAT [did]"),
    ("apps.remove_did", ("ZZZZZZZZ",), "PROPERTY_VALUE_ERROR [did]"),
    ("cdr.get", ("SIDEWAYS", *DAY, None, None), "INVALID_PARAM_FORMAT [type]"),
    ("cdr.get", (None, *DAY, None, None), "INVALID_PARAM_FORMAT [type]"),
    ("cdr.get", ("IN", None, DAY[1], None, None), "INVALID_PARAM_FORMAT [from]"),
    ("cdr.get", ("IN", "2026-07-14", DAY[1], None, None), "INVALID_PARAM_FORMAT [from]"),
    ("cdr.get", ("IN", "2026-02-30 00:00:00", DAY[1], None, None), "INVALID_PARAM_FORMAT [from]"),
    ("cdr.get", ("IN", "2026-7-4 9:05:10", DAY[1], None, None), "INVALID_PARAM_FORMAT [from]"),
    ("cdr.get", ("IN", DAY[0], "tomorrow", None, None), "INVALID_PARAM_FORMAT [to]"),
    ("cdr.get", ("IN", DAY[1], DAY[0], None, None), "TO_BEFORE_FROM"),
    ("cdr.get", ("OUT", DAY[1], DAY[0], None, None), "TO_BEFORE_FROM"),
    ("cdr.get", ("IN", *DAY, "INVALID", None), "PROPERTY_VALUE_ERROR [app]"),
    ("cdr.get", ("OUT", *DAY, "ZZZZZZZZ", None), "PROPERTY_VALUE_ERROR [app]"),
    ("cdr.get", ("IN", *DAY, None, "abc"), "INVALID_PARAM_FORMAT [number]"),
    ("cdr.get", ("IN", *DAY, None, 33), "INVALID_PARAM_FORMAT [number]"),
    ("cdr.search", ({}, None), "PROPERTY_VALUE_ERROR [filters.type]"),
    ("cdr.search", (None, None), "INVALID_PARAM_FORMAT [filters]"),
    ("cdr.search", ({"type": "BOTH"}, None), "PROPERTY_VALUE_ERROR [filters.type]"),
    ("cdr.search", ({"type": 1}, None), "PROPERTY_TYPE_ERROR [filters.type]"),
    ("cdr.search", ({"type": "IN", "app": "INVALID"}, None), "PROPERTY_VALUE_ERROR [filters.app]"),
    ("cdr.search", ({"type": "IN", "did": "ZZZZZZZZ"}, None), "PROPERTY_VALUE_ERROR [filters.did]"),
    ("cdr.search", ({"type": "IN", "from": "x"}, None), "PROPERTY_VALUE_ERROR [filters.from]"),
    ("cdr.search", ({"type": "IN", "from": DAY[1], "to": DAY[0]}, None), "TO_BEFORE_FROM"),
    ("cdr.search", ({"type": "IN", "colour": "red"}, None), "PROPERTY_VALUE_ERROR [filters.colour]"),
    ("cdr.search", ({"type": "IN"}, {"offset": -1}), "PROPERTY_VALUE_ERROR [options.offset]"),
    ("cdr.search", ({"type": "IN"}, {"offset": 10**30}), "PROPERTY_VALUE_ERROR [options.offset]"),
    ("cdr.search", ({"type": "IN"}, {"quantity": "5"}), "PROPERTY_TYPE_ERROR [options.quantity]"),
    ("cdr.search", ({"type": "IN"}, {"quantity": 10_001}), "PROPERTY_VALUE_ERROR [options.quantity]"),
    ("cdr.search", ({"type": "IN"}, {"quantity": True}), "PROPERTY_TYPE_ERROR [options.quantity]"),
    ("cdr.search", ({"type": "IN"}, {"order": "random"}), "PROPERTY_VALUE_ERROR [options.order]"),
    ("did.search", ({"type": "GALACTIC"}, {}), "PROPERTY_VALUE_ERROR [filters.type]"),
    ("did.search", ({"class": "SILVER"}, {}), "PROPERTY_VALUE_ERROR [filters.class]"),
    ("did.search", ({"hash": "short"}, {}), "PROPERTY_VALUE_ERROR [filters.hash]"),
    ("did.search", ({"KEYWORDS": 33}, {}), "PROPERTY_TYPE_ERROR [filters.KEYWORDS]"),
    ("did.search", ("x", {}), "INVALID_PARAM_FORMAT [filters]"),
    ("did.search", ({}, "x"), "INVALID_PARAM_FORMAT [options]"),
    ("analytics/calls.summary", (DAY[1], DAY[0]), "TO_BEFORE_FROM"),
    ("analytics/calls.summary", ("x", DAY[0]), "INVALID_PARAM_FORMAT [from]"),
    ("analytics/calls.history", (DAY[0], None), "INVALID_PARAM_FORMAT [to]"),
    ("media/recording.get", ("NOPE",), "PROPERTY_VALUE_ERROR [hash]"),
    ("media/recording.get", ("ZZZZZZZZ",), "PROPERTY_VALUE_ERROR [hash]"),
    ("media/recording.get", (7,), "INVALID_PARAM_FORMAT [hash]"),
    ("media/recording.search", ({"status": "LOST"}, {}), "PROPERTY_VALUE_ERROR [filters.status]"),
    ("media/recording.search", ({"type": "CONFERENCE"}, {}), "PROPERTY_VALUE_ERROR [filters.type]"),
    ("media/recording.search", ({"callid": -1}, {}), "PROPERTY_VALUE_ERROR [filters.callid]"),
    ("media/recording.search", ({"callid": 2**63}, {}), "PROPERTY_VALUE_ERROR [filters.callid]"),
    ("media/recording.search", ({"cli_number": "abc"}, {}), "PROPERTY_VALUE_ERROR [filters.cli_number]"),
    ("media/recording.search", ({"read": "yes"}, {}), "PROPERTY_TYPE_ERROR [filters.read]"),
    ("media/recording.search", ({"read_at_from": DAY[1], "read_at_to": DAY[0]}, {}), "TO_BEFORE_FROM"),
]


async def test_a_fault_is_worded_as_the_vendor_words_it(fault: Rpc, world: World) -> None:
    told = [(method, params, (await fault(method, *_filled(world, params)))[1]) for method, params, _ in LITERALS]
    assert told == LITERALS


FIRST_FAULTS: list[tuple[str, tuple[Any, ...], str]] = [
    ("apps.create", ("INVALID_TYPE", None, "BAD_OBJECT"), OOPS),
    ("apps.create", ("CALLTRACKING10", None, "BAD_OBJECT"), "INVALID_PARAM_FORMAT [name]"),
    ("apps.edit", ("INVALID", 7, "BAD_OBJECT"), "PROPERTY_VALUE_ERROR [app]"),
    ("apps.edit", (APP, 7, "BAD_OBJECT"), "INVALID_PARAM_FORMAT [name]"),
    ("apps.assign_did", ("INVALID", "INVALID"), "PROPERTY_VALUE_ERROR [app]"),
    ("cdr.get", ("X", "x", "x", "x", "x"), "INVALID_PARAM_FORMAT [type]"),
    ("cdr.get", ("IN", "x", "x", "x", "x"), "INVALID_PARAM_FORMAT [from]"),
    ("cdr.get", ("IN", DAY[1], DAY[0], "INVALID", "x"), "TO_BEFORE_FROM"),
    ("cdr.get", ("IN", *DAY, "INVALID", "x"), "PROPERTY_VALUE_ERROR [app]"),
    ("did.search", ({"hash": "x"}, {"offset": -1}), "PROPERTY_VALUE_ERROR [filters.hash]"),
]


async def test_the_first_failing_parameter_is_the_one_that_is_told(fault: Rpc, world: World) -> None:
    told = [(method, params, (await fault(method, *_filled(world, params)))[1]) for method, params, _ in FIRST_FAULTS]
    assert told == FIRST_FAULTS


NUMBERS: list[tuple[str, tuple[Any, ...], int]] = [
    ("apps.create", ("INVALID_TYPE", "x", None), -32603),
    ("apps.create", ("CALLTRACKING10", "x", "BAD_OBJECT"), -32602),
    ("apps.get", ("INVALID",), 151),
    ("cdr.search", ({}, None), 150),
    ("cdr.search", ({"type": 1}, None), 151),
    ("cdr.get", ("IN", DAY[1], DAY[0], None, None), 151),
]


async def test_each_kind_of_fault_has_its_number(fault: Rpc, world: World) -> None:
    told = [(method, params, (await fault(method, *_filled(world, params)))[0]) for method, params, _ in NUMBERS]
    assert told == NUMBERS


async def test_too_few_parameters_are_a_fault_that_names_the_first_missing_one(fault: Rpc) -> None:
    first = {name: method.params[0].name for name, method in METHODS.items() if method.params}
    told = {method: await fault(method) for method in first}
    assert told == {method: (-32602, f"INVALID_PARAM_FORMAT [{name}]") for method, name in first.items()}


async def test_too_many_parameters_are_a_fault_that_says_how_many_there_are(fault: Rpc, world: World) -> None:
    without = [name for name, method in METHODS.items() if not method.params]
    told = {method: await fault(method, None) for method in without}
    assert told == dict.fromkeys(without, (-32602, "Invalid params: at most 0 expected"))
    assert await fault("apps.get", world.app.hash, None) == (-32602, "Invalid params: at most 1 expected")


async def test_a_trailing_parameter_may_be_null_but_not_absent(fault: Rpc, rpc: Rpc) -> None:
    assert (await fault("cdr.get", "IN", *DAY, None))[1] == "INVALID_PARAM_FORMAT [number]"
    assert await rpc("cdr.get", "IN", *DAY, None, None) == []


async def test_an_app_of_a_package_without_numbers_cannot_get_one(fault: Rpc, world: World) -> None:
    app = await world.services.apps.create(world.account.id, "CLICKTOCALL10", "c2c", {})
    assert await fault("apps.assign_did", app.hash, world.did.hash) == (205, "BAD_APP_TYPE")


_WRONG = [None, True, -1, 2**70, 1e308, "", "x" * 3000, "\0", [], [[]], {}, {"a": {"b": []}}, [None]]


async def test_no_parameters_of_wrong_kinds_bring_the_server_down(client: Client) -> None:
    for name, method in METHODS.items():
        for wrong in _WRONG:
            reply = await post(client, name, *[wrong] * len(method.params))
            assert reply.status_code == 200, (name, wrong)


def test_every_domain_error_has_a_status_a_number_and_a_message() -> None:
    for code in ErrorCode:
        status, number, message = worded(DomainError(code, field="p", detail="d"))
        assert status in {200, 401, 404, 405, 413, 429, 500, 503}
        assert number != 0
        assert re.fullmatch(r"[ -~¯ツ]+", message)


def test_only_a_bug_of_ours_is_http_500() -> None:
    assert [code for code in ErrorCode if worded(DomainError(code))[0] == 500] == [ErrorCode.INTERNAL]


def test_an_error_of_this_dialect_is_a_domain_error_with_http_200() -> None:
    error = invalid_request("why")
    assert isinstance(error, RpcError)
    assert isinstance(error, DomainError)
    assert worded(error) == (200, -32600, "Invalid Request: why")
