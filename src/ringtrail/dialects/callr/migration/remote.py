"""The account to move in, asked through the vendor's API where it is now. Nothing is ever written there.

[inferred]: four requests a second (the vendor names no limit, its own sample asks once a second); a request is tried five
times; what is no method there is -32601, or an error whose message says as much; a list ends with the first page that is
empty or says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import json
import re
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import yarl

from ringtrail.dialects.callr.errors import METHOD_NOT_FOUND
from ringtrail.services.egress import Answer, Egress, EgressRefusedError, Network, Policy

PER_SECOND = 4.0
PAGE = 100
LIMIT_S = 120.0
MOST_ANSWER_BYTES = 64 * 1024 * 1024
_TRIES = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
_REDIRECTS, _MOST_REDIRECTS = (301, 302, 303, 307, 308), 3
_READS = re.compile(r"(?:.*[./])?(?:get|search|all|overview|countries|timezones)(?:_[a-z_]+)?")
_UNKNOWN_METHOD = re.compile(r"(?:unknown|invalid|no such)[ _]+(?:method|service)|(?:method|service)[ _]+(?:is )?(?:not[ _]+found|unknown|does not exist)", re.IGNORECASE)  # fmt: skip


class RemoteError(Exception):
    """The old account did not give what was asked for. code: its JSON-RPC code, or HTTP status; 0: there was no answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def unknown_method(self) -> bool:
        return self.code == METHOD_NOT_FOUND or _UNKNOWN_METHOD.search(self.message) is not None


class RemoteRefusedError(RemoteError):
    """The credentials are not accepted (HTTP 401 or 403): nothing else will be answered either."""


class AnswerTooLongError(RemoteError):
    """More than MOST_ANSWER_BYTES: ask for less."""


def api_key(key: str) -> str:
    return f"Api-Key {key}"


