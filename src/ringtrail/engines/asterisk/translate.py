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
    Connect,
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

INBOUND, OUTBOUND, BACK = "in", "out", "back"
"""First argument of our Stasis application: how the leg came to be, or that its `connect` is over."""

TRUNK = "trunk"
SUBSCRIBER = "subscriber"
_CODEC_VARIABLE = "CHANNEL(audionativeformat)"
_ECHO = timedelta(milliseconds=50)  # both parties pressing at once make Asterisk report the last digit twice
_TIMEOUT_SLACK = timedelta(milliseconds=50)
_REMEMBERED_LEGS = 20_000
_NO_ROUTE = 3
_CANCELLED = 487
_DECLINED = 603  # what Asterisk sends for a cause that it has no status for


@dataclass(slots=True)
class Leg:
    """What we must remember of a leg between its events."""

    inbound: bool
    channel_id: str = ""
    channel_name: str = ""
    dialled: str = ""  # by a caller
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
    target_leg_id: str | None = None  # of a caller: the leg that Asterisk is connecting it with by itself
    caller_leg_id: str | None = None  # of such a target
    bridge_id: str | None = None  # how we call the bridge of such a target


class LegBook:
    """The legs of one Asterisk, and what its events say of them."""

    def __init__(self, app: str) -> None:
        self._app = app
        self.legs: dict[str, Leg] = {}
        self._used: OrderedDict[str, None] = OrderedDict()
        self._leg_of_channel: dict[str, str] = {}  # where they differ
        self._held: dict[str, LegEnded] = {}  # by caller: the end of a target, until the caller takes commands again

    # -- what we did ------------------------------------------------------------------------------------------------

    def originating(self, leg_id: str, ring_timeout_s: int | None) -> bool:
        """We are about to originate a leg. False: that id was used before."""
        if leg_id in self._used:
            return False
        self._remember(leg_id, Leg(inbound=False, ring_timeout_s=ring_timeout_s))
        return True

    def connecting(self, command: Connect) -> bool:
        """Asterisk is about to dial a target for a caller by itself. False: that target's id was used before."""
        if not self.originating(command.target_leg_id, command.ring_timeout_s):
            return False
        target = self.legs[command.target_leg_id]
        target.caller_leg_id, target.bridge_id = command.caller_leg_id, command.bridge_id
        self.legs[command.caller_leg_id].target_leg_id = command.target_leg_id
        return True

    def not_connecting(self, command: Connect) -> None:
        """Asterisk refused."""
        self.forget(command.target_leg_id)
        caller = self.legs.get(command.caller_leg_id)
        if caller is not None:
            caller.target_leg_id = None

    def adopt(self, channel: Json) -> LegSnapshot | None:
        """A channel found in Asterisk's list. None: it is not one of our legs."""
        leg_id = self.leg_id(channel)
        leg = self.legs.get(leg_id)
        if leg is None:
            inbound = self._is_caller(channel)
            if not inbound and not channel["accountcode"].startswith(f"{self._app}/"):
                return None
            leg = Leg(inbound=inbound, ringing=channel["state"] == "Ringing", dialled=channel["dialplan"]["exten"])
            if channel["state"] == "Up":
                leg.up_at, leg.answer_told = instant(channel["creationtime"]), True
            if (
                not inbound and leg_id != channel["id"]
            ):  # an earlier controller's `connect` dials it, and joins it by itself
                leg.bridge_id = f"of-{leg_id}"
            self._remember(leg_id, leg)
        self._is_on(leg_id, leg, channel)
        return _snapshot(leg_id, channel, leg)

    def _is_on(self, leg_id: str, leg: Leg, channel: Json) -> None:
        leg.channel_id, leg.channel_name = channel["id"], channel["name"]
        if leg_id != channel["id"]:
            self._leg_of_channel[channel["id"]] = leg_id

    def leg_id(self, channel: Json) -> str:
        """Asterisk names the channels that it dials by itself; ours is in the mark that they carry."""
        mark: str = channel["accountcode"]
        return mark[len(self._app) + 1 :] if mark.startswith(f"{self._app}/") else channel["id"]

    def _is_caller(self, channel: Json) -> bool:
        plan = channel["dialplan"]
        app, _, arguments = plan.get("app_data", "").partition(",")
        here = plan.get("app_name") == "Stasis" and app == self._app and arguments.partition(",")[0] in (INBOUND, "")
        return here or channel["accountcode"].startswith(f"{self._app}:")

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
        arguments, channel = event.get("args") or [INBOUND], event["channel"]
        leg_id = self.leg_id(channel)
        if event.get("application") != self._app:
            return []
        if arguments[0] == BACK:
            return self._back(leg_id, at)
        if arguments[0] == OUTBOUND:
            if leg_id not in self.legs:  # a controller before us originated it
                self._remember(leg_id, Leg(inbound=False))
            return self._tell_answer(channel, at)
        if arguments[0] != INBOUND or leg_id in self.legs:
            return []
        leg = Leg(inbound=True, dialled=channel["dialplan"]["exten"])
        self._remember(leg_id, leg)
        self._is_on(leg_id, leg, channel)
        return [offered(channel, presentation=arguments[1] if len(arguments) > 1 else "")]

    def _back(self, caller_leg_id: str, at: datetime) -> list[Fact]:
        """A connect is over and its caller takes commands again."""
        caller = self.legs.get(caller_leg_id)
        return self._connect_is_over(caller_leg_id, caller, at) if caller is not None else []

    def _connect_is_over(self, caller_leg_id: str, caller: Leg, at: datetime) -> list[Fact]:
        """The end of its target, if it was held back or if there never was a channel."""
        target_leg_id, caller.target_leg_id = caller.target_leg_id, None
        held = self._held.pop(caller_leg_id, None)
        if held is not None:
            return [held]
        target = self.legs.get(target_leg_id or "")
        if target is None or target_leg_id is None:
            return []
        target.caller_leg_id = None
        if target.channel_id:
            return []
        del self.legs[target_leg_id]
        return [never_dialled(target_leg_id, at, "Asterisk made no channel")]

    def _state_change(self, event: Json, at: datetime) -> list[Fact]:
        channel = event["channel"]
        leg_id = self.leg_id(channel)
        leg = self.legs.get(leg_id)
        if leg is None:
            return []
        self._is_on(leg_id, leg, channel)
        if channel["state"] == "Ringing":
            return self._tell_ringing(leg_id, leg, at)
        if channel["state"] != "Up" or leg.up_at is not None:
            return []
        leg.up_at = at
        leg.codec = codec_of(channel)
        return self._tell_answer(channel, at) if leg.inbound or leg.bridge_id else []

    def _dial(self, event: Json, at: datetime) -> list[Fact]:
        leg_id = self.leg_id(event["peer"])
        leg = self.legs.get(leg_id)
        if leg is None:
            return []
        self._is_on(leg_id, leg, event["peer"])
        if leg.dialled_at is None:
            leg.dialled_at = at
        return self._tell_ringing(leg_id, leg, at) if event["dialstatus"] in ("RINGING", "PROGRESS") else []

    def _tell_ringing(self, leg_id: str, leg: Leg, at: datetime) -> list[Fact]:
        if leg.ringing or leg.inbound or leg.up_at is not None:
            return []
        leg.ringing = True
        return [LegRinging(at=at, leg_id=leg_id)]

    def _tell_answer(self, channel: Json, at: datetime) -> list[Fact]:
        """Legs that we originate take commands only once they are in our application, so that is when we say so."""
        leg_id = self.leg_id(channel)
        leg = self.legs.get(leg_id)
        if leg is None or leg.answer_told:
            return []
        leg.answer_told = True
        self._is_on(leg_id, leg, channel)
        leg.up_at = leg.up_at or at
        return [LegAnswered(at=leg.up_at, leg_id=leg_id, codec=leg.codec or codec_of(channel))]

    def _entered_bridge(self, event: Json, at: datetime) -> list[Fact]:
        inside = set(event["bridge"]["channels"])
        if len(inside) < 2 or self.leg_id(event["channel"]) not in self.legs:
            return []
        members = [self._leg_of_channel.get(channel_id, channel_id) for channel_id in inside]
        known = {leg_id: self.legs[leg_id] for leg_id in sorted(members) if leg_id in self.legs}
        named = next((leg.bridge_id for leg in known.values() if leg.bridge_id), None)
        bridge_id = named or event["bridge"]["id"]
        return [LegsJoined(at=at, bridge_id=bridge_id, leg_ids=tuple(known))] if len(known) > 1 else []

    def _digit(self, event: Json, at: datetime) -> list[Fact]:
        leg_id, digit = self.leg_id(event["channel"]), event["digit"]
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
        leg = self.legs.get(self.leg_id(event["channel"]))
        if leg is not None and leg.hung_up_first is None:
            leg.hung_up_first = EndedBy.ENGINE if event.get("soft") else EndedBy.FAR_END
            leg.hung_up_at = at
        return []

    def _destroyed(self, event: Json, at: datetime) -> list[Fact]:
        leg_id = self.leg_id(event["channel"])
        leg = self.legs.pop(leg_id, None)
        self._leg_of_channel.pop(event["channel"]["id"], None)
        if leg is None:
            return []
        end = _ended(leg_id, leg, event, at)
        if leg.caller_leg_id in self.legs:
            self._held[leg.caller_leg_id] = end
            return []
        return [end, *self._connect_is_over(leg_id, leg, at)]

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
    return datetime.fromisoformat(text)


