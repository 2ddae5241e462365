"""`ringtrail doctor`: look at a set-up, running or not, and say what is wrong and what to do. It changes nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import aiohttp
import msgspec

from ringtrail.config import ENV_PREFIX, Settings
from ringtrail.engines.asterisk.install import find, speaks_rest_over_websocket
from ringtrail.engines.asterisk.modules import MODULES
from ringtrail.mail.server import server_of
from ringtrail.model.errors import DomainError
from ringtrail.services.vault import Vault, VaultError
from ringtrail.storage.health import DatabaseHealth, WebhookHealth, look, look_at_webhooks
from ringtrail.supervisor import preflight, probes
from ringtrail.supervisor.leftovers import is_running
from ringtrail.supervisor.parts import OLDEST_POSTGRES, postgres_of, running_database, with_parts
from ringtrail.supervisor.postgres import PostgresError

Status = Literal["ok", "warn", "fail"]

OLDEST_ASTERISK = "20.14, 21.9 or 22.4"
_ENOUGH_BYTES = 2 * 1024**3
_MAX_CLOCK_DIFFERENCE_S = 2.0
_RECOUNT_WITHIN_S = 20
_MAIL_WITHIN_S = 5


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One finding."""

    name: str
    status: Status
    found: str
    advice: str = ""  # what to do; empty when all is well


async def examine(settings: Settings, environ: Mapping[str, str] | None = None) -> list[Check]:
    """Every check, in the order in which a person should mend what they find."""
    found = [*_settings(os.environ if environ is None else environ), *_folders(settings), *_ports(settings), _assets()]
    found += _shared_key(settings)
    found += [check async for check in _database(settings)]
    found += [check async for check in _mail_server(settings)]
    found += [check async for check in _asterisk(settings)]
    return found


def _settings(environ: Mapping[str, str]) -> Iterator[Check]:
    known = {ENV_PREFIX + key.upper() for key in Settings.__struct_fields__} | {ENV_PREFIX + "CONFIG"}
    strangers = sorted(name for name in environ if name.startswith(ENV_PREFIX) and name not in known)
    if strangers:
        yield Check(
            name="settings", status="warn", found=f"{', '.join(strangers)} in the environment is not a setting",
            advice="correct its name; `ringtrail config` lists all settings",
        )  # fmt: skip
    else:
        yield Check(name="settings", status="ok", found="all values can be used")


def _folders(settings: Settings) -> Iterator[Check]:
    for name, folder in (("data folder", settings.data), ("recordings folder", settings.recordings_dir)):
        if not folder.exists():
            yield Check(name=name, status="ok", found=f"{folder} is not there yet; `ringtrail up` makes it")
        elif not os.access(folder, os.W_OK | os.X_OK):
            yield Check(
                name=name, status="fail", found=f"{folder} cannot be written by this user",
                advice=f"give it to the user that runs ringtrail: chown -R USER {folder}",
            )  # fmt: skip
        else:
            yield Check(name=name, status="ok", found=f"{folder} can be written")
    yield _disk(settings.data)


