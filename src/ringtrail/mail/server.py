"""Which SMTP server, and how to reach it safely: what the settings `smtp_url` and `mail_from` say."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import getaddresses
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}  # RFC 6409 and RFC 8314


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    host: str
    port: int
    tls_first: bool  # smtps: TLS before the first word (RFC 8314 section 3)
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def start_tls(self) -> bool | None:
        """True: only with STARTTLS; None: where the server offers it; False: never.

        A password leaves this machine encrypted or not at all. What listens on this very machine is spoken to in the open:
        its certificate is rarely one that can be verified.
        """
        if self.tls_first or self._is_local:
            return False
        return True if self.password else None

    @property
    def _is_local(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def server_of(url: str) -> MailServer:
    """`smtp://user:password@host:587` or `smtps://...`. Raises ValueError, whose message never holds the password."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or parts.path.strip("/") or parts.query:
        raise ValueError(
            "must look like smtp://user:password@host:587 or smtps://user:password@host:465; write / as %2F, @ as %40,"
            " ? as %3F and # as %23 in user and password"
        )
    if parts.netloc.count("@") > 1:
        raise ValueError("holds two @: write the one in the user's name or password as %40")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("names a user or a password, but not both")
    return MailServer(
        host=parts.hostname, port=port or _PORTS[parts.scheme], tls_first=parts.scheme == "smtps",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )  # fmt: skip


def mailbox(text: str) -> Address:
    """`one@example.org` or `A name <one@example.org>`. Raises ValueError."""
    try:
        ((name, address),) = getaddresses([text])  # ValueError, unless there is one
        found = Address(display_name=name, addr_spec=address)
    except (ValueError, HeaderParseError, IndexError) as exc:
        raise ValueError("is not an e-mail address") from exc
    if not found.username or not found.domain or not text.isprintable():
        raise ValueError("is not an e-mail address")
    return found
