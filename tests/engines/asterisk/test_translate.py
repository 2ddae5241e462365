"""Recorded ARI events and the facts that they mean. The recordings are of Asterisk 22.10.1."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringtrail.engines.asterisk.translate import LegBook, codec_of, instant
from ringtrail.ports.engine import (
    DigitsPressed,
    EndedBy,
    Fact,
    LegAnswered,
    LegEnded,
    LegOffered,
    LegRinging,
    LegsJoined,
)

STORIES: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "golden/events.json").read_text())

Told = list[tuple[object, ...]]


def tell(story: str, *, ring_timeout_s: int = 5, commanded: int | None = None) -> list[Fact]:
    """The facts of a story in which we originated every leg that is not offered."""
    book, facts = LegBook("ringtrail"), []
    for event in STORIES[story]:
        channel = event.get("peer") or event["channel"]
        if not channel["id"].startswith("test0"):
            book.originating(channel["id"], ring_timeout_s)
        if commanded is not None and event["type"] == "ChannelHangupRequest":
            book.hanging_up(channel["id"], commanded)
        facts += book.facts(event)
    return facts


def in_short(facts: list[Fact]) -> Told:
    short: Told = []
    for fact in facts:
        match fact:
            case LegOffered():
                short.append(("offered", fact.dialled, fact.caller_number, fact.caller_name, fact.caller_withheld))
            case LegAnswered():
                short.append(("answered", fact.codec))
            case LegEnded():
                short.append(("ended", fact.ended_by, fact.cause, fact.sip_status, fact.timed_out))
            case LegsJoined():
                short.append(("joined", len(fact.leg_ids)))
            case _:
                short.append((type(fact).__name__,))
    return short


FAR, US, ENGINE = EndedBy.FAR_END, EndedBy.US, EndedBy.ENGINE
OFFERED = ("offered", "+33912340001", "+33639980001", None, False)

GOLDEN: list[tuple[str, dict[str, int], Told]] = [
    ("refused with busy", {"commanded": 17}, [OFFERED, ("ended", US, 17, 486, False)]),
    ("given up while ringing", {}, [OFFERED, ("ended", FAR, 16, 487, False)]),
    ("withheld by privacy", {"commanded": 17}, [(*OFFERED[:4], True), ("ended", US, 17, 486, False)]),
    (
        "withheld by anonymous From",
        {"commanded": 17},
        [("offered", "+33912340001", None, None, True), ("ended", US, 17, 486, False)],
    ),
    ("target busy", {}, [("LegRinging",), ("ended", FAR, 17, 486, False)]),
    ("target declines", {}, [("LegRinging",), ("ended", FAR, 21, 603, False)]),
    ("target rings out", {"ring_timeout_s": 1}, [("LegRinging",), ("ended", US, 19, None, True)]),
    ("target rings out", {"ring_timeout_s": 5}, [("LegRinging",), ("ended", FAR, 19, 480, False)]),
    ("target cancelled", {"commanded": 16}, [("LegRinging",), ("ended", US, 16, None, False)]),
    (
        "answered, the caller hangs up",
        {},
        [
            ("offered", "+33912340001", "+33611223344", "Alice", False),
            ("LegRinging",),
            ("answered", "alaw"),
            ("answered", "alaw"),
            ("joined", 2),
            ("ended", FAR, 16, None, False),
            ("ended", ENGINE, 16, None, False),  # nobody told the book that we hung up
        ],
    ),
]


@pytest.mark.parametrize(("story", "how", "told"), GOLDEN, ids=[f"{row[0]}-{row[1]}" for row in GOLDEN])
def test_recorded_events_give_these_facts(story: str, how: dict[str, int], told: Told) -> None:
    assert in_short(tell(story, **how)) == told


def test_instants_are_asterisk_s_own() -> None:
    offered, *_, ended = tell("given up while ringing")
    events = STORIES["given up while ringing"]
    assert offered.at == instant(events[0]["channel"]["creationtime"])
    request = next(event for event in events if event["type"] == "ChannelHangupRequest")
    assert ended.at == instant(request["timestamp"])


def test_an_instant_is_utc_with_milliseconds() -> None:
    assert instant("2026-11-21T22:09:32.123+0000") == datetime(2026, 11, 21, 22, 9, 32, 123000, tzinfo=UTC)


def test_channels_that_are_not_ours_are_silent() -> None:
    book = LegBook("another-app")
    assert [fact for events in STORIES.values() for event in events for fact in book.facts(event)] == []


def test_a_leg_has_nothing_after_its_end() -> None:
    book = LegBook("ringtrail")
    events = STORIES["refused with busy"]
    facts = [fact for event in [*events, *events[1:]] for fact in book.facts(event)]
    assert [type(fact) for fact in facts] == [LegOffered, LegEnded]


def test_a_leg_id_is_used_once() -> None:
    book = LegBook("ringtrail")
    assert book.originating("o-486", 5)
    for event in STORIES["target busy"]:
        book.facts(event)
    assert not book.originating("o-486", 5)


def digit(at: str, value: str) -> dict[str, Any]:
    channel = STORIES["refused with busy"][0]["channel"]
    timestamp = f"2026-11-21T22:31:09.{at}+0000"
    return {
        "type": "ChannelDtmfReceived",
        "timestamp": timestamp,
        "digit": value,
        "duration_ms": 80,
        "channel": channel,
    }


def test_the_echo_of_a_digit_within_50_ms_is_dropped_and_a_real_repetition_is_not() -> None:
    book = LegBook("ringtrail")
    book.facts(STORIES["refused with busy"][0])
    events = [digit("100", "5"), digit("120", "5"), digit("130", "6"), digit("400", "6")]
    pressed = [fact.digits for event in events for fact in book.facts(event) if isinstance(fact, DigitsPressed)]
    assert pressed == ["5", "6", "6"]


def test_a_leg_of_a_controller_before_us_is_told_when_it_answers() -> None:
    book = LegBook("ringtrail")
    events = [
        event for event in STORIES["answered, the caller hangs up"] if "t-1" in json.dumps(event.get("channel", {}))
    ]
    facts = [fact for event in events for fact in book.facts(event)]
    assert [type(fact) for fact in facts] == [LegAnswered, LegEnded]


def test_ringing_is_told_once() -> None:
    facts = tell("target busy")
    assert len([fact for fact in facts if isinstance(fact, LegRinging)]) == 1


@pytest.mark.parametrize(
    ("formats", "codec"), [("(alaw)", "alaw"), ("(opus|ulaw)", "opus"), ("(nothing)", "nothing"), ("", None)]
)
def test_codec(formats: str, codec: str | None) -> None:
    assert codec_of({"channelvars": {"CHANNEL(audionativeformat)": formats}}) == codec