def _disk(data: Path) -> Check:
    place = next(folder for folder in (data, *data.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / 1024**3:.1f} GiB free in {place}"
    if free >= _ENOUGH_BYTES:
        return Check(name="disk", status="ok", found=found)
    status: Status = "fail" if free < preflight.MIN_DATA_BYTES else "warn"
    return Check(name="disk", status=status, found=found, advice="make room, or move the data folder")


def _ports(settings: Settings) -> Iterator[Check]:
    if is_running(settings.data):
        yield Check(name="ports", status="ok", found="ringtrail runs with this data folder and holds its ports")
        return
    complaints = list(preflight.port_complaints(settings))
    for complaint in complaints:
        what, _, advice = complaint.partition("; ")
        yield Check(name="ports", status="fail", found=what, advice=advice)
    if not complaints:
        numbers = ", ".join(f"{port.protocol} {port.port}" for port in preflight.ports_of(settings))
        yield Check(name="ports", status="ok", found=f"free: {numbers}")


def _assets() -> Check:
    folder = Path(__file__).parents[1] / "dashboard" / "static"
    if folder.is_dir() and any(folder.iterdir()):
        return Check(name="web assets", status="ok", found=f"built in {folder}")
    return Check(
        name="web assets", status="fail", found=f"{folder} is empty: pages have no style and no code",
        advice="`make assets` builds them (it needs Node.js 20 and npm)",
    )  # fmt: skip


async def _database(settings: Settings) -> AsyncIterator[Check]:
    if not settings.database_url and not (postgres_of(settings).folder / "data").exists():
        yield Check(name="PostgreSQL", status="ok", found="no database yet; `ringtrail up` makes it")
        return
    try:
        with running_database(settings) as complete:
            health = await asyncio.to_thread(look, complete.database_url)
            for check in (
                _version(health),
                _schema(health),
                _clock(health),
                _outbound(health),
                _phones(health, settings),
            ):
                yield check
            if health.revision == health.newest_revision:
                yield await _rollups(complete)
                webhooks = await asyncio.to_thread(look_at_webhooks, complete.database_url)
                for check in (_endpoints(webhooks), _secret_key(webhooks, complete), *_mails(webhooks, settings)):
                    yield check
    except (ConnectionError, PostgresError) as exc:
        what = "set RINGTRAIL_DATABASE_URL right" if settings.database_url else "see the file logs/postgres.log"
        yield Check(name="PostgreSQL", status="fail", found=str(exc), advice=f"start the server, or {what}")


def _version(health: DatabaseHealth) -> Check:
    major = health.server_version // 10_000
    if major >= OLDEST_POSTGRES:
        return Check(name="PostgreSQL", status="ok", found=f"version {major} answers")
    return Check(
        name="PostgreSQL", status="fail", found=f"version {major} is too old",
        advice=f"use {OLDEST_POSTGRES} or newer, or unset RINGTRAIL_DATABASE_URL to use our own",
    )  # fmt: skip


def _schema(health: DatabaseHealth) -> Check:
    if health.revision == health.newest_revision:
        return Check(name="schema", status="ok", found=f"revision {health.revision}, the newest")
    found = f"revision {health.revision or 'none'}, the newest is {health.newest_revision}"
    return Check(
        name="schema", status="fail", found=found, advice="`ringtrail migrate` (`ringtrail up` does it itself)"
    )


def _clock(health: DatabaseHealth) -> Check:
    difference = abs((datetime.now(UTC) - health.now).total_seconds())
    found = f"{difference:.1f} s from PostgreSQL's"
    if difference <= _MAX_CLOCK_DIFFERENCE_S:
        return Check(name="clock", status="ok", found=found)
    return Check(
        name="clock", status="warn", found=found, advice="synchronise both machines (NTP); call times mix clocks"
    )


def _outbound(health: DatabaseHealth) -> Check:
    if health.free_callers:
        return Check(
            name="outbound allow-list", status="warn", found=f"may dial any number: {', '.join(health.free_callers)}",
            advice="give those accounts the prefixes they need, such as +33: a stolen key costs that much less",
        )  # fmt: skip
    found = "every account is limited to its prefixes"
    if health.mute_accounts:
        found += f"; {health.mute_accounts} may dial nothing"
    return Check(name="outbound allow-list", status="ok", found=found)


def _phones(health: DatabaseHealth, settings: Settings) -> Check:
    if health.subscribers and health.registrar is False:
        return Check(
            name="SIP phones", status="warn", found=f"the phones of {health.subscribers} subscribers cannot register: the"
            " Asterisk is not ours to configure",
            advice="unset RINGTRAIL_ARI_URL to use our own, or delete them, so that nobody counts on them",
        )  # fmt: skip
    if health.registrar is False:
        return Check(name="SIP phones", status="ok", found="none; there is no registrar for any")
    where = f"udp {settings.sip_host}:{settings.sip_port}, domain {settings.domain}"
    return Check(
        name="SIP phones", status="ok", found=f"{health.subscribers} subscribers; phones register with {where}"
    )


async def _rollups(settings: Settings) -> Check:
    from ringtrail import app

    try:
        differences = await asyncio.wait_for(app.recount(settings, False), _RECOUNT_WITHIN_S)
    except TimeoutError:
        return Check(
            name="rollups", status="warn", found=f"too many calls to recount within {_RECOUNT_WITHIN_S} s",
            advice="`ringtrail recount` takes the time it needs",
        )  # fmt: skip
    if not differences:
        return Check(name="rollups", status="ok", found="equal a recount of the calls")
    found = f"{differences} rows differ from a recount of the calls"
    return Check(name="rollups", status="fail", found=found, advice="`ringtrail recount --rebuild` counts them again")


def _endpoints(health: WebhookHealth) -> Check:
    found = (
        f"{health.enabled} enabled, {health.failing} of them failing; {health.disabled} disabled because they failed"
    )
    if health.overdue_since:
        return Check(
            name="webhooks", status="warn", found=f"{found}; something waits since {health.overdue_since:%Y-%m-%d %H:%MZ}",
            advice="see that `ringtrail work` runs; where it does, raise RINGTRAIL_WORKERS",
        )  # fmt: skip
    if health.failing or health.disabled:
        advice = "`ringtrail webhooks list` and `log --failed` say which and why, `enable` tells one what it missed"
        return Check(name="webhooks", status="warn", found=found, advice=advice)
    return Check(name="webhooks", status="ok", found=found)


def _secret_key(health: WebhookHealth, settings: Settings) -> Check:
    lost = sum(not _opens(sealed, Vault(settings.secret_key)) for sealed in health.sealed)
    if lost:
        return Check(
            name="secret key", status="fail", found=f"the secrets of {lost} endpoints were kept under another key",
            advice="set RINGTRAIL_SECRET_KEY to the key of the process that keeps them, or add theirs after a comma",
        )  # fmt: skip
    return Check(
        name="secret key", status="ok", found=f"opens the secrets of all {len(health.sealed)} endpoints that have any"
    )


def _opens(sealed: bytes, vault: Vault) -> bool:
    try:
        vault.open(sealed)
    except VaultError:
        return False
    return True


def _shared_key(settings: Settings) -> Iterator[Check]:
    """With somebody else's database, other machines may work on it: they need the very same key."""
    if settings.database_url and not settings.secret_key:
        yield Check(
            name="shared key", status="warn", found="the key to endpoints' secrets is in this data folder only",
            advice="if other machines use this database, give all of them the same RINGTRAIL_SECRET_KEY",
        )  # fmt: skip


def _mails(health: WebhookHealth, settings: Settings) -> Iterator[Check]:
    if health.by_mail and not settings.smtp_url:
        yield Check(
            name="e-mail", status="fail", found=f"{health.by_mail} endpoints want e-mails, and no mail server is set up",
            advice="set RINGTRAIL_SMTP_URL and RINGTRAIL_MAIL_FROM, or remove these endpoints (and from apps, whose voicemails go there)",
        )  # fmt: skip


async def _mail_server(settings: Settings) -> AsyncIterator[Check]:
    from ringtrail import app

    smtp = app.smtp(settings, limit_s=_MAIL_WITHIN_S)
    if smtp is None:
        return
    where = server_of(settings.smtp_url)
    try:
        await smtp.check()
    except DomainError as exc:
        yield Check(
            name="mail server", status="fail", found=f"{where.host} port {where.port}: {exc.detail}",
            advice="correct RINGTRAIL_SMTP_URL, or mend that server; mails wait meanwhile, for three days",
        )  # fmt: skip
    else:
        yield Check(name="mail server", status="ok", found=f"{where.host} port {where.port} takes mail from us")


async def _asterisk(settings: Settings) -> AsyncIterator[Check]:
    if not settings.ari_url:
        yield await asyncio.to_thread(_installed, settings)
        if not is_running(settings.data):
            return
    async for check in _ari(with_parts(settings).ari_url, external=bool(settings.ari_url)):
        yield check


def _installed(settings: Settings) -> Check:
    install = find(Path(settings.cache_dir))
    if install is not None:
        return Check(name="Asterisk", status="ok", found=f"version {install.version}, {install.binary_command[-1]}")
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        return Check(name="Asterisk", status="ok", found="none yet; `ringtrail up` fetches it (about 93 MiB)")
    return Check(
        name="Asterisk", status="fail", found="there is none, and no apt-get to fetch it",
        advice="install Asterisk 22, or name one with RINGTRAIL_ARI_URL",
    )  # fmt: skip


async def _ari(url: str, *, external: bool) -> AsyncIterator[Check]:
    mend = "correct RINGTRAIL_ARI_URL or start that Asterisk" if external else "see the file logs/asterisk.log"
    try:
        status, body = await probes.get(probes.ari(url, "asterisk/info"))
        if status != 200:
            yield Check(name="ARI", status="fail", found=f"answers with status {status}", advice=mend)
            return
        version = str(msgspec.json.decode(body)["system"]["version"])
        _, modules = await probes.get(probes.ari(url, "asterisk/modules"))
    except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError, KeyError) as exc:
        yield Check(name="ARI", status="fail", found=f"does not answer: {str(exc) or type(exc).__name__}", advice=mend)
        return
    yield _ari_version(version)
    yield _modules(modules)


def _ari_version(version: str) -> Check:
    if speaks_rest_over_websocket(version):
        return Check(name="ARI", status="ok", found=f"Asterisk {version} answers")
    return Check(
        name="ARI", status="fail", found=f"Asterisk {version} takes no commands over its events WebSocket",
        advice=f"use {OLDEST_ASTERISK}, or newer",
    )  # fmt: skip


def _modules(body: str) -> Check:
    loaded = {item["name"].removesuffix(".so") for item in msgspec.json.decode(body) if item["status"] == "Running"}
    missing = sorted(set(MODULES) - loaded)
    if not missing:
        return Check(name="Asterisk modules", status="ok", found=f"all {len(MODULES)} run")
    found = f"not loaded: {', '.join(missing[:6])}" + (" ..." if len(missing) > 6 else "")
    return Check(
        name="Asterisk modules", status="warn", found=found, advice="load them in that Asterisk's modules.conf"
    )
