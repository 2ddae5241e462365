"""Service `apps`: voice apps, and which numbers they answer."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ringtrail.dialects.callr.call_tracking import completed, edited_params
from ringtrail.dialects.callr.errors import app_without_did, unknown_package
from ringtrail.dialects.callr.parameters import Asking, bad_format
from ringtrail.dialects.callr.responses import Did, VoiceApp, app_object, did_object
from ringtrail.dialects.callr.vocabulary import PACKAGE_TYPES, PACKAGES_WITH_DID, SERVED_PACKAGES
from ringtrail.model.app import App
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.number import DID


async def package(asking: Asking, path: str, value: Any) -> str:
    """A package that can be created. RpcError for one that the vendor never had, FORBIDDEN for one that we lack."""
    if not isinstance(value, str):
        raise bad_format(path)
    if value not in PACKAGE_TYPES:
        raise unknown_package()
    _refuse_unserved(value)
    return value


async def served_app_params(asking: Asking, path: str, value: Any) -> dict[str, Any]:
    """The `params` of `apps.edit`, for the packages whose parameters we know."""
    app: App = asking.checked["app"]
    _refuse_unserved(app.package)
    return await edited_params(asking, path, value)


def _refuse_unserved(package_name: str) -> None:
    if package_name not in SERVED_PACKAGES:
        raise DomainError(ErrorCode.FORBIDDEN, detail=f"feature not allowed, {package_name} is not supported")


async def create(asking: Asking, package_name: str, name: str, params: dict[str, Any] | None) -> VoiceApp:
    """params null: all defaults."""
    complete = completed(asking.account, {}) if params is None else params
    app = await asking.services.apps.create(asking.account.id, package_name, name, complete)
    return app_object(asking.account, app, [])


async def edit(asking: Asking, app: App, name: str | None, params: dict[str, Any] | None) -> VoiceApp:
    """Null: unchanged."""
    edited = await asking.services.apps.edit(asking.account.id, app.hash, name=name, params=params)
    return app_object(asking.account, edited, await _dids_of(asking, app.hash))


async def get(asking: Asking, app: App) -> VoiceApp:
    return app_object(asking.account, app, await _dids_of(asking, app.hash))


async def get_list(asking: Asking, with_numbers: bool) -> list[VoiceApp]:
    found = await asking.services.apps.list(asking.account.id)
    if not with_numbers:
        return [app_object(asking.account, app, None) for app in found]
    dids, _ = await asking.services.numbers.find(asking.account.id)
    by_app: defaultdict[str | None, list[DID]] = defaultdict(list)
    for did in dids:
        by_app[did.app_hash].append(did)
    return [app_object(asking.account, app, by_app[app.hash]) for app in found]


async def assign_did(asking: Asking, app: App, did: DID) -> bool:
    if app.package not in PACKAGES_WITH_DID:
        raise app_without_did()
    await asking.services.numbers.assign(asking.account.id, did.hash, app.hash)
    return True


async def remove_did(asking: Asking, did: DID) -> bool:
    await asking.services.numbers.assign(asking.account.id, did.hash, None)
    return True


async def get_dids(asking: Asking, only_available: bool) -> list[Did]:
    """only_available: those that no app answers."""
    dids, _ = await asking.services.numbers.find(asking.account.id, unassigned_only=only_available)
    return [did_object(did, did.app_hash) for did in dids]


async def _dids_of(asking: Asking, app_hash: str) -> list[DID]:
    dids, _ = await asking.services.numbers.find(asking.account.id, app_hash=app_hash)
    return dids
