"""Service `media/library`: sounds for calls to play.

[inferred]: parameters of `search` and `overview`, the second's counting of the account's own media only; media that wait for
content are counted nowhere, the overview has no place for them. `duration` is in whole seconds, begun ones counted. `set_content` with
something that is no sound takes it, and the medium's status becomes ERROR; so does whatever else ends without a sound. At most
10 minutes, and 10 MiB of file. What a recording's hash names is what `set_content_from_recording` takes: Real-Time's `record`,
which would name files of its own, is not there. `get_phone_id` is refused where the country has no number that takes such
calls; what its code is good for is told in services/phone_in.py. What is built in has a hash made of its id, and no url.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from ringtrail.dialects.callr.errors import MEDIA_PREFIX, limit_reached
from ringtrail.dialects.callr.parameters import (
    MAX_NAME_LENGTH,
    Asking,
    Properties,
    Slice,
    bad_format,
    bad_value,
    plain_object,
    wrong_type,
)
from ringtrail.dialects.callr.responses import SearchResults, search_results
from ringtrail.dialects.callr.vocabulary import HASH
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.media import CATEGORY, LANGUAGE, MediaQuery, Medium, MediumStatus
from ringtrail.services.media import MOST_UPLOAD_BYTES

ORDER = "id"
CATEGORIES = ("FAILURE", "IVR", "MISC", "RINGTONE", "VOICEMAIL", "WELCOME", "WHISPER")
VOICES = (
    "TTS_DE-DE_ANNA", "TTS_DE-DE_YANNICK", "TTS_EN-GB_DANIEL", "TTS_EN-GB_SERENA", "TTS_FR-FR_AUDREY",
    "TTS_FR-FR_SEBASTIEN", "TTS_FR-FR_THOMAS", "TTS_FR-FR_VIRGINIE", "TTS_IT-IT_PAOLO", "TTS_IT-IT_SILVIA",
    "TTS_NL-BE_ELLEN", "TTS_NL-NL_CLAIRE", "TTS_NL-NL_XANDER",
)  # fmt: skip
STATUSES = {status.value.upper(): status for status in MediumStatus}
MOST_TEXT = 5_000
_MAX_ID = 2**63 - 1
_NAME = re.compile(r"(?:[^\W_]|[ ().+*#-])+")
_LOCALE = re.compile(r"[a-z]{2,3}_[A-Z]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_MOST_TAGS, _MOST_TAG = 50, 255
_FILTERS = {
    "category", "created_at_from", "created_at_to", "hash", "id", "language", "name", "status", "tags_type", "tags_value",
    "voice",
}  # fmt: skip


class Media(msgspec.Struct):
    """Media.Library. url: null where there is no sound."""

    category: list[str]
    content: str | None
    duration: int
    hash: str
    id: int
    is_editable: bool
    language: list[str]
    name: str
    status: str
    tags: Mapping[str, list[str]]
    url: str | None
    voice: str | None


class Count(msgspec.Struct):
    ERROR: int
    PROCESSING: int
    READY: int


class Ready(msgspec.Struct):
    count: int
    size: int


class Overview(msgspec.Struct):
    count: Count
    ready: Ready


class PhoneID(msgspec.Struct):
    code: str
    number: str


# --- parameters -----------------------------------------------------------------------------------------------------


async def medium(asking: Asking, path: str, value: Any) -> Medium:
    """The id of a media."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_format(path)
    found = await asking.services.media.by_id(asking.account.id, value) if 0 < value <= _MAX_ID else None
    if found is None:
        raise bad_value(path)
    return found


async def own_medium(asking: Asking, path: str, value: Any) -> Medium:
    """One that can be changed. DomainError FORBIDDEN."""
    found = await medium(asking, path, value)
    if found.built_in:
        raise DomainError(ErrorCode.FORBIDDEN)
    return found


