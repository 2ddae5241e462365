"""Where this data folder's own PostgreSQL and Asterisk are: the settings that our other processes get."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from ringtrail.config import ENV_PREFIX, ConfigError, Settings
from ringtrail.engines.asterisk.configure import USER, AsteriskSettings
from ringtrail.logs import redacted_text
from ringtrail.storage.health import look
from ringtrail.supervisor import launch
from ringtrail.supervisor.postgres import EmbeddedPostgres, PostgresError
from ringtrail.supervisor.secrets import Secrets, load_secrets

OLDEST_POSTGRES = 15
_POSTGRES_STARTS_WITHIN_S = 30


def postgres_of(settings: Settings) -> EmbeddedPostgres:
    return EmbeddedPostgres(settings.data / "postgres")


def asterisk_settings(settings: Settings, secrets: Secrets) -> AsteriskSettings:
    """Raises ConfigError, which names what cannot be written into Asterisk's files."""
    try:
        return _asterisk_settings(settings, secrets)
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc


def _asterisk_settings(settings: Settings, secrets: Secrets) -> AsteriskSettings:
    first, last = (int(part) for part in settings.rtp_ports.split("-"))
    return AsteriskSettings(
        node=f"n{settings.node}",
        folder=settings.data / "asterisk",
        recordings_folder=settings.recordings_dir,
        sip_host=settings.sip_host,
        sip_port=settings.sip_port,
        sip_public_host=settings.sip_public_host,
        realm=settings.domain,
        rtp_first=first,
        rtp_last=last,
        ari_port=settings.ari_port,
        ami_port=settings.ami_port,
        ari_secret=secrets.ari_password,
        ami_secret=secrets.ami_password,
        trunk_sources=tuple(part.strip() for part in settings.trunk_sources.split(",") if part.strip()),
        trunk_peer=settings.trunk_peer,
        country=settings.default_country,
    )


def with_parts(settings: Settings) -> Settings:
    """The settings with every URL and key filled in: those of this data folder where none is given."""
    changes: dict[str, str] = {"data_dir": str(settings.data)}
    if not settings.database_url:
        changes["database_url"] = postgres_of(settings).url()
    if not settings.secret_key:
        changes["secret_key"] = load_secrets(settings.data).secret_key
    if not settings.ari_url:
        secrets = load_secrets(settings.data)
        changes["ari_url"] = f"http://{USER}:{secrets.ari_password}@127.0.0.1:{settings.ari_port}"
        changes["ami_url"] = f"tcp://{USER}:{secrets.ami_password}@127.0.0.1:{settings.ami_port}"
    return msgspec.structs.replace(settings, **changes)


def environ_of(settings: Settings) -> dict[str, str]:
    """Our environment with every setting in it, so that a child reads the very same settings."""
    ours: Mapping[str, object] = msgspec.structs.asdict(settings)
    values = {ENV_PREFIX + key.upper(): str(value) for key, value in ours.items()}
    return {**os.environ, **values, "PYTHONUNBUFFERED": "1"}


def check_database(url: str) -> None:
    """Raises PostgresError when nothing answers there or when it is too old."""
    try:
        version = look(url).server_version // 10_000
    except ConnectionError as exc:
        raise PostgresError(
            f"the PostgreSQL of RINGTRAIL_DATABASE_URL does not answer: {redacted_text(str(exc))}; start it, correct the"
            " URL, or unset it to use our own"
        ) from exc
    if version < OLDEST_POSTGRES:
        raise PostgresError(
            f"the PostgreSQL of RINGTRAIL_DATABASE_URL has version {version}; {OLDEST_POSTGRES} or newer is needed"
        )


@contextmanager
def running_database(settings: Settings) -> Iterator[Settings]:
    """Settings whose database answers: one that runs, or our own, started for the length of the block.

    Raises PostgresError.
    """
    complete = with_parts(settings)
    cluster = postgres_of(settings)
    if settings.database_url or cluster.is_ready():
        check_database(complete.database_url)
        yield complete
        return
    cluster.prepare()
    process = subprocess.Popen(  # noqa: S603 - our own binary
        [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), "2", cluster.user or "-", *cluster.command()],
        cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        _wait_for(cluster, process)
        cluster.ensure_database()
        yield complete
    finally:
        process.send_signal(2)
        process.wait(30)


def _wait_for(cluster: EmbeddedPostgres, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _POSTGRES_STARTS_WITHIN_S
    while not cluster.is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise PostgresError(f"the PostgreSQL in {cluster.folder} does not start; `ringtrail up` shows why")
        time.sleep(0.05)
