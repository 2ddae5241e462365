"""Where Asterisk comes from: the machine, our cache, or Debian sid unpacked into our cache.

Debian stable has no Asterisk, so sid's is fetched with a private apt state and unpacked with `dpkg-deb -x`: no root, no
maintainer scripts, the machine's packages stay as they are. Signatures are checked. The binary is started through the
prefix's own dynamic loader, so the machine's C library does not matter.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ringtrail.engines.asterisk.modules import MODULES

Progress = Callable[[str], None]

_PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_APT_FOLDER = Path("/etc/apt")
_PRUNED = ("doc", "man", "locale", "info", "lintian", "bash-completion", "perl", "fonts", "zoneinfo")
_WHAT_TO_DO = "Install Asterisk 22.4 or newer so that `asterisk` is on PATH, or name one that runs elsewhere with RINGTRAIL_ARI_URL."


class InstallError(Exception):
    """No usable Asterisk; the message says what was tried and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskInstall:
    """An Asterisk that can be started: `binary_command` followed by Asterisk's own arguments."""

    binary_command: tuple[str, ...]
    modules_dir: Path
    sounds_dir: Path  # has en/beep.wav
    version: str

    @property
    def data_dir(self) -> Path:
        """Asterisk's `astdatadir`: sounds, documentation (its configuration parser needs it) and ARI schemas."""
        return self.sounds_dir.parent


def find_or_fetch(cache_dir: Path, progress: Progress = lambda _: None) -> AsteriskInstall:
    """The machine's Asterisk if it will do, else the cached one, else sid's. Blocks: half a minute when it must fetch.

    Raises InstallError.
    """
    cache_dir = cache_dir.resolve()
    install = find(cache_dir, progress)
    if install is not None:
        return install
    cache_dir.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(cache_dir):
        return _cached(cache_dir) or _fetch(cache_dir, progress)


def find(cache_dir: Path, progress: Progress = lambda _: None) -> AsteriskInstall | None:
    """The machine's Asterisk if it will do, else the cached one; nothing is fetched."""
    return _on_path(progress) or _cached(cache_dir.resolve())