def offered(channel: Json, *, presentation: str) -> LegOffered:
    """presentation: Asterisk's CALLERID(num-pres), `allowed...`, `prohib...` or `unavailable`."""
    number, name = caller_number(channel["caller"]["number"]), channel["caller"]["name"] or None
    subscriber_id = subscriber_of(channel["accountcode"])
    return LegOffered(
        at=instant(channel["creationtime"]),
        leg_id=channel["id"],
        dialled=channel["dialplan"]["exten"],
        caller_number=number,
        caller_name=name if number else None,
        caller_withheld=is_withheld(number, presentation),
        trunk=TRUNK if subscriber_id is None else SUBSCRIBER,
        subscriber_id=subscriber_id,
    )


def subscriber_of(mark: str) -> int | None:
    """Whose phone a caller's leg is, by the account code that its endpoint gave it: `app:subscriber:12`."""
    _, kind, id_ = (*mark.split(":"), "", "")[:3]
    return int(id_) if kind == SUBSCRIBER and id_.isdecimal() else None


def caller_number(user: str) -> str | None:
    """The user part of From or P-Asserted-Identity if it is a number (RFC 3323 section 4.1: `anonymous` is none)."""
    return user if re.fullmatch(r"\+?[0-9]{2,32}", user) else None


def is_withheld(number: str | None, presentation: str) -> bool:
    return number is None or presentation.startswith(("prohib", "unavail"))


