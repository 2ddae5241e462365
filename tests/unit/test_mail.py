"""E-mail: which server, what a mail looks like, and what becomes of it when the server refuses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace
from email.headerregistry import Address

import pytest

from ringtrail.logs import redacted
from ringtrail.mail import wording
from ringtrail.mail.server import MailServer, mailbox, server_of
from ringtrail.mail.smtp import MOST_ATTACHING, Smtp
from ringtrail.model.cause import Disposition
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.message import MessageStatus
from ringtrail.services.webhooks import Attachment, UnsendableError, WebhookRequest
from tests.postoffice import PostOffice, post_office

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")  # this machine only
SENDER = Address("Calls", addr_spec="calls@example.org")


# --- which server -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host", "port", "tls_first", "start_tls", "user", "password"),
    [
        ("smtp://mail.example.org", "mail.example.org", 587, False, None, None, None),
        ("smtp://me:pass@mail.example.org:2525", "mail.example.org", 2525, False, True, "me", "pass"),
        (
            "smtps://me%40x.org:p%2Fa%40s%3As@mail.example.org",
            "mail.example.org",
            465,
            True,
            False,
            "me@x.org",
            "p/a@s:s",
        ),
        ("smtp://localhost:25", "localhost", 25, False, False, None, None),
        ("smtp://me:pass@[::1]:25", "::1", 25, False, False, "me", "pass"),
    ],
)
def test_a_url_says_where_and_how(
    url: str, host: str, port: int, tls_first: bool, start_tls: bool | None, user: str | None, password: str | None
) -> None:
    server = server_of(url)
    assert server == MailServer(host=host, port=port, tls_first=tls_first, user=user, password=password)
    assert server.start_tls is start_tls


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org", "http://me:s3cret@mail.example.org", "smtp://", "smtp://me:s3cret@", "smtp://me:s3/cret@host",
        "smtp://me@x.org:s3cret@host", "smtp://me:s3cret@host:port", "smtp://me:s3cret@host:0", "smtp://me@host",
        "smtp://me:s3cret@host/path", "smtp://me:s3cret@host?x=1",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"must look like|two @|but not both") as caught:
        server_of(url)
    assert "cret" not in str(caught.value)


def test_a_password_is_in_no_log() -> None:
    url = "smtp://me%40x.org:p%2Fa%40s@mail.example.org:587"
    assert redacted("smtp_url", url) == "smtp://me%40x.org:[redacted]@mail.example.org:587"
    assert "p/a@s" not in repr(server_of(url))


@pytest.mark.parametrize(
    "text", ["", "ops", "ops@", "@example.org", "a@b@c", "ops@example.org\nBcc: x@y.org", "a@b, c@d"]
)
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        mailbox(text)


def test_a_mailbox_may_have_a_name() -> None:
    assert mailbox("Calls, daily <calls@example.org>".replace(",", "")).display_name == "Calls daily"
    assert mailbox("calls@example.org") == Address(addr_spec="calls@example.org")


# --- sending ----------------------------------------------------------------------------------------------------------


def transport(office: PostOffice, *, limit_s: float = 5.0) -> Smtp:
    return Smtp(server_of(office.url), SENDER, limit_s=limit_s)


def request(
    address: str = "mailto:ops@example.org", headers: Mapping[str, str] | None = None, body: str = "Hello\n"
) -> WebhookRequest:
    given = {"Subject": "Grüße", "Message-ID": "<1.AAAAAAAA@example.org>"} | dict(headers or {})
    return WebhookRequest(method="MAIL", address=address, headers=given, body=body.encode())


async def test_a_mail_arrives_as_it_was_written(office: PostOffice) -> None:
    answer = await transport(office).send(request(body="Ein Anruf über 5 €\n.\n-- \nringtrail\n"))
    assert (answer.status, answer.body) == (200, b"2.0.0 kept as 1")
    (mail,) = office.mails
    assert mail["From"] == "Calls <calls@example.org>"
    assert mail["To"] == "ops@example.org"
    assert mail["Subject"] == "Grüße"
    assert mail["Message-ID"] == "<1.AAAAAAAA@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime is not None
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == ["Ein Anruf über 5 €", ".", "-- ", "ringtrail"]
    assert office.recipients == ["ops@example.org"]


async def test_we_log_in_where_the_server_wants_it() -> None:
    async with post_office(login=("me", "p/a@s")) as office:
        good = server_of(f"smtp://me:p%2Fa%40s@127.0.0.1:{office.port}")
        await Smtp(good, SENDER, limit_s=5).send(request())
        assert len(office.mails) == 1
        bad = Smtp(server_of(f"smtp://me:wrong@127.0.0.1:{office.port}"), SENDER, limit_s=5)
        for refused in (bad.send(request()), bad.check(), transport(office).send(request())):
            with pytest.raises(DomainError) as caught:
                await refused
            assert caught.value.code is ErrorCode.UNAVAILABLE
            assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"Subject": "Hello\nBcc: everybody@example.org"}, "mailto:ops@example.org"),
        ({"Subject": "Hello\r\n\r\nNew body"}, "mailto:ops@example.org"),
        ({"X-Ringtrail-Event-Type": "x\rBcc: everybody@example.org"}, "mailto:ops@example.org"),
        ({}, "mailto:ops@example.org\r\nBcc: everybody@example.org"),
        ({}, "mailto:ops@example.org,everybody@example.org"),
        ({}, "mailto:ops"),
        ({}, "mailto:"),
    ],
)
async def test_nothing_that_holds_a_second_line_or_recipient_is_sent(
    office: PostOffice, headers: dict[str, str], address: str
) -> None:
    with pytest.raises(UnsendableError, match="this is no e-mail"):
        await transport(office).send(request(address, headers))
    assert office.tries == 0


async def test_a_request_in_another_dialects_form_is_not_sent_as_a_mail(office: PostOffice) -> None:
    json = WebhookRequest(method="POST", address="mailto:ops@example.org", headers={}, body=b"{}")
    with pytest.raises(UnsendableError, match="form mail"):
        await transport(office).send(json)
    assert office.tries == 0


@pytest.mark.parametrize("code", ["421 too busy", "450 4.2.1 greylisted", "452 4.2.2 mailbox full"])
async def test_what_may_be_better_later_is_tried_again(office: PostOffice, code: str) -> None:
    office.to_recipient = [code]
    with pytest.raises(OSError, match=f"the mail server answered {code[:3]}"):
        await transport(office).send(request())
    office.to_mail = [code]
    with pytest.raises(OSError, match=f"the mail server answered {code[:3]}"):
        await transport(office).send(request())
    assert (await transport(office).send(request())).status == 200


@pytest.mark.parametrize("code", ["550 5.1.1 no such user", "554 5.7.1 refused"])
async def test_what_is_refused_for_good_is_given_up(office: PostOffice, code: str) -> None:
    office.to_recipient = [code]
    with pytest.raises(UnsendableError, match=f"the mail server answered {code}"):
        await transport(office).send(request())
    office.to_mail = [code]
    with pytest.raises(UnsendableError, match=f"the mail server answered {code}"):
        await transport(office).send(request())


async def test_a_server_that_is_away_or_silent_is_the_operators_matter() -> None:
    away = Smtp(server_of("smtp://127.0.0.1:9"), SENDER, limit_s=5)
    with pytest.raises(DomainError, match="mail server"):
        await away.send(request())

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)
        writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0) as server:
        silent = Smtp(server_of(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"), SENDER, limit_s=0.2)
        for waiting in (silent.send(request()), silent.check()):
            with pytest.raises(DomainError, match=r"no answer within 0\.2 seconds"):
                await waiting


async def test_another_machine_is_told_our_password_encrypted_or_not_at_all() -> None:
    """0.0.0.0 leads to this machine, but is not known to be it."""
    async with post_office(login=("me", "s3cret")) as office:
        elsewhere = server_of(f"smtp://me:s3cret@0.0.0.0:{office.port}")
        with pytest.raises(DomainError, match="STARTTLS"):
            await Smtp(elsewhere, SENDER, limit_s=5).send(request())
        assert office.logins == 0


# --- attachments ------------------------------------------------------------------------------------------------------


def attaching(*files: Attachment) -> WebhookRequest:
    return replace(request(), attachments=files)


async def test_a_file_arrives_as_it_was_read(office: PostOffice) -> None:
    content = bytes(range(256)) * 5_000 + b"\r\n.\r\n"
    await transport(office).send(attaching(Attachment("a {1} message.wav", "audio/wav", lambda: content)))
    (mail,) = office.mails
    (part,) = mail.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("a {1} message.wav", "audio/wav")
    assert part.get_content() == content
    words = mail.get_body()
    assert words is not None
    assert words.get_content().splitlines() == ["Hello"]


async def test_few_mails_with_files_are_under_way_at_a_time_and_others_pass_them(office: PostOffice) -> None:
    reading, together, over = 0, [0], threading.Event()

    def read() -> bytes:
        nonlocal reading
        reading += 1
        together.append(reading)
        over.wait(5)
        reading -= 1
        return b"sound"

    smtp, file = transport(office), Attachment("a.wav", "audio/wav", read)
    large = [asyncio.ensure_future(smtp.send(attaching(file))) for _ in range(2 * MOST_ATTACHING)]
    while reading < MOST_ATTACHING:  # noqa: ASYNC110 - they count in threads
        await asyncio.sleep(0.01)
    await smtp.send(request())
    assert len(office.mails) == 1
    over.set()
    await asyncio.gather(*large)
    assert (len(office.mails), max(together)) == (1 + 2 * MOST_ATTACHING, MOST_ATTACHING)


async def test_a_mail_with_files_that_has_to_wait_too_long_is_tried_again(office: PostOffice) -> None:
    over = threading.Event()
    smtp = transport(office, limit_s=0.4)
    file = Attachment("a.wav", "audio/wav", lambda: b"x" * over.wait(5))
    sending = asyncio.gather(*(smtp.send(attaching(file)) for _ in range(MOST_ATTACHING + 1)), return_exceptions=True)
    await asyncio.sleep(0.3)
    over.set()
    *_, refused = await sending
    assert isinstance(refused, DomainError)
    assert (refused.code, refused.detail) == (ErrorCode.UNAVAILABLE, "it was busy with 4 other mails with attachments")
    assert len(office.mails) == MOST_ATTACHING


@pytest.mark.parametrize(
    "fault", [UnsendableError("too long"), DomainError(ErrorCode.UNAVAILABLE, "recording", "away")]
)
async def test_a_file_that_cannot_be_read_is_not_the_mail_servers_fault(office: PostOffice, fault: Exception) -> None:
    def read() -> bytes:
        raise fault

    with pytest.raises(type(fault), match=r"too long|away"):
        await transport(office).send(attaching(Attachment("a.wav", "audio/wav", read)))
    assert office.tries == 0


# --- words ------------------------------------------------------------------------------------------------------------


def test_every_outcome_and_status_has_its_words() -> None:
    assert set(wording.OUTCOMES) == set(Disposition)
    assert set(wording.STATUSES) == set(MessageStatus)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (199, "3 min 19 s"), (3600, "1 h"), (3661, "1 h 1 min 1 s")]
)  # fmt: skip
def test_durations_read_as_people_say_them(seconds: int, words: str) -> None:
    assert wording.duration(seconds) == words


def test_what_a_caller_wrote_turns_no_text_around_and_moves_no_cursor() -> None:
    assert wording.printable("a\x1b[2Jb\u202ec\u2028d\0e\rf") == "a [2Jb c d e f"
    assert wording.printable("👩\u200d💻") == "👩\u200d💻"
    assert wording.subject(" a\n\tb " + "x" * 300) == "a b " + "x" * 145 + "…"
