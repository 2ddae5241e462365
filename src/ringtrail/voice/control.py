"""CallControl: what a voice app can do with the call that it was given."""

from __future__ import annotations

from typing import Protocol

from ringtrail.model.app import Target, VoicemailSettings
from ringtrail.model.cause import Disposition


class CallControl(Protocol):
    """One call, seen by its voice app. Media are ids of the media library; 0 is nothing.

    When the caller hangs up, the app's coroutine is cancelled: nothing has to be checked after an await. When the app
    returns, the caller is hung up with the cause that the last target gave.
    """

    async def answer(self) -> None:
        """Answer the caller; nothing happens if that is done already."""
        ...

    async def call_caller(self, *, ring_timeout_s: int) -> None:
        """Dial the caller of a call that we place ourselves, and wait for the answer."""
        ...

    async def play(self, media: int) -> None:
        """Let the caller hear a prompt to its end. Answers first: a prompt needs a connection."""
        ...

    async def connect(
        self,
        target: Target,
        *,
        ringtone_media: int,
        whisper_media: int,
        bridge_media: int,
        record: bool,
        max_talk_s: int | None = None,
    ) -> Disposition:
        """Call a target; whisper to it when it answers, play the bridge prompt to both, let them talk to the end, or for
        max_talk_s seconds.

        Returns ANSWERED after the talk, or why the target was lost before it.
        """
        ...

    async def gather(self, media: int, *, most: int, within_s: float) -> str:
        """Play a prompt, over which the caller may type, and give the keys up to '#', or `most` of them, or those that came
        within_s after the prompt. They are not kept in the record: what an app asks for may be a secret."""
        ...

    async def record(self, name: str, *, max_s: int, silence_s: int) -> bool:
        """Beep, then record what the caller says until '#', silence, max_s or the caller's end. False: '*', nothing of it
        is to be kept."""
        ...

    async def take_message(self, settings: VoicemailSettings) -> None:
        """Play the voicemail prompt and record what the caller says."""
        ...
