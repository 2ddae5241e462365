"""What oauthlib asks about a request, answered from what was loaded before; what it decides is left to be read.

oauthlib holds the rules of RFC 6749 and of PKCE (RFC 7636) and asks a validator for facts, without awaiting. So the facts
are loaded first, under locks, and what follows is written after: the library neither waits nor needs a thread.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from oauthlib.common import Request
from oauthlib.oauth2 import AuthorizationCodeGrant, BearerToken, RefreshTokenGrant, RequestValidator
from oauthlib.oauth2.rfc6749.errors import (
    InvalidGrantError,
    InvalidRequestError,
    UnsupportedResponseTypeError,
)
from oauthlib.oauth2.rfc6749.grant_types.authorization_code import code_challenge_method_s256

from ringtrail.services.accounts import token_digest
from ringtrail.storage.oauth import Grant, RefreshToken, Registered

SCOPES = ("agendize",)
"""Each lets a program use the dialect of that name as the account itself may."""

CODE_LIFETIME = timedelta(minutes=10)  # RFC 6749 section 4.1.2: at most
ACCESS_LIFETIME = timedelta(hours=1)  # [inferred]
REFRESH_LIFETIME = timedelta(days=180)  # [inferred]: unused for so long, the owner is asked again


@dataclass(slots=True, kw_only=True)
class Facts:
    """What is known about one request. refresh: the row of the refresh token that it presents."""

    now: datetime
    registered: Registered | None
    grant: Grant | None = None
    refresh: RefreshToken | None = None
    basic: tuple[str, str] | None = None  # client id and secret of an Authorization header


class Rules(RequestValidator):
    """One request. After oauthlib has answered it, the attributes say what is to be written."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self._facts = facts
        self.code: str | None = None  # to be kept with a new consent
        self.tokens: dict[str, Any] | None = None  # to be kept with the consent
        self.replayed = False  # a code or refresh token came a second time: the consent is to be revoked
        self.revoked: str | None = None  # a token whose consent its program gives back

    # --- the program ------------------------------------------------------------------------------------------------

    def validate_client_id(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        found = self._facts.registered
        if found is None or found.program.client_id != client_id or found.program.disabled_at:
            return False
        request.client = found.program
        return True

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """By header or by body, never both (RFC 6749 section 2.3)."""
        basic = self._facts.basic
        if basic and request.client_secret is not None:
            raise InvalidRequestError("Two ways of client authentication.", request=request)
        client_id, secret = basic or (request.client_id or "", request.client_secret or "")
        expected = self._facts.registered.secret_hash if self._facts.registered else b""
        fits = hmac.compare_digest(token_digest(secret), expected)
        same = request.client_id in (None, client_id)
        return fits and same and self.validate_client_id(client_id, request)

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        return True

    # --- asking for consent -----------------------------------------------------------------------------------------

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        return redirect_uri in self._redirect_uris()

    def get_default_redirect_uri(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> str:
        """RFC 6749 section 3.1.2.3: only where there is no choice. Empty: there is one."""
        uris = self._redirect_uris()
        return uris[0] if len(uris) == 1 else ""

    def _redirect_uris(self) -> tuple[str, ...]:
        return self._facts.registered.program.redirect_uris if self._facts.registered else ()

    def validate_response_type(
        self, client_id: str, response_type: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        if response_type != "code":  # oauthlib lets OpenID's 'code token' through
            raise UnsupportedResponseTypeError(request=request)
        return True

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        return list(SCOPES)

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        return set(scopes) <= set(SCOPES)

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        return False

    def save_authorization_code(self, client_id: str, code: Any, request: Request, *args: Any, **kwargs: Any) -> None:
        self.code = code["code"]

    # --- redeeming a code -------------------------------------------------------------------------------------------

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        grant = self._facts.grant
        if grant is None or grant.client_id != client.client_id:
            return False
        self.replayed = grant.code_used_at is not None
        request.user, request.scopes = grant.account_id, grant.scope.split()
        return not self.replayed and not grant.revoked_at and self._facts.now < grant.code_expires_at

    def get_code_challenge(self, code: str, request: Request) -> str:
        """None without PKCE; a verifier then betrays a code from somebody else's consent (RFC 9700 section 2.1.1)."""
        challenge = self._facts.grant.code_challenge if self._facts.grant else None
        if challenge is None and request.code_verifier is not None:
            raise InvalidGrantError(request=request)
        return challenge  # type: ignore[return-value]

    def get_code_challenge_method(self, code: str, request: Request) -> str:
        return "S256"

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """What the consent named must be named again; what it left out may be."""
        asked = self._facts.grant.redirect_uri if self._facts.grant else None
        named = None if request.using_default_redirect_uri else redirect_uri
        allowed = (asked,) if asked else (None, self.get_default_redirect_uri(client_id, request))
        if named not in allowed:
            raise InvalidGrantError("The redirect URI is not that of the consent.", request=request)
        return True

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """Done where the tokens are written."""

    def save_bearer_token(self, token: Any, request: Request, *args: Any, **kwargs: Any) -> None:
        self.tokens = dict(token)

    # --- refreshing -------------------------------------------------------------------------------------------------

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        grant, refresh = self._facts.grant, self._facts.refresh
        if grant is None or refresh is None or grant.client_id != client.client_id:
            return False
        self.replayed = refresh.refreshed_at is not None
        request.user = grant.account_id
        unused_too_long = self._facts.now >= refresh.created_at + REFRESH_LIFETIME
        return not self.replayed and not grant.revoked_at and not unused_too_long

    def get_original_scopes(self, refresh_token: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        return self._facts.grant.scope.split() if self._facts.grant else []

    # --- giving back ------------------------------------------------------------------------------------------------

    def revoke_token(self, token: str, token_type_hint: str, request: Request, *args: Any, **kwargs: Any) -> None:
        self.revoked = token


class CodeGrant(AuthorizationCodeGrant):
    """With PKCE by S256 only: `plain`, which is also what a missing method means, protects nothing."""

    _code_challenge_methods = MappingProxyType({"S256": code_challenge_method_s256})

    def create_authorization_code(self, request: Request) -> dict[str, str]:
        return {"code": _secret(request), **({"state": request.state} if request.state else {})}


GRANTS = {"authorization_code": CodeGrant, "refresh_token": RefreshTokenGrant}


def bearer(rules: Rules) -> BearerToken:
    return BearerToken(rules, token_generator=_secret, expires_in=int(ACCESS_LIFETIME.total_seconds()))


def _secret(request: Request) -> str:
    return secrets.token_urlsafe(32)
