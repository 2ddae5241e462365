"""The page of methods, which are golden exchanges: its examples are what the server answers, its errors what each parameter's
being wrong gets.

RINGTRAIL_RECORD_EXAMPLES=1 writes docs/callr_examples.json again instead of comparing.
"""

from __future__ import annotations

import asyncio
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
from ringtrail.model.money import BillingMode, Rate, RateKind
from ringtrail.services.stock_file import items_of
from ringtrail.supervisor import speech
from tests.dialects.callr.conformity import OBJECTS, check_result
from tests.dialects.callr.conftest import ENDPOINT, Client, post
from tests.dialects.callr.happenings import Post, recording_is_ready, with_sounds
from tests.dialects.callr.life import LIFE, Step
from tests.dialects.callr.test_media import phone_in_number, tone, working
from tests.dialects.delivering import delivering, settled
from tests.engines.asterisk.conftest import CACHE
from tests.fixtures import CALLR_LOGIN, World, with_recording
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
PRICES = (
    Rate(kind=RateKind.CALL_IN, prefix="+33", price_micro=12_000),
    Rate(kind=RateKind.CALL_OUT, prefix="+33", price_micro=24_000, label="France"),
    Rate(kind=RateKind.MESSAGE_OUT, prefix="+33", price_micro=65_000, label="France"),
)
_WRONG: tuple[Any, ...] = (None, 7, "\u2205", "ZZZZZZZZ", True, [], ["\u2205"], {"unknown": 1})


@pytest.fixture
async def world(world: World, tmp_path: Path) -> World:
    """What the life needs: sounds, prices, credit, a number for sale, one that takes recordings, a recorded call."""
    assert speech.find_or_fetch(CACHE, print) is not None
    world = with_sounds(world, tmp_path)
    services = world.services
    await services.money.set_tariff("standard", PRICES)
    await services.money.set_terms(world.account.id, tariff="standard", mode=BillingMode.PREPAID)
    await services.money.top_up(world.account.id, 50_000_000)
    await services.stock.take_in(items_of(["number,area_label,month,setup", "+33140000001,Paris,3,1"]))
    await phone_in_number(world, "+33140000099")
    call = with_recording(world.golden())
    await world.save(call)
    await recording_is_ready(world)
    (tmp_path / f"{call.id}.wav").write_bytes(tone(0.1, rate=8_000, channels=1))
    return world


async def test_the_examples_are_what_the_server_answers(
    client: Client, world: World, carrier_post: Post, receiver: Receiver
) -> None:
    kept: dict[str, Any] = {"receiver": f"{receiver.url}/hook"}
    found: dict[str, Any] = {}
    for step in LIFE:
        if step.later:
            await _worked(world)
        params = [_filled(param, kept) for param in step.params]
        errors = await _errors(client, step.method, params)
        reply = await _asked(client, step, params, kept)
        if step.keep:
            kept[step.keep] = _picked(reply["result"], step)
        shown = [_steady(value, param.name) for value, param in zip(params, METHODS[step.method].params, strict=True)]
        found.setdefault(step.method, {"params": shown, **_steady(reply), "errors": errors})
    if RECORDING:
        text = json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False)
        EXAMPLES.write_text(text + "\n")
    assert found == json.loads(EXAMPLES.read_text())


async def _worked(world: World) -> None:
    """The worker has run the jobs and delivered what is to be told."""
    async with working(world), delivering(world), asyncio.timeout(20):
        await settled(world)
        while await _waiting_jobs(world):  # noqa: ASYNC110  # only the database knows
            await asyncio.sleep(0.02)


async def _waiting_jobs(world: World) -> int:
    async with world.database.reading() as connection:
        found = await connection.execute("SELECT count(*) FROM jobs WHERE status IN ('pending', 'running')")
        (count,) = await found.fetchone() or (0,)
    return int(count)


async def _asked(client: Client, step: Step, params: list[Any], kept: dict[str, Any]) -> dict[str, Any]:
    """{"result": ...}, or {"error": ...} of a method that is refused."""
    call = {"id": 1, "jsonrpc": "2.0", "method": step.method, "params": params}
    if step.token:
        reply = await client.post(ENDPOINT, json=call, headers={"authorization": f"Session {kept[step.token[1:]]}"})
    else:
        reply = await client.post(ENDPOINT, json=call, auth=CALLR_LOGIN)
    answer: dict[str, Any] = reply.json()
    refused = METHODS[step.method].state is State.REFUSED
    assert ("error" in answer) is refused, (step, answer)
    if not refused:
        check_result(step.method, answer["result"])
    return {key: answer[key] for key in ("result", "error") if key in answer}


def _filled(param: Any, kept: dict[str, Any]) -> Any:
    if isinstance(param, list):
        return [_filled(item, kept) for item in param]
    return kept[param[1:]] if isinstance(param, str) and param.startswith("$") else param


def _picked(result: Any, step: Step) -> Any:
    for key in step.pick:
        result = result[key]
    return result


async def _errors(client: Client, method: str, params: list[Any]) -> list[dict[str, Any]]:
    """What each parameter's being wrong is told, once each: `given` in its place, or nothing from it on."""
    found: dict[str, dict[str, Any]] = {}
    for wrong, asked in _wrong(method, params):
        error = (await post(client, method, *asked)).json()["error"]
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
