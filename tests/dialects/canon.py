"""One canonical set of calls: every end, withheld and masked callers, redirects, keys, recordings, days of clock change.

Each call stands beside what a reader must learn of it; the expected words are those of the published cross-walk of
outcomes, written out here by hand. Nothing of this is taken from the dialects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ringtrail.model.account import Property
from ringtrail.model.attribution import StaticAttribution
from ringtrail.model.call import Call, RecordingKind, Trigger
from ringtrail.model.cause import Disposition, HangupBy
from ringtrail.model.lifecycle import Stage, State
from tests.fixtures import GOLDEN_START, World, with_recording

_D, _S = Disposition, Stage
_UNALLOCATED = "Unallocated (unassigned) number"


class End(NamedTuple):
    """How a call ended, and the word for it in each dialect. callr: of its target; None: no target was tried."""

    disposition: Disposition
    stage: Stage
    optico: str
    invox: str
    agendize: str
    fonedynamics: str
    callr: str | None
    forwarded_after_expiry: bool = False


ENDS: dict[str, End] = {
    "answered": End(_D.ANSWERED, _S.BRIDGED, "SUCCESS", "Answered", "completed", "Answered", "ANSWER"),
    "voicemail": End(_D.VOICEMAIL, _S.VOICEMAIL, "NORESPONSE", "Voice Mail", "message", "IVR", "NOANSWER"),
    "finished in a menu": End(_D.IVR, _S.IVR, "SUCCESS", "Answered", "completed", "IVR", None),
    "abandoned in a menu": End(_D.ABANDONED, _S.IVR, "ERR_SVI_STOP", "No answer", "abandoned", "IVR", None),
    "abandoned in a message": End(_D.ABANDONED, _S.MESSAGE, "ERR_CALLER_MSG", "No answer", "abandoned", "IVR", None),
    "abandoned while ringing": End(_D.ABANDONED, _S.RINGING, "INTERRUPTED", "No answer", "abandoned", "NoAnswer", "CANCEL"),
    "busy": End(_D.BUSY, _S.RINGING, "BUSY", "User busy", "busy", "Busy", "BUSY"),
    "rejected": End(_D.REJECTED, _S.RINGING, "BUSY", "Call Rejected", "busy", "Busy", "BUSY"),
    "no answer": End(_D.NO_ANSWER, _S.RINGING, "NORESPONSE", "No answer", "noAnswered", "NoAnswer", "NOANSWER"),
    "invalid number": End(_D.INVALID_NUMBER, _S.NONE, "ANOMALY", _UNALLOCATED, "wrongNumber", "Failed", "CHANUNAVAIL"),
    "unassigned": End(_D.UNASSIGNED, _S.NONE, "NOTASSIGNED", _UNALLOCATED, "wrongNumber", "Failed", None),
    "expired": End(_D.EXPIRED, _S.NONE, "EXPIRED", _UNALLOCATED, "wrongNumber", "Failed", None),
    "expired, sent on": End(_D.ANSWERED, _S.BRIDGED, "EXPIRED", "Answered", "completed", "Answered", "ANSWER", True),
    "blocked": End(_D.BLOCKED, _S.NONE, "CALLER_PHONE_BLACKLISTED", "Call Rejected", "noAnswered", "Failed", None),
    "failed": End(_D.FAILED, _S.NONE, "ANOMALY", "No answer", "noAnswered", "Failed", "CONGESTION"),
}  # fmt: skip

_BY_PLATFORM = {"voicemail", "finished in a menu", "abandoned in a menu", "abandoned in a message"}

CLOCK_CHANGES = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2026-03-29T00:59:59", "2026-03-29T01:00:00",  # Paris skips 02:00 to 03:00, Bucharest 03:00 to 04:00
        "2026-10-25T00:30:00", "2026-10-25T01:30:00",  # both show this half hour twice
        "2026-03-08T06:59:59", "2026-03-08T07:00:00",  # Toronto, spring
        "2026-11-01T05:30:00", "2026-11-01T06:30:00",  # Toronto, autumn
        "2025-12-31T22:59:59", "2025-12-31T23:00:00", "2026-12-31T22:59:59.999",  # Paris' year begins and ends
        "2026-02-28T23:00:00", "2026-07-14T22:00:00", "2026-07-14T21:59:59.5",  # its midnights
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call and what every dialect must tell of it."""

    call: Call
    item: Property
    end: End
    caller: str | None  # as it is shown
    handled_s: int  # talk, or time with the platform where that was all
    waited_s: int

    @property
    def started_at(self) -> datetime:
        """To the second, as it is shown everywhere."""
        return self.call.started_at.replace(microsecond=0)

    @property
    def billed_s(self) -> int:
        return -(-self.handled_s // 60) * 60


class Canon:
    """The calls of three properties: `world.property`, one that masks its callers, one in a time zone of its own."""

    def __init__(self, world: World, masking: Property, abroad: Property) -> None:
        self._world, self._count = world, 0
        self.properties = (world.property, masking, abroad)
        self.cases = tuple(self._cases(masking, abroad))
        self.live = self._live()

    def _cases(self, masking: Property, abroad: Property) -> Iterator[Case]:
        golden = self._world.golden()
        yield Case(
            call=golden, item=self._world.property, end=ENDS["answered"], caller="+33612345678", handled_s=199, waited_s=11
        )  # fmt: skip
        for end in ENDS:
            yield self._case(end)
            yield self._case(end, item=masking)
        for end in ("answered", "busy", "abandoned in a menu"):
            for item in self.properties:
                yield self._case(end, withheld=True, item=item)
        for at in CLOCK_CHANGES:
            for item in (self._world.property, abroad):
                yield self._case("answered", at=at, item=item)
        for keypad in ("1", "1,2", "*", "12,0,#"):
            yield self._case("answered", keypad=keypad)
        yield self._case("answered", redirected=True)
        yield self._case("no answer", redirected=True)
        for trigger in (Trigger.WEB, Trigger.RULE, Trigger.API):
            yield self._case("answered", trigger=trigger)
        yield self._case("answered", attribution=StaticAttribution())
        yield self._case("answered", attribution=StaticAttribution(source="Presse, été « 100 % »", content='"a"\\b\n'))
        for status in ("ready", "processing", "error"):
            yield self._recorded(self._case("answered"), RecordingKind.CALL, status)
        yield self._recorded(self._case("voicemail"), RecordingKind.VOICEMAIL, "ready")

    def _case(
        self, end: str, *, item: Property | None = None, at: datetime | None = None, withheld: bool = False, **changes: object
    ) -> Case:  # fmt: skip
        """The next call, with a caller and durations that no other has."""
        self._count += 1
        item, words = item or self._world.property, ENDS[end]
        start = at or GOLDEN_START + timedelta(hours=self._count, milliseconds=7 * self._count)
        talk_s, spoke = 13 * self._count, words.disposition is _D.ANSWERED or end in _BY_PLATFORM
        number = None if withheld else f"+336120{self._count:05}"
        call = self._call(words, start, talk_s, spoke, number, item, changes)
        shown = number[:-4] + "XXXX" if number and item.masks_callers else number
        answered = words.disposition is _D.ANSWERED
        return Case(
            call=call, item=item, end=words, caller=shown, handled_s=talk_s if spoke else 0,
            waited_s=11 if answered else 11 + talk_s,
        )  # fmt: skip

    def _call(
        self, words: End, start: datetime, talk_s: int, spoke: bool, number: str | None, item: Property,
        changes: dict[str, object],
    ) -> Call:  # fmt: skip
        answered_at, ended_at = start + timedelta(seconds=11), start + timedelta(seconds=11 + talk_s)
        bridged_at = answered_at if words.disposition is _D.ANSWERED else None
        by_caller = bridged_at is not None or words.disposition is _D.ABANDONED
        golden = self._world.golden(started_at=start)
        caller, target = (
            replace(leg, ended_at=ended_at, disposition=words.disposition, hangup_by=HangupBy.CALLER if by_caller else HangupBy.CALLEE)
            for leg in golden.legs
        )  # fmt: skip
        reached = f"+3398{self._count:07}" if words.callr else None
        legs = [replace(caller, answered_at=answered_at if spoke else None, number_e164=number)]
        if reached:
            of_target = _D.NO_ANSWER if words.disposition is _D.VOICEMAIL else words.disposition
            legs += [replace(target, answered_at=bridged_at, number_e164=reached, disposition=of_target)]
        expiry = {"redirected": True, "redirected_expired": True} if words.forwarded_after_expiry else {}
        call = replace(
            golden, property_id=item.id, caller_number_e164=number, caller_withheld=number is None,
            disposition=words.disposition, stage=words.stage, answered_at=bridged_at, bridged_at=bridged_at,
            ended_at=ended_at, hangup_by=caller.hangup_by, legs=tuple(legs), destination_number_e164=reached,
            tracking_number_e164=f"+449{item.id:09}",
        )  # fmt: skip
        return replace(call, **(expiry | changes))  # type: ignore[arg-type]

    def _recorded(self, case: Case, kind: RecordingKind, status: str) -> Case:
        call = with_recording(case.call, f"REC{self._count:05}")
        recording = replace(call.recordings[0], kind=kind, status=status)
        return replace(case, call=replace(call, recordings=(recording,)))

    def _live(self) -> Call:
        call = self._world.golden(started_at=GOLDEN_START + timedelta(days=100), caller_number_e164="+33611111111")
        caller, target = (replace(leg, ended_at=None, answered_at=None) for leg in call.legs)
        return replace(
            call, ended_at=None, answered_at=None, bridged_at=None, state=State.RINGING, stage=Stage.RINGING,
            disposition=Disposition.IN_PROGRESS, hangup_cause=None, hangup_by=None, legs=(caller, target),
        )  # fmt: skip
