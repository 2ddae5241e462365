"""Scenario tables: a call, its far ends and the record that must come out, as text that people can read.

    ## Second target answers after the first is busy
    did      +33912340001   welcome=3 whisper=1 record=yes voicemail=no
    target   +33987654321   timeout=30  rings=0.5 status=486 after=1
    target   +33987654322   timeout=30  rings=0.5 answers=4 talks=20
    caller   +33612345678   hangs_up=60
    expect   disposition=answered stage=bridged hangup_by=callee
    leg 1    disposition=busy cause=17

One scenario from each `##` line to the next. Sounds (`welcome`, `ringtone`, `whisper`, `bridge`, `voicemail_intro`) are
given by their length in seconds. Times of a target count from its INVITE, those of the caller from the first INVITE.
`presses=1@2,42#@5` is key 1 after two seconds, then 4, 2 and # a tenth of a second apart after five; `speaks=4` falls silent so long
after a recording has begun. `phone_in=12345678` makes the number ask for that code; `expect medium=` tells what became of
the medium, `filled` or `unchanged`. `expect` compares fields of the call (model.call.Call), `leg N` those of its N-th leg (0 is the caller).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from ringtrail.engines.simulator.engine import FarEnd
from ringtrail.model.app import CallTrackingSettings, Target, VoicemailSettings

SOUND_NAMES = ("welcome", "ringtone", "whisper", "bridge", "voicemail_intro")


class ScenarioError(Exception):
    """The text is not a scenario; the message names the line."""


@dataclass(slots=True)
class Scenario:
    title: str
    did: dict[str, str] = field(default_factory=dict)
    dialled: str = ""
    targets: list[Target] = field(default_factory=list)
    far_ends: dict[str, FarEnd] = field(default_factory=dict)
    caller: str | None = None
    caller_words: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)
    expected_legs: dict[int, dict[str, str]] = field(default_factory=dict)

    @property
    def sounds(self) -> dict[int, tuple[str, float]]:
        """{media id: (path, seconds)}; ids are 1.. in the order of SOUND_NAMES."""
        named = ((number, name) for number, name in enumerate(SOUND_NAMES, 1) if name in self.did)
        return {number: (f"/sounds/{name}", float(self.did[name])) for number, name in named}

    @property
    def settings(self) -> CallTrackingSettings:
        media = {name: number if name in self.did else 0 for number, name in enumerate(SOUND_NAMES, 1)}
        return CallTrackingSettings(
            targets=tuple(self.targets),
            welcome_media=media["welcome"],
            ringtone_media=media["ringtone"],
            whisper_media=media["whisper"],
            bridge_media=media["bridge"],
            record_calls=self.did.get("record") == "yes",
            voicemail=VoicemailSettings(
                active=self.did.get("voicemail") == "yes",
                intro_media=media["voicemail_intro"],
                max_s=int(self.did.get("voicemail_max", "30")),
            ),
        )


def parse(text: str) -> Iterator[Scenario]:
    """Every scenario of a text. ScenarioError names the line that is wrong."""
    scenario: Scenario | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            if scenario is not None:
                yield scenario
            scenario = Scenario(title=line[3:].strip())
        elif scenario is not None and line.strip() and not line.startswith(("#", ">")):
            try:
                _read(scenario, shlex.split(line))
            except (ValueError, IndexError, KeyError) as exc:
                raise ScenarioError(f"line {number}: {line.strip()!r}: {exc}") from exc
    if scenario is not None:
        yield scenario


def _read(scenario: Scenario, words: list[str]) -> None:
    match words:
        case ["did", dialled, *rest]:
            scenario.dialled, scenario.did = dialled, _pairs(rest)
        case ["target", number, *rest]:
            options = _pairs(rest)
            scenario.targets.append(Target(number_e164=number, ring_timeout_s=int(options.pop("timeout", "30"))))
            scenario.far_ends[number] = _far_end(options)
        case ["caller", number, *rest]:
            scenario.caller, scenario.caller_words = None if number == "withheld" else number, _pairs(rest)
        case ["expect", *rest]:
            scenario.expected |= _pairs(rest)
        case ["leg", position, *rest]:
            scenario.expected_legs.setdefault(int(position), {}).update(_pairs(rest))
        case _:
            raise ValueError("expected did, target, caller, expect or leg")


def _pairs(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


def _far_end(options: dict[str, str]) -> FarEnd:
    unknown = set(options) - {"rings", "answers", "talks", "status", "after", "bye_cause"}
    if unknown:
        raise ValueError(f"unknown word {unknown.pop()}")
    return FarEnd(
        rings_after_s=float(options["rings"]) if "rings" in options else None,
        answers_after_s=float(options["answers"]) if "answers" in options else None,
        hangs_up_after_answer_s=float(options["talks"]) if "talks" in options else None,
        status=int(options["status"]) if "status" in options else None,
        status_after_s=float(options.get("after", "0.5")),
        bye_cause=int(options.get("bye_cause", "16")),
    )
