"""Access tokens for the addresses of watches: a client of somebody else's OAuth 2.0 (RFC 6749 sections 4.4 and 6)."""

from __future__ import annotations

import asyncio
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode

import msgspec

from ringtrail.model.webhook import Endpoint
from ringtrail.services.egress import Answer, Egress
from ringtrail.services.webhooks import Attempt, Webhooks

DEFAULT_GRANT = "refresh_token"
GRANTS = (DEFAULT_GRANT, "client_credentials")

_EARLY_S = 30  # a token is renewed so long before it ends
_UNSAID_S = 300  # how long a token is used whose issuer does not say
_MOST_KEPT = 1_000
_TURN = "renewing_until"  # in the secrets, Unix seconds
_ASK_AGAIN_S = 0.5
_BEARER = re.compile(r"[\x21-\x7e]{1,8192}")
_ERROR_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")  # RFC 6749 section 5.2


class _Token(NamedTuple):
    text: str
    watch_of: datetime  # when the watch was last changed: a token is not used beyond that
    fetched: float  # monotonic
    until: float
    replaces_refused: bool


class WatchTokens:
    """Fetched through the guarded client, kept until they end, renewed once when an address answers 401.

    Issuers that replace the refresh token take the old one back with all that came of it when it is used again. So one
    worker at a time asks, with the newest token, and the new one is stored before anything is sent with what came along.
    What remains: if the worker dies after the issuer has answered and before that is committed, milliseconds, the new
    token is lost. The next try shows the old one; if the issuer does not take it any more, the log says `invalid_grant`, and
    nothing is lost but time: the owner gives the watch a new token, and what waits is told.
    """

    def __init__(self, webhooks: Webhooks, egress: Egress) -> None:
        self._webhooks = webhooks
        self._egress = egress
        self._kept: dict[str, _Token] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._unstored: dict[tuple[str, datetime], str] = {}  # refresh tokens that the database was away for

    async def bearer(self, attempt: Attempt) -> str:
        """The access token. Raises OSError when the issuer gives none: the attempt is tried again."""
        endpoint = attempt.endpoint
        if len(self._turns) > _MOST_KEPT:
            self._kept.clear()
            self._turns = {hash_: turn for hash_, turn in self._turns.items() if turn.locked()}
        async with self._turns.setdefault(endpoint.hash, asyncio.Lock()):
            kept, refused = self._kept.get(endpoint.hash), attempt.last_status == 401
            if kept is None or kept.watch_of != endpoint.updated_at or _is_over(kept, refused):
                given = await self._given(attempt)
                kept = self._kept[endpoint.hash] = _token(given, endpoint.updated_at, replaces_refused=refused)
            return kept.text

    async def _given(self, attempt: Attempt) -> dict[str, Any]:
        endpoint, said = attempt.endpoint, attempt.endpoint.settings["oauth2Auth"]
        if said.get("grantType") == "client_credentials":
            return await self._asked(said, attempt.secrets.get("oauth2Auth", {}))
        secrets, given = await self._turn(endpoint), dict[str, Any]()
        try:
            given = await self._asked(said, secrets)
        finally:
            await self._end_turn(endpoint, given.get("refresh_token"))
        return given

    async def _asked(self, said: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
        form, headers = _question(said, secrets)
        answer = await self._egress.fetch(
            "POST", said["accessTokenUrl"], headers=headers, body=urlencode(form).encode()
        )
        return _read(answer, secrets)

    async def _turn(self, endpoint: Endpoint) -> dict[str, Any]:
        """The secrets as they are now, once no other worker asks with them. OSError if that takes too long."""
        found, there = dict[str, Any](), False

        def take(secrets: dict[str, Any]) -> None:
            nonlocal there
            there, now = True, time.time()
            if secrets.get(_TURN, 0) <= now:
                secrets[_TURN] = now + 2 * self._egress.limit_s
                found.update(self._renewed(secrets, endpoint))

        for _ in range(round(self._egress.limit_s / _ASK_AGAIN_S)):
            await self._webhooks.keep_secret(endpoint, take)
            if found:
                return found
            if not there:
                raise OSError("the watch has no secrets any more")
            await asyncio.sleep(_ASK_AGAIN_S)
        raise OSError("another worker is asking for an access token")

    async def _end_turn(self, endpoint: Endpoint, renewed: object) -> None:
        """RFC 6749 section 6: the issuer may replace the refresh token, and the old one may be worth nothing from then on."""
        if isinstance(renewed, str) and renewed:
            self._unstored[endpoint.hash, endpoint.updated_at] = renewed

        def change(secrets: dict[str, Any]) -> None:
            secrets.pop(_TURN, None)
            self._renewed(secrets, endpoint)

        await asyncio.shield(self._webhooks.keep_secret(endpoint, change))
        self._unstored.pop((endpoint.hash, endpoint.updated_at), None)

    def _renewed(self, secrets: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
        """Those for the issuer, with the newest refresh token put in."""
        ours: dict[str, Any] = secrets.setdefault("oauth2Auth", {})
        if newest := self._unstored.get((endpoint.hash, endpoint.updated_at)):
            ours["refreshToken"] = newest
        return ours


def _is_over(token: _Token, refused: bool) -> bool:
    """refused: the attempt before was answered 401. What was fetched because of that, by whichever attempt, is not fetched
    again at once."""
    now = time.monotonic()
    return token.until <= now or (refused and not (token.replaces_refused and now - token.fetched < _EARLY_S))


def _token(given: Mapping[str, Any], watch_of: datetime, *, replaces_refused: bool) -> _Token:
    life = given.get("expires_in", _UNSAID_S + _EARLY_S)
    life_s = float(life) if isinstance(life, int | float | str) and str(life).replace(".", "", 1).isdigit() else 0.0
    now = time.monotonic()
    return _Token(given["access_token"], watch_of, now, now + max(0.0, life_s - _EARLY_S), replaces_refused)


def _question(said: Mapping[str, Any], secrets: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """(form, headers) of the token request. With a secret the client shows both by HTTP Basic (section 2.3.1)."""
    grant = said.get("grantType") or DEFAULT_GRANT
    form = {"grant_type": grant}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if grant == DEFAULT_GRANT:
        form["refresh_token"] = secrets.get("refreshToken", "")
    if said.get("scope"):
        form["scope"] = said["scope"]
    if secrets.get("clientSecret"):
        pair = f"{quote_plus(said['clientId'])}:{quote_plus(secrets['clientSecret'])}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = said["clientId"]
    return form, headers


def _read(answer: Answer, secrets: Mapping[str, Any]) -> dict[str, Any]:
    """What an issuer gave. OSError for an answer without a token, with its error code and nothing else of what it says."""
    try:
        given = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        given = None
    found: dict[str, Any] = given if isinstance(given, dict) else {}
    token = found.get("access_token")
    if answer.status == 200 and isinstance(token, str) and _BEARER.fullmatch(token):
        return found
    code = found.get("error")
    known = isinstance(code, str) and _ERROR_CODE.fullmatch(code) and code not in secrets.values()
    raise OSError(f"no access token: HTTP status {answer.status}{f', {code}' if known else ''}")
