"""Click-to-call: the visitor is called, and once there, put through to the target.

The visitor comes first so that nobody at the target answers into silence; the roles, and with them every report, are those
of a tracked call: the visitor is the caller, the button's number the target [inferred].
"""

from __future__ import annotations

from ringtrail.model.app import Target
from ringtrail.voice.control import CallControl

VISITOR_RING_TIMEOUT_S = 30


async def click_to_call(call: CallControl, target: Target, *, max_talk_s: int | None) -> None:
    await call.call_caller(ring_timeout_s=VISITOR_RING_TIMEOUT_S)
    await call.connect(target, ringtone_media=0, whisper_media=0, bridge_media=0, record=False, max_talk_s=max_talk_s)
