"""Writes the private folder that our own Asterisk runs in. The files are the templates of `conf/`, filled in.

Nothing listens beyond loopback but SIP and RTP. The folder holds secrets, so only its owner can enter it.
"""

from __future__ import annotations

import os
import re
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ringtrail.engines.asterisk.install import AsteriskInstall
from ringtrail.engines.asterisk.modules import MODULES

USER = "ringtrail"
"""The user name on ARI and AMI, and the name of our Stasis application."""

FLIGHT_RECORDER_FILE = "log/flight-recorder.jsonl"
"""Under AsteriskSettings.folder."""

_NUMBER_PATTERNS = ("_[+0-9]!", "_[a-zA-Z*#][a-zA-Z0-9*#]!")

_WANTED_FILES = 65_536  # eight descriptors a call

_RING_TONES = {
    "AT": "420/1000,0/5000", "AU": "413+438/400,0/200,413+438/400,0/2000", "BE": "425/1000,0/3000",
    "CA": "440+480/2000,0/4000", "CH": "425/1000,0/4000", "DE": "425/1000,0/4000", "ES": "425/1500,0/3000",
    "FR": "440/1500,0/3500", "GB": "400+450/400,0/200,400+450/400,0/2000", "IE": "400+450/400,0/200,400+450/400,0/2000",
    "IT": "425/1000,0/4000", "LU": "425/1000,0/4000", "NL": "425/1000,0/4000",
    "NZ": "400+450/400,0/200,400+450/400,0/2000", "PT": "425/1000,0/5000", "SE": "425/1000,0/5000",
    "US": "440+480/2000,0/4000",
}  # fmt: skip
"""Ringback by country, ITU-T E.180 supplement 2: frequencies in Hz / milliseconds."""

_RING_TONE_ELSEWHERE = "425/1000,0/4000"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskSettings:
    """What differs between our Asterisk nodes. Ports are for 127.0.0.1, except SIP's and RTP's."""

    node: str  # letters, digits, hyphens: it starts every channel id
    folder: Path
    recordings_folder: Path
    sip_host: str
    sip_port: int
    rtp_first: int
    rtp_last: int
    ari_port: int
    ami_port: int
    ari_secret: str
    ami_secret: str
    trunk_sources: tuple[str, ...]  # addresses or networks
    trunk_peer: str  # host:port
    sip_public_host: str = ""  # our address outside the NAT; empty: there is none
    realm: str = "ringtrail"  # in whose name phones are asked for their password
    country: str = "FR"  # ISO 3166-1 alpha-2, for tones
    rtp_timeout_s: int = 300  # a leg whose far end sends no sound for so long is ended

    def __post_init__(self) -> None:
        """Refuse what would break out of its line of a configuration file."""
        if not re.fullmatch(r"[A-Za-z0-9-]{1,32}", self.node):
            raise ValueError(f"node must be 1 to 32 letters, digits and hyphens, not {self.node!r}")
        words = (str(self.folder), str(self.recordings_folder), self.sip_host, self.ari_secret, self.ami_secret)
        for word in (*words, self.trunk_peer, *self.trunk_sources, self.sip_public_host or "none", self.realm):
            if not word or re.search(r"[;,\[\]\n\r\"$]", word):
                raise ValueError(f"{word!r} cannot be written into Asterisk's configuration")

    @property
    def flight_recorder(self) -> Path:
        return self.folder / FLIGHT_RECORDER_FILE


def write_configuration(install: AsteriskInstall, settings: AsteriskSettings) -> list[str]:
    """Make the folder and its files; the command that runs Asterisk on them in the foreground. Can be repeated."""
    folder = settings.folder.resolve()
    settings.recordings_folder.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in ("etc", "run", "log/cel-custom", "spool/tmp", "lib", "db", "keys/keys", "agi"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, text in configuration_files(install, settings).items():
        _write_private(folder / "etc" / name, text)
    _link(folder / "spool/recording", settings.recordings_folder.resolve())
    return [*install.binary_command, "-f", "-C", str(folder / "etc/asterisk.conf")]


def configuration_files(install: AsteriskInstall, settings: AsteriskSettings) -> dict[str, str]:
    """{file name: text}"""
    templates = Environment(  # noqa: S701 - not HTML
        loader=PackageLoader("ringtrail.engines.asterisk", "conf"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    values = _values(install, settings)
    return {name: templates.get_template(name).render(values) for name in templates.list_templates()}


def _values(install: AsteriskInstall, settings: AsteriskSettings) -> dict[str, Any]:
    values = {name: getattr(settings, name) for name in AsteriskSettings.__dataclass_fields__}
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return values | {
        "folder": settings.folder.resolve(),
        "install": install,
        "modules": MODULES,
        "app": USER,
        "patterns": _NUMBER_PATTERNS,
        "ari_user": USER,
        "ami_user": USER,
        "flight_recorder": settings.folder.resolve() / FLIGHT_RECORDER_FILE,
        "max_files": _WANTED_FILES if hard_limit == resource.RLIM_INFINITY else min(_WANTED_FILES, hard_limit),
        "ring_tone": _RING_TONES.get(settings.country, _RING_TONE_ELSEWHERE),
    }


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    path.chmod(0o600)


def _link(link: Path, target: Path) -> None:
    """ARI records into its spool folder only; that folder is our recordings folder."""
    if link.is_symlink():
        link.unlink()
    link.symlink_to(target, target_is_directory=True)
