"""OAuth 2.0: programs, the consent of an account's owner, tokens (RFC 6749, 6750, 7009, 7636).

Answers are told in HTTP's words, because the RFCs are: the edges only carry them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit

from oauthlib.common import Request
from oauthlib.oauth2 import RevocationEndpoint
from oauthlib.oauth2.rfc6749.errors import (
    AccessDeniedError,
    FatalClientError,
    InvalidRequestError,
    InvalidRequestFatalError,
    OAuth2Error,
    UnsupportedGrantTypeError,
)

from ringtrail.model.account import Principal
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.oauth import Program
from ringtrail.ports.clock import Clock
from ringtrail.services.accounts import principal_of, token_digest
from ringtrail.services.oauth_rules import ACCESS_LIFETIME, CODE_LIFETIME, GRANTS, CodeGrant, Facts, Rules, bearer
from ringtrail.storage import oauth as store
from ringtrail.storage.database import Connection, Database

_ENDPOINT = "https://oauth.invalid/"  # oauthlib wants to see one; TLS ends before us
_CONSENT = ("client_id", "response_type", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method")
_TOKEN = (
    "grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "client_id", "client_secret",
)  # fmt: skip
_REVOCATION = ("token", "token_type_hint", "client_id", "client_secret")
_REMEMBERED = timedelta(days=30)  # how long a replay of a code or refresh token is recognized
_MAX_TEXT = 2_000
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[A-Za-z0-9\-._~:/?@!$&()*+=%\[\]]+")
_AUTHORITY = re.compile(r"([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")

Parameters = Mapping[str, Sequence[str]]


class Consent(NamedTuple):
    """What the owner of an account is asked."""

    program: str
    scopes: tuple[str, ...]
    redirect_uri: str


class SentBack(NamedTuple):
    """The browser goes back to the program, with a code or an error."""

    location: str


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


class OAuth:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # --- programs ---------------------------------------------------------------------------------------------------

    async def register(self, name: str, redirect_uris: Sequence[str]) -> tuple[Program, str]:
        """A new program and its secret, which is kept only as a digest. DomainError for a URI that is no safe way back."""
        if not name.strip() or not redirect_uris:
            raise DomainError(ErrorCode.MISSING, field="redirect" if name.strip() else "name")
        for uri in redirect_uris:
            _require_way_back(uri)
        program = Program(
            client_id=secrets.token_hex(16), name=name.strip(), redirect_uris=tuple(dict.fromkeys(redirect_uris)),
            created_at=self._clock.now(), disabled_at=None,
        )  # fmt: skip
        secret = secrets.token_urlsafe(32)
        async with self._database.transaction() as connection:
            await store.add_program(connection, program, token_digest(secret))
        return program, secret

    async def programs(self) -> list[Program]:
        async with self._database.reading() as connection:
            return await store.all_programs(connection)

    async def remove(self, client_id: str) -> Program:
        """Take a program's rights away, at once and in every account; what is known of it stays."""
        async with self._database.transaction() as connection:
            program = await store.disable_program(connection, client_id, self._clock.now())
        if program is None:
            raise DomainError(ErrorCode.NOT_FOUND, field="client_id", detail=f"there is no program {client_id!r}")
        return program

    # --- consent ----------------------------------------------------------------------------------------------------

    async def ask(self, query: Parameters) -> Consent | SentBack:
        """Read an authorization request. DomainError for one that must not be sent back (RFC 6749 section 4.1.2.1)."""
        rules = Rules(await self._registered(query))
        try:
            request = _consent_request(query)
            CodeGrant(rules).validate_authorization_request(request)
        except OAuth2Error as error:
            return _sent_back(error)
        return Consent(request.client.name, tuple(request.scopes), request.redirect_uri)

    async def decide(self, principal: Principal, query: Parameters, *, allowed: bool) -> SentBack:
        """What the owner said to the request that `ask` read."""
        rules = Rules(await self._registered(query))
        grant = CodeGrant(rules)
        try:
            request = _consent_request(query)
            if not allowed:
                grant.validate_authorization_request(request)
                raise AccessDeniedError(request=request)
            headers, _, _ = grant.create_authorization_response(request, bearer(rules))
        except OAuth2Error as error:
            return _sent_back(error)
        if rules.code:
            await self._keep_consent(principal, request, rules.code)
        return SentBack(headers["Location"])

    async def _keep_consent(self, principal: Principal, request: Any, code: str) -> None:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await store.forget_old(connection, principal.account.id, now - _REMEMBERED)
            await store.add_grant(
                connection, account_id=principal.account.id, credential_id=principal.credential_id,
                client_id=request.client_id, scope=" ".join(request.scopes), code_challenge=request.code_challenge,
                redirect_uri=None if request.using_default_redirect_uri else request.redirect_uri,
                code_hash=token_digest(code), code_expires_at=now + CODE_LIFETIME,
            )  # fmt: skip

    async def with_access(self, principal: Principal) -> list[Program]:
        """Programs that may act for the account; for a login of one property, those that it let in itself."""
        async with self._database.reading() as connection:
            return await store.programs_with_access(connection, principal.account.id, _only(principal))

    async def withdraw(self, principal: Principal, client_id: str) -> None:
        """Take back from a program what `with_access` shows."""
        async with self._database.transaction() as connection:
            now = self._clock.now()
            await store.revoke_program(connection, principal.account.id, _only(principal), client_id, now)

    # --- tokens -----------------------------------------------------------------------------------------------------

    async def token(self, form: Parameters, basic: tuple[str, str] | None) -> Answer:
        """The token endpoint. basic: client id and secret of an Authorization header."""
        try:
            request = _request(form, _TOKEN, InvalidRequestError)
            if request.grant_type is None:
                raise InvalidRequestError("Missing grant_type parameter.", request=request)
            if request.grant_type not in GRANTS:
                raise UnsupportedGrantTypeError(request=request)
        except OAuth2Error as error:
            return _refusal(error)
        async with self._database.transaction() as connection:
            facts = await self._facts(connection, request, basic)
            rules = Rules(facts)
            answer = _answer(*GRANTS[request.grant_type](rules).create_token_response(request, bearer(rules)))
            await self._write(connection, facts, rules)
        return answer

    async def _facts(self, connection: Connection, request: Any, basic: tuple[str, str] | None) -> Facts:
        client_id = basic[0] if basic else request.client_id
        registered = await store.program_by_id(connection, client_id or "")
        facts = Facts(now=self._clock.now(), registered=registered, basic=basic)
        if request.grant_type == "authorization_code" and request.code:
            facts.grant = await store.lock_grant_by_code(connection, token_digest(request.code))
        if request.grant_type == "refresh_token" and request.refresh_token:
            found = await store.lock_grant_by_refresh(connection, token_digest(request.refresh_token))
            facts.grant, facts.refresh = found or (None, None)
        return facts

    async def _write(self, connection: Connection, facts: Facts, rules: Rules) -> None:
        if facts.grant is None:
            return
        if rules.replayed:
            await store.revoke_grant(connection, facts.grant, facts.now)
        if rules.tokens is None:
            return
        if facts.refresh:
            await store.use_refresh_token(connection, facts.grant, facts.refresh, facts.now)
        else:
            await store.use_code(connection, facts.grant, facts.now)
        await store.forget_old(connection, facts.grant.account_id, facts.now - _REMEMBERED)
        await store.add_tokens(
            connection, facts.grant, access_hash=token_digest(rules.tokens["access_token"]),
            access_expires_at=facts.now + ACCESS_LIFETIME, refresh_hash=token_digest(rules.tokens["refresh_token"]),
            now=facts.now,
        )  # fmt: skip

    async def revoke(self, form: Parameters, basic: tuple[str, str] | None) -> Answer:
        """The revocation endpoint: either token ends the consent. A token that is not the program's ends nothing."""
        try:
            request = _request(form, _REVOCATION, InvalidRequestError)
        except OAuth2Error as error:
            return _refusal(error)
        async with self._database.transaction() as connection:
            facts = await self._facts(connection, request, basic)
            rules = Rules(facts)
            answer = _answer(*RevocationEndpoint(rules).create_revocation_response(request.uri, body=request.body))
            if rules.revoked and facts.registered:
                digest = token_digest(rules.revoked)
                await store.revoke_by_token(connection, facts.registered.program.client_id, digest, facts.now)
        return answer

    async def by_access_token(self, token: str, scope: str) -> Principal | None:
        """Whom a bearer acts for, or None: unknown, expired, revoked, or meant for something else."""
        if len(token) > _MAX_TEXT:
            return None
        async with self._database.reading() as connection:
            found = await store.credential_by_access_token(connection, token_digest(token), scope, self._clock.now())
        return principal_of(found) if found else None

    async def _registered(self, query: Parameters) -> Facts:
        async with self._database.reading() as connection:
            client_id = next(iter(query.get("client_id", ())), "")
            return Facts(now=self._clock.now(), registered=await store.program_by_id(connection, client_id))