async def name(asking: Asking, path: str, value: Any) -> str:
    """Letters and digits of any script, space, ( ) . + * - #"""
    usable = isinstance(value, str) and len(value) <= MAX_NAME_LENGTH and value.strip() and _NAME.fullmatch(value)
    if not usable:
        raise bad_format(path)
    return str(value)


async def text(asking: Asking, path: str, value: Any) -> str:
    """What is said: 1 to 5,000 characters."""
    if not isinstance(value, str) or not value.strip() or len(value) > MOST_TEXT or not _encodes(value):
        raise bad_format(path)
    return value


async def audio(asking: Asking, path: str, value: Any) -> bytes:
    """Bytes in base64, 10 MiB of them at most."""
    try:
        content = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise bad_format(path)
    if len(content) > MOST_UPLOAD_BYTES:
        raise bad_value(path)
    return content


async def upload(asking: Asking, path: str, value: Any) -> Path:
    """A file that an import brought."""
    if not isinstance(value, str):
        raise bad_format(path)
    found = await asking.services.media.upload(asking.account.id, value) if _encodes(value) else None
    if found is None:
        raise bad_value(path)
    return found


async def recording_file(asking: Asking, path: str, value: Any) -> Path:
    """A recording of the account that can be heard, by its hash."""
    if not isinstance(value, str):
        raise bad_format(path)
    recordings = asking.services.recordings
    found = await recordings.by_hash(asking.account.id, value) if HASH.fullmatch(value) else None
    file = recordings.file(found, "wav") if found and found.status == "ready" else None
    if file is None:
        raise bad_value(path)
    return file


async def country_code(asking: Asking, path: str, value: Any) -> str:
    """A country's ISO 3166-1 alpha-2 code."""
    if not isinstance(value, str) or not _COUNTRY.fullmatch(value):
        raise bad_format(path)
    return value


async def categories(asking: Asking, path: str, value: Any) -> tuple[str, ...] | None:
    """None, as an empty array: all."""
    if not isinstance(value, list) or not all(item in CATEGORIES for item in value):
        raise bad_format(path)
    return tuple(value) or None


async def tags(asking: Asking, path: str, value: Any) -> dict[str, list[str]]:
    """Tags: an object of arrays of text."""
    given = await plain_object(asking, path, value)
    if len(given) > _MOST_TAGS:
        raise bad_format(path)
    return {key: _tag(f"{path}.{key[:MAX_NAME_LENGTH]}", key, values) for key, values in given.items()}


