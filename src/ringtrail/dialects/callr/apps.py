"""Service `apps`: voice apps, and which numbers they answer.

[inferred]: apps are searched by any part of their name, in either letter case, and come by creation; an account's own
numbers are among its authorised CLIs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from ringtrail.dialects.callr.errors import app_without_did, unknown_package
from ringtrail.dialects.callr.packages import complete_params
from ringtrail.dialects.callr.parameters import Asking, Properties, Slice, bad_format, plain_object
from ringtrail.dialects.callr.responses import Did, SearchResults, VoiceApp, app_object, did_object, search_results
from ringtrail.dialects.callr.vocabulary import PACKAGE_TYPES, PACKAGES_WITH_DID
from ringtrail.model.app import App
from ringtrail.model.number import DID

ORDER = "date_creation"
CLI_KINDS = ("CALL", "SMS")


async def package(asking: Asking, path: str, value: Any) -> str:
    """A package. RpcError for one that the vendor never had."""
    if not isinstance(value, str):
        raise bad_format(path)
    if value not in PACKAGE_TYPES:
        raise unknown_package()
    return value


async def filters(asking: Asking, path: str, value: Any) -> str | None:
    """App.SearchFilters: a part of the name."""
    return Properties(path, await plain_object(asking, path, value), {"name"}).text("name") or None


async def create(asking: Asking, package_name: str, name: str, params: dict[str, Any] | None) -> VoiceApp:
    """params null: all defaults."""
    complete = complete_params(asking.account, package_name, {}) if params is None else params
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
    return await _with_dids(asking, found)


async def search(asking: Asking, name: str | None, piece: Slice | None) -> SearchResults[VoiceApp]:
    piece = piece or Slice()
    found, total = await asking.services.apps.search(
        asking.account.id, name_contains=name, offset=piece.offset, limit=piece.quantity
    )
    return search_results(await _with_dids(asking, found), offset=piece.offset, total=total)


async def delete(asking: Asking, app: App) -> bool:
    """Its numbers stay with the account and answer nobody."""
    await asking.services.apps.delete(asking.account.id, app.hash)
    return True


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


async def _with_dids(asking: Asking, apps: Sequence[App]) -> list[VoiceApp]:
    dids, _ = await asking.services.numbers.find(asking.account.id)
    by_app: defaultdict[str | None, list[DID]] = defaultdict(list)
    for did in dids:
        by_app[did.app_hash].append(did)
    return [app_object(asking.account, app, by_app[app.hash]) for app in apps]


class CustomerCli(msgspec.Struct):
    """Customer.CLI."""

    cli: str
    comment: str
    label: str


async def get_authorized_clis(asking: Asking, kind: str) -> list[CustomerCli]:
    """The account's own numbers (for SMS: those that can send), then what was authorised."""
    dids, authorized = await asking.services.apps.authorized_clis(asking.account.id, kind)
    own = [CustomerCli(cli=did.number_e164, comment="", label=did.friendly_name or "") for did in dids]
    return own + [CustomerCli(cli=name, comment="", label="") for name in authorized]
