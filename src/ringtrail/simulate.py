"""Runs scenario tables through the real controller and voice apps on the simulator: `ringtrail simulate FILE`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ringtrail.engines.simulator.engine import SimulatorEngine
from ringtrail.engines.simulator.scenario import Scenario
from ringtrail.engines.simulator.virtual_time import VirtualClock, run_virtually
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.button import CallOrder
from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.ids import CallIds
from ringtrail.services.controller import Controller
from ringtrail.services.routing import Route
from ringtrail.voice.phone_in import PROMPTS

LIMIT_S = 3600.0
KEY_EVERY_S = 0.1
_PROMPTS = {id_: f"/sounds/{id_}" for id_ in PROMPTS}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario's result. differences: what was expected and did not come, in words; empty is good."""

    scenario: Scenario
    call: Call | None
    differences: tuple[str, ...]


class _TableRouting:
    """Every number leads to the scenario's settings."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def caller(self, number: str | None) -> str | None:
        return number

    async def find(self, dialled: str, caller_e164: str | None, now: datetime) -> Route | None:
        words = self._scenario.did
        refused = Disposition(words["refused"]) if "refused" in words else None
        return Route(
            account_id=1,
            property_id=1,
            country="FR",
            billing_increment_s=60,
            outbound_prefixes=tuple(words.get("allowed", "+").split(",")),
            did_hash="SIMULATE",
            tracking_number_e164=dialled,
            attribution=StaticAttribution(source=words.get("source")),
            app_hash="SIMULATE",
            settings=self._scenario.settings,
            media_paths={id_: path for id_, (path, _) in self._scenario.sounds.items()} | _PROMPTS,
            refused=refused,
            redirected_expired=words.get("redirected") == "yes",
            takes_phone_in="phone_in" in words,
        )

    async def of_phone(self, subscriber_id: int, dialled: str) -> Route | None:
        raise NotImplementedError  # nor subscribers

    async def of_order(self, order: CallOrder) -> Route:
        raise NotImplementedError  # a table has no buttons


class _TableCodes:
    """The one code that the scenario knows, and whether what was said is in the medium."""

    def __init__(self, scenario: Scenario) -> None:
        self._open = {scenario.did.get("phone_in")}
        self.medium = "unchanged"

    async def take(self, code: str, caller_e164: str | None) -> str | None:
        if code not in self._open:
            return None
        self._open.remove(code)
        return "phone-in"

    async def keep(self, recording: str) -> None:
        self.medium = "filled"


def run_scenario(scenario: Scenario) -> Outcome:
    """Run one scenario in virtual time and compare."""
    codes = _TableCodes(scenario)
    call = run_virtually(_run(scenario, codes))
    if call is None:
        return Outcome(scenario, None, ("the call left no record",))
    return Outcome(scenario, call, tuple(_differences(scenario, call, codes.medium)))


async def _run(scenario: Scenario, codes: _TableCodes) -> Call | None:
    clock = VirtualClock()
    engine = SimulatorEngine(clock, far_ends=scenario.far_ends, sounds=dict(scenario.sounds.values()))
    kept: dict[int, Call] = {}
    ended = asyncio.Event()

    def keep(call: Call) -> None:
        kept[call.id] = call
        if call.ended:
            ended.set()

    controller = Controller(
        engine=engine, routing=_TableRouting(scenario), clock=clock, ids=CallIds(0), keep=keep, phone_in=codes
    )
    running = asyncio.create_task(controller.run())
    speaks = scenario.caller_words.get("speaks")
    caller = engine.call(
        scenario.dialled, caller=scenario.caller, withheld=scenario.caller is None,
        speaks_s=None if speaks is None else float(speaks),
    )  # fmt: skip
    _later(scenario, "hangs_up", caller.hang_up)
    for keys, at in (word.split("@") for word in scenario.caller_words.get("presses", "").split(",") if word):
        for position, key in enumerate(keys):
            asyncio.get_running_loop().call_later(float(at) + position * KEY_EVERY_S, engine.press, caller.leg_id, key)
    try:
        await asyncio.wait_for(ended.wait(), LIMIT_S)
    finally:
        running.cancel()
    return next((call for call in kept.values() if call.ended), None)


def _later(scenario: Scenario, word: str, action: Callable[[], None]) -> None:
    if word in scenario.caller_words:
        asyncio.get_running_loop().call_later(float(scenario.caller_words[word]), action)


def _differences(scenario: Scenario, call: Call, medium: str) -> list[str]:
    found = [
        f"{name} is {_text(value)}, expected {expected}"
        for name, expected in scenario.expected.items()
        if _text(value := medium if name == "medium" else getattr(call, name)) != expected
    ]
    for position, fields in scenario.expected_legs.items():
        if position >= len(call.legs):
            found.append(f"there is no leg {position}")
            continue
        leg = call.legs[position]
        found += [
            f"leg {position} {name} is {_text(getattr(leg, name))}, expected {expected}"
            for name, expected in fields.items()
            if _text(getattr(leg, name)) != expected
        ]
    return found


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(len(value)) if isinstance(value, tuple) else str(value)
