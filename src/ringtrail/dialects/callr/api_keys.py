"""Service `api-key`: keys of the account that asks.

The object reference knows neither `id` nor `token`; the vendor's SDK tests read both, the token of a new key only.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ringtrail.dialects.callr.auth import DIALECT_NAME
from ringtrail.dialects.callr.errors import limit_reached
from ringtrail.dialects.callr.parameters import Asking, bad_format, bad_value
from ringtrail.dialects.callr.vocabulary import datetime_text
from ringtrail.model.account import ApiKey as Kept
from ringtrail.model.errors import DomainError

_MAX_ID = 2**63 - 1


class ApiKey(msgspec.Struct):
    """token: 100 hexadecimal digits, only of a key that was made just now."""

    created_at: str
    id: int
    last_used_at: str | None
    name: str
    updated_at: str
    token: str | UnsetType = UNSET


async def key_id(asking: Asking, path: str, value: Any) -> int:
    """The id of a key."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_format(path)
    if not 0 < value <= _MAX_ID:
        raise bad_value(path)
    return value


async def create(asking: Asking, name: str) -> ApiKey:
    """Error 100 beyond the most that an account may have."""
    try:
        made, token = await asking.services.api_keys.create(asking.account.id, DIALECT_NAME, name)
    except DomainError as exc:
        raise limit_reached(exc) from exc
    return _shown(made, token)


async def all_keys(asking: Asking) -> list[ApiKey]:
    """Oldest first."""
    return [_shown(key) for key in await asking.services.api_keys.list(asking.account.id, DIALECT_NAME)]


async def delete(asking: Asking, id_: int) -> bool:
    """It stops working at once, also if it is the one that asks, and with it the sessions that it opened."""
    await asking.services.api_keys.delete(asking.account.id, DIALECT_NAME, id_)
    return True


def _shown(key: Kept, token: str | UnsetType = UNSET) -> ApiKey:
    return ApiKey(
        created_at=datetime_text(key.created_at),
        id=key.id,
        last_used_at=datetime_text(key.last_used_at) if key.last_used_at else None,
        name=key.name,
        updated_at=datetime_text(key.updated_at),
        token=token,
    )
