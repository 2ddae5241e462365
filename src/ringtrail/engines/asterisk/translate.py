"""ARI's events to our facts. No I/O and no clock: the same events give the same facts.

Instants are Asterisk's own. Asterisk speaks of every channel that it has; only legs that this book knows become facts:
callers from the moment they enter our application, and what we originated.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringtrail.model.cause import Cause
from ringtrail.ports.engine import (
    DigitsPressed,
    EndedBy,
    Fact,
    LegAnswered,
    LegEnded,
    LegOffered,
    LegRinging,
    LegsJoined,
    LegSnapshot,
    PlaybackEnded,
)

Json = Mapping[str, Any]

INBOUND, OUTBOUND = "in", "out"
"""First argument of our Stasis application: how the leg came to be."""

TRUNK = "trunk"
_CODEC_VARIABLE = "CHANNEL(audionativeformat)"
_ECHO = timedelta(milliseconds=50)  # both parties pressing at once make Asterisk report the last digit twice
_TIMEOUT_SLACK = timedelta(milliseconds=50)
_REMEMBERED_LEGS = 20_000
_CANCELLED = 487
_DECLINED = 603  # what Asterisk sends for a cause that it has no status for


@dataclass(slots=True)
class Leg:
    """What we must remember of a leg between its events."""

    inbound: bool
    channel_name: str = ""
    ring_timeout_s: int | None = None
    dialled_at: datetime | None = None
    ringing: bool = False
    up_at: datetime | None = None
    codec: str | None = None
    answer_told: bool = False
    hung_up_first: EndedBy | None = None  # by the events: far end, or somebody on this side
    hung_up_at: datetime | None = None
    commanded_cause: int | None = None  # we asked for the end, with this cause
    last_digit: tuple[str, datetime] | None = None


class LegBook:
    """The legs of one Asterisk, and what its events say of them."""

    def __init__(self, app: str) -> None:
        self._app = app
        self.legs: dict[str, Leg] = {}
        self._used: OrderedDict[str, None] = OrderedDict()

    # -- what we did ------------------------------------------------------------------------------------------------

    def originating(self, leg_id: str, ring_timeout_s: int | None) -> bool:
        """We are about to originate a leg. False: that id was used before."""
        if leg_id in self._used:
            return False
        self._remember(leg_id, Leg(inbound=False, ring_timeout_s=ring_timeout_s))
        return True

    def adopt(self, channel: Json) -> LegSnapshot | None:
        """A channel found in Asterisk's list. None: it is not one of our legs."""
        leg = self.legs.get(channel["id"])
        if leg is None:
            direction = self._direction(channel)
            if direction is None:
                return None
            leg = Leg(inbound=direction == INBOUND, ringing=channel["state"] == "Ringing")
            if channel["state"] == "Up":
                leg.up_at, leg.answer_told = instant(channel["creationtime"]), True
            self._remember(channel["id"], leg)
        leg.channel_name = channel["name"]
        return _snapshot(channel, leg)

    def _direction(self, channel: Json) -> str | None:
        plan = channel["dialplan"]
        if channel["accountcode"] == self._app:  # what we originate is marked so, before it enters our application too
            return OUTBOUND
        app, _, arguments = plan.get("app_data", "").partition(",")
        ours = plan.get("app_name") == "Stasis" and app == self._app
        return INBOUND if ours and arguments.partition(",")[0] in (INBOUND, "") else None

    def forget(self, leg_id: str) -> None:
        self.legs.pop(leg_id, None)

    def answered(self, leg_id: str, at: datetime) -> None:
        """A leg answered while we were not connected."""
        leg = self.legs[leg_id]
        leg.up_at = leg.up_at or at
        leg.answer_told = True

    def hanging_up(self, leg_id: str, cause: int) -> None:
        """We are about to end a leg."""
        leg = self.legs.get(leg_id)
        if leg is not None and leg.commanded_cause is None:
            leg.commanded_cause = cause

    # -- what Asterisk says -----------------------------------------------------------------------------------------

    def facts(self, event: Json) -> list[Fact]:
        """The facts in an event, most often none or one."""
        reader = _READERS.get(event["type"])
        return reader(self, event, instant(event["timestamp"])) if reader else []

    def _stasis_start(self, event: Json, at: datetime) -> list[Fact]:
        arguments = event.get("args") or [INBOUND]
        channel = event["channel"]
        if event.get("application") != self._app:
            return []
        if arguments[0] == OUTBOUND:
            if channel["id"] not in self.legs:  # a controller before us originated it
                self._remember(channel["id"], Leg(inbound=False))
            return self._tell_answer(channel, at)
        if arguments[0] != INBOUND or channel["id"] in self.legs:
            return []
        self._remember(channel["id"], Leg(inbound=True, channel_name=channel["name"]))
        return [offered(channel, presentation=arguments[1] if len(arguments) > 1 else "")]

    def _state_change(self, event: Json, at: datetime) -> list[Fact]:
        channel = event["channel"]
        leg = self.legs.get(channel["id"])
        if leg is None:
            return []
        if channel["state"] == "Ringing":
            return self._tell_ringing(channel["id"], leg, at)
        if channel["state"] != "Up" or leg.up_at is not None:
            return []
        leg.up_at = at
        leg.codec = codec_of(channel)
        return self._tell_answer(channel, at) if leg.inbound else []

    def _dial(self, event: Json, at: datetime) -> list[Fact]:
        leg_id = event["peer"]["id"]
        leg = self.legs.get(leg_id)
        if leg is None:
            return []
        leg.channel_name = event["peer"]["name"]
        if leg.dialled_at is None:
            leg.dialled_at = at
        return self._tell_ringing(leg_id, leg, at) if event["dialstatus"] in ("RINGING", "PROGRESS") else []

    def _tell_ringing(self, leg_id: str, leg: Leg, at: datetime) -> list[Fact]:
        if leg.ringing or leg.inbound or leg.up_at is not None:
            return []
        leg.ringing = True
        return [LegRinging(at=at, leg_id=leg_id)]

    def _tell_answer(self, channel: Json, at: datetime) -> list[Fact]:
        """Answered legs take commands only once they are in our application, so that is when we say so."""
        leg = self.legs.get(channel["id"])
        if leg is None or leg.answer_told:
            return []
        leg.answer_told = True
        leg.channel_name = channel["name"]
        leg.up_at = leg.up_at or at
        return [LegAnswered(at=leg.up_at, leg_id=channel["id"], codec=leg.codec or codec_of(channel))]

    def _entered_bridge(self, event: Json, at: datetime) -> list[Fact]:
        members = tuple(leg_id for leg_id in event["bridge"]["channels"] if leg_id in self.legs)
        if len(members) < 2 or event["channel"]["id"] not in members:
            return []
        return [LegsJoined(at=at, bridge_id=event["bridge"]["id"], leg_ids=members)]

    def _digit(self, event: Json, at: datetime) -> list[Fact]:
        leg_id, digit = event["channel"]["id"], event["digit"]
        leg = self.legs.get(leg_id)
        if leg is None:
            return []
        last, leg.last_digit = leg.last_digit, (digit, at)
        if last is not None and last[0] == digit and at - last[1] < _ECHO:
            return []
        return [DigitsPressed(at=at, leg_id=leg_id, digits=digit)]

    def _playback_finished(self, event: Json, at: datetime) -> list[Fact]:
        playback = event["playback"]
        leg_id = playback["target_uri"].removeprefix("channel:")
        if leg_id not in self.legs:
            return []
        completed = playback["state"] == "done"
        return [PlaybackEnded(at=at, leg_id=leg_id, playback_id=playback["id"], completed=completed)]

    def _hangup_request(self, event: Json, at: datetime) -> list[Fact]:
        leg = self.legs.get(event["channel"]["id"])
        if leg is not None and leg.hung_up_first is None:
            leg.hung_up_first = EndedBy.ENGINE if event.get("soft") else EndedBy.FAR_END
            leg.hung_up_at = at
        return []

    def _destroyed(self, event: Json, at: datetime) -> list[Fact]:
        leg_id = event["channel"]["id"]
        leg = self.legs.pop(leg_id, None)
        return [] if leg is None else [_ended(leg_id, leg, event, at)]

    def _remember(self, leg_id: str, leg: Leg) -> None:
        self.legs[leg_id] = leg
        self._used[leg_id] = None
        if len(self._used) > _REMEMBERED_LEGS:
            self._used.popitem(last=False)


