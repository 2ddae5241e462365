"""What the recorded lines of Asterisk's event log say of each leg."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringtrail.engines.asterisk.flight_recorder import FlightRecorder, histories_of, parse
from ringtrail.ports.engine import EndedBy, LegHistory

GOLDEN = Path(__file__).parent / "golden/flight-recorder.jsonl"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def golden() -> dict[str, LegHistory]:
    return {leg.leg_id: leg for leg in histories_of(parse(GOLDEN.read_text().splitlines()))}


def test_an_answered_call_and_its_target() -> None:
    legs = golden()
    caller, target = legs["test0-1795301261.0"], legs["t-1"]
    assert (caller.inbound, caller.parent_leg_id, caller.dialled) == (True, None, "+33912340001")
    assert (caller.caller_number, caller.caller_name, caller.caller_withheld) == ("+33611223344", "Alice", False)
    assert (caller.cause, caller.ended_by) == (16, EndedBy.FAR_END)
    assert (target.inbound, target.parent_leg_id, target.dialled) == (False, caller.leg_id, None)
    assert (target.cause, target.ended_by) == (16, EndedBy.US)
    assert caller.answered_at is not None
    assert target.bridged_at is not None
    assert target.ended_at is not None
    assert caller.started_at == datetime.fromtimestamp(1795301261.336179, UTC)
    assert caller.started_at < caller.answered_at < target.bridged_at < target.ended_at


@pytest.mark.parametrize(
    ("leg_id", "cause", "ended_by"),
    [
        ("test0-1795301268.10", 16, EndedBy.FAR_END),  # CANCEL, which Asterisk calls 127
        ("test0-1795301268.11", 17, EndedBy.US),
        ("o-486", 17, EndedBy.FAR_END),
        ("o-180", 19, EndedBy.US),
    ],
)
def test_ends(leg_id: str, cause: int, ended_by: EndedBy) -> None:
    leg = golden()[leg_id]
    assert (leg.cause, leg.ended_by, leg.answered_at) == (cause, ended_by, None)


def test_a_withheld_caller() -> None:
    leg = golden()["test0-1795301268.11"]
    assert (leg.caller_number, leg.caller_withheld) == ("+33639980001", True)


def test_a_torn_last_line_and_foreign_lines_are_left_out(tmp_path: Path) -> None:
    torn = tmp_path / "flight-recorder.jsonl"
    torn.write_text(
        GOLDEN.read_text() + 'null\n"text"\n{"eventtype": "HANGUP"}\n' + '{"eventtype":"CHAN_START","eventt'
    )
    assert len(FlightRecorder(torn).since(LONG_AGO)) == 6


def test_only_legs_that_lived_since_the_instant() -> None:
    end = golden()["test0-1795301261.0"].ended_at
    assert end is not None
    assert {leg.leg_id for leg in FlightRecorder(GOLDEN).since(end)} == set(golden())
    later = datetime.fromtimestamp(1795301270, UTC)
    assert {leg.leg_id for leg in FlightRecorder(GOLDEN).since(later)} == {"o-486", "o-180"}


def test_no_file_is_no_history(tmp_path: Path) -> None:
    assert FlightRecorder(tmp_path / "nothing").since(LONG_AGO) == []


def test_a_full_file_is_put_aside_and_still_read(tmp_path: Path) -> None:
    path = tmp_path / "flight-recorder.jsonl"
    shutil.copy(GOLDEN, path)
    recorder = FlightRecorder(path)
    assert not recorder.rotate()
    assert recorder.rotate(limit_bytes=1000)
    assert not path.exists()
    path.write_text("")
    assert len(recorder.since(LONG_AGO)) == 6
    assert not recorder.rotate(limit_bytes=1000)
