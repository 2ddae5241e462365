"""An SMTP server that keeps the mails it takes, and answers as it is told to."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class PostOffice:
    """to_recipient, to_mail: what the next RCPT and the next DATA are answered, then those after; empty: 250."""

    host: str = "127.0.0.1"
    port: int = 0
    login: tuple[str, str] | None = None  # user and password that are asked for
    to_recipient: list[str] = field(default_factory=list)
    to_mail: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    tries: int = 0  # RCPTs
    logins: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.tries += 1
        answer = self.to_recipient.pop(0) if self.to_recipient else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        self._news.set()
        return answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.to_mail.pop(0) if self.to_mail else "250 2.0.0 kept as 1"
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
            self.recipients += envelope.rcpt_tos
        self._news.set()
        return answer

    def authenticator(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        self.logins += 1
        good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == self.login
        return AuthResult(success=good, handled=False)

    async def wait_for(self, number: int, within_s: float = 20) -> list[EmailMessage]:
        async with asyncio.timeout(within_s):
            while len(self.mails) < number:
                self._news.clear()
                await self._news.wait()
        return self.mails


@asynccontextmanager
async def post_office(login: tuple[str, str] | None = None) -> AsyncIterator[PostOffice]:
    office = PostOffice(login=login)

    def connected() -> SMTP:
        return SMTP(
            office, hostname="mail.example.org", authenticator=office.authenticator, auth_required=login is not None,
            auth_require_tls=False, enable_SMTPUTF8=True,
        )  # fmt: skip

    server = await asyncio.get_running_loop().create_server(connected, office.host, 0)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()
        await server.wait_closed()
