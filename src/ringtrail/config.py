"""Typed settings, read once. Every key is here, with its default and its meaning; `docs/reference/configuration.md` is
printed from this (`ringtrail config --markdown`).

Order: environment (`RINGTRAIL_DATA_DIR` ...) over file (`ringtrail.toml`, or the one named by `RINGTRAIL_CONFIG`) over
default.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from ringtrail.mail.server import mailbox, server_of

ENV_PREFIX = "RINGTRAIL_"


class ConfigError(Exception):
    """A setting that cannot be used; the message names it and says what is expected."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    data_dir: Annotated[
        str, Meta(description="Folder of everything that lasts: database, recordings, media, logs.")
    ] = "var"
    cache_dir: Annotated[
        str,
        Meta(description="Folder for what can be fetched again: the private Asterisk. Shared between data folders."),
    ] = ".cache"
    database_url: Annotated[
        str, Meta(description="PostgreSQL 15 or newer to use. Empty: ringtrail starts its own in the data folder.")
    ] = ""
    ari_url: Annotated[
        str,
        Meta(
            description="ARI of an Asterisk 20.14, 21.9, 22.4 or newer to use, `http://user:password@host:8088`."
            " Empty: ringtrail fetches and starts its own."
        ),
    ] = ""
    ami_url: Annotated[
        str,
        Meta(
            description="AMI of the same external Asterisk, `tcp://user:password@host:5038`, for recordings in step"
            " with each leg. Empty: calls through an external Asterisk are recorded mixed only."
        ),
    ] = ""
    http_host: Annotated[str, Meta(description="Address that the web server listens on.")] = "127.0.0.1"
    http_port: Annotated[int, Meta(ge=1, le=65535, description="Port of the web server.")] = 8000
    public_url: Annotated[
        str,
        Meta(description="How browsers and API clients reach us, without a trailing slash. Empty: from host and port."),
    ] = ""
    dialect_hosts: Annotated[
        str,
        Meta(
            description="Host names that speak one dialect only, `optico=www.example.org,callr=api.example.org`."
            " Every dialect answers under its own path on every other host."
        ),
    ] = ""
    sip_host: Annotated[str, Meta(description="Address that our own Asterisk listens on for SIP and RTP.")] = (
        "127.0.0.1"
    )
    sip_public_host: Annotated[
        str,
        Meta(
            description="Address under which the world reaches `sip_host` when there is NAT in between: named in SIP and"
            " SDP to everybody outside the private networks. Empty: there is none."
        ),
    ] = ""
    sip_port: Annotated[int, Meta(ge=1, le=65535, description="UDP port for SIP.")] = 5060
    rtp_ports: Annotated[str, Meta(pattern=r"^\d+-\d+$", description="UDP ports for sound, two a leg.")] = "10000-19999"
    ari_port: Annotated[int, Meta(ge=1, le=65535, description="Loopback port for the ARI of our own Asterisk.")] = 8088
    ami_port: Annotated[int, Meta(ge=1, le=65535, description="Loopback port for the AMI of our own Asterisk.")] = 5038
    trunk_sources: Annotated[
        str,
        Meta(
            description="Addresses or networks that may send us calls, comma list. Every other sender is challenged and"
            " reaches nothing."
        ),
    ] = "127.0.0.1"
    trunk_peer: Annotated[
        str, Meta(description="host:port of the SIP trunk that outbound legs go to. The demo's phone listens here.")
    ] = "127.0.0.1:5080"
    node: Annotated[
        int,
        Meta(
            ge=0, le=30, description="Number of this controller and its Asterisk. Unique among nodes on one database."
        ),
    ] = 0
    default_country: Annotated[
        str, Meta(pattern=r"^[A-Z]{2}$", description="Country whose national numbers the trunk sends, ISO 3166-1.")
    ] = "FR"
    sms_transport: Annotated[
        str,
        Meta(
            pattern="^(loopback)$",
            description="What carries text messages. `loopback`: nothing leaves; every message counts as delivered and"
            " arrives at the recipient's number if that is one of ours.",
        ),
    ] = "loopback"
    optico_error_status: Annotated[
        int, Meta(ge=200, le=599, description="HTTP status of Optico errors; the vendor's other APIs answer 200.")
    ] = 200
    invox_national_numbers: Annotated[
        bool, Meta(description="INVOX shows phone numbers in national form instead of E.164.")
    ] = False
    invox_holds_unfinished: Annotated[
        bool, Meta(description="INVOX shows a call only when it has ended; the vendor shows it as `Calling` before.")
    ] = False
    secret_key: Annotated[
        str,
        Meta(
            pattern=r"^(|[!-+\--~]{32,}(,[!-+\--~]{32,})*)$",
            description="Key of at least 32 characters under which the secrets of webhook endpoints are kept and links to"
            " recordings are signed; the same for all processes on one database. Several, comma list: the first is used,"
            " the others still open what they closed. Empty: made once and kept in the data folder.",
        ),
    ] = ""
    egress_allowed_networks: Annotated[
        str,
        Meta(
            description="Networks besides the public internet that webhooks may be sent to, on any port, comma list:"
            " `10.1.2.0/24,fd00::/8`."
        ),
    ] = ""
    webhook_timeout_s: Annotated[
        float, Meta(gt=0, le=60, description="Seconds that a receiver of a webhook, or the mail server, has to answer.")
    ] = 15.0
    webhook_log_days: Annotated[
        int,
        Meta(
            ge=1,
            le=366,
            description="Days for which events, and what became of them, can be looked up and replayed. What still waits"
            " then is forgotten with them, so fewer than 5 days cut the three days of tries short.",
        ),
    ] = 30
    webhook_disable_after_days: Annotated[
        float,
        Meta(
            gt=0,
            le=366,
            description="Days of nothing but failures after which an endpoint is disabled; fractions are allowed.",
        ),
    ] = 5.0
    smtp_url: Annotated[
        str,
        Meta(
            description="Server that takes our e-mails, `smtp://user:password@host:587` (STARTTLS where it is offered;"
            " always, where there is a password and the server is another machine) or `smtps://user:password@host:465`."
            " Special characters of user and password are percent-encoded. Empty: no e-mails."
        ),
    ] = ""
    mail_from: Annotated[
        str,
        Meta(description="Whom our e-mails come from, `ringtrail@example.org` or `Calls <ringtrail@example.org>`."),
    ] = ""
    notice_email: Annotated[
        str,
        Meta(
            description="Who is told by e-mail that an endpoint was disabled, where its account has no e-mail endpoint of"
            " its own for that. Empty: nobody."
        ),
    ] = ""
    workers: Annotated[
        int, Meta(ge=1, le=64, description="Worker processes that `ringtrail up` runs, to send more webhooks at once.")
    ] = 1
    recording_link_days: Annotated[
        int,
        Meta(
            ge=0,
            description="Days after the call for which the link that INVOX's `recording_uri` names opens without a login."
            " 0: as long as there is the recording.",
        ),
    ] = 0
    max_request_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            description="Largest request body that is read; CALLR's uploads, from whoever has credentials, may be larger.",
        ),
    ] = 1_048_576
    log_level: Annotated[
        str, Meta(pattern="^(debug|info|warning|error)$", description="Least level that is logged.")
    ] = "info"
    log_format: Annotated[str, Meta(pattern="^(json|text)$", description="`json` for machines, `text` for people.")] = (
        "json"
    )
    demo: Annotated[bool, Meta(description="Seed a demo account when the database is empty.")] = True

    @property
    def base_url(self) -> str:
        return self.public_url or f"http://{self.http_host}:{self.http_port}"

    @property
    def domain(self) -> str:
        """The host in `base_url`: the domain that phones register with, and for which their passwords are."""
        return urlsplit(self.base_url).hostname or "localhost"

    @property
    def data(self) -> Path:
        return Path(self.data_dir).resolve()

    @property
    def recordings_dir(self) -> Path:
        return self.data / "recordings"

    @property
    def media_dir(self) -> Path:
        return self.data / "media"

    @property
    def hosts(self) -> dict[str, str]:
        """{host name: dialect}"""
        pairs = [part.split("=", 1) for part in self.dialect_hosts.split(",") if "=" in part]
        return {host.strip().lower(): dialect.strip() for dialect, host in pairs}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from file and environment. Raises ConfigError, which names the key."""
    env = os.environ if environ is None else environ
    path = Path(env.get(ENV_PREFIX + "CONFIG", "ringtrail.toml"))
    values: dict[str, Any] = {}
    if path.is_file():
        try:
            values = tomllib.loads(path.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{path}: {exc}") from exc
    elif ENV_PREFIX + "CONFIG" in env:
        raise ConfigError(f"{path} does not exist; {ENV_PREFIX}CONFIG names it")
    known = set(Settings.__struct_fields__)
    for name, value in env.items():
        key = name.removeprefix(ENV_PREFIX).lower()
        if name.startswith(ENV_PREFIX) and key in known:
            values[key] = value
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{path}: unknown setting {unknown[0]!r}")
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"setting {exc}") from exc
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    """What no pattern says. Raises ConfigError."""
    for name, usable in (
        ("egress_allowed_networks", _networks),
        ("smtp_url", server_of),
        ("mail_from", mailbox),
        ("notice_email", mailbox),
    ):
        try:
            if value := getattr(settings, name):
                usable(value)
        except ValueError as exc:
            raise ConfigError(f"setting {name}: {exc}") from exc
    if settings.smtp_url and not settings.mail_from:
        raise ConfigError("setting mail_from is needed with smtp_url: whom our e-mails come from")
    if settings.notice_email and not settings.smtp_url:
        raise ConfigError("setting smtp_url is needed with notice_email: the server that takes our e-mails")


def _networks(text: str) -> None:
    for part in filter(None, (part.strip() for part in text.split(","))):
        ipaddress.ip_network(part)


def reference() -> list[tuple[str, str, str]]:
    """(key, default, meaning) of every setting, in order."""
    hints = get_type_hints(Settings, include_extras=True)
    rows = []
    for info in msgspec.structs.fields(Settings):
        meaning = next((m.description for m in hints[info.name].__metadata__ if m.description), "")
        rows.append((info.name, str(info.default), meaning))
    return rows