def _only(principal: Principal) -> int | None:
    return principal.credential_id if principal.property else None


def _consent_request(query: Parameters) -> Any:
    return _request(query, _CONSENT, InvalidRequestFatalError)


def _request(parameters: Parameters, known: Sequence[str], fault: type[OAuth2Error]) -> Any:
    """For oauthlib, which gives it more attributes. Only what the RFCs name: it would take `scopes` or `user` from a stranger. Empty is not sent (3.1)."""
    found = {name: [value for value in parameters.get(name, ()) if value] for name in known}
    for name, values in found.items():
        if len(values) > 1:
            raise fault(f"Duplicate {name} parameter.")
        if any(len(value) > _MAX_TEXT for value in values):
            raise fault(f"The {name} parameter is too long.")
    body = urlencode({name: values[0] for name, values in found.items() if values})
    return Request(_ENDPOINT, http_method="POST", body=body)


def _sent_back(error: OAuth2Error) -> SentBack:
    if isinstance(error, FatalClientError):
        raise DomainError(ErrorCode.UNKNOWN_VALUE, detail=error.description) from error
    return SentBack(error.in_uri(error.redirect_uri or ""))


def _refusal(error: OAuth2Error) -> Answer:
    return _answer({"Content-Type": "application/json"}, error.json, error.status_code)


