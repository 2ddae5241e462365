"""The call itself: one phone dials a tracking number, another answers as its target; each plays its own tune."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from demo.account import Demo, DemoError, Number
from demo.melody import write_melody
from demo.narrator import Narrator
from demo.phone import Phone, PhoneError, PhoneEvent

ANSWER_AFTER_S = 1.5
PATIENCE_S = 40.0  # ringtrail's own ring timeouts are shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounds:
    """Where both phones' tunes and what they heard are kept."""

    folder: Path

    def tune(self, who: str) -> Path:
        return self.folder / f"{who}-plays.wav"

    def heard(self, who: str) -> Path:
        return self.folder / f"{who}-heard.wav"

    def prepare(self, length_s: float) -> None:
        for who in ("caller", "target"):
            write_melody(self.tune(who), who, length_s)
            self.heard(who).unlink(missing_ok=True)


async def converse(
    demo: Demo, number: Number, sounds: Sounds, narrator: Narrator, *, talk_s: float, keys: str
) -> datetime:
    """Place the call, talk, hang up. Gives the instant of dialling. Raises DemoError, PhoneError."""
    host, port = demo.peer
    target = Phone(
        host=host, port=port, number=number.target, play=sounds.tune("target"), loop=True, record=sounds.heard("target"),
        answer_after_s=None if number.unanswered else ANSWER_AFTER_S, on_event=lambda event: _narrate_target(narrator, event),
    )  # fmt: skip
    caller = Phone(
        number=demo.caller, name="Ada", play=sounds.tune("caller"), loop=True, record=sounds.heard("caller"),
        on_event=lambda event: _narrate_caller(narrator, event),
    )  # fmt: skip
    async with AsyncExitStack() as phones:
        await _plug_in(phones, target)
        await phones.enter_async_context(caller)
        await caller.call(f"sip:{number.number}@{demo.sip.host}:{demo.sip.port}")
        dialled = await caller.wait("dialling")
        try:
            await _connected(caller, None if number.unanswered else target)
        except TimeoutError:
            raise DemoError(f"no answer at sip:{demo.sip.host}:{demo.sip.port} after {PATIENCE_S:.0f} s") from None
        await _talk(caller, talk_s, keys)
    return dialled.at


async def _plug_in(phones: AsyncExitStack, target: Phone) -> None:
    try:
        await phones.enter_async_context(target)
    except PhoneError as error:
        advice = ". ringtrail sends the target's calls there (RINGTRAIL_TRUNK_PEER); is another demo running?"
        raise DemoError(
            f"the target's phone cannot start: {error}{advice if 'in use' in str(error) else ''}"
        ) from error


async def _connected(caller: Phone, target: Phone | None) -> None:
    """Until somebody talks to the caller, or the caller's leg has ended. Raises TimeoutError.

    Prompts may answer the caller's leg long before the target does; without a target the caller's own answer counts.
    """
    answering = target or caller
    waits = [
        asyncio.ensure_future(answering.wait("answered", timeout_s=PATIENCE_S)),
        asyncio.ensure_future(caller.wait("ended", timeout_s=PATIENCE_S)),
    ]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        done.pop().result()
    finally:
        for task in waits:
            task.cancel()


async def _talk(caller: Phone, talk_s: float, keys: str) -> None:
    if caller.seen("ended"):
        return
    await asyncio.sleep(talk_s / 2)
    if keys and not caller.seen("ended"):
        await caller.dtmf(keys)
    await asyncio.sleep(talk_s / 2)
    if not caller.seen("ended"):
        await caller.hangup()
    await caller.wait("ended")


def _narrate_caller(narrator: Narrator, event: PhoneEvent) -> None:
    fields = event.fields
    match event.name:
        case "dialling":
            text = f"The caller dials {fields['uri']}"
        case "ringing":
            text = f"The caller hears ringing ({fields['status']})"
        case "answered":
            text = "The caller's leg is answered"
        case "media":
            text = f"Sound flows between caller and ringtrail ({fields['codec']}, {fields['rate'] // 1000} kHz)"
        case "ended":
            text = f"The caller's leg ends ({fields['status']} {fields['reason']})"
        case "error" if not fields.get("fatal"):
            text = f"The caller's phone: {fields['message']}"
        case _:
            return
    narrator.tell(f"caller.{event.name}", text, event.at, **fields)


def _narrate_target(narrator: Narrator, event: PhoneEvent) -> None:
    fields = event.fields
    match event.name:
        case "incoming":
            text = f"The target's phone rings: {fields['caller']}"
        case "answered":
            text = "The target picks up"
        case "dtmf":
            text = f"The target hears the key {fields['digit']}"
        case "ended":
            text = "The target's leg ends"
        case "error" if not fields.get("fatal"):
            text = f"The target's phone: {fields['message']}"
        case _:
            return
    narrator.tell(f"target.{event.name}", text, event.at, **fields)
