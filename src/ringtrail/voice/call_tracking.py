"""CALLTRACKING10: welcome, targets in order, voicemail. Source: CALLR's object reference (CALLTRACKING10.*).

Targets are called one after the other; whether the vendor rings several at once is not settled by its documents
[inferred].
"""

from __future__ import annotations

from ringtrail.model.app import CallTrackingSettings
from ringtrail.model.cause import Disposition
from ringtrail.voice.control import CallControl


async def call_tracking(call: CallControl, settings: CallTrackingSettings) -> None:
    """Run one call. `medias.ringtone` 0 means the network's own ringing."""
    if settings.welcome_media:
        await call.play(settings.welcome_media)
    for target in settings.targets:
        outcome = await call.connect(
            target,
            ringtone_media=settings.ringtone_media,
            whisper_media=settings.whisper_media,
            bridge_media=settings.bridge_media,
            record=settings.record_calls,
        )
        if outcome is Disposition.ANSWERED:
            return
    if settings.voicemail.active:
        await call.take_message(settings.voicemail)