_READERS = {
    "StasisStart": LegBook._stasis_start,
    "ChannelStateChange": LegBook._state_change,
    "Dial": LegBook._dial,
    "ChannelEnteredBridge": LegBook._entered_bridge,
    "ChannelDtmfReceived": LegBook._digit,
    "PlaybackFinished": LegBook._playback_finished,
    "ChannelHangupRequest": LegBook._hangup_request,
    "ChannelDestroyed": LegBook._destroyed,
}


def instant(text: str) -> datetime:
    """`2026-11-21T22:09:32.123+0000`"""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def offered(channel: Json, *, presentation: str) -> LegOffered:
    """presentation: Asterisk's CALLERID(num-pres), `allowed...`, `prohib...` or `unavailable`."""
    number, name = caller_number(channel["caller"]["number"]), channel["caller"]["name"] or None
    return LegOffered(
        at=instant(channel["creationtime"]),
        leg_id=channel["id"],
        dialled=channel["dialplan"]["exten"],
        caller_number=number,
        caller_name=name if number else None,
        caller_withheld=is_withheld(number, presentation),
        trunk=TRUNK,
    )


def caller_number(user: str) -> str | None:
    """The user part of From or P-Asserted-Identity if it is a number (RFC 3323 section 4.1: `anonymous` is none)."""
    return user if re.fullmatch(r"\+?[0-9]{2,32}", user) else None


