"""The page of methods: its examples are what the server answers, its errors those that wrong parameters get.

RINGTRAIL_RECORD_EXAMPLES=1 writes docs/callr_examples.json again instead of comparing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.callr_page import EXAMPLES, PAGE, page
from ringtrail.dialects.callr.registry import METHODS
from ringtrail.dialects.callr.vocabulary import HASH
from tests.dialects.callr.conftest import Client, Rpc, post
from tests.dialects.callr.happenings import Post, recording_is_ready
from tests.dialects.callr.life import LIFE, Step
from tests.fixtures import World, with_recording

RECORDING = os.environ.get("RINGTRAIL_RECORD_EXAMPLES") == "1"
SHOWN = 2  # entries of a long list or dictionary
_HASH = "8242D945"
_LOOKS = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "2026-07-14 09:05:10"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"), "2026-07-14 09:05:10.123"),
    (re.compile(r"(?=.*\d)[A-Z0-9]{8}"), _HASH),
    (re.compile(r"sub-[0-9a-f]{8}"), "sub-493557fd"),
    (re.compile(r"[0-9a-f]{100}"), "0123456789" * 10),
    (re.compile(r"[0-9a-f]{40}"), "0123456789" * 4),
    (re.compile(r"[0-9a-z]{30}"), "0123456789" * 3),
    (re.compile(r"(http\S*/recordings/)[A-Z0-9]{8}(.*)"), rf"\g<1>{_HASH}\g<2>"),
)
_VARYING = {"login": "a1b2c3d4", "password": "correct-horse", "unused": 0}
_WRONG: tuple[Any, ...] = (None, 7, "\u2205", "ZZZZZZZZ", True, [], ["\u2205"], {"unknown": 1})


async def test_the_examples_are_what_the_server_answers(
    client: Client, rpc: Rpc, world: World, carrier_post: Post
) -> None:
    await world.save(with_recording(world.golden()))
    await recording_is_ready(world)
    kept: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for step in LIFE:
        if step.method not in METHODS:
            continue
        params = [_filled(param, kept) for param in step.params]
        errors = {} if step.method == "session.delete" else await _errors(client, step.method, params)
        reply = (await post(client, step.method, *params)).json()
        assert "result" in reply, (step, reply)
        if step.keep:
            kept[step.keep] = _picked(reply["result"], step)
        shown = [
            _steady(value, "hash" if param != value else "") for param, value in zip(step.params, params, strict=True)
        ]
        found[step.method] = {"params": shown, "result": _steady(reply["result"]), "errors": errors}
    for method in METHODS.keys() - found.keys():
        errors = await _errors(client, method, [None] * len(METHODS[method].params))
        found[method] = {"errors": errors}
    if RECORDING:
        text = json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False)
        EXAMPLES.write_text(text + "\n")
    shown = json.loads(EXAMPLES.read_text())
    assert {method: found[method] for method in shown} == shown


def _filled(param: Any, kept: dict[str, Any]) -> Any:
    if isinstance(param, list):
        return [_filled(item, kept) for item in param]
    return kept[param[1:]] if isinstance(param, str) and param.startswith("$") else param


def _picked(result: Any, step: Step) -> Any:
    for key in step.pick:
        result = result[key]
    return result


async def _errors(client: Client, method: str, params: list[Any]) -> dict[str, int]:
    """{message: code} of one parameter after the other being wrong, then of one too many. What is right is not done."""
    found: dict[str, int] = {}
    for wrong in _wrong(params):
        reply = (await post(client, method, *wrong, *[None] * 9)).json()  # nine too many: nothing is done
        if "Invalid params: at most" not in reply["error"]["message"]:
            found[_general(reply["error"]["message"])] = reply["error"]["code"]
    return found


def _wrong(params: list[Any]) -> Iterator[list[Any]]:
    for position, _ in enumerate(params):
        for value in _WRONG:
            yield [*params[:position], value, *params[position + 1 :]]


def _general(message: str) -> str:
    return re.sub(r"\.unknown\]", ".…]", message)


def _steady(value: Any, key: str = "") -> Any:
    """Values that differ from run to run as one of their kind, long lists cut."""
    if isinstance(value, dict):
        items = list(value.items())
        return {name: _steady(item, name) for name, item in (items if len(items) <= 40 else items[:SHOWN])}
    if isinstance(value, list):
        return [_steady(item, key) for item in value[: SHOWN if len(value) > 20 else None]]
    if isinstance(value, str) and key.endswith("hash") and HASH.fullmatch(value):
        return _HASH
    if isinstance(value, str) and key in _VARYING and value:
        return _VARYING[key]
    if isinstance(value, int) and not isinstance(value, bool) and value > 1_000_000_000:
        return 242359184129 if value > 10**12 else 1783933510
    return _steady_text(value) if isinstance(value, str) else value


def _steady_text(text: str) -> str:
    for look, sample in _LOOKS:
        if look.fullmatch(text):
            return look.sub(sample, text)
    return text


def test_the_page_is_what_the_code_of_now_would_print() -> None:
    assert PAGE.read_text() == page()


def test_every_method_is_on_the_page() -> None:
    assert [name for name in METHODS if f"### `{name}`" not in PAGE.read_text()] == []


def test_the_file_of_examples_names_methods_that_there_are() -> None:
    assert json.loads(Path(EXAMPLES).read_text()).keys() <= METHODS.keys()
