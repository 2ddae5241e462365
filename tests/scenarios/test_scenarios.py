"""Every scenario table, through the real controller on the simulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringtrail.engines.simulator.scenario import Scenario, ScenarioError, parse
from ringtrail.simulate import run_scenario

_ALL = [scenario for path in sorted(Path(__file__).parent.glob("*.scenarios")) for scenario in parse(path.read_text())]


@pytest.mark.parametrize("scenario", _ALL, ids=lambda scenario: scenario.title)
def test_scenario(scenario: Scenario) -> None:
    outcome = run_scenario(scenario)
    story = (
        "\n".join(f"{entry.at:%M:%S.%f} {entry.what} {dict(entry.detail)}" for entry in outcome.call.trace)
        if outcome.call
        else ""
    )
    assert not outcome.differences, "\n".join([*outcome.differences, story])


def test_a_table_with_an_unknown_word_names_its_line() -> None:
    with pytest.raises(ScenarioError, match="line 2"):
        list(parse("## Wrong\ntarget +33987654321 sings=5\n"))


def test_a_scenario_that_expects_something_else_says_what_differs() -> None:
    scenario = next(
        iter(parse("## Busy\ndid +331\ntarget +332 status=486\ncaller +333\nexpect disposition=answered\n"))
    )
    assert run_scenario(scenario).differences == ("disposition is busy, expected answered",)
