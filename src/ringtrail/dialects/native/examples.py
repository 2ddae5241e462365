"""The call that the documentation shows."""

from __future__ import annotations

from ringtrail.dialects.native.errors import InvalidRequestError, Problem, problem_of
from ringtrail.dialects.native.responses import (
    AppRef,
    Attribution,
    Call,
    CallDetail,
    Caller,
    CallList,
    Leg,
    PropertyRef,
    Recording,
    RecordingList,
    Target,
    TraceEntry,
    TrackingNumber,
)
from ringtrail.dialects.native.vocabulary import PREFIX
from ringtrail.model.call import LegRole, RecordingKind, Trigger
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.lifecycle import Stage, State

_ID, _HASH = "422137815040065", "REC0RD1N"
_STARTED, _ANSWERED, _ENDED = (f"2026-07-14T09:{at}.000Z" for at in ("05:10", "05:21", "08:40"))

CALL = Call(
    id=_ID, change=1842, property=PropertyRef(sid="7QXW4K2M9TJ3B6ZP5RV8C1YH2DFN0GSA", name="www.example.org"),
    state=State.ENDED, disposition=Disposition.ANSWERED, stage=Stage.BRIDGED, trigger=Trigger.NORMAL,
    tracking_number=TrackingNumber(number="+33912340001", name="Front desk"),
    caller=Caller(number="+33612345678", name="Alice", withheld=False, country="FR", line_type="MOBILE", region=None, is_new=True),
    target=Target(number="+33987654321", country="FR", line_type="FIXED"),
    app=AppRef(hash="K7PQ2M4X", name="Main line", package="CALLTRACKING10"),
    attribution=Attribution(source="Google Ads", medium="cpc", campaign="summer", content="banner-3", offline_description=None),
    started_at=_STARTED, answered_at=_ANSWERED, ended_at=_ENDED, ring_s=11, talk_s=199, total_s=210, billed_s=240,
    hangup_cause=16, hangup_by=HangupBy.CALLER, keypad=None, redirected=False, recording=_HASH,
)  # fmt: skip

_LEG = Leg(
    id=_ID, role=LegRole.CALLER, position=0, number="+33612345678", started_at=_STARTED, ringing_at=None,
    answered_at=_ANSWERED, ended_at=_ENDED, disposition=Disposition.ANSWERED, cause=16, sip_status=None,
    hangup_by=HangupBy.CALLER, codec="alaw", talk_s=199, total_s=210,
)  # fmt: skip

CALL_LIST = CallList(calls=[CALL], next_cursor="bi4xNzg0MDE5OTEwMDAwMDAwLjQyMjEzNzgxNTA0MDA2NQ")
CALL_DETAIL = CallDetail(
    **{name: getattr(CALL, name) for name in CALL.__struct_fields__},
    legs=[_LEG],
    trace=[TraceEntry(at=_STARTED, what="offered", detail={"did": "+33912340001"})],
)
RECORDING = Recording(
    hash=_HASH, call_id=_ID, kind=RecordingKind.CALL, status="ready", started_at=_ANSWERED, duration_ms=199_020,
    size_bytes=3_184_364, read_at=None, parts=["caller", "target"],
    audio={name: f"http://127.0.0.1:8000{PREFIX}/recordings/{_HASH}/audio.{name}" for name in ("wav", "mp3")},
)  # fmt: skip
RECORDING_LIST = RecordingList(recordings=[RECORDING])


def problem(code: ErrorCode) -> Problem:
    """A problem with this code."""
    if code is ErrorCode.OUT_OF_RANGE:
        fault = DomainError(code, field="limit", detail="must be 1 to 1000")
        return problem_of(InvalidRequestError(code, detail="1 parameter is wrong", faults=(fault,)))
    return problem_of(DomainError(code))
