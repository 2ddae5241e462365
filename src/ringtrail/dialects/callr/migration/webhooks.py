"""Webhooks. A secret that is not shown there cannot come along: such a webhook waits here, disabled, until it is given one.

[inferred]: MASK, or no `hmac_secret` at all beside an algorithm, is a secret that is not shown; null and '' are none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from ringtrail.dialects.callr import webhook_options
from ringtrail.dialects.callr.auth import DIALECT_NAME
from ringtrail.dialects.callr.migration.plan import Hash, Moving, Progress, Step, Verdict, items_of, unreadable
from ringtrail.dialects.callr.webhook_options import MASK, GivenOptions
from ringtrail.dialects.callr.webhook_types import TYPES, events_of
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.webhook import Endpoint

KIND = "webhooks"
UNSIGNED = "its secret did not come along"
_METHOD = "webhooks.get_list"
_ENABLED = "ENABLED"
_OPTIONS = ("format", "hmac_algo", "hmac_secret")


class OldWebhook(msgspec.Struct):
    """Webhook, what is needed of it."""

    hash: Hash
    type: str
    endpoint: str
    options: Any = None
    status: str = _ENABLED
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A webhook as it is to be here. lacks_secret: it is signed there, and nobody says with what."""

    moving: Moving
    old: OldWebhook
    options: GivenOptions
    lacks_secret: bool

    @property
    def settings(self) -> dict[str, Any]:
        return self.options.settings() | {"type": self.old.type}

    @property
    def enabled(self) -> bool:
        return self.old.status == _ENABLED and not self.lacks_secret


async def steps(moving: Moving) -> AsyncIterator[Step]:
    account, webhooks = moving.account, moving.services.webhooks
    here = {item.hash: item for item in await webhooks.list(account.id, dialect=DIALECT_NAME)} if account else {}
    for item in items_of(await moving.remote.call(_METHOD), _METHOD):
        try:
            old = msgspec.convert(item, OldWebhook)
        except msgspec.ValidationError as exc:
            yield unreadable(moving, KIND, item, exc)
            continue
        yield await _step(moving, old, here.get(old.hash))


async def _step(moving: Moving, old: OldWebhook, here: Endpoint | None) -> Step:
    name = moving.called(old.hash, old.type, old.endpoint)
    try:
        wanted = await _wanted(moving, old)
    except DomainError as exc:
        return Step(kind=KIND, name=name, verdict=Verdict.CANNOT, notes=(str(exc),))
    if here is None:
        notes = (f"{UNSIGNED}: it comes disabled",) if wanted.lacks_secret else ()
        return Step(kind=KIND, name=name, verdict=Verdict.NEW, notes=notes, hash=old.hash, do=partial(_bring, wanted))
    if here.disabled_why == UNSIGNED and wanted.options.secret:
        notes = ("its secret is still to come",)
        return Step(kind=KIND, name=name, verdict=Verdict.NEW, notes=notes, do=partial(_update, wanted, here))
    different = _differences(wanted, here)
    if not different:
        return Step(kind=KIND, name=name, verdict=Verdict.HERE)
    do = partial(_update, wanted, here) if moving.wishes.update else None
    return Step(kind=KIND, name=name, verdict=Verdict.DIFFERS, notes=(", ".join(different),), do=do)


async def _wanted(moving: Moving, old: OldWebhook) -> _Wanted:
    """DomainError for a type, an endpoint or options that cannot be here."""
    if old.type not in TYPES:
        raise DomainError(ErrorCode.UNKNOWN_VALUE, "type", "there are no such events here")
    if not old.endpoint.startswith(("https://", "http://")):
        raise DomainError(ErrorCode.BAD_FORMAT, "endpoint", "no web address")
    moving.services.webhooks.check_address(old.endpoint)
    known = old.options if isinstance(old.options, dict) else {}
    given = {key: known[key] for key in _OPTIONS if key in known}
    hidden = given.get("hmac_secret", MASK if given.get("hmac_algo") else None) == MASK
    told = moving.wishes.webhook_secrets.get(old.hash)
    if hidden or told:
        given["hmac_secret"] = told
    options = await webhook_options.options(moving.asking, "options", given)
    return _Wanted(moving=moving, old=old, options=options, lacks_secret=hidden and not told)


def _differences(wanted: _Wanted, here: Endpoint) -> list[str]:
    """Of a secret, only whether there is one: it is not shown."""
    told: list[tuple[str, object, object]] = [("endpoint", wanted.old.endpoint, here.address)]
    told += [(key, value, here.settings.get(key)) for key, value in wanted.settings.items()]
    told += [("status", wanted.enabled, here.enabled)]
    ours = {"signed", "status"} if wanted.lacks_secret else set()
    return [key for key, theirs, here_ in told if theirs != here_ and key not in ours]


async def _bring(wanted: _Wanted, progress: Progress) -> None:
    old = wanted.old
    await wanted.moving.services.webhooks.add(
        wanted.moving.here.id, DIALECT_NAME, address=old.endpoint, event_types=events_of(old.type), name=old.type,
        enabled=wanted.enabled, settings=wanted.settings, secrets=wanted.options.secrets, hash_=old.hash,
        disabled_why=UNSIGNED if wanted.lacks_secret else None, created_at=_instant(old.created_at),
        updated_at=_instant(old.updated_at),
    )  # fmt: skip


async def _update(wanted: _Wanted, here: Endpoint, progress: Progress) -> None:
    changed = replace(
        here, address=wanted.old.endpoint, event_types=events_of(wanted.old.type), name=wanted.old.type,
        settings={**here.settings, **({} if wanted.lacks_secret else wanted.settings)},
    )  # fmt: skip
    secrets = None if wanted.lacks_secret else wanted.options.secrets or {}
    enabled = None if wanted.lacks_secret else wanted.enabled
    await wanted.moving.services.webhooks.change(changed, secrets=secrets, enabled=enabled)


def _instant(text: str) -> datetime | None:
    """Of `YYYY-MM-DD HH:MM:SS.sss` in UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None
