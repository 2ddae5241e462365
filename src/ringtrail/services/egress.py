"""Requests to addresses that our users name: only to the public internet, whatever the address pretends to be.

Two checks at dial time. The resolver refuses a name if any of its addresses is refused; the socket is only made for an
address that is allowed, and it is the very address that is dialled. Nothing is looked up twice in between, so a name
that changes its mind gains nothing. Host header and TLS name stay those of the URL. Redirects are not followed and no
proxy of the environment is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

LIMIT_S = 15.0
MOST_ANSWER_BYTES = 65_536
_MOST_URL = 2_048
_KNOWN_URLS = 4_096

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # a public address that answers with a cloud's metadata, from inside only
        "2001::/23",  # IETF's own: Teredo, ORCHID, benchmarks
        "2001:db8::/32", "2002::/16",  # documentation; 6to4
        "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
"""IANA's special-purpose registries (RFC 6890 and after). Of IPv6 only 2000::/3 is allowed at all, which leaves out
loopback, link-local, unique local, multicast, IPv4-mapped and NAT64 addresses."""

_PUBLIC_V6 = ipaddress.ip_network("2000::/3")


class EgressRefusedError(Exception):
    """We do not send there; the message says why and can be shown to who named the address."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]  # case-insensitive
    body: bytes  # its beginning: as much as was asked for, as sent (no content coding is undone)


def networks_of(text: str) -> tuple[Network, ...]:
    """A comma list of networks or addresses. Raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


class Policy:
    """What may be dialled. allowed_networks: an operator's exceptions, on any port."""

    def __init__(self, allowed_networks: Iterable[Network] = ()) -> None:
        self._allowed = tuple(allowed_networks)
        self._known = lru_cache(maxsize=_KNOWN_URLS)(self._checked_url)  # the same ones again and again

    def check_url(self, text: str) -> yarl.URL:
        """The URL, if its spelling is one that we send to. Where its name leads is looked at when it is dialled."""
        return self._known(text)

    def _checked_url(self, text: str) -> yarl.URL:
        if len(text) > _MOST_URL or not text.isprintable():
            raise EgressRefusedError("the address is too long or holds characters that no address has")
        try:
            url = yarl.URL(text)
            host, port = url.host, url.port
        except ValueError as exc:
            raise EgressRefusedError("this is not an address") from exc
        if url.scheme not in ("http", "https") or not host:
            raise EgressRefusedError("the address must begin with https:// or http:// and name a host")
        if url.user is not None or url.password is not None:
            raise EgressRefusedError("the address holds a user name or password")
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(host)
            self.check(address, port or 0)
            return url
        _check_port(port or 0)
        return url

    def check(self, address: Address, port: int) -> None:
        """Raises EgressRefusedError unless this address may be dialled on this port."""
        if any(address in network for network in self._allowed if network.version == address.version):
            return
        public = address.is_global and not any(
            address in network for network in _REFUSED if network.version == address.version
        )
        if not public or (address.version == 6 and address not in _PUBLIC_V6):
            raise EgressRefusedError("the address is not on the public internet")
        _check_port(port)


def _check_port(port: int) -> None:
    """Web servers listen on 80, 443 or above 1023: below are mail, shells and the like."""
    if port not in (80, 443) and not 1024 <= port <= 65_535:
        raise EgressRefusedError("the address names a port that is not for web servers")


class _CheckedResolver(AbstractResolver):
    def __init__(self, policy: Policy, resolver: AbstractResolver) -> None:
        self._policy = policy
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        try:
            found = await self._resolver.resolve(host, port, family)
        except UnicodeError as exc:  # a label of more than 63 characters, or of none
            raise OSError("no name can be like this") from exc
        for item in found:
            self._policy.check(ipaddress.ip_address(item["host"]), port)
        return found

    async def close(self) -> None:
        await self._resolver.close()


class Egress:
    """An HTTP client that keeps to a policy. Every request ends within `limit_s`, however slowly it is answered."""

    def __init__(self, policy: Policy, *, limit_s: float = LIMIT_S, resolver: AbstractResolver | None = None) -> None:
        self.limit_s = limit_s
        self._policy = policy
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Egress]:
        resolver = _CheckedResolver(self._policy, self._resolver or ThreadedResolver())
        connector = aiohttp.TCPConnector(
            resolver=resolver, use_dns_cache=False, socket_factory=self._socket, happy_eyeballs_delay=None, limit=0,
            keepalive_timeout=10,
        )  # fmt: skip
        session = aiohttp.ClientSession(
            connector=connector, trust_env=False, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None), skip_auto_headers=("User-Agent", "Accept-Encoding"),
        )  # fmt: skip
        async with session:
            self._session = session
            yield self
        await resolver.close()

    async def fetch(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        most_bytes: int = MOST_ANSWER_BYTES,
    ) -> Answer:
        """most_bytes: how much of the answer's body is read. Raises EgressRefusedError, TimeoutError, or OSError when there is no (sound) answer."""
        assert self._session is not None, "not opened"
        url = self._policy.check_url(address)
        try:
            async with (
                asyncio.timeout(self.limit_s),
                self._session.request(
                    method, url, headers=headers, data=body, allow_redirects=False, raise_for_status=False
                ) as response,
            ):
                return Answer(response.status, response.headers, await _beginning(response, most_bytes))
        except aiohttp.ClientError as exc:
            raise OSError(_worded(exc)) from exc

    def _socket(self, info: Any) -> socket.socket:
        """A socket for one address that getaddrinfo, or a literal in the URL, gave: the last moment to refuse it."""
        family, type_, proto, _, (host, port, *_rest) = info
        self._policy.check(ipaddress.ip_address(host), port)
        return socket.socket(family, type_, proto)


async def _beginning(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(8_192):
        body += chunk
        if len(body) >= most:
            response.close()  # whatever else there is: this connection is not used again
            break
    return bytes(body[:most])


def _worded(exc: aiohttp.ClientError) -> str:
    """What went wrong, without the addresses that a name of somebody else's led to."""
    match exc:
        case aiohttp.InvalidURL():
            return "this is not an address"
        case aiohttp.ClientConnectorDNSError():
            return "the host's name is not known"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return "no secure connection could be made"
        case aiohttp.ClientConnectorError():
            return "no connection could be made"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return "the connection broke"
        case _:
            return "the answer was not HTTP"