def codec_of(channel: Json) -> str | None:
    """`alaw` from `(alaw)`."""
    match = re.search(r"[a-z0-9]+", channel.get("channelvars", {}).get(_CODEC_VARIABLE) or "")
    return match[0] if match else None


def _snapshot(leg_id: str, channel: Json, leg: Leg) -> LegSnapshot:
    return LegSnapshot(
        leg_id=leg_id,
        up=channel["state"] == "Up",
        started_at=instant(channel["creationtime"]),
        dialled=leg.dialled if leg.inbound else None,
        bridge_id=None,
    )


def never_dialled(leg_id: str, at: datetime, why: str) -> LegEnded:
    """The end of a leg that has no channel."""
    return LegEnded(at=at, leg_id=leg_id, ended_by=EndedBy.ENGINE, cause=_NO_ROUTE, sip_status=None, raw=why)


def _ended(leg_id: str, leg: Leg, event: Json, at: datetime) -> LegEnded:
    at = leg.hung_up_at or at
    ended_by, cause, sip_status, timed_out = _end(leg, event, at)
    raw = f"{event.get('cause_txt', '')} ({event['cause']}), tech_cause {event.get('tech_cause')}"
    return LegEnded(
        at=at, leg_id=leg_id, ended_by=ended_by, cause=cause, sip_status=sip_status, timed_out=timed_out, raw=raw
    )


def _end(leg: Leg, event: Json, at: datetime) -> tuple[EndedBy, int | None, int | None, bool]:
    """Who ended it, Q.850 cause, final status, was it our ring timeout."""
    unanswered = leg.up_at is None
    cause, status = event["cause"] or None, event.get("tech_cause") or 0
    final = status if status >= 300 and unanswered else None
    if leg.commanded_cause is not None:
        return EndedBy.US, leg.commanded_cause, final or (_DECLINED if leg.inbound and unanswered else None), False
    if leg.inbound and unanswered and leg.hung_up_first is EndedBy.FAR_END:
        return EndedBy.FAR_END, Cause.NORMAL_CLEARING, _CANCELLED, False  # Asterisk says 127, interworking
    if _timed_out(leg, at):
        return EndedBy.US, Cause.NO_ANSWER, None, True
    if not leg.inbound and unanswered and _is_answer_to_cancel(cause, status):
        return EndedBy.US, Cause.NORMAL_CLEARING, None, False
    if leg.hung_up_first is EndedBy.FAR_END or (unanswered and final is not None and not leg.inbound):
        return EndedBy.FAR_END, cause or cause_of_bye(leg.up_at), final, False
    if leg.bridge_id:  # Asterisk let the target go with its caller
        return EndedBy.US, Cause.NORMAL_CLEARING, None, False
    return EndedBy.ENGINE, cause, final, False


def cause_of_bye(answered_at: datetime | None) -> int | None:
    """Asterisk has none for a BYE right after the answer. RFC 3398 section 8.2.2: 16."""
    return Cause.NORMAL_CLEARING if answered_at is not None else None


def _is_answer_to_cancel(cause: int | None, status: int) -> bool:
    """How Asterisk tells that a target gave in to the CANCEL of Dial(); a peer's own 500 has the cause 38."""
    return cause == Cause.INTERWORKING and status in (_CANCELLED, 500)


def _timed_out(leg: Leg, at: datetime) -> bool:
    """Asterisk gives its own ring timeout the cause and status of a 480; only the clock tells them apart."""
    if leg.dialled_at is None or leg.ring_timeout_s is None or leg.up_at is not None:
        return False
    return at - leg.dialled_at >= timedelta(seconds=leg.ring_timeout_s) - _TIMEOUT_SLACK