def is_withheld(number: str | None, presentation: str) -> bool:
    return number is None or presentation.startswith(("prohib", "unavail"))


def codec_of(channel: Json) -> str | None:
    """`alaw` from `(alaw)`."""
    match = re.search(r"[a-z0-9]+", channel.get("channelvars", {}).get(_CODEC_VARIABLE) or "")
    return match[0] if match else None


def _snapshot(channel: Json, leg: Leg) -> LegSnapshot:
    return LegSnapshot(
        leg_id=channel["id"],
        up=channel["state"] == "Up",
        started_at=instant(channel["creationtime"]),
        dialled=channel["dialplan"]["exten"] if leg.inbound else None,
        bridge_id=None,
    )


def _ended(leg_id: str, leg: Leg, event: Json, at: datetime) -> LegEnded:
    at = leg.hung_up_at or at
    ended_by, cause, sip_status, timed_out = _end(leg, event, at)
    raw = f"{event.get('cause_txt', '')} ({event['cause']}), tech_cause {event.get('tech_cause')}"
    return LegEnded(
        at=at, leg_id=leg_id, ended_by=ended_by, cause=cause, sip_status=sip_status, timed_out=timed_out, raw=raw
    )


def _end(leg: Leg, event: Json, at: datetime) -> tuple[EndedBy, int | None, int | None, bool]:
    """Who ended it, Q.850 cause, final status, was it our ring timeout."""
    cause, status = event["cause"] or None, event.get("tech_cause") or 0
    final = status if status >= 300 and leg.up_at is None else None
    if leg.commanded_cause is not None:
        refused = leg.inbound and leg.up_at is None
        return EndedBy.US, leg.commanded_cause, final or (_DECLINED if refused else None), False
    if leg.hung_up_first is EndedBy.FAR_END:
        if leg.inbound and leg.up_at is None:  # CANCEL; Asterisk says 127, interworking
            return EndedBy.FAR_END, Cause.NORMAL_CLEARING, _CANCELLED, False
        return EndedBy.FAR_END, cause, final, False
    if leg.inbound or leg.up_at is not None:
        return EndedBy.ENGINE, cause, final, False
    if _timed_out(leg, at):
        return EndedBy.US, Cause.NO_ANSWER, None, True
    return EndedBy.FAR_END, cause, final, False


def _timed_out(leg: Leg, at: datetime) -> bool:
    """Asterisk gives its own ring timeout the cause and status of a 480; only the clock tells them apart."""
    if leg.dialled_at is None or leg.ring_timeout_s is None:
        return False
    return at - leg.dialled_at >= timedelta(seconds=leg.ring_timeout_s) - _TIMEOUT_SLACK
