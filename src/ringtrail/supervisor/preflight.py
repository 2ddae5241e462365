"""Is everything there that a start needs? Each complaint says what is wrong and what to do about it."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ringtrail.config import Settings

MIN_DATA_BYTES = 300 * 1024 * 1024
MIN_ASTERISK_BYTES = 700 * 1024 * 1024


class PreflightError(Exception):
    """All complaints, one a line."""


@dataclass(frozen=True, slots=True)
class Port:
    what: str
    key: str  # of the setting
    host: str
    port: int
    kind: socket.SocketKind = socket.SOCK_STREAM

    @property
    def protocol(self) -> str:
        return "TCP" if self.kind == socket.SOCK_STREAM else "UDP"


def check(settings: Settings) -> None:
    """Raises PreflightError."""
    complaints = [*_system(), *_folders(settings), *port_complaints(settings)]
    if complaints:
        raise PreflightError("\n".join(complaints))


def ports_of(settings: Settings) -> list[Port]:
    """What `ringtrail up` will listen on with these settings."""
    ports = [Port("the web server", "http_port", settings.http_host, settings.http_port)]
    if not settings.ari_url:
        ports += [
            Port("SIP", "sip_port", settings.sip_host, settings.sip_port, socket.SOCK_DGRAM),
            Port("Asterisk's ARI", "ari_port", "127.0.0.1", settings.ari_port),
            Port("Asterisk's AMI", "ami_port", "127.0.0.1", settings.ami_port),
        ]
    return ports


def port_complaints(settings: Settings) -> Iterator[str]:
    taken: dict[tuple[socket.SocketKind, int], Port] = {}
    for port in ports_of(settings):
        other = taken.setdefault((port.kind, port.port), port)
        if other is not port:
            yield f"{port.what} and {other.what} are both set to port {port.port}; change {_variable(port.key)}"
            continue
        if complaint := port_complaint(port):
            yield complaint
    if not settings.ari_url:
        yield from _rtp(settings)


def port_complaint(port: Port) -> str | None:
    """Why we cannot listen there, in words; None if we can."""
    try:
        family, _, _, _, address = socket.getaddrinfo(port.host, port.port, type=port.kind)[0]
        with socket.socket(family, port.kind) as probe:
            if port.kind == socket.SOCK_STREAM:  # like the servers do: old connections in TIME_WAIT do not count
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return None
    except OSError as exc:
        return _worded(port, exc)


def _worded(port: Port, exc: OSError) -> str:
    where = f"{port.protocol} port {port.port} on {port.host}, for {port.what},"
    if exc.errno == errno.EADDRINUSE:
        owner = port_owner(port)
        by = f"is in use by {owner}" if owner else "is in use by another program"
        free = _free_port(port)
        return f"{where} {by}; stop that one, or choose another port: {_variable(port.key)}={free}"
    if exc.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{where} needs root's rights because it is below 1024; choose a higher one, {_variable(port.key)}=8000, and"
            " put a reverse proxy in front"
        )
    host = _variable(port.key.replace("_port", "_host"))
    if exc.errno == errno.EADDRNOTAVAIL or isinstance(exc, socket.gaierror):
        return f"{port.host}, where {port.what} should listen, is not an address of this machine; correct {host}"
    return f"{where} cannot be opened: {exc.strerror}"


def _free_port(port: Port) -> int:
    for number in range(port.port + 1, min(port.port + 200, 65536)):
        with socket.socket(socket.AF_INET, port.kind) as probe:
            try:
                probe.bind((port.host, number))
            except OSError:
                continue
            return number
    return port.port + 1000


def port_owner(port: Port) -> str | None:
    """`process 123 (command)` of the listener, where we may see it (root sees all, others their own)."""
    inodes = _inodes(port)
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(fd) in wanted for fd in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                return f"process {process.name} ({command[:60]}{'...' if len(command) > 60 else ''})"
        except OSError:
            continue
    return None


def _inodes(port: Port) -> set[str]:
    """Sockets bound to the port; for TCP the listening ones (state 0A). Source: proc(5), /proc/net/tcp."""
    table = "tcp" if port.kind == socket.SOCK_STREAM else "udp"
    found = set()
    for name in (table, f"{table}6"):
        try:
            rows = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for row in (line.split() for line in rows):
            if int(row[1].rpartition(":")[2], 16) == port.port and (table == "udp" or row[3] == "0A"):
                found.add(row[9])
    return found


def _rtp(settings: Settings) -> Iterator[str]:
    low, high = (int(part) for part in settings.rtp_ports.split("-"))
    key = _variable("rtp_ports")
    if not 1024 <= low < high <= 65535:
        yield f"{key}={settings.rtp_ports} is not a range of ports from 1024 to 65535, such as 10000-19999"
    elif high - low < 7:
        yield f"{key}={settings.rtp_ports} is too small: a call needs four ports"
    elif low <= settings.sip_port <= high:
        yield f"the SIP port {settings.sip_port} lies inside {key}={settings.rtp_ports}; move one of them"


def _folders(settings: Settings) -> Iterator[str]:
    wanted = [(Path(settings.data_dir), "data_dir", "the database and recordings", MIN_DATA_BYTES)]
    if not settings.ari_url:
        wanted.append((Path(settings.cache_dir), "cache_dir", "Asterisk", MIN_ASTERISK_BYTES))
    for folder, key, what, least in wanted:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            yield f"the folder {folder.absolute()} for {what} cannot be made: {exc.strerror}; set {_variable(key)}"
            continue
        if not os.access(folder, os.W_OK | os.X_OK):
            yield (
                f"the folder {folder.absolute()} for {what} cannot be written by {_user()}; give it to that user or set"
                f" {_variable(key)} to another one"
            )
        elif key == "data_dir" and shutil.disk_usage(folder).free < least:
            yield f"less than {least // 2**20} MiB are free in {folder.absolute()} for {what}; make room there"


def _system() -> Iterator[str]:
    if platform.system() != "Linux":
        yield f"ringtrail runs on Linux; this is {platform.system()}"


def _user() -> str:
    return "root" if os.geteuid() == 0 else f"user {os.geteuid()}"


def _variable(key: str) -> str:
    return f"RINGTRAIL_{key.upper()}"
