"""Which voice app runs a call, from its beginning and after a take-over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ringtrail.model.app import CallTrackingSettings, Target
from ringtrail.model.button import CallOrder
from ringtrail.services.live_call import LiveCall, Script
from ringtrail.voice.call_tracking import call_tracking
from ringtrail.voice.click_to_call import click_to_call
from ringtrail.voice.phone_in import phone_in


def track(settings: CallTrackingSettings) -> Script:
    """The script of an inbound call."""

    async def script(live: LiveCall) -> None:
        await call_tracking(live, settings)

    return script


def record_medium(take: Callable[[str, str | None], Awaitable[str | None]]) -> Script:
    """The script of a caller who is to record a medium. take: of services.phone_in.PhoneIn."""

    async def script(live: LiveCall) -> None:
        caller = live.ledger.call.caller_number_e164
        await phone_in(live, lambda code: take(code, caller))

    return script


def place(target: Target, max_talk_s: int | None) -> Script:
    """The script of a call that we place ourselves, also after a take-over."""

    async def script(live: LiveCall) -> None:
        if len(live.ledger.call.legs) == 1:
            await click_to_call(live, target, max_talk_s=max_talk_s)
        else:
            await live.go_on(CallTrackingSettings(), max_talk_s=max_talk_s)

    return script


def ordered(order: CallOrder, settings: CallTrackingSettings) -> Script:
    """The script of an ordered call, also after a take-over. settings: its route's."""
    if order.click is None:
        return place(Target(number_e164=order.target_e164), order.max_talk_s)
    tried, _ = order.click.tried(order.position)

    async def script(live: LiveCall) -> None:
        if live.ledger.caller_is_up:
            await resume(settings)(live)
        else:
            await live.call_caller(ring_timeout_s=tried.ring_timeout_s)
            await call_tracking(live, settings)

    return script


def resume(settings: CallTrackingSettings) -> Script:
    """The script of a call that was taken over: finish what was begun, then the targets that were not tried yet."""

    async def script(live: LiveCall) -> None:
        if await live.go_on(settings):
            return
        tried = len(live.ledger.call.legs) - 1
        await call_tracking(live, replace(settings, welcome_media=0, targets=settings.targets[tried:]))

    return script
