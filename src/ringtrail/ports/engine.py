"""The engine port: what moves SIP and media tells us facts and takes commands. No engine's word is in here.

Facts are past tense, carry an aware UTC instant taken by the engine itself, and arrive in order per leg. After LegEnded
there is nothing more of that leg. Commands name their leg, playback and recording ids, so a repeated command is refused
by the engine instead of being done twice. A command on a leg that is gone raises LegGoneError; one that the engine cannot
carry out raises EngineError; both leave the call's facts to tell what happened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Protocol


class Capability(Enum):
    """What an engine can do beyond the minimum; the conformance suite asks for these, not for names."""

    PER_LEG_RECORDING = auto()
    NATIVE_CONNECT = auto()  # `connect` is carried by the engine itself: fewer commands a call
    SURVIVES_CONTROLLER = auto()  # calls go on when we are gone, and `live_legs` finds them again
    FLIGHT_RECORDER = auto()  # `ended_while_away` knows how legs ended while nobody listened
    REAL_AUDIO = auto()
    REGISTRAR = auto()  # `set_phones`: subscribers' phones register with it and call through it


class EngineError(Exception):
    """The engine refused or could not carry out a command."""


class LegGoneError(EngineError):
    """The leg of the command does not exist (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFact(Fact):
    leg_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOffered(LegFact):
    """A caller's INVITE arrived from a known trunk, or from a phone that gave its subscriber's password. `dialled` and
    `caller_number` are as on the wire."""

    dialled: str
    caller_number: str | None
    caller_name: str | None
    caller_withheld: bool  # Privacy: id, an anonymous From, or no usable number
    trunk: str
    subscriber_id: int | None = None  # whose phone it is; what it says of its caller is not to be believed


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRinging(LegFact):
    """180 or 183 from the far end of a leg that we originated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAnswered(LegFact):
    """200 OK: from the far end of our leg, or sent by us on the caller's."""

    codec: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegsJoined(Fact):
    """Both parties hear each other."""

    bridge_id: str
    leg_ids: tuple[str, ...]


class EndedBy(StrEnum):
    FAR_END = "far_end"  # the other side of this leg: BYE, CANCEL or a final error status
    US = "us"  # our command, or our ring timeout
    ENGINE = "engine"  # the engine broke off: crash, restart, media loss


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(LegFact):
    ended_by: EndedBy
    cause: int | None  # Q.850
    sip_status: int | None  # final status >= 300, if one was received or sent
    timed_out: bool = False  # our ring timeout ran out
    raw: str | None = None  # the engine's own words


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsPressed(LegFact):
    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackEnded(LegFact):
    playback_id: str
    completed: bool  # False: stopped, failed, or the leg ended


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingEnded(Fact):
    """A message, or a joined call's recording; told only to the controller that started it."""

    recording_id: str
    duration_ms: int | None  # None: unknown, read the file
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLost(Fact):
    """The connection to the engine is gone; its calls may live on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReady(Fact):
    """Connected (again). restarted: the engine lost all legs that it had before; no LegEnded follows for them."""

    restarted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundCaller:
    """The CLI that a target sees. number_e164 None or withheld: anonymous."""

    number_e164: str | None
    name: str | None = None
    withheld: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LegSnapshot:
    """A leg that the engine has right now."""

    leg_id: str
    up: bool
    started_at: datetime
    dialled: str | None  # of an inbound leg
    bridge_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegHistory:
    """What the engine's flight recorder says of a leg: enough for a true CDR when nobody listened."""

    leg_id: str
    inbound: bool
    parent_leg_id: str | None  # the inbound leg that caused an outbound one
    started_at: datetime
    dialled: str | None
    caller_number: str | None
    caller_name: str | None
    caller_withheld: bool
    answered_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime | None
    cause: int | None
    ended_by: EndedBy | None
    subscriber_id: int | None = None  # as of LegOffered


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """What a phone needs to be let in."""

    subscriber_id: int
    username: str
    password: str = field(repr=False)
    codecs: tuple[str, ...] = ()  # G729, OPUS, PCMA, PCMU; empty: whatever the engine has
    srtp: bool = False  # sound has to be encrypted (SDES, RFC 4568), otherwise it must not be


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Dial a target and join it with the caller when it answers, in one command (NATIVE_CONNECT)."""

    caller_leg_id: str
    target_leg_id: str
    bridge_id: str
    number_e164: str
    caller: OutboundCaller
    ring_timeout_s: int
    answer_caller: bool  # send 200 OK to the caller when the target answers
    recording_id: str | None = None  # record the joined call: mixed and per leg
    trunk: str | None = None


class Engine(Protocol):
    """One engine node. `name` is unique among nodes and stable over restarts."""

    name: str
    capabilities: frozenset[Capability]

    async def run(self) -> None:
        """Keep the connection up until cancelled, reconnecting with backoff."""
        ...

    def facts(self) -> AsyncIterator[Fact]:
        """Every fact, once, for one consumer."""
        ...

    async def ring(self, leg_id: str) -> None:
        """180 to a caller that is not answered yet, ringback tone to one that is. Until `stop_ringing` or the bridge."""
        ...

    async def stop_ringing(self, leg_id: str) -> None: ...

    async def answer(self, leg_id: str) -> None: ...

    async def hang_up(self, leg_id: str, cause: int) -> None:
        """End the leg with a Q.850 cause. On a leg that is gone: nothing happens."""
        ...

    async def originate(
        self, leg_id: str, number_e164: str, *, caller: OutboundCaller, ring_timeout_s: int, for_leg_id: str | None
    ) -> None:
        """Call a number. Repeating with the same leg_id raises EngineError and dials nothing."""
        ...

    async def connect(self, command: Connect) -> None:
        """See Connect. Only with NATIVE_CONNECT."""
        ...

    async def play(self, leg_id: str, playback_id: str, path: str, *, loop: bool = False) -> None:
        """Play a sound file (absolute path without extension) to one leg. Ends with PlaybackEnded."""
        ...

    async def stop_playing(self, playback_id: str) -> None: ...

    async def join(self, bridge_id: str, leg_ids: tuple[str, ...]) -> None:
        """Let the legs hear each other. A leg that ends leaves; the bridge goes with the last leg."""
        ...

    async def start_recording(self, leg_id: str, recording_id: str) -> None:
        """Record the call seen from the caller's leg, mixed and (PER_LEG_RECORDING) each side, until the leg ends."""
        ...

    async def record_message(self, leg_id: str, recording_id: str, *, max_s: int, silence_s: int) -> None:
        """Beep, then record what the leg says until '#', silence, max_s, or the leg's end. Ends with RecordingEnded."""
        ...

    async def set_phones(self, phones: Sequence[Phone]) -> None:
        """These and no others may register and call: from now on, and again whenever the engine has come back. Calls that
        live go on. Only with REGISTRAR."""
        ...

    async def live_legs(self) -> list[LegSnapshot]: ...

    async def ended_while_away(self, since: datetime) -> list[LegHistory]:
        """What the flight recorder knows of legs since then, oldest first. Empty without FLIGHT_RECORDER."""
        ...
