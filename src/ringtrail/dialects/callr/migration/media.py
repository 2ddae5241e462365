"""The media library: names, tags and sounds. What is built in there does not come along: an app that plays it and finds none of
that id here plays nothing there.

[inferred]: a URL that the vendor gives for a medium is that of its sound; what is not editable is built in. A name longer than
this API takes is cut.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

import msgspec

from ringtrail.dialects.callr import media_library
from ringtrail.dialects.callr.migration.plan import Do, Hash, Moving, Progress, Step, Verdict, items_of, unreadable
from ringtrail.dialects.callr.migration.remote import RemoteError
from ringtrail.dialects.callr.parameters import MAX_NAME_LENGTH
from ringtrail.model.errors import DomainError
from ringtrail.model.media import MediaQuery, Medium, MediumStatus
from ringtrail.services.media import MOST_UPLOAD_BYTES

KIND = "media"
_METHOD = "media/library.get_list"
_FIRST_OWN = 1_000
_LARGEST_ID = 2**31 - 1  # what an app can name


class OldMedium(msgspec.Struct):
    """Media.Library, what is needed of it."""

    id: Annotated[int, msgspec.Meta(ge=1, le=_LARGEST_ID)]
    name: str
    hash: str = ""
    is_editable: bool = True
    content: str | None = None
    voice: str | None = None
    tags: Any = None
    url: str | None = None

    @property
    def own(self) -> bool:
        return self.is_editable and self.id >= _FIRST_OWN


class _Own(msgspec.Struct):
    hash: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A medium as it is to be here. id None: the account has another one under that id."""

    moving: Moving
    id: int | None
    hash: str
    name: str
    tags: Mapping[str, list[str]]
    content: str | None
    voice: str | None
    url: str | None

    def differences(self, medium: Medium) -> list[str]:
        return [name for name in ("name", "tags", "content", "voice") if getattr(self, name) != getattr(medium, name)]


async def steps(moving: Moving) -> AsyncIterator[Step]:
    here = await _own_media(moving)
    by_hash, taken = {medium.hash: medium for medium in here}, {medium.id: medium.hash for medium in here}
    for item in items_of(await moving.remote.call(_METHOD, None), _METHOD):
        try:
            old = msgspec.convert(item, OldMedium)
            if not old.own:
                continue
            msgspec.convert(item, _Own)
        except msgspec.ValidationError as exc:
            yield unreadable(moving, KIND, item, exc)
            continue
        moving.media[old.id] = old.hash
        free = taken.get(old.id, old.hash) == old.hash
        wanted, notes = await _wanted(moving, old, free=free)
        yield _step(wanted, by_hash.get(old.hash), notes)


async def know_media(moving: Moving) -> None:
    """Fill `moving.media` for whatever names them, where media are not wished for themselves. An old account that does not tell
    has none."""
    if moving.wishes.wants(KIND):
        return
    with suppress(RemoteError):
        for item in items_of(await moving.remote.call(_METHOD, None), _METHOD):
            with suppress(msgspec.ValidationError):
                old = msgspec.convert(item, OldMedium)
                moving.media |= {old.id: old.hash} if old.own else {}


async def _own_media(moving: Moving) -> list[Medium]:
    if moving.account is None:
        return []
    found, _ = await moving.services.media.find(MediaQuery(account_id=moving.account.id))
    return [medium for medium in found if not medium.built_in]


async def _wanted(moving: Moving, old: OldMedium, *, free: bool) -> tuple[_Wanted, tuple[str, ...]]:
    notes = () if free else (f"the account has another medium {old.id}: this one gets another id, its apps play it",)
    tags: Mapping[str, list[str]] = {}
    try:
        tags = await media_library.tags(moving.asking, "tags", old.tags or {})
    except DomainError as exc:
        notes = (*notes, f"its tags do not come along: {exc}")
    name = old.name[:MAX_NAME_LENGTH].strip() or f"Medium {old.id}"
    wanted = _Wanted(
        moving=moving, id=old.id if free else None, hash=old.hash, name=name, tags=tags, content=old.content,
        voice=old.voice, url=old.url,
    )  # fmt: skip
    return wanted, notes


def _step(wanted: _Wanted, here: Medium | None, notes: tuple[str, ...]) -> Step:
    verdict, found, do = (Verdict.NEW, notes, partial(_bring, wanted)) if here is None else _verdict(wanted, here)
    name = wanted.moving.called(wanted.hash, wanted.name)
    new = "" if here else wanted.hash
    return Step(kind=KIND, name=name, verdict=verdict, notes=found, hash=new, do=do)


def _verdict(wanted: _Wanted, here: Medium) -> tuple[Verdict, tuple[str, ...], Do | None]:
    if wanted.url and here.status is not MediumStatus.READY:
        return Verdict.NEW, ("its sound is still to come",), partial(_fill, wanted, here)
    different = wanted.differences(here)
    if not different:
        return Verdict.HERE, (), None
    do = partial(_update, wanted, here) if wanted.moving.wishes.update else None
    return Verdict.DIFFERS, (", ".join(different),), do


async def _bring(wanted: _Wanted, progress: Progress) -> None:
    media, account = wanted.moving.services.media, wanted.moving.here
    medium = await media.create(account.id, wanted.name, id_=wanted.id, hash_=wanted.hash, tags=wanted.tags)
    await _fill(wanted, medium, progress)


async def _fill(wanted: _Wanted, medium: Medium, progress: Progress) -> None:
    """Its sound, if it has one."""
    if not wanted.url:
        return
    media, remote = wanted.moving.services.media, wanted.moving.remote
    sound = await remote.file(wanted.url, MOST_UPLOAD_BYTES)
    await media.fill_with(medium, sound, content=wanted.content, voice_id=wanted.voice)
    filled = await media.by_id(medium.account_id, medium.id)
    if filled is not None and filled.status is MediumStatus.ERROR:
        progress.note("what is at its URL is no sound")


async def _update(wanted: _Wanted, medium: Medium, progress: Progress) -> None:
    media = wanted.moving.services.media
    await media.set_tags(replace(medium, name=wanted.name), wanted.tags)
    await _fill(wanted, medium, progress)
