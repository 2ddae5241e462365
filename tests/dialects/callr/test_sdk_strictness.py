"""What the vendor's other SDKs, which do not run here, make of our answers: how each reads one is told by its source."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from docs.callr_page import EXAMPLES
from ringtrail.dialects.callr.objects import result_of
from ringtrail.dialects.callr.registry import METHODS
from ringtrail.dialects.callr.state import State
from tests.dialects.callr.conftest import Client, post
from tests.fixtures import CALLR_LOGIN

RESULT, ERROR, HTTP, BROKEN = "a result", "the error", "an HTTP failure", "not understood"


class Answer(NamedTuple):
    status: int
    body: Any


def php(answer: Answer) -> str:
    """CURLOPT_FAILONERROR; then all of `id`, `jsonrpc` and one of the two, where the mere presence of `error` is a failure."""
    if answer.status >= 400:
        return HTTP
    if not {"id", "jsonrpc"} <= answer.body.keys() or not {"result", "error"} & answer.body.keys():
        return BROKEN
    if "error" in answer.body:
        return ERROR if answer.body["error"] else BROKEN
    return RESULT


def ruby(answer: Answer) -> str:
    """A result that is null is no answer."""
    if answer.status != 200:
        return HTTP
    if answer.body.get("result") is not None:
        return RESULT
    return ERROR if answer.body.get("error") else BROKEN


def go(answer: Answer) -> str:
    """Whatever the status: a number as id."""
    if not isinstance(answer.body.get("id"), int):
        return BROKEN
    return ERROR if answer.body.get("error") else RESULT


def java(answer: Answer) -> str:
    """The result is looked for first: one beside an error hides it."""
    if answer.status != 200:
        return HTTP
    return RESULT if "result" in answer.body else ERROR if "error" in answer.body else BROKEN


def dot_net(answer: Answer) -> str:
    if answer.status != 200:
        return HTTP
    return RESULT if answer.body.get("error") is None else ERROR


def typescript(answer: Answer) -> str:
    """The sample: only a truthy result is one; another status is explained by the error's message."""
    if answer.status == 200 and answer.body.get("result"):
        return RESULT
    return ERROR if answer.body.get("error", {}).get("message") else BROKEN


Reading = Callable[[Answer], str]
SDKS: list[tuple[Reading, str]] = [  # (SDK, what it makes of bad credentials)
    (php, HTTP), (ruby, HTTP), (go, ERROR), (java, HTTP), (dot_net, HTTP), (typescript, ERROR),
]  # fmt: skip
each = pytest.mark.parametrize(("reading", "of_bad_credentials"), SDKS, ids=[sdk.__name__ for sdk, _ in SDKS])


@each
async def test_results_errors_and_refused_credentials_are_told_apart(
    client: Client, reading: Reading, of_bad_credentials: str
) -> None:
    async def read(method: str, *params: Any, password: str = CALLR_LOGIN[1]) -> str:
        call = {"id": 9_223_372_036_854_775_807, "jsonrpc": "2.0", "method": method, "params": params}
        reply = await client.post("/", json=call, auth=(CALLR_LOGIN[0], password))
        return reading(Answer(reply.status_code, reply.json()))

    assert await read("system.get_timestamp") == RESULT
    assert await read("list.number_infos", None) == RESULT
    assert await read("did.search", None, None) == RESULT
    assert await read("apps.get", "INVALID") == ERROR
    assert await read("apps.create", "INVALID_TYPE", "x", None) == ERROR
    assert await read("no.such_method") == ERROR
    assert await read("apps.get") == ERROR
    assert await read("system.get_timestamp", password="wrong") == of_bad_credentials


def test_no_method_answers_with_null() -> None:
    shapes = {name: result_of(method) for name, method in METHODS.items()}
    assert [
        name for name, shape in shapes.items() if "null" in {shape.kind, *(item.kind for item in shape.items)}
    ] == []


def test_what_is_true_or_an_error_is_never_false() -> None:
    """Only a hang-up tells whether it worked; all else that says so, says true."""
    examples = json.loads(EXAMPLES.read_text())
    plain = {
        name
        for name, method in METHODS.items()
        if result_of(method).kind == "bool" and method.state is not State.REFUSED
    }
    assert {name for name in plain if examples[name]["result"] is not True} == {"calls.hangup"}


async def test_an_error_beside_a_result_is_never_sent(client: Client) -> None:
    for method in METHODS:
        body = (await post(client, method)).json()
        assert list(body) in (["jsonrpc", "id", "result"], ["jsonrpc", "id", "error"]), method
