"""The studio of this machine: children that convert and speak, few at a time, each for a while at most."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog

from ringtrail.model.sound import Voice
from ringtrail.ports.sound import SoundError
from ringtrail.sound import espeak
from ringtrail.sound.convert import REFUSED

log = structlog.get_logger("ringtrail.sound")

WITHIN_S = 45.0
AT_ONCE = 2
_UNREADABLE = "this is no sound file that can be read"


class LocalStudio:
    """cache_dir: where a fetched eSpeak NG is."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self._espeak: espeak.Espeak | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    def speaks(self) -> bool:
        """It may have been fetched since we looked."""
        self._espeak = self._espeak or espeak.find(self._cache_dir)
        return self._espeak is not None

    async def convert(self, source: Path, wav: Path) -> None:
        command = [sys.executable, "-m", "ringtrail.sound.convert", str(source), str(wav)]
        async with self._turns:
            status, said = await _run(command, b"")
        if status == REFUSED:
            raise SoundError(said)
        if status != 0:
            log.warning("sound_not_read", status=status)
            raise SoundError(_UNREADABLE)

    async def speak(self, text: str, voice: Voice, rate: int, wav: Path) -> None:
        if not self.speaks() or self._espeak is None:
            raise SoundError("there is nothing to speak with")
        with tempfile.TemporaryDirectory(prefix="ringtrail-speech-") as folder:
            spoken = Path(folder) / "spoken.wav"
            async with self._turns:
                status, said = await _run(self._espeak.speaking(voice, rate, spoken), _spoken(text).encode())
            if status != 0 or not spoken.is_file():
                log.error("not_spoken", status=status, said=said)
                raise SoundError("the text could not be spoken")
            await self.convert(spoken, wav)


def _spoken(text: str) -> str:
    """What eSpeak NG would take for phonemes is read out as it stands."""
    return text.replace("[[", "[ [").replace("\0", " ")


async def _run(command: Sequence[str], given: bytes) -> tuple[int, str]:
    """(exit status, what it said). One that takes too long is ended, and so is one that nobody waits for any more."""
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            said, _ = await child.communicate(given)
    except TimeoutError:
        return -1, "it took too long"
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode or 0, said.decode(errors="replace")[-500:]
