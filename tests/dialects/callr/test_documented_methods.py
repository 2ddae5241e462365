"""The page of methods, which are golden exchanges: its examples are what the server answers, its errors what each parameter's
being wrong gets.

RINGTRAIL_RECORD_EXAMPLES=1 writes docs/callr_examples.json again instead of comparing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.callr_page import EXAMPLES, PAGE, page
from ringtrail.dialects.callr.analytics_tops import SORTS
from ringtrail.dialects.callr.media_email import TEMPLATE
from ringtrail.dialects.callr.registry import METHODS
from ringtrail.dialects.callr.state import MEANING, State
from ringtrail.dialects.callr.vocabulary import HASH
from tests.dialects.callr.conformity import OBJECTS, check_result
from tests.dialects.callr.conftest import ENDPOINT, Client, post
from tests.dialects.callr.happenings import Post
from tests.dialects.callr.life import Step
from tests.dialects.callr.living import furnished, lead
from tests.fixtures import CALLR_LOGIN, World
from tests.receiver import Receiver

RECORDING = os.environ.get("RINGTRAIL_RECORD_EXAMPLES") == "1"
SHOWN = 2  # entries of a long list or dictionary
_HASH = "8242D945"
_LOOKS = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "2026-07-14 09:05:10"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"), "2026-07-14 09:05:10.123"),
    (re.compile(r"sub-[0-9a-z]{8}"), "sub-493557fd"),
    (re.compile(r"[0-9a-f]{100}"), "0123456789" * 10),
    (re.compile(r"[0-9A-Za-z]{40}"), "0123456789" * 4),
    (re.compile(r"[0-9a-z]{30}"), "0123456789" * 3),
    (re.compile(r"http://127\.0\.0\.1:\d+(/\S*)"), r"https://you.example\g<1>"),
    (re.compile(r"(http\S*/(?:recordings|media)/)[A-Z0-9]{8}(.*)"), rf"\g<1>{_HASH}\g<2>"),
)
_VARYING = {
    "Date": "Tue, 14 Jul 2026 09:05:10 GMT",
    "Server": "yours",
    "X-CALLR-EventId": "42",
    "X-CALLR-HmacSignature": "7Xb1…",
    "amount_first_month": "150.00",
    "amount_prepaid_debit": "250.00",
    "customer_debit": "250.00",
    "duration_ms": 12,
    "event_id": "42",
    "first_month_remaining_days": 15,
    "login": "a1b2c3d4",
    "password": "correct-horse",
    "unused": 0,
}
_WORDS = {TEMPLATE, *SORTS} | {
    word for known in OBJECTS.values() for facts in known.values() for word in facts.get("values", ())
}
LONGEST = 200  # characters of a text that is shown whole
_WRONG: tuple[Any, ...] = (None, 7, "\u2205", "ZZZZZZZZ", True, [], ["\u2205"], {"unknown": 1})


@pytest.fixture
async def world(world: World, tmp_path: Path) -> World:
    return await furnished(world, tmp_path)


async def test_the_examples_are_what_the_server_answers(
    client: Client, world: World, carrier_post: Post, receiver: Receiver
) -> None:
    found: dict[str, Any] = {}

    async def ask(step: Step, params: list[Any], token: str) -> Any:
        errors = await _errors(client, step.method, params)
        answer = await _answer(client, step.method, params, token)
        shown = [_steady(value, param.name) for value, param in zip(params, METHODS[step.method].params, strict=True)]
        found.setdefault(step.method, {"params": shown, **_steady(answer), "errors": errors})
        return answer.get("result")

    await lead(world, f"{receiver.url}/hook", ask)
    if RECORDING:
        text = json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False)
        EXAMPLES.write_text(text + "\n")
    assert found == json.loads(EXAMPLES.read_text())


async def _answer(client: Client, method: str, params: list[Any], token: str) -> dict[str, Any]:
    """{"result": ...}, or {"error": ...} of a method that is refused. token: of the session that asks; else a login does."""
    call = {"id": 1, "jsonrpc": "2.0", "method": method, "params": params}
    headers = {"authorization": f"Session {token}"} if token else {}
    reply = await client.post(ENDPOINT, json=call, headers=headers, auth=None if token else CALLR_LOGIN)
    answer: dict[str, Any] = reply.json()
    refused = METHODS[method].state is State.REFUSED
    assert ("error" in answer) is refused, (method, params, answer)
    if not refused:
        check_result(method, answer["result"])
    return {key: answer[key] for key in ("result", "error") if key in answer}


async def _errors(client: Client, method: str, params: list[Any]) -> list[dict[str, Any]]:
    """What each parameter's being wrong is told, once each: `given` in its place, or nothing from it on."""
    found: dict[str, dict[str, Any]] = {}
    for wrong, asked in _wrong(method, params):
        error = (await post(client, method, *asked)).json()["error"]
        if "given" not in wrong:
            assert error == {"code": -32602, "message": f"INVALID_PARAM_FORMAT [{wrong['param']}]"}, (method, asked)
        if "Invalid params: at most" not in error["message"]:
            found.setdefault(error["message"], error | wrong)
    return list(found.values())