def _tag(path: str, key: str, values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise wrong_type(path)
    if (
        not key
        or len(values) > _MOST_TAGS
        or any(len(item) > _MOST_TAG or not _encodes(item) for item in (key, *values))
    ):
        raise bad_value(path)
    if key == CATEGORY and not all(item in CATEGORIES for item in values):
        raise bad_value(path)
    if key == LANGUAGE and not all(_LOCALE.fullmatch(item) for item in values):
        raise bad_value(path)
    return values


def _encodes(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


async def filters(asking: Asking, path: str, value: Any) -> MediaQuery:
    """Media.SearchFilters."""
    given = Properties(path, await plain_object(asking, path, value), _FILTERS)
    category = given.word("category", CATEGORIES)
    from_at, to_at = given.range("created_at_from", "created_at_to")
    hash_, id_, languages = given.hash("hash"), given.whole("id", _MAX_ID), _languages(given)
    name_, status = _words(given, "name"), given.word("status", STATUSES)
    tag, tag_value = _words(given, "tags_type"), _words(given, "tags_value")
    return MediaQuery(
        account_id=asking.account.id, ids=None if id_ is None else (id_,), hash=hash_, name=name_,
        status=STATUSES[status] if status else None, voice=given.word("voice", VOICES),
        categories=(category,) if category else None, languages=languages, tag=tag, tag_value=tag_value,
        from_at=from_at, to_at=to_at,
    )  # fmt: skip


def _languages(given: Properties) -> tuple[str, ...] | None:
    values = given.get("language")
    if values is None or values == []:
        return None
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise wrong_type(given.path("language"))
    if not all(_LOCALE.fullmatch(item) for item in values):
        raise bad_value(given.path("language"))
    return tuple(values)


def _words(given: Properties, key: str) -> str | None:
    value = given.text(key)
    if value is not None and not _encodes(value):
        raise bad_value(given.path(key))
    return value


# --- methods --------------------------------------------------------------------------------------------------------


async def create(asking: Asking, name: str) -> int:
    try:
        return (await asking.services.media.create(asking.account.id, name)).id
    except DomainError as exc:
        raise limit_reached(exc) from exc


async def get(asking: Asking, medium: Medium) -> Media:
    return shown(asking.options.base_url, medium)


async def get_list(asking: Asking, categories: tuple[str, ...] | None) -> dict[int, Media]:
    found, _ = await asking.services.media.find(MediaQuery(account_id=asking.account.id, categories=categories))
    return {item.id: shown(asking.options.base_url, item) for item in found}


async def search(asking: Asking, wanted: MediaQuery | None, piece: Slice | None) -> SearchResults[Media]:
    wanted, piece = wanted or MediaQuery(account_id=asking.account.id), piece or Slice()
    found, total = await asking.services.media.find(replace(wanted, offset=piece.offset, limit=piece.quantity))
    return search_results([shown(asking.options.base_url, item) for item in found], offset=piece.offset, total=total)


async def overview(asking: Asking) -> Overview:
    tallies = {tally.status: tally for tally in await asking.services.media.tallies(asking.account.id)}

    def count(*statuses: MediumStatus) -> int:
        return sum(tallies[status].quantity for status in statuses if status in tallies)

    ready = tallies.get(MediumStatus.READY)
    return Overview(
        count=Count(
            ERROR=count(MediumStatus.ERROR),
            PROCESSING=count(MediumStatus.PROCESSING, MediumStatus.PENDING_CONVERSION),
            READY=count(MediumStatus.READY),
        ),
        ready=Ready(count=ready.quantity if ready else 0, size=ready.size_bytes if ready else 0),
    )


async def delete(asking: Asking, medium: Medium) -> bool:
    await asking.services.media.delete(medium)
    return True


async def set_name(asking: Asking, medium: Medium, name: str) -> bool:
    await asking.services.media.rename(medium, name)
    return True


async def set_tags(asking: Asking, medium: Medium, tags: dict[str, list[str]]) -> bool:
    await asking.services.media.set_tags(medium, tags)
    return True


async def set_content(asking: Asking, medium: Medium, text: str | None, audio: bytes) -> bool:
    try:
        await asking.services.media.fill_with(medium, audio, content=text)
    except DomainError as exc:
        raise limit_reached(exc) from exc
    return True


async def set_content_from_file(asking: Asking, medium: Medium, file: Path) -> bool:
    try:
        await asking.services.media.fill(medium, file)
    except DomainError as exc:
        raise limit_reached(exc) from exc
    return True


async def set_content_from_recording(asking: Asking, medium: Medium, file: Path) -> bool:
    return await set_content_from_file(asking, medium, file)


async def get_phone_id(asking: Asking, medium: Medium, country_code: str) -> PhoneID:
    code, number = await asking.services.phone_in.ask(medium, country_code)
    return PhoneID(code=code, number=number)


def shown(base_url: str, medium: Medium) -> Media:
    return Media(
        category=list(medium.tags.get(CATEGORY, ())),
        content=medium.content,
        duration=-(-(medium.duration_ms or 0) // 1000),
        hash=medium.hash or f"MEDIA{medium.id:03d}",
        id=medium.id,
        is_editable=not medium.built_in,
        language=list(medium.tags.get(LANGUAGE, ())),
        name=medium.name,
        status=medium.status.value.upper(),
        tags=medium.tags,
        url=f"{base_url}{MEDIA_PREFIX}/{medium.hash}.mp3" if medium.hash and medium.path else None,
        voice=medium.voice,
    )
