"""Service `media/tts`: texts spoken into media.

[inferred]: what a voice sounds like. The vendor's thirteen voices stand for a language, a sex and a number, and eSpeak NG speaks
them; the lists of `get_voice_list` have a `language` besides their `voices`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ringtrail.dialects.callr.errors import limit_reached
from ringtrail.dialects.callr.media_library import VOICES
from ringtrail.dialects.callr.parameters import Asking, Properties, bad_format, bad_value, plain_object
from ringtrail.model.errors import DomainError
from ringtrail.model.media import Medium
from ringtrail.model.sound import USUAL_RATE, Voice

_FASTEST = 100
_WOMEN = {
    "TTS_DE-DE_ANNA": 1, "TTS_EN-GB_SERENA": 2, "TTS_FR-FR_AUDREY": 1, "TTS_FR-FR_VIRGINIE": 3, "TTS_IT-IT_SILVIA": 1,
    "TTS_NL-BE_ELLEN": 2, "TTS_NL-NL_CLAIRE": 1,
}  # fmt: skip
_MEN = {
    "TTS_DE-DE_YANNICK": 1, "TTS_EN-GB_DANIEL": 3, "TTS_FR-FR_SEBASTIEN": 1, "TTS_FR-FR_THOMAS": 3,
    "TTS_IT-IT_PAOLO": 1, "TTS_NL-NL_XANDER": 1,
}  # fmt: skip


class Language(msgspec.Struct):
    language: str
    voices: list[str]


async def voice(asking: Asking, path: str, value: Any) -> str:
    """The id of a voice, as `media/tts.get_voice_list` has it."""
    if not isinstance(value, str):
        raise bad_format(path)
    if value not in VOICES:
        raise bad_value(path)
    return value


async def options(asking: Asking, path: str, value: Any) -> int:
    """Media.TTS.Options: the rate, 1 to 100. The vendor's errors name it without the way to it."""
    given = Properties(path, await plain_object(asking, path, value), {"rate"})
    try:
        rate = given.whole("rate", _FASTEST)
    except DomainError as exc:
        raise DomainError(exc.code, field="rate") from exc
    if rate == 0:
        raise bad_value("rate")
    return USUAL_RATE if rate is None else rate


async def get_voice_list(asking: Asking) -> list[Language]:
    languages = sorted({_language(item) for item in VOICES})
    return [Language(item, [id_ for id_ in VOICES if _language(id_) == item]) for item in languages]


async def set_content(asking: Asking, medium: Medium, text: str, voice: str, rate: int | None) -> bool:
    try:
        await asking.services.media.speak(medium, text, _meant(voice), voice, rate or USUAL_RATE)
    except DomainError as exc:
        raise limit_reached(exc) from exc
    return True


def _meant(voice_id: str) -> Voice:
    female = voice_id in _WOMEN
    return Voice(language=_language(voice_id), female=female, number=(_WOMEN if female else _MEN)[voice_id])


def _language(voice_id: str) -> str:
    """`TTS_FR-FR_AUDREY` speaks `fr-FR`."""
    language, _, country = voice_id.split("_")[1].partition("-")
    return f"{language.lower()}-{country}"
