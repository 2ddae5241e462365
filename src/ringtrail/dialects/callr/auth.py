"""CALLR's credentials: `Basic` (login and password), `Api-Key`, `Session`; and acting as another account.

`CALLR-Login-As: <type> <target>` goes with each of them, its types in any letter case: `User.login <login>` or
`Account.hash <hash>` of oneself or of an account below. [inferred]: whoever may not act as somebody gets error 100, not
HTTP 401; a session that can only be refreshed is good for `session.refresh` and nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import structlog
from litestar import Request

from ringtrail.httpkit.auth import basic_credentials, scheme_token
from ringtrail.model.account import Account, Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services import Services

log = structlog.get_logger("ringtrail.callr")

DIALECT_NAME = "callr"
_MAX_TARGET_LENGTH = 100


class Identity(NamedTuple):
    """Who asks, for which account, and the token of the session if it was one."""

    principal: Principal
    account: Account
    session_token: str | None = None


async def authenticate(services: Services, request: Request[Any, Any, Any], *, refreshing: bool = False) -> Identity:
    """Whoever asks. DomainError UNAUTHENTICATED, or FORBIDDEN for what valid credentials may not do here.

    refreshing: also a session whose time is over may ask, because it asks for more.
    """
    header = request.headers.get("authorization")
    session_token = scheme_token(header, "Session")
    principal = await _principal(services, header, session_token, refreshing=refreshing)
    if principal is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED)
    if principal.property is not None:
        raise DomainError(
            ErrorCode.FORBIDDEN, detail="this key belongs to one property, CALLR needs one of the account"
        )
    await services.api_keys.used(principal)
    account = await _acting(services, principal, request.headers.get("callr-login-as", "").strip())
    return Identity(principal, account, session_token)


async def _principal(
    services: Services, header: str | None, session_token: str | None, *, refreshing: bool
) -> Principal | None:
    if (basic := basic_credentials(header)) is not None:
        return await services.accounts.by_password(DIALECT_NAME, *basic)
    if (key := scheme_token(header, "Api-Key")) is not None:
        return await services.accounts.by_token(DIALECT_NAME, key)
    if session_token is not None:
        return await services.api_keys.by_session(DIALECT_NAME, session_token, expired=refreshing)
    return None


async def _acting(services: Services, principal: Principal, wanted: str) -> Account:
    if not wanted:
        return principal.account
    type_, _, target = wanted.partition(" ")
    target = target.strip()[:_MAX_TARGET_LENGTH]
    asked = {"account_id": principal.account.id, "credential_id": principal.credential_id, "target": target}
    try:
        account = await _target(services, principal.account, type_.lower(), target)
    except DomainError:
        log.warning("login_as_refused", **asked)
        raise
    log.info("login_as", acting_as=account.id, **asked)
    return account


async def _target(services: Services, master: Account, type_: str, target: str) -> Account:
    if type_ == "account.hash":
        return await services.sub_accounts.acting(master, DIALECT_NAME, hash_=target)
    if type_ == "user.login":
        return await services.sub_accounts.acting(master, DIALECT_NAME, login=target)
    raise DomainError(ErrorCode.FORBIDDEN, detail="CALLR-Login-As is `User.login <login>` or `Account.hash <hash>`")
