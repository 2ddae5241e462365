"""Service `session`: tokens for a while, for those who do not want to keep a password.

[inferred]: a session is good for an hour and can be refreshed for 30 days; refreshing gives new tokens and ends the old ones;
`session.all` lists those that the same credential opened; both dates are `YYYY-MM-DD HH:MM:SS`; deleting without a session
is error 100. A session speaks for whoever opened it, not for whom that one acted as at the time.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ringtrail.dialects.callr.parameters import Asking, bad_format
from ringtrail.dialects.callr.vocabulary import datetime_text
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services.api_keys import Session as Opened

_MAX_TOKEN_LENGTH = 100


class Session(msgspec.Struct):
    """Tokens are null if they were sealed with a key that the operator has no more."""

    refresh_token: str | None
    refreshable_until: str
    token: str | None
    valid_until: str


async def refresh_token(asking: Asking, path: str, value: Any) -> str:
    """A session's refresh token."""
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TOKEN_LENGTH:
        raise bad_format(path)
    return value


async def create(asking: Asking) -> Session:
    return _shown(await asking.services.api_keys.open_session(asking.principal))


async def all_sessions(asking: Asking) -> list[Session]:
    """Oldest first."""
    return [_shown(item) for item in await asking.services.api_keys.sessions(asking.principal)]


async def refresh(asking: Asking, refresh_token: str) -> Session:
    return _shown(await asking.services.api_keys.refresh_session(asking.principal, refresh_token))


async def delete(asking: Asking) -> bool:
    """The session that asks ends at once."""
    if asking.session_token is None:
        raise DomainError(ErrorCode.FORBIDDEN, detail="there is no session to end: these credentials are not one")
    await asking.services.api_keys.close_session(asking.principal, asking.session_token)
    return True


def _shown(item: Opened) -> Session:
    return Session(
        refresh_token=item.refresh_token,
        refreshable_until=datetime_text(item.refreshable_until),
        token=item.token,
        valid_until=datetime_text(item.valid_until),
    )
