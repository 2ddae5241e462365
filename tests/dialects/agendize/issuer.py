"""An OAuth 2.0 authorization server that somebody else wrote (Authlib's), for the addresses of watches.

`Issuer` issues to one client, by `client_credentials` and `refresh_token`. Every refresh token works once; one that comes
again ends all that came of the first (RFC 9700 section 4.14.2), as strict issuers do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from authlib.common.security import generate_token
from authlib.oauth2 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator

from tests.receiver import Received, Receiver, receiving

CLIENT_ID, CLIENT_SECRET, FIRST = "crm-1", "cs-0123456789abcdef", "rt-0123456789abcdef"
SCOPE = "calls:write profile"


class _Client(ClientMixin):  # type: ignore[misc]
    def __init__(self, *, public: bool) -> None:
        self._public = public

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") is self._public

    def check_grant_type(self, grant_type: str) -> bool:
        return True

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or SCOPE


@dataclass
class _Refresh(TokenMixin):  # type: ignore[misc]
    text: str
    used: bool = False

    def check_client(self, client: object) -> bool:
        return True

    def get_scope(self) -> str:
        return SCOPE


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, received: Received) -> None:
        headers = {name.title(): value for name, value in received.headers.items()}
        super().__init__(received.method, "https://issuer.example" + received.path, headers=headers)
        self._form = dict(parse_qsl(received.body.decode(), strict_parsing=True))
        self.payload = BasicOAuth2Payload(self._form)

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _Credentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)


class _Rotating(grants.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "none")
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> _Refresh | None:
        issuer: Issuer = self.server
        found = next((item for item in issuer.refreshes if item.text == refresh_token), None)
        if found is not None and found.used:
            issuer.revoke()
        return None if found is None or issuer.revoked or found.used else found

    def authenticate_user(self, refresh_token: _Refresh) -> str:
        return "owner"

    def revoke_old_credential(self, refresh_token: _Refresh) -> None:
        refresh_token.used = True


@dataclass(eq=False)
class Issuer(AuthorizationServer):  # type: ignore[misc]
    """lives_s: how long access tokens live. `good` are those that an address should take."""

    public: bool = False
    lives_s: int = 3_600
    refreshes: list[_Refresh] = field(default_factory=lambda: [_Refresh(FIRST)])
    good: set[str] = field(default_factory=set)
    revoked: bool = False
    receiver: Receiver = field(default_factory=Receiver)

    def __post_init__(self) -> None:
        super().__init__()
        self.register_grant(_Credentials)
        self.register_grant(_Rotating)
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda *_args, **_more: f"at-{generate_token(24)}", lambda *_args, **_more: f"rt-{generate_token(24)}",
                lambda *_args: self.lives_s,
            ),
        )  # fmt: skip

    def revoke(self) -> None:
        self.revoked = True
        self.good.clear()

    def issue_by_hand(self, refresh_token: str) -> None:
        """As if its owner had consented anew."""
        self.revoked, self.refreshes = False, [_Refresh(refresh_token)]

    @property
    def asked(self) -> list[dict[str, str]]:
        """The forms that came."""
        return [dict(parse_qsl(request.body.decode())) for request in self.receiver.received]

    def answer(self, received: Received) -> web.Response:
        return self.create_token_response(received)  # type: ignore[no-any-return]

    def guard(self, received: Received) -> web.Response:
        """What an address that wants its tokens answers."""
        token = received.headers.get("authorization", "").removeprefix("Bearer ")
        return web.Response(status=200 if token in self.good else 401)

    # --- what Authlib asks for ---

    def query_client(self, client_id: str) -> _Client | None:
        return _Client(public=self.public) if client_id == CLIENT_ID else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        self.good.add(token["access_token"])
        if "refresh_token" in token:
            self.refreshes.append(_Refresh(token["refresh_token"]))

    def create_oauth2_request(self, request: Received) -> _Request:
        return _Request(request)

    def handle_response(self, status: int, body: dict[str, Any], headers: list[tuple[str, str]]) -> web.Response:
        kept = {name: value for name, value in headers if name.lower() != "content-type"}
        return web.json_response(body, status=status, headers=kept)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        pass


@asynccontextmanager
async def issuing(**changes: Any) -> AsyncIterator[Issuer]:
    async with receiving() as receiver:
        issuer = Issuer(receiver=receiver, **changes)
        receiver.reply = issuer.answer
        yield issuer