def _answer(headers: Mapping[str, str], body: str | None, status: int | None) -> Answer:
    """With what RFC 6749 section 5 asks for: never stored, and the challenge of the scheme that clients use."""
    kept = {name: value for name, value in headers.items() if name.lower() != "www-authenticate"}
    kept |= {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if status == 401:
        kept["WWW-Authenticate"] = 'Basic realm="ringtrail"'
    return Answer(status or 200, kept, body or "")


def _require_way_back(uri: str) -> None:
    """https; http to the own machine; or a native program's scheme with a dot in it (RFC 8252 section 7)."""
    try:
        parts = urlsplit(uri)
        safe = bool(_URI.fullmatch(uri)) and len(uri) <= _MAX_TEXT and not parts.username and _leads_home(parts)
    except ValueError:
        safe = False
    if not safe:
        detail = f"{uri!r} must be https, http to a loopback address, or of a private scheme, without a fragment"
        raise DomainError(ErrorCode.BAD_FORMAT, field="redirect", detail=detail)


def _leads_home(parts: SplitResult) -> bool:
    if parts.scheme in ("http", "https"):
        known = bool(_AUTHORITY.fullmatch(parts.netloc))
        return known and (parts.scheme == "https" or parts.hostname in _LOOPBACK)
    return "." in parts.scheme
