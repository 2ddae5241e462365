"""The sound port: what turns files of any kind and texts into sounds that an engine plays."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ringtrail.model.sound import Voice

LONGEST_S = 600
"""A sound that is longer is refused."""


class SoundError(Exception):
    """No sound can be made of it; the message is for who sent it."""


class Studio(Protocol):
    """Writes WAV files: 8 kHz, 16 bit, mono. What it reads may be hostile: whatever it is, it ends soon, with a file or with
    SoundError."""

    def speaks(self) -> bool:
        """Whether there is something to speak with."""

    async def convert(self, source: Path, wav: Path) -> None: ...

    async def speak(self, text: str, voice: Voice, rate: int, wav: Path) -> None:
        """rate: 1 to 100, 50 is usual."""