def _wrong(method: str, params: list[Any]) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Nine parameters too many, so that what is right is not done."""
    for position, param in enumerate(METHODS[method].params):
        for value in _WRONG:
            yield (
                {"param": param.name, "given": value},
                [*params[:position], value, *params[position + 1 :], *[None] * 9],
            )
        if not param.optional:
            yield {"param": param.name}, params[:position]


def _steady(value: Any, key: str = "") -> Any:
    """Values that differ from run to run as one of their kind, long lists cut."""
    if isinstance(value, dict):
        items = list(value.items())
        return {name: _steady(item, name) for name, item in (items if len(items) <= 40 else items[:SHOWN])}
    if isinstance(value, list):
        return [_steady(item, key) for item in value[: SHOWN if len(value) > 20 else None]]
    if key in _VARYING and value:
        return _VARYING[key]
    if isinstance(value, int) and not isinstance(value, bool) and value > 1_000_000_000:
        return 242359184129 if value > 10**12 else 1783933510
    if not isinstance(value, str):
        return value
    return "31415926" if key == "code" and value.isdigit() else _steady_text(value)


def _steady_text(text: str) -> str:
    if HASH.fullmatch(text) and text not in _WORDS:
        return _HASH
    for look, sample in _LOOKS:
        if look.fullmatch(text):
            return look.sub(sample, text)
    return text if len(text) <= LONGEST else text[:40] + "…"


def test_the_page_is_what_the_code_of_now_would_print() -> None:
    assert PAGE.read_text() == page()


def test_every_method_is_on_the_page() -> None:
    assert [name for name in METHODS if f"### `{name}`" not in PAGE.read_text()] == []


def test_every_method_has_an_exchange() -> None:
    assert json.loads(EXAMPLES.read_text()).keys() == METHODS.keys()


def test_every_parameter_of_every_method_has_an_error_that_names_it() -> None:
    examples = json.loads(EXAMPLES.read_text())
    unnamed = [
        (method, param.name)
        for method, known in METHODS.items()
        for param in known.params
        if not any(re.search(rf" \[{param.name}[\].]", error["message"]) for error in examples[method]["errors"])
    ]
    assert unnamed == []


def test_a_null_is_an_error_exactly_where_the_page_says_that_it_may_not_be() -> None:
    examples = json.loads(EXAMPLES.read_text())
    refused = {
        (method, error["param"])
        for method, example in examples.items()
        for error in example["errors"]
        if error.get("given", "") is None
    }
    may_not = {
        (name, param.name)
        for name, method in METHODS.items()
        for param in method.params
        if not (param.nullable or param.optional)
    }
    assert refused == may_not


def test_a_method_that_is_refused_shows_no_result_and_every_other_shows_one() -> None:
    examples = json.loads(EXAMPLES.read_text())
    shown = {name: examples[name]["error"]["code"] if "error" in examples[name] else None for name in METHODS}
    refused = {name for name, method in METHODS.items() if method.state is State.REFUSED}
    assert {name for name, code in shown.items() if code is not None} == refused
    assert {shown[name] for name in refused} <= {100, 151}  # FORBIDDEN, or what can be named is not there


def test_every_parameter_says_what_it_may_be() -> None:
    assert [
        (name, param.name) for name, method in METHODS.items() for param in method.params if not param.check.__doc__
    ] == []


def test_every_state_is_told_on_the_page() -> None:
    assert [state for state in State if f"| {state} | {MEANING[state]} |" not in PAGE.read_text()] == []