def login(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


class Pace:
    """One request after the other, so many a second at most."""

    def __init__(self, per_second: float = PER_SECOND) -> None:
        self._gap_s = 1 / per_second
        self._turn = asyncio.Lock()
        self._next = 0.0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(max(0.0, self._next - loop.time()))
            self._next = loop.time() + self._gap_s
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """authorization: the header's value, which goes to the host of `url` only. acts_as: see `acting_as`."""

    url: str
    authorization: str = field(repr=False)
    egress: Egress
    pace: Pace
    acts_as: str = ""
    first_wait_s: float = _FIRST_WAIT_S

    def acting_as(self, who: str) -> Remote:
        """The same for an account below: `Account.hash <hash>` or `User.login <login>`."""
        return replace(self, acts_as=who)

    @property
    def source(self) -> str:
        """Names this account and where it is; tells nothing of the credentials."""
        told = "\n".join((self.url, self.authorization, self.acts_as))
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    async def call(self, method: str, *params: Any) -> Any:
        """The result of a method that reads. RemoteError."""
        if not _READS.fullmatch(method):
            raise ValueError(f"{method} would change something there")
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        headers = {"Content-Type": "application/json-rpc; charset=utf-8", **self._credentials(self.url)}
        answer = await self._fetched("POST", self.url, headers, body, MOST_ANSWER_BYTES)
        return _result(answer)

    async def pages(
        self, method: str, filters: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None
    ) -> AsyncIterator[list[Any]]:
        """The hits of a `search`, page by page: method(filters, options), with offset and quantity."""
        offset, more, before = 0, True, None
        while more:
            asked = {"quantity": PAGE, **(options or {}), "offset": offset}
            found = await self.call(method, filters or {}, asked)
            hits = found.get("hits") if isinstance(found, dict) else None
            if not isinstance(hits, list) or (hits and hits == before):
                raise RemoteError(0, f"the answer to {method} has no list of hits, or always the same")
            before = hits
            if hits:
                yield hits
            offset, more = offset + len(hits), bool(hits) and found.get("has_more") is True

    async def file(self, url: str, most_bytes: int) -> bytes:
        """What a URL that the old account names holds. RemoteError; AnswerTooLongError beyond so many bytes."""
        answer = await self._got(url, most_bytes)
        for _ in range(_MOST_REDIRECTS):
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                break
            url = _joined(url, answer.headers["Location"])
            answer = await self._got(url, most_bytes)
        if answer.status != 200:
            raise RemoteError(answer.status, f"the file was answered with HTTP {answer.status}")
        if len(answer.body) > most_bytes:
            raise AnswerTooLongError(answer.status, f"the file is longer than {most_bytes} bytes")
        return answer.body

    async def _got(self, url: str, most_bytes: int) -> Answer:
        return await self._fetched("GET", url, self._credentials(url), None, most_bytes + 1)

    def _credentials(self, url: str) -> dict[str, str]:
        try:
            ours = yarl.URL(url).origin() == yarl.URL(self.url).origin()
        except ValueError as exc:
            raise RemoteError(0, "this is not an address") from exc
        if not ours:
            return {}
        return {"Authorization": self.authorization} | ({"CALLR-Login-As": self.acts_as} if self.acts_as else {})

    async def _fetched(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, most_bytes: int
    ) -> Answer:
        """The first answer that is no trouble of the moment. RemoteError."""
        wait_s = self.first_wait_s
        for left in reversed(range(_TRIES)):
            try:
                async with self.pace.turn():
                    answer = await self.egress.fetch(method, url, headers=headers, body=body, most_bytes=most_bytes)
            except EgressRefusedError as exc:
                raise RemoteError(0, str(exc)) from exc
            except (TimeoutError, OSError) as exc:
                if not left:
                    raise RemoteError(0, str(exc) or "there was no answer in time") from exc
            else:
                if not left or (answer.status != 429 and answer.status < 500):
                    return answer
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        raise AssertionError("the last try returns or raises")


def _joined(url: str, location: str) -> str:
    try:
        return str(yarl.URL(url).join(yarl.URL(location)))
    except ValueError as exc:
        raise RemoteError(0, "the file is said to be at no address") from exc


def _result(answer: Answer) -> Any:
    if len(answer.body) >= MOST_ANSWER_BYTES:
        raise AnswerTooLongError(answer.status, "the answer is too long")
    told = _decoded(answer.body)
    error = told.get("error") if isinstance(told, dict) else None
    message = str(error["message"]) if isinstance(error, dict) and "message" in error else f"HTTP {answer.status}"
    if answer.status in (401, 403):
        raise RemoteRefusedError(answer.status, message)
    if isinstance(error, dict):
        code = error.get("code")
        raise RemoteError(code if isinstance(code, int) else 0, message)
    if answer.status != 200 or not isinstance(told, dict) or "result" not in told:
        raise RemoteError(answer.status, f"no JSON-RPC answer (HTTP {answer.status})")
    return _storable(told["result"]) if b"\\u0000" in answer.body else told["result"]


def _decoded(body: bytes) -> Any:
    """None: it is no JSON. Halves of characters, which only Python's own reader takes, are left out."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        with contextlib.suppress(ValueError, RecursionError):
            return _storable(json.loads(body))
    return None


def _storable(value: Any) -> Any:
    """Without the characters that no database keeps."""
    match value:
        case str():
            return value.replace("\0", "").encode(errors="ignore").decode()
        case list():
            return [_storable(item) for item in value]
        case dict():
            return {_storable(key): _storable(item) for key, item in value.items()}
        case _:
            return value


@contextlib.asynccontextmanager
async def connected(
    url: str, authorization: str, *, per_second: float = PER_SECOND, allowed_networks: Iterable[Network] = ()
) -> AsyncIterator[Remote]:
    """To the account at `url`. Its host may be anywhere, files are fetched from the public internet or the networks allowed.
    RemoteError for a URL that cannot be one."""
    policy = Policy([*allowed_networks, *await _addresses(url)])
    async with Egress(policy, limit_s=LIMIT_S).opened() as egress:
        yield Remote(url=url, authorization=authorization, egress=egress, pace=Pace(per_second))


async def _addresses(url: str) -> list[Network]:
    """Where the host of this URL is now."""
    try:
        host, port = yarl.URL(url).host, yarl.URL(url).port
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM) if host else []
    except (ValueError, OSError) as exc:
        raise RemoteError(0, "the URL is no address, or its host is not known") from exc
    return [ipaddress.ip_network(item[4][0]) for item in found]
