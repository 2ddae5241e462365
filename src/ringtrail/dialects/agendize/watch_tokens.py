"""Access tokens for the addresses of watches: a client of somebody else's OAuth 2.0 (RFC 6749 sections 4.4 and 6)."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping
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


class _Token(NamedTuple):
    text: str
    fetched: float  # monotonic
    until: float


class WatchTokens:
    """Fetched through the guarded client, kept until they end, renewed when an address answers 401."""

    def __init__(self, webhooks: Webhooks, egress: Egress) -> None:
        self._webhooks = webhooks
        self._egress = egress
        self._kept: dict[tuple[str, str], _Token] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def bearer(self, attempt: Attempt) -> str:
        """The access token. Raises OSError when the issuer gives none: the attempt is tried again."""
        endpoint = attempt.endpoint
        key = (endpoint.hash, endpoint.updated_at.isoformat())
        if len(self._turns) > _MOST_KEPT:
            self._kept.clear()
            self._turns = {hash_: turn for hash_, turn in self._turns.items() if turn.locked()}
        async with self._turns.setdefault(endpoint.hash, asyncio.Lock()):
            kept, now = self._kept.get(key), time.monotonic()
            suspect = attempt.last_status == 401 and kept is not None and now - kept.fetched > _EARLY_S
            if kept is None or suspect or kept.until <= now:
                kept = self._kept[key] = await self._fetched(attempt)
            return kept.text

    async def _fetched(self, attempt: Attempt) -> _Token:
        said = attempt.endpoint.settings["oauth2Auth"]
        secrets = dict(attempt.secrets.get("oauth2Auth", {}))
        form, headers = _question(said, secrets)
        answer = await self._egress.fetch(
            "POST", said["accessTokenUrl"], headers=headers, body=urlencode(form).encode()
        )
        given = _read(answer)
        if (renewed := given.get("refresh_token")) and renewed != secrets.get("refreshToken"):
            await self._keep_refresh_token(attempt.endpoint, str(renewed))
        life = given.get("expires_in", _UNSAID_S + _EARLY_S)
        life_s = float(life) if isinstance(life, int | float | str) and str(life).replace(".", "", 1).isdigit() else 0.0
        now = time.monotonic()
        return _Token(str(given["access_token"]), now, now + max(0.0, life_s - _EARLY_S))

    async def _keep_refresh_token(self, endpoint: Endpoint, token: str) -> None:
        """RFC 6749 section 6: the issuer may replace it, and the old one may be worth nothing from then on."""

        def change(secrets: dict[str, Any]) -> None:
            secrets.setdefault("oauth2Auth", {})["refreshToken"] = token

        await self._webhooks.keep_secret(endpoint, change)


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


def _read(answer: Answer) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        given = None
    token = given.get("access_token") if isinstance(given, dict) else None
    if answer.status != 200 or not isinstance(token, str) or not token.isascii() or not token.isprintable():
        error = given.get("error") if isinstance(given, dict) else None
        word = f", {error}" if isinstance(error, str) and error.isprintable() and len(error) <= 60 else ""
        raise OSError(f"no access token: HTTP status {answer.status}{word}")
    assert isinstance(given, dict)
    return given
