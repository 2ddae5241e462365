"""Where eSpeak NG comes from, which speaks texts: the machine, our cache, or Debian sid unpacked into our cache, as Asterisk.

It is a program of its own (GPL 3): it is fetched by whoever runs us, from Debian, and no part of us.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from ringtrail.engines.asterisk.install import Apt, InstallError, Progress, debian_source
from ringtrail.sound.espeak import Espeak, find, in_prefix

_AGAIN_AFTER_S = 86_400
_PACKAGE = "espeak-ng"
_PRUNED = ("doc", "doc-base", "man", "locale", "info", "lintian", "vim")


def find_or_fetch(cache_dir: Path, progress: Progress = lambda _: None) -> Espeak | None:
    """Blocks: some seconds when it must fetch. None: it cannot be had here, and nothing is spoken."""
    cache_dir = cache_dir.resolve()
    found = find(cache_dir)
    if found is not None:
        return found
    cache_dir.mkdir(parents=True, exist_ok=True)
    with (cache_dir / "espeak-ng.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return find(cache_dir) or _tried(cache_dir, progress)


def _tried(cache_dir: Path, progress: Progress) -> Espeak | None:
    """Once a day: a start without network must not wait each time."""
    in_vain = cache_dir / "espeak-ng.in-vain"
    if in_vain.exists() and time.time() - in_vain.stat().st_mtime < _AGAIN_AFTER_S:
        return None
    try:
        return _fetch(cache_dir, progress)
    except (InstallError, OSError, subprocess.SubprocessError) as exc:
        in_vain.touch()
        reason = str(exc).splitlines()[0]
        progress(f"no eSpeak NG, so texts cannot be spoken ({reason}); install espeak-ng to have them")
        return None


def _fetch(cache_dir: Path, progress: Progress) -> Espeak | None:
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise InstallError(f"{tool} is not there")
    for leftover in cache_dir.glob("unpacking-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="unpacking-", dir=cache_dir))
    try:
        return _fetch_in(work, cache_dir, progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fetch_in(work: Path, cache_dir: Path, progress: Progress) -> Espeak | None:
    apt = Apt(work / "apt", debian_source())
    apt.run("apt-get", "-qq", "update")
    version = apt.candidate(_PACKAGE)
    progress(f"Downloading eSpeak NG {version} and what it needs (about 21 MiB)")
    apt.run("apt-get", "-qq", "-y", "--download-only", "install", _PACKAGE)
    root = work / "root"
    root.mkdir()
    for package in sorted(apt.archives.glob("*.deb")):
        subprocess.run(("dpkg-deb", "-x", str(package), str(root)), check=True, capture_output=True, timeout=600)  # noqa: S603, S607
    for name in _PRUNED:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    final = cache_dir / f"espeak-ng-{re.sub(r'[^0-9A-Za-z.+~-]', '_', version)}"
    shutil.rmtree(final, ignore_errors=True)  # there, but not usable: we have looked
    root.rename(final)
    return in_prefix(final)
