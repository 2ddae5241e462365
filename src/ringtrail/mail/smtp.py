"""Handing e-mails to the operator's SMTP server (RFC 5321).

The server is the operator's own, from the settings: the guard for addresses that users name does not apply to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import NamedTuple

import aiosmtplib

from ringtrail.mail.server import MailServer
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.services.egress import Answer
from ringtrail.services.webhooks import MAIL, Attachment, UnsendableError, WebhookRequest

SUBJECT, MESSAGE_ID = "Subject", "Message-ID"
"""Headers that every mail has from its renderer."""
_SEVEN_BIT = SMTP.clone(cte_type="7bit")  # what every server takes
MOST_ATTACHING = 4
"""Mails with attachments that are sent at a time: one may take some 20 MB of memory."""


class _Posted(NamedTuple):
    recipient: str
    content: bytes


class Smtp:
    """Every mail is taken, or not, within `limit_s`."""

    def __init__(self, server: MailServer, sender: Address, *, limit_s: float) -> None:
        self._server = server
        self._sender = sender
        self._limit_s = limit_s
        self._places = asyncio.Semaphore(MOST_ATTACHING)

    async def send(self, request: WebhookRequest) -> Answer:
        """Status 200, with the server's words, once it has taken the mail over.

        What may be better later is tried again: a 4xx reply (greylisting, a full mailbox) raises OSError; a server that
        cannot be reached, or refuses our login or sender, raises DomainError UNAVAILABLE, which is nobody's but the operator's.
        A 5xx reply to a recipient or to the mail raises UnsendableError: RFC 5321 section 4.2.1 forbids to repeat it. That
        gives up this one mail and no more. It may be the fault of either side, so the endpoint is not held to have failed,
        and no wrong refusal disables it.
        """
        if not request.attachments:
            return await self._delivered(request)
        async with self._place():
            return await self._delivered(request)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """One of those for mails with attachments. It is waited for so briefly that the deliverer's lease does not end."""
        try:
            async with asyncio.timeout(self._limit_s / 2):
                await self._places.acquire()
        except TimeoutError as exc:
            raise _away(f"it was busy with {MOST_ATTACHING} other mails with attachments") from exc
        try:
            yield
        finally:
            self._places.release()

    async def _delivered(self, request: WebhookRequest) -> Answer:
        files = [(one, await asyncio.to_thread(one.read)) for one in request.attachments]
        mail = await asyncio.to_thread(_posted, request, self._sender, files)
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._sent(mail)
        except TimeoutError as exc:
            raise _away(f"no answer within {self._limit_s:g} seconds") from exc
        except aiosmtplib.SMTPRecipientsRefused as exc:
            raise _refusal(exc.recipients[0].code, exc.recipients[0].message) from exc
        except aiosmtplib.SMTPDataError as exc:
            raise _refusal(exc.code, exc.message) from exc
        except aiosmtplib.SMTPNotSupported as exc:
            raise UnsendableError(f"the mail server cannot take this mail: {exc.message}") from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _away(_words(exc)) from exc

    async def check(self) -> None:
        """Connect, and log in where there is a password. Raises DomainError UNAVAILABLE, which says why not."""
        try:
            async with asyncio.timeout(self._limit_s), self._client():
                pass
        except TimeoutError as exc:
            raise _away(f"no answer within {self._limit_s:g} seconds") from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _away(_words(exc)) from exc

    async def _sent(self, mail: _Posted) -> Answer:
        async with self._client() as client:
            _, reply = await client.sendmail(self._sender.addr_spec, mail.recipient, mail.content)
        return Answer(200, {}, reply.encode())

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host, port=server.port, username=server.user, password=server.password,
            use_tls=server.tls_first, start_tls=server.start_tls, timeout=self._limit_s,
            local_hostname=self._sender.domain,
        )  # fmt: skip


def _posted(request: WebhookRequest, sender: Address, files: Iterable[tuple[Attachment, bytes]]) -> _Posted:
    """With a large file this takes a third of a second."""
    message = composed(request, sender, datetime.now(UTC), files)
    recipient = message["To"].addresses[0].addr_spec
    return _Posted(recipient, message.as_bytes())


def composed(
    request: WebhookRequest, sender: Address, now: datetime, files: Iterable[tuple[Attachment, bytes]] = ()
) -> EmailMessage:
    """The mail of a request that was made for a mailto: address. Raises UnsendableError for one that was not.

    files: its attachments, as they were read. Headers can hold nothing but one line: EmailMessage refuses any other.
    """
    if not {SUBJECT, MESSAGE_ID} <= request.headers.keys() or request.body is None:
        raise UnsendableError("only endpoints of the form mail are told by e-mail")
    message = EmailMessage(policy=_SEVEN_BIT)
    try:
        message["From"] = sender
        message["To"] = Address(addr_spec=request.address.removeprefix(MAIL))
        message["Date"] = format_datetime(now)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
        _add(message, request.headers)
        message.set_content(request.body.decode())
        for one, content in files:
            kind, _, subtype = one.content_type.partition("/")
            message.add_attachment(content, maintype=kind, subtype=subtype, filename=one.name)
    except (ValueError, HeaderParseError, IndexError) as exc:
        raise UnsendableError(f"this is no e-mail: {exc}") from exc
    return message


def _add(message: EmailMessage, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        message[name] = value


def _refusal(code: int, words: str) -> Exception:
    text = f"the mail server answered {code} {_one_line(words)}"
    return UnsendableError(text) if code >= 500 else OSError(text)


def _away(why: str) -> DomainError:
    return DomainError(ErrorCode.UNAVAILABLE, "mail server", why)


def _words(exc: Exception) -> str:
    if isinstance(exc, aiosmtplib.SMTPResponseException):
        return f"it answered {exc.code} {_one_line(exc.message)}"
    return _one_line(str(exc)) or type(exc).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())
