"""Voice apps. An app comes whole but for what it may not say here: such a property gets its default, and the plan says which."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from ringtrail.dialects.callr.migration.media import know_media
from ringtrail.dialects.callr.migration.plan import (
    Hash,
    Moving,
    Progress,
    Step,
    Verdict,
    items_of,
    readable,
    unreadable,
)
from ringtrail.dialects.callr.packages import complete_params, schema_of
from ringtrail.dialects.callr.parameters import MAX_NAME_LENGTH
from ringtrail.dialects.callr.settings import media_in, merged
from ringtrail.dialects.callr.vocabulary import PACKAGE_TYPES, datetime_of
from ringtrail.model.app import App
from ringtrail.model.media import BUILT_IN

KIND = "apps"
_METHOD = "apps.get_list"
_PATH = "params"


class OldPackage(msgspec.Struct):
    name: str


class OldApp(msgspec.Struct):
    """App, what is needed of it."""

    hash: Hash
    name: str
    package: OldPackage
    p: Any = None
    date_creation: str = ""
    date_update: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """An app as it is to be here, and the paths of what of it cannot be."""

    package: str
    name: str
    params: dict[str, Any]
    lost: tuple[str, ...]


async def steps(moving: Moving) -> AsyncIterator[Step]:
    await know_media(moving)
    account = moving.account
    here = {app.hash: app for app in await moving.services.apps.list(account.id)} if account else {}
    for item in items_of(await moving.remote.call(_METHOD, False), _METHOD):
        try:
            old = msgspec.convert(item, OldApp)
        except msgspec.ValidationError as exc:
            yield unreadable(moving, KIND, item, exc)
            continue
        yield await _step(moving, old, here.get(old.hash))


async def _step(moving: Moving, old: OldApp, here: App | None) -> Step:
    name = moving.called(old.hash, old.name)
    if old.package.name not in PACKAGE_TYPES:
        notes: tuple[str, ...] = (f"there are no apps of the package {old.package.name[:32]!r} here",)
        return Step(kind=KIND, name=name, verdict=Verdict.CANNOT, notes=notes)
    wanted = await _wanted(moving, old)
    notes = tuple(f"{path} cannot be as it is there" for path in wanted.lost)
    if here is None:
        return Step(
            kind=KIND, name=name, verdict=Verdict.NEW, notes=notes, hash=old.hash, do=partial(_bring, moving, old)
        )
    different = _differences(moving, wanted, here)
    if not different:
        return Step(kind=KIND, name=name, verdict=Verdict.HERE)
    do = partial(_update, moving, old) if moving.wishes.update else None
    return Step(kind=KIND, name=name, verdict=Verdict.DIFFERS, notes=(", ".join(different),), do=do)


async def _wanted(moving: Moving, old: OldApp) -> _Wanted:
    account, package = moving.account or moving.master, old.package.name
    schema = schema_of(package)

    async def check(given: Any) -> dict[str, Any]:
        return merged(account, _PATH, schema, {}, given)

    params, lost = await readable(old.p if isinstance(old.p, dict) else {}, _PATH, check)
    for path, id_ in dict(media_in(_PATH, schema, params)).items():
        ours = await _medium(moving, id_)
        _set(params, path, ours)
        lost += [path] if not ours else []
    name = old.name[:MAX_NAME_LENGTH].strip() or old.hash
    return _Wanted(package=package, name=name, params=params, lost=tuple(lost))


def _set(params: dict[str, Any], path: str, value: int) -> None:
    *parents, key = path.split(".")[1:]
    for name in parents:
        params = params[name]
    params[key] = value


async def _medium(moving: Moving, id_: int) -> int:
    """Its id here; 0: there is none here. One that is still to come has the id that it has there."""
    media, account_id = moving.services.media, moving.account.id if moving.account else BUILT_IN
    hash_ = moving.media.get(id_)
    found = await (media.by_hash(account_id, hash_) if hash_ else media.by_id(account_id, id_))
    return found.id if found else id_ if hash_ else 0


def _differences(moving: Moving, wanted: _Wanted, here: App) -> list[str]:
    params = complete_params(moving.account or moving.master, here.package, here.params)
    told: list[tuple[str, Any, Any]] = [("name", wanted.name, here.name), ("package", wanted.package, here.package)]
    told += [(key, value, params.get(key)) for key, value in wanted.params.items()]
    return [key for key, theirs, ours in told if theirs != ours]


async def _bring(moving: Moving, old: OldApp, progress: Progress) -> None:
    wanted = await _wanted(moving, old)
    await moving.services.apps.create(
        moving.here.id, old.package.name, wanted.name, wanted.params, hash_=old.hash,
        created_at=datetime_of(old.date_creation), updated_at=datetime_of(old.date_update),
    )  # fmt: skip


async def _update(moving: Moving, old: OldApp, progress: Progress) -> None:
    wanted = await _wanted(moving, old)
    await moving.services.apps.edit(moving.here.id, old.hash, name=wanted.name, params=wanted.params)
