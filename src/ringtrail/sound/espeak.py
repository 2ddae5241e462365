"""eSpeak NG: the machine's, or the one that `ringtrail up` fetched into the cache. Always a process of its own."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ringtrail.model.sound import USUAL_RATE, Voice

_LANGUAGES = {"de": "de", "en": "en", "fr": "fr", "it": "it", "nl": "nl"}
_USUAL_WORDS_A_MINUTE = 160


@dataclass(frozen=True, slots=True)
class Espeak:
    """command: followed by eSpeak NG's own arguments."""

    command: tuple[str, ...]

    def speaking(self, voice: Voice, rate: int, wav: Path) -> list[str]:
        """The command that speaks what it reads."""
        return [
            *self.command, "-v", voice_name(voice), "-s", str(words_a_minute(rate)), "-b", "1", "--stdin", "-w", str(wav)
        ]  # fmt: skip


def find(cache_dir: Path) -> Espeak | None:
    """Nothing is fetched."""
    binary = shutil.which("espeak-ng", path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")
    if binary is not None:
        return Espeak((binary,))
    prefixes = sorted(cache_dir.resolve().glob("espeak-ng-*"), reverse=True)
    return next((found for found in map(in_prefix, prefixes) if found), None)


def in_prefix(prefix: Path) -> Espeak | None:
    """The one in an unpacked tree, started through the tree's own loader."""
    data = next(iter(sorted(prefix.glob("usr/lib/*/espeak-ng-data"))), None)
    binary = prefix / "usr/bin/espeak-ng"
    if data is None or not binary.is_file():
        return None
    libraries = data.parent
    loader = next(iter(sorted(libraries.glob("ld-linux*.so.*"))), None)
    if loader is None:
        return None
    path = f"{libraries}:{libraries / 'pulseaudio'}"
    return Espeak((str(loader), "--library-path", path, str(binary), f"--path={libraries}"))


def voice_name(voice: Voice) -> str:
    """As eSpeak NG calls it: a language and one of its variants."""
    language = _LANGUAGES[voice.language.partition("-")[0]]
    return f"{language}+{'f' if voice.female else 'm'}{voice.number}"


def words_a_minute(rate: int) -> int:
    """Half as fast at 0, twice as fast at 100."""
    return round(_USUAL_WORDS_A_MINUTE * 2 ** ((rate - USUAL_RATE) / USUAL_RATE))
