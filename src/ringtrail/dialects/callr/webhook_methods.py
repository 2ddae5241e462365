"""Service `webhooks`: subscriptions of an account.

[inferred]: every name and parameter list but those of `get_event_types`, `subscribe` and `unsubscribe`, from the object
that the reference has (Webhook). `edit` changes what is not null, `enable` and `disable` set the status: a subscription
that the system had disabled is told what it missed. `test` sends the example of its type.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from ringtrail.dialects.callr.auth import DIALECT_NAME
from ringtrail.dialects.callr.errors import FEATURE_NOT_ALLOWED, RpcError
from ringtrail.dialects.callr.parameters import Asking, bad_format, bad_value
from ringtrail.dialects.callr.vocabulary import HASH
from ringtrail.dialects.callr.webhook_options import GivenOptions, WebhookOptions, shown
from ringtrail.dialects.callr.webhook_types import TYPES, events_of
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.webhook import DisabledBy, Endpoint

_STATUS_WORDS: dict[DisabledBy | None, str] = {
    None: "ENABLED",
    DisabledBy.OWNER: "DISABLED",
    DisabledBy.ADMIN: "DISABLED_ADMIN",
    DisabledBy.SYSTEM: "DISABLED_SYSTEM",
}


class Webhook(msgspec.Struct):
    created_at: str
    endpoint: str
    hash: str
    options: WebhookOptions
    status: str
    type: str
    updated_at: str


async def webhook(asking: Asking, path: str, value: Any) -> Endpoint:
    """A subscription of the account by its hash."""
    if not isinstance(value, str):
        raise bad_format(path)
    found = None
    if HASH.fullmatch(value):
        found = await asking.services.webhooks.by_hash(asking.account.id, value, dialect=DIALECT_NAME)
    if found is None or found.dynamic:
        raise bad_value(path)
    return found


async def get_event_types(asking: Asking) -> list[str]:
    return list(TYPES)


async def subscribe(asking: Asking, type_: str, endpoint: str, options: GivenOptions | None) -> Webhook:
    chosen = options or GivenOptions()
    try:
        made = await asking.services.webhooks.add(
            asking.account.id, DIALECT_NAME, address=endpoint, event_types=events_of(type_), name=type_,
            settings=chosen.settings() | {"type": type_}, secrets=chosen.secrets,
        )  # fmt: skip
    except DomainError as exc:
        raise _too_many(exc) from exc
    return _shown(made)


def _too_many(exc: DomainError) -> DomainError:
    """Not too many requests: HTTP 429 would be the wrong answer."""
    if exc.code is not ErrorCode.TOO_MANY:
        return exc
    return RpcError(exc.code, rpc_code=FEATURE_NOT_ALLOWED, message=f"FORBIDDEN: {exc.detail}")


async def unsubscribe(asking: Asking, webhook: Endpoint) -> bool:
    try:
        await asking.services.webhooks.delete(asking.account.id, webhook.hash)
    except DomainError as exc:
        raise _of_webhook(exc) from exc
    return True


async def get(asking: Asking, webhook: Endpoint) -> Webhook:
    return _shown(webhook)


async def get_list(asking: Asking) -> list[Webhook]:
    """All subscriptions, oldest first."""
    return [_shown(item) for item in await subscriptions(asking)]


async def subscriptions(asking: Asking) -> list[Endpoint]:
    return await asking.services.webhooks.list(asking.account.id, dialect=DIALECT_NAME)


async def edit(asking: Asking, webhook: Endpoint, endpoint: str | None, options: GivenOptions | None) -> Webhook:
    """Null: unchanged."""
    given = options or GivenOptions()
    changed = replace(
        webhook, address=endpoint or webhook.address, settings={**webhook.settings, **given.settings(webhook.settings)}
    )
    return _shown(await _change(asking, changed, secrets=given.secrets))


async def enable(asking: Asking, webhook: Endpoint) -> bool:
    await _change(asking, webhook, enabled=True)
    return True


async def disable(asking: Asking, webhook: Endpoint) -> bool:
    await _change(asking, webhook, enabled=False)
    return True


async def test(asking: Asking, webhook: Endpoint) -> bool:
    """DomainError UNKNOWN_VALUE 'hash' for one that is disabled."""
    try:
        await asking.services.webhooks.test(webhook)
    except DomainError as exc:
        raise bad_value("hash") from exc
    return True


async def _change(asking: Asking, webhook: Endpoint, **changes: Any) -> Endpoint:
    try:
        return await asking.services.webhooks.change(webhook, **changes)
    except DomainError as exc:
        raise _of_webhook(exc) from exc


def _of_webhook(exc: DomainError) -> DomainError:
    """NOT_FOUND: it went away since it was looked up."""
    return bad_value("hash") if exc.code is ErrorCode.NOT_FOUND else exc


def _shown(item: Endpoint) -> Webhook:
    return Webhook(
        created_at=milliseconds(item.created_at),
        endpoint=item.address,
        hash=item.hash,
        options=shown(item.settings),
        status=_STATUS_WORDS[item.disabled_by],
        type=item.settings["type"],
        updated_at=milliseconds(item.updated_at),
    )


def milliseconds(at: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS.sss` in UTC."""
    return at.astimezone(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
