"""The mail of a voicemail: who called, when, for how long, and the sound.

[inferred]: {DATETIME} in a file's name is `20260714-110510`, in the time zone of the voicemail settings; a name has 200
characters at most, and is the recording's hash where nothing but spaces and dots would be left of it. Sentences are English;
only the date follows the locale, the English one where CLDR does not know it.
"""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time

from ringtrail.mail import wording
from ringtrail.mail.wording import Letter, Reader
from ringtrail.model.app import MAX_VOICEMAIL_S
from ringtrail.model.call import CallRecord, RecordingRecord
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.events import Event
from ringtrail.services.recordings import Recordings
from ringtrail.services.webhooks import Attachment, UnsendableError

_RATE_HZ, _BYTES_PER_SAMPLE = 8_000, 2  # of what telephones say
_MOST_BYTES = (MAX_VOICEMAIL_S + 10) * _RATE_HZ * _BYTES_PER_SAMPLE
_LONGEST_NAME = 200


def samples(path: Path) -> bytes:
    """The sound of a WAV file alone: signed, 16 bits, little endian, 8 kHz, one channel. UnsendableError for another kind."""
    with wave.open(str(path)) as sound:
        if (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) != (_RATE_HZ, _BYTES_PER_SAMPLE, 1):
            raise UnsendableError("only sound of 8 kHz, 16 bits and one channel can be sent as sln")
        return bytes(sound.readframes(sound.getnframes()))


class _Format(NamedTuple):
    """made_of: the extension of the file that is read."""

    made_of: str
    content_type: str
    read: Callable[[Path], bytes]


_FORMATS = {
    "mp3": _Format("mp3", "audio/mpeg", Path.read_bytes),
    "sln": _Format("wav", "application/octet-stream", samples),
    "wav": _Format("wav", "audio/wav", Path.read_bytes),
}


async def letter(
    event: Event, record: CallRecord, recording: RecordingRecord, recordings: Recordings, reader: Reader
) -> Letter:
    """UnsendableError for a sound that is longer than a voicemail can be; DomainError UNAVAILABLE while there is none."""
    how = event.detail
    made = _FORMATS[how["file_format"]]
    at = recording.started_at.astimezone(ZoneInfo(how["timezone"] or reader.account.timezone))
    _, size_bytes = await asyncio.to_thread(_file, recordings, recording, made)
    name = f"{file_name(how['file_name'], recording, at)}.{how['file_format']}"
    words = wording.voicemail(
        record, recording, reader, when=spoken(at, how["locale"]), attached=f"{name}, {wording.size(size_bytes)}"
    )
    sound = Attachment(name, made.content_type, partial(_read, recordings, recording, made))
    return words._replace(attachments=[sound])


def _read(recordings: Recordings, recording: RecordingRecord, made: _Format) -> bytes:
    path, _ = _file(recordings, recording, made)
    try:
        return made.read(path)
    except (OSError, EOFError, wave.Error) as exc:
        raise _away() from exc


def _file(recordings: Recordings, recording: RecordingRecord, made: _Format) -> tuple[Path, int]:
    """(path, bytes)."""
    path = recordings.file(recording, made.made_of)
    try:
        size_bytes = path.stat().st_size if path else 0
    except OSError as exc:
        raise _away() from exc
    if path is None:
        raise _away()
    if size_bytes > _MOST_BYTES:
        raise UnsendableError("the recording is longer than a voicemail can be")
    return path, size_bytes


def _away() -> DomainError:
    return DomainError(ErrorCode.UNAVAILABLE, "recording", "its sound cannot be read")


def file_name(pattern: str, recording: RecordingRecord, at: datetime) -> str:
    """Without the extension. at: in the time zone that it is told in."""
    tags = {"{CALLID}": f"{recording.call_id}", "{MEDIA_HASH}": recording.hash, "{DATETIME}": f"{at:%Y%m%d-%H%M%S}"}
    for tag, value in tags.items():
        pattern = pattern.replace(tag, value)
    return pattern[:_LONGEST_NAME].strip(" .") or recording.hash


def spoken(at: datetime, locale: str | None) -> str:
    """Day and time as they are said where the locale is; at: in the time zone that it is told in."""
    known = _locale(locale)
    return f"{format_date(at, 'full', known)}, {format_time(at, 'short', locale=known)} ({at.tzinfo})"


def _locale(name: str | None) -> Locale:
    """Of `fr_FR` and `fr-FR`; of the language alone where only that is known."""
    words = (name or "").replace("-", "_")
    for text in (words, words.partition("_")[0]):
        try:
            return Locale.parse(text)
        except (ValueError, UnknownLocaleError):
            continue
    return Locale("en", "GB")
