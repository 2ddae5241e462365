"""What the children say: each line to our standard output in the chosen log format, and to a bounded file per child."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from ringtrail.logs import redacted_text, renderer

_MAX_LINE = 64 * 1024
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FOREIGN_LEVEL = re.compile(r"(?:^|\] )(WARNING|ERROR|FATAL|PANIC)\b")  # as PostgreSQL and as Asterisk write them
_FILE_BYTES = 10 * 1024 * 1024
_FILES_KEPT = 4


class BoundedFile:
    """A log file that moves to `.1`, `.2` ... when it is full. A full disk costs lines, never the process."""

    def __init__(self, path: Path, *, max_bytes: int = _FILE_BYTES, kept: int = _FILES_KEPT) -> None:
        self._path, self._max_bytes, self._kept = path, max_bytes, kept

    def write(self, line: str) -> None:
        try:
            if self._path.exists() and self._path.stat().st_size > self._max_bytes:
                self._rotate()
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:
            return

    def _rotate(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))


class Output:
    """One child's lines. `tail` keeps the last ones, to show when it would not start.

    Our own programs' lines pass as they are. Those of PostgreSQL and Asterisk are put into our format; their routine
    remarks count as `debug`, so that they are in the file always and on standard output only at that level.
    """

    def __init__(self, name: str, folder: Path, *, log_format: str, log_level: str, foreign: bool) -> None:
        self._name = name
        self._file = BoundedFile(folder / f"{name}.log")
        self._render = renderer(log_format)
        self._shows_routine = log_level == "debug"
        self._foreign = foreign
        self.tail: deque[str] = deque(maxlen=12)

    async def pump(self, stream: asyncio.StreamReader) -> None:
        """Read until the child closes its end. Lines longer than 64 KiB come in pieces."""
        rest = b""
        while chunk := await stream.read(_MAX_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._line(line)
            if len(rest) > _MAX_LINE:
                self._line(rest)
                rest = b""
        if rest:
            self._line(rest)

    def _line(self, raw: bytes) -> None:
        text = _TERMINAL_CODES.sub("", raw.decode("utf-8", "replace")).rstrip()
        if not text:
            return
        self.tail.append(text)
        if not self._foreign:
            self._file.write(text)
            show(text)
            return
        level = _level(text)
        line = self._translated(text, level)
        self._file.write(line)
        if level != "debug" or self._shows_routine:
            show(line)

    def _translated(self, text: str, level: str) -> str:
        now = datetime.now(UTC).isoformat()
        event = {"event": redacted_text(text), "level": level, "timestamp": now, "process": self._name}
        return str(self._render(None, level, event))


def _level(text: str) -> str:
    found = _FOREIGN_LEVEL.search(text)
    if found is None or "database system is starting up" in text:  # what PostgreSQL tells our own probe
        return "debug"
    return "warning" if found[1] == "WARNING" else "error"


def show(text: str) -> None:
    """Print, unless whoever read our output has gone."""
    try:
        print(text, flush=True)
    except (BrokenPipeError, ValueError):
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115 - stays open: everything printed later goes there