def speaks_rest_over_websocket(version: str) -> bool:
    """ARI commands over the events WebSocket came with 20.14, 21.9 and 22.4."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return major > 22 or minor >= {20: 14, 21: 9, 22: 4}.get(major, 1_000)


def _on_path(progress: Progress) -> AsteriskInstall | None:
    binary = shutil.which("asterisk", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if binary is None:
        return None
    modules = _first(
        Path("/"), "usr/lib/*/asterisk/modules", "usr/lib*/asterisk/modules", "usr/local/lib/asterisk/modules"
    )
    sounds = _first(
        Path("/"), "usr/share/asterisk/sounds", "var/lib/asterisk/sounds", "usr/local/share/asterisk/sounds"
    )
    version = _version((binary,))
    problem = _unfit(version, modules, sounds)
    if problem or modules is None or sounds is None:
        progress(f"{binary} is not used: {problem}")
        return None
    return AsteriskInstall(binary_command=(binary,), modules_dir=modules, sounds_dir=sounds, version=version)


def _unfit(version: str, modules: Path | None, sounds: Path | None) -> str | None:
    """Why an Asterisk cannot be used, or None."""
    if not speaks_rest_over_websocket(version):
        return f"version {version or 'unknown'} is older than 20.14, 21.9 or 22.4"
    missing = [name for name in MODULES if modules is None or not (modules / f"{name}.so").exists()]
    if missing:
        return f"it lacks the modules {', '.join(missing[:5])}"
    if sounds is None or not any((sounds / "en").glob("beep.*")):
        return "it lacks the core sounds (asterisk-core-sounds-en-wav)"
    return None


def _cached(cache_dir: Path) -> AsteriskInstall | None:
    prefixes = sorted(cache_dir.glob("asterisk-*/usr"), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((found for found in map(_in_prefix, (path.parent for path in prefixes)) if found), None)


def _in_prefix(prefix: Path) -> AsteriskInstall | None:
    """The Asterisk in an unpacked tree, if it is whole and runs."""
    modules = _first(prefix, "usr/lib/*/asterisk/modules")
    loader = _first(prefix, "usr/lib/*/ld-linux*.so.*", "usr/lib/ld-linux*.so.*", "lib*/ld-linux*.so.*")
    sounds = prefix / "usr/share/asterisk/sounds"
    if modules is None or loader is None:
        return None
    libraries = modules.parent.parent
    command = (str(loader), "--library-path", str(libraries), str(prefix / "usr/sbin/asterisk"))
    version = _version(command)
    if _unfit(version, modules, sounds):
        return None
    return AsteriskInstall(binary_command=command, modules_dir=modules, sounds_dir=sounds, version=version)


def _fetch(cache_dir: Path, progress: Progress) -> AsteriskInstall:
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise InstallError(f"There is no Asterisk here, and without {tool} none can be fetched. {_WHAT_TO_DO}")
    for leftover in cache_dir.glob("fetching-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="fetching-", dir=cache_dir))
    try:
        return _fetch_in(work, cache_dir, progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fetch_in(work: Path, cache_dir: Path, progress: Progress) -> AsteriskInstall:
    apt = Apt(work / "apt", debian_source())
    progress("Asking Debian sid for Asterisk (apt-get update, private state)")
    apt.run("apt-get", "-qq", "update")
    version = apt.candidate("asterisk")
    progress(f"Downloading Asterisk {version} and what it needs (about 93 MiB)")
    apt.run("apt-get", "-qq", "-y", "--download-only", "install", *_PACKAGES)
    progress("Unpacking (no root, the machine's packages stay as they are)")
    root = work / "root"
    _unpack(apt.archives, root)
    final = cache_dir / f"asterisk-{re.sub(r'[^0-9A-Za-z.+~-]', '_', version)}"
    if final.exists():  # there, but not usable: _cached has looked
        shutil.rmtree(final)
    root.rename(final)
    install = _in_prefix(final)
    if install is None:
        raise InstallError(f"The Asterisk {version} fetched into {final} does not run here. {_WHAT_TO_DO}")
    progress(f"Asterisk {install.version} is ready in {final}")
    return install


def _unpack(archives: Path, root: Path) -> None:
    root.mkdir()
    for package in sorted(archives.glob("*.deb")):
        _run(("dpkg-deb", "-x", str(package), str(root)))
    for name in _PRUNED:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    sounds = root / "usr/share/asterisk/sounds"
    english = _first(sounds, "en_*")
    if english is None:
        raise InstallError(f"The core sounds are missing after unpacking. {_WHAT_TO_DO}")
    if not (sounds / "en").exists():
        (sounds / "en").symlink_to(english.name)  # the package's postinst would do this


class Apt:
    """apt with a state of its own, in a folder, for one suite of one mirror."""

    def __init__(self, folder: Path, source: str) -> None:
        for name in ("state/lists/partial", "cache/archives/partial", "empty.d", "log"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(source)
        self.archives = folder / "cache/archives"
        self._config = folder / "apt.conf"
        self._config.write_text(_APT_CONF.format(folder=folder))

    def run(self, *command: str) -> str:
        return _run(command, {"APT_CONFIG": str(self._config), "LC_ALL": "C"})

    def candidate(self, package: str) -> str:
        """The version that would be installed."""
        match = re.search(r"Candidate: (\S+)", self.run("apt-cache", "policy", package))
        if match is None or match[1] == "(none)":
            raise InstallError(f"Debian sid has no {package} today. {_WHAT_TO_DO}")
        return match[1]


_APT_CONF = """\
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/empty.d";
Dir::Etc::preferencesparts "{folder}/empty.d";
Dir::Log "{folder}/log";
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Get::AllowUnauthenticated "false";
Acquire::Languages "none";
Acquire::Retries "3";
"""


def debian_source(apt_folder: Path = _APT_FOLDER) -> str:
    """A sources.list line for sid on the Debian mirror that this machine uses itself. Raises InstallError.

    A frozen mirror's sid is past its Valid-Until, so that date is not checked; signatures are.
    """
    for uri, keyring in _sources(apt_folder):
        if re.search(r"/debian/?$", uri):
            signed_by = keyring if keyring and Path(keyring).is_file() else str(_KEYRING)
            return f"deb [signed-by={signed_by} check-valid-until=no] {uri.rstrip('/')} sid main\n"
    raise InstallError(
        f"There is no Asterisk here, and no Debian mirror in {apt_folder} to fetch it from. {_WHAT_TO_DO}"
    )


def _sources(apt_folder: Path) -> Iterator[tuple[str, str | None]]:
    """(URI, keyring) of every package source, deb822 and one-line."""
    parts = apt_folder / "sources.list.d"
    for path in sorted(parts.glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^(URIs|Signed-By|Enabled): *(\S.*?) *$", stanza, re.MULTILINE))
            if fields.get("Enabled", "yes") == "yes":
                yield from ((uri, fields.get("Signed-By")) for uri in fields.get("URIs", "").split())
    for path in (apt_folder / "sources.list", *sorted(parts.glob("*.list"))):
        text = path.read_text() if path.is_file() else ""
        for options, uri in re.findall(r"^deb +(?:\[([^\]]*)\] +)?(\S+)", text, re.MULTILINE):
            keyring = re.search(r"signed-by=(\S+)", options)
            yield uri, keyring[1] if keyring else None


@contextmanager
def _one_at_a_time(cache_dir: Path) -> Iterator[None]:
    """A second process waits for the first one's fetch. The lock goes with its process."""
    with (cache_dir / "asterisk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _first(folder: Path, *patterns: str) -> Path | None:
    return next((path for pattern in patterns for path in sorted(folder.glob(pattern))), None)


def _version(command: tuple[str, ...]) -> str:
    """`22.10.1`, or empty when the binary does not run."""
    try:
        said = _run((*command, "-V"))
    except InstallError:
        return ""
    match = re.search(r"\d+\.\d+(\.\d+)?", said)
    return match[0] if match else ""


def _run(command: tuple[str, ...], env: dict[str, str] | None = None) -> str:
    """Standard output of a command. Raises InstallError with its last words."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands, no shell
            command, check=False, capture_output=True, text=True, timeout=1800, env={**os.environ, **(env or {})}
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise InstallError(f"{command[0]} could not be run: {exc}. {_WHAT_TO_DO}") from exc
    if done.returncode != 0:
        last_words = (done.stderr or done.stdout).strip()[-800:]
        raise InstallError(f"`{' '.join(command[:5])}` failed: {last_words}\n{_WHAT_TO_DO}")
    return done.stdout
